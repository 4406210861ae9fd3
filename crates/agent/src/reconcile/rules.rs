//! The rules and memberships in the data plane: written before the ports that name them, and removed after.
//!
//! The tables below compare and write; here is decided what they are asked for. As a rule that is everything at once, so
//! that a change of several groups is one step for each policy. If that does not fit, each part is tried by itself: what
//! fits is in force, the rest stays as it was, and is told of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::id::{NetworkAclId, PrefixListId, SecurityGroupId};
use pintle_core::policy::{AclRule, Rule};
use pintle_core::telemetry::RuleRef;
use pintle_datapath::{
    AclSnapshot, AclTables, Applied, Datapath, DatapathError, PolicySnapshot, PolicyTables, Wanted, cell_of_slot,
};

use super::numbers::Numbers;
use crate::desired::{Desired, GroupSet};
use crate::error::AgentError;

/// Reading all rules back may take one part in so many of the time: large policies are looked at less often.
pub(super) const READING: u32 = 50;

type Acls = BTreeMap<NetworkAclId, Arc<[AclRule]>>;

/// The rules and memberships in the data plane.
#[derive(Debug)]
pub(crate) struct Rules {
    tables: PolicyTables,
    acl_tables: AclTables,
    /// What should be, and what is.
    wanted: (Wanted, Acls),
    in_force: (Wanted, Acls),
    numbers: Arc<Numbers>,
    failures: BTreeMap<EntryKey, String>,
    /// Sets of groups whose policy could not be written.
    closed: BTreeMap<GroupSet, String>,
    /// There may be something in the tables that nobody names.
    unretired: bool,
    /// Not everything that is named has a number.
    missing: bool,
    /// What is in the tables has not been compared with what should be since it was read.
    unknown: bool,
    read: Instant,
    reading: Duration,
    /// Somebody else compares the tables with the maps, and says here whether they differ.
    doubted: Option<bool>,
}

/// What the maps should hold at one moment.
pub(super) struct Snapshot(PolicySnapshot, AclSnapshot);

impl Snapshot {
    /// Whether they do. Means something only if nothing was written meanwhile.
    pub(super) fn is_held(&self, datapath: &Datapath) -> Result<bool, DatapathError> {
        Ok(self.0.is_held(datapath)? && self.1.is_held(datapath)?)
    }
}

/// What became of the rules in a round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Followed {
    /// Entries written.
    pub(super) writes: usize,
    /// Something that ports or endpoints waited for is there now.
    pub(super) arrived: bool,
}

impl Rules {
    /// Reads what the data plane has.
    pub(super) fn read(datapath: &Datapath) -> Result<Self, AgentError> {
        let start = Instant::now();
        let (tables, acl_tables) = (PolicyTables::open(datapath)?, AclTables::open(datapath)?);
        let (wanted, in_force, numbers, failures, closed) = Default::default();
        let (unretired, missing, unknown, read) = (true, false, true, Instant::now());
        let reading = read - start;
        Ok(Rules {
            tables,
            acl_tables,
            wanted,
            in_force,
            numbers,
            failures,
            closed,
            unretired,
            missing,
            unknown,
            read,
            reading,
            doubted: None,
        })
    }

    /// What the data plane calls everything.
    pub(super) fn numbers(&self) -> Arc<Numbers> {
        Arc::clone(&self.numbers)
    }

    /// The rules that numbers in flows and refusals stand for. A rule may be gone meanwhile, and its group with it.
    pub(crate) fn named(&self, numbers: &BTreeSet<u32>) -> BTreeMap<u32, RuleRef> {
        let mut named = BTreeMap::new();
        for number in numbers.iter().filter(|number| **number != 0) {
            if let Some(rule) = self.tables.rule(*number) {
                let has = |rules: &[Rule]| rules.iter().any(|one| one.id == rule);
                let group = self.in_force.0.groups.iter().find(|(_, rules)| has(rules)).map(|(id, _)| *id);
                named.insert(*number, RuleRef::Group { group, rule });
            } else if let Some(rule) = self.acl_tables.rule(*number) {
                let has = |rules: &[AclRule]| rules.iter().any(|one| one.id == rule);
                let acl = self.in_force.1.iter().find(|(_, rules)| has(rules)).map(|(id, _)| *id);
                named.insert(*number, RuleRef::Acl { acl, rule });
            }
        }
        named
    }

    /// What could not be written.
    pub(super) fn failures(&self) -> &BTreeMap<EntryKey, String> {
        &self.failures
    }

