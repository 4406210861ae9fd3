//! How replies show a routing table.

use pintle_core::id::VpcId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{RESOURCE_TYPE, crn, href, name};
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::view::{Page, RouteTableView};
use crate::wire::timestamp;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RoutingTable")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    is_default: bool,
    accept_routes_from: [(); 0],
    advertise_routes_to: [(); 0],
    route_direct_link_ingress: bool,
    route_internet_ingress: bool,
    route_transit_gateway_ingress: bool,
    route_vpc_zone_ingress: bool,
    routes: Vec<super::route::ReferenceShape>,
    subnets: Vec<Reference>,
    resource_group: Reference,
}

/// The routing table as replies show it.
pub fn encode(site: &Site, view: &RouteTableView) -> Value {
    let table = &view.table;
    json!(Shape {
        id: table.id.to_string(),
        crn: crn(site, table),
        href: href(site, table),
        name: name(table),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(table.created_at),
        lifecycle_state: "stable",
        is_default: view.is_main,
        accept_routes_from: [],
        advertise_routes_to: [],
        route_direct_link_ingress: false,
        route_internet_ingress: false,
        route_transit_gateway_ingress: false,
        route_vpc_zone_ingress: false,
        routes: view.routes.iter().map(|route| super::route::encode_reference(site, table, route)).collect(),
        subnets: view.subnets.iter().map(|subnet| Reference::subnet(site, subnet)).collect(),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of a VPC's routing tables.
pub fn encode_page(site: &Site, vpc: VpcId, paging: &collection::Paging, page: &Page<RouteTableView>) -> Value {
    let path = format!("vpcs/{vpc}/routing_tables");
    collection::encode(site, &path, "routing_tables", paging, page, |view| encode(site, view))
}
