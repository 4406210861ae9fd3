//! Reading a frame: Ethernet, IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), and what rules and state need of
//! TCP (RFC 9293), UDP and ICMP. Nothing is believed before it was checked against the frame's length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::drop_reason::DropReason;
use crate::net::Mac;

/// Bytes of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Protocol number of ICMP for IPv4.
pub const ICMP: u8 = 1;
/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// Protocol number of ICMP for IPv6.
pub const ICMPV6: u8 = 58;
/// How many extension headers are walked, and how many bytes of them.
const MAX_EXTENSION_HEADERS: usize = 6;
const MAX_EXTENSION_BYTES: usize = 256;

/// An Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ethernet {
    /// Destination.
    pub destination: Mac,
    /// Source.
    pub source: Mac,
    /// What is in it.
    pub content: Content,
}

/// The ethertypes that are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// 0x0806.
    Arp,
    /// 0x0800.
    Ipv4,
    /// 0x86dd.
    Ipv6,
}

/// An IP packet as the stages see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// The frame's header.
    pub ethernet: Ethernet,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The first header that is no extension header.
    pub protocol: u8,
    /// Bytes of the whole IP packet.
    pub length: usize,
    /// IPv4's "don't fragment"; IPv6 never does.
    pub dont_fragment: bool,
    /// Which part of a larger packet it is.
    pub fragment: Option<Fragment>,
    /// Where the transport header begins in the frame.
    pub transport_at: usize,
    /// What was read of it.
    pub transport: Transport,
}

/// A fragment's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Bytes before it.
    pub offset: usize,
    /// Whether more follow.
    pub more: bool,
}

/// The fields of a transport header that rules and state read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp(Segment),
    /// UDP.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// ICMP of the packet's IP version.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Bytes 4 and 5: the identifier of queries.
        id: u16,
    },
    /// A protocol without ports.
    Other,
    /// A later fragment: the header was in the first.
    Later,
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number, whatever the ACK flag says.
    pub ack: u32,
    /// The flags' byte: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN from the highest bit.
    pub flags: u8,
    /// Window as it stands in the header.
    pub window: u16,
    /// Bytes of payload.
    pub payload: u32,
    /// The window scale option of a SYN, at most 14 (RFC 7323, 2.3).
    pub scale: Option<u8>,
}

/// Whether a packet is whole or the first part: it has a transport header.
pub fn has_transport(fragment: Option<Fragment>) -> bool {
    fragment.is_none_or(|fragment| fragment.offset == 0)
}

impl Packet {
    /// Whether it is IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.source.is_ipv6()
    }

    /// Whether it is a fragment without transport header.
    pub fn is_later_fragment(&self) -> bool {
        !has_transport(self.fragment)
    }
}

/// Two bytes at an offset, as a number; 0 beyond the end.
pub(super) fn be16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// Four bytes at an offset, as a number; 0 beyond the end.
pub(super) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from(be16(bytes, at)) << 16 | u32::from(be16(bytes, at + 2))
}

fn mac(bytes: &[u8], at: usize) -> Mac {
    let mut mac = [0; 6];
    mac.copy_from_slice(&bytes[at..at + 6]);
    Mac(mac)
}

/// Reads the Ethernet header. `ipv6`: whether the interface has an IPv6 address.
///
/// # Errors
/// `truncated`, `vlan_tagged`, `unknown_ethertype`, `ipv6_not_enabled`.
pub fn read_ethernet(frame: &[u8], ipv6: bool) -> Result<Ethernet, DropReason> {
    if frame.len() < ETHERNET {
        return Err(DropReason::Truncated);
    }
    let content = match be16(frame, 12) {
        0x0800 => Content::Ipv4,
        0x0806 => Content::Arp,
        0x86dd if ipv6 => Content::Ipv6,
        0x86dd => return Err(DropReason::Ipv6NotEnabled),
        0x8100 | 0x88a8 => return Err(DropReason::VlanTagged),
        _ => return Err(DropReason::UnknownEthertype),
    };
    Ok(Ethernet { destination: mac(frame, 0), source: mac(frame, 6), content })
}

/// Reads the IP packet in a frame.
///
/// # Errors
/// The reasons of the stage "parse".
pub fn read_ip(frame: &[u8], ethernet: Ethernet) -> Result<Packet, DropReason> {
    match ethernet.content {
        Content::Ipv6 => read_ipv6(frame, ethernet),
        _ => read_ipv4(frame, ethernet),
    }
}

fn read_ipv4(frame: &[u8], ethernet: Ethernet) -> Result<Packet, DropReason> {
    let ip = &frame[ETHERNET..];
    if ip.len() < 20 {
        return Err(DropReason::Truncated);
    }
    let (header, length) = (usize::from(ip[0] & 15) * 4, usize::from(be16(ip, 2)));
    if ip[0] >> 4 != 4 || header < 20 || length < header {
        return Err(DropReason::BadHeader);
    }
    if length > ip.len() {
        return Err(DropReason::Truncated);
    }
    let word = be16(ip, 6);
    let (offset, more) = (usize::from(word & 0x1fff) * 8, word & 0x2000 != 0);
    let fragment = (offset > 0 || more).then_some(Fragment { id: be16(ip, 4).into(), offset, more });
    let transport = read_transport(&ip[header..length], ip[9], false, fragment)?;
    Ok(Packet {
        ethernet,
        source: IpAddr::V4(Ipv4Addr::from(be32(ip, 12))),
        destination: IpAddr::V4(Ipv4Addr::from(be32(ip, 16))),
        ttl: ip[8],
        protocol: ip[9],
        length,
        dont_fragment: word & 0x4000 != 0,
        fragment,
        transport_at: ETHERNET + header,
        transport,
    })
}

