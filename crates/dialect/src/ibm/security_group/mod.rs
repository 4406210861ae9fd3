//! `/security_groups`.

mod rule;
mod target;

pub(in crate::ibm) use rule::Shape as RuleShape;
pub use rule::{RuleFields, RulePatch, encode_rule, encode_rules, rule_href};
pub use target::{Target, encode_target, encode_target_page, floating_ip_target, target};

use pintle_core::command::{Command, CreateSecurityGroup, UpdateSecurityGroup};
use pintle_core::id::{SecurityGroupId, VpcId};
use pintle_core::model::SecurityGroup;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{Identity, ResourceGroupIdentity, check_resource_group};
use super::reference::Reference;
use super::version::Version;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{Page, SecurityGroupView};
use crate::wire::{given, timestamp};

/// The URL of a security group.
pub fn href(site: &Site, id: SecurityGroupId) -> String {
    site.href(format_args!("security_groups/{id}"))
}

/// The CRN of a security group: a regional resource.
pub fn crn(site: &Site, group: &SecurityGroup) -> String {
    site.crn(&group.owner, &group.owner.region, "security-group", group.id)
}

/// IBM's rule of names is the same for all things; the core's for security groups is the wider one of EC2.
fn check_name(name: Option<&str>) -> Result<(), Problem> {
    name.map_or(Ok(()), |name| pintle_core::name::validate(name).map_err(Problem::Refused))
}

/// Body of `POST /security_groups`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityGroupPrototype")]
pub struct Create {
    name: Option<String>,
    vpc: Identity<VpcId>,
    rules: Option<Vec<RuleFields>>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured or that contradicts another.
    pub fn command(self, version: &Version) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        check_name(self.name.as_deref())?;
        let rules = self.rules.map(|rules| {
            let rule = |(position, rule): (usize, RuleFields)| rule.rule(version, &format!("rules[{position}]."));
            rules.into_iter().enumerate().map(rule).collect::<Result<Vec<_>, Problem>>()
        });
        Ok(Command::CreateSecurityGroup(CreateSecurityGroup {
            vpc: self.vpc.0,
            name: self.name,
            description: String::new(),
            rules: rules.transpose()?,
        }))
    }
}

/// Body of `PATCH /security_groups/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityGroupPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    ///
    /// # Errors
    /// [`Problem`] for a name that breaks the rule of names.
    pub fn command(self, id: SecurityGroupId) -> Result<Option<Command>, Problem> {
        check_name(self.name.as_deref())?;
        let update = |name| UpdateSecurityGroup { name: Some(name), description: None };
        Ok(self.name.map(|name| Command::UpdateSecurityGroup(id, update(name))))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecurityGroup")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    created_at: String,
    #[schemars(with = "Vec<RuleShape>")]
    rules: Vec<Value>,
    targets: Vec<Target>,
    vpc: Reference,
    resource_group: Reference,
}

/// The group as replies show it.
pub fn encode(site: &Site, view: &SecurityGroupView, version: &Version) -> Value {
    let group = &view.group;
    json!(Shape {
        id: group.id.to_string(),
        crn: crn(site, group),
        href: href(site, group.id),
        name: group.name.clone(),
        created_at: timestamp(group.created_at),
        rules: group.rules.iter().map(|rule| encode_rule(site, view, rule, version)).collect(),
        targets: view.members.iter().map(|member| target(site, member)).collect(),
        vpc: Reference::vpc(site, &view.vpc),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of groups.
pub fn encode_page(
    site: &Site,
    paging: &collection::Paging,
    page: &Page<SecurityGroupView>,
    version: &Version,
) -> Value {
    let key = "security_groups";
    collection::encode(site, key, key, paging, page, |view| encode(site, view, version))
}