    /// What the maps should hold now.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot(self.tables.snapshot(), self.acl_tables.snapshot())
    }

    /// Whether nothing was written since a snapshot.
    pub(super) fn is_at(&self, snapshot: &Snapshot) -> bool {
        self.tables.is_at(&snapshot.0) && self.acl_tables.is_at(&snapshot.1)
    }

    /// From now on somebody else compares the tables with the maps.
    pub(super) fn leave_looking(&mut self) {
        self.doubted.get_or_insert(false);
    }

    /// The maps do not hold what they should.
    pub(super) fn doubt(&mut self) {
        self.doubted = Some(true);
    }

    /// Reads everything back if it is known to differ, or, where nobody else looks, if the last time was long enough ago:
    /// the next round repairs what somebody changed. Whether it did.
    pub(super) fn look_again(&mut self, datapath: &Datapath) -> Result<bool, AgentError> {
        let start = Instant::now();
        let due = match self.doubted {
            Some(doubted) => doubted,
            None => start.duration_since(self.read) >= self.reading * READING,
        };
        if !due {
            return Ok(false);
        }
        self.tables.reread(datapath)?;
        self.acl_tables.reread(datapath)?;
        self.read = Instant::now();
        (self.unknown, self.reading) = (true, self.read - start);
        self.doubted = self.doubted.map(|_| false);
        Ok(true)
    }

    /// Makes the data plane have the rules and memberships of `desired`, beside those that ports and endpoints may still
    /// name. With `keys`, only these entries have changed since the last time.
    pub(super) fn follow(
        &mut self,
        datapath: &Datapath,
        desired: &Desired,
        keys: Option<&BTreeSet<EntryKey>>,
    ) -> Followed {
        let changed = match keys {
            // Each is taken over, also after one that differs.
            Some(keys) => keys.iter().filter(|key| self.take(desired, key)).count() > 0,
            None => self.take_all(desired),
        };
        let compare = std::mem::take(&mut self.unknown);
        if changed || compare {
            self.failures.clear();
            self.closed.clear();
        }
        let writes = if changed || compare { self.write_policies(datapath) + self.write_acls(datapath) } else { 0 };
        // Counted in any case: a port may name what is there already.
        let waited = self.missing;
        let renumbered = (changed || keys.is_none()) && self.renumber(desired);
        Followed { writes, arrived: waited && renumbered }
    }

    /// Counts anew. Whether anything has another number than before.
    fn renumber(&mut self, desired: &Desired) -> bool {
        let (numbers, uses) = (self.count(desired), desired.uses());
        let expected = [uses.policies().len(), uses.identities().count(), uses.acls().len()];
        self.missing = expected != [numbers.policies.len(), numbers.identities.len(), numbers.acls.len()];
        let renumbered = *self.numbers != numbers;
        if renumbered {
            self.numbers = Arc::new(numbers);
        }
        renumbered
    }

    /// Removes what nobody names any more. Only when every port and endpoint is as it should be: one that is not may name
    /// what it was before.
    pub(super) fn retire(&mut self, datapath: &Datapath, desired: &Desired) -> usize {
        let uses = desired.uses();
        let stale = self.wanted.0.policies.len() > uses.policies().len()
            || self.wanted.0.identities.len() > uses.identities().count()
            || self.in_force.1.len() > self.wanted.1.len()
            || self.unretired;
        // A policy that could not be written may be there still as it was.
        if !stale || !self.closed.is_empty() || self.missing {
            return 0;
        }
        self.unretired = false;
        self.wanted.0.policies = uses.policies().keys().cloned().collect();
        self.wanted.0.identities = uses.identities().cloned().collect();
        self.in_force.0.policies.clone_from(&self.wanted.0.policies);
        self.in_force.0.identities.clone_from(&self.wanted.0.identities);
        self.in_force.1.retain(|acl, _| self.wanted.1.contains_key(acl));
        let retired = self.tables.retire(datapath, &self.in_force.0);
        let retired = retired.and_then(|policies| Ok((policies, self.acl_tables.retire(datapath, &self.in_force.1)?)));
        self.renumber(desired);
        match retired {
            Ok((policies, acls)) => policies.writes + acls.writes,
            Err(error) => {
                tracing::warn!(%error, "rules that nobody needs any more stay in the data plane");
                self.unretired = true;
                0
            }
        }
    }

    /// Takes over what one entry says now. Whether anything is to be written for it.
    fn take(&mut self, desired: &Desired, key: &EntryKey) -> bool {
        let (wanted, acls) = &mut self.wanted;
        match (key, desired.get(key)) {
            (EntryKey::Group(id), Some(Entry::Group(rules))) => put(&mut wanted.groups, *id, rules),
            (EntryKey::Group(id), _) => wanted.groups.remove(id).is_some(),
            (EntryKey::PrefixList(id), Some(Entry::PrefixList(nets))) => put(&mut wanted.prefix_lists, *id, nets),
            (EntryKey::PrefixList(id), _) => wanted.prefix_lists.remove(id).is_some(),
            (EntryKey::Acl(id), Some(Entry::Acl(rules))) => put(acls, *id, rules),
            (EntryKey::Acl(id), _) => acls.remove(id).is_some(),
            (EntryKey::Port(_), Some(Entry::Port(spec))) => {
                let policy = &spec.policy;
                let mut new = policy.acl.is_some_and(|acl| !self.numbers.acls.contains_key(&acl));
                for groups in [Some(crate::desired::in_force(policy)), policy.shadow.as_ref()].into_iter().flatten() {
                    new |= wanted.policies.insert(groups.clone()) || self.closed.contains_key(groups);
                }
                new
            }
            (EntryKey::Endpoint(..), Some(Entry::Endpoint(pintle_core::host_spec::EndpointSpec::Vni(spec)))) => {
                // Looked up first: as a rule the set is known, and nothing is copied.
                !wanted.identities.contains(&spec.groups) && wanted.identities.insert(spec.groups.clone())
            }
            _ => false,
        }
    }

    fn take_all(&mut self, desired: &Desired) -> bool {
        let mut changed = false;
        for (key, entry) in desired.entries() {
            if matches!(entry, Entry::Group(_) | Entry::PrefixList(_) | Entry::Acl(_)) {
                changed |= self.take(desired, key);
            }
        }
        let (wanted, acls) = &mut self.wanted;
        let before = wanted.groups.len() + wanted.prefix_lists.len() + acls.len();
        wanted.groups.retain(|id, _| desired.get(&EntryKey::Group(*id)).is_some());
        wanted.prefix_lists.retain(|id, _| desired.get(&EntryKey::PrefixList(*id)).is_some());
        acls.retain(|id, _| desired.get(&EntryKey::Acl(*id)).is_some());
        changed |= before != wanted.groups.len() + wanted.prefix_lists.len() + acls.len();
        for groups in desired.uses().policies().keys().filter(|groups| !groups.is_empty()) {
            changed |= !wanted.policies.contains(groups) && wanted.policies.insert(groups.clone());
        }
        for groups in desired.uses().identities().filter(|groups| !groups.is_empty()) {
            changed |= !wanted.identities.contains(groups) && wanted.identities.insert(groups.clone());
        }
        changed
    }

    fn write_policies(&mut self, datapath: &Datapath) -> usize {
        match self.tables.apply(datapath, &self.wanted.0) {
            Ok(applied) => {
                self.in_force.0 = self.wanted.0.clone();
                applied.writes
            }
            Err(error) => {
                tracing::warn!(%error, "the rules can't all be written; each is tried by itself");
                self.write_parts(datapath)
            }
        }
    }

    /// Writes each changed part by itself: memberships, prefix lists and groups, then policies that are new.
    fn write_parts(&mut self, datapath: &Datapath) -> usize {
        let wanted = self.wanted.0.clone();
        let mut writes = 0;
        let mut tried = self.in_force.0.clone();
        let try_one = |tables: &mut PolicyTables, tried: &mut Wanted, change: &dyn Fn(&mut Wanted)| {
            let mut next = tried.clone();
            change(&mut next);
            let applied: Applied = tables.apply(datapath, &next)?;
            *tried = next;
            Ok::<usize, pintle_datapath::DatapathError>(applied.writes)
        };
        let identities = |next: &mut Wanted| next.identities.clone_from(&wanted.identities);
        match try_one(&mut self.tables, &mut tried, &identities) {
            Ok(count) => writes += count,
            // Endpoints without a number say so themselves.
            Err(error) => tracing::warn!(%error, "memberships can't all be written"),
        }
        for id in changed(&tried.prefix_lists, &wanted.prefix_lists) {
            let nets: Option<&Arc<[IpNet]>> = wanted.prefix_lists.get(&id);
            let change = |next: &mut Wanted| replace::<PrefixListId, _>(&mut next.prefix_lists, id, nets);
            match try_one(&mut self.tables, &mut tried, &change) {
                Ok(count) => writes += count,
                Err(error) => drop(self.failures.insert(EntryKey::PrefixList(id), kept(&error))),
            }
        }
        for id in changed(&tried.groups, &wanted.groups) {
            let rules: Option<&Arc<[Rule]>> = wanted.groups.get(&id);
            let change = |next: &mut Wanted| replace::<SecurityGroupId, _>(&mut next.groups, id, rules);
            match try_one(&mut self.tables, &mut tried, &change) {
                Ok(count) => writes += count,
                Err(error) => drop(self.failures.insert(EntryKey::Group(id), kept(&error))),
            }
        }
        for groups in wanted.policies.difference(&tried.policies.clone()) {
            let change = |next: &mut Wanted| next.policies.extend([groups.clone()]);
            match try_one(&mut self.tables, &mut tried, &change) {
                Ok(count) => writes += count,
                Err(error) => drop(self.closed.insert(groups.clone(), error.to_string())),
            }
        }
        self.in_force.0 = tried;
        writes
    }

    /// Writes ACLs. Each packet is judged by them, also of flows that have passed: these are decided again.
    fn write_acls(&mut self, datapath: &Datapath) -> usize {
        let before = self.in_force.1.clone();
        let writes = self.write_changed_acls(datapath);
        let numbers = changed(&before, &self.in_force.1).into_iter().filter_map(|id| self.acl_tables.acl(id));
        let numbers: BTreeSet<u32> = numbers.collect();
        if !numbers.is_empty() {
            let epochs = datapath.epochs();
            match datapath.ifaces().entries() {
                Ok(rows) => {
                    let named = rows.iter().filter(|(_, row)| numbers.contains(&row.acl));
                    named.for_each(|(slot, _)| epochs.raise(cell_of_slot(*slot)));
                }
                Err(error) => {
                    tracing::warn!(%error, "which ports have a changed ACL can't be read; every flow is decided again");
                    (0..=u16::MAX).for_each(|cell| epochs.raise(cell));
                }
            }
        }
        writes
    }

    fn write_changed_acls(&mut self, datapath: &Datapath) -> usize {
        let wanted = self.wanted.1.clone();
        if let Ok(applied) = self.acl_tables.apply(datapath, &wanted) {
            self.in_force.1 = wanted;
            return applied.writes;
        }
        let mut writes = 0;
        for id in changed(&self.in_force.1, &wanted) {
            let Some(rules) = wanted.get(&id) else { continue };
            let mut next = self.in_force.1.clone();
            next.insert(id, Arc::clone(rules));
            match self.acl_tables.apply(datapath, &next) {
                Ok(applied) => {
                    writes += applied.writes;
                    self.in_force.1 = next;
                }
                Err(error) => drop(self.failures.insert(EntryKey::Acl(id), kept(&error))),
            }
        }
        writes
    }

    /// The numbers of everything that `desired` names and that is in the data plane.
    fn count(&self, desired: &Desired) -> Numbers {
        let uses = desired.uses();
        let policy = |groups: &GroupSet| Some((groups.clone(), self.tables.policy(groups)?));
        let identity = |groups: &GroupSet| Some((groups.clone(), self.tables.identity(groups)?));
        let acl = |id: &NetworkAclId| match self.wanted.1.contains_key(id) {
            true => Some((*id, self.acl_tables.acl(*id)?)),
            // Named, and not known: everything is denied.
            false => Some((*id, self.acl_tables.closed())),
        };
        Numbers {
            policies: uses.policies().keys().filter_map(policy).collect(),
            identities: uses.identities().filter_map(identity).collect(),
            acls: uses.acls().keys().filter_map(acl).collect(),
        }
    }
}

