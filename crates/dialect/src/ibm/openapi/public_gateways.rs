//! `/public_gateways`.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::public_gateway::{Create, Shape, Update};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list::<Shape>("/public_gateways", "list_public_gateways", "public_gateways").query(&["resource_group.id"]),
        post::<Create, Shape>("/public_gateways", "create_public_gateway"),
        get::<Shape>("/public_gateways/{id}", "get_public_gateway"),
        patch::<Update, Shape>("/public_gateways/{id}", "update_public_gateway"),
        delete("/public_gateways/{id}", "delete_public_gateway"),
    ]
}
