//! Attachments and instances as a client of the IBM dialect sees them.

use pintle_core::Command;
use serde_json::{Value, json};

use crate::client::{Api, text};

#[tokio::test]
async fn a16_an_interface_stays_in_its_zone() {
    let api = Api::new();
    let (vpc, here) = api.network("10.1.2.0/24", "zone-1").await;
    let there = text(&api.subnet(&vpc, "10.1.3.0/24", "zone-2").await.expect(201), "id");
    api.host(1, "zone-1").await;
    let instance = text(&api.instance("zone-1", json!({ "subnet": { "id": here } })).await, "id");
    let vni = text(&api.vni(json!({ "subnet": { "id": there } })).await, "id");
    let error = api.attach(&instance, &vni).await.refused(400, "invalid_zone");
    let message = text(&error, "message");
    assert!(message.contains("'zone-1'") && message.contains("'zone-2'"), "{message}");
    let body = json!({
        "zone": { "name": "zone-2" },
        "primary_network_attachment": { "virtual_network_interface": { "subnet": { "id": there } } },
    });
    api.post("/v1/instances", body).await.refused(409, "insufficient_capacity");
}

#[tokio::test]
async fn a17_the_primary_attachment_stays_with_its_instance() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let primary = &instance["primary_network_attachment"];
    let error = api.delete(&text(primary, "href")).await.refused(409, "primary_attachment");
    assert!(text(&error, "message").contains(&text(&instance, "id")));
    assert_eq!(api.get(&text(primary, "href")).await.expect(200)["type"], "primary");
}

#[tokio::test]
async fn a28_lifecycle_states_of_attachment_and_interface_are_shown() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let vni = api.vni(json!({ "subnet": { "id": subnet } })).await;
    let made = api.attach(&text(&instance, "id"), &text(&vni, "id")).await.expect(201);
    let states = async || {
        let attachment = api.get(&text(&made, "href")).await.expect(200);
        let vni = api.get(&text(&vni, "href")).await.expect(200);
        (text(&attachment, "lifecycle_state"), text(&vni, "lifecycle_state"))
    };
    let pair = |attachment: &str, vni: &str| (attachment.to_owned(), vni.to_owned());
    assert_eq!(states().await, pair("pending", "updating"));
    let id = text(&made, "id").parse().unwrap();
    api.engine.execute(Command::AttachmentFailed(id, 1, "no device".to_owned())).await.unwrap();
    assert_eq!(states().await, pair("failed", "failed"));
    api.engine.execute(Command::AttachmentRealised(id, 1)).await.unwrap();
    assert_eq!(states().await, pair("stable", "stable"));
    let actions = format!("/v1/instances/{}/actions", text(&instance, "id"));
    let action = api.post(&actions, json!({ "type": "stop", "force": true })).await.expect(201);
    assert_eq!((&action["type"], &action["status"]), (&json!("stop"), &json!("completed")));
    assert_eq!(action["force"], true);
    assert_eq!(states().await.0, "waiting");
    api.post(&actions, json!({ "type": "start" })).await.expect(201);
    assert_eq!(states().await.0, "pending");
    api.delete(&text(&made, "href")).await.expect(204);
    assert_eq!(states().await.0, "deleting");
    api.hosts_obey().await;
    api.get(&text(&made, "href")).await.refused(404, "not_found");
    assert_eq!(api.get(&text(&vni, "href")).await.expect(200)["lifecycle_state"], "stable");
}

