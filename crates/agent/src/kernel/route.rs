//! IPv4 routes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::wire::{attributes, ipv4_of, u32_of};
use super::{Netlink, Request, Result};

/// The protocol number (`rtm_protocol`) of every route of ours, which tells it from the user's. Not one of the numbers
/// registered in `linux/rtnetlink.h`.
pub const PROTOCOL: u8 = 98;

/// The main routing table.
pub const TABLE_MAIN: u32 = 254;

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

/// A unicast IPv4 route through one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// Where to; `0.0.0.0/0` is the default route.
    pub destination: Ipv4Net,
    /// Next hop; `None` if the destination is on the device's own link.
    pub gateway: Option<Ipv4Addr>,
    /// Index of the device to leave by.
    pub device: u32,
    /// Source address of packets of this host's own.
    pub source: Option<Ipv4Addr>,
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
    /// A route of ours in the main table, with metric 0.
    pub fn new(destination: Ipv4Net, gateway: Option<Ipv4Addr>, device: u32) -> Self {
        let (source, metric, table, onlink, protocol) = (None, 0, TABLE_MAIN, false, PROTOCOL);
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

/// The unicast IPv4 routes that the filter takes. Routes with several next hops are left out: none of ours has.
pub fn list(netlink: &mut Netlink, filter: &RouteFilter) -> Result<Vec<Route>> {
    let mut query = RouteMessage::default();
    query.header.address_family = AddressFamily::Inet;
    query.header.protocol = RouteProtocol::from(filter.protocol.unwrap_or(0));
    query.attributes.extend(filter.table.map(RouteAttribute::Table));
    query.attributes.extend(filter.device.map(RouteAttribute::Oif));
    match netlink.dump("list routes", &RouteNetlinkMessage::GetRoute(query), decode) {
        // A table without routes does not exist, nor does a device that has gone.
        Err(error) if matches!(error.errno(), Some(Errno::ENOENT | Errno::ENODEV)) => Ok(Vec::new()),
        other => other,
    }
}

fn describe(verb: &str, route: &Route) -> String {
    let via = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
    format!("{verb} route {}{via} through device {} in table {}", route.destination, route.device, route.table)
}

fn message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = route.destination.prefix_len();
    // Tables above 255 do not fit the header and are given by the attribute alone.
    message.header.table = u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC);
    message.header.protocol = RouteProtocol::from(route.protocol);
    message.header.kind = RouteType::Unicast;
    message.header.scope = if route.gateway.is_some() { RouteScope::Universe } else { RouteScope::Link };
    if route.onlink {
        message.header.flags = RouteFlags::Onlink;
    }
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Table(route.table));
    if route.destination.prefix_len() > 0 {
        attributes.push(RouteAttribute::Destination(RouteAddress::Inet(route.destination.network())));
    }
    attributes.push(RouteAttribute::Oif(route.device));
    attributes.extend(route.gateway.map(|gateway| RouteAttribute::Gateway(RouteAddress::Inet(gateway))));
    attributes.extend(route.source.map(|source| RouteAttribute::PrefSource(RouteAddress::Inet(source))));
    if route.metric != 0 {
        attributes.push(RouteAttribute::Priority(route.metric));
    }
    message
}

fn decode(kind: u16, payload: &[u8]) -> Option<Route> {
    let header = payload.get(..HEADER).filter(|_| kind == RTM_NEWROUTE)?;
    let [family, prefix, _, _, table, protocol, _, route_type] = header[..8].try_into().ok()?;
    if i32::from(family) != libc::AF_INET || route_type != RTN_UNICAST {
        return None;
    }
    let flags = RouteFlags::from_bits_retain(u32_of(&header[8..12])?);
    let mut route = Route::new(Ipv4Net::new(Ipv4Addr::UNSPECIFIED, prefix).ok()?, None, 0);
    (route.table, route.protocol, route.onlink) = (u32::from(table), protocol, flags.contains(RouteFlags::Onlink));
    for (attribute, value) in attributes(&payload[HEADER..]) {
        match attribute {
            RTA_DST => route.destination = Ipv4Net::new(ipv4_of(value)?, prefix).ok()?,
            RTA_OIF => route.device = u32_of(value)?,
            RTA_GATEWAY => route.gateway = ipv4_of(value),
            RTA_PREFSRC => route.source = ipv4_of(value),
            RTA_PRIORITY => route.metric = u32_of(value)?,
            RTA_TABLE => route.table = u32_of(value)?,
            _ => {}
        }
    }
    (route.device != 0).then_some(route)
}
