//! All operations: where requests find theirs, and what `docs/ec2-operations.md` is made from.

use super::operation::{Operation, Service};
use super::{place, sts, tags, vni};

/// All operations, by name within their service.
pub const OPERATIONS: &[&Operation] = &[
    &vni::create::OPERATION,
    &tags::change::CREATE,
    &vni::delete::OPERATION,
    &tags::change::DELETE,
    &place::account_attributes::OPERATION,
    &place::availability_zones::OPERATION,
    &vni::describe::OPERATION,
    &place::regions::OPERATION,
    &tags::describe::OPERATION,
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
