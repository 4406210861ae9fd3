//! A command with who asks for it.

use crate::command::Command;
use crate::model::{Owner, Tags};
use crate::record::Record;
use crate::refusal::Noun;

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

/// By what a request that comes again is known to be the same (EC2's `ClientToken`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The client's token and what it is for, as a text without slashes: unique within who asks.
    pub name: String,
    /// What else the request says: the same token with anything else is refused.
    pub fingerprint: String,
}

/// How things are called that a request makes without a name. Every thing has one, unique within its owner or parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unnamed {
    /// By a few words, as IBM's API does.
    #[default]
    ByWords,
    /// By their ids, as those see them who have no other names (EC2's API).
    ById,
}

/// A command with who asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub by: Actor,
    /// For what.
    pub command: Command,
    /// The tags of what the command makes, by what it is.
    pub tags: Vec<(Noun, Tags)>,
    /// If it has been carried out before, by the same token, it is not again: the answer is what it made then.
    pub token: Option<Token>,
    /// How what the command makes is called, where nobody says it.
    pub unnamed: Unnamed,
}

impl Request {
    /// By somebody, without tags and once for each time that it is sent.
    pub fn new(by: Actor, command: Command) -> Self {
        Request { by, command, tags: Vec::new(), token: None, unnamed: Unnamed::default() }
    }

    /// By the server itself.
    pub fn system(command: Command) -> Self {
        Request::new(Actor::System, command)
    }

    /// By a tenant.
    pub fn tenant(owner: Owner, command: Command) -> Self {
        Request::new(Actor::Tenant(owner), command)
    }
}

impl From<Command> for Request {
    /// By the operator.
    fn from(command: Command) -> Self {
        Request::new(Actor::Operator, command)
    }
}
