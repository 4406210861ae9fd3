//! Listing rules, which have no records of their own: group by group, in pages that may end within a group.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use pintle_core::id::{RuleId, SecurityGroupId};
use pintle_core::model::SecurityGroup;
use pintle_core::policy::Rule;
use pintle_core::query;
use pintle_core::record::{Listed, list_prefix};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;

use super::show::write_rule_item;
use crate::ec2::caller::Caller;
use crate::ec2::describe::{bad_token, fingerprint, in_order, open_token, parsed, seal_token};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Scan, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;
use crate::ec2::xml::Xml;

const SET: &str = "securityGroupRuleSet";
/// The most rules that a page shows.
const PAGE: usize = 1000;

/// A rule and its group, as far as filters ask.
struct Of(SecurityGroupId, RuleId);

const FILTERS: &[FilterDef<Of>] = &[
    FilterDef { name: "group-id", values: |of, _| vec![of.0.to_string()] },
    FilterDef { name: "security-group-rule-id", values: |of, _| vec![of.1.to_string()] },
];

/// Reads a request for a list of rules.
pub(super) fn list(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let token = params.text("NextToken").filter(|token| !token.is_empty());
    let limit = params.number("MaxResults", 5..=PAGE)?;
    let query = fingerprint(params, SET, caller);
    let ids: Vec<RuleId> = params.ids("SecurityGroupRuleId")?;
    let filters = Filters::read(params, FILTERS)?;
    if !ids.is_empty() && (limit.is_some() || token.is_some()) {
        return Err(Ec2Error::combination(
            "The parameter SecurityGroupRuleId cannot be used with the parameter MaxResults",
        ));
    }
    let from =
        token.map(|token| open_token(&token, &query)).transpose()?.map(|text| Place::parse(&text)).transpose()?;
    let whole = !ids.is_empty();
    let named = filters.exact("security-group-rule-id").map(|ids| parsed(&ids));
    let wanted = if whole { Some(ids) } else { named };
    Ok(Work::Scan(Box::new(Listing {
        wanted: wanted.map(|ids| in_order(ids).into_iter()),
        must_exist: whole,
        groups: None,
        filters,
        limit: if whole { usize::MAX } else { limit.unwrap_or(PAGE) },
        from,
        query,
        caller: caller.clone(),
        shown: 0,
        items: Xml::piece(),
        next: None,
    })))
}

/// Where a page begins: at a group, by its place in the collection or its id, and at a rule of it.
struct Place {
    group: String,
    rule: Option<RuleId>,
}

impl Place {
    fn parse(text: &str) -> Result<Place, Ec2Error> {
        let (group, rule) = text.split_once(' ').ok_or_else(bad_token)?;
        let rule = Some(rule.parse().map_err(|_| bad_token())?);
        Ok(Place { group: group.to_owned(), rule })
    }
}

struct Listing {
    /// Rules by their ids, those that are still to be looked at.
    wanted: Option<std::vec::IntoIter<RuleId>>,
    /// Whether each of them must exist.
    must_exist: bool,
    /// The only groups that can match, in order, and how many of them have been looked at.
    groups: Option<(Vec<SecurityGroupId>, usize)>,
    filters: Filters,
    limit: usize,
    from: Option<Place>,
    query: [u8; 8],
    caller: Caller,
    shown: usize,
    items: Xml,
    next: Option<String>,
}

impl Scan for Listing {
    fn step(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        if let Some(mut ids) = self.wanted.take() {
            self.by_ids(snapshot, ids.by_ref().take(most))?;
            let last = ids.as_slice().is_empty();
            self.wanted = Some(ids);
            return Ok(last);
        }
        if self.groups.is_none()
            && let Some(ids) = self.filters.exact("group-id")
        {
            let ids: Vec<SecurityGroupId> = in_order(parsed(&ids));
            let from = self.from.as_ref().map(|place| place.group.parse().map_err(|_| bad_token())).transpose()?;
            let at = from.map_or(0, |from: SecurityGroupId| ids.partition_point(|id| *id < from));
            self.groups = Some((ids, at));
        }
        if self.groups.is_some() { self.named_groups(snapshot, most) } else { self.walk(snapshot, most) }
    }

