//! `/subnets`.

use ipnet::Ipv4Net;
use pintle_core::command::{Command, PlaceSubnet, SubnetRange, UpdateSubnet};
use pintle_core::id::{NetworkAclId, PublicGatewayId, RouteTableId, SubnetId, VpcId};
use pintle_core::model::Subnet;
use pintle_core::txn::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use super::reference::Reference;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{self, Page, SubnetView};
use crate::wire::{Text, given, removable, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "subnet";

/// The URL of a subnet.
pub fn href(site: &Site, id: SubnetId) -> String {
    site.href(format_args!("subnets/{id}"))
}

/// The CRN of a subnet: a zonal resource.
pub fn crn(site: &Site, subnet: &Subnet) -> String {
    site.crn(&subnet.owner, &subnet.zone, "subnet", subnet.id)
}

/// Body of `POST /subnets`: with a range, or with how many addresses it is to have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SubnetPrototype")]
pub struct Create {
    name: Option<String>,
    vpc: Identity<VpcId>,
    zone: Option<ZoneIdentity>,
    ipv4_cidr_block: Option<Text<Ipv4Net>>,
    total_ipv4_address_count: Option<u32>,
    ip_version: Option<String>,
    network_acl: Option<Identity<NetworkAclId>>,
    public_gateway: Option<Identity<PublicGatewayId>>,
    routing_table: Option<Identity<RouteTableId>>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for. Without `zone` the address prefix that the range lies in tells it, which takes a look at the store.
    ///
    /// # Errors
    /// [`Problem`] for another IP version or resource group, and for none or two of what says the range.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        if self.ip_version.as_deref().is_some_and(|version| version != "ipv4") {
            return Err(Problem::field("ip_version", "it must be 'ipv4'"));
        }
        let range = match (self.ipv4_cidr_block, self.total_ipv4_address_count) {
            (Some(Text(cidr)), None) => SubnetRange::Net(cidr),
            (None, Some(count)) => SubnetRange::Count(count),
            (None, None) => {
                let rule = "it is needed, or else 'total_ipv4_address_count'";
                return Err(Problem::field("ipv4_cidr_block", rule));
            }
            (Some(_), Some(_)) => {
                let rule = "it can't be given beside 'ipv4_cidr_block', which says it";
                return Err(Problem::field("total_ipv4_address_count", rule));
            }
        };
        let Identity(vpc) = self.vpc;
        let zone = match (self.zone, range) {
            (Some(zone), _) => Some(zone.0),
            (None, SubnetRange::Net(cidr)) => view::address_prefixes(snapshot, vpc)?
                .into_iter()
                .find(|view| view.prefix.cidr.contains(&cidr))
                .map(|view| view.prefix.zone),
            (None, SubnetRange::Count(_)) => None,
        };
        let zone = zone.ok_or_else(|| {
            Problem::field("zone", "it is needed: no address prefix of the VPC tells in which zone the range is")
        })?;
        Ok(Command::PlaceSubnet(PlaceSubnet {
            vpc,
            name: self.name,
            zone,
            range,
            acl: self.network_acl.map(|Identity(id)| id),
            public_gateway: self.public_gateway.map(|Identity(id)| id),
            route_table: self.routing_table.map(|Identity(id)| id),
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
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Identity<RouteTableId>")]
    routing_table: Option<Identity<RouteTableId>>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: SubnetId) -> Option<Command> {
        let update = UpdateSubnet {
            name: self.name,
            acl: self.network_acl.map(|Identity(acl)| acl),
            public_gateway: self.public_gateway.map(|gateway| gateway.map(|Identity(gateway)| gateway)),
            route_table: self.routing_table.map(|Identity(table)| table),
            ..UpdateSubnet::default()
        };
        (update != UpdateSubnet::default()).then_some(Command::UpdateSubnet(id, update))
    }
}

/// What `PUT /subnets/{id}/network_acl` asks for.
pub fn set_network_acl(id: SubnetId, acl: NetworkAclId) -> Command {
    Command::UpdateSubnet(id, UpdateSubnet { acl: Some(acl), ..UpdateSubnet::default() })
}

/// What `PUT /subnets/{id}/routing_table` asks for.
pub fn set_routing_table(id: SubnetId, table: RouteTableId) -> Command {
    Command::UpdateSubnet(id, UpdateSubnet { route_table: Some(table), ..UpdateSubnet::default() })
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
    routing_table: Reference,
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
        routing_table: Reference::routing_table(site, &view.route_table),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &subnet.zone),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of subnets.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<SubnetView>) -> Value {
    collection::encode(site, "subnets", "subnets", paging, page, |view| encode(site, view))
}
