//! `/instances`, with their network attachments.

use super::operation::{Operation, delete, get, list, list_all, patch, post};
use crate::ibm::instance::{Action, ActionShape, Create, Shape, Update};
use crate::ibm::network_attachment;

pub(super) fn operations() -> Vec<Operation> {
    let attachments = "/instances/{id}/network_attachments";
    let attachment = "/instances/{id}/network_attachments/{na}";
    vec![
        list::<Shape>("/instances", "list_instances", "instances").query(&["name", "resource_group.id", "vpc.id"]),
        post::<Create, Shape>("/instances", "create_instance"),
        get::<Shape>("/instances/{id}", "get_instance"),
        patch::<Update, Shape>("/instances/{id}", "update_instance").if_match(),
        delete("/instances/{id}", "delete_instance").if_match(),
        post::<Action, ActionShape>("/instances/{id}/actions", "create_instance_action"),
        list_all::<network_attachment::Shape>(attachments, "list_instance_network_attachments", "network_attachments"),
        post::<network_attachment::Create, network_attachment::Shape>(
            attachments,
            "create_instance_network_attachment",
        ),
        get::<network_attachment::Shape>(attachment, "get_instance_network_attachment"),
        patch::<network_attachment::Update, network_attachment::Shape>(
            attachment,
            "update_instance_network_attachment",
        ),
        delete(attachment, "delete_instance_network_attachment"),
    ]
}
