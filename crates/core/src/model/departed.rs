//! An instance that has gone: EC2 shows it for about an hour more.

use serde::{Deserialize, Serialize};

use super::{Instance, Tags, Timestamp};

/// A launched instance that has gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartedInstance {
    /// When it had gone.
    pub at: Timestamp,
    /// What it was. Its VPC, its host and all else that it names may have gone since.
    pub instance: Instance,
    /// The tags that it had.
    pub tags: Tags,
}

impl DepartedInstance {
    /// How long it is shown, in milliseconds.
    pub const SHOWN_FOR: u64 = 3_600_000;

    /// Whether it is still shown.
    pub fn remembered(&self, now: Timestamp) -> bool {
        now.0.saturating_sub(self.at.0) <= Self::SHOWN_FOR
    }
}
