//! The nouns: what is stored, one record each.
//!
//! Records are plain data. What may be done with them is decided in [`crate::decide`]; what a host must have because of
//! them is worked out in [`crate::compile`].

mod attachment;
mod host;
mod instance;
mod moving;
mod reserved_ip;
mod subnet;
mod vni;
mod vpc;

pub use attachment::{Attachment, MAX_PER_INSTANCE};
pub use host::Host;
pub use instance::{Instance, InstanceState, Namespace};
pub use moving::{Move, MoveStep};
pub use reserved_ip::{Owner, ReservedIp};
pub use subnet::Subnet;
pub use vni::{MAX_IPS, ProtocolStateFiltering, Vni};
pub use vpc::Vpc;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Timestamp(pub u64);
