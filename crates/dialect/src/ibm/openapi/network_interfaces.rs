//! `/instances/{id}/network_interfaces` and `/bare_metal_servers/{id}/network_interfaces`, with their floating IPs and addresses.

use serde_json::Value;

use super::operation::{Operation, delete, get, list, list_all, patch, post, put};
use crate::ibm::network_interface::{BareMetalShape, Create, Shape, Update};
use crate::ibm::{floating_ip, reserved_ip};

pub(super) fn operations() -> Vec<Operation> {
    [of_instances(), of_bare_metal_servers()].concat()
}

fn of_bare_metal_servers() -> Vec<Operation> {
    let all = "/bare_metal_servers/{id}/network_interfaces";
    let one = "/bare_metal_servers/{id}/network_interfaces/{nic}";
    let floating_ips = "/bare_metal_servers/{id}/network_interfaces/{nic}/floating_ips";
    let floating = "/bare_metal_servers/{id}/network_interfaces/{nic}/floating_ips/{ip}";
    let ips = "/bare_metal_servers/{id}/network_interfaces/{nic}/ips";
    vec![
        list::<BareMetalShape>(all, "list_bare_metal_server_network_interfaces", "network_interfaces"),
        post::<Value, BareMetalShape>(all, "create_bare_metal_server_network_interface"),
        get::<BareMetalShape>(one, "get_bare_metal_server_network_interface"),
        patch::<Value, BareMetalShape>(one, "update_bare_metal_server_network_interface"),
        delete(one, "delete_bare_metal_server_network_interface"),
        list_all::<floating_ip::Shape>(
            floating_ips,
            "list_bare_metal_server_network_interface_floating_ips",
            "floating_ips",
        ),
        get::<floating_ip::Shape>(floating, "get_bare_metal_server_network_interface_floating_ip"),
        put::<floating_ip::Shape>(floating, "add_bare_metal_server_network_interface_floating_ip"),
        delete(floating, "remove_bare_metal_server_network_interface_floating_ip"),
        list::<reserved_ip::Shape>(ips, "list_bare_metal_server_network_interface_ips", "ips"),
        get::<reserved_ip::Shape>(
            "/bare_metal_servers/{id}/network_interfaces/{nic}/ips/{ip}",
            "get_bare_metal_server_network_interface_ip",
        ),
    ]
}

fn of_instances() -> Vec<Operation> {
    let (all, one) = ("/instances/{id}/network_interfaces", "/instances/{id}/network_interfaces/{nic}");
    let floating_ips = "/instances/{id}/network_interfaces/{nic}/floating_ips";
    let floating = "/instances/{id}/network_interfaces/{nic}/floating_ips/{ip}";
    let ips = "/instances/{id}/network_interfaces/{nic}/ips";
    vec![
        list_all::<Shape>(all, "list_instance_network_interfaces", "network_interfaces"),
        post::<Create, Shape>(all, "create_instance_network_interface"),
        get::<Shape>(one, "get_instance_network_interface"),
        patch::<Update, Shape>(one, "update_instance_network_interface"),
        delete(one, "delete_instance_network_interface"),
        list_all::<floating_ip::Shape>(floating_ips, "list_instance_network_interface_floating_ips", "floating_ips"),
        get::<floating_ip::Shape>(floating, "get_instance_network_interface_floating_ip"),
        put::<floating_ip::Shape>(floating, "add_instance_network_interface_floating_ip"),
        delete(floating, "remove_instance_network_interface_floating_ip"),
        list::<reserved_ip::Shape>(ips, "list_instance_network_interface_ips", "ips"),
        get::<reserved_ip::Shape>(
            "/instances/{id}/network_interfaces/{nic}/ips/{ip}",
            "get_instance_network_interface_ip",
        ),
    ]
}
