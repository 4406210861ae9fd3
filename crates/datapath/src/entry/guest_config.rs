//! What a guest is told that asks by DHCP or for routers: one entry for each slot.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use pintle_core::host_spec::{Ipv6Assignment, PortSpec};

use super::{Entry, addr};
use crate::error::{DatapathError, Result};
use crate::guest_options;
use crate::maps::MapName;
use crate::skel::types;

/// How long a guest may use its address before it asks again, in seconds. The answer never changes while it is attached.
const LEASE: u32 = 3600;
/// What is left of the 576 bytes that every client takes (RFC 2131, 2), when the longest client identifier goes back.
const DHCP4_ROOM: usize = 208;
const DHCP6_ROOM: usize = 160;
const RA_ROOM: usize = 192;
const _: () = assert!(size_of::<types::guest_config>() == 44 + DHCP4_ROOM + DHCP6_ROOM + RA_ROOM, "as in types.h");

/// What the guest at a port is told; the key is the port's slot. The default tells nothing: nobody is answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestConfig {
    /// The address that DHCPv6 gives it. DHCPv4 gives the port's primary address.
    pub address6: Option<Ipv6Addr>,
    /// The network that DHCPv6 delegates to it.
    pub prefix6: Option<Ipv6Net>,
    /// Seconds until it asks again; 0: DHCPv6 is not answered.
    pub lease: u32,
    /// Options of DHCPv4 answers (RFC 2132), without those about the message itself; empty: not answered.
    pub dhcp4: Vec<u8>,
    /// Options of DHCPv6 answers (RFC 8415), without those about the message itself.
    pub dhcp6: Vec<u8>,
    /// The router advertisement (RFC 4861) with checksum 0; empty: solicitations are not answered.
    pub router_advertisement: Vec<u8>,
}

impl GuestConfig {
    /// What a port's guest is told, by what the host should have. `gateway_mac` is what the gateway shows to this guest.
    pub fn new(spec: &PortSpec, gateway_mac: [u8; 6]) -> GuestConfig {
        let six = spec.addresses.iter().find_map(|address| match address {
            IpAddr::V6(address) => Some(*address),
            IpAddr::V4(_) => None,
        });
        let prefix6 = spec.prefixes.iter().find_map(|prefix| match prefix {
            IpNet::V6(prefix) => Some(*prefix),
            IpNet::V4(_) => None,
        });
        let advertise = |subnet| guest_options::router_advertisement(spec, subnet, gateway_mac, RA_ROOM);
        GuestConfig {
            address6: six.filter(|_| spec.guest_config.ipv6 == Ipv6Assignment::Dhcpv6),
            prefix6,
            lease: LEASE,
            dhcp4: guest_options::dhcp4(spec, DHCP4_ROOM),
            dhcp6: guest_options::dhcp6(spec, DHCP6_ROOM),
            router_advertisement: spec.subnet6.map(advertise).unwrap_or_default(),
        }
    }
}

impl Entry for GuestConfig {
    type Key = u32;
    type RawKey = u32;
    type RawValue = types::guest_config;
    const MAP: MapName = MapName::GuestConfigs;

    fn raw_key(slot: &u32) -> u32 {
        *slot
    }

    fn key_from_raw(raw: &u32) -> u32 {
        *raw
    }

    fn raw_value(&self) -> types::guest_config {
        let (prefix6, prefix6_len) = addr::raw_net6(self.prefix6);
        let mut raw = types::guest_config {
            addr6: addr::raw_or_zero(self.address6.map(IpAddr::V6)),
            prefix6,
            lease: self.lease,
            dhcp4_len: self.dhcp4.len() as u16,
            dhcp6_len: self.dhcp6.len() as u16,
            ra_len: self.router_advertisement.len() as u16,
            prefix6_len,
            ..types::guest_config::default()
        };
        raw.dhcp4[..self.dhcp4.len()].copy_from_slice(&self.dhcp4);
        raw.dhcp6[..self.dhcp6.len()].copy_from_slice(&self.dhcp6);
        raw.ra[..self.router_advertisement.len()].copy_from_slice(&self.router_advertisement);
        raw
    }

    fn from_raw(raw: &types::guest_config) -> GuestConfig {
        let part = |bytes: &[u8], len: u16| bytes[..usize::from(len).min(bytes.len())].to_vec();
        let address6 = addr::from_raw_or_none(&raw.addr6).and_then(|address| match address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        });
        GuestConfig {
            address6,
            prefix6: addr::net6_or_none(&raw.prefix6, raw.prefix6_len),
            lease: raw.lease,
            dhcp4: part(&raw.dhcp4, raw.dhcp4_len),
            dhcp6: part(&raw.dhcp6, raw.dhcp6_len),
            router_advertisement: part(&raw.ra, raw.ra_len),
        }
    }

    fn check(&self, slot: &u32) -> Result<()> {
        let parts = [
            ("dhcp4", self.dhcp4.len(), DHCP4_ROOM, "options of DHCPv4 answers take at most 208 bytes"),
            ("dhcp6", self.dhcp6.len(), DHCP6_ROOM, "options of DHCPv6 answers take at most 160 bytes"),
            ("router_advertisement", self.router_advertisement.len(), RA_ROOM, "it takes at most 192 bytes"),
        ];
        for (field, len, room, rule) in parts {
            if len > room {
                let entry = format!("guest configuration of slot {slot}");
                return Err(DatapathError::BadEntry { field, entry, value: format!("{len} bytes"), rule });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let config = GuestConfig { dhcp4: vec![0; 209], ..GuestConfig::default() };
        let error = config.check(&7).unwrap_err().to_string();
        assert!(error.contains("dhcp4") && error.contains("209") && error.contains("slot 7"), "{error}");
    }

    #[test]
    fn an_entry_comes_back() {
        let config = GuestConfig {
            address6: "2001:db8::7".parse().ok(),
            prefix6: "2001:db8:0:0:7::/80".parse().ok(),
            lease: 3600,
            dhcp4: vec![1; 208],
            dhcp6: vec![2; 160],
            router_advertisement: vec![3; 192],
        };
        assert_eq!(GuestConfig::from_raw(&config.raw_value()), config);
        let nothing = GuestConfig::default();
        assert_eq!(GuestConfig::from_raw(&nothing.raw_value()), nothing);
    }
}
