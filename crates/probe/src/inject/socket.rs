//! The packet socket: sends frames as they are, and receives what the device receives.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

use crate::clock::Moment;
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;
use crate::sys;

mod receive;

/// How many frames one system call sends.
const BATCH: usize = 128;

/// The longest that one frame waits for room in the device's queue before it counts as refused.
const ROOM_WAIT: Duration = Duration::from_millis(100);

/// Room for captured frames that are not read yet, in bytes.
const RECEIVE_BUFFER: i32 = 16 << 20;

/// What went through an [`Injector`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that the device took.
    pub sent: u64,
    /// Frames that the kernel refused: too long for the device, or no room for too long.
    pub refused: u64,
    /// Frames that were captured, whether or not they were asked for.
    pub captured: u64,
    /// Frames that should have been captured and for which there was no room, as of the last call of
    /// [`Injector::counters`].
    pub missed: u64,
}

/// A packet socket on a device in a namespace.
#[derive(Debug)]
pub struct Injector {
    socket: Socket,
    device: String,
    counters: Counters,
    buffer: Vec<u8>,
}

impl Injector {
    /// Opens it. Capturing begins here, with every frame that comes into the device, also those not addressed to it; frames that go
    /// out of it are not captured.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`]; [`ProbeError::System`] if there is no such device, or without `CAP_NET_RAW`.
    pub fn open(ns: &Namespace, device: &str) -> Result<Injector> {
        let socket = ns.run(|| open_on(device))?;
        let socket = socket.map_err(ProbeError::system(format!("open a packet socket on device '{device}'")))?;
        let buffer = vec![0; receive::LARGEST];
        Ok(Injector { socket, device: device.into(), counters: Counters::default(), buffer })
    }

    /// Sends one frame, from the destination MAC on.
    ///
    /// # Errors
    /// [`ProbeError::System`] if the kernel refuses it: shorter than 14 bytes, longer than the device's MTU allows, device down.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        let until = Moment::now() + ROOM_WAIT;
        loop {
            match self.socket.send(frame) {
                Ok(_) => {
                    self.counters.sent += 1;
                    return Ok(());
                }
                Err(error) if is_full(&error) && Moment::now() < until => self.wait_for_room(until)?,
                Err(error) => {
                    self.counters.refused += 1;
                    let what = format!("send a frame of {} bytes on device '{}'", frame.len(), self.device);
                    return Err(ProbeError::system(what)(error));
                }
            }
        }
    }

    /// Sends many frames, as fast as the device takes them; gives how many it took. One that is refused is counted and passed
    /// over.
    ///
    /// # Errors
    /// [`ProbeError::System`] if the device is down or has gone: then no frame could be sent.
    pub fn send_many(&mut self, frames: impl IntoIterator<Item = Vec<u8>>) -> Result<u64> {
        let before = self.counters.sent;
        let mut batch = Vec::with_capacity(BATCH);
        for frame in frames {
            batch.push(frame);
            if batch.len() == BATCH {
                self.send_batch(&batch)?;
                batch.clear();
            }
        }
        self.send_batch(&batch)?;
        Ok(self.counters.sent - before)
    }

    /// The next frame for which `wanted` holds, at most `timeout` from now; the others are passed over. VLAN tags are where they
    /// were on the wire.
    ///
    /// # Errors
    /// [`ProbeError::System`] if the socket cannot be read.
    pub fn recv(&mut self, timeout: Duration, mut wanted: impl FnMut(&[u8]) -> bool) -> Result<Option<Vec<u8>>> {
        let until = Moment::now() + timeout;
        let failed = ProbeError::system(format!("receive on device '{}'", self.device));
        let mut next = || -> io::Result<Option<Vec<u8>>> {
            loop {
                if let Some(frame) = receive::receive(&self.socket, &mut self.buffer)? {
                    self.counters.captured += 1;
                    if wanted(&frame) {
                        return Ok(Some(frame));
                    }
                } else if until.remaining() == Duration::ZERO || !sys::wait_readable(&self.socket, until)? {
                    return Ok(None);
                }
            }
        };
        next().map_err(failed)
    }

    /// What went through so far.
    ///
    /// # Errors
    /// [`ProbeError::System`] if the kernel does not tell what it missed.
    pub fn counters(&mut self) -> Result<Counters> {
        let failed = ProbeError::system("read a packet socket's counters");
        // Reading them sets the kernel's to zero.
        self.counters.missed += u64::from(receive::missed(&self.socket).map_err(failed)?);
        Ok(self.counters)
    }

    fn send_batch(&mut self, frames: &[Vec<u8>]) -> Result<()> {
        let mut rest = frames;
        let mut until = Moment::now() + ROOM_WAIT;
        while !rest.is_empty() {
            match send_now(&self.socket, rest) {
                Ok(sent) => {
                    self.counters.sent += sent as u64;
                    rest = &rest[sent..];
                    until = Moment::now() + ROOM_WAIT;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) && Moment::now() < until => self.wait_for_room(until)?,
                Err(error) if is_gone(&error) => {
                    return Err(ProbeError::system(format!("send frames on device '{}'", self.device))(error));
                }
                // The call fails only for its first frame.
                Err(_) => {
                    self.counters.refused += 1;
                    rest = &rest[1..];
                }
            }
        }
        Ok(())
    }

    /// Waits until the socket's own buffer has room, or a little for the device's queue, which cannot be waited for.
    fn wait_for_room(&self, until: Moment) -> Result<()> {
        sys::wait_writable(&self.socket, until).map_err(ProbeError::system("wait for room to send"))?;
        until.min(Moment::now() + Duration::from_micros(50)).sleep_until();
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV))
}

fn open_on(device: &str) -> io::Result<Socket> {
    // Protocol 0 receives nothing: the device is chosen before the first frame can come.
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None)?;
    sys::set_option(&socket, libc::SOL_PACKET, receive::PACKET_IGNORE_OUTGOING, 1)?;
    sys::set_option(&socket, libc::SOL_PACKET, receive::PACKET_AUXDATA, 1)?;
    if sys::set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER as usize)?;
    }
    socket.bind(&address(nix::net::if_::if_nametoindex(device)?))?;
    Ok(socket)
}

/// The address "all protocols on this device".
fn address(index: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is a socket address, so it fits into the storage and may be all zeroes.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET as u16;
    link.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    link.sll_ifindex = index as i32;
    let len = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage holds a `sockaddr_ll` of this length.
    unsafe { SockAddr::new(storage, len) }
}

/// Gives frames to the kernel until it takes no more; at least one, or an error.
fn send_now(socket: &Socket, frames: &[Vec<u8>]) -> io::Result<usize> {
    let frames = &frames[..frames.len().min(BATCH)];
    let mut parts: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
    let mut messages: Vec<libc::mmsghdr> = parts
        .iter_mut()
        .map(|part| {
            // SAFETY: an `mmsghdr` of zeroes is one without address, data and control.
            let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
            // IoSlice has the layout of iovec, which the kernel only reads.
            message.msg_hdr.msg_iov = std::ptr::from_mut(part).cast();
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the messages, the parts they point to and the frames these point to live through the call.
    let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), messages.len() as u32, libc::MSG_DONTWAIT as _) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}
