//! The move of an interface from one instance to another: its steps, in an order that loses no packet.
//!
//! | step    | new port            | old port            | other hosts send to | other hosts accept from |
//! |---------|---------------------|---------------------|---------------------|-------------------------|
//! | Prepare | ready, may not send | speaks              | old                 | old and new             |
//! | Open    | speaks              | speaks              | old                 | old and new             |
//! | Drain   | speaks              | gets nothing more   | old (sends on)      | old and new             |
//! | Settle  | speaks              | silent              | new                 | old and new             |
//! | (ended) | speaks              | gone                | new                 | new only                |
//!
//! Each step is a commit that waits until the hosts it concerns have applied the one before, or are given up on: a host
//! that is cut off is refused by every other host once the move has ended, whatever it still sends. Until Drain the old
//! side receives, so until then a move whose new side does not get there is given up.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::id::{AttachmentId, VniId, VpcId};

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MoveStep {
    /// The new port is made ready; it receives nothing and may not send.
    Prepare,
    /// The new port speaks.
    Open,
    /// The old port gets nothing more, but may still answer what it got; its host sends on what still arrives.
    Drain,
    /// All hosts send to the new port; the old one is silent.
    Settle,
}

impl MoveStep {
    /// The step after this one; `None` when the move has ended.
    pub fn next(self) -> Option<MoveStep> {
        match self {
            MoveStep::Prepare => Some(MoveStep::Open),
            MoveStep::Open => Some(MoveStep::Drain),
            MoveStep::Drain => Some(MoveStep::Settle),
            MoveStep::Settle => None,
        }
    }
}

/// A move under way; there is at most one for an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The interface.
    pub vni: VniId,
    /// Its VPC.
    pub vpc: VpcId,
    /// The attachment that is left.
    pub from: AttachmentId,
    /// The attachment that takes over.
    pub to: AttachmentId,
    /// How far it is.
    pub step: MoveStep,
    /// When it was asked for.
    pub started_at: Timestamp,
}
