//! `/vpcs`.

use pintle_core::command::{Command, CreateVpc};
use pintle_core::id::VpcId;
use pintle_core::model::Vpc;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{ResourceGroupIdentity, check_resource_group};
use super::reference::Reference;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{Page, VpcView};
use crate::wire::{given, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "vpc";

/// The URL of a VPC.
pub fn href(site: &Site, id: VpcId) -> String {
    site.href(format_args!("vpcs/{id}"))
}

/// The CRN of a VPC: a regional resource.
pub fn crn(site: &Site, vpc: &Vpc) -> String {
    site.crn(&vpc.owner, &vpc.owner.region, "vpc", vpc.id)
}

/// Body of `POST /vpcs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VPCPrototype")]
pub struct Create {
    name: Option<String>,
    resource_group: Option<ResourceGroupIdentity>,
    classic_access: Option<bool>,
    address_prefix_management: Option<String>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for what this server doesn't have: classic access, other resource groups.
    pub fn command(self) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        if self.classic_access == Some(true) {
            return Err(Problem::field("classic_access", "it must be false: there is no classic infrastructure here"));
        }
        let zone_prefixes = match self.address_prefix_management.as_deref() {
            None | Some("auto") => true,
            Some("manual") => false,
            Some(_) => return Err(Problem::field("address_prefix_management", "it must be 'auto' or 'manual'")),
        };
        Ok(Command::CreateVpc(CreateVpc { name: self.name, zone_prefixes, ..CreateVpc::default() }))
    }
}

/// Body of `PATCH /vpcs/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VPCPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: VpcId) -> Option<Command> {
        self.name.map(|name| Command::RenameVpc(id, name))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VPC")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    status: &'static str,
    health_state: &'static str,
    health_reasons: [(); 0],
    classic_access: bool,
    cse_source_ips: [(); 0],
    default_network_acl: Reference,
    default_routing_table: Reference,
    default_security_group: Reference,
    dns: Value,
    public_address_ranges: [(); 0],
    resource_group: Reference,
}

/// The VPC as replies show it.
pub fn encode(site: &Site, view: &VpcView) -> Value {
    let vpc = &view.vpc;
    json!(Shape {
        id: vpc.id.to_string(),
        crn: crn(site, vpc),
        href: href(site, vpc.id),
        name: vpc.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(vpc.created_at),
        status: "available",
        health_state: "ok",
        health_reasons: [],
        classic_access: false,
        cse_source_ips: [],
        default_network_acl: Reference::network_acl(site, &view.default_acl),
        default_routing_table: Reference::routing_table(site, &view.main_table),
        default_security_group: Reference::security_group(site, &view.default_group),
        // There is no name server: guests hear of those that their VPC's DHCP options name.
        dns: json!({
            "enable_hub": false,
            "resolution_binding_count": 0,
            "resolver": { "type": "system", "configuration": "default", "servers": servers(vpc) },
        }),
        public_address_ranges: [],
        resource_group: Reference::resource_group(site),
    })
}

/// The name servers that guests are told of.
fn servers(vpc: &Vpc) -> Vec<Value> {
    vpc.dhcp.dns.iter().map(|address| json!({ "address": address.to_string() })).collect()
}

/// A page of VPCs.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<VpcView>) -> Value {
    collection::encode(site, "vpcs", "vpcs", paging, page, |view| encode(site, view))
}
