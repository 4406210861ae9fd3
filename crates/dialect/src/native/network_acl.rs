//! Network ACLs with their rules as people write them.

use pintle_core::command::{AclPlace, AclRulePut, AclRulesChange, Command, CreateNetworkAcl, NewAclRule};
use pintle_core::id::{AclRuleId, NetworkAclId};
use pintle_core::model::{NetworkAcl, NetworkAclRule, Vpc};
use pintle_core::policy::{AclAction, AclRule};
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Named;
use crate::acl_text::AclText;
use crate::problem::Problem;
use crate::view::{NetworkAclView, resolve};
use crate::wire::{Written, given, timestamp};

/// A rule with what it is called and where it goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    rule: Written<AclText>,
    name: Option<String>,
    number: Option<u16>,
    before: Option<Written<AclRuleId>>,
}

impl Put {
    fn new_rule(self) -> NewAclRule {
        let Written(text) = self.rule;
        NewAclRule {
            name: self.name,
            number: self.number,
            action: text.action,
            direction: text.direction,
            protocol: text.protocol,
            source_ports: text.source_ports,
            source: text.source,
            destination: text.destination,
        }
    }
}

/// Body of `POST /native/v1/network_acls`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    vpc: String,
    name: Option<String>,
    #[serde(default)]
    rules: Vec<Put>,
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or a rule with `before`: a new ACL's are in order.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let vpc = resolve::<Vpc>(snapshot, &self.vpc)?;
        let rules = in_order(self.rules, "rules")?;
        Ok(Command::CreateNetworkAcl(CreateNetworkAcl { vpc, name: self.name, rules }))
    }
}

fn in_order(rules: Vec<Put>, field: &str) -> Result<Vec<NewAclRule>, Problem> {
    let placed = rules.iter().position(|rule| rule.before.is_some());
    match placed {
        Some(position) => {
            Err(Problem::field(format!("{field}[{position}].before"), "the rules are in the order given"))
        }
        None => Ok(rules.into_iter().map(Put::new_rule).collect()),
    }
}

/// Body of `PATCH /native/v1/network_acls/{acl}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: NetworkAclId) -> Option<Command> {
        self.name.map(|name| Command::RenameNetworkAcl(id, name))
    }
}

/// Body of `…/actions/change_rules`: all of it or nothing. `remove` takes ids, names, or rules as they are written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRules {
    #[serde(default)]
    add: Vec<Put>,
    #[serde(default)]
    remove: Vec<String>,
    set: Option<Vec<Put>>,
}

impl ChangeRules {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for a rule that is not there, or `set` beside the others.
    pub fn command(self, snapshot: &dyn Snapshot, id: NetworkAclId) -> Result<Command, Problem> {
        let (acl, _) = query::get::<NetworkAcl>(snapshot, id)?;
        if let Some(set) = self.set {
            if !self.add.is_empty() || !self.remove.is_empty() {
                return Err(Problem::field(
                    "set",
                    "it says all rules there are to be, so nothing can be added or removed beside",
                ));
            }
            return Ok(Command::ChangeAclRules(id, AclRulesChange::Set(in_order(set, "set")?)));
        }
        let remove = self
            .remove
            .iter()
            .enumerate()
            .map(|(position, text)| existing(&acl, text, &format!("remove[{position}]")))
            .collect::<Result<_, Problem>>()?;
        let put = |put: Put| {
            let place = put.before.map_or(AclPlace::Natural, |Written(before)| AclPlace::Before(before));
            AclRulePut { rule: put.new_rule(), place }
        };
        let add = self.add.into_iter().map(put).collect();
        Ok(Command::ChangeAclRules(id, AclRulesChange::Edit { remove, replace: Vec::new(), add }))
    }
}

/// The rule of an ACL that a text means: its id, its name, or what it says.
fn existing(acl: &NetworkAcl, text: &str, field: &str) -> Result<AclRuleId, Problem> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let said = |rule: &&NetworkAclRule| rule.name == text || text.parse() == Ok(written(&rule.rule));
    let found = acl.rules.iter().find(said);
    found
        .map(|rule| rule.rule.id)
        .ok_or_else(|| Problem::field(field, format!("{} has no rule '{}'", acl.id, crate::rule_text::short(text))))
}

fn written(rule: &AclRule) -> AclText {
    AclText {
        action: rule.action,
        direction: rule.direction,
        protocol: rule.protocol,
        source_ports: rule.source_ports,
        source: rule.source,
        destination: rule.destination,
    }
}

/// A rule as it is written.
pub fn write(rule: &AclRule) -> String {
    written(rule).to_string()
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    vpc: Named,
    default: bool,
    created_at: String,
    rules: Vec<RuleShape>,
    subnets: Vec<Named>,
}

#[derive(Serialize)]
struct RuleShape {
    id: String,
    name: String,
    number: Option<u16>,
    action: &'static str,
    rule: String,
}

/// The ACL as replies show it; the first rule of a direction that matches decides.
pub fn encode(view: &NetworkAclView) -> Value {
    let acl = &view.acl;
    let rule = |rule: &NetworkAclRule| RuleShape {
        id: rule.rule.id.to_string(),
        name: rule.name.clone(),
        number: rule.number,
        action: match rule.rule.action {
            AclAction::Allow => "allow",
            AclAction::Deny => "deny",
        },
        rule: write(&rule.rule),
    };
    json!(Shape {
        id: acl.id.to_string(),
        name: acl.name.clone(),
        vpc: Named::new(&view.vpc, &view.vpc.name),
        default: acl.default,
        created_at: timestamp(acl.created_at),
        rules: acl.rules.iter().map(rule).collect(),
        subnets: view.subnets.iter().map(|subnet| Named::new(subnet, &subnet.name)).collect(),
    })
}
