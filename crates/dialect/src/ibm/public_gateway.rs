//! `/public_gateways`, and `/subnets/{id}/public_gateway`.

use pintle_core::command::{Command, CreatePublicGateway};
use pintle_core::id::{FloatingIpId, PublicGatewayId, VpcId};
use pintle_core::model::PublicGateway;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use super::reference::Reference;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{Page, PublicGatewayView};
use crate::wire::{given, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "public_gateway";

/// The URL of a public gateway.
pub fn href(site: &Site, id: PublicGatewayId) -> String {
    site.href(format_args!("public_gateways/{id}"))
}

/// The CRN of a public gateway: a zonal resource.
pub fn crn(site: &Site, gateway: &PublicGateway) -> String {
    site.crn(&gateway.owner, &gateway.zone, "public-gateway", gateway.id)
}

/// Body of `POST /public_gateways`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PublicGatewayPrototype")]
pub struct Create {
    name: Option<String>,
    vpc: Identity<VpcId>,
    zone: ZoneIdentity,
    floating_ip: Option<Identity<FloatingIpId>>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for another resource group.
    pub fn command(self) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        Ok(Command::CreatePublicGateway(CreatePublicGateway {
            name: self.name,
            vpc: self.vpc.0,
            zone: self.zone.0,
            floating_ip: self.floating_ip.map(|Identity(id)| id),
            host: None,
        }))
    }
}

/// Body of `PATCH /public_gateways/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PublicGatewayPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: PublicGatewayId) -> Option<Command> {
        self.name.map(|name| Command::RenamePublicGateway(id, name))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PublicGateway")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    status: &'static str,
    floating_ip: Reference,
    vpc: Reference,
    zone: Reference,
    resource_group: Reference,
}

/// The public gateway as replies show it.
pub fn encode(site: &Site, view: &PublicGatewayView) -> Value {
    let gateway = &view.gateway;
    json!(Shape {
        id: gateway.id.to_string(),
        crn: crn(site, gateway),
        href: href(site, gateway.id),
        name: gateway.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(gateway.created_at),
        status: "available",
        floating_ip: Reference::floating_ip(site, &view.floating_ip),
        vpc: Reference::vpc(site, &view.vpc),
        zone: Reference::zone(site, &gateway.zone),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of public gateways.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<PublicGatewayView>) -> Value {
    collection::encode(site, "public_gateways", "public_gateways", paging, page, |view| encode(site, view))
}
