//! The life of interfaces as a client of the IBM dialect sees it.

use axum::http::{Method, header};
use serde_json::json;

use crate::client::{Api, text};

const VNIS: &str = "/v1/virtual_network_interfaces";

#[tokio::test]
async fn a01_a_vni_is_a_resource_of_its_own() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let made = api.vni(json!({ "subnet": { "id": subnet } })).await;
    let id = text(&made, "id");
    let found = api.get(&text(&made, "href")).await.expect(200);
    assert_eq!(found, made);
    assert_eq!(found["crn"], format!("crn:v1:pintle:public:is:zone-1:a/123456789012::virtual-network-interface:{id}"));
    assert_eq!(found["href"], format!("http://pintle.test{VNIS}/{id}"));
    assert_eq!((&found["subnet"]["id"], &found["vpc"]["id"]), (&json!(subnet), &json!(vpc)));
    assert_eq!((&found["zone"]["name"], &found["resource_group"]["id"]), (&json!("zone-1"), &json!("default")));
    assert_eq!(found["resource_type"], "virtual_network_interface");
    assert_eq!((&found["lifecycle_state"], &found["auto_delete"]), (&json!("stable"), &json!(false)));
    for field in ["name", "created_at", "mac_address", "primary_ip", "ips", "security_groups"] {
        assert!(!found[field].is_null(), "{field}");
    }
    assert!(found.get("target").is_none() && found.get("floating_ips").is_none());
}

#[tokio::test]
async fn a02_a03_a_vni_outlives_its_target_and_goes_to_another_one() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let vni = api.vni(json!({ "subnet": { "id": subnet }, "ips": [{}] })).await;
    let vni_id = text(&vni, "id");
    let first = text(&api.instance("zone-1", json!({ "id": vni_id })).await, "id");
    api.hosts_obey().await;
    let bound = api.get(&format!("{VNIS}/{vni_id}")).await.expect(200);
    assert_eq!(bound["target"]["resource_type"], "instance_network_attachment");
    api.delete(&format!("/v1/instances/{first}")).await.expect(204);
    assert_eq!(api.get(&format!("/v1/instances/{first}")).await.expect(200)["status"], "deleting");
    api.hosts_obey().await;
    api.get(&format!("/v1/instances/{first}")).await.refused(404, "not_found");
    let left = api.get(&format!("{VNIS}/{vni_id}")).await.expect(200);
    assert_eq!((&left["ips"], &left["mac_address"]), (&vni["ips"], &vni["mac_address"]));
    assert!(left.get("target").is_none());
    let second = text(&api.instance("zone-1", json!({ "id": vni_id })).await, "id");
    api.hosts_obey().await;
    let again = api.get(&format!("{VNIS}/{vni_id}")).await.expect(200);
    assert!(text(&again["target"], "href").contains(&second));
    assert_eq!(again["ips"], vni["ips"]);
}

#[tokio::test]
async fn a04_with_auto_delete_a_vni_and_its_addresses_go_with_the_target() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/29", "zone-1").await;
    api.host(1, "zone-1").await;
    let free =
        async || api.get(&format!("/v1/subnets/{subnet}")).await.expect(200)["available_ipv4_address_count"].clone();
    assert_eq!(free().await, 3);
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet }, "ips": [{}, {}] })).await;
    let vni = text(&instance["primary_network_attachment"]["virtual_network_interface"], "id");
    assert_eq!(api.get(&format!("{VNIS}/{vni}")).await.expect(200)["auto_delete"], true);
    assert_eq!(free().await, 0);
    api.hosts_obey().await;
    api.delete(&format!("/v1/instances/{}", text(&instance, "id"))).await.expect(204);
    api.hosts_obey().await;
    api.get(&format!("{VNIS}/{vni}")).await.refused(404, "not_found");
    assert_eq!(free().await, 3);
    api.vni(json!({ "subnet": { "id": subnet }, "ips": [{}, {}] })).await;
}

