//! The shaper of a host: keeps the cable and its trees as they should be.
//!
//! Reading every class for each change would make a change's cost grow with the host. So what was read is kept, brought up
//! to date by each step that the kernel granted, and read again by every sweep and after anything that failed.

use std::collections::BTreeMap;

use super::device::{self, Cable, Found};
use super::numbers::Seat;
use super::plan::{Plan, Seen, Step, plan};
use super::{Direction, FIRST_INNER, MAJOR, Member, TREE, Wanted};
use crate::kernel::tc::{self, ClassStats, Handle, Psched};
use crate::kernel::{KernelError, NetNs, Netlink, Request, Result, link};
use crate::reconcile::Marks;

/// What the queue of a slot did in one direction.
pub type QueueStats = BTreeMap<(u32, Direction), ClassStats>;

/// The shaper of a host.
#[derive(Debug)]
pub struct Shaper {
    namespace: NetNs,
    marks: Marks,
    psched: Psched,
    /// What there is, if that is known.
    known: Option<Known>,
}

#[derive(Debug, Default)]
struct Known {
    found: Option<Found>,
    strays: Vec<u32>,
    trees: [Seen; 2],
}

impl Shaper {
    /// The shaper of the host that has these marks and is this namespace. Reads and changes nothing yet.
    ///
    /// # Errors
    /// When the kernel does not tell its clock.
    pub fn new(namespace: NetNs, marks: Marks) -> Result<Self> {
        Ok(Shaper { namespace, marks, psched: Psched::read()?, known: None })
    }

    /// Looks again, the next time that something is asked: somebody may have changed what there is.
    pub fn doubt(&mut self) {
        self.known = None;
    }

    /// The trees that these interfaces should have, see [`wanted`](super::wanted).
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub fn wanted(&mut self, netlink: &mut Netlink, members: &[Member], link_kbps: Option<u64>) -> Result<Wanted> {
        let known = self.look(netlink)?;
        let seats: [BTreeMap<u16, Seat>; 2] = [known.trees[0].seats(), known.trees[1].seats()];
        Ok(super::wanted(members, link_kbps, [&seats[0], &seats[1]]))
    }

