//! Which class number every network, identity and gate gets: as few changes as possible.
//!
//! Three ways, the cheapest first. A class with the wanted content exists: its number is used. A class loses all its users
//! to one new content: its rows are changed in place, so that one changed rule costs its rows and not every network. Else
//! a new number. In `emit` the numbers become writes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ipnet::IpNet;
use pintle_core::policy::Direction;

use super::class::{Class, Version};
use super::compile::{CompiledGate, Remotes};
use super::image::{Write, side};
use super::state::{Allocated, State};
use crate::entry::policy::{ANY_PROTO, Gate, GateNet, Name, NameKey};
use crate::error::{DatapathError, Result};
use crate::flags::GateFlags;
use crate::maps::MapName;

/// A policy that is to be as compiled: ingress, egress. `None`: it goes.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) policy: u32,
    pub(crate) wanted: Option<[CompiledGate; 2]>,
}

/// Where a gate's header stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Policy(u32, Direction),
    Local(GateNet),
}

/// A place within a gate that names a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Spot {
    Any(Version),
    Net(IpNet),
    Identity(u32),
}

/// Spots of several gates, by the place of the job.
type Spots = Vec<(usize, Spot)>;

/// One gate on its way from what is written to what is wanted.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) place: Place,
    pub(crate) old: Gate,
    /// Its number: the old one, or a new one; 0 when nothing is to pass.
    pub(crate) id: u32,
    /// What its flags become.
    pub(crate) flags: GateFlags,
    pub(crate) olds: BTreeMap<Spot, u32>,
    pub(crate) news: BTreeMap<Spot, Arc<Class>>,
    pub(crate) targets: BTreeMap<Spot, u32>,
    /// The whole gate goes, its header too.
    pub(crate) goes: bool,
}

/// The writes, and what the state becomes by them.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) writes: Vec<Write>,
    pub(crate) allocated: Allocated,
    /// Classes with their new content, in the order in which they get it.
    pub(crate) held: Vec<(u32, Arc<Class>)>,
    /// Classes that go.
    pub(crate) dead: Vec<u32>,
    pub(crate) runs: HashMap<super::class::Run, u32>,
    pub(crate) rules: HashMap<pintle_core::id::RuleId, u32>,
    pub(crate) gates_freed: Vec<u32>,
}

/// A plan in the making.
pub(crate) struct Draft<'a> {
    pub(crate) state: &'a State,
    pub(crate) plan: Plan,
    pub(crate) jobs: Vec<Job>,
    /// Numbers of contents that no class has yet.
    pub(crate) fresh: HashMap<Arc<Class>, u32>,
    /// Classes whose rows are changed in place.
    pub(crate) renamed: HashMap<u32, Arc<Class>>,
    /// Numbers of rules that this plan has handed out.
    pub(crate) rules_taken: HashSet<u32>,
    interned: Interned,
}

/// Each content once, so that it is told by its address: a hundred thousand networks may have one class of ten thousand
/// ranges.
#[derive(Default)]
struct Interned {
    by_address: HashMap<*const Class, Arc<Class>>,
    new: HashSet<Arc<Class>>,
    numbers: HashMap<*const Class, u32>,
    /// The classes whose addresses are known: as long as they live nobody else has their address.
    seen: Vec<Arc<Class>>,
}

impl Interned {
    /// The one that stands for all with the content of `class`: that of the state, if it has one.
    fn class(&mut self, state: &State, class: &Arc<Class>) -> Arc<Class> {
        if let Some(known) = self.by_address.get(&Arc::as_ptr(class)) {
            return Arc::clone(known);
        }
        let known = state.by_content.get_key_value(class);
        let one = known.map(|(one, _)| one).or_else(|| self.new.get(class)).unwrap_or(class);
        let one = Arc::clone(one);
        if let Some((_, number)) = known {
            self.numbers.insert(Arc::as_ptr(&one), *number);
        } else {
            self.new.insert(Arc::clone(&one));
        }
        self.by_address.insert(Arc::as_ptr(class), Arc::clone(&one));
        self.seen.push(Arc::clone(class));
        one
    }

    /// The number that an interned class has already; 0 for the empty one.
    fn number(&self, class: &Arc<Class>) -> Option<u32> {
        if class.is_empty() { Some(0) } else { self.numbers.get(&Arc::as_ptr(class)).copied() }
    }
}

