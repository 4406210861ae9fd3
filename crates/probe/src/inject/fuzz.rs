//! Frames to try to get through a data plane with: valid ones of every kind it may have to understand, and damaged ones.
//!
//! Most look at first sight as if they came from where they do, because a frame that is dropped for its source address tests
//! nothing behind that check; some lie about it. The sequence is part of the seed's meaning: the same in every build.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::frame::{self as f, Endpoint, Mac};
use super::mutate::damage;
use crate::random::Random;

/// The shortest frame: the kernel takes none without a whole Ethernet header.
pub const MIN_FRAME: usize = 14;

/// The longest frame: an Ethernet header and an MTU of 1400 bytes, which every device of an overlay has.
pub const MAX_FRAME: usize = 1414;

/// UDP and TCP ports at which something special may happen: DNS, DHCP, metadata, VXLAN, Geneve, and some that are nothing.
const PORTS: [u16; 12] = [0, 22, 53, 67, 68, 80, 443, 4789, 6081, 8472, 40000, 65535];

/// IP protocols that are neither UDP, TCP nor ICMP: IGMP, IPIP, IPv6 in IPv4, GRE, ESP, AH, OSPF, SCTP, reserved.
const PROTOCOLS: [u8; 9] = [2, 4, 41, 47, 50, 51, 89, 132, 255];

/// An endless sequence of frames.
#[derive(Clone, Debug)]
pub struct FuzzFrames {
    random: Random,
    from: Endpoint,
    to: Vec<Endpoint>,
}

/// The frames of this seed between made-up interfaces: 10.0.0.2 sends, to 10.0.0.3 and 10.0.0.1.
pub fn fuzz_frames(seed: u64) -> FuzzFrames {
    let endpoint = |last: u8| Endpoint::new([0x02, 0, 0, 0, 0, last], Ipv4Addr::new(10, 0, 0, last));
    FuzzFrames::between(seed, endpoint(2), vec![endpoint(3), endpoint(1)])
}

impl FuzzFrames {
    /// The frames of this seed that the interface `from` might send to the interfaces `to`, of which there is at least one:
    /// for example its gateway, a neighbour, and another tenant's.
    ///
    /// # Panics
    /// If `to` is empty.
    pub fn between(seed: u64, from: Endpoint, to: Vec<Endpoint>) -> Self {
        assert!(!to.is_empty(), "fuzzed frames need at least one interface to go to");
        FuzzFrames { random: Random::new(seed), from, to }
    }

    /// The frame to `to` that a valid sender would make.
    fn valid(&mut self, to: &Endpoint) -> Vec<u8> {
        let from = self.apparent_sender();
        let dst = if self.random.once_in(12) { f::BROADCAST } else { to.mac };
        let frame = match self.random.below(16) {
            0 | 1 => self.arp(&from, to, dst),
            2..=8 => {
                let packet = self.ipv4(from.ip, to.ip);
                f::ethernet(from.mac, dst, f::TYPE_IPV4, &packet)
            }
            9..=12 => {
                let packet = self.ipv6(from.ip6, to.ip6, from.mac);
                f::ethernet(from.mac, dst, f::TYPE_IPV6, &packet)
            }
            13 | 14 => {
                let inner = f::ethernet(from.mac, to.mac, f::TYPE_IPV4, &self.ipv4(from.ip, to.ip));
                let segment = self.random.pick(&[0, 1, 2, 100, 0x1000, 0xff_ffff]);
                f::ethernet(from.mac, dst, f::TYPE_IPV4, &f::vxlan(from.ip, to.ip, segment, &inner))
            }
            _ => {
                let payload = self.payload(200);
                let ethertype = self.random.next() as u16;
                f::ethernet(from.mac, dst, ethertype, &payload)
            }
        };
        self.tagged(frame)
    }

    /// The sender, or rarely one that lies about one of its addresses.
    fn apparent_sender(&mut self) -> Endpoint {
        let mut from = self.from;
        let other = self.random.below(self.to.len());
        match self.random.below(24) {
            0 => from.mac = self.to[other].mac,
            1 => from.ip = self.to[other].ip,
            2 => from.ip6 = self.to[other].ip6,
            3 => from.ip = Ipv4Addr::from(self.random.next() as u32),
            _ => {}
        }
        from
    }

    fn tagged(&mut self, frame: Vec<u8>) -> Vec<u8> {
        let id = self.random.next() as u16;
        match self.random.below(16) {
            0 => f::vlan(&frame, f::TYPE_VLAN, id),
            1 => f::vlan(&f::vlan(&frame, f::TYPE_VLAN, id), f::TYPE_QINQ, id ^ 1),
            _ => frame,
        }
    }

