//! The order of the writes: at every moment each packet gets the verdict of the old policy or that of the new one.
//!
//! 1. Spans and rows of new classes: nobody looks there yet.
//! 2. Gate by gate, those of the most specific local addresses first: identities, networks from long to short, header.
//!    A network's old class goes on for all addresses that have no longer network yet, so long ones come first.
//! 3. Rows that change in place; networks that go, from short to long for the same reason.
//! 4. Flags that go out, identities and gates that go.
//!
//! A packet asks by address, then by groups. Where both change in one gate, a permission may be on its way from one to the
//! other; so in between groups permit what the old *or* the new policy permits: more than that nobody gets, as rules only
//! permit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pintle_core::policy::Direction;

use super::class::{Class, Run, Version};
use super::image::Write;
use super::plan::{Draft, Job, Place, Spot, no_room};
use crate::entry::addr::raw_net;
use crate::entry::policy::{Gate, GateNet, Name, NameKey, Policy, Row, Span};
use crate::error::Result;
use crate::flags::{GateFlags, SpanFlags};
use crate::maps::MapName;

/// The classes of identities while both parts of their gate change, by job and identity.
type Interim = BTreeMap<(usize, u32), u32>;

impl Draft<'_> {
    /// Writes everything down.
    pub(crate) fn emit(&mut self, names: Vec<(NameKey, Option<Name>)>) -> Result<()> {
        let (appear, disappear): (Vec<_>, Vec<_>) = names.into_iter().partition(|(_, name)| name.is_some());
        self.plan.writes.extend(self.state.litter.iter().cloned());
        self.plan.writes.extend(appear.into_iter().map(|(key, name)| Write::Name(key, name)));
        let interim = self.interim()?;
        self.emit_classes()?;

        let jobs = std::mem::take(&mut self.jobs);
        let mut headers = Headers { now: jobs.iter().map(|job| job.old).collect(), policies: HashMap::new() };
        for (n, job) in jobs.iter().enumerate().filter(|(_, job)| !job.goes) {
            self.emit_gate(n, job, &interim, &mut headers);
        }
        self.emit_in_place()?;
        jobs.iter().filter(|job| !job.goes).for_each(|job| self.delete_nets(job));
        for (n, identity) in interim.keys() {
            let job = &jobs[*n];
            self.plan.writes.push(Write::Identity((job.id, *identity), Some(job.targets[&Spot::Identity(*identity)])));
        }
        for (n, job) in jobs.iter().enumerate() {
            match job.place {
                Place::Local(_) if job.goes => {}
                _ => self.put_header(n, job, job.header(), &mut headers),
            }
        }
        self.emit_deletions(&jobs);
        self.plan.writes.extend(disappear.into_iter().map(|(key, _)| Write::Name(key, None)));
        self.check_room()
    }

    /// Identities whose class changes in gates where something else changes too: what both the old and the new permit.
    fn interim(&mut self) -> Result<Interim> {
        let mut wanted: Vec<((usize, u32), Arc<Class>)> = Vec::new();
        for (n, job) in self.jobs.iter().enumerate().filter(|(_, job)| job.old.id != 0 && !job.goes) {
            let changes = |spot: &Spot| {
                let old = job.olds.get(spot).map(|class| self.state.content(*class));
                old.as_ref() != job.news.get(spot)
            };
            let by_address = |spot: &&Spot| !matches!(spot, Spot::Identity(_));
            if !job.olds.keys().chain(job.news.keys()).filter(by_address).any(changes) {
                continue;
            }
            for (spot, new) in &job.news {
                if let (Spot::Identity(identity), Some(old)) = (spot, job.olds.get(spot))
                    && changes(spot)
                {
                    wanted.push(((n, *identity), Arc::new(self.state.content(*old).union(new))));
                }
            }
        }
        let mut interim = Interim::new();
        for (place, class) in wanted {
            let known = self.state.by_content.get(&class).filter(|number| !self.renamed.contains_key(number));
            let number = match known {
                Some(number) => *number,
                None => self.new_class(&class)?,
            };
            interim.insert(place, number);
        }
        Ok(interim)
    }

    /// Spans and rules of every content that is new, rows of the classes that are new.
    fn emit_classes(&mut self) -> Result<()> {
        let (fresh, before) = (self.plan.held.clone(), self.plan.writes.len());
        for (number, class) in &fresh {
            for (proto, run) in &class.rows {
                let row = self.row(run)?;
                self.plan.writes.push(Write::Row((*number, *proto), Some(row)));
            }
        }
        // The rows come after all spans, so that the kernel gets each kind in one piece.
        self.plan.writes[before..].sort_by_key(|write| matches!(write, Write::Row(..)));
        Ok(())
    }

    /// Where a run stands, written if it is not there yet.
    fn row(&mut self, run: &Run) -> Result<Row> {
        let count = run.len() as u32;
        if let Some(first) = self.state.runs.get(run).map(|written| written.first).or(self.plan.runs.get(run).copied())
        {
            return Ok(Row { first, count });
        }
        let room = self.state.room.spans;
        let used = self.plan.allocated.spans.used(room) as usize;
        let first = self.plan.allocated.spans.take(count);
        let first = first.ok_or_else(|| no_room(MapName::Spans, room, used + count as usize))?;
        for (number, range) in (first..).zip(run.iter()) {
            let rule = self.rule(range.rule)?;
            let flags = if range.open { SpanFlags::OPEN } else { SpanFlags::NONE };
            self.plan.writes.push(Write::Span(number, Span { lo: range.lo, hi: range.hi, rule, flags }));
        }
        self.plan.runs.insert(Arc::clone(run), first);
        Ok(Row { first, count })
    }

    /// The number of a rule: the one that it has or had, or a new one.
    fn rule(&mut self, id: pintle_core::id::RuleId) -> Result<u32> {
        if let Some(number) = self.plan.rules.get(&id) {
            return Ok(*number);
        }
        let had = self.state.rules.get(&id).copied();
        if let Some(number) = had.filter(|number| !self.rules_taken.contains(number)) {
            self.plan.allocated.rules.mark(number);
            return Ok(number);
        }
        let room = self.state.room.spans;
        let number = self.plan.allocated.rules.take();
        let number = number.ok_or_else(|| no_room(MapName::Rules, room, room as usize + 1))?;
        self.plan.rules.insert(id, number);
        self.rules_taken.insert(number);
        self.plan.writes.push(Write::Rule(number, id));
        Ok(number)
    }

    fn emit_gate(&mut self, n: usize, job: &Job, interim: &Interim, headers: &mut Headers) {
        for (spot, target) in &job.targets {
            let Spot::Identity(identity) = spot else { continue };
            let class = interim.get(&(n, *identity)).unwrap_or(target);
            if job.olds.get(spot) != Some(class) {
                self.plan.writes.push(Write::Identity((job.id, *identity), Some(*class)));
            }
        }
        let (new, mut header) = (job.header(), job.old);
        if job.old.id != 0 {
            let early = GateFlags::LOCALS.with(GateFlags::GROUPS);
            header.flags = header.flags.with(GateFlags(new.flags.0 & early.0));
            self.put_header(n, job, header, headers);
        }
        let mut nets: Vec<(u8, GateNet, u32)> = Vec::new();
        for (spot, target) in &job.targets {
            if let Spot::Net(net) = spot
                && job.olds.get(spot) != Some(target)
            {
                nets.push((raw_net(*net).1, GateNet { gate: job.id, net: *net }, *target));
            }
        }
        nets.sort_unstable_by_key(|(len, key, _)| (std::cmp::Reverse(*len), *key));
        self.plan.writes.extend(nets.into_iter().map(|(_, key, class)| Write::Prefix(key, Some(class))));
        if job.old.id == 0 {
            return self.put_header(n, job, new, headers);
        }
        // A header is two words, and a packet may see one old and one new: the word that is looked at changes alone.
        if new.flags.contains(GateFlags::PREFIXES) {
            header.flags = header.flags.with(GateFlags::PREFIXES);
            self.put_header(n, job, header, headers);
        }
        (header.any4, header.any6) = (new.any4, new.any6);
        self.put_header(n, job, header, headers);
        if !new.flags.contains(GateFlags::PREFIXES) {
            header.flags = header.flags.without(GateFlags::PREFIXES);
            self.put_header(n, job, header, headers);
        }
    }

    fn put_header(&mut self, n: usize, job: &Job, gate: Gate, headers: &mut Headers) {
        if headers.now[n] == gate {
            return;
        }
        headers.now[n] = gate;
        match job.place {
            Place::Local(key) => self.plan.writes.push(Write::Local(key, Some(gate))),
            Place::Policy(number, direction) => {
                let policy = headers.policies.entry(number).or_insert_with(|| self.state.image.policy(number));
                match direction {
                    Direction::Ingress => policy.ingress = gate,
                    Direction::Egress => policy.egress = gate,
                }
                self.plan.writes.push(Write::Policy(number, *policy));
            }
        }
    }

    /// Rows that change while their class is in use. No packet looks at two of them that differ: see `Draft::in_place`.
    fn emit_in_place(&mut self) -> Result<()> {
        let mut renamed: Vec<(u32, Arc<Class>)> =
            self.renamed.iter().map(|(n, class)| (*n, Arc::clone(class))).collect();
        renamed.sort_unstable();
        let mut rows: Vec<Write> = Vec::new();
        for (number, class) in &renamed {
            let before = self.state.content(*number);
            for (proto, run) in class.rows.iter().filter(|(proto, run)| before.rows.get(proto) != Some(run)) {
                rows.push(Write::Row((*number, *proto), Some(self.row(run)?)));
            }
            let gone = before.rows.keys().filter(|proto| !class.rows.contains_key(proto));
            rows.extend(gone.map(|proto| Write::Row((*number, *proto), None)));
        }
        self.plan.writes.extend(rows);
        self.plan.held.extend(renamed);
        Ok(())
    }

    /// Deletes the networks that a gate has no more, short ones first.
    fn delete_nets(&mut self, job: &Job) {
        let mut nets: Vec<(u8, GateNet)> = Vec::new();
        for spot in job.olds.keys().filter(|spot| !job.news.contains_key(spot)) {
            if let Spot::Net(net) = spot {
                nets.push((raw_net(*net).1, GateNet { gate: job.old.id, net: *net }));
            }
        }
        nets.sort_unstable();
        self.plan.writes.extend(nets.into_iter().map(|(_, key)| Write::Prefix(key, None)));
    }

    fn emit_deletions(&mut self, jobs: &[Job]) {
        // Less specific gates first, as with networks.
        for job in jobs.iter().rev().filter(|job| job.goes) {
            if let Place::Local(key) = job.place {
                self.plan.writes.push(Write::Local(key, None));
            }
            self.plan.gates_freed.extend(Some(job.old.id).filter(|id| *id != 0));
        }
        for job in jobs {
            for spot in job.olds.keys().filter(|spot| !job.news.contains_key(spot)) {
                if let Spot::Identity(identity) = spot {
                    self.plan.writes.push(Write::Identity((job.old.id, *identity), None));
                }
            }
        }
        jobs.iter().filter(|job| job.goes).for_each(|job| self.delete_nets(job));
        let mut uses: BTreeMap<u32, isize> = self.fresh.values().map(|class| (*class, 0)).collect();
        for job in jobs {
            for class in job.olds.values() {
                let known = self.state.image.uses.get(class).copied().unwrap_or(0) as isize;
                *uses.entry(*class).or_insert(known) -= 1;
            }
        }
        for class in jobs.iter().flat_map(|job| job.targets.values()) {
            // A class that was not touched above has users that stay.
            if let Some(uses) = uses.get_mut(class) {
                *uses += 1;
            }
        }
        for (class, _) in uses.into_iter().filter(|(class, uses)| *class != 0 && *uses <= 0) {
            let fresh = self.plan.held.iter().find(|(number, _)| *number == class).map(|(_, class)| Arc::clone(class));
            let content = fresh.unwrap_or_else(|| self.state.content(class));
            self.plan.writes.extend(content.rows.keys().map(|proto| Write::Row((class, *proto), None)));
            self.plan.dead.push(class);
        }
    }

    /// Old and new stand side by side for a moment, so both must fit.
    fn check_room(&self) -> Result<()> {
        let (image, room) = (&self.state.image, self.state.room);
        let none = super::image::GateRows::default();
        let gate = |number: u32| image.gates.get(&number).unwrap_or(&none);
        // No new key is written twice: see where interim classes come from.
        let mut new: BTreeMap<MapName, usize> = BTreeMap::new();
        for write in &self.plan.writes {
            let known = match write {
                Write::Name(key, Some(_)) => image.names.contains_key(key),
                Write::Row((class, proto), Some(_)) => {
                    image.rows.get(class).is_some_and(|rows| rows.contains_key(proto))
                }
                Write::Prefix(key, Some(_)) => gate(key.gate).prefixes.contains_key(&key.net),
                Write::Identity((number, identity), Some(_)) => gate(*number).identities.contains_key(identity),
                Write::Local(key, Some(_)) => gate(key.gate).locals.contains_key(&key.net),
                _ => true,
            };
            if !known {
                *new.entry(write.kind().0).or_default() += 1;
            }
        }
        for (map, there, room) in [
            (MapName::Names, image.names.len(), room.names),
            (MapName::Rows, image.counts.rows, room.rows),
            (MapName::Prefixes, image.counts.prefixes, room.prefixes),
            (MapName::Identities, image.counts.identities, room.identities),
            (MapName::Locals, image.counts.locals, room.locals),
        ] {
            let need = there + new.get(&map).copied().unwrap_or(0);
            if need > room as usize {
                return Err(no_room(map, room, need));
            }
        }
        Ok(())
    }
}

/// Headers as they are written so far.
struct Headers {
    /// By job.
    now: Vec<Gate>,
    policies: HashMap<u32, Policy>,
}

impl Job {
    /// The header at the end.
    fn header(&self) -> Gate {
        if self.goes {
            return Gate::default();
        }
        let any = |version| self.targets.get(&Spot::Any(version)).copied().unwrap_or(0);
        Gate { id: self.id, flags: self.flags, any4: any(Version::V4), any6: any(Version::V6) }
    }
}
