//! `/vpcs`.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::vpc::{Create, Shape, Update};
use crate::ibm::{network_acl, routing_table, security_group};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list::<Shape>("/vpcs", "list_vpcs", "vpcs").query(&["classic_access", "resource_group.id"]),
        post::<Create, Shape>("/vpcs", "create_vpc"),
        get::<Shape>("/vpcs/{id}", "get_vpc"),
        patch::<Update, Shape>("/vpcs/{id}", "update_vpc").if_match(),
        delete("/vpcs/{id}", "delete_vpc").if_match(),
        get::<security_group::Shape>("/vpcs/{id}/default_security_group", "get_vpc_default_security_group"),
        get::<network_acl::Shape>("/vpcs/{id}/default_network_acl", "get_vpc_default_network_acl"),
        get::<routing_table::Shape>("/vpcs/{id}/default_routing_table", "get_vpc_default_routing_table"),
    ]
}
