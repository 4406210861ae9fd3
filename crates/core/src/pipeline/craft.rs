//! Making frames: for `explain`, which asks about a packet that nobody has sent yet, and for tests of the path.
//!
//! A frame is exactly what it is told to be, however impossible; only lengths and checksums are worked out.

use std::net::{IpAddr, Ipv4Addr};

use super::answer::checksum;
use super::packet::{Fragment, ICMP, ICMPV6, Segment, TCP, UDP, has_transport};
use crate::net::Mac;

/// A frame with an IP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Craft {
    /// Destination MAC.
    pub destination_mac: Mac,
    /// Source MAC.
    pub source_mac: Mac,
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same IP version.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4's "don't fragment".
    pub dont_fragment: bool,
    /// Which part of a larger packet it is. In IPv6 the fragment header stands after the extension headers.
    pub fragment: Option<Fragment>,
    /// IPv6 extension headers: the protocol number of each, and its bytes without the first, which is worked out.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// The protocol of the payload.
    pub protocol: u8,
    /// What follows the IP header, from the transport header on.
    pub payload: Vec<u8>,
}

impl Craft {
    /// A whole packet with a TTL of 64 and nothing special.
    pub fn new(source: (Mac, IpAddr), destination: (Mac, IpAddr), protocol: u8, payload: Vec<u8>) -> Self {
        Craft {
            destination_mac: destination.0,
            source_mac: source.0,
            source: source.1,
            destination: destination.1,
            ttl: 64,
            dont_fragment: false,
            fragment: None,
            extensions: Vec::new(),
            protocol,
            payload,
        }
    }

    /// The frame's bytes. The transport checksum is written if the packet is whole and its protocol is known.
    pub fn bytes(&self) -> Vec<u8> {
        let payload = self.with_checksum();
        let mut frame = [self.destination_mac.0, self.source_mac.0].concat();
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([0x08, 0x00]);
                frame.extend(self.ipv4_header(source, destination, payload.len()));
            }
            _ => {
                let (first, extensions) = self.extension_headers();
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(((extensions.len() + payload.len()) as u16).to_be_bytes());
                frame.extend([first, self.ttl]);
                frame.extend(octets(self.source));
                frame.extend(octets(self.destination));
                frame.extend(extensions);
            }
        }
        frame.extend(payload);
        frame
    }

    fn ipv4_header(&self, source: Ipv4Addr, destination: Ipv4Addr, payload: usize) -> Vec<u8> {
        let fragment = self.fragment.unwrap_or(Fragment { id: 0, offset: 0, more: false });
        let word = (fragment.offset / 8) as u16 | u16::from(fragment.more) << 13 | u16::from(self.dont_fragment) << 14;
        let mut header = vec![0x45, 0];
        header.extend((20 + payload as u16).to_be_bytes());
        header.extend((fragment.id as u16).to_be_bytes());
        header.extend(word.to_be_bytes());
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(source.octets());
        header.extend(destination.octets());
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    /// The first protocol number and the chain of extension headers.
    fn extension_headers(&self) -> (u8, Vec<u8>) {
        let mut headers = self.extensions.clone();
        if let Some(fragment) = self.fragment {
            let word = (fragment.offset & 0xfff8) as u16 | u16::from(fragment.more);
            headers.push((44, [&[0][..], &word.to_be_bytes(), &fragment.id.to_be_bytes()].concat()));
        }
        let kinds: Vec<u8> = headers.iter().map(|(kind, _)| *kind).chain([self.protocol]).collect();
        let bytes = headers.iter().zip(&kinds[1..]).flat_map(|((_, body), next)| [&[*next][..], body].concat());
        (kinds[0], bytes.collect())
    }

    fn with_checksum(&self) -> Vec<u8> {
        let mut payload = self.payload.clone();
        let at = match self.protocol {
            TCP => 16,
            UDP => 6,
            ICMP | ICMPV6 => 2,
            _ => return payload,
        };
        if payload.len() < at + 2 || self.fragment.is_some_and(|part| part.more) || !has_transport(self.fragment) {
            return payload;
        }
        payload[at..at + 2].fill(0);
        let length = (payload.len() as u32).to_be_bytes();
        let pseudo = [octets(self.source), octets(self.destination), length.to_vec(), vec![0, 0, 0, self.protocol]];
        let sum = match self.protocol {
            ICMP => checksum(&payload),
            _ => checksum(&[pseudo.concat(), payload.clone()].concat()),
        };
        // In UDP 0 says that there is none (RFC 768).
        let sum = if sum == 0 && self.protocol == UDP { 0xffff } else { sum };
        payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        payload
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A TCP segment as bytes; its checksum is for [`Craft`] to write.
pub fn tcp(segment: &Segment) -> Vec<u8> {
    let options = segment.scale.map_or(Vec::new(), |shift| vec![1, 3, 3, shift]);
    let mut bytes = [segment.source.to_be_bytes(), segment.destination.to_be_bytes()].concat();
    bytes.extend(segment.seq.to_be_bytes());
    bytes.extend(segment.ack.to_be_bytes());
    bytes.extend([((5 + options.len() / 4) as u8) << 4, segment.flags]);
    bytes.extend(segment.window.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(options);
    bytes.extend(std::iter::repeat_n(0x5a, segment.payload as usize));
    bytes
}

/// A UDP datagram with this many bytes of payload.
pub fn udp(source: u16, destination: u16, payload: usize) -> Vec<u8> {
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    bytes.extend((8 + payload as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(std::iter::repeat_n(0xa5, payload));
    bytes
}

/// An ICMP message of either version: type, code, the four bytes after the checksum, and the rest.
pub fn icmp(kind: u8, code: u8, word: u32, rest: &[u8]) -> Vec<u8> {
    [&[kind, code, 0, 0], &word.to_be_bytes()[..], rest].concat()
}
