//! `POST /bare_metal_servers`.

use pintle_core::command::{Command, CreateInstance};
use pintle_core::id::VpcId;
use pintle_core::model::Role;
use pintle_core::txn::Snapshot;
use schemars::JsonSchema;
use serde::Deserialize;

use super::attachment;
use super::initialization::Initialization;
use super::profile::{self, ProfileIdentity};
use crate::ibm::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use crate::problem::Problem;
use crate::view::vpc_of_interface;

/// The body: a server with network attachments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerPrototype")]
pub struct Create {
    name: Option<String>,
    zone: ZoneIdentity,
    vpc: Option<Identity<VpcId>>,
    profile: ProfileIdentity,
    #[serde(rename = "initialization")]
    _initialization: Option<Initialization>,
    bandwidth: Option<u32>,
    primary_network_attachment: attachment::Create,
    #[serde(default)]
    network_attachments: Vec<attachment::Create>,
    resource_group: Option<ResourceGroupIdentity>,
}

/// Megabits (1,000,000 bits) per second as the core counts them.
pub(super) fn kbps(mbps: u32) -> Result<u32, Problem> {
    mbps.checked_mul(1000).ok_or_else(|| Problem::field("bandwidth", "it must be at most 4294967 megabits per second"))
}

impl Create {
    /// What it asks for. Without `vpc` the primary attachment's interface tells the VPC, which takes a look at the store.
    ///
    /// # Errors
    /// [`Problem`] naming the field that this server can't honour, or the resource that doesn't exist.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        profile::check(&self.profile)?;
        let primary = self.primary_network_attachment.primary("primary_network_attachment.")?;
        let attachments = self
            .network_attachments
            .into_iter()
            .enumerate()
            .map(|(position, new)| new.new_attachment(&format!("network_attachments[{position}].")))
            .collect::<Result<_, Problem>>()?;
        let vpc = match self.vpc {
            Some(Identity(vpc)) => vpc,
            None => vpc_of_interface(snapshot, &primary.vni)?.ok_or_else(|| {
                Problem::field("vpc", "it is needed: the primary network attachment names no subnet to take it from")
            })?,
        };
        Ok(Command::CreateInstance(CreateInstance {
            name: self.name,
            role: Role::BareMetal,
            zone: Some(self.zone.0),
            bandwidth_kbps: self.bandwidth.map(kbps).transpose()?,
            primary: Some(primary),
            attachments,
            ..CreateInstance::of(vpc)
        }))
    }
}
