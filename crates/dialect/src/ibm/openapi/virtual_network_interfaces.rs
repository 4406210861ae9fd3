//! `/virtual_network_interfaces`, with their addresses and floating IPs.

use super::operation::{Operation, delete, get, list, patch, post, put};
use crate::ibm::reference::Reference;
use crate::ibm::vni::{Create, Shape, Update};

pub(super) fn operations() -> Vec<Operation> {
    let one = "/virtual_network_interfaces/{id}";
    let ip = "/virtual_network_interfaces/{id}/ips/{ip}";
    let floating = "/virtual_network_interfaces/{id}/floating_ips/{ip}";
    vec![
        list::<Shape>("/virtual_network_interfaces", "list_virtual_network_interfaces", "virtual_network_interfaces")
            .query(&["name", "resource_group.id"]),
        post::<Create, Shape>("/virtual_network_interfaces", "create_virtual_network_interface"),
        get::<Shape>(one, "get_virtual_network_interface"),
        patch::<Update, Shape>(one, "update_virtual_network_interface").if_match(),
        delete(one, "delete_virtual_network_interfaces").answer::<Shape>().status(202).if_match(),
        list::<Reference>("/virtual_network_interfaces/{id}/ips", "list_virtual_network_interface_ips", "ips")
            .query(&["sort"]),
        get::<Reference>(ip, "get_virtual_network_interface_ip"),
        put::<Reference>(ip, "add_virtual_network_interface_ip"),
        delete(ip, "remove_virtual_network_interface_ip"),
        list::<Reference>(
            "/virtual_network_interfaces/{id}/floating_ips",
            "list_network_interface_floating_ips",
            "floating_ips",
        )
        .query(&["sort"]),
        get::<Reference>(floating, "get_network_interface_floating_ip"),
        put::<Reference>(floating, "add_network_interface_floating_ip"),
        delete(floating, "remove_network_interface_floating_ip"),
    ]
}
