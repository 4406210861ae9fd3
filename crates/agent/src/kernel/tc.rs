//! Queueing disciplines and their classes: what delays packets so that a limit holds.
//!
//! Only what the shaper needs: HTB trees (hierarchical token buckets) whose leaves are byte-limited queues. Rates are bytes
//! in a second, exact to 64 bits; bursts are the kernel's ticks, so that what was asked for and what is read back can be
//! compared without rounding.

use netlink_packet_core::DefaultNla;
use netlink_packet_route::tc::{TcAttribute, TcMessage};

use super::wire::{attributes, i32_of, string_of, u32_of};

mod htb;
mod psched;
mod queue;

pub use htb::{ClassState, ClassStats, HtbClass, delete_class, list_classes, put_class};
pub use psched::Psched;
pub use queue::{DiscState, delete_root, list_discs, put_htb, put_queue};

/// Length of `struct tcmsg`.
const HEADER: usize = 20;

// Attribute numbers of linux/rtnetlink.h.
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_STATS2: u16 = 7;

/// The name of a queueing discipline or a class: the number of the tree above, the class's number below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u32);

impl Handle {
    /// The device itself, as a parent.
    pub const ROOT: Handle = Handle(u32::MAX);

    /// Class `minor` of tree `major`; 0 is the tree itself.
    pub const fn new(major: u16, minor: u16) -> Self {
        Handle((major as u32) << 16 | minor as u32)
    }

    /// The number within the tree.
    pub const fn minor(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}:{:x}", self.0 >> 16, self.minor())
    }
}

/// A message about a discipline or class of a device.
fn message(device: u32, handle: Handle, parent: Handle) -> TcMessage {
    // The kernel's own type; indexes are positive.
    let mut message = TcMessage::with_index(device as i32);
    message.header.handle = handle.0.into();
    message.header.parent = parent.0.into();
    message
}

/// Says which discipline it is, and its options.
fn describe(message: &mut TcMessage, kind: &str, options: Vec<u8>) {
    message.attributes.push(TcAttribute::Kind(kind.to_owned()));
    message.attributes.push(TcAttribute::Other(DefaultNla::new(TCA_OPTIONS, options)));
}

/// Appends one attribute to a list of options.
fn push_option(options: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).expect("an option of ours is a few dozen bytes");
    options.extend(length.to_ne_bytes());
    options.extend(kind.to_ne_bytes());
    options.extend(value);
    options.resize(options.len().next_multiple_of(4), 0);
}

/// What a message of the kernel's about a discipline or class begins with.
struct Seen<'a> {
    device: u32,
    handle: Handle,
    parent: Handle,
    kind: String,
    options: &'a [u8],
    stats: &'a [u8],
}

fn decode(payload: &[u8]) -> Option<Seen<'_>> {
    let header = payload.get(..HEADER)?;
    let mut seen = Seen {
        device: u32::try_from(i32_of(&header[4..8])?).ok()?,
        handle: Handle(u32_of(&header[8..12])?),
        parent: Handle(u32_of(&header[12..16])?),
        kind: String::new(),
        options: &[],
        stats: &[],
    };
    for (attribute, value) in attributes(&payload[HEADER..]) {
        match attribute {
            TCA_KIND => seen.kind = string_of(value).unwrap_or_default(),
            TCA_OPTIONS => seen.options = value,
            TCA_STATS2 => seen.stats = value,
            _ => {}
        }
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_written_as_the_system_tools_write_them() {
        assert_eq!(Handle::new(1, 0xfff).to_string(), "1:fff");
        assert_eq!((Handle::new(1, 7).0, Handle::new(1, 7).minor()), (0x1_0007, 7));
    }

    #[test]
    fn options_are_padded_to_four_bytes() {
        let mut options = Vec::new();
        push_option(&mut options, 5, &[1]);
        push_option(&mut options, 6, &[2, 3, 4, 5]);
        let seen: Vec<_> = attributes(&options).collect();
        assert_eq!(seen, [(5, &[1][..]), (6, &[2, 3, 4, 5][..])]);
    }
}
