//! What may pass an interface: one entry for each slot.

use super::Entry;
use crate::error::Result;
use crate::flags::IfaceFlags;
use crate::maps::MapName;
use crate::skel::types;

/// What may pass the interface at a port; the key is the port's slot. An entry of all zeros lets nothing pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Iface {
    /// Number of its policy ([`PolicyTables::policy`](crate::PolicyTables::policy)); 0: nothing passes.
    pub policy: u32,
    /// Number of the policy that is asked beside it and only counted; 0: none;
    /// [`CLOSED_POLICY`](crate::CLOSED_POLICY): one that permits nothing.
    pub shadow: u32,
    /// Number of its subnet's network ACL ([`AclTables::acl`](crate::AclTables::acl)); 0: everything passes it.
    pub acl: u32,
    /// How it is treated.
    pub flags: IfaceFlags,
    /// Flows that were decided at a lower number are judged again.
    pub judged: u32,
    /// Flows that it may open; others may open twice as many to it.
    pub quota: u32,
    /// Idle time of established TCP, in ticks of 2^20 ns.
    pub tcp_established: u32,
    /// Idle time of UDP with packets both ways, in ticks.
    pub udp_stream: u32,
    /// Idle time of UDP with packets one way, in ticks.
    pub udp: u32,
    /// Shaper class of what the guest sends; 0: not shaped.
    pub egress_class: u32,
    /// Shaper class of what it gets; 0: not shaped.
    pub ingress_class: u32,
    /// Version of the policy, for people.
    pub version: u32,
    /// The interface's MAC address: what routed frames for it carry.
    pub mac: [u8; 6],
    /// Its gateway's: the source of those frames.
    pub gateway_mac: [u8; 6],
}

/// Ticks of 2^20 ns in so many seconds, rounded down.
pub fn ticks(seconds: u32) -> u32 {
    let ticks = u64::from(seconds) * 1_000_000_000 / (1 << 20);
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

impl Entry for Iface {
    type Key = u32;
    type RawKey = u32;
    type RawValue = types::iface;
    const MAP: MapName = MapName::Ifaces;

    fn raw_key(slot: &u32) -> u32 {
        *slot
    }

    fn key_from_raw(raw: &u32) -> u32 {
        *raw
    }

    fn raw_value(&self) -> types::iface {
        types::iface {
            policy: self.policy,
            shadow: self.shadow,
            acl: self.acl,
            flags: self.flags.0,
            judged: self.judged,
            quota: self.quota,
            tcp_established: self.tcp_established,
            udp_stream: self.udp_stream,
            udp: self.udp,
            egress_class: self.egress_class,
            ingress_class: self.ingress_class,
            version: self.version,
            mac: self.mac,
            gw_mac: self.gateway_mac,
        }
    }

    fn from_raw(raw: &types::iface) -> Iface {
        Iface {
            policy: raw.policy,
            shadow: raw.shadow,
            acl: raw.acl,
            flags: IfaceFlags(raw.flags),
            judged: raw.judged,
            quota: raw.quota,
            tcp_established: raw.tcp_established,
            udp_stream: raw.udp_stream,
            udp: raw.udp,
            egress_class: raw.egress_class,
            ingress_class: raw.ingress_class,
            version: raw.version,
            mac: raw.mac,
            gateway_mac: raw.gw_mac,
        }
    }

    fn check(&self, _slot: &u32) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_timeout_fits() {
        assert_eq!(ticks(0), 0);
        assert_eq!(ticks(60), 57_220);
        assert!(ticks(432_000) < 1 << 29, "far from the clock's turn-over");
    }
}
