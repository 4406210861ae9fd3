//! `/floating_ips`, and `/virtual_network_interfaces/{id}/floating_ips`.

use std::net::Ipv4Addr;

use pintle_core::command::{Command, CreateFloatingIp, FloatingIpChoice};
use pintle_core::id::{FloatingIpId, VniId};
use pintle_core::legality::Manner;
use pintle_core::model::FloatingIp;
use pintle_core::txn::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::{InterfaceIdentity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use super::reference::Reference;
use super::security_group::{Target, floating_ip_target};
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{FloatingIpView, Page, TargetView};
use crate::wire::{Text, given, removable, timestamp};

/// The URL of a floating IP.
pub fn href(site: &Site, id: FloatingIpId) -> String {
    site.href(format_args!("floating_ips/{id}"))
}

/// The CRN of a floating IP: a zonal resource.
pub fn crn(site: &Site, ip: &FloatingIp) -> String {
    site.crn(&ip.owner, &ip.zone, "floating-ip", ip.id)
}

/// Body of `POST /floating_ips`: with a zone, or with the interface that it is to lead to. `address` is ours.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FloatingIPPrototype")]
pub struct Create {
    name: Option<String>,
    zone: Option<ZoneIdentity>,
    target: Option<InterfaceIdentity>,
    address: Option<Text<Ipv4Addr>>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for another resource group, when neither zone nor target is there, or when the target does not exist.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        if self.zone.is_none() && self.target.is_none() && self.address.is_none() {
            return Err(Problem::field("zone", "it is needed unless 'target' tells it"));
        }
        let target = self.target.map(|target| target.resolve(snapshot)).transpose()?;
        Ok(Command::CreateFloatingIp(CreateFloatingIp {
            name: self.name,
            zone: self.zone.map(|zone| zone.0),
            address: self.address.map(|Text(address)| address),
            target: target.map(|vni| FloatingIpChoice::primary(vni, Manner::PerInterface)),
        }))
    }
}

/// Body of `PATCH /floating_ips/{id}`; `target` `null` lets it lead nowhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FloatingIPPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "removable")]
    target: Option<Option<InterfaceIdentity>>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    ///
    /// # Errors
    /// As [`Create::command`] for the target.
    pub fn command(self, snapshot: &dyn Snapshot, id: FloatingIpId) -> Result<Option<Command>, Problem> {
        let rename = self.name.map(|name| Command::RenameFloatingIp(id, name));
        let lead = match self.target {
            Some(Some(target)) => Some(lead_to(id, target.resolve(snapshot)?)),
            Some(None) => Some(Command::DisassociateFloatingIp(id)),
            None => None,
        };
        Ok(match (lead, rename) {
            // What it is called by in the audit log comes first.
            (Some(lead), Some(rename)) => Some(Command::Batch(vec![lead, rename])),
            (lead, rename) => lead.or(rename),
        })
    }
}

/// A floating IP to an interface's primary address, away from wherever it leads: what `PATCH`, and `PUT …/floating_ips/{id}`
/// of an instance's interface, ask for.
pub fn lead_to(id: FloatingIpId, vni: VniId) -> Command {
    lead(id, vni, true)
}

/// As [`lead_to`], if it leads nowhere else: what `PUT …/floating_ips/{id}` of an interface itself asks for.
pub fn add_to(id: FloatingIpId, vni: VniId) -> Command {
    lead(id, vni, false)
}

fn lead(id: FloatingIpId, vni: VniId, reassociate: bool) -> Command {
    let target = FloatingIpChoice::primary(vni, Manner::PerInterface);
    Command::AssociateFloatingIp { id, target, reassociate, displace: false }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FloatingIP")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    address: String,
    status: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<TargetShape>,
    zone: Reference,
    resource_group: Reference,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "FloatingIPTarget")]
pub(in crate::ibm) enum TargetShape {
    Vni(Box<Target>),
    PublicGateway(Box<Reference>),
}

/// The floating IP as replies show it.
pub fn encode(site: &Site, view: &FloatingIpView) -> Value {
    let ip = &view.ip;
    json!(Shape {
        id: ip.id.to_string(),
        crn: crn(site, ip),
        href: href(site, ip.id),
        name: ip.name.clone(),
        address: ip.address.to_string(),
        status: "available",
        created_at: timestamp(ip.created_at),
        target: view.target.as_ref().map(|found| match found {
            TargetView::Vni { member, .. } => TargetShape::Vni(Box::new(floating_ip_target(site, member))),
            TargetView::PublicGateway(gateway) => {
                TargetShape::PublicGateway(Box::new(Reference::public_gateway(site, gateway)))
            }
        }),
        zone: Reference::zone(site, &ip.zone),
        resource_group: Reference::resource_group(site),
    })
}

/// A page of floating IPs.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<FloatingIpView>) -> Value {
    collection::encode(site, "floating_ips", "floating_ips", paging, page, |view| encode(site, view))
}

/// The floating IP as its interface shows it.
pub fn encode_reference(site: &Site, ip: &FloatingIp) -> Value {
    json!(Reference::floating_ip(site, ip))
}
