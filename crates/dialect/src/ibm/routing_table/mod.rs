//! `/vpcs/{id}/routing_tables`, and which of them a subnet uses.

mod create;
pub mod route;
mod show;

pub use create::{Create, CreateRoute, Update, UpdateRoute};
pub(in crate::ibm) use show::Shape;
pub use show::{encode, encode_page};

use pintle_core::model::RouteTable;

use super::Site;

/// What references call it.
pub const RESOURCE_TYPE: &str = "routing_table";

/// The URL of a routing table.
pub fn href(site: &Site, table: &RouteTable) -> String {
    site.href(format_args!("vpcs/{}/routing_tables/{}", table.vpc, table.id))
}

/// The CRN of a routing table: a regional resource.
pub fn crn(site: &Site, table: &RouteTable) -> String {
    site.crn(&table.owner, &site.region, "routing-table", table.id)
}

/// The name of a routing table: its id, unless it was given one. In EC2 route tables have no names.
pub fn name(table: &RouteTable) -> String {
    table.name.clone().unwrap_or_else(|| table.id.to_string())
}
