//! The policies of this host: wanted sets of groups in, the difference to the maps out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{Remote, Rule};

use super::compile::{CompiledGate, Identities, PrefixLists, compile};
use super::image::Image;
use super::kernel;
use super::numbers::Numbers;
use super::plan::{Change, no_room, plan};
use super::state::State;
use crate::datapath::Datapath;
use crate::entry::policy::{MAX_IDS, Name, NameKey};
use crate::error::{DatapathError, Result};
use crate::maps::MapName;

/// [`NameKey`]s of policies and identities.
const POLICY: u32 = 1;
const IDENTITY: u32 = 2;

/// What the policy tables should hold.
///
/// Rules and networks are shared, not copied: an [`Arc`] that is the very one of the last [`apply`](PolicyTables::apply)
/// is known not to have changed, so a change costs the policies that it touches.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// A policy for each of these sets of groups, each sorted. The empty set needs none.
    pub policies: BTreeSet<Vec<SecurityGroupId>>,
    /// Sets of groups that remotes are in, each sorted: those of every endpoint that this host knows.
    pub identities: BTreeSet<Vec<SecurityGroupId>>,
    /// The rules of the groups, in order. No rule of a group that is not here matches anything.
    pub groups: BTreeMap<SecurityGroupId, Arc<[Rule]>>,
    /// The networks of prefix lists. One that is not here has none.
    pub prefix_lists: BTreeMap<PrefixListId, Arc<[IpNet]>>,
}

/// What an [`apply`](PolicyTables::apply) did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Entries written and deleted.
    pub writes: usize,
    /// Policies that were compiled anew because something that they are made from changed.
    pub compiled: usize,
}

/// What a policy was compiled from.
#[derive(Debug, Clone)]
struct Inputs {
    groups: Vec<Option<Arc<[Rule]>>>,
    lists: Vec<(PrefixListId, Option<Arc<[IpNet]>>)>,
    /// The groups that its rules name as remotes.
    remotes: BTreeSet<SecurityGroupId>,
    /// Sets of groups that are known and have one of them.
    identities: BTreeSet<u32>,
}

/// The policies of this host and the numbers of everything in them.
///
/// Numbers are stable over restarts: they are read back from the maps. A policy or an identity that is no longer wanted
/// stays as it is until [`retire`](Self::retire), since interfaces and endpoints may still name it.
#[derive(Debug)]
pub struct PolicyTables {
    state: State,
    policies: BTreeMap<Vec<SecurityGroupId>, u32>,
    identities: Identities,
    inputs: BTreeMap<u32, Inputs>,
    /// A write failed in the middle: what the maps hold has to be read again.
    unsure: bool,
}

/// What the policy maps should hold at one moment, to be compared with what they do hold. Reading all maps takes a tenth of
/// a second, and the tables can be used on meanwhile.
#[derive(Debug, Clone)]
pub struct PolicySnapshot(Arc<Image>);

impl PolicySnapshot {
    /// Reads the maps and says whether they hold just that. Means something only if the tables
    /// [are still there](PolicyTables::is_at) afterwards.
    ///
    /// # Errors
    /// When the kernel cannot read the maps.
    pub fn is_held(&self, datapath: &Datapath) -> Result<bool> {
        Ok(self.0.same_entries(&kernel::read(datapath)?))
    }
}

impl PolicyTables {
    /// What the maps should hold now.
    pub fn snapshot(&self) -> PolicySnapshot {
        PolicySnapshot(Arc::clone(&self.state.image))
    }

    /// Whether nothing was written since a snapshot.
    pub fn is_at(&self, snapshot: &PolicySnapshot) -> bool {
        Arc::ptr_eq(&self.state.image, &snapshot.0) && !self.unsure
    }

    /// Reads what the maps hold.
    ///
    /// # Errors
    /// When the kernel cannot read the maps.
    pub fn open(datapath: &Datapath) -> Result<PolicyTables> {
        let state = State::new(kernel::read(datapath)?, kernel::room(datapath));
        let mut tables = PolicyTables {
            state,
            policies: BTreeMap::new(),
            identities: BTreeMap::new(),
            inputs: BTreeMap::new(),
            unsure: false,
        };
        tables.read_names();
        Ok(tables)
    }

    fn read_names(&mut self) {
        self.policies.clear();
        self.identities.clear();
        for (key, name) in &self.state.image.names {
            let groups = name.0.iter().map(|bits| SecurityGroupId::from_bits(*bits)).collect();
            match key.kind {
                POLICY => {
                    self.state.allocated.policies.mark(key.number);
                    self.policies.insert(groups, key.number);
                }
                IDENTITY => {
                    self.state.allocated.identities.mark(key.number);
                    self.identities.insert(groups, key.number);
                }
                _ => {}
            }
        }
    }

