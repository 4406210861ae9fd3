//! Traffic generators and measurements inside network namespaces: the demo's traffic, and the ruler of the end-to-end tests.
//!
//! A claim such as "the move lost nothing" is only as good as what measures it, so this crate says precisely what each of
//! its numbers means, takes times from the kernel's receive stamps where it can, and never counts the measuring thread's
//! own lateness as the network's. It knows nothing of Pintle: what it reports is what any guest would see.
//!
//! Plain threads and blocking sockets. Every thread stops when its owner is dropped, every wait has an end, and every
//! record that grows with time is capped; the caps are named where they are.

pub mod clock;
pub mod echo;
mod error;
pub mod gaps;
pub mod http;
pub mod impair;
pub mod inject;
pub mod machine;
mod namespace;
pub mod offload;
pub mod ping;
pub mod stats;
pub mod stream;
pub mod tcp_session;

mod datagram;
mod random;
mod sys;
mod tap;
mod vlan;
mod worker;

pub use clock::Moment;
pub use error::{ProbeError, Result};
pub use namespace::Namespace;
pub use sys::be_prompt;
pub use vlan::VlanDevice;
pub use worker::MAX_RUNTIME;
