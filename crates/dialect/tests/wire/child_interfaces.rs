//! Child network interfaces of the old style: prototypes, and what shows them.

use pintle_core::command::{Command, CreateFloatingIp, FloatingIpChoice};
use pintle_core::id::InstanceId;
use pintle_core::legality::Manner;
use pintle_core::model::{FloatingIp, Instance, InterfaceStyle};
use pintle_core::{Reply, query};
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::{self, Site};
use pintle_dialect::view::{
    self, FloatingIpView, InstanceView, MemberView, NetworkInterfaceView, ReservedIpView, View, VniView,
};
use pintle_dialect::wire::{Params, decode};
use serde_json::{Value, json};

use crate::golden;
use crate::world::{Ids, World, world};

fn site() -> Site {
    Site::new("https://pintle.example:7480", "local")
}

fn check(name: &str, body: &Value) {
    golden::check(&format!("ibm/{name}.reply.json"), &serde_json::to_string_pretty(body).unwrap());
}

/// The instance that a body asks for, made.
fn made(world: &mut World, body: &Value) -> Instance {
    let create = decode::<ibm::instance::Create>(body.to_string().as_bytes()).unwrap().command(world).unwrap();
    match world.run(create) {
        Reply::Instance(instance) => instance,
        other => panic!("{other:?}"),
    }
}

/// The world with an instance of the old style, and a floating IP that leads to its primary interface.
fn old_style() -> (World, Ids, InstanceId, FloatingIp) {
    let (mut world, ids) = world();
    let body = json!({
        "name": "old",
        "zone": { "name": "zone-1" },
        "primary_network_interface": {
            "name": "main",
            "subnet": { "id": ids.subnet },
            "primary_ip": { "address": "10.1.2.40", "name": "old-ip" },
            "security_groups": [{ "id": ids.group }],
        },
        "network_interfaces": [{ "name": "more", "subnet": { "id": ids.subnet }, "allow_ip_spoofing": true }],
    });
    let instance = made(&mut world, &body);
    assert_eq!(instance.style, InterfaceStyle::Children);
    let primary = NetworkInterfaceView::all(&world, instance.id).unwrap().remove(0).vni.id;
    let Reply::FloatingIp(floating) = world.run(Command::CreateFloatingIp(CreateFloatingIp {
        name: Some("old-front".to_owned()),
        zone: None,
        address: None,
        target: Some(FloatingIpChoice { vni: primary, ip: None, manner: Manner::PerInterface }),
    })) else {
        panic!("a floating IP")
    };
    (world, ids, instance.id, floating)
}

#[test]
fn a11_e07_an_instance_of_the_old_style_and_its_interfaces_are_golden() {
    let (world, _, id, _) = old_style();
    let site = site();
    let instance = ibm::instance::encode(&site, &InstanceView::read(&world, id).unwrap());
    check("get_instance_with_network_interfaces", &instance);
    assert_eq!(instance["network_attachments"], json!([]));
    assert!(instance.get("primary_network_attachment").is_none(), "by this a client tells that it may change them");
    let interfaces = NetworkInterfaceView::all(&world, id).unwrap();
    let shown = ibm::network_interface::encode_all(&site, &interfaces);
    check("list_instance_network_interfaces_of_old_style", &shown);
    assert!(!shown.to_string().contains("protocol_state_filtering"), "e07: the mode is not to be seen");
}

#[test]
fn a11_whatever_refers_to_a_child_shows_a_network_interface_of_its_instance() {
    let (world, ids, id, floating) = old_style();
    let site = site();
    let primary = NetworkInterfaceView::all(&world, id).unwrap().remove(0);
    let href = ibm::network_interface::encode(&site, &primary)["href"].clone();
    let floating = ibm::floating_ip::encode(&site, &FloatingIpView::read(&world, floating.id).unwrap());
    check("get_floating_ip_of_network_interface", &floating);
    let ip = ibm::reserved_ip::encode(&site, &ReservedIpView::read(&world, primary.primary_ip.id).unwrap());
    check("get_subnet_reserved_ip_of_network_interface", &ip);
    let member = MemberView::read(&world, primary.vni.id).unwrap();
    let target = ibm::security_group::encode_target(&site, &member);
    check("get_security_group_target_network_interface", &target);
    for target in [&floating["target"], &ip["target"], &target] {
        assert_eq!((&target["href"], &target["resource_type"]), (&href, &json!("network_interface")));
        assert_eq!(target["id"], primary.attachment.id.to_string());
    }
    let group = view::SecurityGroupView::read(&world, ids.group).unwrap();
    assert!(group.members.iter().any(|member| member.child.is_some()));
}