    /// Reads the maps again and forgets what this process believed: the next [`apply`](Self::apply) repairs what somebody
    /// else has changed.
    ///
    /// # Errors
    /// When the kernel cannot read the maps.
    pub fn reread(&mut self, datapath: &Datapath) -> Result<()> {
        *self = PolicyTables::open(datapath)?;
        Ok(())
    }

    /// The number of the policy for a sorted set of groups, for [`Iface::policy`](crate::Iface::policy). 0 for the empty
    /// set: nothing passes. `None`: there is no such policy, so the interface must stay as it is, or closed.
    pub fn policy(&self, groups: &[SecurityGroupId]) -> Option<u32> {
        if groups.is_empty() { Some(0) } else { self.policies.get(groups).copied() }
    }

    /// The number of a sorted set of groups, for [`Endpoint::identity`](crate::Endpoint::identity); 0 for the empty set.
    pub fn identity(&self, groups: &[SecurityGroupId]) -> Option<u32> {
        if groups.is_empty() { Some(0) } else { self.identities.get(groups).copied() }
    }

    /// The groups of the policy with a number.
    pub fn groups_of_policy(&self, number: u32) -> Option<&[SecurityGroupId]> {
        self.policies.iter().find(|(_, policy)| **policy == number).map(|(groups, _)| groups.as_slice())
    }

    /// The rule with the number that flows and refusals carry.
    pub fn rule(&self, number: u32) -> Option<RuleId> {
        self.state.image.rules.get(&number).copied()
    }

    /// Makes the tables hold what is wanted, and what was wanted before and is not retired. Writes the difference only; at
    /// every moment each packet gets the old verdict or the new one.
    ///
    /// # Errors
    /// [`DatapathError::NoRoom`] when it does not fit: then nothing was written and the old policy is in force. Or when a
    /// set has more than 16 groups, or the kernel refuses.
    pub fn apply(&mut self, datapath: &Datapath, wanted: &Wanted) -> Result<Applied> {
        if self.unsure {
            self.reread(datapath)?;
        }
        let mut names = Vec::new();
        let (policies, mut policy_numbers) = (self.policies.clone(), self.state.allocated.policies.clone());
        let mut policies = Named { known: policies, kind: POLICY, map: MapName::Policies, names: &mut names };
        policies.add(&wanted.policies, &mut policy_numbers, self.state.room.policies)?;
        let policies = policies.known;
        let mut identity_numbers = self.state.allocated.identities.clone();
        let mut identities =
            Named { known: self.identities.clone(), kind: IDENTITY, map: MapName::Identities, names: &mut names };
        identities.add(&wanted.identities, &mut identity_numbers, self.state.room.identities)?;
        let identities = identities.known;

        let mut inputs: Vec<(u32, Inputs)> = Vec::new();
        let mut changes: Vec<Change> = Vec::new();
        for groups in wanted.policies.iter().filter(|groups| !groups.is_empty()) {
            let Some(number) = policies.get(groups).copied() else { continue };
            let now = Inputs::of(groups, wanted, &identities);
            if self.inputs.get(&number).is_some_and(|before| before.same(&now)) {
                continue;
            }
            let gates = compile_policy(&now, wanted, &identities);
            changes.push(Change { policy: number, wanted: Some(gates) });
            inputs.push((number, now));
        }
        let compiled = changes.len();
        let writes = self.carry_out(datapath, &changes, names)?;
        (self.policies, self.identities) = (policies, identities);
        (self.state.allocated.policies, self.state.allocated.identities) = (policy_numbers, identity_numbers);
        self.inputs.extend(inputs);
        Ok(Applied { writes, compiled })
    }

