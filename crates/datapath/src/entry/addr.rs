//! Addresses as the maps hold them: 128 bits in network order, IPv4 as `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2).
//!
//! Guests' packets with such addresses in an IPv6 header are refused, so the two versions never meet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::skel::types;

/// Bits that stand before an IPv4 address in 128.
pub(crate) const V4_BITS: u8 = 96;

/// An IPv4 address as it stands in a map: the bytes in network order.
pub(crate) fn be32(addr: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(addr.octets())
}

/// The reverse of [`be32`].
pub(crate) fn ipv4(raw: u32) -> Ipv4Addr {
    Ipv4Addr::from(raw.to_ne_bytes())
}

/// An optional IPv4 address; the maps write "none" as 0.0.0.0, which is no host's address.
pub(crate) fn be32_or_zero(addr: Option<Ipv4Addr>) -> u32 {
    addr.map_or(0, be32)
}

/// The reverse of [`be32_or_zero`].
pub(crate) fn ipv4_or_none(raw: u32) -> Option<Ipv4Addr> {
    (raw != 0).then(|| ipv4(raw))
}

fn raw_v6(addr: Ipv6Addr) -> types::addr {
    let bytes = addr.octets();
    let word = |n: usize| u32::from_ne_bytes([bytes[n], bytes[n + 1], bytes[n + 2], bytes[n + 3]]);
    types::addr { w: [word(0), word(4), word(8), word(12)] }
}

fn v6(raw: &types::addr) -> Ipv6Addr {
    let mut bytes = [0; 16];
    for (to, word) in bytes.chunks_exact_mut(4).zip(raw.w) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    Ipv6Addr::from(bytes)
}

/// An address in the kernel's layout.
pub(crate) fn raw(addr: IpAddr) -> types::addr {
    match addr {
        IpAddr::V4(addr) => raw_v6(addr.to_ipv6_mapped()),
        IpAddr::V6(addr) => raw_v6(addr),
    }
}

/// The reverse of [`raw`].
pub(crate) fn from_raw(raw: &types::addr) -> IpAddr {
    let addr = v6(raw);
    addr.to_ipv4_mapped().map_or(IpAddr::V6(addr), IpAddr::V4)
}

/// An optional address; "none" is `::`, which is nobody's.
pub(crate) fn raw_or_zero(addr: Option<IpAddr>) -> types::addr {
    addr.map_or_else(types::addr::default, raw)
}

/// The reverse of [`raw_or_zero`].
pub(crate) fn from_raw_or_none(raw: &types::addr) -> Option<IpAddr> {
    (raw.w != [0; 4]).then(|| from_raw(raw))
}

/// An optional IPv6 network: its address and length.
pub(crate) fn raw_net6(net: Option<Ipv6Net>) -> (types::addr, u8) {
    net.map_or_else(Default::default, |net| (raw_v6(net.network()), net.prefix_len()))
}

/// The reverse of [`raw_net6`].
pub(crate) fn net6_or_none(raw: &types::addr, len: u8) -> Option<Ipv6Net> {
    (raw.w != [0; 4]).then(|| Ipv6Net::new_assert(v6(raw), len.min(128)))
}

/// A network as an address and the number of its leading bits, out of 128.
pub(crate) fn raw_net(net: IpNet) -> (types::addr, u8) {
    let before = if net.addr().is_ipv4() { V4_BITS } else { 0 };
    (raw(net.network()), before + net.prefix_len())
}

/// The reverse of [`raw_net`]. An IPv6 network that holds all IPv4-mapped addresses and more stays one.
pub(crate) fn net_from_raw(raw: &types::addr, len: u8) -> IpNet {
    let len = len.min(128);
    match from_raw(raw) {
        IpAddr::V4(addr) if len >= V4_BITS => IpNet::V4(Ipv4Net::new_assert(addr, len - V4_BITS)),
        _ => IpNet::V6(Ipv6Net::new_assert(v6(raw), len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_network_order_in_memory() {
        let gateway = Ipv4Addr::new(10, 1, 2, 3);
        assert_eq!(be32(gateway).to_ne_bytes(), [10, 1, 2, 3]);
        assert_eq!(ipv4(be32(gateway)), gateway);
        assert_eq!(ipv4_or_none(be32_or_zero(None)), None);
        assert_eq!(ipv4_or_none(be32_or_zero(Some(gateway))), Some(gateway));
        assert_eq!(raw(gateway.into()).w[2].to_ne_bytes(), [0, 0, 0xff, 0xff]);
        assert_eq!(raw(gateway.into()).w[3].to_ne_bytes(), [10, 1, 2, 3]);
    }

    #[test]
    fn addresses_and_networks_come_back() {
        for text in ["10.1.2.3", "0.0.0.0", "2001:db8::1", "::"] {
            let addr: IpAddr = text.parse().unwrap();
            assert_eq!(from_raw(&raw(addr)), addr);
        }
        for text in ["10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "::/0", "2001:db8::/48", "fe80::1/128"] {
            let net: IpNet = text.parse().unwrap();
            let (addr, len) = raw_net(net);
            assert_eq!(net_from_raw(&addr, len), net);
        }
        assert_eq!(from_raw_or_none(&raw_or_zero(None)), None);
        let net = "2001:db8:1::/64".parse().ok();
        let (addr, len) = raw_net6(net);
        assert_eq!((net6_or_none(&addr, len), raw_net6(None).1), (net, 0));
    }
}
