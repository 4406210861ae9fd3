//! A device's offloads, switched one by one: what a test turns off to see real segments, and on to see that nothing breaks.
//!
//! By the ethtool ioctls that every kernel has (linux/ethtool.h), so that no program needs to be installed.

use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;

const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// Something that a device does for the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// Transport checksums of what is sent are filled in by the device.
    TransmitChecksum,
    /// TCP segmentation.
    TcpSegmentation,
    /// Segmentation by the kernel, just before the device.
    GenericSegmentation,
    /// Segments joined by the kernel when they come in.
    GenericReceive,
}

impl Offload {
    /// All that a test of single segments turns off, in an order in which the kernel takes it.
    pub const ALL: [Offload; 4] =
        [Offload::GenericReceive, Offload::GenericSegmentation, Offload::TcpSegmentation, Offload::TransmitChecksum];

    /// The commands that read and set it, ETHTOOL_GTXCSUM and ETHTOOL_STXCSUM and so on.
    fn commands(self) -> (u32, u32) {
        match self {
            Offload::TransmitChecksum => (0x16, 0x17),
            Offload::TcpSegmentation => (0x1e, 0x1f),
            Offload::GenericSegmentation => (0x23, 0x24),
            Offload::GenericReceive => (0x2b, 0x2c),
        }
    }
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Switches an offload of a device.
///
/// # Errors
/// [`ProbeError::Namespace`]; [`ProbeError::System`] if there is no such device, it can't switch this, or without
/// `CAP_NET_ADMIN`.
pub fn set(ns: &Namespace, device: &str, offload: Offload, on: bool) -> Result<()> {
    let done = ns.run(|| ask(device, offload.commands().1, u32::from(on)))?;
    let state = if on { "on" } else { "off" };
    done.map(drop).map_err(ProbeError::system(format!("turn {state} {offload:?} of device '{device}'")))
}

/// Whether an offload of a device is on. One that was switched on may be off: segmentation needs checksums.
///
/// # Errors
/// As [`set`].
pub fn is_on(ns: &Namespace, device: &str, offload: Offload) -> Result<bool> {
    let read = ns.run(|| ask(device, offload.commands().0, 0))?;
    read.map(|data| data != 0).map_err(ProbeError::system(format!("read {offload:?} of device '{device}'")))
}

/// Turns everything off: the device then carries segments as they will be on a wire, with complete checksums.
///
/// # Errors
/// As [`set`].
pub fn all_off(ns: &Namespace, device: &str) -> Result<()> {
    Offload::ALL.into_iter().try_for_each(|offload| set(ns, device, offload, false))
}

/// Gives the kernel a command with a value, and returns the value as it is then.
fn ask(device: &str, command: u32, data: u32) -> io::Result<u32> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let mut value = Value { command, data };
    // SAFETY: an `ifreq` of zeroes is one with an empty name and a null pointer.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if device.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut value).cast();
    // SAFETY: the request names a device and points to a value, both of which live through the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value.data) }
}
