//! All operations: where requests find theirs, and what `docs/ec2-operations.md` is made from.

use super::operation::{Operation, Service};
use super::{
    address, flow_log, internet_gateways, nat_gateways, network_acl, place, prefix_list, route_tables, security_group,
    sts, tags, vni,
};

/// All operations, by name within their service.
pub const OPERATIONS: &[&Operation] = &[
    &address::allocate::OPERATION,
    &vni::assign::IPV6,
    &vni::assign::IPV4,
    &address::associate::OPERATION,
    &route_tables::associate::OPERATION,
    &security_group::associations::ASSOCIATE,
    &internet_gateways::attach::OPERATION,
    &vni::attach::OPERATION,
    &security_group::authorize::EGRESS,
    &security_group::authorize::INGRESS,
    &flow_log::create::OPERATION,
    &internet_gateways::create::OPERATION,
    &prefix_list::create::OPERATION,
    &nat_gateways::create::OPERATION,
    &network_acl::create::OPERATION,
    &network_acl::entry::CREATE,
    &vni::create::OPERATION,
    &vni::permission::CREATE,
    &route_tables::routes::CREATE,
    &route_tables::create::OPERATION,
    &security_group::create::OPERATION,
    &tags::change::CREATE,
    &flow_log::delete::OPERATION,
    &internet_gateways::delete::OPERATION,
    &prefix_list::delete::OPERATION,
    &nat_gateways::delete::OPERATION,
    &network_acl::delete::OPERATION,
    &network_acl::entry::DELETE,
    &vni::delete::OPERATION,
    &vni::permission::DELETE,
    &route_tables::routes::DELETE,
    &route_tables::delete::OPERATION,
    &security_group::delete::OPERATION,
    &tags::change::DELETE,
    &place::account_attributes::OPERATION,
    &address::describe::OPERATION,
    &address::attribute::DESCRIBE,
    &place::availability_zones::OPERATION,
    &flow_log::describe::OPERATION,
    &internet_gateways::describe::OPERATION,
    &prefix_list::describe::OPERATION,
    &nat_gateways::describe::OPERATION,
    &network_acl::describe::OPERATION,
    &vni::attribute::OPERATION,
    &vni::permission::DESCRIBE,
    &vni::describe::OPERATION,
    &prefix_list::services::OPERATION,
    &place::regions::OPERATION,
    &route_tables::describe::OPERATION,
    &security_group::references::DESCRIBE,
    &security_group::rules::OPERATION,
    &security_group::associations::DESCRIBE,
    &security_group::describe::OPERATION,
    &security_group::references::STALE,
    &tags::describe::OPERATION,
    &internet_gateways::detach::OPERATION,
    &vni::detach::OPERATION,
    &address::disassociate::OPERATION,
    &route_tables::disassociate::OPERATION,
    &security_group::associations::DISASSOCIATE,
    &prefix_list::associations::OPERATION,
    &prefix_list::entries::OPERATION,
    &security_group::for_vpc::OPERATION,
    &address::attribute::MODIFY,
    &prefix_list::modify::OPERATION,
    &vni::modify::OPERATION,
    &security_group::modify_rules::OPERATION,
    &address::move_to_vpc::OPERATION,
    &address::release::OPERATION,
    &network_acl::association::REPLACE,
    &network_acl::entry::REPLACE,
    &route_tables::routes::REPLACE,
    &route_tables::replace_association::OPERATION,
    &address::attribute::RESET,
    &vni::reset::OPERATION,
    &prefix_list::restore::OPERATION,
    &security_group::revoke::EGRESS,
    &security_group::revoke::INGRESS,
    &vni::unassign::IPV6,
    &vni::unassign::IPV4,
    &security_group::descriptions::EGRESS,
    &security_group::descriptions::INGRESS,
    &sts::GET_CALLER_IDENTITY,
];

/// The operation of a service with this name.
pub fn find(service: Service, action: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().copied().find(|operation| operation.service == service && operation.name == action)
}

/// The table of operations, in Markdown.
pub fn table() -> String {
    let mut text = String::from(
        "# Operations of the EC2 API\n\nMade from the code (`crates/dialect/src/ec2/registry.rs`); a test holds it to that.\n\n\
         | action | service | what Pintle does |\n|---|---|---|\n",
    );
    for operation in OPERATIONS {
        text.push_str(&format!("| {} | {} | {} |\n", operation.name, operation.service.name(), operation.about));
    }
    text
}
