//! An endpoint: one address of one VPC, and where it lives.

use std::net::{IpAddr, Ipv4Addr};

use super::addr::{be32_or_zero, from_raw, ipv4_or_none, raw};
use super::{Entry, MAX_SEGMENT, MIN_MTU, nonzero};
use crate::error::{DatapathError, Result};
use crate::flags::EndpointFlags;
use crate::maps::MapName;
use crate::skel::types;

/// What an endpoint is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// VXLAN network identifier of the VPC, 24 bits.
    pub segment: u32,
    /// The address within the VPC.
    pub addr: IpAddr,
}

/// One address of one VPC, and where it lives: on a device of this host (`ifindex`), or on another host (`vtep`).
///
/// During a move both places are known. The order of the writes, each of which is one atomic exchange of the entry:
///
/// 1. new host: `alt_ifindex` set, `vtep` still the old host (packets that reach it early are delivered);
/// 2. new host: `ifindex` set, no `vtep`, `INCOMING`, `alt_vtep` = old host; old host: no `ifindex`, `vtep` = new host,
///    `MOVED` (packets that reach it late are sent on). The new port becomes `ACTIVE` after its endpoints are written, or
///    its secondary addresses would count as spoofed; the old port stops being `ACTIVE` before;
/// 3. once no peer can still use the old place: the flags and `alt_vtep` go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// The device on this host.
    pub ifindex: Option<u32>,
    /// A device on this host that is made ready for a move.
    pub alt_ifindex: Option<u32>,
    /// The host it lives on, if not this one.
    pub vtep: Option<Ipv4Addr>,
    /// The other host during a move.
    pub alt_vtep: Option<Ipv4Addr>,
    /// Counters of `ifindex`.
    pub slot: u32,
    /// Counters of `alt_ifindex`.
    pub alt_slot: u32,
    /// What it is, and which part of a move it is in.
    pub flags: EndpointFlags,
    /// Generation of the attachment; carried for its owner, not read by the programs.
    pub generation: u32,
    /// The set of groups that the interface is in, by this host's number for it (see
    /// [`PolicyTables`](crate::PolicyTables)); 0: none known.
    pub identity: u32,
    /// The interface's MAC address.
    pub mac: [u8; 6],
    /// The MAC address that the gateway of the endpoint's own subnet shows.
    pub gateway_mac: [u8; 6],
    /// The largest IP packet on the path to it, in bytes.
    pub mtu: u16,
    /// Whose epoch tells flows that this entry changed: [`cell_of_endpoint`](crate::cell_of_endpoint) of its key.
    pub cell: u16,
}

impl Entry for Endpoint {
    type Key = EndpointKey;
    type RawKey = types::endpoint_key;
    type RawValue = types::endpoint;
    const MAP: MapName = MapName::Endpoints;

    fn raw_key(key: &EndpointKey) -> types::endpoint_key {
        types::endpoint_key { segment: key.segment, addr: raw(key.addr) }
    }

    fn key_from_raw(raw: &types::endpoint_key) -> EndpointKey {
        EndpointKey { segment: raw.segment, addr: from_raw(&raw.addr) }
    }

    fn raw_value(&self) -> types::endpoint {
        types::endpoint {
            ifindex: self.ifindex.unwrap_or(0),
            alt_ifindex: self.alt_ifindex.unwrap_or(0),
            vtep: be32_or_zero(self.vtep),
            alt_vtep: be32_or_zero(self.alt_vtep),
            slot: self.slot,
            alt_slot: self.alt_slot,
            flags: self.flags.0,
            generation: self.generation,
            identity: self.identity,
            mac: self.mac,
            gw_mac: self.gateway_mac,
            mtu: self.mtu,
            cell: self.cell,
        }
    }

    fn from_raw(raw: &types::endpoint) -> Endpoint {
        Endpoint {
            ifindex: nonzero(raw.ifindex),
            alt_ifindex: nonzero(raw.alt_ifindex),
            vtep: ipv4_or_none(raw.vtep),
            alt_vtep: ipv4_or_none(raw.alt_vtep),
            slot: raw.slot,
            alt_slot: raw.alt_slot,
            flags: EndpointFlags(raw.flags),
            generation: raw.generation,
            identity: raw.identity,
            mac: raw.mac,
            gateway_mac: raw.gw_mac,
            mtu: raw.mtu,
            cell: raw.cell,
        }
    }

    fn check(&self, key: &EndpointKey) -> Result<()> {
        let bad = |field, value: String, rule| {
            let entry = format!("endpoint {} in segment {}", key.addr, key.segment);
            Err(DatapathError::BadEntry { field, entry, value, rule })
        };
        if key.segment > MAX_SEGMENT {
            return bad("segment", key.segment.to_string(), "a VXLAN segment has 24 bits (RFC 7348)");
        }
        if self.ifindex.is_some() && self.slot == 0 {
            return bad("slot", self.slot.to_string(), "an endpoint with a device needs the slot of its port");
        }
        if self.alt_ifindex.is_some() && self.alt_slot == 0 {
            return bad("alt_slot", self.alt_slot.to_string(), "an endpoint with a second device needs its slot");
        }
        if !self.flags.contains(EndpointFlags::GATEWAY) && self.mtu < MIN_MTU {
            return bad("mtu", self.mtu.to_string(), "an IPv4 path carries at least 68 bytes (RFC 791)");
        }
        Ok(())
    }
}
