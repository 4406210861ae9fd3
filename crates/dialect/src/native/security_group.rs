//! Security groups with their rules as people write them.

use pintle_core::command::{Command, CreateSecurityGroup, NewRule, RulesChange, UpdateSecurityGroup};
use pintle_core::id::{RuleId, SecurityGroupId, VpcId};
use pintle_core::model::{PrefixList, SecurityGroup, Vpc};
use pintle_core::policy::{Remote, Rule};
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Named;
use crate::problem::Problem;
use crate::rule_text::{RemoteText, RuleText};
use crate::view::{SecurityGroupView, resolve, resolve_within};
use crate::wire::{Written, given, timestamp};

/// Body of `POST /native/v1/security_groups`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    vpc: String,
    name: Option<String>,
    #[serde(default)]
    description: String,
    rules: Option<Vec<Written<RuleText>>>,
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let vpc = resolve::<Vpc>(snapshot, &self.vpc)?;
        let rules = self.rules.map(|rules| new_rules(snapshot, vpc, rules)).transpose()?;
        let (name, description) = (self.name, self.description);
        Ok(Command::CreateSecurityGroup(CreateSecurityGroup { vpc, name, description, rules }))
    }
}

/// Body of `PATCH /native/v1/security_groups/{group}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    description: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: SecurityGroupId) -> Option<Command> {
        let update = UpdateSecurityGroup { name: self.name, description: self.description };
        (update != UpdateSecurityGroup::default()).then_some(Command::UpdateSecurityGroup(id, update))
    }
}

/// Body of `…/actions/change_rules`: all of it or nothing. `remove` takes ids of rules, or rules as they are written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRules {
    #[serde(default)]
    add: Vec<Written<RuleText>>,
    #[serde(default)]
    remove: Vec<String>,
    set: Option<Vec<Written<RuleText>>>,
}

impl ChangeRules {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, a rule that is not there, or `set` beside the others.
    pub fn command(self, snapshot: &dyn Snapshot, id: SecurityGroupId) -> Result<Command, Problem> {
        let (group, _) = query::get::<SecurityGroup>(snapshot, id)?;
        if let Some(set) = self.set {
            if !self.add.is_empty() || !self.remove.is_empty() {
                return Err(Problem::field(
                    "set",
                    "it says all rules there are to be, so nothing can be added or removed beside",
                ));
            }
            return Ok(Command::ChangeRules(id, RulesChange::Set(new_rules(snapshot, group.vpc, set)?)));
        }
        let remove = self
            .remove
            .iter()
            .enumerate()
            .map(|(position, text)| existing(snapshot, &group, text, &format!("remove[{position}]")))
            .collect::<Result<_, Problem>>()?;
        let add = new_rules(snapshot, group.vpc, self.add)?;
        Ok(Command::ChangeRules(id, RulesChange::Edit { remove, replace: Vec::new(), add }))
    }
}

/// The rule of a group that a text means: its id, or what it says.
fn existing(snapshot: &dyn Snapshot, group: &SecurityGroup, text: &str, field: &str) -> Result<RuleId, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let written = text.parse::<RuleText>().map_err(|detail| Problem::field(field, detail))?;
    let wanted = new_rule(snapshot, group.vpc, written)?;
    let same = |rule: &&Rule| {
        (rule.direction, rule.protocol, rule.remote, rule.local)
            == (wanted.direction, wanted.protocol, wanted.remote, wanted.local)
    };
    let found = group.rules.iter().find(same);
    found
        .map(|rule| rule.id)
        .ok_or_else(|| Problem::field(field, format!("{} has no rule '{}'", group.id, crate::rule_text::short(text))))
}

fn new_rules(snapshot: &dyn Snapshot, vpc: VpcId, rules: Vec<Written<RuleText>>) -> Result<Vec<NewRule>, Problem> {
    rules.into_iter().map(|Written(rule)| new_rule(snapshot, vpc, rule)).collect()
}

fn new_rule(snapshot: &dyn Snapshot, vpc: VpcId, rule: RuleText) -> Result<NewRule, Problem> {
    let remote = match rule.remote {
        RemoteText::Known(remote) => remote,
        RemoteText::GroupName(name) => Remote::Group(resolve_within::<SecurityGroup>(snapshot, &name, Some(vpc))?),
        RemoteText::PrefixListName(name) => Remote::PrefixList(resolve::<PrefixList>(snapshot, &name)?),
    };
    Ok(NewRule { direction: rule.direction, protocol: rule.protocol, remote, local: rule.local, description: None })
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    description: String,
    vpc: Named,
    default: bool,
    created_at: String,
    rules: Vec<RuleShape>,
    members: Vec<Named>,
}

#[derive(Serialize)]
struct RuleShape {
    id: String,
    rule: String,
}

/// A rule as it is written, with names where they can stand for ids.
pub fn write(view: &SecurityGroupView, rule: &Rule) -> String {
    let remote = match rule.remote {
        Remote::Group(id) => view.groups.get(&id).map(|group| RemoteText::group(id, &group.name)),
        Remote::PrefixList(id) => view.prefix_lists.get(&id).map(|list| RemoteText::prefix_list(id, &list.name)),
        Remote::Any | Remote::Net(_) => None,
    };
    let remote = remote.unwrap_or(RemoteText::Known(rule.remote));
    RuleText { direction: rule.direction, protocol: rule.protocol, remote, local: rule.local }.to_string()
}

/// The group as replies show it.
pub fn encode(view: &SecurityGroupView) -> Value {
    let group = &view.group;
    json!(Shape {
        id: group.id.to_string(),
        name: group.name.clone(),
        description: group.description.clone(),
        vpc: Named::new(&view.vpc, &view.vpc.name),
        default: group.default,
        created_at: timestamp(group.created_at),
        rules: group.rules.iter().map(|rule| RuleShape { id: rule.id.to_string(), rule: write(view, rule) }).collect(),
        members: view.members.iter().map(|member| Named::new(&member.vni, &member.vni.name)).collect(),
    })
}
