//! Sizes of the maps, fixed when they are made.

use crate::error::{DatapathError, Result};

/// How much the maps have room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Ports on this host plus one (slot 0 is the host's own). 2 to 65,536.
    pub max_ports: u32,
    /// Addresses known to this host, local and remote. 1 to 16,777,216.
    pub max_endpoints: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { max_ports: 4096, max_endpoints: 131_072 }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<()> {
        for (setting, value, min, max) in
            [("max_ports", self.max_ports, 2, 1 << 16), ("max_endpoints", self.max_endpoints, 1, 1 << 24)]
        {
            if value < min || value > max {
                return Err(DatapathError::BadSetting { setting, value, min, max });
            }
        }
        Ok(())
    }
}
