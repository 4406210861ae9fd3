//! The frames of gratuitous ARP.

use std::net::Ipv4Addr;

use crate::kernel::link::MacBytes;

/// Ethernet header and ARP packet.
const FRAME: usize = 14 + 28;

const BROADCAST: MacBytes = [0xff; 6];
const ETHERTYPE: [u8; 2] = [0x08, 0x06];

/// The two forms, as ARP's operation number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Request = 1,
    Reply = 2,
}

impl Form {
    pub(super) const BOTH: [Form; 2] = [Form::Request, Form::Reply];
}

pub(super) fn frame(form: Form, ip: Ipv4Addr, mac: MacBytes) -> [u8; FRAME] {
    // The request leaves the target's MAC zero (RFC 5227, section 2.3). The reply form is no part of that RFC; it names
    // the sender as target too, as `arping -A` does.
    let target = if form == Form::Request { [0; 6] } else { mac };
    let mut frame = [0; FRAME];
    frame[0..6].copy_from_slice(&BROADCAST);
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&ETHERTYPE);
    // Hardware Ethernet, protocol IPv4, lengths 6 and 4 (RFC 826), operation.
    frame[14..22].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, form as u8]);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&ip.octets());
    frame[32..38].copy_from_slice(&target);
    frame[38..42].copy_from_slice(&ip.octets());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_announces_sender_as_target() {
        let (ip, mac) = (Ipv4Addr::new(10, 0, 0, 7), [2, 0, 0, 0, 0, 1]);
        let request = frame(Form::Request, ip, mac);
        assert_eq!(&request[..14], [&[0xff; 6][..], &mac, &[8, 6]].concat());
        assert_eq!(&request[14..22], [0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!((&request[22..28], &request[32..38]), (&mac[..], &[0; 6][..]));
        assert_eq!(request[28..32], request[38..42]);
        let reply = frame(Form::Reply, ip, mac);
        assert_eq!((reply[21], &reply[32..38]), (2, &mac[..]));
    }
}