fn ipv6_address(bytes: &[u8], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&bytes[at..at + 16]);
    Ipv6Addr::from(octets)
}

fn read_ipv6(frame: &[u8], ethernet: Ethernet) -> Result<Packet, DropReason> {
    let ip = &frame[ETHERNET..];
    if ip.len() < 40 {
        return Err(DropReason::Truncated);
    }
    let length = 40 + usize::from(be16(ip, 4));
    let (source, destination) = (ipv6_address(ip, 8), ipv6_address(ip, 24));
    if ip[0] >> 4 != 6 || source.to_ipv4_mapped().is_some() || destination.to_ipv4_mapped().is_some() {
        return Err(DropReason::BadHeader);
    }
    if length > ip.len() {
        return Err(DropReason::Truncated);
    }
    let chain = walk_extension_headers(&ip[..length], ip[6])?;
    let transport = read_transport(&ip[chain.end..length], chain.protocol, true, chain.fragment)?;
    Ok(Packet {
        ethernet,
        source: IpAddr::V6(source),
        destination: IpAddr::V6(destination),
        ttl: ip[7],
        protocol: chain.protocol,
        length,
        dont_fragment: true,
        fragment: chain.fragment,
        transport_at: ETHERNET + chain.end,
        transport,
    })
}

struct Chain {
    protocol: u8,
    end: usize,
    fragment: Option<Fragment>,
}

/// Walks the extension headers to the first header that is none. A later fragment ends the walk: what follows is payload.
fn walk_extension_headers(ip: &[u8], first: u8) -> Result<Chain, DropReason> {
    let mut chain = Chain { protocol: first, end: 40, fragment: None };
    for walked in 0.. {
        let length = match chain.protocol {
            // Hop-by-hop options, destination options, routing.
            0 | 60 | 43 => (usize::from(*ip.get(chain.end + 1).ok_or(DropReason::BadExtensionHeader)?) + 1) * 8,
            44 => 8,
            _ => return Ok(chain),
        };
        let end = chain.end + length;
        // Routing type 0 lets a sender choose the way (RFC 5095).
        let source_routed = chain.protocol == 43 && ip.get(chain.end + 2) == Some(&0);
        // Two fragment headers: no host sends such, and which one counts differs between receivers (RFC 7112, 8200).
        let twice = chain.protocol == 44 && chain.fragment.is_some();
        if walked == MAX_EXTENSION_HEADERS || end > ip.len() || end - 40 > MAX_EXTENSION_BYTES || source_routed || twice
        {
            return Err(DropReason::BadExtensionHeader);
        }
        if chain.protocol == 44 {
            let word = be16(ip, chain.end + 2);
            let (offset, more) = (usize::from(word & 0xfff8), word & 1 != 0);
            let id = be32(ip, chain.end + 4);
            chain.fragment = Some(Fragment { id, offset, more });
        }
        chain = Chain { protocol: ip[chain.end], end, fragment: chain.fragment };
        if !has_transport(chain.fragment) {
            return Ok(chain);
        }
    }
    Err(DropReason::BadExtensionHeader)
}

/// Reads the transport header. Of a later fragment there is none to read; one that could change the first is refused.
fn read_transport(bytes: &[u8], protocol: u8, ipv6: bool, fragment: Option<Fragment>) -> Result<Transport, DropReason> {
    if let Some(fragment) = fragment.filter(|fragment| fragment.offset > 0) {
        return if fragment.offset < 24 { Err(DropReason::FragmentOverlap) } else { Ok(Transport::Later) };
    }
    let needed = match protocol {
        TCP => 20,
        UDP => 8,
        ICMP if !ipv6 => 8,
        ICMPV6 if ipv6 => 8,
        _ => return Ok(Transport::Other),
    };
    if bytes.len() < needed {
        return Err(if fragment.is_some() { DropReason::FragmentTooSmall } else { DropReason::Truncated });
    }
    Ok(match protocol {
        TCP => Transport::Tcp(read_tcp(bytes)?),
        UDP => Transport::Udp { source: be16(bytes, 0), destination: be16(bytes, 2) },
        _ => Transport::Icmp { kind: bytes[0], code: bytes[1], id: be16(bytes, 4) },
    })
}

fn read_tcp(bytes: &[u8]) -> Result<Segment, DropReason> {
    let header = usize::from(bytes[12] >> 4) * 4;
    if header < 20 {
        return Err(DropReason::BadHeader);
    }
    let flags = bytes[13];
    let options = &bytes[20..header.min(bytes.len())];
    Ok(Segment {
        source: be16(bytes, 0),
        destination: be16(bytes, 2),
        seq: be32(bytes, 4),
        ack: be32(bytes, 8),
        flags,
        window: be16(bytes, 14),
        payload: bytes.len().saturating_sub(header) as u32,
        scale: if flags & super::tcp::SYN != 0 { window_scale(options) } else { None },
    })
}

/// The window scale option (kind 3, length 3).
fn window_scale(mut options: &[u8]) -> Option<u8> {
    while let [kind, rest @ ..] = options {
        match (*kind, rest) {
            (0, _) => return None,
            (1, rest) => options = rest,
            (3, [3, shift, ..]) => return Some((*shift).min(14)),
            (_, [length, ..]) if *length >= 2 => options = options.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
    None
}
