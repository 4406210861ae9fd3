//! Notices of change in one namespace: devices, IPv4 addresses, IPv4 routes.
//!
//! A notice says where something changed and not what it became: by the time it is read the state may be another, so
//! whoever cares reads it back. Notices may be lost when changes come faster than they are read; then the kernel says
//! so and everything must be read again.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::thread::{self, JoinHandle};

use netlink_sys::Socket;

use super::socket::{drain, open_socket};
use super::wire::{Frame, attributes, frames, u32_of};
use super::{KernelError, NetNs, Result};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTA_OIF: u16 = 4;
const ROUTE_HEADER: usize = 12;

const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;

/// Room for notices that have not been read, so that a burst of changes is no [`Change::Resync`].
const RECEIVE_BUFFER: usize = 4 << 20;

const DATAGRAM: usize = 32 << 10;

/// What about a device changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// It is new, or its state, name, MTU or other property changed.
    Link,
    /// It has gone from this namespace.
    Gone,
    /// An IPv4 address came or went.
    Address,
    /// An IPv4 route through it came or went.
    Route,
}

/// One notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Something about one device changed.
    Device {
        /// The device's index.
        index: u32,
        /// What changed.
        aspect: Aspect,
    },
    /// Notices were lost, or one does not belong to one device (a route with several next hops): read everything again.
    Resync,
}

/// A subscription. Reading it blocks; a [`Stopper`] ends that from another thread.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    wake: PipeReader,
    pending: std::collections::VecDeque<Change>,
    buffer: Vec<u8>,
    ended: bool,
}

/// Ends a [`Monitor`]'s reading when it is told to or dropped.
#[derive(Debug)]
pub struct Stopper {
    wake: PipeWriter,
}

impl Stopper {
    /// Ends the reading now. Also done by dropping the stopper.
    pub fn stop(mut self) {
        // A broken pipe means that the monitor has gone already.
        let _ = self.wake.write_all(&[0]);
    }
}

impl Monitor {
    /// Subscribes. Every change after this returns is noticed or leads to a [`Change::Resync`].
    pub fn open(namespace: &NetNs) -> Result<(Self, Stopper)> {
        Self::open_with_buffer(namespace, RECEIVE_BUFFER)
    }

    /// As [`open`](Self::open), with room for this many bytes of unread notices.
    pub fn open_with_buffer(namespace: &NetNs, bytes: usize) -> Result<(Self, Stopper)> {
        let failed = |e: io::Error| KernelError::system("subscribe to network changes", e);
        let socket = namespace.run(|| open_socket(bytes))??;
        for group in [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE] {
            socket.add_membership(group).map_err(failed)?;
        }
        let (wake, writer) = io::pipe().map_err(failed)?;
        let pending = std::collections::VecDeque::new();
        Ok((Monitor { socket, wake, pending, buffer: vec![0; DATAGRAM], ended: false }, Stopper { wake: writer }))
    }

    /// Waits for the next notice; `None` once stopped.
    pub fn wait(&mut self) -> Result<Option<Change>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(change) = self.pending.pop_front() {
                return Ok(Some(change));
            }
            let failed = |e: io::Error| KernelError::system("wait for network changes", e);
            let [news, stop] = readable([self.socket.as_raw_fd(), self.wake.as_raw_fd()]).map_err(failed)?;
            self.ended = stop;
            if news && !stop {
                self.receive().map_err(failed)?;
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        match self.socket.recv_from(&mut &mut self.buffer[..], libc::MSG_TRUNC | libc::MSG_DONTWAIT) {
            Ok((_, sender)) if sender.port_number() != 0 => {}
            Ok((length, _)) if length > self.buffer.len() => self.pending.push_back(Change::Resync),
            Ok((length, _)) => self.pending.extend(frames(&self.buffer[..length]).filter_map(|f| notice(&f))),
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                // Emptied first: whoever reads the state after this notice then hears of every later change.
                drain(&self.socket)?;
                self.pending.push_back(Change::Resync);
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// Ends when stopped, and after the first error.
impl Iterator for Monitor {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        self.wait().inspect_err(|_| self.ended = true).transpose()
    }
}

/// A thread that hands every notice to a function. Dropping it stops the thread and waits for its end.
#[derive(Debug)]
pub struct MonitorThread {
    stopper: Option<Stopper>,
    thread: Option<JoinHandle<()>>,
}

impl MonitorThread {
    /// Subscribes, then starts the thread. An error of the subscription is handed on once and is the last.
    pub fn spawn(namespace: &NetNs, mut notify: impl FnMut(Result<Change>) + Send + 'static) -> Result<Self> {
        let (monitor, stopper) = Monitor::open(namespace)?;
        let thread = thread::Builder::new()
            .name("net-monitor".to_owned())
            .spawn(move || monitor.for_each(&mut notify))
            .map_err(|e| KernelError::system("start a thread for network changes", e))?;
        Ok(MonitorThread { stopper: Some(stopper), thread: Some(thread) })
    }
}

impl Drop for MonitorThread {
    fn drop(&mut self) {
        drop(self.stopper.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the function has been printed by the thread itself.
            let _ = thread.join();
        }
    }
}

fn notice(frame: &Frame<'_>) -> Option<Change> {
    // The index is at the same place in ifinfomsg and ifaddrmsg.
    let index = frame.payload.get(4..8).and_then(u32_of);
    let (index, aspect) = match frame.kind {
        RTM_NEWLINK => (index, Aspect::Link),
        RTM_DELLINK => (index, Aspect::Gone),
        RTM_NEWADDR | RTM_DELADDR => (index, Aspect::Address),
        RTM_NEWROUTE | RTM_DELROUTE => {
            let mut found = attributes(frame.payload.get(ROUTE_HEADER..).unwrap_or_default());
            (found.find(|(kind, _)| *kind == RTA_OIF).and_then(|(_, value)| u32_of(value)), Aspect::Route)
        }
        _ => return None,
    };
    Some(index.map_or(Change::Resync, |index| Change::Device { index, aspect }))
}

/// Waits until at least one of the descriptors can be read, or its other end has gone.
fn readable(descriptors: [RawFd; 2]) -> io::Result<[bool; 2]> {
    let mut polled = descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    // SAFETY: the pointer and the count describe the array above, which outlives the call.
    let answer = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, -1) };
    if answer < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok([false; 2]) } else { Err(error) };
    }
    Ok(polled.map(|descriptor| descriptor.revents != 0))
}
