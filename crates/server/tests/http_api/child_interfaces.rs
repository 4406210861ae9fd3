//! Child network interfaces of the old style: made with their instance, changed through it, gone with it, and no interfaces of
//! their own.

use serde_json::{Value, json};

use crate::client::{Api, text};

/// An instance of the old style with two network interfaces, on a host that has realised them.
pub(crate) struct Old {
    pub(crate) instance: Value,
    pub(crate) primary: Value,
    pub(crate) second: Value,
    pub(crate) subnet: String,
}

pub(crate) async fn old_style(api: &Api) -> Old {
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let body = json!({
        "zone": { "name": "zone-1" },
        "primary_network_interface": { "name": "main", "subnet": { "id": subnet } },
        "network_interfaces": [{ "name": "more", "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.2.40" } }],
    });
    let instance = api.post("/v1/instances", body).await.expect(201);
    api.hosts_obey().await;
    let interfaces = format!("{}/network_interfaces", text(&instance, "href"));
    let all = api.get(&interfaces).await.expect(200);
    let (primary, second) = (all["network_interfaces"][0].clone(), all["network_interfaces"][1].clone());
    Old { instance, primary, second, subnet }
}

async fn floating_ip(api: &Api, target: Value) -> Value {
    let pool = json!({ "name": "outside", "zone": "zone-1", "cidrs": ["203.0.113.0/29"] });
    api.post("/native/v1/public_pools", pool).await.expect(201);
    api.post("/v1/floating_ips", json!({ "target": target })).await.expect(201)
}

#[tokio::test]
async fn a11_old_style_interfaces_are_created_changed_and_deleted() {
    let api = Api::new();
    let Old { instance, primary, second, subnet } = old_style(&api).await;
    assert_eq!(instance["network_attachments"], json!([]));
    assert!(instance.get("primary_network_attachment").is_none());
    assert_eq!(instance["primary_network_interface"]["id"], primary["id"]);
    assert_eq!((&primary["status"], &primary["type"]), (&json!("available"), &json!("primary")));
    assert_eq!((&second["primary_ip"]["address"], &second["type"]), (&json!("10.1.2.40"), &json!("secondary")));
    let interfaces = format!("{}/network_interfaces", text(&instance, "href"));
    let body = json!({ "subnet": { "id": subnet }, "allow_ip_spoofing": true });
    let made = api.post(&interfaces, body).await.expect(201);
    assert_eq!((&made["allow_ip_spoofing"], &made["status"]), (&json!(true), &json!("pending")));
    let one = text(&made, "href");
    let changed = api.patch(&one, json!({ "name": "third", "allow_ip_spoofing": false })).await.expect(200);
    assert_eq!((&changed["name"], &changed["allow_ip_spoofing"]), (&json!("third"), &json!(false)));
    api.patch(&one, json!({ "name": "more" })).await.refused(409, "validation_unique_failed");
    assert_eq!(api.get(&one).await.expect(200), changed);
    api.delete(&one).await.expect(204);
    assert_eq!(api.get(&one).await.expect(200)["status"], "deleting");
    api.hosts_obey().await;
    api.get(&one).await.refused(404, "not_found");
    api.delete(&text(&primary, "href")).await.refused(409, "primary_attachment");
    let address = text(&made["primary_ip"], "href");
    api.get(&address).await.refused(404, "not_found");
    api.delete(&text(&instance, "href")).await.expect(204);
    api.hosts_obey().await;
    let left = api.get(&format!("/v1/subnets/{subnet}/reserved_ips")).await.expect(200);
    let users = left["reserved_ips"].as_array().unwrap().iter().filter(|ip| ip["owner"] == "user").count();
    assert_eq!(users, 0, "they went with their instance: {left}");
}

#[tokio::test]
async fn a11_a_child_is_no_virtual_network_interface() {
    let api = Api::new();
    let Old { instance, second, subnet, .. } = old_style(&api).await;
    let shown = api.get("/native/v1/virtual_network_interfaces").await.expect(200);
    let hidden = text(&shown["items"][0], "id");
    let name = text(&shown["items"][0], "name");
    let other = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let all = api.get("/v1/virtual_network_interfaces").await.expect(200);
    assert_eq!((&all["total_count"], all["virtual_network_interfaces"].as_array().unwrap().len()), (&json!(1), 1));
    let named = api.get(&format!("/v1/virtual_network_interfaces?name={name}")).await.expect(200);
    assert_eq!(named["virtual_network_interfaces"], json!([]));
    let path = format!("/v1/virtual_network_interfaces/{hidden}");
    api.get(&path).await.refused(404, "not_found");
    api.patch(&path, json!({ "auto_delete": false })).await.refused(404, "not_found");
    api.delete(&path).await.refused(404, "not_found");
    for below in ["ips", "floating_ips"] {
        api.get(&format!("{path}/{below}")).await.refused(404, "not_found");
    }
    let ip = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), json!({})).await.expect(201);
    api.put(&format!("{path}/ips/{}", text(&ip, "id"))).await.refused(404, "not_found");
    api.attach(&text(&other, "id"), &hidden).await.refused(409, "child_network_interface");
    let body = json!({ "target": { "id": hidden } });
    let error = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), body).await;
    let message = text(&error.refused(409, "child_network_interface"), "message");
    assert!(message.contains("secondary addresses"), "{message}");
    // Its attachment is none to its users either.
    let attachment = text(&second, "href").replace("/network_interfaces/", "/network_attachments/");
    api.get(&attachment).await.refused(404, "not_found");
    api.delete(&attachment).await.refused(404, "not_found");
    let attachments = format!("{}/network_attachments", text(&instance, "href"));
    assert_eq!(api.get(&attachments).await.expect(200), json!({ "network_attachments": [] }));
}

