//! `/shares/{id}/mount_targets`.

use pintle_core::command::{Command, NewMountTarget};
use pintle_core::id::{AttachmentId, ShareId};
use pintle_core::model::TransitEncryption;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::words::{BySecurityGroup, Nfs4, encryption, encryption_label};
use crate::ibm::choice::VniFields;
use crate::ibm::reference::Reference;
use crate::ibm::version::Version;
use crate::ibm::{Site, collection};
use crate::problem::Problem;
use crate::view::{MountTargetView, Page};
use crate::wire::{Text, given, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "share_mount_target";

/// The URL of a mount target.
pub fn href(site: &Site, share: ShareId, id: AttachmentId) -> String {
    site.href(format_args!("shares/{share}/mount_targets/{id}"))
}

/// A reference to a mount target.
pub fn reference(site: &Site, view: &MountTargetView) -> Reference {
    let attachment = &view.target.attachment;
    Reference::mount_target(site, view.share.id, attachment)
}

/// Body of `POST /shares/{id}/mount_targets`, and what a share's prototype has for each mount target.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ShareMountTargetPrototype")]
pub struct Create {
    name: Option<String>,
    #[serde(rename = "access_protocol")]
    _access_protocol: Option<Text<Nfs4>>,
    transit_encryption: Option<String>,
    virtual_network_interface: Option<VniFields>,
    vpc: Option<Value>,
}

impl Create {
    /// The mount target to be made; `at` is what field paths in errors begin with.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured or that contradicts another.
    pub fn new_target(self, version: &Version, at: &str) -> Result<NewMountTarget, Problem> {
        if self.vpc.is_some() {
            let detail =
                "access is by 'security_group', so the mount target's VPC is that of its 'virtual_network_interface'";
            return Err(Problem::field(format!("{at}vpc"), detail));
        }
        let field = format!("{at}virtual_network_interface");
        let Some(vni) = self.virtual_network_interface else {
            return Err(Problem::field(field, "it is needed: an identity, or what is to be made"));
        };
        let transit_encryption = match &self.transit_encryption {
            Some(text) => encryption(text, version, &format!("{at}transit_encryption"))?,
            None => TransitEncryption::None,
        };
        Ok(NewMountTarget { name: self.name, vni: vni.choice(&field)?, transit_encryption })
    }

    /// What it asks for.
    ///
    /// # Errors
    /// As [`Create::new_target`].
    pub fn command(self, share: ShareId, version: &Version) -> Result<Command, Problem> {
        Ok(Command::CreateMountTarget(share, self.new_target(version, "")?))
    }
}

/// Body of `PATCH /shares/{id}/mount_targets/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ShareMountTargetPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: AttachmentId) -> Option<Command> {
        self.name.map(|name| Command::RenameMountTarget(id, name))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShareMountTarget")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    access_control_mode: &'static str,
    access_protocol: &'static str,
    transit_encryption: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_path: Option<String>,
    primary_ip: Reference,
    subnet: Reference,
    virtual_network_interface: Reference,
    vpc: Reference,
}

/// The mount target as replies show it.
pub fn encode(site: &Site, view: &MountTargetView, version: &Version) -> Value {
    let attachment = &view.target.attachment;
    json!(Shape {
        id: attachment.id.to_string(),
        href: href(site, view.share.id, attachment.id),
        name: attachment.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(attachment.created_at),
        lifecycle_state: view.lifecycle().label(),
        access_control_mode: BySecurityGroup::LABEL,
        access_protocol: Nfs4::LABEL,
        transit_encryption: encryption_label(TransitEncryption::None, version),
        mount_path: view.mount_path(),
        primary_ip: Reference::reserved_ip(site, &view.target.primary_ip),
        subnet: Reference::subnet(site, &view.target.subnet),
        virtual_network_interface: Reference::vni(site, &view.target.vni),
        vpc: Reference::vpc(site, &view.vpc),
    })
}

/// A page of a share's mount targets.
pub fn encode_page(
    site: &Site,
    share: ShareId,
    paging: &collection::Paging,
    page: &Page<MountTargetView>,
    version: &Version,
) -> Value {
    let path = format!("shares/{share}/mount_targets");
    collection::encode(site, &path, "mount_targets", paging, page, |view| encode(site, view, version))
}
