//! A VLAN of a card, as a guest's own operating system would make one (IEEE 802.1Q): a device whose frames leave by the card with a
//! tag, and which gets the card's frames with that tag.
//!
//! Linux has such devices, but not every kernel that tests run on is built with them. This one is a tap with a thread behind it:
//! the stack above it is the real one, and what is on the card's cable is the same.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use crate::error::{ProbeError, Result};
use crate::inject::{Injector, build};
use crate::namespace::Namespace;
use crate::worker::{Stop, Worker};
use crate::{sys, tap};

/// Length of `struct virtio_net_hdr`.
const HEADER: usize = 10;
/// The largest IP packet in a frame.
const LARGEST: usize = HEADER + 14 + 65535;
const TPID: u16 = 0x8100;
/// In `flags` of the header: the checksum from `csum_start` on is still to be written.
const NEEDS_CSUM: u8 = 1;
/// How long the thread that waits for the card's frames waits before it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(10);

/// The device. It goes when this is dropped.
pub struct VlanDevice {
    _directions: [Worker<()>; 2],
}

impl VlanDevice {
    /// Makes the device `name` in a namespace, down, for this VLAN of a card that is there.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`]; [`ProbeError::System`] if the name is taken or there is no such card.
    pub fn start(namespace: &Namespace, card: &str, name: &str, id: u16) -> Result<VlanDevice> {
        let failed = || ProbeError::system(format!("make tap '{name}'"));
        let tap = namespace.run(|| tap::open_or_make(name))?.map_err(failed())?;
        let other = tap.try_clone().map_err(failed())?;
        let [out, into] = [Injector::open(namespace, card)?, Injector::open(namespace, card)?];
        let out = Worker::start("probe-vlan-out", move |stop| tag_all(tap, out, id, stop))?;
        let into = Worker::start("probe-vlan-in", move |stop| untag_all(other, into, id, stop))?;
        Ok(VlanDevice { _directions: [out, into] })
    }
}

fn tag_all(mut tap: File, mut card: Injector, id: u16, stop: &Stop) {
    let mut buffer = vec![0; LARGEST];
    while !stop.requested() {
        match tap.read(&mut buffer) {
            // A frame that the card does not take is lost, as on any cable.
            Ok(len) if len > HEADER => drop(card.send(&build::vlan(&buffer[HEADER..len], TPID, id))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => drop(sys::wait_readable(&tap, stop.next_look())),
            // While the device is down.
            _ => std::thread::sleep(LOOK),
        }
    }
}

fn untag_all(mut tap: File, mut card: Injector, id: u16, stop: &Stop) {
    let tagged = |frame: &[u8]| {
        frame.len() >= 18
            && frame[12..14] == TPID.to_be_bytes()
            && frame[14] & 0x0f == (id >> 8) as u8
            && frame[15] == id as u8
    };
    while !stop.requested() {
        let Ok(Some(frame)) = card.recv(LOOK, tagged) else { continue };
        let frame = [&frame[..12], &frame[16..]].concat();
        let whole = [&header_of(&frame)[..], &frame].concat();
        // Lost while the device is down.
        let _ = tap.write(&whole);
    }
}

/// A sender on the same machine leaves the checksums of TCP and UDP to a card that is none: nobody has written them. The stack above
/// takes such a frame if it says so.
fn header_of(frame: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (start, protocol) = match frame.get(12..14) {
        Some([0x08, 0x00]) if frame.len() > 34 => (14 + usize::from(frame[14] & 15) * 4, frame[23]),
        Some([0x86, 0xdd]) if frame.len() > 54 => (54, frame[20]),
        _ => return header,
    };
    let offset: u16 = match protocol {
        6 => 16,
        17 => 6,
        _ => return header,
    };
    if start + usize::from(offset) + 2 <= frame.len() {
        header[0] = NEEDS_CSUM;
        header[6..8].copy_from_slice(&(start as u16).to_ne_bytes());
        header[8..10].copy_from_slice(&offset.to_ne_bytes());
    }
    header
}
