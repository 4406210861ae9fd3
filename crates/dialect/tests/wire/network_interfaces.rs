//! Network interfaces as old clients see them, row by row of the tables that say what they are taken from.

use std::collections::BTreeSet;

use pintle_core::model::{Nic, Role};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::{self, Site};
use pintle_dialect::view::{
    AttachmentView, FloatingIpView, InstanceView, NetworkInterfaceView, Page, ReservedIpView, View, VniView,
};
use pintle_dialect::wire::Params;
use serde_json::{Value, json};

use crate::golden;
use crate::world::{Ids, World, world};

fn site() -> Site {
    Site::new("https://pintle.example:7480", "local")
}

fn check(name: &str, body: &Value) {
    golden::check(&format!("ibm/{name}.reply.json"), &serde_json::to_string_pretty(body).unwrap());
}

/// The network interface, and the attachment and the interface that it stands for, as replies show them.
struct Shown {
    interface: Value,
    attachment: Value,
    vni: Value,
}

fn shown(world: &World, ids: &Ids) -> Shown {
    let site = site();
    Shown {
        interface: ibm::network_interface::encode(&site, &NetworkInterfaceView::read(world, ids.attachment).unwrap()),
        attachment: ibm::network_attachment::encode(&site, &AttachmentView::read(world, ids.attachment).unwrap()),
        vni: ibm::vni::encode(&site, &VniView::read(world, ids.vni).unwrap()),
    }
}

#[test]
fn g01_g02_g05_g06_g07_g08_g10_g11_g12_each_property_is_what_the_table_says() {
    let (world, ids) = world();
    let Shown { interface, attachment, vni } = shown(&world, &ids);
    let rows = [
        ("g01", "allow_ip_spoofing", &vni),
        ("g02", "created_at", &attachment),
        ("g05", "id", &attachment),
        ("g06", "name", &attachment),
        ("g07", "port_speed", &attachment),
        ("g08", "primary_ip", &vni),
        ("g10", "security_groups", &vni),
        ("g11", "subnet", &vni),
        ("g12", "type", &attachment),
    ];
    for (row, property, from) in rows {
        assert!(!from[property].is_null(), "{row}: {property} is not there to be taken");
        assert_eq!(interface[property], from[property], "{row}: {property}");
    }
    assert_ne!(interface["created_at"], vni["created_at"], "the two were not made in one moment here");
}

#[test]
fn g03_floating_ips_are_those_of_the_interface() {
    let (world, ids) = world();
    let ip = FloatingIpView::read(&world, ids.floating_ip).unwrap();
    let expected = json!([ibm::floating_ip::encode_reference(&site(), &ip.ip)]);
    assert_eq!(shown(&world, &ids).interface["floating_ips"], expected);
}

#[test]
fn g04_g09_the_url_is_the_attachments_in_another_collection_and_the_type_is_fixed() {
    let (world, ids) = world();
    let Shown { interface, attachment, .. } = shown(&world, &ids);
    let theirs = attachment["href"].as_str().unwrap();
    assert_eq!(interface["href"], theirs.replace("/network_attachments", "/network_interfaces"));
    assert_eq!(interface["resource_type"], "network_interface");
}

#[test]
fn g01_to_g19_g29_network_interfaces_of_an_instance_are_golden() {
    let (world, ids) = world();
    let site = site();
    let view = NetworkInterfaceView::read(&world, ids.attachment).unwrap();
    let interface = ibm::network_interface::encode(&site, &view);
    check("get_instance_network_interface", &interface);
    let properties: BTreeSet<&str> = interface.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "allow_ip_spoofing created_at floating_ips href id name port_speed primary_ip resource_type \
                    security_groups status subnet type";
    assert_eq!(properties, expected.split_whitespace().collect(), "no others: an old client knows of nothing else");
    let all = NetworkInterfaceView::all(&world, ids.instance).unwrap();
    check("list_instance_network_interfaces", &ibm::network_interface::encode_all(&site, &all));
    let ip = FloatingIpView::read(&world, ids.floating_ip).unwrap();
    check("list_instance_network_interface_floating_ips", &ibm::network_interface::encode_floating_ips(&site, &[ip]));
    let paging = Paging::decode(Params::new(Vec::new()), &[]).unwrap();
    let items = vec![ReservedIpView::read(&world, view.primary_ip.id).unwrap()];
    let page = Page { items, next: None, total: 1 };
    check("list_instance_network_interface_ips", &ibm::network_interface::encode_ip_page(&site, &view, &paging, &page));
    let instance = ibm::instance::encode(&site, &InstanceView::read(&world, ids.instance).unwrap());
    assert_eq!(instance["network_interfaces"].as_array().unwrap().len(), 2);
    assert_eq!(instance["primary_network_interface"], instance["network_interfaces"][0]);
    assert!(instance["primary_network_attachment"].is_object(), "by this a client tells that the view is read only");
}

/// The same attachment, had it been on a bare metal server with this card.
fn bare_metal(world: &World, ids: &Ids, nic: Nic) -> Value {
    let mut view = NetworkInterfaceView::read(world, ids.attachment).unwrap();
    view.role = Role::BareMetal;
    view.attachment.nic = nic;
    ibm::network_interface::encode(&site(), &view)
}

#[test]
fn g21_g22_g23_g24_g25_g26_a_bare_metal_server_s_interfaces_have_six_properties_more() {
    let (world, ids) = world();
    let Shown { interface, vni, .. } = shown(&world, &ids);
    let pci = bare_metal(&world, &ids, Nic::Pci { allowed_vlans: BTreeSet::from([7, 20]) });
    check("get_bare_metal_server_network_interface_pci", &pci);
    let vlan = bare_metal(&world, &ids, Nic::Vlan { id: 7, float: true });
    check("get_bare_metal_server_network_interface_vlan", &vlan);
    for bare_metal in [&pci, &vlan] {
        for property in ["enable_infrastructure_nat", "mac_address"] {
            assert_eq!(bare_metal[property], vni[property], "{property}");
        }
        for (property, value) in interface.as_object().unwrap().iter().filter(|(property, _)| *property != "href") {
            assert_eq!(bare_metal[property], *value, "{property} is derived as for instances");
        }
    }
    assert_eq!((&pci["interface_type"], &pci["allowed_vlans"]), (&json!("pci"), &json!([7, 20])));
    assert_eq!((&vlan["interface_type"], &vlan["vlan"]), (&json!("vlan"), &json!(7)));
    assert_eq!(vlan["allow_interface_to_float"], true);
    assert!(pci.get("vlan").is_none() && vlan.get("allowed_vlans").is_none(), "each has what its kind has");
}
