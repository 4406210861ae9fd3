//! The frame of an unsolicited neighbour advertisement (RFC 4861, 4.4 and 7.2.6).

use std::net::Ipv6Addr;

use crate::kernel::link::MacBytes;

/// Ethernet and IPv6 headers, the advertisement, and its option with the MAC address.
const FRAME: usize = 14 + 40 + MESSAGE;
const MESSAGE: usize = 24 + 8;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Ethernet's address for [`ALL_NODES`] (RFC 2464, 7).
const ALL_NODES_MAC: MacBytes = [0x33, 0x33, 0, 0, 0, 1];
const ICMPV6: u8 = 58;
const ADVERTISEMENT: u8 = 136;
/// Replaces what neighbours know already.
const OVERRIDE: u8 = 0x20;
/// "Target link-layer address", 8 bytes long.
const TARGET_MAC: [u8; 2] = [2, 1];

pub(super) fn frame(ip: Ipv6Addr, mac: MacBytes) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[0..6].copy_from_slice(&ALL_NODES_MAC);
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    let ipv6 = &mut frame[14..];
    ipv6[0] = 0x60;
    ipv6[4..6].copy_from_slice(&(MESSAGE as u16).to_be_bytes());
    ipv6[6] = ICMPV6;
    // A receiver takes nothing that a router could have passed on.
    ipv6[7] = 255;
    ipv6[8..24].copy_from_slice(&ip.octets());
    ipv6[24..40].copy_from_slice(&ALL_NODES.octets());
    let message = &mut ipv6[40..];
    message[0] = ADVERTISEMENT;
    message[4] = OVERRIDE;
    message[8..24].copy_from_slice(&ip.octets());
    message[24..26].copy_from_slice(&TARGET_MAC);
    message[26..32].copy_from_slice(&mac);
    let sum = checksum(&ipv6[8..]);
    frame[14 + 40 + 2..14 + 40 + 4].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// The Internet checksum (RFC 1071) of both addresses and the message, which follow each other, and of the rest of the
/// pseudo-header (RFC 8200, 8.1).
fn checksum(addresses_and_message: &[u8]) -> u16 {
    let words = addresses_and_message.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let mut sum = words.sum::<u32>() + MESSAGE as u32 + u32::from(ICMPV6);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advertisement_names_the_address_and_sums_up() {
        let (ip, mac) = ("2001:db8::7".parse::<Ipv6Addr>().unwrap(), [2, 0, 0, 0, 0, 1]);
        let frame = frame(ip, mac);
        assert_eq!(&frame[..14], [&ALL_NODES_MAC[..], &mac, &[0x86, 0xdd]].concat());
        assert_eq!(&frame[14..22], [0x60, 0, 0, 0, 0, 32, 58, 255]);
        assert_eq!((&frame[22..38], &frame[62..78]), (&ip.octets()[..], &ip.octets()[..]));
        assert_eq!((frame[54], frame[58], &frame[78..86]), (136, 0x20, &[2, 1, 2, 0, 0, 0, 0, 1][..]));
        // With the sum in place everything adds up to nothing.
        assert_eq!(checksum(&frame[22..]), 0);
    }
}
