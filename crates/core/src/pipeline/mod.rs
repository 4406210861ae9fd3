//! The reference model of the packet path: docs/data-plane.md as plain Rust.
//!
//! It is written for a person who doubts the C code: no kernel, no clock (time is an argument, in ticks of 2^20 ns), no
//! indexes, no caches. Rules are a list that is read from its first to its last, routes are decided for every packet, flows
//! are a map. The differential test runs the same packets through this and through the kernel's programs; `explain` shows
//! what each stage of it said.
//!
//! One file a stage. [`Pipeline::from_port`] and [`Pipeline::from_overlay`] are their order.
//!
//! What the kernel caches in a flow and marks stale by epochs, this model works out anew for each packet: if the two
//! differ, the kernel has forgotten to raise an epoch.

mod acl;
mod answer;
mod arp;
pub mod craft;
pub mod flow;
mod fragment;
mod frames;
mod judge;
mod local;
mod outcome;
mod overlay;
pub mod packet;
pub mod policy;
mod port;
mod related;
pub mod route;
mod sender;
pub mod tcp;
mod vlan;
mod world;

pub use flow::{Flow, FlowKey, FlowTable, ticks};
pub use frames::Hop;
pub use outcome::{AclRuleName, GroupRuleName, Outcome, PathStage, Refusal, StageNote, Verdict};
pub use world::World;

use fragment::Fragments;

/// How many flows there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Flows that an interface may open; others may open twice as many to it.
    pub flows_per_interface: usize,
    /// Flows of the host.
    pub max_flows: usize,
}

/// What a host remembers between packets.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its flows.
    pub flows: FlowTable,
    /// First fragments that have passed.
    fragments: Fragments,
    /// How much there may be of it.
    pub limits: Limits,
}

impl Pipeline {
    /// A host that has not seen any packet.
    pub fn new(limits: Limits) -> Self {
        Pipeline { flows: FlowTable::default(), fragments: Fragments::default(), limits }
    }
}

#[cfg(test)]
mod tests;
