//! Bandwidth limits: a tree of token buckets for what guests send and one for what they get.
//!
//! A packet that is redirected from device to device meets no queue, and only a queue can hold a packet back. So the
//! packets of limited interfaces take a detour through a cable of the host's own, a veth pair with an HTB tree at either
//! end: what guests send goes through it from the first end to the second, what they get the other way. The others never
//! see it. `docs/data-plane.md` says where in a packet's life the detour is.
//!
//! Each tree has four levels: uplink, tenant (VPC), instance, interface. A class is guaranteed its rate and may borrow up to
//! its ceiling what others leave idle; the priority of an interface says who borrows first. See [`tree`] for how rates are
//! found, and [`plan`] for how the kernel follows.
//!
//! As everywhere in the agent: what is there is read, compared with what should be, and only the difference is written.

mod device;
mod driver;
mod numbers;
pub mod plan;
pub mod tree;

pub use device::Cable;
pub use driver::{QueueStats, Shaper};
pub use numbers::Seat;
pub use tree::{Member, Wanted, class, wanted};

use crate::kernel::tc::Handle;

/// Which way a packet goes, seen from the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// What the guest sends: through the cable from its first end.
    Egress,
    /// What the guest gets: from its second end.
    Ingress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Direction; 2] = [Direction::Egress, Direction::Ingress];
}

/// The number of each tree: there is one on each end.
const MAJOR: u16 = 1;

/// The tree itself.
const TREE: Handle = Handle::new(MAJOR, 0);

/// The class above all: the uplink.
pub(crate) const UPLINK: u16 = 0xffff;

/// Interfaces have the numbers below, which are their slots; tenants and instances have this one and those above.
pub(crate) const FIRST_INNER: u16 = 0x8000;

/// The class of the interface in a slot, in both trees: what the data plane writes into a packet's priority.
pub(crate) const fn class_of_slot(slot: u16) -> u32 {
    Handle::new(MAJOR, slot).0
}
