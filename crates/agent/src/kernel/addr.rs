//! IP addresses of devices, of both versions.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::wire::{attributes, ip_of, u32_of};
use super::{Netlink, Request, Result};

/// Length of `struct ifaddrmsg`.
const HEADER: usize = 8;

const RTM_NEWADDR: u16 = 20;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;

/// An address of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// Index of the device.
    pub device: u32,
    /// The address, with the length of its network's prefix.
    pub net: IpNet,
    /// Whether the kernel adds a route to the network by itself (not `IFA_F_NOPREFIXROUTE`).
    pub prefix_route: bool,
}

impl Address {
    /// The address without its prefix.
    pub fn ip(&self) -> IpAddr {
        self.net.addr()
    }
}

/// Adds the address. "Already so" if the device has this address with this prefix, whatever its `prefix_route`.
///
/// An IPv6 address can be used at once: nobody is asked whether it is a duplicate (RFC 4862, 5.4), because whoever gives
/// addresses out sees to that.
pub fn add(address: &Address) -> Request {
    let mut message = message(address);
    let mut flags = AddressFlags::empty();
    flags.set(AddressFlags::Noprefixroute, !address.prefix_route);
    flags.set(AddressFlags::Nodad, address.net.addr().is_ipv6());
    if !flags.is_empty() {
        message.attributes.push(AddressAttribute::Flags(flags));
    }
    let what = format!("add address {} to device {}", address.net, address.device);
    Request::new(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL, what).settled_by(&[Errno::EEXIST])
}

/// Takes the address away. "Already so" if the device does not have it, or has gone itself.
pub fn delete(address: &Address) -> Request {
    let what = format!("delete address {} of device {}", address.net, address.device);
    Request::new(RouteNetlinkMessage::DelAddress(message(address)), 0, what)
        .settled_by(&[Errno::EADDRNOTAVAIL, Errno::ENODEV])
}

/// The addresses of one device, or of all, IPv4 first. Empty if the device has gone.
pub fn list(netlink: &mut Netlink, device: Option<u32>) -> Result<Vec<Address>> {
    let mut query = AddressMessage::default();
    query.header.family = AddressFamily::Unspec;
    query.header.index = device.unwrap_or(0);
    match netlink.dump("list addresses", &RouteNetlinkMessage::GetAddress(query), decode) {
        Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(Vec::new()),
        other => other,
    }
}

fn message(address: &Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = match address.net {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.prefix_len = address.net.prefix_len();
    message.header.index = address.device;
    message.attributes.push(AddressAttribute::Local(address.ip()));
    message.attributes.push(AddressAttribute::Address(address.ip()));
    message
}

fn decode(kind: u16, payload: &[u8]) -> Option<Address> {
    let header = payload.get(..HEADER).filter(|_| kind == RTM_NEWADDR)?;
    let family = i32::from(header[0]);
    let (mut local, mut address, mut flags) = (None, None, u32::from(header[2]));
    for (attribute, value) in attributes(&payload[HEADER..]) {
        match attribute {
            IFA_LOCAL => local = ip_of(family, value),
            IFA_ADDRESS => address = ip_of(family, value),
            IFA_FLAGS => flags = u32_of(value)?,
            _ => {}
        }
    }
    // On a point-to-point device IFA_ADDRESS is the other end.
    let net = IpNet::new(local.or(address)?, header[1]).ok()?;
    let prefix_route = flags & AddressFlags::Noprefixroute.bits() == 0;
    Some(Address { device: u32_of(&header[4..8])?, net, prefix_route })
}
