//! Pintle's own API: names, hosts, placed instances, and actions that wait.

use std::time::Duration;

use pintle_core::Command;
use pintle_core::host_protocol::{Hello, PROTOCOL_VERSION};
use pintle_core::model::MoveStep;
use serde_json::{Value, json};

use crate::client::{Answer, Api, text};

const VNIS: &str = "/native/v1/virtual_network_interfaces";

#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let body = answer.expect(status);
    assert_eq!(body["error"]["code"], code, "{body}");
    body["error"].clone()
}

/// Two hosts with an instance each, and an interface called `data` that is attached to the first one.
async fn two_instances(api: &Api) -> (String, String, String) {
    let vpc = api.post("/v1/vpcs", json!({ "name": "blue" })).await.expect(201);
    let body = json!({ "name": "blue-1", "vpc": { "id": vpc["id"] }, "zone": { "name": "zone-1" }, "ipv4_cidr_block": "10.1.2.0/24" });
    let subnet = api.post("/v1/subnets", body).await.expect(201);
    api.host(1, "zone-1").await;
    api.host(2, "zone-1").await;
    for (name, host) in [("one", "host-1"), ("two", "host-2")] {
        let body = json!({ "name": name, "vpc": "blue", "host": host });
        api.post("/native/v1/instances", body).await.expect(201);
    }
    let vni = api.vni(json!({ "name": "data", "subnet": { "id": subnet["id"] } })).await;
    api.post(&format!("{VNIS}/data/actions/attach"), json!({ "instance": "one" })).await.expect(202);
    api.hosts_obey().await;
    (text(&vpc, "id"), text(&subnet, "id"), text(&vni, "id"))
}

#[tokio::test]
async fn the_table_of_interfaces_comes_in_one_call() {
    let api = Api::new();
    let (_, subnet, vni) = two_instances(&api).await;
    let page = api.get(VNIS).await.expect(200);
    assert_eq!(page["total"], 1);
    let row = &page["items"][0];
    assert_eq!((&row["id"], &row["instance"]["name"]), (&json!(vni), &json!("one")));
    assert_eq!((&row["host"]["name"], &row["attachment"]["device"]), (&json!("host-1"), &json!("eth0")));
    assert!(row["mac_address"].is_string() && row["addresses"].as_array().unwrap().len() == 1);
    for filter in [format!("subnet={subnet}"), "instance=one".to_owned(), "host=host-1".to_owned()] {
        assert_eq!(api.get(&format!("{VNIS}?{filter}")).await.expect(200)["total"], 1, "{filter}");
    }
    assert_eq!(api.get(&format!("{VNIS}?host=host-2")).await.expect(200)["total"], 0);
    refused(api.get(&format!("{VNIS}?host=host-2&instance=one")).await, 400, "bad_parameter");
    refused(api.get(&format!("{VNIS}?host=nobody")).await, 404, "not_found");
    assert_eq!(api.get(&format!("{VNIS}/data")).await.expect(200), *row);
}

#[tokio::test]
async fn names_stand_for_ids_while_only_one_thing_has_them() {
    let api = Api::new();
    let (vpc, _, vni) = two_instances(&api).await;
    for (kind, name, id) in [("vpc", "blue", &vpc), ("virtual_network_interface", "data", &vni), ("vpc", &vpc, &vpc)] {
        let found = api.get(&format!("/native/v1/resolve/{kind}/{name}")).await.expect(200);
        assert_eq!(found, json!({ "id": id }));
    }
    refused(api.get("/native/v1/resolve/colour/red").await, 404, "unknown_path");
    refused(api.get("/native/v1/resolve/vpc/red").await, 404, "not_found");
    let (_, other) = api.network("10.1.2.0/24", "zone-1").await;
    let second = text(&api.vni(json!({ "name": "data", "subnet": { "id": other } })).await, "id");
    let error = refused(api.get(&format!("{VNIS}/data")).await, 409, "ambiguous_name");
    let mut candidates = vec![vni.clone(), second];
    candidates.sort();
    let mut told: Vec<String> = serde_json::from_value(error["candidates"].clone()).unwrap();
    told.sort();
    assert_eq!(told, candidates);
    api.get(&format!("{VNIS}/{vni}")).await.expect(200);
}