    fn arp(&mut self, from: &Endpoint, to: &Endpoint, dst: Mac) -> Vec<u8> {
        let message = match self.random.below(4) {
            0 => f::arp(1, (from.mac, from.ip), ([0; 6], to.ip)),
            1 => f::arp(2, (from.mac, from.ip), (to.mac, to.ip)),
            // Announcing an address: one's own, and somebody else's.
            2 => f::arp(1, (from.mac, from.ip), ([0; 6], from.ip)),
            _ => f::arp(2, (from.mac, to.ip), (f::BROADCAST, to.ip)),
        };
        f::ethernet(from.mac, dst, f::TYPE_ARP, &message)
    }

    fn ipv4(&mut self, src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
        let (protocol, payload) = match self.random.below(8) {
            0..=2 => (f::PROTO_UDP, self.udp(f::pseudo4(src, dst))),
            3 | 4 => (f::PROTO_TCP, self.tcp(f::pseudo4(src, dst))),
            5 => (f::PROTO_ICMP, self.echo()),
            6 => {
                let about = self.udp(f::pseudo4(dst, src));
                let about = f::ipv4(dst, src, f::PROTO_UDP, 0, &[], &about);
                let (kind, code) = self.random.pick(&[(3, 4), (3, 1), (11, 0), (5, 1)]);
                (f::PROTO_ICMP, f::icmp(kind, code, [0, 0, 2, 0], &about[..28]))
            }
            _ => (self.random.pick(&PROTOCOLS), self.payload(100)),
        };
        // Don't fragment, more fragments, a later fragment, an offset at the end of what an offset can be.
        let fragment = self.random.pick(&[0, 0, 0x4000, 0x4000, 0x2000, 0x2001, 0x0001, 0x1fff]);
        // No options, no-operations, record route, a loose source route (RFC 7126 tells why those are dropped).
        let options: &[u8] =
            self.random.pick(&[&[], &[], &[], &[1, 1, 1, 0], &[7, 7, 4, 0, 0, 0, 0], &[131, 7, 4, 10, 0, 0, 1]]);
        f::ipv4(src, dst, protocol, fragment, options, &payload)
    }

    fn ipv6(&mut self, src: Ipv6Addr, dst: Ipv6Addr, mac: Mac) -> Vec<u8> {
        let (next, payload) = match self.random.below(8) {
            0 | 1 => (f::PROTO_UDP, self.udp(f::pseudo6(src, dst))),
            2 | 3 => (f::PROTO_TCP, self.tcp(f::pseudo6(src, dst))),
            4 => return f::icmpv6(src, dst, 128, 0, [0, 1, 0, 1], &self.payload(64)),
            5 => {
                // Neighbour solicitation or advertisement about the target, router advertisement (RFC 4861).
                let kind = self.random.pick(&[135, 136, 134, 133, 137]);
                let option = [&[1, 1], &mac[..]].concat();
                return f::icmpv6(src, dst, kind, 0, [0x60, 0, 0, 0], &[&dst.octets()[..], &option].concat());
            }
            _ => (self.random.pick(&PROTOCOLS), self.payload(100)),
        };
        let (next, payload) = self.extended(next, payload);
        f::ipv6(src, dst, next, &payload)
    }

    /// Puts extension headers (RFC 8200) before a payload, sometimes many.
    fn extended(&mut self, mut next: u8, mut payload: Vec<u8>) -> (u8, Vec<u8>) {
        let count = self.random.pick(&[0, 0, 0, 1, 1, 2, 3, 12]);
        for _ in 0..count {
            // Hop-by-hop, routing, fragment, destination options.
            let kind = self.random.pick(&[0, 43, 44, 60]);
            let body = match kind {
                44 => [0, self.random.pick(&[0, 1, 8, 0xff]), self.random.pick(&[0, 1, 0xf8]), 0, 0, 0, 1],
                43 => [0, self.random.pick(&[0, 2, 4]), 1, 0, 0, 0, 0],
                _ => [0, 1, 4, 0, 0, 0, 0],
            };
            payload = [&[next], &body[..], &payload].concat();
            next = kind;
        }
        (next, payload)
    }

    fn udp(&mut self, pseudo: u32) -> Vec<u8> {
        let payload = self.payload(300);
        f::udp_with(pseudo, self.random.pick(&PORTS), self.random.pick(&PORTS), &payload)
    }

    fn tcp(&mut self, pseudo: u32) -> Vec<u8> {
        // SYN, SYN+ACK, ACK, PSH+ACK, FIN+ACK, RST, none, all, SYN+FIN.
        let flags = self.random.pick(&[0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x00, 0xff, 0x03]);
        let ports = (self.random.pick(&PORTS), self.random.pick(&PORTS));
        let (seq, ack) = (self.random.next() as u32, self.random.next() as u32);
        let payload = self.payload(300);
        f::tcp_with(pseudo, ports, seq, ack, flags, &payload)
    }

