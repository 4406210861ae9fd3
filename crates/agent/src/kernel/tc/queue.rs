//! Queueing disciplines: an HTB tree at a device's root, a queue in each of its leaves.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use nix::errno::Errno;

use super::{Handle, Seen, decode, describe, message, push_option};
use crate::kernel::wire::{attributes, u32_of};
use crate::kernel::{Netlink, Request, Result};

const RTM_NEWQDISC: u16 = 36;

// Attribute numbers and versions of linux/pkt_sched.h.
const TCA_HTB_INIT: u16 = 2;
const TCA_HTB_DIRECT_QLEN: u16 = 5;
const HTB_VERSION: u32 = 3;
/// Only used for classes that are made without a quantum; ours never are.
const RATE_TO_QUANTUM: u32 = 10;

/// A queueing discipline as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscState {
    /// Its name.
    pub handle: Handle,
    /// The class it is in, or [`Handle::ROOT`].
    pub parent: Handle,
    /// Such as `htb`, `bfifo`, `noqueue`.
    pub kind: String,
    /// The limit of a queue, in bytes (`bfifo`) or packets (`pfifo`).
    pub limit: Option<u32>,
    /// HTB: how many packets without a class wait at most; none of them passes if it is 0.
    pub direct: Option<u32>,
    /// HTB: the class of packets that name none, 0 for none.
    pub default_class: Option<u32>,
}

/// Puts an HTB tree at the device's root. Packets that name no leaf of it are dropped: what should be limited must not
/// pass unlimited because its class is not there.
///
/// Refused with `EEXIST` if the device has a tree already.
pub fn put_htb(device: u32, handle: Handle) -> Request {
    let mut message = message(device, handle, Handle::ROOT);
    let mut options = Vec::new();
    let init = [HTB_VERSION, RATE_TO_QUANTUM, 0, 0, 0];
    push_option(&mut options, TCA_HTB_INIT, &init.map(u32::to_ne_bytes).concat());
    push_option(&mut options, TCA_HTB_DIRECT_QLEN, &0u32.to_ne_bytes());
    describe(&mut message, "htb", options);
    let what = format!("put HTB tree {handle} on device {device}");
    Request::new(RouteNetlinkMessage::NewQueueDiscipline(message), NLM_F_CREATE | NLM_F_EXCL, what)
}

/// Takes away what is at the device's root, with all classes and what waits in them. "Already so" if there is nothing.
pub fn delete_root(device: u32) -> Request {
    let message = message(device, Handle(0), Handle::ROOT);
    let what = format!("take away the queueing discipline of device {device}");
    Request::new(RouteNetlinkMessage::DelQueueDiscipline(message), 0, what).settled_by(&[Errno::ENOENT, Errno::ENODEV])
}

/// Gives a leaf a queue of at most `limit` bytes, or changes the limit of the one it has; what waits stays.
pub fn put_queue(device: u32, leaf: Handle, limit: u32) -> Request {
    let mut message = message(device, Handle(0), leaf);
    describe(&mut message, "bfifo", limit.to_ne_bytes().to_vec());
    let what = format!("give class {leaf} of device {device} a queue of {limit} bytes");
    Request::new(RouteNetlinkMessage::NewQueueDiscipline(message), NLM_F_CREATE | NLM_F_REPLACE, what)
}

/// The disciplines of a device. The kernel lists those of all devices, so this costs as much as a list of devices.
pub fn list_discs(netlink: &mut Netlink, device: u32) -> Result<Vec<DiscState>> {
    let query = message(device, Handle(0), Handle(0));
    let query = RouteNetlinkMessage::GetQueueDiscipline(query);
    netlink.dump("list queueing disciplines", &query, |kind, payload| {
        let seen = decode(payload).filter(|seen| kind == RTM_NEWQDISC && seen.device == device)?;
        Some(state(&seen))
    })
}

fn state(seen: &Seen<'_>) -> DiscState {
    let mut state = DiscState {
        handle: seen.handle,
        parent: seen.parent,
        kind: seen.kind.clone(),
        limit: None,
        direct: None,
        default_class: None,
    };
    match seen.kind.as_str() {
        "htb" => {
            for (option, value) in attributes(seen.options) {
                match option {
                    TCA_HTB_INIT => state.default_class = value.get(8..12).and_then(u32_of),
                    TCA_HTB_DIRECT_QLEN => state.direct = u32_of(value),
                    _ => {}
                }
            }
        }
        "bfifo" | "pfifo" => state.limit = u32_of(seen.options),
        _ => {}
    }
    state
}
