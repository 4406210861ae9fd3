//! Changes of a device that exists. Each function gives a [`Request`]; none sends it.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkFlags, LinkMessage};
use nix::errno::Errno;

use super::{IFLA_IFALIAS, MacBytes, message, name};
use crate::kernel::{KernelError, NetNs, Netlink, Request, Result};

/// Brings the device up.
pub fn up(index: u32) -> Request {
    flags(index, LinkFlags::Up, "bring up")
}

/// Brings the device down. Its IPv4 routes go with it.
pub fn down(index: u32) -> Request {
    flags(index, LinkFlags::empty(), "bring down")
}

/// Gives the device this Ethernet address.
pub fn set_mac(index: u32, mac: MacBytes) -> Request {
    set(index, LinkAttribute::Address(mac.to_vec()), format!("set the MAC address of device {index}"))
}

/// Makes `mtu` bytes the largest IP packet. The kernel refuses what the device's kind cannot do.
pub fn set_mtu(index: u32, mtu: u32) -> Request {
    set(index, LinkAttribute::Mtu(mtu), format!("set the MTU of device {index} to {mtu}"))
}

/// Puts the device into a group; 0 is the default group.
pub fn set_group(index: u32, group: u32) -> Request {
    set(index, LinkAttribute::Group(group), format!("put device {index} into group {group}"))
}

/// Writes the device's alias; an empty one takes it away.
///
/// # Errors
/// [`KernelError::Invalid`] if it is longer than [`ALIAS_MAX`](super::ALIAS_MAX) bytes or has a zero byte.
pub fn set_alias(index: u32, alias: &str) -> Result<Request> {
    name::check_alias(alias)?;
    // Without the terminating zero: the kernel would keep it as a part of the alias.
    let value = LinkAttribute::Other(DefaultNla::new(IFLA_IFALIAS, alias.as_bytes().to_vec()));
    Ok(set(index, value, format!("set the alias of device {index}")))
}

/// Renames the device. Kernels before 6.2 do so only while it is down.
///
/// # Errors
/// [`KernelError::Invalid`] if no device can have that name.
pub fn rename(index: u32, name: &str) -> Result<Request> {
    name::check(name)?;
    let value = LinkAttribute::IfName(name.to_owned());
    Ok(set(index, value, format!("rename device {index} to '{name}'")))
}

/// Keeps the kernel from giving the device IPv6 addresses by itself when it comes up: then nothing of the host answers
/// or speaks IPv6 on a device that belongs to a guest. "Already so" where IPv6 is not on the device at all.
pub fn without_ipv6_addresses(index: u32) -> Request {
    let family = vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)])];
    set(index, LinkAttribute::AfSpecUnspec(family), format!("turn IPv6 address generation of device {index} off"))
        .settled_by(&[Errno::EAFNOSUPPORT])
}

/// Deletes the device (and a veth's other end with it). "Already so" if there is none.
pub fn delete(index: u32) -> Result<Request> {
    if index == 0 {
        let rule = "device indexes begin with 1";
        return Err(KernelError::Invalid { field: "device index", value: "0".to_owned(), rule });
    }
    let request = RouteNetlinkMessage::DelLink(message(index));
    Ok(Request::new(request, 0, format!("delete device {index}")).settled_by(&[Errno::ENODEV]))
}

/// Deletes the device with this name. "Already so" if there is none.
///
/// # Errors
/// [`KernelError::Invalid`] if no device can have that name.
pub fn delete_named(name: &str) -> Result<Request> {
    name::check(name)?;
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    let request = RouteNetlinkMessage::DelLink(message);
    Ok(Request::new(request, 0, format!("delete device '{name}'")).settled_by(&[Errno::ENODEV]))
}

/// Moves the device to another namespace under the name given. It arrives down and without addresses.
///
/// # Errors
/// [`KernelError::Invalid`] for the name; [`KernelError::Refused`] with `EEXIST` if the name is taken there.
pub fn move_to(netlink: &mut Netlink, index: u32, namespace: &NetNs, name: &str) -> Result<()> {
    name::check(name)?;
    let mut message = message(index);
    message.attributes.push(LinkAttribute::NetNsFd(namespace.as_fd().as_raw_fd()));
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    let what = format!("move device {index} to network namespace {} as '{name}'", namespace.id());
    // Not handed out as a request: it holds a descriptor's number, which must not outlive the descriptor.
    netlink.change(&Request::new(RouteNetlinkMessage::SetLink(message), 0, what)).map(drop)
}

fn flags(index: u32, flags: LinkFlags, verb: &str) -> Request {
    let mut message = message(index);
    message.header.flags = flags;
    message.header.change_mask = LinkFlags::Up;
    Request::new(RouteNetlinkMessage::SetLink(message), 0, format!("{verb} device {index}"))
}

fn set(index: u32, attribute: LinkAttribute, what: String) -> Request {
    let mut message = message(index);
    message.attributes.push(attribute);
    Request::new(RouteNetlinkMessage::SetLink(message), 0, what)
}
