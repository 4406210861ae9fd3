//! `POST /shares`.

use pintle_core::command::{Command, CreateShare};
use pintle_core::model::FileOwner;
use schemars::JsonSchema;
use serde::Deserialize;

use super::mount_target;
use super::words::{BySecurityGroup, Nfs4, ProfileIdentity, check_protocols, encryptions, user_tags};
use crate::ibm::identity::{ResourceGroupIdentity, ZoneIdentity, check_resource_group};
use crate::ibm::version::Version;
use crate::problem::Problem;
use crate::wire::Text;

/// The body: a share by its size. Replicas and shares from snapshots or of other accounts are not to be had.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SharePrototype")]
pub struct Create {
    name: Option<String>,
    zone: Option<ZoneIdentity>,
    profile: ProfileIdentity,
    size: u32,
    iops: Option<u32>,
    bandwidth: Option<u32>,
    initial_owner: Option<Owner>,
    #[serde(rename = "access_control_mode")]
    _access_control_mode: Option<Text<BySecurityGroup>>,
    allowed_access_protocols: Option<Vec<Text<Nfs4>>>,
    allowed_transit_encryption_modes: Option<Vec<String>>,
    mount_targets: Option<Vec<mount_target::Create>>,
    user_tags: Option<Vec<String>>,
    resource_group: Option<ResourceGroupIdentity>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ShareInitialOwner")]
pub(in crate::ibm) struct Owner {
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] naming the field that this server can't honour or that contradicts another.
    pub fn command(self, version: &Version) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        check_protocols(self.allowed_access_protocols.as_ref())?;
        if self.bandwidth.is_some() {
            return Err(Problem::field("bandwidth", "it follows from the profile and 'iops'; leave it out"));
        }
        let zone = self.zone.ok_or_else(|| Problem::field("zone", "it is needed: shares of this profile are zonal"))?;
        let mount_targets = self
            .mount_targets
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(position, new)| new.new_target(version, &format!("mount_targets[{position}].")))
            .collect::<Result<_, Problem>>()?;
        let owner = self.initial_owner.map_or_else(FileOwner::default, |owner| FileOwner {
            uid: owner.uid.unwrap_or(0),
            gid: owner.gid.unwrap_or(0),
        });
        Ok(Command::CreateShare(Box::new(CreateShare {
            name: self.name,
            zone: zone.0,
            host: None,
            profile: self.profile.name()?,
            size_gb: self.size,
            iops: self.iops,
            transit_encryption: self
                .allowed_transit_encryption_modes
                .map(|modes| encryptions(&modes, version))
                .transpose()?,
            initial_owner: owner,
            user_tags: user_tags(self.user_tags.unwrap_or_default())?,
            mount_targets,
        })))
    }
}
