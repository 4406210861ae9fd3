//! A location: which host may speak on the overlay for a MAC address.

use std::net::Ipv4Addr;

use super::{Entry, MAX_SEGMENT, addr_or_none, be32_or_zero};
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
        types::location { vtep: be32_or_zero(self.vtep), alt_vtep: be32_or_zero(self.alt_vtep) }
    }

    fn from_raw(raw: &types::location) -> Location {
        Location { vtep: addr_or_none(raw.vtep), alt_vtep: addr_or_none(raw.alt_vtep) }
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
