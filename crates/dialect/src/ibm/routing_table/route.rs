//! Routes of a routing table.

use std::net::Ipv4Addr;

use pintle_core::id::VpcId;
use pintle_core::model::RouteTable;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::ibm::Site;
use crate::ibm::collection::{self, Paging};
use crate::ibm::reference::Reference;
use crate::view::{Leads, Page, RouteView};
use crate::wire::timestamp;

/// The URL of a route.
pub fn href(site: &Site, table: &RouteTable, route: &RouteView) -> String {
    format!("{}/routes/{}", super::href(site, table), route.id)
}

/// A page of a table's routes; `of`: of the default table of this VPC, as a collection of the VPC's.
pub fn encode_page(
    site: &Site,
    table: &RouteTable,
    of: Option<VpcId>,
    paging: &Paging,
    page: &Page<RouteView>,
) -> Value {
    let path = match of {
        None => format!("vpcs/{}/routing_tables/{}/routes", table.vpc, table.id),
        Some(vpc) => format!("vpcs/{vpc}/routes"),
    };
    collection::encode(site, &path, "routes", paging, page, |route| encode(site, table, route))
}

/// The route as its table shows it.
pub(super) fn encode_reference(site: &Site, table: &RouteTable, route: &RouteView) -> ReferenceShape {
    ReferenceShape { id: route.id.to_string(), href: href(site, table, route), name: route.name.clone() }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RouteReference")]
pub(in crate::ibm) struct ReferenceShape {
    id: String,
    href: String,
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Route")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    created_at: String,
    lifecycle_state: &'static str,
    action: &'static str,
    advertise: bool,
    destination: String,
    next_hop: NextHopShape,
    origin: &'static str,
    priority: u8,
    zone: Reference,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RouteNextHop")]
pub(in crate::ibm) struct NextHopShape {
    address: String,
}

/// The route as replies show it.
pub fn encode(site: &Site, table: &RouteTable, route: &RouteView) -> Value {
    let (action, next_hop) = match route.leads {
        Leads::Deliver(hop) => ("deliver", hop),
        Leads::Drop => ("drop", Ipv4Addr::UNSPECIFIED),
        Leads::Delegate => ("delegate", Ipv4Addr::UNSPECIFIED),
        Leads::DelegateVpc => ("delegate_vpc", Ipv4Addr::UNSPECIFIED),
    };
    json!(Shape {
        id: route.id.to_string(),
        href: href(site, table, route),
        name: route.name.clone(),
        created_at: timestamp(route.created_at),
        lifecycle_state: "stable",
        action,
        advertise: false,
        destination: route.net.to_string(),
        next_hop: NextHopShape { address: next_hop.to_string() },
        origin: "user",
        priority: route.priority,
        zone: Reference::zone(site, &route.zone),
    })
}
