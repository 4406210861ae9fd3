//! What the programs note for people: refused flows, packets that were too big, verdicts of policies that are only asked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pintle_core::DropReason;

use crate::entry::addr::from_raw;
use crate::error::Result;
use crate::maps::Map;
use crate::skel::{Plain, types};

/// A flow that was refused: who, to whom, why. The latest are kept; under pressure the oldest give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// VXLAN network identifier of the VPC.
    pub segment: u32,
    /// Slot of the interface that refused.
    pub slot: u32,
    /// Who sent.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Protocol number of IANA's registry.
    pub protocol: u8,
    /// Destination port; for ICMP, type << 8 | code; for others 0.
    pub port: u16,
    /// Why.
    pub reason: DropReason,
    /// How many packets.
    pub packets: u64,
    /// When the first was refused, in ns of CLOCK_MONOTONIC.
    pub first_ns: u64,
    /// When the last was.
    pub last_ns: u64,
    /// Number of the network ACL's rule that denied it, else 0.
    pub rule: u32,
    /// Version of the interface's policy then.
    pub version: u32,
}

/// Packets that were too big for their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MtuEvent {
    /// VXLAN network identifier of the VPC.
    pub segment: u32,
    /// Who sent them.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// How many.
    pub packets: u64,
    /// The largest, in bytes of IP packet.
    pub largest: u32,
    /// What would have passed.
    pub mtu: u32,
    /// When the last one came, in ns of CLOCK_MONOTONIC.
    pub last_ns: u64,
}

/// New flows that the policy of [`Iface::shadow`](crate::Iface::shadow) would have judged so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadow {
    /// Slot of the interface.
    pub slot: u32,
    /// What the guest sends; otherwise what it gets.
    pub egress: bool,
    /// What the policy in force said.
    pub permitted: bool,
    /// What the shadow policy would have said.
    pub would_permit: bool,
    /// How many.
    pub flows: u64,
}

/// What the programs have noted.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    pub(crate) refusals: &'a Map,
    pub(crate) mtu_events: &'a Map,
    pub(crate) shadows: &'a Map,
}

impl Records<'_> {
    /// The latest refused flows, the most recent first.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn refusals(&self) -> Result<Vec<Refusal>> {
        let mut refusals = Vec::new();
        self.refusals.for_each(|key, value| {
            let raw = types::refusal_key::from_bytes(key).zip(types::refusal::from_bytes(value));
            refusals.extend(raw.and_then(|(key, value)| refusal(&key, &value)));
        })?;
        refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.last_ns));
        Ok(refusals)
    }

    /// Packets that were too big, the most recent first.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn mtu_events(&self) -> Result<Vec<MtuEvent>> {
        let mut events = Vec::new();
        self.mtu_events.for_each(|key, value| {
            let raw = types::mtu_key::from_bytes(key).zip(types::mtu_event::from_bytes(value));
            events.extend(raw.map(|(key, value)| MtuEvent {
                segment: key.segment,
                source: from_raw(&key.saddr),
                destination: from_raw(&key.daddr),
                packets: value.packets,
                largest: value.largest,
                mtu: value.mtu,
                last_ns: value.last_ns,
            }));
        })?;
        events.sort_by_key(|event| std::cmp::Reverse(event.last_ns));
        Ok(events)
    }

    /// What shadow policies would have said, by slot.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn shadows(&self) -> Result<Vec<Shadow>> {
        let mut shadows: BTreeMap<(u32, bool, bool, bool), u64> = BTreeMap::new();
        self.shadows.for_each(|key, values| {
            let Some(key) = types::shadow_key::from_bytes(key) else { return };
            let counts = values.chunks(size_of::<types::shadow_count>()).filter_map(types::shadow_count::from_bytes);
            let verdict = (key.slot, key.egress != 0, key.permitted != 0, key.denied == 0);
            // Assigned, not added to: a key that a concurrent insert made the kernel show twice counts once.
            shadows.insert(verdict, counts.map(|count| count.flows).sum());
        })?;
        let shadow =
            |((slot, egress, permitted, would_permit), flows)| Shadow { slot, egress, permitted, would_permit, flows };
        Ok(shadows.into_iter().map(shadow).collect())
    }

    /// Forgets what shadow policies would have done in a slot: its next policy starts at zero.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn clear_shadow(&self, slot: u32) -> Result<()> {
        for bits in 0..8 {
            let key = types::shadow_key { slot, egress: bits & 1, denied: bits >> 1 & 1, permitted: bits >> 2, pad: 0 };
            if self.shadows.lookup(key.bytes())?.is_some() {
                self.shadows.delete(key.bytes())?;
            }
        }
        Ok(())
    }
}

fn refusal(key: &types::refusal_key, value: &types::refusal) -> Option<Refusal> {
    Some(Refusal {
        segment: key.segment,
        slot: key.slot,
        source: from_raw(&key.saddr),
        destination: from_raw(&key.daddr),
        protocol: key.proto,
        port: u16::from_be(key.dport),
        reason: DropReason::from_number(key.reason)?,
        packets: value.packets,
        first_ns: value.first_ns,
        last_ns: value.last_ns,
        rule: value.rule,
        version: value.version,
    })
}
