//! `PATCH /shares/{id}`.

use pintle_core::command::{Command, UpdateShare};
use pintle_core::id::ShareId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::words::{BySecurityGroup, Nfs4, ProfileIdentity, check_protocols, encryptions, user_tags};
use crate::ibm::version::Version;
use crate::problem::Problem;
use crate::wire::{Text, given};

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SharePatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "ProfileIdentity")]
    profile: Option<ProfileIdentity>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u32")]
    size: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u32")]
    iops: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u32")]
    bandwidth: Option<u32>,
    #[serde(default, deserialize_with = "given", rename = "access_control_mode")]
    #[schemars(with = "Text<BySecurityGroup>")]
    _access_control_mode: Option<Text<BySecurityGroup>>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<Text<Nfs4>>")]
    allowed_access_protocols: Option<Vec<Text<Nfs4>>>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    allowed_transit_encryption_modes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    user_tags: Option<Vec<String>>,
}

impl Update {
    /// Whether it has an array: then the client must say which state of the share it has seen, as it replaces a whole one.
    pub fn has_array(&self) -> bool {
        self.allowed_access_protocols.is_some()
            || self.allowed_transit_encryption_modes.is_some()
            || self.user_tags.is_some()
    }

    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] naming the field that this server can't honour.
    pub fn command(self, id: ShareId, version: &Version) -> Result<Command, Problem> {
        check_protocols(self.allowed_access_protocols.as_ref())?;
        if self.bandwidth.is_some() {
            return Err(Problem::field("bandwidth", "it follows from the profile and 'iops'; leave it out"));
        }
        let update = UpdateShare {
            name: self.name,
            profile: self.profile.map(ProfileIdentity::name).transpose()?,
            size_gb: self.size,
            iops: self.iops,
            transit_encryption: self
                .allowed_transit_encryption_modes
                .map(|modes| encryptions(&modes, version))
                .transpose()?,
            user_tags: self.user_tags.map(user_tags).transpose()?,
        };
        Ok(Command::UpdateShare(id, update))
    }
}
