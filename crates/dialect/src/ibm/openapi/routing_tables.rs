//! `/vpcs/{id}/routing_tables` and their routes, `/vpcs/{id}/routes` of the default one, and `/vpcs/{id}/address_prefixes`.

use pintle_core::id::RouteTableId;

use super::operation::{Operation, delete, get, list, patch, post, put};
use crate::ibm::address_prefix;
use crate::ibm::identity::Identity;
use crate::ibm::routing_table::{Create, CreateRoute, Shape, Update, UpdateRoute, route};

pub(super) fn operations() -> Vec<Operation> {
    let (tables, table) = ("/vpcs/{id}/routing_tables", "/vpcs/{id}/routing_tables/{rt}");
    let (routes, route) = ("/vpcs/{id}/routing_tables/{rt}/routes", "/vpcs/{id}/routing_tables/{rt}/routes/{r}");
    let (of_default, one_of_default) = ("/vpcs/{id}/routes", "/vpcs/{id}/routes/{r}");
    let (prefixes, prefix) = ("/vpcs/{id}/address_prefixes", "/vpcs/{id}/address_prefixes/{ap}");
    vec![
        list::<Shape>(tables, "list_vpc_routing_tables", "routing_tables").query(&["is_default"]),
        post::<Create, Shape>(tables, "create_vpc_routing_table"),
        get::<Shape>(table, "get_vpc_routing_table"),
        patch::<Update, Shape>(table, "update_vpc_routing_table").if_match(),
        delete(table, "delete_vpc_routing_table").if_match(),
        list::<route::Shape>(routes, "list_vpc_routing_table_routes", "routes"),
        post::<CreateRoute, route::Shape>(routes, "create_vpc_routing_table_route"),
        get::<route::Shape>(route, "get_vpc_routing_table_route"),
        patch::<UpdateRoute, route::Shape>(route, "update_vpc_routing_table_route"),
        delete(route, "delete_vpc_routing_table_route"),
        list::<route::Shape>(of_default, "list_vpc_routes", "routes").query(&["zone.name"]),
        post::<CreateRoute, route::Shape>(of_default, "create_vpc_route"),
        get::<route::Shape>(one_of_default, "get_vpc_route"),
        patch::<UpdateRoute, route::Shape>(one_of_default, "update_vpc_route"),
        delete(one_of_default, "delete_vpc_route"),
        list::<address_prefix::Shape<'_>>(prefixes, "list_vpc_address_prefixes", "address_prefixes"),
        post::<address_prefix::Create, address_prefix::Shape<'_>>(prefixes, "create_vpc_address_prefix"),
        get::<address_prefix::Shape<'_>>(prefix, "get_vpc_address_prefix"),
        patch::<address_prefix::Update, address_prefix::Shape<'_>>(prefix, "update_vpc_address_prefix"),
        delete(prefix, "delete_vpc_address_prefix"),
        get::<Shape>("/subnets/{id}/routing_table", "get_subnet_routing_table"),
        put::<Shape>("/subnets/{id}/routing_table", "replace_subnet_routing_table").body::<Identity<RouteTableId>>(),
    ]
}
