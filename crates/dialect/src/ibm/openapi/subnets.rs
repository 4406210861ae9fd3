//! `/subnets`, with their reserved IPs and what else belongs to them.

use super::operation::{Operation, delete, get, list, patch, post, put};
use crate::ibm::identity::Identity;
use crate::ibm::subnet::{Create, Shape, Update};
use crate::ibm::{network_acl, public_gateway, reserved_ip};
use pintle_core::id::{NetworkAclId, PublicGatewayId};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list::<Shape>("/subnets", "list_subnets", "subnets").query(&[
            "resource_group.id",
            "routing_table.id",
            "routing_table.name",
            "vpc.crn",
            "vpc.id",
            "vpc.name",
            "zone.name",
        ]),
        post::<Create, Shape>("/subnets", "create_subnet"),
        get::<Shape>("/subnets/{id}", "get_subnet"),
        patch::<Update, Shape>("/subnets/{id}", "update_subnet").if_match(),
        delete("/subnets/{id}", "delete_subnet"),
        get::<network_acl::Shape>("/subnets/{id}/network_acl", "get_subnet_network_acl"),
        put::<network_acl::Shape>("/subnets/{id}/network_acl", "replace_subnet_network_acl")
            .body::<Identity<NetworkAclId>>(),
        get::<public_gateway::Shape>("/subnets/{id}/public_gateway", "get_subnet_public_gateway"),
        put::<public_gateway::Shape>("/subnets/{id}/public_gateway", "set_subnet_public_gateway")
            .body::<Identity<PublicGatewayId>>(),
        delete("/subnets/{id}/public_gateway", "unset_subnet_public_gateway"),
        list::<reserved_ip::Shape>("/subnets/{id}/reserved_ips", "list_subnet_reserved_ips", "reserved_ips").query(&[
            "sort",
            "target.crn",
            "target.id",
            "target.name",
            "target.resource_type",
        ]),
        post::<reserved_ip::Create, reserved_ip::Shape>("/subnets/{id}/reserved_ips", "create_subnet_reserved_ip"),
        get::<reserved_ip::Shape>("/subnets/{id}/reserved_ips/{ip}", "get_subnet_reserved_ip"),
        patch::<reserved_ip::Update, reserved_ip::Shape>(
            "/subnets/{id}/reserved_ips/{ip}",
            "update_subnet_reserved_ip",
        ),
        delete("/subnets/{id}/reserved_ips/{ip}", "delete_subnet_reserved_ip"),
    ]
}
