//! The flow table as people and the agent read it: who talks to whom, since which rule, how much.

use std::net::{IpAddr, Ipv4Addr};

use crate::entry::addr::{from_raw, ipv4_or_none, raw};
use crate::error::{DatapathError, Result};
use crate::flags::{FlowFlags, FlowState};
use crate::maps::Map;
use crate::skel::{Plain, types};

/// What a flow is found by: a segment, the two ends (the lower address, then port, first) and the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// VXLAN network identifier of the VPC.
    pub segment: u32,
    /// Address and port of both ends. For ICMP queries the port is the identifier, for other protocols 0.
    pub ends: [(IpAddr, u16); 2],
    /// Protocol number of IANA's registry.
    pub protocol: u8,
}

/// What one end of a flow has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowSide {
    /// Packets, modulo 2^32.
    pub packets: u32,
    /// Bytes of them.
    pub bytes: u64,
    /// Slot of the interface at this end; 0: it is on another host.
    pub slot: u32,
}

/// One connection, seen from this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Who talks to whom.
    pub key: FlowKey,
    /// What each end has sent, in the order of the key.
    pub sides: [FlowSide; 2],
    /// How far it is.
    pub state: FlowState,
    /// What else it is.
    pub flags: FlowFlags,
    /// Tick of 2^20 ns (CLOCK_MONOTONIC) of the last packet.
    pub seen: u32,
    /// Number of the rule that the sender's gate let it out by; 0: not asked here.
    pub rule_egress: u32,
    /// Number of the rule that the receiver's gate let it in by; 0: not asked here.
    pub rule_ingress: u32,
    /// The public address and port it is translated to; port 0: kept.
    pub public: Option<(Ipv4Addr, u16)>,
}

impl Flow {
    /// Which end opened it: 0 or 1.
    pub fn opener(&self) -> usize {
        usize::from(self.flags.contains(FlowFlags::OPENER))
    }

    fn from_raw(key: &types::flow_key, raw: &types::flow) -> Flow {
        let side = |n: usize| FlowSide { packets: raw.dir[n].packets, bytes: raw.dir[n].bytes, slot: raw.slot[n] };
        Flow {
            key: FlowKey::from_raw(key),
            sides: [side(0), side(1)],
            state: FlowState(raw.state),
            flags: FlowFlags(raw.flags),
            seen: raw.seen,
            rule_egress: raw.rule_egress,
            rule_ingress: raw.rule_ingress,
            public: ipv4_or_none(raw.nat_addr).map(|addr| (addr, u16::from_be(raw.nat_port))),
        }
    }
}

impl FlowKey {
    /// The key of a flow between two ends, in whichever order.
    pub fn between(segment: u32, protocol: u8, one: (IpAddr, u16), other: (IpAddr, u16)) -> FlowKey {
        let order = |end: &(IpAddr, u16)| {
            let bits = match end.0 {
                IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
                IpAddr::V6(addr) => addr.to_bits(),
            };
            (bits, end.1)
        };
        let ends = if order(&one) <= order(&other) { [one, other] } else { [other, one] };
        FlowKey { segment, ends, protocol }
    }

    fn raw(&self) -> types::flow_key {
        let [(low, low_port), (high, high_port)] = self.ends;
        types::flow_key {
            segment: self.segment,
            addr: [raw(low), raw(high)],
            port: [low_port.to_be(), high_port.to_be()],
            proto: self.protocol.into(),
        }
    }

    fn from_raw(raw: &types::flow_key) -> FlowKey {
        let end = |n: usize| (from_raw(&raw.addr[n]), u16::from_be(raw.port[n]));
        FlowKey { segment: raw.segment, ends: [end(0), end(1)], protocol: raw.proto as u8 }
    }
}

/// What another host knows of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFlow {
    /// Who talks to whom.
    pub key: FlowKey,
    /// Which end of the key opened it: 0 or 1.
    pub opener: usize,
    /// How far it is.
    pub state: FlowState,
    /// Tick of 2^20 ns (CLOCK_MONOTONIC) of the last packet.
    pub seen: u32,
}

/// Flows that an interface has, as its quota counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Flows that it opened.
    pub opened: u32,
    /// Flows that others opened to it.
    pub accepted: u32,
    /// Connections that are over and still remembered: in neither of those.
    pub over: u32,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Flows in the table when it began.
    pub visited: u32,
    /// Flows that had expired, or were over where there are many, and are gone.
    pub deleted: u32,
}

impl Sweep {
    /// Flows that are left, but for those made meanwhile.
    pub fn left(&self) -> u32 {
        self.visited.saturating_sub(self.deleted)
    }
}

