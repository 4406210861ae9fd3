//! What the core decides and works out, seen from outside: commands in, transactions and host entries out.
//!
//! One test program, so that the world in `common` is built once. Every commit of every test is checked against the
//! invariants in `common/invariants.rs`, whatever the test itself is about.

mod common;
mod compile;
mod properties;
mod rules;
