//! Classes of an HTB tree: what is guaranteed, and up to what may be borrowed from those who do not use theirs.

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_route::RouteNetlinkMessage;
use nix::errno::Errno;

use super::{Handle, Seen, decode, describe, message, push_option};
use crate::kernel::wire::{attributes, u32_of};
use crate::kernel::{Netlink, Request, Result};

const RTM_NEWTCLASS: u16 = 40;

// Attribute numbers of linux/pkt_sched.h and linux/gen_stats.h.
const TCA_HTB_PARMS: u16 = 1;
const TCA_HTB_RATE64: u16 = 6;
const TCA_HTB_CEIL64: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
const TCA_STATS_PKT64: u16 = 8;
/// Says that no rate table follows: the kernel computes.
const LINKLAYER_ETHERNET: u8 = 1;

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HtbClass {
    /// Its name.
    pub handle: Handle,
    /// The class above it, or the tree.
    pub parent: Handle,
    /// What it gets in any case, in bytes a second; at least 1. Together the children of a class must not have more than
    /// it has itself, or its ceiling does not hold.
    pub rate: u64,
    /// What it gets at most, in bytes a second.
    pub ceil: u64,
    /// How long it may send without a break at its rate, in ticks.
    pub burst: u32,
    /// How long at its ceiling.
    pub ceil_burst: u32,
    /// Bytes that a leaf may send before it is its neighbour's turn, when both borrow.
    pub quantum: u32,
    /// Who borrows first: 0 to 7. Of leaves only.
    pub priority: u32,
}

/// What went through a class since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassStats {
    /// Bytes sent.
    pub bytes: u64,
    /// Packets sent, a GSO packet as what it becomes.
    pub packets: u64,
    /// Packets dropped because the queue was full.
    pub drops: u32,
    /// Bytes that wait.
    pub backlog: u32,
}

/// A class as the kernel shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassState {
    /// The class.
    pub class: HtbClass,
    /// Whether it has classes below. Then its quantum and priority mean nothing.
    pub inner: bool,
    /// What went through it.
    pub stats: ClassStats,
}

/// Makes a class or changes its rates; what waits in it stays. The parent of a class that exists is not changed.
pub fn put_class(device: u32, class: &HtbClass) -> Request {
    let mut message = message(device, class.handle, class.parent);
    let mut options = Vec::new();
    push_option(&mut options, TCA_HTB_PARMS, &parms(class));
    for (option, rate) in [(TCA_HTB_RATE64, class.rate), (TCA_HTB_CEIL64, class.ceil)] {
        if rate > u64::from(u32::MAX) {
            push_option(&mut options, option, &rate.to_ne_bytes());
        }
    }
    describe(&mut message, "htb", options);
    let what = format!("put class {} of device {device} below {}", class.handle, class.parent);
    Request::new(RouteNetlinkMessage::NewTrafficClass(message), NLM_F_CREATE, what)
}

/// Deletes a class; what waits in it is lost. Refused with `EBUSY` if it has classes below. "Already so" if it has gone.
pub fn delete_class(device: u32, handle: Handle) -> Request {
    let message = message(device, handle, Handle(0));
    let what = format!("delete class {handle} of device {device}");
    Request::new(RouteNetlinkMessage::DelTrafficClass(message), 0, what).settled_by(&[Errno::ENOENT, Errno::ENODEV])
}

/// The classes of a device's HTB tree, in no order; none if the device has no tree.
pub fn list_classes(netlink: &mut Netlink, device: u32) -> Result<Vec<ClassState>> {
    let query = RouteNetlinkMessage::GetTrafficClass(message(device, Handle(0), Handle(0)));
    netlink.dump("list classes", &query, |kind, payload| {
        let seen = decode(payload).filter(|seen| kind == RTM_NEWTCLASS && seen.device == device)?;
        state(&seen)
    })
}

/// `struct tc_htb_opt`: two `struct tc_ratespec`, then buffer, cbuffer, quantum, level, priority.
fn parms(class: &HtbClass) -> Vec<u8> {
    let spec = |rate: u64| {
        let mut spec = vec![0, LINKLAYER_ETHERNET, 0, 0, 0, 0, 0, 0];
        spec.extend(u32::try_from(rate).unwrap_or(u32::MAX).to_ne_bytes());
        spec
    };
    let mut parms = [spec(class.rate), spec(class.ceil)].concat();
    for number in [class.burst, class.ceil_burst, class.quantum, 0, class.priority] {
        parms.extend(number.to_ne_bytes());
    }
    parms
}

fn state(seen: &Seen<'_>) -> Option<ClassState> {
    let options: Vec<(u16, &[u8])> = attributes(seen.options).collect();
    let find = |wanted: u16| options.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| *value);
    let parms = find(TCA_HTB_PARMS)?;
    let number = |at: usize| parms.get(at..at + 4).and_then(u32_of);
    let rate = |wide: u16, at: usize| match find(wide).and_then(u64_of) {
        Some(rate) => Some(rate),
        None => number(at).map(u64::from),
    };
    let class = HtbClass {
        handle: seen.handle,
        parent: seen.parent,
        rate: rate(TCA_HTB_RATE64, 8)?,
        ceil: rate(TCA_HTB_CEIL64, 20)?,
        burst: number(24)?,
        ceil_burst: number(28)?,
        quantum: number(32)?,
        priority: number(40)?,
    };
    Some(ClassState { class, inner: number(36)? > 0, stats: stats(seen.stats) })
}

fn stats(bytes: &[u8]) -> ClassStats {
    let mut stats = ClassStats::default();
    let mut wide = None;
    for (kind, value) in attributes(bytes) {
        let number = |at: usize| value.get(at..at + 4).and_then(u32_of).unwrap_or_default();
        match kind {
            TCA_STATS_BASIC => {
                stats.bytes = value.get(..8).and_then(u64_of).unwrap_or_default();
                stats.packets = u64::from(number(8));
            }
            TCA_STATS_PKT64 => wide = value.get(..8).and_then(u64_of),
            TCA_STATS_QUEUE => (stats.backlog, stats.drops) = (number(4), number(8)),
            _ => {}
        }
    }
    stats.packets = wide.unwrap_or(stats.packets);
    stats
}

fn u64_of(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_ne_bytes)
}
