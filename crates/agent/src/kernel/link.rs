//! Network devices: what is there. The submodules make and change them.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkFlags, LinkHeader, LinkMessage};
use nix::errno::Errno;

use super::wire::{attributes, i32_of, string_of, u32_of};
use super::{KernelError, Netlink, Request, Result};

mod change;
mod name;
mod veth;
mod vxlan;

pub use change::{
    delete, delete_named, down, move_to, rename, set_alias, set_group, set_mac, set_mtu, up, without_ipv6_addresses,
};
pub use name::{ALIAS_MAX, NAME_MAX};

pub(crate) use name::check as check_name;
pub use veth::{HOST_MTU, VethEnd, VethPair, VethSpec, create_veth, create_veths};
pub use vxlan::{DontFragment, VxlanSettings, VxlanSpec, create_vxlan};

/// An Ethernet address, in the order of the wire.
pub type MacBytes = [u8; 6];

/// Length of `struct ifinfomsg`.
const HEADER: usize = 16;

/// `RTM_NEWLINK`: a device that exists.
pub(super) const RTM_NEWLINK: u16 = 16;

// Attribute numbers of linux/if_link.h.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_GROUP: u16 = 27;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_INET6_CONF: u16 = 2;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const ADDR_GEN_NONE: u8 = 1;

// Places in the array of IFLA_INET6_CONF, of linux/ipv6.h.
const DEVCONF_ACCEPT_RA: usize = 3;
const DEVCONF_DISABLE_IPV6: usize = 26;

/// A network device as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Index, unique in its namespace and not used again while the namespace lives.
    pub index: u32,
    /// Name, 1 to 15 bytes.
    pub name: String,
    /// Ethernet address; `None` for devices without one.
    pub mac: Option<MacBytes>,
    /// Largest IP packet in bytes.
    pub mtu: u32,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// Up and with a carrier (`IFF_LOWER_UP`); for a veth: the other end is up too.
    pub carrier: bool,
    /// A loopback device.
    pub loopback: bool,
    /// Free text, where we keep the id of what a device was made for.
    pub alias: Option<String>,
    /// Driver kind such as `veth`, `vxlan`, `bridge`; `None` for hardware.
    pub kind: Option<String>,
    /// For a veth its other end's index, for a VLAN or tunnel the device below; `None` if it has none.
    pub peer: Option<u32>,
    /// The namespace that `peer` is in, as a number that has meaning in this namespace only; `None` if it is this one.
    pub peer_netns: Option<i32>,
    /// The bridge, bond or VRF it is a port of.
    pub controller: Option<u32>,
    /// Group number; 0 is the default group.
    pub group: u32,
    /// Whether the kernel gives it no IPv6 addresses by itself; `None` if IPv6 is not on the device at all.
    pub without_ipv6_addresses: Option<bool>,
    /// Its settings of IPv6, if IPv6 is on the device at all.
    pub ipv6: Option<Ipv6Settings>,
    /// The settings, if it is a VXLAN device.
    pub vxlan: Option<VxlanSettings>,
}

/// A device's settings of IPv6, as in `/proc/sys/net/ipv6/conf/<device>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ipv6Settings {
    /// IPv6 is turned off (`disable_ipv6`).
    pub disabled: bool,
    /// It takes addresses and routes from router advertisements (`accept_ra`).
    pub accept_ra: bool,
}

/// All devices of the socket's namespace.
pub fn list(netlink: &mut Netlink) -> Result<Vec<Link>> {
    netlink.dump("list devices", &RouteNetlinkMessage::GetLink(query(0)), decode)
}

/// The devices whose alias begins with `prefix`.
pub fn find_by_alias(netlink: &mut Netlink, prefix: &str) -> Result<Vec<Link>> {
    let mut links = list(netlink)?;
    links.retain(|link| link.alias.as_deref().is_some_and(|alias| alias.starts_with(prefix)));
    Ok(links)
}

