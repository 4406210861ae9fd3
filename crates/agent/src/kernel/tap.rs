//! Taps: the cable of a virtual machine. One end is a device on the host; the other is a file that the machine's emulator
//! holds open, so there is nothing of ours inside the guest.
//!
//! A tap is made persistent: it stays while the emulator is not there or starts again. The emulator opens `/dev/net/tun`
//! and names the device, which it may do as the owner given here without any privilege, or with CAP_NET_ADMIN.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use super::link::NAME_MAX;
use super::{KernelError, NetNs, Result, link};

const CONTROL: &str = "/dev/net/tun";

// Requests and flags of linux/if_tun.h.
const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETPERSIST: libc::c_ulong = 0x4004_54cb;
const TUNSETOWNER: libc::c_ulong = 0x4004_54cc;
const IFF_TAP: libc::c_short = 0x0002;
const IFF_NO_PI: libc::c_short = 0x1000;
const IFF_VNET_HDR: libc::c_short = 0x4000;
const IFF_TUN_EXCL: libc::c_short = 0x8000_u16 as libc::c_short;

/// What `TUNSETIFF` takes: the beginning of `struct ifreq`, and room for its union.
#[repr(C)]
struct Request {
    name: [u8; NAME_MAX + 1],
    flags: libc::c_short,
    rest: [u8; 22],
}

impl Request {
    fn new(name: &str, flags: libc::c_short) -> Self {
        let mut request = Request { name: [0; NAME_MAX + 1], flags, rest: [0; 22] };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        request
    }
}

/// A tap that was just made. It goes with this value unless it is kept, so one whose maker ends before it could be marked
/// does not stay behind, a stranger to everybody.
#[derive(Debug)]
pub struct NewTap {
    file: File,
    name: String,
}

impl NewTap {
    /// Makes it stay.
    ///
    /// # Errors
    /// [`KernelError::System`]; then it has gone.
    pub fn keep(self) -> Result<()> {
        set(&self.file, TUNSETPERSIST, 1).map_err(|e| KernelError::system(format!("keep tap '{}'", self.name), e))
    }
}

/// Makes a tap in `namespace`, down: whole Ethernet frames behind a virtio header, so that large packets and checksums that
/// are still to be made cross it. `owner` is the user who may open it beside the privileged; `None`: root.
///
/// On an error nothing is left.
///
/// # Errors
/// [`KernelError::Invalid`] for the name; [`KernelError::System`] with `EBUSY` if a device has it, with `ENOENT` if the
/// kernel has no taps; [`KernelError::Privilege`].
pub fn create(namespace: &NetNs, name: &str, owner: Option<u32>) -> Result<NewTap> {
    link::check_name(name)?;
    let failed = |e: io::Error| KernelError::system(format!("create tap '{name}'"), e);
    let make = || -> io::Result<File> {
        let file = open()?;
        let mut request = Request::new(name, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
        set_interface(&file, &mut request)?;
        // Always: a persistent tap without an owner is everybody's.
        set(&file, TUNSETOWNER, owner.unwrap_or(0).into())?;
        Ok(file)
    };
    let file = namespace.run(make)?.map_err(failed)?;
    Ok(NewTap { file, name: name.to_owned() })
}

/// Opens the guest's end of a tap, as an emulator does: each read gives one frame behind its virtio header (10 bytes), each
/// write takes one.
///
/// # Errors
/// [`KernelError::System`] with `EBUSY` if somebody has it open, with `EINVAL` if the device is no tap.
pub fn open_guest(namespace: &NetNs, name: &str) -> Result<File> {
    link::check_name(name)?;
    let attach = || {
        let file = open()?;
        set_interface(&file, &mut Request::new(name, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))?;
        Ok(file)
    };
    namespace.run(attach)?.map_err(|e: io::Error| KernelError::system(format!("open tap '{name}'"), e))
}

/// The device that a file of this kind makes belongs to the namespace of the thread that opens it.
fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(CONTROL)
}

fn set_interface(file: &File, request: &mut Request) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the request has the size and layout of `struct ifreq`, which the kernel reads and
    // writes back.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF as _, std::ptr::from_mut(request)) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set(file: &File, what: libc::c_ulong, value: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the request takes a plain number.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), what as _, value) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_large_as_the_kernels() {
        assert_eq!(size_of::<Request>(), size_of::<libc::ifreq>());
        assert_eq!(Request::new("fifteen-bytes-x", 0).name[NAME_MAX], 0);
    }

    /// Deletes the namespace with the value.
    struct Scratch(NetNs, String);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = NetNs::delete(&self.1);
        }
    }

    #[test]
    fn i16_only_its_owner_and_the_privileged_may_be_the_machine_behind_a_tap() {
        let name = format!("plt-tap-owner-{}", std::process::id());
        let host = Scratch(NetNs::create(&name).unwrap(), name);
        create(&host.0, "tap0", None).unwrap().keep().unwrap();
        create(&host.0, "tap1", Some(4242)).unwrap().keep().unwrap();
        // The thread of `run` alone becomes the user; it ends with the work.
        let opens = |user: libc::c_long, device: &str| {
            let attach = || {
                let file = open().unwrap();
                // SAFETY: it takes three numbers, and changes this thread only.
                assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, user, user, user) }, 0);
                set_interface(&file, &mut Request::new(device, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)).is_ok()
            };
            host.0.run(attach).unwrap()
        };
        assert!(opens(4242, "tap1") && opens(0, "tap1"));
        assert!(!opens(4242, "tap0") && !opens(4243, "tap1"));
    }
}
