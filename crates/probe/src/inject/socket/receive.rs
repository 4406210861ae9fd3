//! Receiving whole frames: the kernel takes a VLAN tag out of a frame and hands it over beside it, so it is put back here.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd};

use socket2::Socket;

use crate::sys::{self, Plain};

/// The largest frame: GRO may hand over several segments as one of up to 64 KiB.
pub(super) const LARGEST: usize = 65536 + 18;

// Of `linux/if_packet.h`.
pub(super) const PACKET_AUXDATA: i32 = 8;
pub(super) const PACKET_IGNORE_OUTGOING: i32 = 23;
const PACKET_STATISTICS: i32 = 6;
const VLAN_VALID: u32 = 1 << 4;
const VLAN_TPID_VALID: u32 = 1 << 6;

/// `struct tpacket_auxdata`.
#[repr(C)]
#[derive(Clone, Copy)]
struct AuxData {
    status: u32,
    len: u32,
    snaplen: u32,
    mac: u16,
    net: u16,
    vlan_tci: u16,
    vlan_tpid: u16,
}

/// `struct tpacket_stats`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Stats {
    packets: u32,
    drops: u32,
}

// SAFETY: a C struct of integers.
unsafe impl Plain for Stats {}

/// Room for one control message with [`AuxData`], aligned as control messages are.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// How many frames found no room since the last call.
pub(super) fn missed(socket: &Socket) -> io::Result<u32> {
    let stats: Stats = sys::get_option(socket, libc::SOL_PACKET, PACKET_STATISTICS)?;
    Ok(stats.drops)
}

/// The next frame; `None` if there is none now.
pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<Vec<u8>>> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; 64]);
    // SAFETY: a `msghdr` of zeroes is one without address, data and control.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the message points to one part, which is `buffer`, and to `control`, with their lengths.
    let len = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &mut message, libc::MSG_DONTWAIT) };
    let Ok(len) = usize::try_from(len) else {
        let error = io::Error::last_os_error();
        let none = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
        // A device that went down says so once; the socket goes on when it is up again.
        return if none || error.raw_os_error() == Some(libc::ENETDOWN) { Ok(None) } else { Err(error) };
    };
    let frame = &buffer[..len];
    Ok(Some(match aux_data(&message) {
        Some(aux) if aux.status & VLAN_VALID != 0 && len >= 12 => {
            let tpid = if aux.status & VLAN_TPID_VALID != 0 { aux.vlan_tpid } else { 0x8100 };
            [&frame[..12], &tpid.to_be_bytes(), &aux.vlan_tci.to_be_bytes(), &frame[12..]].concat()
        }
        _ => frame.to_vec(),
    }))
}

fn aux_data(message: &libc::msghdr) -> Option<AuxData> {
    // SAFETY: the kernel filled in the message's control part and its length.
    let header = unsafe { libc::CMSG_FIRSTHDR(message).as_ref() }?;
    if (header.cmsg_level, header.cmsg_type) != (libc::SOL_PACKET, PACKET_AUXDATA) {
        return None;
    }
    let mut aux = MaybeUninit::<AuxData>::zeroed();
    // SAFETY: a control message of this kind carries one `tpacket_auxdata`, which is integers only.
    unsafe {
        std::ptr::copy_nonoverlapping(libc::CMSG_DATA(header), aux.as_mut_ptr().cast(), mem::size_of::<AuxData>());
        Some(aux.assume_init())
    }
}
