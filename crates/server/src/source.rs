//! Where connections come from, as far as one source is not to have what all need.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one source: an IPv4 address, or an IPv6 network of 64 bits, of which one machine has every address.
pub(crate) fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
