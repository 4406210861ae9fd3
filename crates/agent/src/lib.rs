//! The host agent: takes what the server says this host should have, and makes the kernel equal to it.
//!
//! [`run`] joins, connects and goes on until told to stop. Below it, a session receives desired state ([`desired`]), and
//! [`reconcile`] reads the kernel, plans and applies, through the drivers of [`kernel`] and the data plane's maps. The data
//! plane needs none of this to go on forwarding: an agent that stops, crashes or loses its server changes nothing.

mod backoff;
mod bpffs;
mod config;
mod connection;
pub mod desired;
mod error;
mod identity;
mod journal;
pub mod kernel;
mod lock;
pub mod reconcile;
mod run;
mod session;
pub mod shaper;
mod shares;
mod telling;
mod underlay;
mod uninstall;
mod uplink;
mod worker;

pub use config::{Config, Limits};
pub use error::AgentError;
pub use identity::{Identity, InvalidJoinToken, JoinToken};
pub use run::run;
pub use underlay::Underlay;
pub use uninstall::{uninstall, uninstall_host};