#[tokio::test]
async fn a05_auto_delete_needs_a_target() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let body = json!({ "subnet": { "id": subnet }, "auto_delete": true });
    api.post(VNIS, body).await.refused(400, "invalid_value");
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let error = api.patch(&format!("{VNIS}/{vni}"), json!({ "auto_delete": true })).await.refused(400, "invalid_value");
    assert_eq!(error["target"], json!({ "name": "auto_delete", "type": "field", "value": "true" }));
}

#[tokio::test]
async fn a06_properties_survive_detach_and_attach() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let body = json!({
        "subnet": { "id": subnet },
        "name": "data",
        "ips": [{ "address": "10.1.2.50" }, {}],
        "allow_ip_spoofing": true,
        "protocol_state_filtering_mode": "disabled",
    });
    let before = api.vni(body).await;
    let id = text(&before, "id");
    for _ in 0..2 {
        let instance = api.post("/native/v1/instances", json!({ "vpc": vpc, "zone": "zone-1" })).await.expect(201);
        let made = api.attach(&text(&instance, "id"), &id).await.expect(201);
        api.hosts_obey().await;
        api.delete(&text(&made, "href")).await.expect(204);
        api.hosts_obey().await;
    }
    assert_eq!(api.get(&format!("{VNIS}/{id}")).await.expect(200), before);
}

#[tokio::test]
async fn a30_deleting_what_is_in_use_names_the_holder() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let instance = api.instance("zone-1", json!({ "id": vni })).await;
    let attachment = text(&instance["primary_network_attachment"], "id");
    let message = |error: serde_json::Value| text(&error, "message");
    let error = message(api.delete(&format!("{VNIS}/{vni}")).await.refused(409, "resource_in_use"));
    assert!(error.contains(&attachment) && error.contains("detach it first"), "{error}");
    let error = message(api.delete(&format!("/v1/subnets/{subnet}")).await.refused(409, "resource_in_use"));
    assert!(error.contains(&vni), "{error}");
    let error = message(api.delete(&format!("/v1/vpcs/{vpc}")).await.refused(409, "resource_in_use"));
    assert!(error.contains(&subnet), "{error}");
    let ip = text(&api.get(&format!("{VNIS}/{vni}")).await.expect(200)["primary_ip"], "href");
    let error = message(api.delete(&ip).await.refused(409, "resource_in_use"));
    assert!(error.contains(&vni), "{error}");
}

#[tokio::test]
async fn deletion_shows_what_was_deleted() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let vni = api.vni(json!({ "subnet": { "id": subnet } })).await;
    let shown = api.delete(&text(&vni, "href")).await.expect(202);
    assert_eq!((&shown["lifecycle_state"], &shown["ips"]), (&json!("deleting"), &vni["ips"]));
    api.get(&text(&vni, "href")).await.refused(404, "not_found");
    api.delete(&text(&vni, "href")).await.refused(404, "not_found");
}

#[tokio::test]
async fn patches_change_only_what_they_name() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let before = api.vni(json!({ "subnet": { "id": subnet } })).await;
    let href = text(&before, "href");
    assert_eq!(api.patch(&href, json!({})).await.expect(200), before);
    let after = api.patch(&href, json!({ "name": "data", "allow_ip_spoofing": true })).await.expect(200);
    let mut expected = before.clone();
    (expected["name"], expected["allow_ip_spoofing"]) = (json!("data"), json!(true));
    assert_eq!(after, expected);
    let request =
        Api::request(Method::PATCH, &format!("/v1/vpcs/{vpc}")).header(header::CONTENT_TYPE, "application/json");
    let renamed = api.send(request.body(r#"{"name": "navy"}"#.into()).unwrap()).await.expect(200);
    assert_eq!(renamed["name"], "navy");
    let error = api.post("/v1/vpcs", json!({ "name": "navy" })).await.refused(409, "validation_unique_failed");
    assert!(text(&error, "message").contains(&vpc));
    let path = format!("/v1/subnets/{subnet}");
    assert_eq!(api.patch(&path, json!({ "name": "deep" })).await.expect(200)["name"], "deep");
}
