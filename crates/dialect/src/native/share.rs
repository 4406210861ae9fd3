//! Shares on a host of choice, and their mount targets with what a host says of them.

use std::collections::BTreeSet;

use pintle_core::command::{Command, CreateShare, NewMountTarget};
use pintle_core::id::ShareId;
use pintle_core::model::{FileOwner, Host, Share, TransitEncryption};
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Named, attachment};
use crate::problem::Problem;
use crate::view::{MountTargetView, ShareView, mount_target_named, resolve};
use crate::wire::timestamp;

/// The profile of shares that are made without one.
const PROFILE: &str = "dp2";

/// Body of `POST /native/v1/shares`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: Option<String>,
    zone: Option<String>,
    host: Option<String>,
    size_gb: u32,
    iops: Option<u32>,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a host that nothing or several are called, or when neither host nor zone is named.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let host = self.host.map(|host| resolve::<Host>(snapshot, &host)).transpose()?;
        let zone = match (self.zone, host) {
            (Some(zone), _) => zone,
            (None, Some(host)) => pintle_core::query::get::<Host>(snapshot, host)?.0.zone,
            (None, None) => return Err(Problem::field("zone", "it is needed when no host is named")),
        };
        Ok(Command::CreateShare(Box::new(CreateShare {
            name: self.name,
            zone,
            host,
            profile: PROFILE.to_owned(),
            size_gb: self.size_gb,
            iops: self.iops,
            transit_encryption: None,
            initial_owner: FileOwner { uid: self.uid, gid: self.gid },
            user_tags: BTreeSet::new(),
            mount_targets: Vec::new(),
        })))
    }
}

/// Body of `POST /native/v1/shares/{share}/mount_targets`: an interface that there is, or one to be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Mount(attachment::Spec);

impl Mount {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or what can't be asked of a mount target.
    pub fn command(self, snapshot: &dyn Snapshot, share: ShareId) -> Result<Command, Problem> {
        let new = self.0.resolve(snapshot, None, ".")?;
        if new.port_speed.is_some() {
            return Err(Problem::field("port_speed", "a mount target has none; limit its interface"));
        }
        let transit_encryption = TransitEncryption::None;
        Ok(Command::CreateMountTarget(share, NewMountTarget { name: new.name, vni: new.vni, transit_encryption }))
    }
}

/// A share's mount target that `text` calls by its id or its name.
///
/// # Errors
/// [`pintle_core::Refusal::NotFound`] when none is called so, or when the store can't be read.
pub fn target(snapshot: &dyn Snapshot, share: &Share, text: &str) -> Result<MountTargetView, Problem> {
    let found = match text.parse() {
        Ok(id) => pintle_core::query::find::<pintle_core::model::Attachment>(snapshot, id)?
            .map(|(attachment, revision)| crate::view::View::join(snapshot, attachment, revision))
            .transpose()?,
        Err(_) => mount_target_named(snapshot, share, text)?,
    };
    found.filter(|target: &MountTargetView| target.share.id == share.id).ok_or_else(|| {
        let id = text.chars().take(80).collect::<String>();
        Problem::not_found(pintle_core::refusal::Noun::MountTarget, id)
    })
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    zone: String,
    host: Named,
    profile: String,
    size_gb: u32,
    iops: u32,
    lifecycle: &'static str,
    failure: Option<String>,
    created_at: String,
    mount_targets: Vec<Value>,
}

#[derive(Serialize)]
struct TargetShape {
    id: String,
    name: String,
    vpc: Named,
    virtual_network_interface: Named,
    address: String,
    mount_path: Option<String>,
    lifecycle: &'static str,
    failure: Option<String>,
    created_at: String,
}

/// The share as replies show it.
pub fn encode(view: &ShareView) -> Value {
    let share = &view.share;
    json!(Shape {
        id: share.id.to_string(),
        name: share.name.clone(),
        zone: share.zone.clone(),
        host: Named::new(&view.host, &view.host.name),
        profile: share.profile.clone(),
        size_gb: share.size_gb,
        iops: share.iops,
        lifecycle: share.lifecycle.label(),
        failure: share.failure.clone(),
        created_at: timestamp(share.created_at),
        mount_targets: view.mount_targets.iter().map(encode_target).collect(),
    })
}

/// The mount target as replies show it.
pub fn encode_target(view: &MountTargetView) -> Value {
    let attachment = &view.target.attachment;
    json!(TargetShape {
        id: attachment.id.to_string(),
        name: attachment.name.clone(),
        vpc: Named::new(&view.vpc, &view.vpc.name),
        virtual_network_interface: Named::new(&view.target.vni, &view.target.vni.name),
        address: view.target.primary_ip.address.to_string(),
        mount_path: view.mount_path(),
        lifecycle: view.lifecycle().label(),
        failure: view.failure().map(str::to_owned),
        created_at: timestamp(attachment.created_at),
    })
}
