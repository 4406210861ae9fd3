//! The nouns of Pintle, their rules and decisions.
//!
//! Nothing here does I/O, reads a clock or draws a random number: all of that comes in as arguments, so that the whole
//! control plane can run in a seeded simulation and every decision can be tested as a plain function.

mod by_id;
pub mod command;
pub mod compile;
mod decide;
mod draft;
pub mod drop_reason;
pub mod host_protocol;
pub mod host_spec;
pub mod id;
pub mod instance_profile;
pub mod instance_type;
pub mod legality;
pub mod lifecycle;
pub mod limits;
mod memo;
pub mod model;
pub mod name;
pub mod net;
pub mod pipeline;
pub mod policy;
pub mod query;
pub mod quota;
pub mod record;
pub mod refusal;
pub mod request;
pub mod routing;
pub mod share_profile;
pub mod telemetry;
pub mod txn;

pub use by_id::noun_of;
pub use command::{Command, Reply};
pub use decide::decide;
pub use drop_reason::DropReason;
pub use refusal::{DecideError, Refusal};
pub use request::{Actor, Request, Token, Unnamed};