/// What is told of a part that could not be written.
fn kept(error: &pintle_datapath::DatapathError) -> String {
    format!("{error}; what was in force before still is")
}

/// Puts a list in place of another. Whether they differ.
fn put<K: Ord, T: Clone + PartialEq>(map: &mut BTreeMap<K, Arc<[T]>>, key: K, list: &[T]) -> bool {
    if map.get(&key).is_some_and(|there| **there == *list) {
        return false;
    }
    map.insert(key, Arc::from(list));
    true
}

fn replace<K: Ord, T>(map: &mut BTreeMap<K, Arc<[T]>>, key: K, list: Option<&Arc<[T]>>) {
    match list {
        Some(list) => drop(map.insert(key, Arc::clone(list))),
        None => drop(map.remove(&key)),
    }
}

/// The keys whose lists differ.
fn changed<K: Ord + Copy, T>(before: &BTreeMap<K, Arc<[T]>>, after: &BTreeMap<K, Arc<[T]>>) -> Vec<K> {
    let keys: BTreeSet<K> = before.keys().chain(after.keys()).copied().collect();
    let same = |key: &K| match (before.get(key), after.get(key)) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (before, after) => before.is_none() && after.is_none(),
    };
    keys.into_iter().filter(|key| !same(key)).collect()
}
