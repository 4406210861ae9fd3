//! How many rules a tenant's security group may have: so many in each direction for each IP version, as in EC2.
//!
//! The operator's groups are bound by [`crate::limits::RULES_PER_GROUP`] alone. A group that the operator has made larger than
//! its owner may have it can shrink.

use std::collections::BTreeMap;

use crate::draft::Draft;
use crate::id::PrefixListId;
use crate::limits::RULES_PER_WAY;
use crate::model::{IpFamily, PrefixList, SecurityGroup};
use crate::policy::{Direction, Remote, Rule};
use crate::refusal::{DecideError, Limited, Refusal};

/// How many rules there are in each direction for each IP version.
#[derive(Default)]
pub(super) struct Weights(BTreeMap<(Direction, IpFamily), usize>);

impl Weights {
    /// Counts rules, if it is a tenant who asks.
    pub(super) fn of(draft: &mut Draft<'_>, rules: &[Rule]) -> Result<Weights, DecideError> {
        Weights::with(draft, rules, None)
    }

    /// Counts rules as if a prefix list had another `max_entries`.
    fn with(draft: &mut Draft<'_>, rules: &[Rule], list: Option<(PrefixListId, u32)>) -> Result<Weights, DecideError> {
        let mut weights = Weights::default();
        if !draft.by.is_tenant() {
            return Ok(weights);
        }
        for rule in rules {
            let (family, weight) = match rule.remote {
                Remote::Net(net) => (Some(net.into()), 1),
                Remote::PrefixList(id) => {
                    let found: PrefixList = draft.get(id)?;
                    let max = list.filter(|(changed, _)| *changed == id).map_or(found.max_entries, |(_, max)| max);
                    (Some(found.family), max as usize)
                }
                Remote::Any | Remote::Group(_) => (None, 1),
            };
            for counted in [IpFamily::V4, IpFamily::V6] {
                if family.is_none_or(|family| family == counted) {
                    *weights.0.entry((rule.direction, counted)).or_default() += weight;
                }
            }
        }
        Ok(weights)
    }

    /// That a group which had these weights has not grown beyond what it may have.
    pub(super) fn check_growth(self, draft: &mut Draft<'_>, group: &SecurityGroup) -> Result<(), DecideError> {
        let after = Weights::of(draft, &group.rules)?;
        self.check(&after, group)
    }

    fn check(&self, after: &Weights, group: &SecurityGroup) -> Result<(), DecideError> {
        for (way, weight) in &after.0 {
            if *weight > RULES_PER_WAY && *weight > self.0.get(way).copied().unwrap_or_default() {
                let what = format!(
                    "security group {} would have {weight} {} rules for {} (a reference to a prefix list counts as its \
                     max_entries)",
                    group.id,
                    way.0.label(),
                    way.1.words()
                );
                return Err(Refusal::Limit { of: Limited::RulesOfGroup, what, limit: RULES_PER_WAY as u64 }.into());
            }
        }
        Ok(())
    }
}

/// That a tenant's group still fits when a prefix list that it refers to may hold `max_entries`.
pub(super) fn check_list_grows(
    draft: &mut Draft<'_>,
    group: &SecurityGroup,
    list: PrefixListId,
    max_entries: u32,
) -> Result<(), DecideError> {
    let before = Weights::of(draft, &group.rules)?;
    let after = Weights::with(draft, &group.rules, Some((list, max_entries)))?;
    before.check(&after, group)
}
