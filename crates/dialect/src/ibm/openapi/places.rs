//! `/regions`, `/instance/profiles`, `/images` and `/keys`: what an instance's prototype names.

use super::operation::{Operation, delete, get, list, list_all, patch, post};
use crate::ibm::key::{Create, Update};
use crate::ibm::{image, instance_profile, key, region};

pub(super) fn operations() -> Vec<Operation> {
    let images = ["name", "status", "visibility", "user_data_format", "remote.account.id", "resource_group.id"];
    vec![
        list_all::<region::Shape>("/regions", "list_regions", "regions"),
        get::<region::Shape>("/regions/{r}", "get_region"),
        list_all::<region::ZoneShape>("/regions/{r}/zones", "list_region_zones", "zones"),
        get::<region::ZoneShape>("/regions/{r}/zones/{z}", "get_region_zone"),
        list::<instance_profile::Shape>("/instance/profiles", "list_instance_profiles", "profiles").once_at_once(),
        get::<instance_profile::Shape>("/instance/profiles/{name}", "get_instance_profile"),
        list::<image::Shape>("/images", "list_images", "images").query(&images),
        get::<image::Shape>("/images/{id}", "get_image"),
        list::<key::Shape>("/keys", "list_keys", "keys").query(&["resource_group.id"]),
        post::<Create, key::Shape>("/keys", "create_key"),
        get::<key::Shape>("/keys/{id}", "get_key"),
        patch::<Update, key::Shape>("/keys/{id}", "update_key"),
        delete("/keys/{id}", "delete_key"),
    ]
}