#[tokio::test]
async fn instances_are_placed_in_namespaces_that_are_made_or_there() {
    let api = Api::new();
    let (vpc, _, _) = two_instances(&api).await;
    let made = api.get("/native/v1/instances/one").await.expect(200);
    assert_eq!(made["namespace"], json!({ "kind": "made", "path": format!("/run/netns/{}", text(&made, "id")) }));
    assert_eq!(made["interfaces"][0]["virtual_network_interface"]["name"], "data");
    let post = async |body: Value| api.post("/native/v1/instances", body).await;
    let body = json!({
        "vpc": vpc,
        "zone": "zone-1",
        "namespace": { "path": "/run/netns/web" },
        "primary": { "new": { "subnet": "blue-1", "address": "10.1.2.60" } },
    });
    let there = post(body).await.expect(201);
    assert_eq!(there["namespace"], json!({ "kind": "path", "path": "/run/netns/web" }));
    assert_eq!(there["interfaces"][0]["address"], "10.1.2.60");
    let from_primary =
        json!({ "host": "host-2", "namespace": { "pid": 7 }, "primary": { "new": { "subnet": "blue-1" } } });
    assert_eq!(post(from_primary).await.expect(201)["vpc"]["name"], "blue");
    refused(post(json!({ "vpc": "blue", "zone": "zone-1", "namespace": {} })).await, 400, "bad_field");
    refused(
        post(json!({ "vpc": "blue", "host": "host-1", "namespace": { "path": "web" } })).await,
        400,
        "invalid_value",
    );
    refused(post(json!({ "zone": "zone-1" })).await, 400, "bad_field");
    refused(post(json!({ "vpc": "blue", "zone": "zone-9" })).await, 409, "no_host");
    refused(post(json!({ "vpc": "blue", "host": "host-1", "zone": "zone-2" })).await, 400, "invalid_value");
    let gone = api.delete("/native/v1/instances/two").await.expect(202);
    assert_eq!(gone["lifecycle"], "deleting");
}

