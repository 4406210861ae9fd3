//! A port: one device of this host that a guest sends from.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv6Net;

use super::addr::{be32, from_raw, ipv4, net6_or_none, raw, raw_net6};
use super::{Entry, MAX_SEGMENT, MIN_MTU, nonzero};
use crate::error::{DatapathError, Result};
use crate::flags::PortFlags;
use crate::maps::MapName;
use crate::skel::types;

/// What a port's number has that is not the index of a device, as in `src/bpf/types.h`.
const VLAN_PORT: u32 = 0x8000_0000;
/// The highest number of a VLAN (IEEE 802.1Q).
pub(crate) const MAX_VLAN: u16 = 4094;
/// The highest slot of a port.
const MAX_SLOT: u32 = 0xffff;

/// The number, in place of a device's index, of the port with this slot that uses a VLAN of another port's card.
pub const fn vlan_port(vlan: u16, slot: u32) -> u32 {
    VLAN_PORT | (vlan as u32) << 16 | slot & MAX_SLOT
}

/// The VLAN that a port's number says, if it is not a device's index.
pub(crate) const fn number_of_vlan(number: u32) -> Option<u16> {
    if number & VLAN_PORT == 0 { None } else { Some((number >> 16 & 0xfff) as u16) }
}

/// One port of this host that a guest sends from. The key is the index of its device or, where it uses a VLAN of another
/// port's card, [`vlan_port`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// VXLAN network identifier of the VPC, 24 bits.
    pub segment: u32,
    /// Index of the counters and of the [`Iface`](crate::Iface), 1 to 65,535; unique on this host while the port exists.
    pub slot: u32,
    /// The interface's primary address. The others are known by their endpoints.
    pub primary_ip: IpAddr,
    /// The IPv4 gateway address of the interface's subnet.
    pub gateway_ip: Ipv4Addr,
    /// Prefix length of the subnet's IPv4 network, 0 to 32.
    pub prefix_len: u8,
    /// The subnet's IPv6 network, if it has one.
    pub subnet6: Option<Ipv6Net>,
    /// The number of the subnet's route table; 0: the VPC has none.
    pub table: u8,
    /// The interface's MAC address.
    pub mac: [u8; 6],
    /// The MAC address that the gateway shows to this guest.
    pub gateway_mac: [u8; 6],
    /// The largest IP packet the guest may send, in bytes.
    pub mtu: u16,
    /// Index of the device of the card that it uses a VLAN of; `None`: it has a device of its own.
    pub card: Option<u32>,
    /// What the port may do.
    pub flags: PortFlags,
    /// Generation of the attachment; carried for its owner, not read by the programs.
    pub generation: u32,
    /// The interface's id text, at most 24 bytes; longer text is cut. Carried for people who dump the map.
    pub vni: String,
}

impl Entry for Port {
    type Key = u32;
    type RawKey = types::ifindex_key;
    type RawValue = types::port;
    const MAP: MapName = MapName::Ports;

    fn raw_key(ifindex: &u32) -> types::ifindex_key {
        types::ifindex_key { ifindex: *ifindex }
    }

    fn key_from_raw(raw: &types::ifindex_key) -> u32 {
        raw.ifindex
    }

    fn raw_value(&self) -> types::port {
        let mut vni = [0; 24];
        let text = self.vni.as_bytes();
        let len = text.len().min(vni.len());
        vni[..len].copy_from_slice(&text[..len]);
        let (subnet6, prefix6_len) = raw_net6(self.subnet6);
        types::port {
            segment: self.segment,
            slot: self.slot,
            primary: raw(self.primary_ip),
            gateway_ip: be32(self.gateway_ip),
            subnet6,
            mac: self.mac,
            gw_mac: self.gateway_mac,
            mtu: self.mtu,
            flags: self.flags.0,
            generation: self.generation,
            prefix_len: self.prefix_len,
            prefix6_len,
            table: self.table,
            pad: 0,
            card: self.card.unwrap_or(0),
            vni,
        }
    }

    fn from_raw(raw: &types::port) -> Port {
        let text = raw.vni.split(|byte| *byte == 0).next().unwrap_or_default();
        Port {
            segment: raw.segment,
            slot: raw.slot,
            primary_ip: from_raw(&raw.primary),
            gateway_ip: ipv4(raw.gateway_ip),
            prefix_len: raw.prefix_len,
            subnet6: net6_or_none(&raw.subnet6, raw.prefix6_len),
            table: raw.table,
            mac: raw.mac,
            gateway_mac: raw.gw_mac,
            mtu: raw.mtu,
            card: nonzero(raw.card),
            flags: PortFlags(raw.flags),
            generation: raw.generation,
            vni: String::from_utf8_lossy(text).into_owned(),
        }
    }

    fn check(&self, ifindex: &u32) -> Result<()> {
        let bad = |field, value: String, rule| {
            Err(DatapathError::BadEntry { field, entry: format!("port {ifindex} ({})", self.vni), value, rule })
        };
        if *ifindex == 0 {
            return bad("ifindex", ifindex.to_string(), "device indexes start at 1");
        }
        match (number_of_vlan(*ifindex), self.card) {
            (None, Some(card)) => return bad("card", card.to_string(), "a port with a device has no other card"),
            (Some(_), None) => return bad("card", "none".into(), "a VLAN is one of a card's"),
            (Some(vlan), _) if vlan == 0 || vlan > MAX_VLAN => {
                return bad("ifindex", ifindex.to_string(), "a VLAN's number is 1 to 4094 (IEEE 802.1Q)");
            }
            (Some(_), _) if *ifindex & MAX_SLOT != self.slot => {
                return bad("slot", self.slot.to_string(), "the number of a VLAN's port says its slot");
            }
            _ => {}
        }
        if self.slot == 0 {
            return bad("slot", self.slot.to_string(), "slot 0 counts for the host itself; ports start at 1");
        }
        if self.segment > MAX_SEGMENT {
            return bad("segment", self.segment.to_string(), "a VXLAN segment has 24 bits (RFC 7348)");
        }
        if self.primary_ip.is_unspecified() {
            return bad("primary_ip", self.primary_ip.to_string(), "a port has a primary address");
        }
        if self.prefix_len > 32 {
            return bad("prefix_len", self.prefix_len.to_string(), "an IPv4 prefix has 0 to 32 bits");
        }
        if self.mtu < MIN_MTU {
            return bad("mtu", self.mtu.to_string(), "an IPv4 link carries at least 68 bytes (RFC 791)");
        }
        Ok(())
    }
}
