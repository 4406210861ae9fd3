//! Pintle's own API under `/native/v1`: what neither cloud has.
//!
//! Hosts and what they report, instances placed on a host of choice, moves, and joined tables for the command line.
//! Wherever a request names a thing it may use its id or its name.

pub mod action;
pub mod attachment;
pub mod drift;
pub mod host;
pub mod instance;
pub mod paging;
pub mod problem;
pub mod status;
pub mod vni;

use pintle_core::record::Record;
use serde::Serialize;

/// Something else that a reply speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    id: String,
    name: String,
}

impl Named {
    /// A record's id and name.
    pub fn new<R: Record>(record: &R, name: &str) -> Self {
        Named { id: record.id().to_string(), name: name.to_owned() }
    }
}
