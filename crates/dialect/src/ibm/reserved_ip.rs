//! `/subnets/{id}/reserved_ips`.

use std::net::IpAddr;

use pintle_core::command::{Command, CreateReservedIp, UpdateReservedIp};
use pintle_core::id::{ReservedIpId, SubnetId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{ReservedBy, ReservedIp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::Identity;
use super::reference::Reference;
use super::{Site, collection};
use crate::view::{Page, ReservedIpView};
use crate::wire::{Text, given, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "subnet_reserved_ip";

/// The URL of a reserved IP.
pub fn href(site: &Site, ip: &ReservedIp) -> String {
    site.href(format_args!("subnets/{}/reserved_ips/{}", ip.subnet, ip.id))
}

/// Body of `POST /subnets/{id}/reserved_ips`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReservedIPPrototype")]
pub struct Create {
    address: Option<Text<IpAddr>>,
    auto_delete: Option<bool>,
    name: Option<String>,
    target: Option<Identity<VniId>>,
}

impl Create {
    /// What it asks for.
    pub fn command(self, subnet: SubnetId) -> Command {
        Command::CreateReservedIp(CreateReservedIp {
            subnet,
            address: self.address.map(|Text(address)| address),
            name: self.name,
            auto_delete: self.auto_delete.unwrap_or(false),
            target: self.target.map(|Identity(id)| id),
        })
    }
}

/// Body of `PATCH /subnets/{id}/reserved_ips/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReservedIPPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    auto_delete: Option<bool>,
}

impl Update {
    /// What it asks for.
    pub fn command(self, id: ReservedIpId) -> Command {
        Command::UpdateReservedIp(id, UpdateReservedIp { name: self.name, auto_delete: self.auto_delete })
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReservedIP")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    address: String,
    auto_delete: bool,
    owner: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Reference>,
}

/// The reserved IP as replies show it.
pub fn encode(site: &Site, view: &ReservedIpView) -> Value {
    let ip = &view.ip;
    json!(Shape {
        id: ip.id.to_string(),
        href: href(site, ip),
        name: ip.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(ip.created_at),
        // A reservation is there or it isn't: no host takes part in it.
        lifecycle_state: Lifecycle::Stable.label(),
        address: ip.address.to_string(),
        auto_delete: ip.auto_delete,
        owner: match ip.reserved_by {
            ReservedBy::User => "user",
            ReservedBy::Provider => "provider",
        },
        target: view.target.as_ref().map(|vni| Reference::interface(site, vni, view.child.as_ref())),
    })
}

/// A page of a subnet's reserved IPs.
pub fn encode_page(site: &Site, subnet: SubnetId, paging: &collection::Paging, page: &Page<ReservedIpView>) -> Value {
    let path = format!("subnets/{subnet}/reserved_ips");
    collection::encode(site, &path, "reserved_ips", paging, page, |view| encode(site, view))
}
