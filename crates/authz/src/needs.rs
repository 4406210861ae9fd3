//! What a command needs: actions, each on a thing, or on a type as a whole where nothing of it is there yet.
//!
//! It is the interface that is asked, not what it is attached to: whoever changes one needs no right on its instance, and a
//! right on the instance is none on it. To attach needs both, `attach` on the interface and `operate` on the instance.

mod command;
mod thing;

pub use command::needs;
pub use thing::Thing;

use pintle_core::model::{ResourceType, Verb};

use crate::table::Action;

/// An action, and what it is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The action.
    pub action: Action,
    /// To this; `None`: to any of the type.
    pub of: Option<Thing>,
}

impl Need {
    /// On a type as a whole.
    pub fn any(on: ResourceType, verb: Verb) -> Need {
        Need { action: Action { on, verb }, of: None }
    }

    /// On one thing.
    pub fn one(verb: Verb, thing: impl Into<Thing>) -> Need {
        let thing = thing.into();
        Need { action: Action { on: thing.resource_type(), verb }, of: Some(thing) }
    }
}