    /// Removes the policies and identities that are not wanted. Call it once no interface and no endpoint names them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn retire(&mut self, datapath: &Datapath, wanted: &Wanted) -> Result<Applied> {
        let gone = |known: &BTreeMap<Vec<SecurityGroupId>, u32>, wanted: &BTreeSet<Vec<SecurityGroupId>>| {
            let gone = known.iter().filter(|(groups, _)| !wanted.contains(*groups));
            gone.map(|(groups, number)| (groups.clone(), *number)).collect::<Vec<_>>()
        };
        let policies = gone(&self.policies, &wanted.policies);
        let identities = gone(&self.identities, &wanted.identities);
        if policies.is_empty() && identities.is_empty() {
            return Ok(Applied::default());
        }
        for (groups, _) in &identities {
            self.identities.remove(groups);
        }
        for (groups, number) in &policies {
            self.policies.remove(groups);
            self.inputs.remove(number);
        }
        let key = |kind, number| NameKey { kind, number };
        let names = policies.iter().map(|(_, number)| (key(POLICY, *number), None));
        let names = names.chain(identities.iter().map(|(_, number)| (key(IDENTITY, *number), None))).collect();
        let mut changes: Vec<Change> =
            policies.iter().map(|(_, number)| Change { policy: *number, wanted: None }).collect();
        let mut inputs = Vec::new();
        for groups in wanted.policies.iter().filter(|groups| !groups.is_empty()) {
            let Some(number) = self.policies.get(groups).copied() else { continue };
            let now = Inputs::of(groups, wanted, &self.identities);
            if self.inputs.get(&number).is_some_and(|before| before.same(&now)) {
                continue;
            }
            changes.push(Change { policy: number, wanted: Some(compile_policy(&now, wanted, &self.identities)) });
            inputs.push((number, now));
        }
        let compiled = changes.len() - policies.len();
        let done = self.carry_out(datapath, &changes, names);
        // What was not retired is found again in the maps.
        self.unsure |= done.is_err();
        let writes = done?;
        policies.iter().for_each(|(_, number)| self.state.allocated.policies.free(*number));
        identities.iter().for_each(|(_, number)| self.state.allocated.identities.free(*number));
        self.inputs.extend(inputs);
        Ok(Applied { writes, compiled })
    }

    fn carry_out(
        &mut self,
        datapath: &Datapath,
        changes: &[Change],
        names: Vec<(NameKey, Option<Name>)>,
    ) -> Result<usize> {
        if changes.is_empty() && names.is_empty() && self.state.litter.is_empty() {
            return Ok(0);
        }
        let plan = plan(&self.state, changes, names)?;
        let writes = plan.writes.len();
        if writes > 0 {
            tracing::debug!(writes = ?kernel::summary(&plan.writes), policies = changes.len(), "policy tables change");
        }
        let written = kernel::write(datapath, &plan.writes);
        self.unsure |= written.is_err();
        written?;
        self.state.commit(plan);
        Ok(writes)
    }
}

/// Sets of groups and their numbers, of one kind.
struct Named<'a> {
    known: BTreeMap<Vec<SecurityGroupId>, u32>,
    kind: u32,
    map: MapName,
    names: &'a mut Vec<(NameKey, Option<Name>)>,
}

impl Named<'_> {
    /// Gives those that have no number one.
    fn add(&mut self, wanted: &BTreeSet<Vec<SecurityGroupId>>, numbers: &mut Numbers, room: u32) -> Result<()> {
        for groups in wanted.iter().filter(|groups| !groups.is_empty()) {
            if self.known.contains_key(groups) {
                continue;
            }
            if groups.len() > MAX_IDS {
                return Err(DatapathError::BadEntry {
                    field: "groups",
                    entry: format!("set of groups that begins with {}", groups[0]),
                    value: groups.len().to_string(),
                    rule: "an interface is in 16 groups at most",
                });
            }
            let number = numbers.take().ok_or_else(|| no_room(self.map, room, self.known.len() + 2))?;
            let ids = groups.iter().map(|group| group.bits()).collect();
            self.names.push((NameKey { kind: self.kind, number }, Some(Name(ids))));
            self.known.insert(groups.clone(), number);
        }
        Ok(())
    }
}

fn compile_policy(inputs: &Inputs, wanted: &Wanted, identities: &Identities) -> [CompiledGate; 2] {
    let rules: Vec<&Rule> = inputs.groups.iter().flatten().flat_map(|rules| rules.iter()).collect();
    let lists: &PrefixLists = &wanted.prefix_lists;
    compile(&rules, lists, identities)
}

impl Inputs {
    fn of(groups: &[SecurityGroupId], wanted: &Wanted, identities: &Identities) -> Inputs {
        let groups: Vec<Option<Arc<[Rule]>>> = groups.iter().map(|group| wanted.groups.get(group).cloned()).collect();
        let (mut lists, mut remotes) = (BTreeSet::new(), BTreeSet::new());
        for rule in groups.iter().flatten().flat_map(|rules| rules.iter()) {
            match rule.remote {
                Remote::PrefixList(list) => drop(lists.insert(list)),
                Remote::Group(group) => drop(remotes.insert(group)),
                Remote::Any | Remote::Net(_) => {}
            }
        }
        let known = identities.iter().filter(|(groups, _)| groups.iter().any(|group| remotes.contains(group)));
        let identities = if remotes.is_empty() { BTreeSet::new() } else { known.map(|(_, number)| *number).collect() };
        let lists = lists.into_iter().map(|list| (list, wanted.prefix_lists.get(&list).cloned())).collect();
        Inputs { groups, lists, remotes, identities }
    }

    fn same(&self, other: &Inputs) -> bool {
        fn equal<T: PartialEq>(left: &Option<Arc<[T]>>, right: &Option<Arc<[T]>>) -> bool {
            match (left, right) {
                (Some(left), Some(right)) => Arc::ptr_eq(left, right) || left == right,
                (None, None) => true,
                _ => false,
            }
        }
        self.groups.len() == other.groups.len()
            && self.groups.iter().zip(&other.groups).all(|(left, right)| equal(left, right))
            && self.lists.len() == other.lists.len()
            && self.lists.iter().zip(&other.lists).all(|(left, right)| left.0 == right.0 && equal(&left.1, &right.1))
            && (&self.remotes, &self.identities) == (&other.remotes, &other.identities)
    }
}
