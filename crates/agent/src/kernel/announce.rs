//! Telling everyone on a link that an address now lives behind this MAC, unasked: gratuitous ARP (RFC 5227, section 3) and
//! unsolicited neighbour advertisements (RFC 4861, section 7.2.6).
//!
//! Sent by the new owner of an interface that moved, so that neighbours outside of our reach do not go on sending to
//! the old place. Nothing tells whether it was heard: how often it is repeated is the caller's business.

mod arp;
mod na;

use std::io;
use std::mem::size_of;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::link::MacBytes;
use super::{KernelError, NetNs, Result};

/// A socket that announces addresses through one device.
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

    /// Announces once that `ip` is at `mac`: an IPv4 address in both forms of ARP, since some stacks take up only
    /// requests and some only replies.
    ///
    /// # Errors
    /// [`KernelError::System`], with `ENXIO` or `ENODEV` if the device has gone and `ENETDOWN` if it is down.
    pub fn announce(&self, ip: IpAddr, mac: MacBytes) -> Result<()> {
        let sent = match ip {
            IpAddr::V4(ip) => {
                let mut frames = arp::Form::BOTH.iter().map(|form| arp::frame(*form, ip, mac));
                frames.try_for_each(|frame| self.send(&frame))
            }
            IpAddr::V6(ip) => self.send(&na::frame(ip, mac)),
        };
        sent.map_err(|e| KernelError::system(format!("announce {ip} on device {}", self.device), e))
    }

    /// Sends a frame; addresses and ethertype are those that it begins with.
    fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: sockaddr_ll is plain numbers, for which all zeroes is a valid value.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as libc::c_ushort;
        to.sll_protocol = u16::from_ne_bytes([frame[12], frame[13]]);
        to.sll_ifindex = self.device as libc::c_int;
        to.sll_halen = 6;
        to.sll_addr[..6].copy_from_slice(&frame[..6]);
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
