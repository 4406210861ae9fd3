//! Gratuitous ARP (RFC 5227, section 3): tells everyone on a link that an address now lives behind this MAC.
//!
//! Sent by the new owner of an interface that moved, so that neighbours outside of our reach do not go on sending to
//! the old place. Both forms are sent, since some stacks take up only requests and some only replies. Nothing tells
//! whether it was heard: how often it is repeated is the caller's business.

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::link::MacBytes;
use super::{KernelError, NetNs, Result};

/// Ethernet header and ARP packet.
const FRAME: usize = 14 + 28;

const BROADCAST: MacBytes = [0xff; 6];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];

/// The two forms, as ARP's operation number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Request = 1,
    Reply = 2,
}

/// A socket that sends gratuitous ARP through one device.
#[derive(Debug)]
pub struct Announcer {
    socket: OwnedFd,
    device: u32,
}

impl Announcer {
    /// Opens a socket inside `namespace` for the device with this index.
    ///
    /// # Errors
    /// [`KernelError::Privilege`] without CAP_NET_RAW in that namespace.
    pub fn open(namespace: &NetNs, device: u32) -> Result<Self> {
        let socket = namespace.run(packet_socket)?.map_err(|e| KernelError::system("open a packet socket", e))?;
        Ok(Announcer { socket, device })
    }

    /// Announces once, in both forms, that `ip` is at `mac`.
    ///
    /// # Errors
    /// [`KernelError::System`], with `ENXIO` or `ENODEV` if the device has gone and `ENETDOWN` if it is down.
    pub fn announce(&self, ip: Ipv4Addr, mac: MacBytes) -> Result<()> {
        for form in [Form::Request, Form::Reply] {
            self.send(&frame(form, ip, mac)).map_err(|e| {
                KernelError::system(format!("announce {ip} by gratuitous ARP on device {}", self.device), e)
            })?;
        }
        Ok(())
    }

    fn send(&self, frame: &[u8; FRAME]) -> io::Result<()> {
        // SAFETY: sockaddr_ll is plain numbers, for which all zeroes is a valid value.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as libc::c_ushort;
        to.sll_protocol = u16::from_ne_bytes(ETHERTYPE_ARP);
        to.sll_ifindex = self.device as libc::c_int;
        to.sll_halen = BROADCAST.len() as libc::c_uchar;
        to.sll_addr[..BROADCAST.len()].copy_from_slice(&BROADCAST);
        // SAFETY: frame and address are live for the call, and their lengths are given as they are.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const to).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Protocol 0: the socket receives nothing, so no packet of the link is copied for it.
fn packet_socket() -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn frame(form: Form, ip: Ipv4Addr, mac: MacBytes) -> [u8; FRAME] {
    // The request leaves the target's MAC zero (RFC 5227, section 2.3). The reply form is no part of that RFC; it names
    // the sender as target too, as `arping -A` does.
    let target = if form == Form::Request { [0; 6] } else { mac };
    let mut frame = [0; FRAME];
    frame[0..6].copy_from_slice(&BROADCAST);
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&ETHERTYPE_ARP);
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
