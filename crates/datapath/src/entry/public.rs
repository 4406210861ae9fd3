//! Public addresses: whom they lead to on this host, and by which of them an interface goes out.
//!
//! Whoever changes one raises the cell of every route to the public network afterwards: flows have it written into them.

use std::net::IpAddr;

use super::addr::{from_raw, raw};
use super::{EndpointKey, Entry, MAX_SEGMENT};
use crate::error::{DatapathError, Result};
use crate::flags::PublicKind;
use crate::maps::MapName;
use crate::skel::types;

/// The device to the public network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uplink {
    /// Its hardware address: ARP for public addresses is answered with it. All 0: ARP is not answered.
    pub mac: [u8; 6],
    /// The largest IP packet that it takes, in bytes.
    pub mtu: u16,
}

/// What a public address of this host leads to; the key is the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicAddress {
    /// To an interface's address.
    Interface {
        /// The segment of its VPC.
        segment: u32,
        /// Its address there.
        private: IpAddr,
        /// Whether addresses are translated; otherwise the guest sees the public address itself, and may send from it.
        translate: bool,
        /// The device that it comes in and goes out by.
        uplink: Uplink,
    },
    /// To whichever flow of a public gateway has the port.
    Gateway {
        /// As above.
        uplink: Uplink,
    },
}

/// The floating IP of an interface's address; the key is that address in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateAddress {
    /// The public address.
    pub public: IpAddr,
    /// Whether addresses are translated.
    pub translate: bool,
    /// The largest IP packet that the uplink takes, in bytes.
    pub mtu: u16,
}

fn kind(translate: bool) -> PublicKind {
    if translate { PublicKind::TRANSLATED } else { PublicKind::DIRECT }
}

fn bad(field: &'static str, entry: String, value: String, rule: &'static str) -> Result<()> {
    Err(DatapathError::BadEntry { field, entry, value, rule })
}

const SAME_VERSION: &str = "an address is translated to one of its own IP version, and IPv6 is not translated";

impl Entry for PublicAddress {
    type Key = IpAddr;
    type RawKey = types::public_key;
    type RawValue = types::public_address;
    const MAP: MapName = MapName::PublicAddrs;

    fn raw_key(address: &IpAddr) -> types::public_key {
        types::public_key { addr: raw(*address) }
    }

    fn key_from_raw(key: &types::public_key) -> IpAddr {
        from_raw(&key.addr)
    }

    fn raw_value(&self) -> types::public_address {
        match *self {
            PublicAddress::Interface { segment, private, translate, uplink: Uplink { mac, mtu } } => {
                types::public_address { segment, kind: kind(translate).0, private: raw(private), mac, mtu }
            }
            PublicAddress::Gateway { uplink: Uplink { mac, mtu } } => {
                types::public_address { kind: PublicKind::GATEWAY.0, mac, mtu, ..types::public_address::default() }
            }
        }
    }

    fn from_raw(value: &types::public_address) -> PublicAddress {
        let uplink = Uplink { mac: value.mac, mtu: value.mtu };
        if value.kind == PublicKind::GATEWAY.0 {
            return PublicAddress::Gateway { uplink };
        }
        PublicAddress::Interface {
            segment: value.segment,
            private: from_raw(&value.private),
            translate: value.kind == PublicKind::TRANSLATED.0,
            uplink,
        }
    }

    fn check(&self, address: &IpAddr) -> Result<()> {
        let entry = || format!("public address {address}");
        match *self {
            PublicAddress::Gateway { .. } if address.is_ipv6() => {
                bad("address", entry(), address.to_string(), "a public gateway translates IPv4 only")
            }
            PublicAddress::Interface { segment, .. } if segment > MAX_SEGMENT => {
                bad("segment", entry(), segment.to_string(), "a VXLAN segment has 24 bits (RFC 7348)")
            }
            PublicAddress::Interface { private, translate: true, .. } if address.is_ipv6() || private.is_ipv6() => {
                bad("private", entry(), private.to_string(), SAME_VERSION)
            }
            _ => Ok(()),
        }
    }
}

impl Entry for PrivateAddress {
    type Key = EndpointKey;
    type RawKey = types::endpoint_key;
    type RawValue = types::private_address;
    const MAP: MapName = MapName::PrivateAddrs;

    fn raw_key(key: &EndpointKey) -> types::endpoint_key {
        types::endpoint_key { segment: key.segment, addr: raw(key.addr) }
    }

    fn key_from_raw(key: &types::endpoint_key) -> EndpointKey {
        EndpointKey { segment: key.segment, addr: from_raw(&key.addr) }
    }

    fn raw_value(&self) -> types::private_address {
        types::private_address { public: raw(self.public), kind: kind(self.translate).0 as u16, mtu: self.mtu }
    }

    fn from_raw(value: &types::private_address) -> PrivateAddress {
        PrivateAddress {
            public: from_raw(&value.public),
            translate: u32::from(value.kind) == PublicKind::TRANSLATED.0,
            mtu: value.mtu,
        }
    }

    fn check(&self, key: &EndpointKey) -> Result<()> {
        let entry = || format!("floating IP of {} in segment {}", key.addr, key.segment);
        if key.segment > MAX_SEGMENT {
            return bad("segment", entry(), key.segment.to_string(), "a VXLAN segment has 24 bits (RFC 7348)");
        }
        if self.translate && (self.public.is_ipv6() || key.addr.is_ipv6()) {
            return bad("public", entry(), self.public.to_string(), SAME_VERSION);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLINK: Uplink = Uplink { mac: [2, 0, 0, 0, 0, 9], mtu: 1500 };

    #[test]
    fn entries_come_back() {
        let private = IpAddr::from([10, 0, 0, 4]);
        for translate in [true, false] {
            let public = PublicAddress::Interface { segment: 7, private, translate, uplink: UPLINK };
            assert_eq!(PublicAddress::from_raw(&public.raw_value()), public);
            let own = PrivateAddress { public: IpAddr::from([203, 0, 113, 9]), translate, mtu: 1500 };
            assert_eq!(PrivateAddress::from_raw(&own.raw_value()), own);
        }
        let gateway = PublicAddress::Gateway { uplink: UPLINK };
        assert_eq!(PublicAddress::from_raw(&gateway.raw_value()), gateway);
    }

    #[test]
    fn ipv6_is_not_translated() {
        let six: IpAddr = "2001:db8::9".parse().unwrap();
        let translated = PublicAddress::Interface { segment: 7, private: six, translate: true, uplink: UPLINK };
        assert!(translated.check(&six).unwrap_err().to_string().contains("2001:db8::9"));
        let passed = PublicAddress::Interface { segment: 7, private: six, translate: false, uplink: UPLINK };
        assert!(passed.check(&six).is_ok());
        assert!(PublicAddress::Gateway { uplink: UPLINK }.check(&six).is_err());
        let own = PrivateAddress { public: six, translate: true, mtu: 1500 };
        assert!(own.check(&EndpointKey { segment: 7, addr: six }).is_err());
    }
}
