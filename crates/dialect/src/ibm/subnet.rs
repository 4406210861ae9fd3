//! `/subnets`.

use ipnet::Ipv4Net;
use pintle_core::command::{Command, CreateSubnet};
use pintle_core::id::{SubnetId, VpcId};
use pintle_core::model::Subnet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use super::reference::Reference;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{Page, SubnetView};
use crate::wire::{Text, given, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "subnet";

/// The URL of a subnet.
pub fn href(site: &Site, id: SubnetId) -> String {
    site.href(format_args!("subnets/{id}"))
}

/// The CRN of a subnet: a zonal resource.
pub fn crn(site: &Site, subnet: &Subnet) -> String {
    site.crn(&subnet.zone, "subnet", subnet.id)
}

/// Body of `POST /subnets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: Option<String>,
    vpc: Identity<VpcId>,
    zone: ZoneIdentity,
    ipv4_cidr_block: Text<Ipv4Net>,
    ip_version: Option<String>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for another IP version or resource group.
    pub fn command(self) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        if self.ip_version.as_deref().is_some_and(|version| version != "ipv4") {
            return Err(Problem::field("ip_version", "it must be 'ipv4'"));
        }
        let (Identity(vpc), Text(cidr)) = (self.vpc, self.ipv4_cidr_block);
        Ok(Command::CreateSubnet(CreateSubnet { vpc, name: self.name, zone: self.zone.0, cidr }))
    }
}

/// Body of `PATCH /subnets/{id}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: SubnetId) -> Option<Command> {
        self.name.map(|name| Command::RenameSubnet(id, name))
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    status: &'static str,
    ip_version: &'static str,
    ipv4_cidr_block: String,
    total_ipv4_address_count: u64,
    available_ipv4_address_count: u64,
    vpc: Reference,
    zone: Reference,
    resource_group: Reference,
}

/// The subnet as replies show it.
pub fn encode(site: &Site, view: &SubnetView) -> Value {
    let subnet = &view.subnet;
    json!(Shape {
        id: subnet.id.to_string(),
        crn: crn(site, subnet),
        href: href(site, subnet.id),
        name: subnet.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(subnet.created_at),
        status: "available",
        ip_version: "ipv4",
        ipv4_cidr_block: subnet.cidr.to_string(),
        total_ipv4_address_count: subnet.total_addresses(),
        available_ipv4_address_count: view.free,
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &subnet.zone),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of subnets.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<SubnetView>) -> Value {
    collection::encode(site, "subnets", "subnets", paging, page, |view| encode(site, view))
}