/// Makes the plan for some policies. The names are written first, or deleted last.
pub(crate) fn plan(state: &State, changes: &[Change], names: Vec<(NameKey, Option<Name>)>) -> Result<Plan> {
    let mut allocated = state.allocated.clone();
    allocated.spans.wake();
    let plan = Plan {
        writes: Vec::new(),
        allocated,
        held: Vec::new(),
        dead: Vec::new(),
        runs: HashMap::new(),
        rules: HashMap::new(),
        gates_freed: Vec::new(),
    };
    let mut draft = Draft {
        state,
        plan,
        jobs: Vec::new(),
        fresh: HashMap::new(),
        renamed: HashMap::new(),
        rules_taken: HashSet::new(),
        interned: Interned::default(),
    };
    for change in changes {
        draft.add_jobs(change)?;
    }
    draft.choose_numbers()?;
    draft.emit(names)?;
    Ok(draft.plan)
}

/// The error of a map without room; `need` is how many entries it would have to have.
pub(crate) fn no_room(map: MapName, room: u32, need: usize) -> DatapathError {
    DatapathError::NoRoom { map: map.text(), max_entries: room, need }
}

impl Draft<'_> {
    /// The gates of a policy: for each direction those for local addresses first, the most specific first of all, since an
    /// address without one of its own is served by the next.
    fn add_jobs(&mut self, change: &Change) -> Result<()> {
        let nothing = CompiledGate::default();
        let header = self.state.image.policy(change.policy);
        for (n, direction) in [Direction::Ingress, Direction::Egress].into_iter().enumerate() {
            let wanted = change.wanted.as_ref().map_or(&nothing, |gates| &gates[n]);
            let old = *side(&header, direction);
            let id = if wanted.is_empty() { 0 } else { self.gate_number(old.id)? };
            let was: BTreeMap<IpNet, Gate> =
                self.state.image.gates.get(&old.id).map(|rows| rows.locals.clone()).unwrap_or_default();
            let mut nets: Vec<IpNet> = was.keys().chain(wanted.locals.keys()).copied().collect();
            nets.sort_by_key(|net| (std::cmp::Reverse(crate::entry::addr::raw_net(*net).1), *net));
            nets.dedup();
            for net in nets {
                let (before, after) = (was.get(&net).copied().unwrap_or_default(), wanted.locals.get(&net));
                let local = if after.is_some() { self.gate_number(before.id)? } else { 0 };
                let place = Place::Local(GateNet { gate: if id == 0 { old.id } else { id }, net });
                self.add_job(place, before, local, after.unwrap_or(&nothing), after.is_none());
            }
            self.add_job(Place::Policy(change.policy, direction), old, id, wanted, id == 0);
        }
        Ok(())
    }

    fn gate_number(&mut self, old: u32) -> Result<u32> {
        if old != 0 {
            return Ok(old);
        }
        let room = self.state.room.policies;
        self.plan.allocated.gates.take().ok_or_else(|| no_room(MapName::Policies, room, room as usize + 1))
    }

    fn add_job(&mut self, place: Place, old: Gate, id: u32, wanted: &CompiledGate, goes: bool) {
        let mut olds = BTreeMap::new();
        if let Some(rows) = self.state.image.gates.get(&old.id).filter(|_| old.id != 0) {
            olds.extend(rows.prefixes.iter().map(|(net, class)| (Spot::Net(*net), *class)));
            olds.extend(rows.identities.iter().map(|(identity, class)| (Spot::Identity(*identity), *class)));
        }
        if old.id != 0 && !old.flags.contains(GateFlags::PREFIXES) {
            olds.insert(Spot::Any(Version::V4), old.any4);
            olds.insert(Spot::Any(Version::V6), old.any6);
        }
        let mut news = BTreeMap::new();
        let mut flags = GateFlags::NONE;
        if !goes {
            let mut intern = |class| self.interned.class(self.state, class);
            match &wanted.remotes {
                Remotes::Any { v4, v6 } => {
                    news.insert(Spot::Any(Version::V4), intern(v4));
                    news.insert(Spot::Any(Version::V6), intern(v6));
                }
                Remotes::ByNet(nets) => {
                    flags = flags.with(GateFlags::PREFIXES);
                    news.extend(nets.iter().map(|(net, class)| (Spot::Net(*net), intern(class))));
                }
            }
            news.extend(wanted.identities.iter().map(|(n, class)| (Spot::Identity(*n), intern(class))));
            if !wanted.identities.is_empty() {
                flags = flags.with(GateFlags::GROUPS);
            }
            if !wanted.locals.is_empty() {
                flags = flags.with(GateFlags::LOCALS);
            }
        }
        self.jobs.push(Job { place, old, id, flags, olds, news, targets: BTreeMap::new(), goes });
    }

    fn choose_numbers(&mut self) -> Result<()> {
        let state = self.state;
        // What is there already.
        let mut open: Vec<(Arc<Class>, Spots)> = Vec::new();
        let mut open_places: HashMap<*const Class, usize> = HashMap::new();
        for (n, job) in self.jobs.iter_mut().enumerate() {
            for (spot, class) in &job.news {
                let stays = job.olds.get(spot).filter(|old| state.content(**old) == *class);
                match stays.copied().or(self.interned.number(class)) {
                    Some(number) => drop(job.targets.insert(*spot, number)),
                    None => {
                        let place = *open_places.entry(Arc::as_ptr(class)).or_insert(open.len());
                        if place == open.len() {
                            open.push((Arc::clone(class), Vec::new()));
                        }
                        open[place].1.push((n, *spot));
                    }
                }
            }
        }
        // Who leaves which class, and whether it still has users then.
        let mut leaving: HashMap<u32, Spots> = HashMap::new();
        let mut coming: HashMap<u32, usize> = HashMap::new();
        for (n, job) in self.jobs.iter().enumerate() {
            for (spot, old) in job.olds.iter().filter(|(_, old)| **old != 0) {
                if job.targets.get(spot) != Some(old) {
                    leaving.entry(*old).or_default().push((n, *spot));
                }
            }
            for (_, number) in job.targets.iter().filter(|(spot, number)| job.olds.get(spot) != Some(number)) {
                *coming.entry(*number).or_default() += 1;
            }
        }
        for (class, spots) in open {
            let number = match self.in_place(&class, &spots, &leaving, &coming) {
                Some(old) => {
                    self.renamed.insert(old, Arc::clone(&class));
                    old
                }
                None => self.new_class(&class)?,
            };
            for (n, spot) in spots {
                self.jobs[n].targets.insert(spot, number);
            }
        }
        Ok(())
    }

    /// A class that can get this content in place: all who leave it stay in being, all who want the content have it now,
    /// and a packet needs no second look at its rows to see either the old or the new ones.
    fn in_place(
        &self,
        wanted: &Arc<Class>,
        spots: &[(usize, Spot)],
        leaving: &HashMap<u32, Spots>,
        coming: &HashMap<u32, usize>,
    ) -> Option<u32> {
        let held = |(n, spot): &(usize, Spot)| self.jobs[*n].olds.get(spot).copied().unwrap_or(0);
        let old = held(spots.first()?);
        let leavers = leaving.get(&old)?;
        let all_users_leave = self.state.image.uses.get(&old) == Some(&leavers.len()) && !coming.contains_key(&old);
        let fits = old != 0
            && all_users_leave
            && !self.renamed.contains_key(&old)
            && spots.iter().all(|spot| held(spot) == old)
            && leavers.iter().all(|(n, spot)| self.jobs[*n].news.contains_key(spot));
        let before = self.state.content(old);
        let same_rows = before.rows.keys().eq(wanted.rows.keys());
        let same_rest = before.rows.get(&ANY_PROTO) == wanted.rows.get(&ANY_PROTO);
        (fits && (same_rows || same_rest)).then_some(old)
    }

    /// A new number for a content, with its rows; the one it has got in this plan, if it has.
    pub(crate) fn new_class(&mut self, class: &Arc<Class>) -> Result<u32> {
        if let Some(number) = self.fresh.get(class) {
            return Ok(*number);
        }
        let room = self.state.room.rows;
        let number =
            self.plan.allocated.classes.take().ok_or_else(|| no_room(MapName::Rows, room, room as usize + 1))?;
        self.fresh.insert(Arc::clone(class), number);
        self.plan.held.push((number, Arc::clone(class)));
        Ok(number)
    }
}
