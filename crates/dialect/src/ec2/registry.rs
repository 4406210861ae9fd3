//! All operations: where requests find theirs, and what `docs/ec2-operations.md` is made from.

use super::operation::{Operation, Service};
use super::{address, place, sts, tags, vni};

/// All operations, by name within their service.
pub const OPERATIONS: &[&Operation] = &[
    &address::allocate::OPERATION,
    &vni::assign::IPV6,
    &vni::assign::IPV4,
    &address::associate::OPERATION,
    &vni::attach::OPERATION,
    &vni::create::OPERATION,
    &vni::permission::CREATE,
    &tags::change::CREATE,
    &vni::delete::OPERATION,
    &vni::permission::DELETE,
    &tags::change::DELETE,
    &place::account_attributes::OPERATION,
    &address::describe::OPERATION,
    &address::attribute::DESCRIBE,
    &place::availability_zones::OPERATION,
    &vni::attribute::OPERATION,
    &vni::permission::DESCRIBE,
    &vni::describe::OPERATION,
    &place::regions::OPERATION,
    &tags::describe::OPERATION,
    &vni::detach::OPERATION,
    &address::disassociate::OPERATION,
    &address::attribute::MODIFY,
    &vni::modify::OPERATION,
    &address::move_to_vpc::OPERATION,
    &address::release::OPERATION,
    &address::attribute::RESET,
    &vni::reset::OPERATION,
    &vni::unassign::IPV6,
    &vni::unassign::IPV4,
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
