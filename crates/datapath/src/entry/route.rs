//! A route: where packets of a segment go, by a route table, or because their destination is no endpoint.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::addr::{be32_or_zero, from_raw, from_raw_or_none, ipv4_or_none, net_from_raw, raw, raw_net, raw_or_zero};
use super::{Entry, MAX_SEGMENT};
use crate::error::{DatapathError, Result};
use crate::flags::RouteKind;
use crate::maps::MapName;
use crate::skel::types;

/// What a route is found by; of several that hold an address, the longest network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// VXLAN network identifier of the VPC, 24 bits.
    pub segment: u32,
    /// The number of the route table in the VPC; 0: the VPC's own routes, for addresses that are no endpoint.
    pub table: u8,
    /// The network. Bits of the host part are not looked at.
    pub net: IpNet,
}

impl RouteKey {
    /// The key of a route of the VPC's own, which holds whatever the route table is.
    pub fn own(segment: u32, net: IpNet) -> Self {
        RouteKey { segment, table: 0, net }
    }
}

/// Where packets for a network go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteTo {
    /// To this endpoint of the segment: a delegated prefix or, in a route table, a route through an appliance.
    Via(IpAddr),
    /// To whom the VPC's own addresses and routes lead; in route tables only.
    Local,
    /// To the public network, through a public gateway whatever floating IP the sender has; in route tables only.
    Nat {
        /// The public gateway's host; `None`: this one.
        vtep: Option<Ipv4Addr>,
        /// The public gateway's address.
        address: Ipv4Addr,
    },
    /// To the public network: through the sender's floating IP, else through the public gateway.
    Public {
        /// The public gateway's host; `None`: this one.
        gateway_vtep: Option<Ipv4Addr>,
        /// The public gateway's address; `None`: only floating IPs lead out.
        gateway: Option<IpAddr>,
    },
    /// Nowhere: refused.
    Blackhole,
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where packets go.
    pub to: RouteTo,
    /// Whose epoch tells flows that this entry changed: [`cell_of_route`](crate::cell_of_route) of its key.
    pub cell: u16,
    /// Whether its network is one of IPv6: it may hold all IPv4 addresses too, as IPv6 maps them.
    pub v6: bool,
}

impl Route {
    /// The entry of a route.
    pub fn new(key: &RouteKey, to: RouteTo) -> Self {
        Route { to, cell: crate::cells::cell_of_route(key), v6: key.net.addr().is_ipv6() }
    }
}

/// Bits of an LPM key before the address: the segment, or the number of a gate.
pub(crate) const LPM_HEAD: u32 = 32;
/// The number of a route table stands above the 24 bits of the segment.
const TABLE_SHIFT: u32 = 24;

impl Entry for Route {
    type Key = RouteKey;
    type RawKey = types::route_key;
    type RawValue = types::route;
    const MAP: MapName = MapName::Routes;

    fn raw_key(key: &RouteKey) -> types::route_key {
        let (addr, len) = raw_net(key.net);
        types::route_key {
            prefixlen: LPM_HEAD + u32::from(len),
            segment: key.segment | u32::from(key.table) << TABLE_SHIFT,
            addr,
        }
    }

    fn key_from_raw(raw: &types::route_key) -> RouteKey {
        RouteKey {
            segment: raw.segment & MAX_SEGMENT,
            table: (raw.segment >> TABLE_SHIFT) as u8,
            net: net_from_raw(&raw.addr, lpm_len(raw.prefixlen)),
        }
    }

    fn raw_value(&self) -> types::route {
        let route = |kind: RouteKind, gateway_vtep, addr| types::route {
            kind: kind.0,
            gateway_vtep: be32_or_zero(gateway_vtep),
            addr,
            cell: self.cell,
            v6: self.v6.into(),
        };
        match self.to {
            RouteTo::Via(addr) => route(RouteKind::VIA, None, raw(addr)),
            RouteTo::Public { gateway_vtep, gateway } => route(RouteKind::PUBLIC, gateway_vtep, raw_or_zero(gateway)),
            RouteTo::Nat { vtep, address } => route(RouteKind::NAT, vtep, raw(address.into())),
            RouteTo::Local => route(RouteKind::LOCAL, None, types::addr::default()),
            RouteTo::Blackhole => route(RouteKind::BLACKHOLE, None, types::addr::default()),
        }
    }

    fn from_raw(raw: &types::route) -> Route {
        let to = match RouteKind(raw.kind) {
            RouteKind::VIA => RouteTo::Via(from_raw(&raw.addr)),
            RouteKind::PUBLIC => {
                RouteTo::Public { gateway_vtep: ipv4_or_none(raw.gateway_vtep), gateway: from_raw_or_none(&raw.addr) }
            }
            RouteKind::LOCAL => RouteTo::Local,
            RouteKind::NAT => match from_raw(&raw.addr) {
                IpAddr::V4(address) => RouteTo::Nat { vtep: ipv4_or_none(raw.gateway_vtep), address },
                IpAddr::V6(_) => RouteTo::Blackhole,
            },
            _ => RouteTo::Blackhole,
        };
        Route { to, cell: raw.cell, v6: raw.v6 != 0 }
    }

    fn check(&self, key: &RouteKey) -> Result<()> {
        let bad = |field, value: String, rule| {
            let entry = format!("route {} in segment {}", key.net, key.segment);
            Err(DatapathError::BadEntry { field, entry, value, rule })
        };
        if key.segment > MAX_SEGMENT {
            return bad("segment", key.segment.to_string(), "a VXLAN segment has 24 bits (RFC 7348)");
        }
        match self.to {
            RouteTo::Local | RouteTo::Nat { .. } if key.table == 0 => bad(
                "table",
                key.table.to_string(),
                "only the routes of a route table lead into the VPC or to a NAT gateway",
            ),
            RouteTo::Via(addr) if addr.is_unspecified() => {
                bad("via", addr.to_string(), "a route leads to an endpoint's address")
            }
            RouteTo::Via(addr) if addr.is_ipv4() != key.net.addr().is_ipv4() => {
                bad("via", addr.to_string(), "network and endpoint are of the same IP version")
            }
            _ => Ok(()),
        }
    }
}

/// The length of the network in an LPM key, out of 128 bits.
pub(crate) fn lpm_len(prefixlen: u32) -> u8 {
    prefixlen.saturating_sub(LPM_HEAD).min(128) as u8
}
