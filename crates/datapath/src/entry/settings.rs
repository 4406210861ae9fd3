//! What the programs need to know of the host itself. It can change without a reload.

use std::net::Ipv4Addr;

use super::addr::{be32_or_zero, ipv4_or_none};
use super::nonzero;
use crate::skel::types;

/// The host's own side of the overlay, and what else the programs need to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostSettings {
    /// The collect-metadata VXLAN device. Without it nothing goes to other hosts.
    pub vxlan_ifindex: Option<u32>,
    /// Outer source address of what this host sends; without it the kernel chooses one by its routes.
    pub local_vtep: Option<Ipv4Addr>,
    /// The device to the public network. Without it nothing goes there.
    pub uplink_ifindex: Option<u32>,
    /// The end of the shaper's cable that what guests send leaves by.
    pub shaper_ifindex: Option<u32>,
    /// The other end: what guests get leaves by it.
    pub shaper_peer_ifindex: Option<u32>,
    /// Ticks of 2^20 ns that are added to the clock: 0, but in tests of timeouts.
    pub clock_offset: u32,
}

impl HostSettings {
    pub(crate) fn raw(&self) -> types::host_settings {
        types::host_settings {
            vxlan_ifindex: self.vxlan_ifindex.unwrap_or(0),
            local_vtep: be32_or_zero(self.local_vtep),
            uplink_ifindex: self.uplink_ifindex.unwrap_or(0),
            shaper_ifindex: self.shaper_ifindex.unwrap_or(0),
            clock_offset: self.clock_offset,
            shaper_peer_ifindex: self.shaper_peer_ifindex.unwrap_or(0),
        }
    }

    pub(crate) fn from_raw(raw: &types::host_settings) -> HostSettings {
        HostSettings {
            vxlan_ifindex: nonzero(raw.vxlan_ifindex),
            local_vtep: ipv4_or_none(raw.local_vtep),
            uplink_ifindex: nonzero(raw.uplink_ifindex),
            shaper_ifindex: nonzero(raw.shaper_ifindex),
            shaper_peer_ifindex: nonzero(raw.shaper_peer_ifindex),
            clock_offset: raw.clock_offset,
        }
    }
}
