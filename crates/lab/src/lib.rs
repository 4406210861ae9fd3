//! Hosts as network namespaces: real server and agent processes, real packets, on one machine.
//!
//! A [`Lab`] is an underlay (a bridge in a namespace of its own), a control namespace for the server, and host namespaces
//! with an agent each. Nothing of it touches the machine's own network, so labs run beside each other and beside a running
//! Pintle. Everything is removed when the lab is dropped.

pub mod bench;

mod api;
pub mod cloud;
pub mod conntrack;
mod guests;
mod host;
pub mod internet;
pub mod interrupt;
mod leaks;
pub mod nfs;
mod numbers;
pub mod policy;
mod process;
mod shell;
mod wired;
mod world;

pub use api::{Api, ApiError};
pub use guests::{Network, forwards};
pub use host::LabHost;
pub use leaks::Footprint;
pub use numbers::number;
pub use process::{Process, pintle_binary};
pub use shell::{ip, remove_namespace, sh};
pub use wired::{WiredAddress, WiredGuest};
pub use world::{Lab, LabOptions};
