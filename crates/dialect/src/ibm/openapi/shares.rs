//! `/shares`, with their mount targets, and `/share/profiles`.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::share::{Create, Shape, Update, mount_target, profile};

pub(super) fn operations() -> Vec<Operation> {
    let (targets, target) = ("/shares/{id}/mount_targets", "/shares/{id}/mount_targets/{target}");
    vec![
        list::<Shape>("/shares", "list_shares", "shares").query(&["name", "resource_group.id", "replication_role"]),
        post::<Create, Shape>("/shares", "create_share"),
        get::<Shape>("/shares/{id}", "get_share"),
        patch::<Update, Shape>("/shares/{id}", "update_share").if_match(),
        delete("/shares/{id}", "delete_share").if_match().status(202).answer::<Shape>(),
        list::<mount_target::Shape>(targets, "list_share_mount_targets", "mount_targets").query(&["name"]),
        post::<mount_target::Create, mount_target::Shape>(targets, "create_share_mount_target"),
        get::<mount_target::Shape>(target, "get_share_mount_target"),
        patch::<mount_target::Update, mount_target::Shape>(target, "update_share_mount_target"),
        delete(target, "delete_share_mount_target").status(202).answer::<mount_target::Shape>(),
        list::<profile::Shape>("/share/profiles", "list_share_profiles", "profiles"),
        get::<profile::Shape>("/share/profiles/{name}", "get_share_profile"),
    ]
}
