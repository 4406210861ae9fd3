//! Keys of internet gateways, route tables and what uses them.

use crate::id::{RouteAssociationId, RouteTableId, VpcId};

/// The key that a VPC's internet gateway occupies. Its value is the gateway's id.
pub fn internet_gateway_of_key(vpc: VpcId) -> String {
    format!("internet_gateway_of/{vpc}")
}
/// Index: route tables of a VPC by their number, so that a number is held once.
pub fn tables_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_table/{vpc}/")
}
/// The key that a number occupies within its VPC. Its value is the route table's id.
pub fn table_number_key(vpc: VpcId, number: u8) -> String {
    format!("{}{number:03}", tables_of_vpc(vpc))
}
/// The key that a number occupies within its VPC which is for a table's routes in one zone. Its value is the table's id.
pub fn zone_number_key(vpc: VpcId, number: u8) -> String {
    format!("zone_number/{vpc}/{number:03}")
}
/// Index: route tables of a VPC with routes that stay within it.
pub fn delegating_tables_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_delegating_table/{vpc}/")
}
/// Index: subnets that are associated with a route table.
pub fn subnets_of_table(table: RouteTableId) -> String {
    format!("index/table_subnet/{table}/")
}
/// Index: route tables with a route to this target.
pub fn tables_of_target(target: impl std::fmt::Display) -> String {
    format!("index/target_table/{target}/")
}
/// The key of an association of a route table. Its value is the id of the subnet, or of the VPC for that of a main one.
pub fn route_association_key(association: RouteAssociationId) -> String {
    format!("route_association/{association}")
}
/// Written when something changes that routes of a VPC depend on and that is in no route table, and only then. Its value is
/// the moment.
pub fn routes_of_vpc_key(vpc: VpcId) -> String {
    format!("{ROUTES_OF_VPC}{vpc}")
}
/// What the keys of [`routes_of_vpc_key`] begin with.
pub(crate) const ROUTES_OF_VPC: &str = "routes/vpc/";
