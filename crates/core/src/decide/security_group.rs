//! Rules of security groups: rules only permit, each is there once, and what is needed elsewhere can't go.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{change_name, rule_quota, rules, same_owner, slots, take_name};
use crate::command::{CreateSecurityGroup, CreateVpc, NewRule, RulesChange, UpdateSecurityGroup};
use crate::draft::Draft;
use crate::id::{PrefixListId, RuleId, SecurityGroupId, VniId, VpcId};
use crate::limits::{self, DESCRIPTION_LENGTH};
use crate::model::{Owner, PrefixList, SecurityGroup, Vpc};
use crate::policy::{Direction, ProtocolMatch, Remote, Rule};
use crate::quota;
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateSecurityGroup) -> Result<SecurityGroup, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    if let Some(limit) = slots::implied_limit(draft, &vpc, &quota::IBM_SECURITY_GROUPS)?
        && draft.count(&record::groups_of_vpc(vpc.id))? >= limit
    {
        let what = format!("VPC {} has as many security groups as it may have", vpc.id);
        return Err(Refusal::Limit { of: Limited::Things(Noun::SecurityGroup), what, limit }.into());
    }
    check_description(&create.description)?;
    let id = SecurityGroupId::new(draft.ids);
    let name = take_name::<SecurityGroup>(draft, create.name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let mut group = SecurityGroup {
        id,
        owner: vpc.owner,
        name,
        description: create.description,
        created_at: draft.now,
        vpc: vpc.id,
        rules: Vec::new(),
        descriptions: BTreeMap::new(),
        default: false,
    };
    let rules = create.rules.unwrap_or_else(|| vec![NewRule::ALL_OUT]);
    apply(draft, &mut group, RulesChange::add(rules))?;
    insert(draft, &group);
    Ok(group)
}

/// Where a VPC's default group lets everything out to. One that routes by tables has a rule for each IP version that it has,
/// as in EC2, where clients see and revoke them apart.
pub(super) fn everywhere(vpc: &CreateVpc) -> Vec<Remote> {
    if !vpc.route_tables {
        return vec![Remote::Any];
    }
    let v6 = vpc.provided_ipv6 || !vpc.ipv6_cidrs.is_empty();
    let nets = [IpNet::V4(Ipv4Net::default())].into_iter().chain(v6.then(|| IpNet::V6(Ipv6Net::default())));
    nets.map(Remote::Net).collect()
}

/// The group that a VPC begins with: everything in from its members, everything out to these.
pub(super) fn create_default(
    draft: &mut Draft<'_>,
    owner: &Owner,
    vpc: VpcId,
    out: &[Remote],
) -> Result<SecurityGroupId, DecideError> {
    let id = SecurityGroupId::new(draft.ids);
    let name = Some("default".to_owned());
    let name = take_name::<SecurityGroup>(draft, name, &vpc.to_string(), SCOPE_WORDS, id)?;
    let mut rule = |direction, remote| Rule {
        id: RuleId::new(draft.ids),
        direction,
        protocol: ProtocolMatch::Any,
        remote,
        local: None,
    };
    let mut rules = vec![rule(Direction::Ingress, Remote::Group(id))];
    rules.extend(out.iter().map(|remote| rule(Direction::Egress, *remote)));
    let description = "default VPC security group".to_owned();
    let created_at = draft.now;
    let (owner, descriptions) = (owner.clone(), BTreeMap::new());
    let group = SecurityGroup { id, owner, name, description, created_at, vpc, rules, descriptions, default: true };
    link(draft, &group, &Uses::default(), &Uses::of(&group.rules, id));
    insert(draft, &group);
    Ok(id)
}

