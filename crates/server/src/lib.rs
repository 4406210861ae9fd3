//! The server: front ends, engine, projector, host sessions and reconciler in one process.
//!
//! A request becomes a command, the [`Engine`] judges it and commits what it amounts to, and that is the whole request.
//! Everything after it follows from the store: the [`projector`] works out what each host should have, [`sessions`] carry
//! that to the agents and their reports back, and the reconciler turns reports into commands again. None of these is told
//! what to do by a request, so a crash between any two steps loses nothing.

pub mod audit;
mod beginnings;
mod clock;
pub mod config;
mod control;
mod engine;
mod fatal;
mod hints;
mod housekeeping;
pub mod http;
pub mod life;
mod patience;
pub mod pki;
pub mod projector;
mod reconcile;
pub mod sessions;
mod source;
mod start;
pub mod tokens;
pub mod vault;

pub use clock::{Clock, SystemClock, SystemIds};
pub use config::Config;
pub use control::Control;
pub use engine::{Engine, EngineError};
pub use pintle_core::model::Region;
pub use sessions::{SessionStatus, Sessions};
pub use start::{Running, Server, StartError};
