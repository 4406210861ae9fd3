//! `/bare_metal_servers`, with their network attachments, and `/bare_metal_server/profiles`.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::bare_metal::{Create, Shape, Stop, Update, attachment, initialization, profile};

pub(super) fn operations() -> Vec<Operation> {
    let servers = "/bare_metal_servers";
    let server = "/bare_metal_servers/{id}";
    let attachments = "/bare_metal_servers/{id}/network_attachments";
    let one = "/bare_metal_servers/{id}/network_attachments/{na}";
    vec![
        list::<profile::Shape>("/bare_metal_server/profiles", "list_bare_metal_server_profiles", "profiles"),
        get::<profile::Shape>("/bare_metal_server/profiles/{name}", "get_bare_metal_server_profile"),
        list::<Shape>(servers, "list_bare_metal_servers", "bare_metal_servers").query(&[
            "name",
            "resource_group.id",
            "vpc.id",
            "vpc.crn",
            "vpc.name",
        ]),
        post::<Create, Shape>(servers, "create_bare_metal_server"),
        get::<Shape>(server, "get_bare_metal_server"),
        patch::<Update, Shape>(server, "update_bare_metal_server").if_match(),
        delete(server, "delete_bare_metal_server").if_match(),
        get::<initialization::Shape>("/bare_metal_servers/{id}/initialization", "get_bare_metal_server_initialization"),
        Operation::act("/bare_metal_servers/{id}/start", "start_bare_metal_server"),
        Operation::act("/bare_metal_servers/{id}/stop", "stop_bare_metal_server").body::<Stop>(),
        Operation::act("/bare_metal_servers/{id}/restart", "restart_bare_metal_server"),
        list::<attachment::Shape>(attachments, "list_bare_metal_server_network_attachments", "network_attachments"),
        post::<attachment::Create, attachment::Shape>(attachments, "create_bare_metal_server_network_attachment"),
        get::<attachment::Shape>(one, "get_bare_metal_server_network_attachment"),
        patch::<attachment::Update, attachment::Shape>(one, "update_bare_metal_server_network_attachment"),
        delete(one, "delete_bare_metal_server_network_attachment"),
    ]
}