/// A VPC that routes by tables has got its first IPv6 range: its default group lets that out too, if it still lets out what it did
/// at first. So it is in EC2.
pub(super) fn let_ipv6_out(draft: &mut Draft<'_>, vpc: &Vpc) -> Result<(), DecideError> {
    if vpc.implied_ways {
        return Ok(());
    }
    let mut group: SecurityGroup = draft.get(vpc.default_group)?;
    let everywhere = |net: IpNet| NewRule { remote: Remote::Net(net), ..NewRule::ALL_OUT };
    let (v4, v6) = (everywhere(Ipv4Net::default().into()), everywhere(Ipv6Net::default().into()));
    let egress: Vec<&Rule> = group.rules.iter().filter(|rule| rule.direction == Direction::Egress).collect();
    let is_untouched = |rule: &Rule| (rule.protocol, rule.remote, rule.local) == (v4.protocol, v4.remote, v4.local);
    if let [only] = egress[..]
        && is_untouched(only)
    {
        match apply(draft, &mut group, RulesChange::add(vec![v6])) {
            Ok(()) => draft.put(&group),
            // It has no room for one more. Who asks for a range has not named it, and gets the range.
            Err(DecideError::Refused(Refusal::Limit { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn insert(draft: &mut Draft<'_>, group: &SecurityGroup) {
    draft.insert(group);
    let key = format!("{}{}", record::groups_of_vpc(group.vpc), group.id);
    draft.put_raw(key, group.id.to_string().into_bytes());
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: SecurityGroupId,
    update: UpdateSecurityGroup,
) -> Result<SecurityGroup, DecideError> {
    let mut group: SecurityGroup = draft.get(id)?;
    if let Some(name) = update.name {
        change_name::<SecurityGroup>(draft, &group.name, &name, &group.vpc.to_string(), SCOPE_WORDS, id)?;
        group.name = name;
    }
    if let Some(description) = update.description {
        check_description(&description)?;
        group.description = description;
    }
    draft.put(&group);
    Ok(group)
}

/// That a description fits and shows in one line.
pub(super) fn check_description(text: &str) -> Result<(), Refusal> {
    if text.chars().count() > DESCRIPTION_LENGTH || text.chars().any(char::is_control) {
        let rule = format!("a description has at most {DESCRIPTION_LENGTH} characters and no control characters");
        return Err(Refusal::invalid("description", text, rule));
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: SecurityGroupId) -> Result<SecurityGroup, DecideError> {
    let group: SecurityGroup = draft.get(id)?;
    if group.default {
        let rule = "it goes with its VPC";
        return Err(Refusal::IsDefault { noun: Noun::SecurityGroup, id: id.to_string(), vpc: group.vpc, rule }.into());
    }
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::SecurityGroup, id: id.to_string(), holder, remedy };
    if let Some(vni) = draft.first::<VniId>(&record::vnis_of_group(id))? {
        return Err(in_use(Holder::Vni(vni), "take it off its interfaces first").into());
    }
    if let Some(other) = draft.first::<SecurityGroupId>(&record::groups_of_group(id))? {
        return Err(in_use(Holder::SecurityGroup(other), "delete the rules that name it as their remote first").into());
    }
    erase(draft, &group);
    Ok(group)
}

/// Removes a group with everything that it occupies.
pub(super) fn erase(draft: &mut Draft<'_>, group: &SecurityGroup) {
    link(draft, group, &Uses::of(&group.rules, group.id), &Uses::default());
    draft.delete_raw(record::name_key::<SecurityGroup>(&group.vpc.to_string(), &group.name));
    draft.delete_raw(format!("{}{}", record::groups_of_vpc(group.vpc), group.id));
    draft.remove(group);
}

pub(super) fn change_rules(
    draft: &mut Draft<'_>,
    id: SecurityGroupId,
    asked: RulesChange,
) -> Result<SecurityGroup, DecideError> {
    let mut group: SecurityGroup = draft.get(id)?;
    let before = group.clone();
    apply(draft, &mut group, asked)?;
    if group != before {
        draft.put(&group);
    }
    Ok(group)
}

/// Changes a group's rules, checks them as they are then, and keeps the indices of what they refer to.
fn apply(draft: &mut Draft<'_>, group: &mut SecurityGroup, asked: RulesChange) -> Result<(), DecideError> {
    // Before any is compared with the others, which takes the square of how many there are.
    limits::check_rules_of_group(group.id, new_rules(&asked))?;
    let before = Uses::of(&group.rules, group.id);
    let weights = rule_quota::Weights::of(draft, &group.rules)?;
    let place = |rules: &[Rule], id: RuleId| {
        rules
            .iter()
            .position(|rule| rule.id == id)
            .ok_or_else(|| Refusal::NotFound { noun: Noun::SecurityGroupRule, id: id.to_string() })
    };
    match asked {
        RulesChange::Edit { remove, replace, add } => {
            for id in remove {
                let at = place(&group.rules, id)?;
                group.rules.remove(at);
            }
            for (id, new) in replace {
                let at = place(&group.rules, id)?;
                group.rules[at] = with_id(&mut group.descriptions, id, new);
            }
            for new in add {
                let rule = with_id(&mut group.descriptions, RuleId::new(draft.ids), new);
                group.rules.push(rule);
            }
        }
        RulesChange::Set(rules) => {
            let mut old = std::mem::take(&mut group.rules);
            for new in rules {
                let said = NewRule { description: None, ..new.clone() };
                let kept = old.iter().position(|rule| says(rule) == said).map(|at| old.swap_remove(at));
                let id = kept.map_or_else(|| RuleId::new(draft.ids), |rule| rule.id);
                group.rules.push(with_id(&mut group.descriptions, id, new));
            }
        }
    }
    let after = Uses::of(&group.rules, group.id);
    group.descriptions.retain(|id, _| after.rules.contains(id));
    check(draft, group, &after)?;
    weights.check_growth(draft, group)?;
    link(draft, group, &before, &after);
    Ok(())
}

/// How many rules a change brings.
fn new_rules(asked: &RulesChange) -> usize {
    match asked {
        RulesChange::Edit { add, .. } => add.len(),
        RulesChange::Set(rules) => rules.len(),
    }
}

/// A rule with this id; what it is for is noted beside.
fn with_id(descriptions: &mut BTreeMap<RuleId, String>, id: RuleId, new: NewRule) -> Rule {
    let NewRule { direction, protocol, remote, local, description } = new;
    match description {
        Some(text) if text.is_empty() => drop(descriptions.remove(&id)),
        Some(text) => drop(descriptions.insert(id, text)),
        None => {}
    }
    Rule { id, direction, protocol, remote, local }
}

/// What a rule says, whatever its id.
fn says(rule: &Rule) -> NewRule {
    let Rule { id: _, direction, protocol, remote, local } = *rule;
    NewRule { direction, protocol, remote, local, description: None }
}

/// Checks all rules of a group together and what they refer to.
fn check(draft: &mut Draft<'_>, group: &SecurityGroup, uses: &Uses) -> Result<(), DecideError> {
    for id in &uses.groups {
        let other: SecurityGroup = draft.get(*id)?;
        if other.vpc != group.vpc {
            let (noun, id) = (Noun::SecurityGroup, id.to_string());
            return Err(Refusal::OtherVpc { noun, id, vpc: other.vpc, needed: group.vpc }.into());
        }
    }
    for description in group.descriptions.values() {
        check_description(description)?;
    }
    let mut weight = 0usize;
    for (position, rule) in group.rules.iter().enumerate() {
        let said = says(rule);
        let list = match rule.remote {
            Remote::PrefixList(id) => {
                let list: PrefixList = draft.get(id)?;
                same_owner("remote", id, &list.owner, &group.owner)?;
                Some(list)
            }
            Remote::Any | Remote::Net(_) | Remote::Group(_) => None,
        };
        rules::check_rule(&said, list.as_ref().map(|list| list.family))?;
        if let Some(twin) = group.rules[..position].iter().find(|other| says(other) == said) {
            let (holder, rule) = (Holder::SecurityGroup(group.id), twin.id.to_string());
            return Err(Refusal::DuplicateRule { holder, rule }.into());
        }
        weight += list.map_or(1, |list| list.max_entries as usize);
    }
    Ok(limits::check_rules_of_group(group.id, weight)?)
}

/// That a group still fits when a prefix list that it refers to may hold `max_entries`.
pub(super) fn check_list_grows(
    draft: &mut Draft<'_>,
    id: SecurityGroupId,
    list: PrefixListId,
    max_entries: u32,
) -> Result<(), DecideError> {
    let group: SecurityGroup = draft.get(id)?;
    let mut weight = 0usize;
    for rule in &group.rules {
        weight += match rule.remote {
            Remote::PrefixList(own) if own == list => max_entries as usize,
            Remote::PrefixList(other) => draft.get::<PrefixList>(other)?.max_entries as usize,
            Remote::Any | Remote::Net(_) | Remote::Group(_) => 1,
        };
    }
    limits::check_rules_of_group(id, weight)?;
    rule_quota::check_list_grows(draft, &group, list, max_entries)
}

/// A group's rules, and what they refer to beside the group itself.
#[derive(Default)]
struct Uses {
    rules: BTreeSet<RuleId>,
    groups: BTreeSet<SecurityGroupId>,
    lists: BTreeSet<PrefixListId>,
}

impl Uses {
    fn of(rules: &[Rule], own: SecurityGroupId) -> Uses {
        let mut uses = Uses::default();
        for rule in rules {
            uses.rules.insert(rule.id);
            match rule.remote {
                Remote::Group(group) if group != own => drop(uses.groups.insert(group)),
                Remote::PrefixList(list) => drop(uses.lists.insert(list)),
                Remote::Group(_) | Remote::Any | Remote::Net(_) => {}
            }
        }
        uses
    }

    /// The keys that say so.
    fn keys(&self, own: SecurityGroupId) -> BTreeSet<String> {
        let rules = self.rules.iter().map(|rule| record::group_of_rule_key(*rule));
        let groups = self.groups.iter().map(|group| format!("{}{own}", record::groups_of_group(*group)));
        let lists = self.lists.iter().map(|list| format!("{}{own}", record::groups_of_prefix_list(*list)));
        rules.chain(groups).chain(lists).collect()
    }
}

fn link(draft: &mut Draft<'_>, group: &SecurityGroup, before: &Uses, after: &Uses) {
    let (keys_before, keys_after) = (before.keys(group.id), after.keys(group.id));
    for key in keys_before.difference(&keys_after) {
        draft.delete_raw(key.clone());
    }
    for key in keys_after.difference(&keys_before) {
        draft.put_raw(key.clone(), group.id.to_string().into_bytes());
    }
    let mut note = |id: &RuleId, made| {
        draft.note_part(Noun::SecurityGroupRule, record::GROUP_OF_RULE, id.to_string(), &group.owner, made);
    };
    before.rules.difference(&after.rules).for_each(|id| note(id, false));
    after.rules.difference(&before.rules).for_each(|id| note(id, true));
}
