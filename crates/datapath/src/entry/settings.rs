//! What the programs need to know of the host itself. It can change without a reload.

use std::net::Ipv4Addr;

use super::{addr_or_none, be32_or_zero, nonzero};
use crate::skel::types;

/// The host's own side of the overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostSettings {
    /// The collect-metadata VXLAN device. Without it nothing goes to other hosts.
    pub vxlan_ifindex: Option<u32>,
    /// Outer source address of what this host sends; without it the kernel chooses one by its routes.
    pub local_vtep: Option<Ipv4Addr>,
}

impl HostSettings {
    pub(crate) fn raw(&self) -> types::host_settings {
        types::host_settings {
            vxlan_ifindex: self.vxlan_ifindex.unwrap_or(0),
            local_vtep: be32_or_zero(self.local_vtep),
        }
    }

    pub(crate) fn from_raw(raw: &types::host_settings) -> HostSettings {
        HostSettings { vxlan_ifindex: nonzero(raw.vxlan_ifindex), local_vtep: addr_or_none(raw.local_vtep) }
    }
}
