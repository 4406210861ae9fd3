//! The frame of a packet that is to be explained: as its sender's stack would make it, without data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pintle_core::net::Mac;
use pintle_core::telemetry::ProbePayload;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// The usual first value of time to live and hop limit (RFC 1700).
const HOPS: u8 = 64;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The bytes of a frame from one MAC to another.
///
/// # Errors
/// When the addresses are of different IP versions.
pub(super) fn frame(
    macs: (Mac, Mac),
    source: IpAddr,
    destination: IpAddr,
    payload: &ProbePayload,
) -> Result<Vec<u8>, String> {
    let mut frame = Vec::with_capacity(14 + 40 + 20);
    frame.extend(macs.1.0);
    frame.extend(macs.0.0);
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame.extend(ETHERTYPE_IPV4.to_be_bytes());
            ipv4(&mut frame, source, destination, payload);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            frame.extend(ETHERTYPE_IPV6.to_be_bytes());
            ipv6(&mut frame, source, destination, payload);
        }
        _ => return Err(format!("{source} and {destination} are not of the same IP version")),
    }
    Ok(frame)
}

fn ipv4(frame: &mut Vec<u8>, source: Ipv4Addr, destination: Ipv4Addr, payload: &ProbePayload) {
    let (protocol, mut body) = body(payload, ICMP);
    let length = (20 + body.len() as u16).to_be_bytes();
    let mut header = vec![0x45, 0, length[0], length[1], 0, 0, 0x40, 0, HOPS, protocol, 0, 0];
    header.extend(source.octets());
    header.extend(destination.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut pseudo = [source.octets(), destination.octets()].concat();
    pseudo.extend([0, protocol]);
    pseudo.extend((body.len() as u16).to_be_bytes());
    // ICMP of IPv4 sums up nothing but itself (RFC 792).
    seal(&mut body, protocol, if protocol == ICMP { &[] } else { &pseudo });
    frame.extend(header);
    frame.extend(body);
}

fn ipv6(frame: &mut Vec<u8>, source: Ipv6Addr, destination: Ipv6Addr, payload: &ProbePayload) {
    let (protocol, mut body) = body(payload, ICMPV6);
    let length = (body.len() as u16).to_be_bytes();
    frame.extend([0x60, 0, 0, 0, length[0], length[1], protocol, HOPS]);
    frame.extend(source.octets());
    frame.extend(destination.octets());
    let mut pseudo = [source.octets(), destination.octets()].concat();
    pseudo.extend((body.len() as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, protocol]);
    seal(&mut body, protocol, &pseudo);
    frame.extend(body);
}

/// The protocol and its header, without a checksum.
fn body(payload: &ProbePayload, icmp: u8) -> (u8, Vec<u8>) {
    let ports = |source: u16, destination: u16| [source.to_be_bytes(), destination.to_be_bytes()].concat();
    match *payload {
        ProbePayload::Tcp { source_port, destination_port } => {
            let mut body = ports(source_port, destination_port);
            // Sequence number, no acknowledgement; 20 bytes of header, SYN, a window; checksum, no urgent data.
            body.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xfa, 0xf0, 0, 0, 0, 0]);
            (TCP, body)
        }
        ProbePayload::Udp { source_port, destination_port } => {
            let mut body = ports(source_port, destination_port);
            body.extend([0, 8, 0, 0]);
            (UDP, body)
        }
        ProbePayload::Icmp { kind, code, identifier } => {
            let [high, low] = identifier.to_be_bytes();
            (icmp, vec![kind, code, 0, 0, high, low, 0, 1])
        }
        ProbePayload::Other(protocol) => (protocol, Vec::new()),
    }
}

/// Writes the checksum of a body into it.
fn seal(body: &mut [u8], protocol: u8, pseudo: &[u8]) {
    let place = match protocol {
        TCP if body.len() >= 20 => 16,
        UDP if body.len() >= 8 => 6,
        ICMP | ICMPV6 if body.len() >= 8 => 2,
        _ => return,
    };
    let sum = match checksum(&[pseudo, body]) {
        // Zero would say that there is none (RFC 768).
        0 if protocol == UDP => 0xffff,
        sum => sum,
    };
    body[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071) of pieces of even length.
fn checksum(pieces: &[&[u8]]) -> u16 {
    let words = pieces.iter().flat_map(|piece| piece.chunks(2));
    let mut sum: u32 =
        words.map(|word| u32::from(u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The frame as it comes out of a card of which its sender uses a VLAN (IEEE 802.1Q).
pub(super) fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let (macs, rest) = frame.split_at(12.min(frame.len()));
    [macs, &[0x81, 0x00], &vlan.to_be_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(source: &str, destination: &str, payload: ProbePayload) -> Vec<u8> {
        let mac = Mac::local(1);
        frame((mac, Mac::local(2)), source.parse().unwrap(), destination.parse().unwrap(), &payload).unwrap()
    }

    #[test]
    fn checksums_are_right() {
        let tcp = ProbePayload::Tcp { source_port: 40_000, destination_port: 22 };
        let v4 = made("10.0.0.4", "10.0.1.5", tcp);
        assert_eq!((v4.len(), checksum(&[&v4[14..34]])), (54, 0));
        let pseudo = [&v4[26..34], &[0, 6, 0, 20]].concat();
        assert_eq!(checksum(&[&pseudo, &v4[34..]]), 0);
        for payload in [tcp, ProbePayload::Icmp { kind: 128, code: 0, identifier: 7 }] {
            let v6 = made("2001:db8::4", "2001:db8::5", payload);
            let pseudo = [&v6[22..54], &[0, 0, 0, v6[19], 0, 0, 0, v6[20]]].concat();
            assert_eq!((checksum(&[&pseudo, &v6[54..]]), v6[21]), (0, HOPS));
        }
        let udp = made("10.0.0.4", "10.0.1.5", ProbePayload::Udp { source_port: 5, destination_port: 53 });
        assert_eq!((udp.len(), checksum(&[&udp[26..34], &[0, 17, 0, 8], &udp[34..]])), (42, 0));
    }

    #[test]
    fn versions_do_not_mix() {
        let macs = (Mac::local(1), Mac::local(2));
        let (v4, v6) = ("10.0.0.4".parse().unwrap(), "2001:db8::5".parse().unwrap());
        assert!(frame(macs, v4, v6, &ProbePayload::Other(50)).unwrap_err().contains("same IP version"));
    }
}
