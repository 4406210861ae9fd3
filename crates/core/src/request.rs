//! A command with who asks for it.

use crate::command::Command;
use crate::model::Owner;
use crate::record::Record;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The server itself, on behalf of hosts and of what must follow.
    System,
    /// Whoever runs the server: sees everything; what they make without naming a place is the first account's, in the
    /// default region.
    Operator,
    /// An account in a region: sees and names its own things only. Everything else does not exist for it.
    Tenant(Owner),
}

impl Actor {
    /// Whether a record exists for this actor. Records without an owner are the operator's tools, which commands of tenants
    /// use without naming them.
    pub fn sees<R: Record>(&self, record: &R) -> bool {
        match (self, record.owner()) {
            (Actor::Tenant(own), Some(owner)) => own == owner,
            (Actor::System | Actor::Operator | Actor::Tenant(_), _) => true,
        }
    }

    /// Whether it is a tenant, for whom the operator's records have no names.
    pub fn is_tenant(&self) -> bool {
        matches!(self, Actor::Tenant(_))
    }
}

/// A command with who asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub by: Actor,
    /// For what.
    pub command: Command,
}

impl Request {
    /// By the server itself.
    pub fn system(command: Command) -> Self {
        Request { by: Actor::System, command }
    }

    /// By a tenant.
    pub fn tenant(owner: Owner, command: Command) -> Self {
        Request { by: Actor::Tenant(owner), command }
    }
}

impl From<Command> for Request {
    /// By the operator.
    fn from(command: Command) -> Self {
        Request { by: Actor::Operator, command }
    }
}
