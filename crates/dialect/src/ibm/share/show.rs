//! How replies show a share.

use pintle_core::share_profile;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::words::{BySecurityGroup, Nfs4, encryption_label};
use super::{RESOURCE_TYPE, crn, href, mount_target, profile};
use crate::ibm::reference::Reference;
use crate::ibm::version::Version;
use crate::ibm::{Site, collection};
use crate::view::{Page, ShareView};
use crate::wire::timestamp;

/// Fields whose subject is not there (replicas, snapshots, accessors, keys of the user's own) say so.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Share")]
pub(in crate::ibm) struct Shape {
    id: String,
    crn: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    lifecycle_reasons: Vec<Value>,
    access_control_mode: &'static str,
    accessor_binding_role: &'static str,
    accessor_bindings: Vec<Value>,
    allowed_access_protocols: Vec<&'static str>,
    allowed_transit_encryption_modes: Vec<&'static str>,
    availability_mode: &'static str,
    bandwidth: u32,
    encryption: &'static str,
    initial_owner: Value,
    iops: u32,
    mount_targets: Vec<Reference>,
    profile: Reference,
    replication_role: &'static str,
    replication_status: &'static str,
    replication_status_reasons: Vec<Value>,
    resource_group: Reference,
    size: u32,
    snapshot_count: u32,
    snapshot_size: u32,
    storage_generation: u32,
    user_tags: Vec<String>,
    zone: Reference,
}

/// The share as replies show it.
pub fn encode(site: &Site, view: &ShareView, version: &Version) -> Value {
    let share = &view.share;
    json!(Shape {
        id: share.id.to_string(),
        crn: crn(site, share),
        href: href(site, share.id),
        name: share.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(share.created_at),
        lifecycle_state: share.lifecycle.label(),
        lifecycle_reasons: share
            .failure
            .iter()
            .map(|why| json!({ "code": "internal_error", "message": why }))
            .collect(),
        access_control_mode: BySecurityGroup::LABEL,
        accessor_binding_role: "none",
        accessor_bindings: Vec::new(),
        allowed_access_protocols: vec![Nfs4::LABEL],
        allowed_transit_encryption_modes: share
            .transit_encryption
            .iter()
            .map(|mode| encryption_label(*mode, version))
            .collect(),
        availability_mode: "zonal",
        bandwidth: share_profile::bandwidth(share.iops),
        encryption: "provider_managed",
        initial_owner: json!({ "uid": share.initial_owner.uid, "gid": share.initial_owner.gid }),
        iops: share.iops,
        mount_targets: view.mount_targets.iter().map(|target| mount_target::reference(site, target)).collect(),
        profile: profile::reference(site, &share.profile),
        replication_role: "none",
        replication_status: "none",
        replication_status_reasons: Vec::new(),
        resource_group: Reference::resource_group(site),
        size: share.size_gb,
        snapshot_count: 0,
        snapshot_size: 0,
        storage_generation: profile::STORAGE_GENERATION,
        user_tags: share.user_tags.iter().cloned().collect(),
        zone: Reference::zone(site, &share.zone),
    })
}

/// A page of shares.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<ShareView>, version: &Version) -> Value {
    collection::encode(site, "shares", "shares", paging, page, |view| encode(site, view, version))
}
