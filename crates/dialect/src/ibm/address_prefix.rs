//! `/vpcs/{id}/address_prefixes`.

use ipnet::Ipv4Net;
use pintle_core::command::{Command, NewAddressPrefix, UpdateAddressPrefix};
use pintle_core::id::{VpcId, VpcRangeId};
use pintle_core::model::AddressPrefix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::ZoneIdentity;
use super::reference::Reference;
use super::{Site, collection};
use crate::view::{AddressPrefixView, Page};
use crate::wire::{Text, given, timestamp};

/// The URL of an address prefix.
pub fn href(site: &Site, prefix: &AddressPrefix) -> String {
    site.href(format_args!("vpcs/{}/address_prefixes/{}", prefix.vpc, prefix.id))
}

/// Body of `POST /vpcs/{id}/address_prefixes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AddressPrefixPrototype")]
pub struct Create {
    cidr: Text<Ipv4Net>,
    zone: ZoneIdentity,
    is_default: Option<bool>,
    name: Option<String>,
}

impl Create {
    /// What it asks for.
    pub fn command(self, vpc: VpcId) -> Command {
        let Text(cidr) = self.cidr;
        let (zone, default) = (self.zone.0, self.is_default.unwrap_or(false));
        Command::AddAddressPrefix(vpc, NewAddressPrefix { name: self.name, zone, cidr, default })
    }
}

/// Body of `PATCH /vpcs/{id}/address_prefixes/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AddressPrefixPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    is_default: Option<bool>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: VpcRangeId) -> Option<Command> {
        let update = UpdateAddressPrefix { name: self.name, default: self.is_default };
        (update != UpdateAddressPrefix::default()).then_some(Command::UpdateAddressPrefix(id, update))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressPrefix")]
pub(in crate::ibm) struct Shape<'a> {
    id: String,
    href: String,
    name: &'a str,
    created_at: String,
    cidr: String,
    has_subnets: bool,
    is_default: bool,
    zone: Reference,
}

/// The address prefix as replies show it.
pub fn encode(site: &Site, view: &AddressPrefixView) -> Value {
    let prefix = &view.prefix;
    json!(Shape {
        id: prefix.id.to_string(),
        href: href(site, prefix),
        name: &prefix.name,
        created_at: timestamp(prefix.created_at),
        cidr: prefix.cidr.to_string(),
        has_subnets: view.has_subnets,
        is_default: prefix.default,
        zone: Reference::zone(site, &prefix.zone),
    })
}

/// A page of a VPC's address prefixes.
pub fn encode_page(site: &Site, vpc: VpcId, paging: &collection::Paging, page: &Page<AddressPrefixView>) -> Value {
    let path = format!("vpcs/{vpc}/address_prefixes");
    collection::encode(site, &path, "address_prefixes", paging, page, |view| encode(site, view))
}
