//! `/network_acls`.

mod rule;

pub(in crate::ibm) use rule::Shape as RuleShape;
pub use rule::{RulePatch, RulePut, encode_rule, encode_rule_page, of_direction, rule_href};

use pintle_core::command::{Command, CreateNetworkAcl};
use pintle_core::id::{NetworkAclId, VpcId};
use pintle_core::model::NetworkAcl;
use pintle_core::query;
use pintle_core::txn::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{Identity, ResourceGroupIdentity, check_resource_group};
use super::reference::Reference;
use super::version::Version;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{NetworkAclView, Page};
use crate::wire::{given, timestamp};

/// The URL of a network ACL.
pub fn href(site: &Site, id: NetworkAclId) -> String {
    site.href(format_args!("network_acls/{id}"))
}

/// The CRN of a network ACL: a regional resource.
pub fn crn(site: &Site, acl: &NetworkAcl) -> String {
    site.crn(&acl.owner, &acl.owner.region, "network-acl", acl.id)
}

/// Body of `POST /network_acls`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkACLPrototype")]
pub struct Create {
    name: Option<String>,
    vpc: Identity<VpcId>,
    rules: Option<Vec<RulePut>>,
    source_network_acl: Option<Identity<NetworkAclId>>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for; the rules of another ACL are read for a copy.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured or that contradicts another, or when the ACL to copy does not
    /// exist.
    pub fn command(self, version: &Version, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        let rules = match (self.rules, self.source_network_acl) {
            (Some(_), Some(_)) => {
                return Err(Problem::field("source_network_acl", "it can't stand beside 'rules'"));
            }
            (rules, None) => rules
                .unwrap_or_default()
                .into_iter()
                .enumerate()
                .map(|(position, rule)| rule.new_rule(version, &format!("rules[{position}].")))
                .collect::<Result<_, Problem>>()?,
            (None, Some(Identity(source))) => {
                let (source, _) = query::get::<NetworkAcl>(snapshot, source)?;
                source.rules.iter().map(rule::copy).collect()
            }
        };
        Ok(Command::CreateNetworkAcl(CreateNetworkAcl { vpc: self.vpc.0, name: self.name, rules }))
    }
}

/// Body of `PATCH /network_acls/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkACLPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: NetworkAclId) -> Option<Command> {
        self.name.map(|name| Command::RenameNetworkAcl(id, name))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NetworkACL")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    created_at: String,
    #[schemars(with = "Vec<RuleShape>")]
    rules: Vec<Value>,
    subnets: Vec<Reference>,
    vpc: Reference,
    resource_group: Reference,
}

/// The ACL as replies show it.
pub fn encode(site: &Site, view: &NetworkAclView, version: &Version) -> Value {
    let acl = &view.acl;
    json!(Shape {
        id: acl.id.to_string(),
        crn: crn(site, acl),
        href: href(site, acl.id),
        name: acl.name.clone(),
        created_at: timestamp(acl.created_at),
        rules: acl.rules.iter().map(|rule| encode_rule(site, acl, rule, version)).collect(),
        subnets: view.subnets.iter().map(|subnet| Reference::subnet(site, subnet)).collect(),
        vpc: Reference::vpc(site, &view.vpc),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of ACLs.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<NetworkAclView>, version: &Version) -> Value {
    collection::encode(site, "network_acls", "network_acls", paging, page, |view| encode(site, view, version))
}
