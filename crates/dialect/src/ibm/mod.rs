//! IBM VPC's API: its field names, statuses, references, CRNs and error envelope.
//!
//! Every id is the text that stands everywhere else in Pintle (`eni-0…`), so a client of this dialect and one of another
//! speak of the same things. Fields that must be there and whose subject Pintle does not have say so as far as IBM's API can:
//! empty lists, and references that are marked as deleted (a boot volume).

pub mod address_prefix;
pub mod bare_metal;
pub mod collection;
pub mod floating_ip;
pub mod flow_log_collector;
pub mod iam;
pub mod identity;
pub mod image;
pub mod instance;
pub mod instance_profile;
pub mod key;
pub mod network_acl;
pub mod network_attachment;
pub mod network_interface;
pub mod openapi;
pub mod problem;
pub mod public_gateway;
pub mod reference;
pub mod region;
pub mod reserved_ip;
pub mod routing_table;
pub mod security_group;
pub mod share;
pub mod site;
pub mod subnet;
pub mod version;
pub mod vni;
pub mod vpc;

mod choice;
mod protocol;

pub use site::Site;

/// The content types that bodies of POST and PUT may have.
pub const JSON: &[&str] = &["application/json"];
/// The content types that bodies of PATCH may have; the first is the one of RFC 7396.
pub const MERGE_PATCH: &[&str] = &["application/merge-patch+json", "application/json"];
