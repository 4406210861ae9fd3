//! `/floating_ips`.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::floating_ip::{Create, Shape, Update};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list::<Shape>("/floating_ips", "list_floating_ips", "floating_ips").query(&[
            "name",
            "resource_group.id",
            "sort",
            "target.crn",
            "target.id",
            "target.name",
            "target.resource_type",
        ]),
        post::<Create, Shape>("/floating_ips", "create_floating_ip"),
        get::<Shape>("/floating_ips/{id}", "get_floating_ip"),
        patch::<Update, Shape>("/floating_ips/{id}", "update_floating_ip"),
        delete("/floating_ips/{id}", "delete_floating_ip"),
    ]
}
