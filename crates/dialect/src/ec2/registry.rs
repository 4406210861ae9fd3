//! All operations: where requests find theirs, and what `docs/ec2-operations.md` is made from.

use super::operation::{Operation, Service};
use super::{address, flow_log, network_acl, place, prefix_list, security_group, sts, tags, vni};

/// All operations, by name within their service.
pub const OPERATIONS: &[&Operation] = &[
    &address::allocate::OPERATION,
    &vni::assign::IPV6,
    &vni::assign::IPV4,
    &address::associate::OPERATION,
    &security_group::associations::ASSOCIATE,
    &vni::attach::OPERATION,
    &security_group::authorize::EGRESS,
    &security_group::authorize::INGRESS,
    &flow_log::create::OPERATION,
    &prefix_list::create::OPERATION,
    &network_acl::create::OPERATION,
    &network_acl::entry::CREATE,
    &vni::create::OPERATION,
    &vni::permission::CREATE,
    &security_group::create::OPERATION,
    &tags::change::CREATE,
    &flow_log::delete::OPERATION,
    &prefix_list::delete::OPERATION,
    &network_acl::delete::OPERATION,
    &network_acl::entry::DELETE,
    &vni::delete::OPERATION,
    &vni::permission::DELETE,
    &security_group::delete::OPERATION,
    &tags::change::DELETE,
    &place::account_attributes::OPERATION,
    &address::describe::OPERATION,
    &address::attribute::DESCRIBE,
    &place::availability_zones::OPERATION,
    &flow_log::describe::OPERATION,
    &prefix_list::describe::OPERATION,
    &network_acl::describe::OPERATION,
    &vni::attribute::OPERATION,
    &vni::permission::DESCRIBE,
    &vni::describe::OPERATION,
    &prefix_list::services::OPERATION,
    &place::regions::OPERATION,
    &security_group::references::DESCRIBE,
    &security_group::rules::OPERATION,
    &security_group::associations::DESCRIBE,
    &security_group::describe::OPERATION,
    &security_group::references::STALE,
    &tags::describe::OPERATION,
    &vni::detach::OPERATION,
    &address::disassociate::OPERATION,
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