#[test]
fn a11_children_are_not_among_the_virtual_network_interfaces_and_are_not_counted() {
    let (world, ..) = old_style();
    let paging = Paging::decode(Params::new(vec![("limit".to_owned(), "1".to_owned())]), &[]).unwrap();
    let (mut start, mut names, mut totals) = (None, Vec::new(), Vec::new());
    loop {
        let page = view::own_vnis::<VniView>(&world, None, start.as_deref(), paging.limit).unwrap();
        names.extend(page.items.iter().map(|view| view.vni.name.clone()));
        totals.push(page.total);
        match page.next {
            Some(next) => start = Some(next),
            None => break,
        }
    }
    assert_eq!(names, ["web-main", "data"], "newest first");
    assert_eq!(totals, [2, 2]);
    let all = view::own::<VniView>(&world, None, None, 100).unwrap();
    assert_eq!((all.items.len(), all.total), (4, 4), "other dialects see them");
}

#[test]
fn a11_a12_prototypes_that_cannot_be_are_refused_with_the_field() {
    let (world, ids) = world();
    let subnet = json!({ "id": ids.subnet });
    let child = json!({ "subnet": subnet });
    let attachment = json!({ "virtual_network_interface": { "subnet": subnet } });
    let never = "never both";
    for (more, field, words) in [
        (
            json!({ "primary_network_attachment": attachment, "primary_network_interface": child }),
            "primary_network_interface",
            never,
        ),
        (
            json!({ "primary_network_attachment": attachment, "network_interfaces": [child] }),
            "network_interfaces",
            never,
        ),
        (
            json!({ "primary_network_interface": child, "network_attachments": [attachment] }),
            "primary_network_interface",
            never,
        ),
        (json!({}), "primary_network_attachment", "it is needed"),
        (json!({ "network_interfaces": [child] }), "primary_network_attachment", "it is needed"),
        (json!({ "primary_network_interface": {} }), "primary_network_interface", "missing field `subnet`"),
        (
            json!({ "primary_network_interface": { "subnet": subnet, "ips": [{ "address": "10.1.2.50" }] } }),
            "primary_network_interface.ips",
            "only virtual network interfaces have it",
        ),
        (
            json!({
                "primary_network_interface": child,
                "network_interfaces": [{ "subnet": subnet, "protocol_state_filtering_mode": "auto" }],
            }),
            "network_interfaces[0].protocol_state_filtering_mode",
            "only virtual network interfaces have it",
        ),
    ] {
        let mut body = json!({ "zone": { "name": "zone-1" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let command = decode::<ibm::instance::Create>(body.to_string().as_bytes());
        let problem = command.and_then(|create| create.command(&world)).unwrap_err();
        let (status, shown) = ibm::problem::encode(&problem, "trace-1");
        let error = &shown["errors"][0];
        assert_eq!((status, &error["target"]["name"]), (400, &json!(field)), "{body}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{body}: {error}");
    }
}

#[test]
fn a11_a_floating_ip_is_led_to_a_child_by_its_id_or_href_and_to_no_other_network_interface() {
    let (world, ids, id, floating) = old_style();
    let child = NetworkInterfaceView::all(&world, id).unwrap().remove(1);
    let href = ibm::network_interface::href(&site(), child.role, &child.attachment);
    let update = |target: Value| {
        let body = json!({ "target": target }).to_string();
        decode::<ibm::floating_ip::Update>(body.as_bytes()).unwrap().command(&world, floating.id)
    };
    for target in [json!({ "id": child.attachment.id }), json!({ "href": href })] {
        assert_eq!(update(target).unwrap(), Some(ibm::floating_ip::lead_to(floating.id, child.vni.id)));
    }
    let status = |target: Value| ibm::problem::encode(&update(target).unwrap_err(), "trace-1").0;
    assert_eq!(status(json!({ "id": ids.attachment })), 409, "what stands for an attachment is to be read only");
    assert_eq!(status(json!({ "id": child.vni.id })), 404, "a child is no virtual network interface");
    assert!(query::get::<Instance>(&world, id).is_ok());
}
