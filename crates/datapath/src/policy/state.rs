//! What stands where in the policy maps: contents of classes, runs of spans, numbers in use. Made from an image, kept with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use pintle_core::id::RuleId;
use pintle_core::policy::Direction;

use super::class::{Class, Range, Run};
use super::image::{Image, Write, side};
use super::numbers::{Numbers, Runs};
use super::plan::Plan;
use crate::entry::policy::GateNet;
use crate::flags::SpanFlags;
use crate::maps::MapName;
#[cfg(test)]
use crate::settings::Settings;

/// Room in the policy maps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) policies: u32,
    pub(crate) locals: u32,
    pub(crate) prefixes: u32,
    pub(crate) identities: u32,
    pub(crate) rows: u32,
    pub(crate) spans: u32,
    pub(crate) names: u32,
}

impl Room {
    /// What maps of these settings have.
    #[cfg(test)]
    pub(crate) fn of(settings: &Settings) -> Room {
        Room::from_maps(|map| map.entries(settings))
    }

    /// What the open maps have.
    pub(crate) fn from_maps(entries: impl Fn(MapName) -> u32) -> Room {
        Room {
            policies: entries(MapName::Policies),
            locals: entries(MapName::Locals),
            prefixes: entries(MapName::Prefixes),
            identities: entries(MapName::Identities),
            rows: entries(MapName::Rows),
            spans: entries(MapName::Spans),
            names: entries(MapName::Names),
        }
    }

    /// Numbers of gates: two for each policy, one for each local network, and as many for what is made before the old goes.
    fn gates(&self) -> u32 {
        (self.policies * 2 + self.locals) * 2
    }
}

/// What is handed out by number.
#[derive(Debug, Clone)]
pub(crate) struct Allocated {
    pub(crate) policies: Numbers,
    pub(crate) identities: Numbers,
    pub(crate) gates: Numbers,
    pub(crate) classes: Numbers,
    pub(crate) rules: Numbers,
    pub(crate) spans: Runs,
}

/// A run of spans that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrittenRun {
    pub(crate) first: u32,
    /// Rows that lead to it.
    pub(crate) uses: usize,
}

/// The image, and what follows from it.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Shared with whoever compares it with the maps; changed in place unless somebody does just then.
    pub(crate) image: Arc<Image>,
    pub(crate) room: Room,
    pub(crate) contents: HashMap<u32, Arc<Class>>,
    pub(crate) by_content: HashMap<Arc<Class>, u32>,
    pub(crate) runs: HashMap<Run, WrittenRun>,
    pub(crate) rules: HashMap<RuleId, u32>,
    rule_uses: HashMap<RuleId, usize>,
    pub(crate) allocated: Allocated,
    /// Writes that remove what nothing leads to: what a process left that ended in the middle. They come first in the next
    /// plan; the image is without it already.
    pub(crate) litter: Vec<Write>,
}

impl State {
    pub(crate) fn new(image: Image, room: Room) -> State {
        let allocated = Allocated {
            policies: Numbers::new(room.policies - 1),
            identities: Numbers::new(room.identities),
            gates: Numbers::new(room.gates()),
            classes: Numbers::new(room.rows),
            rules: Numbers::new(room.spans - 1),
            spans: Runs::new(room.spans),
        };
        let mut state = State {
            image: Arc::new(image),
            room,
            contents: HashMap::new(),
            by_content: HashMap::new(),
            runs: HashMap::new(),
            rules: HashMap::new(),
            rule_uses: HashMap::new(),
            allocated,
            litter: Vec::new(),
        };
        state.read_rules();
        state.read_gates();
        state.read_classes();
        state
    }

    fn read_rules(&mut self) {
        let mut known: Vec<(u32, RuleId)> = self.image.rules.iter().map(|(number, id)| (*number, *id)).collect();
        known.sort_unstable();
        for (number, id) in known {
            self.rules.entry(id).or_insert(number);
        }
    }

    fn read_classes(&mut self) {
        let mut classes: Vec<u32> = self.image.rows.keys().copied().collect();
        classes.sort_unstable();
        for class in classes {
            if !self.image.uses.contains_key(&class) {
                let rows: Vec<Write> =
                    self.image.rows[&class].keys().map(|proto| Write::Row((class, *proto), None)).collect();
                self.throw_away(rows);
                continue;
            }
            self.allocated.classes.mark(class);
            let rows = self.image.rows[&class].clone();
            let mut content = Class::default();
            for (proto, row) in &rows {
                self.allocated.spans.mark(row.first, row.count);
                let range = |number| {
                    let span = self.image.spans.get(&number)?;
                    let rule = *self.image.rules.get(&span.rule)?;
                    self.allocated.rules.mark(span.rule);
                    Some(Range { lo: span.lo, hi: span.hi, rule, open: span.flags.contains(SpanFlags::OPEN) })
                };
                let run: Run = (row.first..row.first.saturating_add(row.count)).filter_map(range).collect();
                self.runs.entry(Arc::clone(&run)).or_insert(WrittenRun { first: row.first, uses: 0 });
                content.rows.insert(*proto, run);
            }
            self.hold(class, Arc::new(content));
        }
    }

