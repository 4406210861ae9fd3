//! `/subnets`.

use ipnet::Ipv4Net;
use pintle_core::command::{Command, CreateSubnet, UpdateSubnet};
use pintle_core::id::{NetworkAclId, PublicGatewayId, SubnetId, VpcId};
use pintle_core::model::Subnet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use super::reference::Reference;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{Page, SubnetView};
use crate::wire::{Text, given, removable, timestamp};

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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SubnetPrototype")]
pub struct Create {
    name: Option<String>,
    vpc: Identity<VpcId>,
    zone: ZoneIdentity,
    ipv4_cidr_block: Text<Ipv4Net>,
    ip_version: Option<String>,
    network_acl: Option<Identity<NetworkAclId>>,
    public_gateway: Option<Identity<PublicGatewayId>>,
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
        Ok(Command::CreateSubnet(CreateSubnet {
            vpc,
            name: self.name,
            zone: self.zone.0,
            cidr,
            ipv6: None,
            acl: self.network_acl.map(|Identity(id)| id),
            public_gateway: self.public_gateway.map(|Identity(id)| id),
        }))
    }
}

/// Body of `PATCH /subnets/{id}`; `public_gateway` `null` takes it away.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SubnetPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Identity<NetworkAclId>")]
    network_acl: Option<Identity<NetworkAclId>>,
    #[serde(default, deserialize_with = "removable")]
    public_gateway: Option<Option<Identity<PublicGatewayId>>>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: SubnetId) -> Option<Command> {
        let update = UpdateSubnet {
            name: self.name,
            acl: self.network_acl.map(|Identity(acl)| acl),
            public_gateway: self.public_gateway.map(|gateway| gateway.map(|Identity(gateway)| gateway)),
            ..UpdateSubnet::default()
        };
        (update != UpdateSubnet::default()).then_some(Command::UpdateSubnet(id, update))
    }
}

/// What `PUT /subnets/{id}/network_acl` asks for.
pub fn set_network_acl(id: SubnetId, acl: NetworkAclId) -> Command {
    Command::UpdateSubnet(id, UpdateSubnet { acl: Some(acl), ..UpdateSubnet::default() })
}

/// What `PUT` (with a gateway) and `DELETE /subnets/{id}/public_gateway` ask for.
pub fn set_public_gateway(id: SubnetId, gateway: Option<PublicGatewayId>) -> Command {
    Command::UpdateSubnet(id, UpdateSubnet { public_gateway: Some(gateway), ..UpdateSubnet::default() })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Subnet")]
pub(in crate::ibm) struct Shape {
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
    network_acl: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_gateway: Option<Reference>,
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
        network_acl: Reference::network_acl(site, &view.acl),
        public_gateway: view.public_gateway.as_ref().map(|gateway| Reference::public_gateway(site, gateway)),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &subnet.zone),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of subnets.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<SubnetView>) -> Value {
    collection::encode(site, "subnets", "subnets", paging, page, |view| encode(site, view))
}