/// The flow table.
#[derive(Debug, Clone, Copy)]
pub struct Flows<'a> {
    pub(crate) flows: &'a Map,
    pub(crate) usages: &'a Map,
}

impl Flows<'_> {
    /// The flow with this key, expired or not.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn get(&self, key: &FlowKey) -> Result<Option<Flow>> {
        let raw = key.raw();
        let value = self.flows.lookup(raw.bytes())?;
        Ok(value.and_then(|bytes| types::flow::from_bytes(&bytes)).map(|flow| Flow::from_raw(&raw, &flow)))
    }

    /// Calls `each` with every flow until it returns `false`, batch by batch: the table is never copied as a whole. Flows
    /// made or deleted meanwhile may or may not be among them, and one may come twice.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn for_each(&self, mut each: impl FnMut(Flow) -> bool) -> Result<()> {
        self.flows.for_each_while(|key, value| {
            match (types::flow_key::from_bytes(key), types::flow::from_bytes(value)) {
                (Some(key), Some(flow)) => each(Flow::from_raw(&key, &flow)),
                _ => true,
            }
        })
    }

    /// How many flows there are, expired ones included.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn count(&self) -> Result<usize> {
        let mut count = 0;
        self.flows.for_each(|_, _| count += 1)?;
        Ok(count)
    }

    /// How many flows there can be.
    pub fn room(&self) -> u32 {
        self.flows.max_entries()
    }

    /// Makes a flow known that another host has told of. It counts in nobody's quota and has no way yet: with the next
    /// packet of either end it is decided as one whose interface has just come here, by the gate that has not been asked,
    /// in the direction of the end that opened it. Returns whether it was not known.
    ///
    /// # Errors
    /// When the table is full, or the kernel refuses.
    pub fn take_over(&self, flow: &KnownFlow) -> Result<bool> {
        let opener = if flow.opener == 1 { FlowFlags::OPENER } else { FlowFlags(0) };
        // What was sent since is not known: sequence numbers of this connection are not judged.
        let loose = if flow.key.protocol == 6 { FlowFlags::LOOSE } else { FlowFlags(0) };
        let raw =
            types::flow { seen: flow.seen, state: flow.state.0, flags: opener.with(loose).0, ..types::flow::default() };
        self.flows.insert(flow.key.raw().bytes(), raw.bytes())
    }

    /// Deletes a flow and takes it off the usage of its interfaces. Returns whether it was there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete(&self, key: &FlowKey) -> Result<bool> {
        let Some(flow) = self.get(key)? else { return Ok(false) };
        if !self.flows.delete(key.raw().bytes())? {
            return Ok(false);
        }
        for (end, side) in flow.sides.iter().enumerate().filter(|(_, side)| side.slot != 0) {
            let mut usage = self.raw_usage(side.slot)?;
            let count = match end == flow.opener() {
                _ if flow.flags.contains(FlowFlags::OVER) => &mut usage.over,
                true => &mut usage.opened,
                false => &mut usage.accepted,
            };
            *count = count.saturating_sub(1);
            self.usages.update(&side.slot.to_ne_bytes(), usage.bytes())?;
        }
        Ok(true)
    }

    /// How many flows the interface in a slot has.
    ///
    /// # Errors
    /// When there is no such slot, or the kernel cannot read the map.
    pub fn usage(&self, slot: u32) -> Result<Usage> {
        let raw = self.raw_usage(slot)?;
        // One too low for a moment, while others count.
        let [opened, accepted, over] =
            [raw.opened, raw.accepted, raw.over].map(|count| count.cast_signed().max(0).cast_unsigned());
        Ok(Usage { opened, accepted, over })
    }

    fn raw_usage(&self, slot: u32) -> Result<types::usage> {
        let last = self.usages.max_entries() - 1;
        if slot > last {
            return Err(DatapathError::BadSlot { slot, last });
        }
        let value = self.usages.lookup(&slot.to_ne_bytes())?.unwrap_or_default();
        Ok(types::usage::from_bytes(&value).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_depend_on_who_asks() {
        let (one, other) = (([10, 0, 0, 9].into(), 80), ([10, 0, 0, 10].into(), 4000));
        let key = FlowKey::between(7, 6, one, other);
        assert_eq!(key, FlowKey::between(7, 6, other, one));
        assert_eq!(key.ends, [one, other]);
        assert_eq!(FlowKey::from_raw(&key.raw()), key);
        let same = ([10, 0, 0, 9].into(), 79);
        assert_eq!(FlowKey::between(7, 6, one, same).ends, [same, one]);
    }
}