    /// Marks the numbers of gates that policies lead to; entries of any other gate are litter.
    fn read_gates(&mut self) {
        let mut led_to: HashSet<u32> = HashSet::new();
        for policy in self.image.policies.values() {
            for direction in [Direction::Ingress, Direction::Egress] {
                let id = side(policy, direction).id;
                let locals = self.image.gates.get(&id).into_iter().flat_map(|rows| rows.locals.values());
                led_to.extend(locals.map(|gate| gate.id));
                led_to.insert(id);
            }
        }
        led_to.iter().for_each(|gate| self.allocated.gates.mark(*gate));
        let mut strays: BTreeMap<u32, Vec<Write>> = BTreeMap::new();
        for (gate, rows) in self.image.gates.iter().filter(|(gate, _)| !led_to.contains(gate)) {
            let key = |net| GateNet { gate: *gate, net };
            let writes = strays.entry(*gate).or_default();
            writes.extend(rows.locals.keys().map(|net| Write::Local(key(*net), None)));
            writes.extend(rows.prefixes.keys().map(|net| Write::Prefix(key(*net), None)));
            writes.extend(rows.identities.keys().map(|identity| Write::Identity((*gate, *identity), None)));
        }
        self.throw_away(strays.into_values().flatten().collect());
    }

    fn throw_away(&mut self, writes: Vec<Write>) {
        if !writes.is_empty() {
            let image = Arc::make_mut(&mut self.image);
            writes.iter().for_each(|write| image.apply(write));
        }
        self.litter.extend(writes);
    }

    /// The content of a class; that of 0 is empty.
    pub(crate) fn content(&self, class: u32) -> Arc<Class> {
        self.contents.get(&class).cloned().unwrap_or_default()
    }

    /// Notes that a class has this content from now on, whatever it had before.
    pub(crate) fn hold(&mut self, class: u32, content: Arc<Class>) {
        for run in content.rows.values() {
            let Some(written) = self.runs.get_mut(run) else { continue };
            written.uses += 1;
            if written.uses == 1 {
                run.iter().for_each(|range| *self.rule_uses.entry(range.rule).or_default() += 1);
            }
        }
        self.let_go(class);
        self.by_content.entry(Arc::clone(&content)).or_insert(class);
        self.contents.insert(class, content);
    }

    /// Notes that a class has lost its content.
    fn let_go(&mut self, class: u32) {
        let Some(content) = self.contents.remove(&class) else { return };
        if self.by_content.get(&content) == Some(&class) {
            self.by_content.remove(&content);
        }
        for run in content.rows.values() {
            let Some(written) = self.runs.get_mut(run) else { continue };
            written.uses -= 1;
            if written.uses > 0 {
                continue;
            }
            self.allocated.spans.free(written.first, run.len() as u32);
            self.runs.remove(run);
            for range in run.iter() {
                let uses = self.rule_uses.entry(range.rule).or_insert(1);
                *uses -= 1;
                if *uses == 0 {
                    self.rule_uses.remove(&range.rule);
                    // Its number is free, but its id stays readable until somebody else needs the number.
                    if let Some(number) = self.rules.get(&range.rule) {
                        self.allocated.rules.free(*number);
                    }
                }
            }
        }
    }

    /// Takes over what a plan has done, after all of it was written.
    pub(crate) fn commit(&mut self, plan: Plan) {
        for (id, number) in plan.rules {
            if let Some(before) = self.image.rules.get(&number)
                && self.rules.get(before) == Some(&number)
            {
                self.rules.remove(before);
            }
            self.rules.insert(id, number);
        }
        if !plan.writes.is_empty() {
            let image = Arc::make_mut(&mut self.image);
            plan.writes.iter().for_each(|write| image.apply(write));
        }
        self.allocated = plan.allocated;
        self.runs.extend(plan.runs.into_iter().map(|(run, first)| (run, WrittenRun { first, uses: 0 })));
        for (class, content) in plan.held {
            self.hold(class, content);
        }
        for class in plan.dead {
            self.let_go(class);
            self.allocated.classes.free(class);
        }
        plan.gates_freed.into_iter().for_each(|gate| self.allocated.gates.free(gate));
        self.litter.clear();
    }
}
