//! A location: which host may speak on the overlay for a MAC address.

use std::net::{IpAddr, Ipv4Addr};

use super::addr::{be32_or_zero, from_raw_or_none, ipv4_or_none, raw_or_zero};
use super::{Entry, MAX_SEGMENT};
use crate::error::{DatapathError, Result};
use crate::maps::MapName;
use crate::skel::types;

/// What a location is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationKey {
    /// VXLAN network identifier of the VPC, 24 bits.
    pub segment: u32,
    /// The interface's MAC address.
    pub mac: [u8; 6],
}

/// Which host may speak on the overlay for a MAC address. An interface of this very host has no `vtep`: then nobody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Location {
    /// The host the interface lives on, if not this one.
    pub vtep: Option<Ipv4Addr>,
    /// Also accepted while a move is under way.
    pub alt_vtep: Option<Ipv4Addr>,
    /// The interface's primary address: where frames to this MAC for foreign addresses go.
    pub addr: Option<IpAddr>,
    /// The number of the route table by which its packets are sent on; 0: the VPC has none.
    pub table: u8,
    /// Whose epoch tells flows that this entry changed: [`cell_of_mac`](crate::cell_of_mac) of its key.
    pub cell: u16,
}

impl Entry for Location {
    type Key = LocationKey;
    type RawKey = types::location_key;
    type RawValue = types::location;
    const MAP: MapName = MapName::Locations;

    fn raw_key(key: &LocationKey) -> types::location_key {
        types::location_key { segment: key.segment, mac: key.mac, pad: 0 }
    }

    fn key_from_raw(raw: &types::location_key) -> LocationKey {
        LocationKey { segment: raw.segment, mac: raw.mac }
    }

    fn raw_value(&self) -> types::location {
        types::location {
            vtep: be32_or_zero(self.vtep),
            alt_vtep: be32_or_zero(self.alt_vtep),
            addr: raw_or_zero(self.addr),
            cell: self.cell,
            table: self.table,
            pad: 0,
        }
    }

    fn from_raw(raw: &types::location) -> Location {
        Location {
            vtep: ipv4_or_none(raw.vtep),
            alt_vtep: ipv4_or_none(raw.alt_vtep),
            addr: from_raw_or_none(&raw.addr),
            cell: raw.cell,
            table: raw.table,
        }
    }

    fn check(&self, key: &LocationKey) -> Result<()> {
        if key.segment > MAX_SEGMENT {
            return Err(DatapathError::BadEntry {
                field: "segment",
                entry: format!("location of {:02x?}", key.mac),
                value: key.segment.to_string(),
                rule: "a VXLAN segment has 24 bits (RFC 7348)",
            });
        }
        Ok(())
    }
}
