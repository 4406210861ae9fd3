//! Sizes of the maps, fixed when they are made.

use crate::error::{DatapathError, Result};

/// How much the maps have room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Ports on this host plus one (slot 0 is the host's own). 2 to 65,536.
    pub max_ports: u32,
    /// Addresses known to this host, local and remote; as many routes, and pairs of a gate and an identity. 1 to
    /// 16,777,216.
    pub max_endpoints: u32,
    /// Connections that this host remembers, both directions of each in one. 1,024 to 16,777,216.
    pub max_flows: u32,
    /// Networks in the gates of all policies together. 16 to 16,777,216.
    pub max_prefixes: u32,
    /// Port ranges in the classes of all policies together; as many rows and rules. 16 to 16,777,216.
    pub max_spans: u32,
    /// Rules of all network ACLs together. 16 to 1,048,576.
    pub max_acl_rules: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_ports: 4096,
            max_endpoints: 131_072,
            max_flows: 262_144,
            max_prefixes: 131_072,
            max_spans: 131_072,
            max_acl_rules: 65_536,
        }
    }
}

impl Settings {
    /// The smallest maps that there are: for tests and for trying whether the kernel takes the programs.
    pub const SMALLEST: Settings = Settings {
        max_ports: 2,
        max_endpoints: 1,
        max_flows: 1024,
        max_prefixes: 16,
        max_spans: 16,
        max_acl_rules: 16,
    };

    pub(crate) fn check(&self) -> Result<()> {
        for (setting, value, min, max) in [
            ("max_ports", self.max_ports, 2, 1 << 16),
            ("max_endpoints", self.max_endpoints, 1, 1 << 24),
            ("max_flows", self.max_flows, 1024, 1 << 24),
            ("max_prefixes", self.max_prefixes, 16, 1 << 24),
            ("max_spans", self.max_spans, 16, 1 << 24),
            ("max_acl_rules", self.max_acl_rules, 16, 1 << 20),
        ] {
            if value < min || value > max {
                return Err(DatapathError::BadSetting { setting, value, min, max });
            }
        }
        Ok(())
    }
}
