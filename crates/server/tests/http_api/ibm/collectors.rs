//! Flow log collectors: found by what they are for, one of each target.

use serde_json::{Value, json};

use crate::client::{Api, text};

const COLLECTORS: &str = "/v1/flow_log_collectors";

fn body(name: &str, target: &str) -> Value {
    json!({ "name": name, "storage_bucket": { "name": "bucket-1" }, "target": { "id": target } })
}

async fn names(api: &Api, query: &str) -> Vec<String> {
    let page = api.get(&format!("{COLLECTORS}?{query}")).await.expect(200);
    let found: Vec<String> =
        page["flow_log_collectors"].as_array().unwrap().iter().map(|one| text(one, "name")).collect();
    assert_eq!(page["total_count"], found.len());
    found
}

#[tokio::test]
async fn a09_an_interfaces_collector_is_found_by_its_target() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let made = api.post(COLLECTORS, body("one", &vni)).await.expect(201);
    assert_eq!((&made["active"], &made["auto_delete"]), (&json!(true), &json!(true)));
    assert_eq!(made["target"]["resource_type"], "virtual_network_interface");
    assert_eq!(made["vpc"]["id"], vpc);
    api.post(COLLECTORS, body("two", &subnet)).await.expect(201);
    api.post(COLLECTORS, body("three", &vpc)).await.expect(201);
    assert_eq!(names(&api, &format!("target.id={vni}")).await, ["one"]);
    assert_eq!(names(&api, "target.resource_type=subnet").await, ["two"]);
    assert_eq!(names(&api, "name=three").await, ["three"]);
    assert_eq!(names(&api, &format!("vpc.id={vpc}&name=one")).await, ["one"]);
    let crn = api.get(&format!("/v1/vpcs/{vpc}")).await.expect(200)["crn"].as_str().unwrap().to_owned();
    assert_eq!(names(&api, &format!("vpc.crn={crn}&limit=100")).await, ["three", "two", "one"]);
    assert_eq!(names(&api, "vpc.name=nonsense").await, Vec::<String>::new());
    assert_eq!(names(&api, "resource_group.id=other").await, Vec::<String>::new());
    api.get(&format!("{COLLECTORS}?target.name=x")).await.refused(400, "invalid_value");
}

#[tokio::test]
async fn k16_collectors_are_made_changed_and_deleted() {
    let api = Api::new();
    api.host(1, "zone-1").await;
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let attachment = &instance["primary_network_attachment"];
    let old = &instance["primary_network_interface"];
    let by_href = |thing: &Value| json!({ "storage_bucket": { "name": "b" }, "target": { "href": thing["href"] } });
    let made = api.post(COLLECTORS, by_href(attachment)).await.expect(201);
    assert_eq!(made["target"]["id"], attachment["id"]);
    let again = api.post(COLLECTORS, by_href(old)).await.refused(409, "resource_in_use");
    assert!(text(&again, "message").contains(made["id"].as_str().unwrap()), "it names the holder: {again}");
    let path = format!("{COLLECTORS}/{}", text(&made, "id"));
    let changed = api.patch(&path, json!({ "active": false, "name": "paused" })).await.expect(200);
    assert_eq!((&changed["active"], &changed["name"]), (&json!(false), &json!("paused")));
    assert_eq!(api.patch(&path, json!({})).await.expect(200), changed);
    api.patch(&path, json!({ "active": null })).await.refused(400, "bad_field");
    assert_eq!(api.get(&path).await.expect(200), changed);
    api.post(COLLECTORS, body("x", "sg-00000000000000001")).await.refused(400, "bad_field");
    api.post(COLLECTORS, body("x", "eni-00000000000000001")).await.refused(404, "not_found");
    api.delete(&path).await.expect(204);
    api.get(&path).await.refused(404, "not_found");
    api.post(COLLECTORS, by_href(old)).await.expect(201);
}