    /// Whether anything has to be done.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub fn differs(&mut self, netlink: &mut Netlink, wanted: &Wanted) -> Result<bool> {
        let psched = self.psched;
        let known = self.look(netlink)?;
        let needed = !wanted.is_empty();
        Ok(!known.strays.is_empty()
            || known.found.is_some_and(|found| found.sound) != needed
            || Direction::BOTH.into_iter().any(|direction| known.plan(direction, wanted, psched) != Plan::default()))
    }

    /// Makes everything that packets may be told to go through, and gives the cable, if one is needed. `attach` puts the
    /// programs on it, or makes sure that they are there; only then it is brought up.
    ///
    /// # Errors
    /// When the kernel refuses, with the first refusal. Then classes may be missing: packets that name one are dropped.
    pub fn prepare(
        &mut self,
        netlink: &mut Netlink,
        wanted: &Wanted,
        attach: impl FnOnce(Cable) -> std::result::Result<(), String>,
    ) -> std::result::Result<Option<Cable>, String> {
        let result = self.try_prepare(netlink, wanted, attach);
        if result.is_err() {
            self.known = None;
        }
        result
    }

    fn try_prepare(
        &mut self,
        netlink: &mut Netlink,
        wanted: &Wanted,
        attach: impl FnOnce(Cable) -> std::result::Result<(), String>,
    ) -> std::result::Result<Option<Cable>, String> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let text = |error: KernelError| format!("bandwidth: {error}");
        let psched = self.psched;
        let found = self.look(netlink).map_err(text)?.found;
        let found = match found {
            Some(found) => found,
            None => self.make(netlink).map_err(text)?,
        };
        let known = self.look(netlink).map_err(text)?;
        for direction in Direction::BOTH {
            let plan = known.plan(direction, wanted, psched);
            known.carry_out(netlink, direction, &plan.before).map_err(text)?;
        }
        attach(found.cable)?;
        if !found.sound {
            device::bring_up(netlink, found.cable).map_err(text)?;
            known.found = Some(Found { sound: true, ..found });
        }
        Ok(Some(found.cable))
    }

    /// Removes what no packet is told to go through any more: classes, or all if nothing is limited.
    ///
    /// # Errors
    /// When the kernel refuses, with the first refusal.
    pub fn retire(&mut self, netlink: &mut Netlink, wanted: &Wanted) -> Result<()> {
        let result = self.try_retire(netlink, wanted);
        if result.is_err() {
            self.known = None;
        }
        result
    }

    fn try_retire(&mut self, netlink: &mut Netlink, wanted: &Wanted) -> Result<()> {
        let psched = self.psched;
        let known = self.look(netlink)?;
        if wanted.is_empty() {
            let ends = known.found.iter().map(|found| found.cable.egress);
            let all: Vec<u32> = ends.chain(known.strays.iter().copied()).collect();
            remove(netlink, &all)?;
            *known = Known::default();
            return Ok(());
        }
        remove(netlink, &std::mem::take(&mut known.strays))?;
        for direction in Direction::BOTH {
            let plan = known.plan(direction, wanted, psched);
            known.carry_out(netlink, direction, &plan.after)?;
        }
        Ok(())
    }

    /// What went through each slot's queues, what waits in them and what they dropped.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub fn stats(&mut self, netlink: &mut Netlink) -> Result<QueueStats> {
        let mut stats = QueueStats::new();
        let Some(found) = self.look(netlink)?.found else { return Ok(stats) };
        for direction in Direction::BOTH {
            let leaf = |number: u16| number < FIRST_INNER;
            for state in tc::list_classes(netlink, end(found.cable, direction))? {
                let number = state.class.handle.minor();
                if leaf(number) {
                    stats.insert((u32::from(number), direction), state.stats);
                }
            }
        }
        Ok(stats)
    }

    fn make(&mut self, netlink: &mut Netlink) -> Result<Found> {
        let known = self.look(netlink)?;
        remove(netlink, &std::mem::take(&mut known.strays))?;
        let cable = device::make(netlink, &self.namespace, &self.marks)?;
        let found = Found { cable, sound: false };
        self.known = Some(Known { found: Some(found), ..Known::default() });
        Ok(found)
    }

    /// What there is: as it is known, or read now.
    fn look(&mut self, netlink: &mut Netlink) -> Result<&mut Known> {
        if self.known.is_none() {
            let (found, strays) = device::find(netlink, &self.marks)?;
            let mut known = Known { found, strays, ..Known::default() };
            if let Some(found) = found {
                for (direction, tree) in Direction::BOTH.into_iter().zip(&mut known.trees) {
                    let device = end(found.cable, direction);
                    let discs = tc::list_discs(netlink, device)?;
                    *tree = Seen::new(&discs, &tc::list_classes(netlink, device)?);
                }
            }
            self.known = Some(known);
        }
        Ok(self.known.as_mut().expect("it was just filled"))
    }
}

impl Known {
    fn plan(&self, direction: Direction, wanted: &Wanted, psched: Psched) -> Plan {
        plan(wanted.tree(direction), &self.trees[direction as usize], psched)
    }

    fn carry_out(&mut self, netlink: &mut Netlink, direction: Direction, steps: &[Step]) -> Result<()> {
        let Some(found) = self.found else { return Ok(()) };
        let device = end(found.cable, direction);
        let requests: Vec<Request> = steps.iter().map(|step| request(device, step)).collect();
        for (outcome, step) in netlink.pipeline(&requests).into_iter().zip(steps) {
            outcome?;
            self.trees[direction as usize].take(step);
        }
        Ok(())
    }
}

/// The end of the cable that has a direction's tree.
fn end(cable: Cable, direction: Direction) -> u32 {
    match direction {
        Direction::Egress => cable.egress,
        Direction::Ingress => cable.ingress,
    }
}

fn request(device: u32, step: &Step) -> Request {
    match step {
        Step::Clear => tc::delete_root(device),
        Step::Plant => tc::put_htb(device, TREE),
        Step::Put(class) => tc::put_class(device, class),
        Step::Queue(leaf, limit) => tc::put_queue(device, Handle::new(MAJOR, *leaf), *limit),
        Step::Delete(number) => tc::delete_class(device, Handle::new(MAJOR, *number)),
    }
}

fn remove(netlink: &mut Netlink, devices: &[u32]) -> Result<()> {
    let requests = devices.iter().map(|index| link::delete(*index)).collect::<Result<Vec<Request>>>()?;
    netlink.change_all(&requests).map(drop)
}