#[tokio::test]
async fn hosts_show_whether_they_are_connected_and_stay_while_they_are_in_use() {
    let api = Api::new();
    two_instances(&api).await;
    let page = api.get("/native/v1/hosts").await.expect(200);
    assert_eq!(page["total"], 2);
    let host = api.get("/native/v1/hosts/host-1").await.expect(200);
    assert_eq!((&host["connected"], &host["instances"]), (&json!(false), &json!(1)));
    assert_eq!((&host["guest_mtu"], &host["applied_revision"]), (&json!(1450), &Value::Null));
    let error = refused(api.delete("/native/v1/hosts/host-1").await, 409, "in_use");
    assert!(text(&error, "holder").starts_with("i-"));
    api.host(3, "zone-1").await;
    api.delete("/native/v1/hosts/host-3").await.expect(204);
    assert_eq!(api.get("/native/v1/drift").await.expect(200), json!({ "items": [], "total": 0 }));
    let status = api.get("/native/v1/status").await.expect(200);
    assert_eq!(status["counts"]["hosts"], 2);
    assert_eq!((&status["counts"]["virtual_network_interfaces"], &status["connected_hosts"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn attach_and_detach_tell_what_became_of_them() {
    let api = Api::new();
    let (_, subnet, _) = two_instances(&api).await;
    let spare = text(&api.vni(json!({ "name": "spare", "subnet": { "id": subnet } })).await, "id");
    let hosts = api.clone();
    let obey = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        hosts.hosts_obey().await;
    });
    let done =
        api.post(&format!("{VNIS}/spare/actions/attach?wait=30"), json!({ "instance": "two" })).await.expect(200);
    obey.await.unwrap();
    assert_eq!((&done["settled"], &done["attachment"]["lifecycle"]), (&json!(true), &json!("stable")));
    let error = api.post(&format!("{VNIS}/{spare}/actions/attach"), json!({ "instance": "one" })).await;
    refused(error, 409, "already_attached");
    let pending = api.post(&format!("{VNIS}/spare/actions/detach"), json!({})).await.expect(202);
    assert_eq!((&pending["settled"], &pending["attachment"]["lifecycle"]), (&json!(false), &json!("deleting")));
    let gone = api.post(&format!("{VNIS}/spare/actions/detach?wait=1"), json!({ "force": true })).await.expect(200);
    assert_eq!(gone, json!({ "settled": true, "attachment": null }));
    refused(api.post(&format!("{VNIS}/spare/actions/detach"), json!({})).await, 409, "not_attached");
    refused(api.post(&format!("{VNIS}/spare/actions/detach?wait=31"), json!({})).await, 400, "bad_parameter");
    let empty = Api::request(axum::http::Method::POST, &format!("{VNIS}/data/actions/detach"));
    api.send(empty.body(axum::body::Body::empty()).unwrap()).await.expect(202);
}

#[tokio::test]
async fn a_failed_attach_says_why() {
    let api = Api::new();
    let (_, subnet, _) = two_instances(&api).await;
    api.vni(json!({ "name": "spare", "subnet": { "id": subnet } })).await;
    let made = api.post(&format!("{VNIS}/spare/actions/attach"), json!({ "instance": "two" })).await.expect(202);
    let id = text(&made["attachment"], "id").parse().unwrap();
    api.engine.execute(Command::AttachmentFailed(id, 1, "no device left".to_owned())).await.unwrap();
    let row = api.get(&format!("{VNIS}/spare")).await.expect(200);
    assert_eq!((&row["lifecycle"], &row["attachment"]["failure"]), (&json!("failed"), &json!("no device left")));
}

#[tokio::test]
async fn a_move_is_waited_for_and_timed() {
    let api = Api::new();
    let (_, _, vni) = two_instances(&api).await;
    let to_two = json!({ "to": "two" });
    let started =
        api.post(&format!("{VNIS}/data/actions/move"), json!({ "to": "two", "wait": false })).await.expect(202);
    assert_eq!((&started["outcome"], &started["step"]), (&json!("running"), &json!("prepare")));
    refused(api.post(&format!("{VNIS}/data/actions/move"), to_two).await, 409, "moving");
    refused(api.post(&format!("{VNIS}/data/actions/detach"), json!({})).await, 409, "moving");
    let id = vni.parse().unwrap();
    for step in [MoveStep::Prepare, MoveStep::Open, MoveStep::Drain, MoveStep::Settle] {
        api.engine.execute(Command::AdvanceMove(id, step)).await.unwrap();
    }
    api.hosts_obey().await;
    assert_eq!(api.get(&format!("{VNIS}/data")).await.expect(200)["instance"]["name"], "two");

    let hosts = api.clone();
    let abort = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            hosts.engine.execute(Command::AbortMove(id, "no room".to_owned())).await.unwrap();
        }
    });
    let ended = api.post(&format!("{VNIS}/data/actions/move"), json!({ "to": "one" })).await.expect(200);
    abort.abort();
    assert_eq!((&ended["outcome"], &ended["failure"]), (&json!("aborted"), &json!("no room")));
    assert!(ended["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(api.get(&format!("{VNIS}/data")).await.expect(200)["instance"]["name"], "two");
    refused(api.post(&format!("{VNIS}/data/actions/move"), json!({ "to": "two" })).await, 409, "already_attached");
    refused(api.post(&format!("{VNIS}/data/actions/move"), json!({ "to": "three" })).await, 404, "not_found");
}

#[tokio::test]
async fn b16_a_host_that_is_away_can_be_removed_with_what_is_being_deleted_on_it() {
    let api = Api::new();
    let (_, _, vni) = two_instances(&api).await;
    api.delete("/native/v1/instances/one").await.expect(202);
    let id = api.get("/native/v1/hosts/host-1").await.expect(200)["id"].as_str().unwrap().parse().unwrap();
    let hello = Hello {
        version: PROTOCOL_VERSION,
        host: id,
        name: "host-1".into(),
        zone: "zone-1".into(),
        vtep: [192, 0, 2, 1].into(),
        underlay_mtu: 1500,
        uplink: None,
        max_ports: 4096,
        resume: None,
    };
    let (session, _, _) = api.sessions.open(&hello);
    refused(api.delete("/native/v1/hosts/host-1").await, 409, "in_use");
    drop(session);
    api.delete("/native/v1/hosts/host-1").await.expect(204);
    assert_eq!(api.get(&format!("{VNIS}/{vni}")).await.expect(200)["instance"], Value::Null);
    refused(api.delete("/native/v1/hosts/host-2").await, 409, "in_use");
}
