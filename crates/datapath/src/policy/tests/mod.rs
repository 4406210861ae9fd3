//! The policy tables without a kernel: compiled rules against a list that is walked, and every write on the way.

mod costs;
mod naive;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use pintle_core::id::{PrefixListId, SecurityGroupId};
use pintle_core::policy::Rule;

use super::compile::{Identities, compile};
use super::image::{Image, Write};
use super::plan::{Change, Plan, plan};
use super::state::{Room, State};
use crate::entry::policy::{Name, NameKey};
use crate::error::Result;
use crate::settings::Settings;

/// Policies by number, and what they are made from.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) policies: BTreeMap<u32, Vec<SecurityGroupId>>,
    pub(super) groups: BTreeMap<SecurityGroupId, Vec<Rule>>,
    pub(super) lists: BTreeMap<PrefixListId, Arc<[IpNet]>>,
    pub(super) identities: Identities,
}

impl World {
    /// The rules of a policy in the order of (group, place).
    pub(super) fn rules(&self, policy: u32) -> Vec<&Rule> {
        let groups = self.policies.get(&policy).into_iter().flatten();
        groups.filter_map(|group| self.groups.get(group)).flatten().collect()
    }

    /// Changes that make the tables hold this world, and drop policies that it has not.
    pub(super) fn changes(&self, state: &State) -> (Vec<Change>, Vec<(NameKey, Option<Name>)>) {
        let key = |number| NameKey { kind: 1, number };
        let known: BTreeSet<u32> = state.image.names.keys().map(|key| key.number).collect();
        let mut changes: Vec<Change> = Vec::new();
        let mut names = Vec::new();
        for (number, groups) in &self.policies {
            let wanted = Some(compile(&self.rules(*number), &self.lists, &self.identities));
            changes.push(Change { policy: *number, wanted });
            if !known.contains(number) {
                names.push((key(*number), Some(Name(groups.iter().map(|group| group.bits()).collect()))));
            }
        }
        for number in known.into_iter().filter(|number| !self.policies.contains_key(number)) {
            changes.push(Change { policy: number, wanted: None });
            names.push((key(number), None));
        }
        (changes, names)
    }

    pub(super) fn plan(&self, state: &State) -> Result<Plan> {
        let (changes, names) = self.changes(state);
        plan(state, &changes, names)
    }

    /// Makes the tables hold this world. Returns the writes.
    pub(super) fn apply(&self, state: &mut State) -> Vec<Write> {
        let plan = self.plan(state).expect("it fits");
        let writes = plan.writes.clone();
        state.commit(plan);
        writes
    }
}

pub(super) fn room() -> Room {
    Room::of(&Settings { max_ports: 64, max_endpoints: 4096, ..Settings::default() })
}

pub(super) fn empty() -> State {
    State::new(Image::default(), room())
}
