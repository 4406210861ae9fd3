//! Pure codecs of the public APIs: bytes to [`Command`](pintle_core::Command)s, records to JSON.
//!
//! A dialect decides how things look on the wire and nothing else: rules live in the core, and reading the store happens
//! through a [`Snapshot`](pintle_core::txn::Snapshot) that the caller hands in. The dialects never name each other; what
//! both need lies here: [`wire`] for strict decoding, [`view`] for records joined with what a reply shows beside them,
//! [`problem`] for what can go wrong before any dialect words it,
//! [`rule_text`] and [`acl_text`] for rules as people write them.

pub mod acl_text;
pub mod ec2;
pub mod ibm;
pub mod native;
pub mod problem;
pub mod rule_text;
pub mod view;
pub mod wire;

pub use problem::Problem;