#[tokio::test]
async fn a12_an_instance_never_has_both_kinds_and_a_subnet_may() {
    let api = Api::new();
    let Old { instance, subnet, .. } = old_style(&api).await;
    let vni = api.vni(json!({ "subnet": { "id": subnet } })).await;
    let error = api.attach(&text(&instance, "id"), &text(&vni, "id")).await.refused(409, "interface_style_conflict");
    let message = text(&error, "message");
    assert!(message.contains("has child network interfaces") && message.contains("instead"), "{message}");
    let inline = json!({ "virtual_network_interface": { "subnet": { "id": subnet } } });
    let attachments = format!("{}/network_attachments", text(&instance, "href"));
    api.post(&attachments, inline.clone()).await.refused(409, "interface_style_conflict");
    let modern = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let body = json!({
        "zone": { "name": "zone-1" },
        "primary_network_interface": { "subnet": { "id": subnet } },
        "primary_network_attachment": inline,
    });
    let error = api.post("/v1/instances", body).await.refused(400, "bad_field");
    assert_eq!(error["target"]["name"], "primary_network_interface");
    let interfaces = format!("{}/network_interfaces", text(&modern, "href"));
    api.post(&interfaces, json!({ "subnet": { "id": subnet } })).await.refused(409, "interface_style_conflict");
}

#[tokio::test]
async fn a11_e07_secondary_addresses_and_the_filtering_mode_are_for_virtual_network_interfaces() {
    let api = Api::new();
    let Old { instance, second, subnet, .. } = old_style(&api).await;
    let interfaces = format!("{}/network_interfaces", text(&instance, "href"));
    for (field, value) in [("ips", json!([{}])), ("protocol_state_filtering_mode", json!("auto"))] {
        let body = json!({ "subnet": { "id": subnet }, field: value });
        let error = api.post(&interfaces, body).await.refused(400, "bad_field");
        assert_eq!(error["target"]["name"], field);
        assert!(text(&error, "message").contains("only virtual network interfaces have it"), "{error}");
    }
    assert!(second.get("protocol_state_filtering_mode").is_none() && second.get("ips").is_none());
    let one = text(&second, "href");
    api.patch(&one, json!({ "protocol_state_filtering_mode": "disabled" })).await.refused(400, "bad_field");
    let ip = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), json!({})).await.expect(201);
    api.put(&format!("{one}/ips/{}", text(&ip, "id"))).await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn a11_floating_ips_groups_and_addresses_refer_to_the_network_interface() {
    let api = Api::new();
    let Old { second, primary, .. } = old_style(&api).await;
    let id = text(&second, "id");
    let refers = |target: &Value| {
        let fields = (&target["id"], &target["href"], &target["resource_type"]);
        assert_eq!(fields, (&second["id"], &second["href"], &json!("network_interface")), "{target}");
    };
    let floating = floating_ip(&api, json!({ "id": id })).await;
    refers(&floating["target"]);
    let found = api.get(&format!("/v1/floating_ips?target.id={id}")).await.expect(200);
    assert_eq!(found["floating_ips"], json!([floating]));
    let (of_primary, of_second) = (
        format!("{}/floating_ips/{}", text(&primary, "href"), text(&floating, "id")),
        format!("{}/floating_ips/{}", text(&second, "href"), text(&floating, "id")),
    );
    let moved = api.put(&of_primary).await.expect(201);
    assert_eq!(moved["target"]["id"], primary["id"]);
    api.get(&of_second).await.refused(404, "not_found");
    api.delete(&of_primary).await.expect(204);
    assert!(api.get(&text(&floating, "href")).await.expect(200).get("target").is_none());
    let ip = api.get(&text(&second["primary_ip"], "href")).await.expect(200);
    refers(&ip["target"]);
    let group = text(&second["security_groups"][0], "id");
    let targets = api.get(&format!("/v1/security_groups/{group}/targets")).await.expect(200);
    let ids: Vec<&Value> = targets["targets"].as_array().unwrap().iter().map(|target| &target["id"]).collect();
    assert!(ids.contains(&&primary["id"]) && ids.contains(&&second["id"]), "{ids:?}");
    let vpc = text(&api.get(&text(&second["subnet"], "href")).await.expect(200)["vpc"], "id");
    let more = text(&api.post("/v1/security_groups", json!({ "vpc": { "id": vpc } })).await.expect(201), "id");
    let target = format!("/v1/security_groups/{more}/targets/{id}");
    refers(&api.put(&target).await.expect(201));
    refers(&api.get(&target).await.expect(200));
    assert_eq!(api.get(&text(&second, "href")).await.expect(200)["security_groups"][1]["id"], more);
    api.delete(&target).await.expect(204);
    api.get(&target).await.refused(404, "not_found");
}