    fn echo(&mut self) -> Vec<u8> {
        let payload = self.payload(200);
        f::icmp(self.random.pick(&[8, 0, 13]), 0, [0, 1, 0, 1], &payload)
    }

    /// Random bytes, fewer than `end` of them.
    fn payload(&mut self, end: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.random.below(end)];
        self.random.fill(&mut bytes);
        bytes
    }
}

impl Iterator for FuzzFrames {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let index = self.random.below(self.to.len());
        let to = self.to[index];
        let mut frame = self.valid(&to);
        if !self.random.once_in(4) {
            damage(&mut frame, &mut self.random);
        }
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use etherparse::checksum::Sum16BitWords;
    use etherparse::{LaxSlicedPacket, NetSlice, SlicedPacket, TransportSlice};

    use super::*;

    #[test]
    fn a_seed_means_the_same_frames_always() {
        let frames = |seed| fuzz_frames(seed).take(2000).collect::<Vec<_>>();
        assert_eq!(frames(1), frames(1));
        assert_ne!(frames(1), frames(2));
        // FNV-1a over a run of them: a change of the generator that nobody meant fails here.
        let hash = fuzz_frames(7)
            .take(1000)
            .flatten()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        assert_eq!(hash, 0xfc97_60c5_79a1_4755, "{hash:#x}");
    }

    #[test]
    fn frames_are_of_a_length_that_a_device_takes() {
        assert!(fuzz_frames(3).take(100_000).all(|frame| (MIN_FRAME..=MAX_FRAME).contains(&frame.len())));
    }

    #[test]
    fn frames_before_damage_have_right_checksums_and_are_of_all_kinds() {
        let mut kinds = HashSet::new();
        let mut frames = fuzz_frames(5);
        let to = frames.to[0];
        for _ in 0..5000 {
            let frame = frames.valid(&to);
            let Ok(packet) = SlicedPacket::from_ethernet(&frame) else {
                // Random EtherTypes, and IPv6 headers in an order that is not allowed; still readable in part.
                assert!(LaxSlicedPacket::from_ethernet(&frame).is_ok());
                continue;
            };
            kinds.insert(match &packet.net {
                Some(NetSlice::Arp(_)) => "arp",
                Some(NetSlice::Ipv4(_)) => "ipv4",
                Some(NetSlice::Ipv6(_)) => "ipv6",
                None => "other",
            });
            kinds.extend((!packet.link_exts.is_empty()).then_some("vlan"));
            check_sums(&packet, &mut kinds);
        }
        for kind in ["arp", "ipv4", "ipv6", "other", "vlan", "udp", "tcp", "icmp", "icmpv6", "vxlan"] {
            assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
        }
    }

    /// Computes the checksums again, by an implementation that is not ours.
    fn check_sums(packet: &SlicedPacket<'_>, kinds: &mut HashSet<&'static str>) {
        let Some(net) = &packet.net else { return };
        if let NetSlice::Ipv4(ip) = net {
            assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum());
        }
        let (sum, expected, kind) = match (&packet.transport, net) {
            (Some(TransportSlice::Udp(udp)), NetSlice::Ipv4(ip)) => {
                kinds.extend((udp.destination_port() == 4789 && udp.source_port() == 49152).then_some("vxlan"));
                let sum = udp.to_header().calc_checksum_ipv4(&ip.header().to_header(), udp.payload());
                (udp.checksum(), sum.unwrap(), "udp")
            }
            (Some(TransportSlice::Tcp(tcp)), NetSlice::Ipv4(ip)) => {
                let sum = tcp.to_header().calc_checksum_ipv4(&ip.header().to_header(), tcp.payload());
                (tcp.checksum(), sum.unwrap(), "tcp")
            }
            (Some(TransportSlice::Udp(udp)), NetSlice::Ipv6(ip)) => {
                let sum = udp.to_header().calc_checksum_ipv6(&ip.header().to_header(), udp.payload());
                (udp.checksum(), sum.unwrap(), "udp")
            }
            (Some(TransportSlice::Tcp(tcp)), NetSlice::Ipv6(ip)) => {
                let sum = tcp.to_header().calc_checksum_ipv6(&ip.header().to_header(), tcp.payload());
                (tcp.checksum(), sum.unwrap(), "tcp")
            }
            (Some(TransportSlice::Icmpv4(icmp)), _) => {
                (Sum16BitWords::new().add_slice(icmp.slice()).ones_complement(), 0, "icmp")
            }
            (Some(TransportSlice::Icmpv6(icmp)), NetSlice::Ipv6(ip)) => {
                assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
                (0, 0, "icmpv6")
            }
            _ => return,
        };
        assert_eq!(sum, expected, "{kind}");
        kinds.insert(kind);
    }
}
