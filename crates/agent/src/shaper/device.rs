//! The shaper's cable: a veth pair with both ends on the host, a tree at each.

use std::thread;
use std::time::{Duration, Instant};

use crate::kernel::link::{self, Link, VethEnd, VethSpec};
use crate::kernel::{NetNs, Netlink, Request, Result};
use crate::reconcile::Marks;

/// How long the ends may take to see each other. It takes less than a millisecond, if nobody takes one down meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// MTU of both ends: the largest that a veth can have, as packets of every guest must pass.
const MTU: u32 = 65_535;

/// The ends of the cable, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cable {
    /// The first end: what guests send leaves by it, what they get arrives.
    pub egress: u32,
    /// The second end: the other way round.
    pub ingress: u32,
}

impl Cable {
    /// Both ends.
    pub fn ends(self) -> [u32; 2] {
        [self.egress, self.ingress]
    }
}

/// A cable that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) cable: Cable,
    /// Whether both ends are up and take packets of every guest.
    pub(super) sound: bool,
}

/// Finds the host's cable. The second part are devices that carry its mark and are none, to be deleted.
pub(super) fn find(netlink: &mut Netlink, marks: &Marks) -> Result<(Option<Found>, Vec<u32>)> {
    let alias = marks.shaper();
    let links = link::find_by_alias(netlink, &alias)?;
    let ours: Vec<&Link> = links.iter().filter(|link| link.alias.as_deref() == Some(&*alias)).collect();
    let named = |name: &str| ours.iter().find(|link| link.name == name && link.kind.as_deref() == Some("veth"));
    let [first, second] = marks.shaper_devices();
    if let (Some(first), Some(second)) = (named(&first), named(&second))
        && (first.peer, second.peer) == (Some(second.index), Some(first.index))
        && (first.peer_netns, second.peer_netns) == (None, None)
    {
        let sound = [first, second].iter().all(|end| end.up && end.mtu == MTU);
        let cable = Cable { egress: first.index, ingress: second.index };
        let strays = ours.iter().map(|link| link.index).filter(|index| !cable.ends().contains(index)).collect();
        return Ok((Some(Found { cable, sound }), strays));
    }
    Ok((None, ours.iter().map(|link| link.index).collect()))
}

/// Makes the cable, down.
pub(super) fn make(netlink: &mut Netlink, namespace: &NetNs, marks: &Marks) -> Result<Cable> {
    let [first, second] = marks.shaper_devices();
    let alias = marks.shaper();
    let spec = VethSpec {
        host: VethEnd { name: &first, mac: None, index: None },
        host_alias: &alias,
        guest: VethEnd { name: &second, mac: None, index: None },
        namespace,
        mtu: MTU,
        group: marks.group(),
    };
    let pair = link::create_veth(netlink, &spec)?;
    let rest = [
        link::set_group(pair.guest, marks.group()),
        link::without_ipv6_addresses(pair.guest),
        link::set_alias(pair.guest, &alias)?,
    ];
    netlink.change_all(&rest).inspect_err(|_| {
        // The error to report is the one that came first.
        let _ = link::delete(pair.host).and_then(|request| netlink.change(&request));
    })?;
    Ok(Cable { egress: pair.host, ingress: pair.guest })
}

/// Makes both ends sound, and waits until they carry packets.
pub(super) fn bring_up(netlink: &mut Netlink, cable: Cable) -> Result<()> {
    let requests = cable.ends().into_iter().flat_map(|end| [link::set_mtu(end, MTU), link::up(end)]);
    netlink.change_all(&requests.collect::<Vec<Request>>())?;
    // The first end got its carrier from the second one, and the kernel puts its tree to work a moment later, in a work
    // queue; until then packets are lost. Asking for a device that has a carrier waits for that (Linux 6.8).
    let give_up = Instant::now() + PATIENCE;
    loop {
        let mut carried = true;
        for end in cable.ends() {
            carried &= link::get(netlink, end)?.is_some_and(|end| end.carrier);
        }
        if carried || Instant::now() > give_up {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
}
