//! `POST /instances`.

use pintle_core::command::{Command, CreateInstance};
use pintle_core::id::VpcId;
use pintle_core::model::Namespace;
use pintle_core::txn::Snapshot;
use schemars::JsonSchema;
use serde::Deserialize;

use super::PROFILE;
use crate::ibm::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use crate::ibm::network_attachment;
use crate::problem::Problem;
use crate::view::vpc_of_interface;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstancePrototype")]
pub struct Create {
    name: Option<String>,
    zone: ZoneIdentity,
    vpc: Option<Identity<VpcId>>,
    profile: Option<ProfileIdentity>,
    primary_network_attachment: network_attachment::Create,
    #[serde(default)]
    network_attachments: Vec<network_attachment::Create>,
    resource_group: Option<ResourceGroupIdentity>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstanceProfileIdentity")]
pub(in crate::ibm) struct ProfileIdentity {
    name: String,
}

impl Create {
    /// What it asks for. Without `vpc` the primary attachment's interface tells the VPC, which takes a look at the store.
    ///
    /// # Errors
    /// [`Problem`] naming the field that this server can't honour, or the resource that doesn't exist.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        if self.profile.is_some_and(|profile| profile.name != PROFILE) {
            let detail = format!("the only profile is '{PROFILE}'; leave the field out or name that one");
            return Err(Problem::field("profile.name", detail));
        }
        let primary = self.primary_network_attachment.new_attachment("primary_network_attachment.")?;
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
            vpc,
            host: None,
            zone: Some(self.zone.0),
            namespace: Namespace::Made,
            bandwidth_kbps: None,
            ips_per_interface: None,
            launch: None,
            primary: Some(primary),
            attachments,
            ..CreateInstance::of(vpc)
        }))
    }
}
