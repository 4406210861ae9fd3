//! Fragments: later ones take their ports from the first, which must have passed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::flow::{IcmpKind, Selector, flow_ports, icmp_kind, selector, ticks};
use super::packet::{Packet, Transport};
use crate::drop_reason::DropReason;

/// How long a first fragment is remembered, in seconds: as long as Linux waits for the others.
const REMEMBERED: u64 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    segment: u32,
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
}

/// What a packet's flow and the rules read of its transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// Of its flow: the sender's and the receiver's.
    pub(super) flow: (u16, u16),
    /// For rules.
    pub(super) selector: Selector,
}

#[derive(Debug, Clone, Copy)]
struct First {
    ports: Ports,
    tick: u64,
}

/// First fragments that have passed.
#[derive(Debug, Clone, Default)]
pub(super) struct Fragments {
    firsts: BTreeMap<Key, First>,
}

fn key(segment: u32, packet: &Packet, id: u32) -> Key {
    let Packet { source, destination, protocol, .. } = *packet;
    Key { segment, source, destination, id, protocol }
}

impl Fragments {
    /// The packet's ports: its own, or those of its first fragment.
    ///
    /// # Errors
    /// `fragment_unknown`.
    pub(super) fn ports(&self, segment: u32, packet: &Packet, now: u64) -> Result<Ports, DropReason> {
        match packet.fragment {
            Some(fragment) if fragment.offset > 0 => {
                let first = self.firsts.get(&key(segment, packet, fragment.id)).ok_or(DropReason::FragmentUnknown)?;
                let old = now - first.tick > ticks(REMEMBERED);
                if old { Err(DropReason::FragmentUnknown) } else { Ok(first.ports) }
            }
            _ => Ok(Ports { flow: flow_ports(packet), selector: selector(packet) }),
        }
    }

    /// Remembers a first fragment that has passed with its flow. ICMP errors have none that later ones could follow.
    pub(super) fn remember(&mut self, segment: u32, packet: &Packet, ports: Ports, now: u64) {
        let error = matches!(packet.transport, Transport::Icmp { kind, .. }
            if icmp_kind(packet.is_ipv6(), kind) == IcmpKind::Error);
        if let Some(fragment) = packet.fragment.filter(|fragment| fragment.offset == 0 && !error) {
            self.firsts.insert(key(segment, packet, fragment.id), First { ports, tick: now });
        }
    }
}
