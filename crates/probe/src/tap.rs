//! Opening the guest's end of a tap, as an emulator does (linux/if_tun.h).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const IFF_TAP: libc::c_short = 0x0002;
const IFF_NO_PI: libc::c_short = 0x1000;
const IFF_VNET_HDR: libc::c_short = 0x4000;

/// The beginning of `struct ifreq`, and room for its union.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

/// Opens the tap of that name in the calling thread's namespace, for reads that don't wait. One that is not there is not made.
pub(crate) fn open(name: &str) -> io::Result<File> {
    if nix::net::if_::if_nametoindex(name).is_err() {
        return Err(io::ErrorKind::NotFound.into());
    }
    open_or_make(name)
}

/// The same; one that is not there is made, and goes when it is closed.
pub(crate) fn open_or_make(name: &str) -> io::Result<File> {
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut request = Request { name: [0; libc::IFNAMSIZ], flags: IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: the descriptor is open, and the request has the size and layout of `struct ifreq`, which the kernel reads and
    // writes back.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF as _, std::ptr::from_mut(&mut request)) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(file) }
}
