//! The ICMP messages of a ping, to and from bytes. Reads never panic, whatever the bytes.

use std::net::Ipv4Addr;

use crate::random::Random;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const ICMP_HEADER: usize = 8;

/// An echo request: what makes it out among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: u16,
    pub(super) seq: u16,
    /// The payload's length in bytes.
    pub(super) payload: usize,
}

/// A message about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icmp {
    Answer { request: Request, ttl: u8 },
    FragNeeded { mtu: u16, from: Ipv4Addr, about: Request },
    Unreachable { code: u8, from: Ipv4Addr, about: Request },
    TtlExceeded { from: Ipv4Addr, about: Request },
}

impl Icmp {
    /// The request that this is about.
    pub(super) fn request(&self) -> Request {
        match *self {
            Icmp::Answer { request: about, .. }
            | Icmp::FragNeeded { about, .. }
            | Icmp::Unreachable { about, .. }
            | Icmp::TtlExceeded { about, .. } => about,
        }
    }
}

impl Request {
    /// The ICMP message. The payload follows from the salt and the request, so that each answer can be checked whole.
    pub(super) fn encode(&self, salt: u64) -> Vec<u8> {
        let mut bytes = vec![0; ICMP_HEADER + self.payload];
        bytes[0] = ECHO_REQUEST;
        bytes[4..6].copy_from_slice(&self.id.to_be_bytes());
        bytes[6..8].copy_from_slice(&self.seq.to_be_bytes());
        self.pattern(salt).fill(&mut bytes[ICMP_HEADER..]);
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn pattern(&self, salt: u64) -> Random {
        Random::new(salt ^ u64::from(self.seq))
    }
}

/// Understands an IPv4 packet with an ICMP message about a request to `dst`; `None` for any other.
///
/// An answer must carry the request's payload unchanged. Of the request inside an error only the first eight bytes are
/// sure to be there (RFC 792); its length is taken from its IPv4 header.
pub(super) fn decode(packet: &[u8], dst: Ipv4Addr, salt: u64) -> Option<Icmp> {
    let (outer, icmp) = split_ipv4(packet)?;
    let from = Ipv4Addr::from(<[u8; 4]>::try_from(&outer[12..16]).ok()?);
    let (header, rest) = icmp.split_first_chunk::<ICMP_HEADER>()?;
    let [kind, code, ..] = *header;
    match kind {
        ECHO_REPLY if from == dst => {
            let request = identify(header, rest.len());
            let mut expected = vec![0; rest.len()];
            request.pattern(salt).fill(&mut expected);
            (expected == rest).then_some(Icmp::Answer { request, ttl: outer[8] })
        }
        UNREACHABLE | TIME_EXCEEDED => {
            let about = inner_request(rest, dst)?;
            Some(match (kind, code) {
                (UNREACHABLE, FRAGMENTATION_NEEDED) => {
                    Icmp::FragNeeded { mtu: u16::from_be_bytes([header[6], header[7]]), from, about }
                }
                (UNREACHABLE, code) => Icmp::Unreachable { code, from, about },
                _ => Icmp::TtlExceeded { from, about },
            })
        }
        _ => None,
    }
}

/// The request of ours inside an ICMP error.
fn inner_request(packet: &[u8], dst: Ipv4Addr) -> Option<Request> {
    let (inner, icmp) = split_ipv4(packet)?;
    let header = icmp.first_chunk::<ICMP_HEADER>()?;
    if inner[16..20] != dst.octets() || header[0] != ECHO_REQUEST {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([inner[2], inner[3]]));
    Some(identify(header, total.checked_sub(inner.len() + ICMP_HEADER)?))
}

fn identify(header: &[u8; ICMP_HEADER], payload: usize) -> Request {
    let [_, _, _, _, id @ .., seq1, seq0] = *header;
    Request { id: u16::from_be_bytes(id), seq: u16::from_be_bytes([seq1, seq0]), payload }
}

/// The header and what follows it, if this is IPv4 with ICMP inside.
fn split_ipv4(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let right = packet[0] >> 4 == 4 && header >= 20 && packet.get(9) == Some(&1);
    right.then(|| packet.split_at_checked(header)).flatten()
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    }
    // At most 32768 words of 16 bits: the sum has not overflowed, and two folds are enough.
    sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const DST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const REQUEST: Request = Request { id: 0x1234, seq: 9, payload: 20 };
    const SALT: u64 = 42;

    fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, (20 + payload.len()) as u8, 0, 0, 0x40, 0, 64, 1, 0, 0];
        packet.extend_from_slice(&src.octets());
        packet.extend_from_slice(&dst.octets());
        packet.extend_from_slice(payload);
        packet
    }

    fn reply() -> Vec<u8> {
        let mut icmp = REQUEST.encode(SALT);
        icmp[0] = ECHO_REPLY;
        ipv4(DST, ROUTER, &icmp)
    }

    fn error(kind: u8, code: u8, mtu: u16) -> Vec<u8> {
        let mut icmp = vec![kind, code, 0, 0, 0, 0];
        icmp.extend_from_slice(&mtu.to_be_bytes());
        // The IPv4 header and eight bytes, as routers by RFC 792 give back.
        icmp.extend_from_slice(&ipv4(ROUTER, DST, &REQUEST.encode(SALT))[..28]);
        ipv4(ROUTER, ROUTER, &icmp)
    }

    #[test]
    fn the_checksum_covers_the_message() {
        assert_eq!(checksum(&REQUEST.encode(SALT)), 0);
        assert_eq!(checksum(&Request { payload: 21, ..REQUEST }.encode(SALT)), 0);
    }

    #[test]
    fn an_answer_counts_only_with_its_payload_whole_and_from_the_right_address() {
        assert_eq!(decode(&reply(), DST, SALT), Some(Icmp::Answer { request: REQUEST, ttl: 64 }));
        assert_eq!(decode(&reply(), ROUTER, SALT), None);
        let mut corrupt = reply();
        *corrupt.last_mut().unwrap() ^= 1;
        assert_eq!(decode(&corrupt, DST, SALT), None);
    }

    #[test]
    fn errors_are_told_apart() {
        let about = REQUEST;
        let cases = [
            (error(3, 4, 1400), Icmp::FragNeeded { mtu: 1400, from: ROUTER, about }),
            (error(3, 1, 0), Icmp::Unreachable { code: 1, from: ROUTER, about }),
            (error(11, 0, 0), Icmp::TtlExceeded { from: ROUTER, about }),
        ];
        for (packet, expected) in cases {
            assert_eq!(decode(&packet, DST, SALT), Some(expected));
            assert_eq!(decode(&packet, ROUTER, SALT), None, "about a packet to somewhere else");
        }
    }

    #[test]
    fn no_prefix_panics() {
        for packet in [reply(), error(3, 4, 1400)] {
            for len in 0..packet.len() {
                decode(&packet[..len], DST, SALT);
            }
        }
    }
}