/// The device with this index, `None` if there is none.
pub fn get(netlink: &mut Netlink, index: u32) -> Result<Option<Link>> {
    // The kernel would take index 0 as "by name".
    if index == 0 {
        return Ok(None);
    }
    read_one(netlink, query(index), format!("read device {index}"))
}

/// The device with this name, `None` if there is none.
pub fn get_named(netlink: &mut Netlink, name: &str) -> Result<Option<Link>> {
    name::check(name)?;
    let mut message = query(0);
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    read_one(netlink, message, format!("read device '{name}'"))
}

fn read_one(netlink: &mut Netlink, message: LinkMessage, what: String) -> Result<Option<Link>> {
    let request = Request::new(RouteNetlinkMessage::GetLink(message), 0, what).settled_by(&[Errno::ENODEV]);
    let mut found = None;
    let outcome =
        netlink.exchange(std::slice::from_ref(&request), |_, frame| found = decode(frame.kind, frame.payload));
    match outcome.into_iter().next() {
        Some(Ok(true)) if found.is_none() => {
            Err(KernelError::Malformed { what: request.what().to_owned(), reason: "it describes no device" })
        }
        Some(Err(error)) => Err(error),
        _ => Ok(found),
    }
}

/// A question for one device (or all, with index 0) that leaves out the statistics, half of the answer's bytes.
fn query(index: u32) -> LinkMessage {
    let mut message = message(index);
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    message
}

/// A message about the device with this index, without attributes.
fn message(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

/// Reads one `RTM_NEWLINK`.
pub(super) fn decode(kind: u16, payload: &[u8]) -> Option<Link> {
    let header = LinkHeader::parse(payload).ok().filter(|_| kind == RTM_NEWLINK)?;
    let mut link = Link {
        index: header.index,
        up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        loopback: header.flags.contains(LinkFlags::Loopback),
        ..Link::default()
    };
    for (attribute, value) in attributes(payload.get(HEADER..)?) {
        match attribute {
            IFLA_ADDRESS => link.mac = value.try_into().ok(),
            IFLA_IFNAME => link.name = string_of(value).unwrap_or_default(),
            IFLA_MTU => link.mtu = u32_of(value)?,
            IFLA_LINK => link.peer = u32_of(value).filter(|index| *index != 0),
            IFLA_LINK_NETNSID => link.peer_netns = i32_of(value),
            IFLA_MASTER => link.controller = u32_of(value),
            IFLA_IFALIAS => link.alias = string_of(value),
            IFLA_GROUP => link.group = u32_of(value)?,
            IFLA_LINKINFO => decode_kind(value, &mut link),
            IFLA_AF_SPEC => (link.without_ipv6_addresses, link.ipv6) = decode_ipv6(value),
            _ => {}
        }
    }
    Some(link)
}

fn decode_kind(info: &[u8], link: &mut Link) {
    let find = |wanted: u16| attributes(info).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    link.kind = find(IFLA_INFO_KIND).and_then(string_of);
    if link.kind.as_deref() == Some("vxlan") {
        link.vxlan = find(IFLA_INFO_DATA).map(vxlan::decode_settings);
    }
}

fn decode_ipv6(families: &[u8]) -> (Option<bool>, Option<Ipv6Settings>) {
    let inet6 = |family: u16| i32::from(family) == libc::AF_INET6;
    let Some((_, settings)) = attributes(families).find(|(family, _)| inet6(*family)) else { return (None, None) };
    let find = |wanted: u16| attributes(settings).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let without_addresses = find(IFLA_INET6_ADDR_GEN_MODE).map(|mode| mode == [ADDR_GEN_NONE]);
    let settings = find(IFLA_INET6_CONF).and_then(|array| {
        let on = |place: usize| Some(i32_of(array.get(4 * place..4 * place + 4)?)? != 0);
        Some(Ipv6Settings { disabled: on(DEVCONF_DISABLE_IPV6)?, accept_ra: on(DEVCONF_ACCEPT_RA)? })
    });
    (without_addresses, settings)
}
