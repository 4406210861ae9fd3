//! Routes, of both IP versions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::wire::{attributes, ip_of, u32_of};
use super::{Netlink, Request, Result};

/// The protocol number (`rtm_protocol`) of every route of ours, which tells it from the user's. Not one of the numbers
/// registered in `linux/rtnetlink.h`.
pub const PROTOCOL: u8 = 98;

/// The main routing table.
pub const TABLE_MAIN: u32 = 254;

/// The metric that the kernel gives an IPv6 route which was given none (`IP6_RT_PRIO_USER`).
const USUAL_METRIC6: u32 = 1024;

/// Length of `struct rtmsg`.
const HEADER: usize = 12;

const RTM_NEWROUTE: u16 = 24;
const RTN_UNICAST: u8 = 1;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_TABLE: u16 = 15;

/// A unicast route through one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// Where to; `0.0.0.0/0` and `::/0` are the default routes.
    pub destination: IpNet,
    /// Next hop; `None` if the destination is on the device's own link.
    pub gateway: Option<IpAddr>,
    /// Index of the device to leave by.
    pub device: u32,
    /// Source address of packets of this host's own.
    pub source: Option<IpAddr>,
    /// Preference among routes to one destination: the smallest wins.
    pub metric: u32,
    /// Routing table.
    pub table: u32,
    /// The gateway is on the link, even if no address of the device says so.
    pub onlink: bool,
    /// Who made it; [`PROTOCOL`] for ours.
    pub protocol: u8,
}

impl Route {
    /// A route of ours in the main table, with the usual metric: 0, and 1,024 for IPv6.
    pub fn new(destination: IpNet, gateway: Option<IpAddr>, device: u32) -> Self {
        let metric = if destination.addr().is_ipv6() { USUAL_METRIC6 } else { 0 };
        let (source, table, onlink, protocol) = (None, TABLE_MAIN, false, PROTOCOL);
        Route { destination: destination.trunc(), gateway, device, source, metric, table, onlink, protocol }
    }
}

/// Which routes to list; `None` takes all. The kernel does the filtering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteFilter {
    /// Of this table.
    pub table: Option<u32>,
    /// Of this maker.
    pub protocol: Option<u8>,
    /// Through this device.
    pub device: Option<u32>,
}

impl RouteFilter {
    /// Our routes, of all tables and devices.
    pub fn ours() -> Self {
        RouteFilter { protocol: Some(PROTOCOL), ..Self::default() }
    }
}

/// Adds the route. Refused with `EEXIST` if its table has a route with this destination and metric, whoever made it.
pub fn add(route: &Route) -> Request {
    let what = describe("add", route);
    Request::new(RouteNetlinkMessage::NewRoute(message(route)), NLM_F_CREATE | NLM_F_EXCL, what)
}

/// Adds the route in place of the one with the same destination, metric and table, whoever made that.
pub fn replace(route: &Route) -> Request {
    let what = describe("replace", route);
    Request::new(RouteNetlinkMessage::NewRoute(message(route)), NLM_F_CREATE | NLM_F_REPLACE, what)
}

/// Takes away the route with this destination, gateway, device, table and maker, so that a user's route is never hit.
/// "Already so" if there is none.
///
/// The kernel takes metric 0 and an absent source as "any". Where routes of one maker differ in these alone, delete
/// what [`list`] gave, the one with the smallest metric first.
pub fn delete(route: &Route) -> Request {
    let what = describe("delete", route);
    Request::new(RouteNetlinkMessage::DelRoute(message(route)), 0, what).settled_by(&[Errno::ESRCH, Errno::ENODEV])
}

/// The unicast routes that the filter takes, IPv4 first. Routes with several next hops are left out: none of ours has.
pub fn list(netlink: &mut Netlink, filter: &RouteFilter) -> Result<Vec<Route>> {
    let mut routes = list_family(netlink, filter, AddressFamily::Inet)?;
    routes.extend(list_family(netlink, filter, AddressFamily::Inet6)?);
    Ok(routes)
}

fn list_family(netlink: &mut Netlink, filter: &RouteFilter, family: AddressFamily) -> Result<Vec<Route>> {
    let mut query = RouteMessage::default();
    query.header.address_family = family;
    query.header.protocol = RouteProtocol::from(filter.protocol.unwrap_or(0));
    query.attributes.extend(filter.table.map(RouteAttribute::Table));
    query.attributes.extend(filter.device.map(RouteAttribute::Oif));
    match netlink.dump("list routes", &RouteNetlinkMessage::GetRoute(query), decode) {
        // A table without routes does not exist, nor does a device that has gone.
        // Without IPv6 in the kernel nobody answers for its family.
        Err(error) if matches!(error.errno(), Some(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP)) => {
            Ok(Vec::new())
        }
        other => other,
    }
}

fn describe(verb: &str, route: &Route) -> String {
    let via = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
    format!("{verb} route {}{via} through device {} in table {}", route.destination, route.device, route.table)
}

fn message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match route.destination {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = route.destination.prefix_len();
    // Tables above 255 do not fit the header and are given by the attribute alone.
    message.header.table = u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC);
    message.header.protocol = RouteProtocol::from(route.protocol);
    message.header.kind = RouteType::Unicast;
    // IPv6 has no scopes of routes.
    let on_link = route.gateway.is_none() && route.destination.addr().is_ipv4();
    message.header.scope = if on_link { RouteScope::Link } else { RouteScope::Universe };
    if route.onlink {
        message.header.flags = RouteFlags::Onlink;
    }
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Table(route.table));
    if route.destination.prefix_len() > 0 {
        attributes.push(RouteAttribute::Destination(address(route.destination.network())));
    }
    attributes.push(RouteAttribute::Oif(route.device));
    attributes.extend(route.gateway.map(|gateway| RouteAttribute::Gateway(address(gateway))));
    attributes.extend(route.source.map(|source| RouteAttribute::PrefSource(address(source))));
    if route.metric != 0 {
        attributes.push(RouteAttribute::Priority(route.metric));
    }
    message
}

fn address(ip: IpAddr) -> RouteAddress {
    match ip {
        IpAddr::V4(ip) => RouteAddress::Inet(ip),
        IpAddr::V6(ip) => RouteAddress::Inet6(ip),
    }
}

fn decode(kind: u16, payload: &[u8]) -> Option<Route> {
    let header = payload.get(..HEADER).filter(|_| kind == RTM_NEWROUTE)?;
    let [family, prefix, _, _, table, protocol, _, route_type] = header[..8].try_into().ok()?;
    let (family, any) = match i32::from(family) {
        _ if route_type != RTN_UNICAST => return None,
        libc::AF_INET => (libc::AF_INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        libc::AF_INET6 => (libc::AF_INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => return None,
    };
    let flags = RouteFlags::from_bits_retain(u32_of(&header[8..12])?);
    let mut route = Route { metric: 0, ..Route::new(IpNet::new(any, prefix).ok()?, None, 0) };
    (route.table, route.protocol, route.onlink) = (u32::from(table), protocol, flags.contains(RouteFlags::Onlink));
    for (attribute, value) in attributes(&payload[HEADER..]) {
        match attribute {
            RTA_DST => route.destination = IpNet::new(ip_of(family, value)?, prefix).ok()?,
            RTA_OIF => route.device = u32_of(value)?,
            RTA_GATEWAY => route.gateway = ip_of(family, value),
            RTA_PREFSRC => route.source = ip_of(family, value),
            RTA_PRIORITY => route.metric = u32_of(value)?,
            RTA_TABLE => route.table = u32_of(value)?,
            _ => {}
        }
    }
    (route.device != 0).then_some(route)
}
