//! Pintle's own API under `/native/v1`: what neither cloud has.
//!
//! Hosts and what they report, instances placed on a host of choice, moves, IPv6, prefix lists, quarantine, what the data
//! plane does at this moment, and joined tables for the command line.
//! Wherever a request names a thing it may use its id or its name.

pub mod access_key;
pub mod account;
pub mod action;
pub mod api_key;
pub mod attachment;
pub mod drift;
pub mod host;
pub mod instance;
pub mod network_acl;
pub mod paging;
pub mod policy;
pub mod prefix_list;
pub mod problem;
pub mod public;
pub mod quota;
pub mod security_group;
pub mod share;
pub mod status;
pub mod subnet;
pub mod telemetry;
pub mod vni;
pub mod vpc;

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