    fn write(self: Box<Self>, xml: &mut Xml) {
        xml.set_of_pieces(SET, &self.items.into_bytes());
        xml.option("nextToken", self.next.map(|place| seal_token(&place, &self.query)));
    }
}

impl Listing {
    /// Looks at rules; each group of theirs is read once, however many of them it has.
    fn by_ids(&mut self, snapshot: &dyn Snapshot, ids: impl Iterator<Item = RuleId>) -> Result<(), Ec2Error> {
        let mut groups = BTreeMap::new();
        for id in ids {
            let group = match query::group_id_of_rule(snapshot, id)? {
                Some(group) => match groups.entry(group) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.visible(snapshot, group)?),
                },
                None => &mut None,
            };
            match group {
                Some(group) => {
                    for rule in group.rules.iter().filter(|rule| rule.id == id) {
                        self.show(snapshot, group, rule)?;
                    }
                }
                None if self.must_exist => return Err(not_found(Noun::SecurityGroupRule, &id.to_string())),
                None => {}
            }
        }
        Ok(())
    }

    /// A group, if it exists for the caller.
    fn visible(&self, snapshot: &dyn Snapshot, id: SecurityGroupId) -> Result<Option<SecurityGroup>, Ec2Error> {
        let found = query::find::<SecurityGroup>(snapshot, id)?.map(|(group, _)| group);
        Ok(found.filter(|group| self.caller.actor().sees(group)))
    }

    fn named_groups(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        for _ in 0..most {
            let Some((ids, at)) = &mut self.groups else { return Ok(true) };
            let Some(id) = ids.get(*at).copied() else { return Ok(true) };
            *at += 1;
            if let Some(group) = self.visible(snapshot, id)?
                && self.show_group(snapshot, &group, &id.to_string())?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks at the groups of the whole collection.
    fn walk(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        let scope = self.caller.owner().scope();
        let start = self.from.as_ref().map(|place| place.group.clone());
        let page = query::page::<SecurityGroup>(snapshot, &scope, start.as_deref(), most);
        let page = page.map_err(|error| match error {
            pintle_core::DecideError::Refused(_) => bad_token(),
            other => other.into(),
        })?;
        for (group, _) in page.items {
            if self.show_group(snapshot, &group, &place_of(&group))? {
                return Ok(true);
            }
        }
        let Some(group) = page.next else { return Ok(true) };
        self.from = Some(Place { group, rule: None });
        Ok(false)
    }

    /// Shows a group's rules from where the page begins; whether the page is full before their end.
    fn show_group(&mut self, snapshot: &dyn Snapshot, group: &SecurityGroup, place: &str) -> Result<bool, Ec2Error> {
        let first = self.from.take().filter(|from| from.group == place).and_then(|from| from.rule);
        // A rule that has gone since the page before: from the group's beginning on rather than past the rest of it.
        let skip = first.and_then(|first| group.rules.iter().position(|rule| rule.id == first)).unwrap_or(0);
        for rule in &group.rules[skip..] {
            if self.shown == self.limit {
                self.next = Some(format!("{place} {}", rule.id));
                return Ok(true);
            }
            self.show(snapshot, group, rule)?;
        }
        Ok(false)
    }

    fn show(&mut self, snapshot: &dyn Snapshot, group: &SecurityGroup, rule: &Rule) -> Result<(), Ec2Error> {
        let tags = query::tags_of_part(snapshot, &group.owner, rule.id)?;
        if self.filters.pass_tags(&tags) && self.filters.pass(&Of(group.id, rule.id), FILTERS) {
            self.items.nest("item", |xml| write_rule_item(xml, group, rule, &tags));
            self.shown += 1;
        }
        Ok(())
    }
}

/// A group's place in its collection, as [`query::page`] takes it.
fn place_of(group: &SecurityGroup) -> String {
    let key = group.list_key();
    key[list_prefix::<SecurityGroup>(&group.list_scope()).len()..].replacen('/', ".", 1)
}