#[tokio::test]
async fn f02_primary_at_provisioning_and_further_ones_later() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let ready = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let body = json!({
        "name": "web",
        "zone": { "href": "http://pintle.test/v1/regions/local/zones/zone-1" },
        "vpc": { "crn": format!("crn:v1:pintle:public:is:local:a/123456789012::vpc:{vpc}") },
        "profile": { "name": "namespace" },
        "primary_network_attachment": {
            "name": "main",
            "virtual_network_interface": { "subnet": { "id": subnet }, "name": "web-main" },
        },
        "network_attachments": [{ "virtual_network_interface": { "id": ready } }],
    });
    let instance = api.post("/v1/instances", body).await.expect(201);
    let path = format!("/v1/instances/{}/network_attachments", text(&instance, "id"));
    assert_eq!(instance["network_attachments"].as_array().unwrap().len(), 2);
    api.hosts_obey().await;
    assert_eq!(api.get(&text(&instance, "href")).await.expect(200)["status"], "running");
    let inline = json!({ "name": "late", "virtual_network_interface": { "subnet": { "id": subnet } } });
    let late = api.post(&path, inline).await.expect(201);
    assert_eq!((&late["type"], &late["name"]), (&json!("secondary"), &json!("late")));
    let vni = text(&late["virtual_network_interface"], "href");
    assert_eq!(api.get(&vni).await.expect(200)["auto_delete"], true, "made with its target, it goes with it");
    let all = api.get(&path).await.expect(200);
    let types: Vec<&Value> = all["network_attachments"].as_array().unwrap().iter().map(|a| &a["type"]).collect();
    assert_eq!(types, ["primary", "secondary", "secondary"]);
    let renamed = api.patch(&text(&late, "href"), json!({ "name": "later" })).await.expect(200);
    assert_eq!(renamed["name"], "later");
    let error = api.attach(&text(&instance, "id"), &ready).await.refused(409, "already_attached");
    assert!(text(&error, "message").contains(&text(&instance, "id")));
}

#[tokio::test]
async fn f06_hot_warm_and_cold_attach() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let cold = &instance["primary_network_attachment"];
    assert_eq!(api.get(&text(cold, "href")).await.expect(200)["lifecycle_state"], "pending");
    api.hosts_obey().await;
    let id = text(&instance, "id");
    let (hot_vni, warm_vni) =
        (api.vni(json!({ "subnet": { "id": subnet } })).await, api.vni(json!({ "subnet": { "id": subnet } })).await);
    let hot = api.attach(&id, &text(&hot_vni, "id")).await.expect(201);
    assert_eq!(hot["lifecycle_state"], "pending");
    api.hosts_obey().await;
    assert_eq!(api.get(&text(&hot, "href")).await.expect(200)["lifecycle_state"], "stable");
    api.post(&format!("/v1/instances/{id}/actions"), json!({ "type": "stop" })).await.expect(201);
    assert_eq!(api.get(&format!("/v1/instances/{id}")).await.expect(200)["status"], "stopped");
    let warm = api.attach(&id, &text(&warm_vni, "id")).await.expect(201);
    assert_eq!(warm["lifecycle_state"], "waiting");
    api.post(&format!("/v1/instances/{id}/actions"), json!({ "type": "start" })).await.expect(201);
    api.hosts_obey().await;
    assert_eq!(api.get(&text(&warm, "href")).await.expect(200)["lifecycle_state"], "stable");
    assert_eq!(api.get(&format!("/v1/instances/{id}")).await.expect(200)["status"], "running");
}

#[tokio::test]
async fn f12_a_new_instance_is_created_with_the_interface_of_a_deleted_one() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet }, "auto_delete": false })).await;
    let vni = text(&instance["primary_network_attachment"]["virtual_network_interface"], "id");
    let address = instance["primary_network_attachment"]["primary_ip"]["address"].clone();
    api.hosts_obey().await;
    api.delete(&text(&instance, "href")).await.expect(204);
    api.hosts_obey().await;
    let next = api.instance("zone-1", json!({ "id": vni })).await;
    assert_eq!(next["primary_network_attachment"]["virtual_network_interface"]["id"], vni.as_str());
    assert_eq!(next["primary_network_attachment"]["primary_ip"]["address"], address);
}

#[tokio::test]
async fn c06_attaching_to_an_instance_needs_infrastructure_nat() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let instance = text(&api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await, "id");
    let vni = api.vni(json!({ "subnet": { "id": subnet }, "enable_infrastructure_nat": false })).await;
    let error = api.attach(&instance, &text(&vni, "id")).await.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "enable_infrastructure_nat");
}

#[tokio::test]
async fn attachments_are_found_below_their_own_instance_only() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let first = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let second = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let foreign = format!(
        "/v1/instances/{}/network_attachments/{}",
        text(&second, "id"),
        text(&first["primary_network_attachment"], "id")
    );
    api.get(&foreign).await.refused(404, "not_found");
    api.delete(&foreign).await.refused(404, "not_found");
}
