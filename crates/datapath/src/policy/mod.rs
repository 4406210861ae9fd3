//! Security groups and network ACLs as the programs read them.
//!
//! ```text
//! policy ─▶ gate (ingress, egress) ─▶ local gate, by the interface's own address
//!             ├─ networks (longest prefix) ─▶ class ─┐
//!             └─ identities (sets of groups) ─▶ class ┴▶ row, by protocol ─▶ spans: ports and the rule
//! ```
//!
//! A *policy* is a set of groups: interfaces with equal sets share one. A *class* is what some remotes are permitted; its
//! content never depends on who they are, so ten thousand networks with the same rules have one class. `compile` turns
//! rules into classes, `plan` compares them with what is written, `emit` orders the writes, and `tables` does them.

mod acl;
mod class;
mod compile;
mod emit;
mod image;
mod kernel;
mod numbers;
mod plan;
mod state;
mod tables;

#[cfg(test)]
mod tests;

/// A policy that no host has: whoever is asked by it permits nothing. As an interface's shadow, where 0 means none.
pub const CLOSED_POLICY: u32 = u32::MAX;

pub use acl::{AclSnapshot, AclTables};
pub use tables::{Applied, PolicySnapshot, PolicyTables, Wanted};
