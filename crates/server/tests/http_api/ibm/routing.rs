//! Address prefixes, routing tables and their routes.

use pintle_core::Command;
use pintle_core::model::Region;
use serde_json::{Value, json};

use crate::client::{Api, text};

async fn api() -> Api {
    let api = Api::new();
    let zones = ["zone-1", "zone-2"].map(str::to_owned).to_vec();
    let regions = vec![Region { name: "local".to_owned(), zones }];
    api.engine.execute(Command::ConfigureRegions(regions)).await.unwrap();
    api
}

#[tokio::test]
async fn b02_a_subnet_is_made_within_a_prefix_of_its_zone() {
    let api = api().await;
    let vpc = text(&api.post("/v1/vpcs", json!({})).await.expect(201), "id");
    let prefixes = format!("/v1/vpcs/{vpc}/address_prefixes");
    let all = api.get(&prefixes).await.expect(200);
    let first = &all["address_prefixes"][0];
    assert_eq!((&first["cidr"], &first["is_default"]), (&json!("10.240.0.0/18"), &json!(true)));
    assert_eq!((&first["zone"]["name"], &first["has_subnets"]), (&json!("zone-1"), &json!(false)));
    let page = api.get(&format!("{prefixes}?limit=1")).await.expect(200);
    let next = api.get(page["next"]["href"].as_str().unwrap()).await.expect(200);
    assert_eq!(next["address_prefixes"][0], all["address_prefixes"][1]);
    let counted = json!({ "vpc": { "id": vpc }, "zone": { "name": "zone-2" }, "total_ipv4_address_count": 64 });
    let subnet = api.post("/v1/subnets", counted.clone()).await.expect(201);
    assert_eq!(subnet["ipv4_cidr_block"], "10.240.64.0/26");
    let without_zone = json!({ "vpc": { "id": vpc }, "ipv4_cidr_block": "10.240.1.0/24" });
    assert_eq!(api.post("/v1/subnets", without_zone).await.expect(201)["zone"]["name"], "zone-1");
    let elsewhere = json!({ "vpc": { "id": vpc }, "ipv4_cidr_block": "10.9.0.0/24" });
    assert_eq!(api.post("/v1/subnets", elsewhere).await.refused(400, "bad_field")["target"]["name"], "zone");
    let mut both = counted;
    both["ipv4_cidr_block"] = json!("10.240.65.0/24");
    api.post("/v1/subnets", both).await.refused(400, "bad_field");
    let body = json!({ "cidr": "10.9.0.0/16", "zone": { "name": "zone-1" }, "name": "more" });
    let more = api.post(&prefixes, body).await.expect(201);
    let path = format!("{prefixes}/{}", text(&more, "id"));
    assert_eq!(api.patch(&path, json!({ "is_default": true })).await.expect(200)["is_default"], true);
    assert_eq!(api.get(&prefixes).await.expect(200)["address_prefixes"][0]["is_default"], false);
    let used = format!("{prefixes}/{}", text(first, "id"));
    api.delete(&used).await.refused(409, "resource_in_use");
    api.delete(&path).await.expect(204);
    api.get(&path).await.refused(404, "not_found");
    let manual = api.post("/v1/vpcs", json!({ "address_prefix_management": "manual" })).await.expect(201);
    let none = api.get(&format!("/v1/vpcs/{}/address_prefixes", text(&manual, "id"))).await.expect(200);
    assert_eq!(none["total_count"], 0);
}

#[tokio::test]
async fn c15_routing_tables_and_their_routes_have_lives_of_their_own() {
    let api = api().await;
    let vpc = text(&api.post("/v1/vpcs", json!({ "address_prefix_management": "manual" })).await.expect(201), "id");
    let subnet = text(&api.subnet(&vpc, "10.1.2.0/24", "zone-1").await.expect(201), "id");
    let tables = format!("/v1/vpcs/{vpc}/routing_tables");
    let default = api.get(&format!("/v1/vpcs/{vpc}/default_routing_table")).await.expect(200);
    assert_eq!((&default["is_default"], &default["subnets"][0]["id"]), (&json!(true), &json!(subnet)));
    let route = |name: &str, destination: &str, hop: &str| {
        json!({
            "name": name, "destination": destination, "zone": { "name": "zone-1" }, "next_hop": { "address": hop },
        })
    };
    let body = json!({ "name": "edge", "routes": [route("first", "192.168.0.0/16", "10.1.2.9")] });
    let answer = api.post(&tables, body).await;
    let etag = answer.etag();
    let made = answer.expect(201);
    let path = format!("{tables}/{}", text(&made, "id"));
    let listed = api.get(&format!("{tables}?is_default=false")).await.expect(200);
    assert_eq!((&listed["total_count"], &listed["routing_tables"][0]["name"]), (&json!(1), &json!("edge")));
    api.get(&format!("{tables}?is_default=perhaps")).await.refused(400, "invalid_value");
    let routes = format!("{path}/routes");
    let second = api.post(&routes, route("second", "172.16.0.0/12", "10.1.2.10")).await.expect(201);
    assert_eq!(
        (&second["priority"], &second["action"], &second["origin"]),
        (&json!(2), &json!("deliver"), &json!("user"))
    );
    let same = api.post(&routes, route("third", "172.16.0.0/12", "10.1.2.11")).await.refused(400, "invalid_value");
    assert_eq!(same["target"]["name"], "priority");
    let far = api.post(&routes, route("third", "172.17.0.0/16", "10.9.9.9")).await.refused(400, "invalid_value");
    assert_eq!(far["target"]["name"], "next_hop");
    let one = format!("{routes}/{}", text(&second, "id"));
    let changed = api.patch(&one, json!({ "priority": 0, "next_hop": { "address": "10.1.2.11" } })).await.expect(200);
    assert_eq!((&changed["priority"], &changed["next_hop"]["address"]), (&json!(0), &json!("10.1.2.11")));
    assert_eq!(api.get(&one).await.expect(200), changed);
    assert_eq!(api.get(&routes).await.expect(200)["total_count"], 2);
    let rename = |tag: &str| {
        Api::request(axum::http::Method::PATCH, &path)
            .header("content-type", "application/merge-patch+json")
            .header("if-match", tag)
            .body(axum::body::Body::from(r#"{"name": "outer"}"#))
            .unwrap()
    };
    api.send(rename(&etag)).await.refused(412, "precondition_failed");
    let now = api.get(&path).await.etag();
    assert_eq!(api.send(rename(&now)).await.expect(200)["name"], "outer");
    let used = format!("/v1/subnets/{subnet}/routing_table");
    let put = api.put_body(&used, json!({ "id": made["id"] })).await.expect(201);
    assert_eq!(put["subnets"][0]["id"], subnet);
    assert_eq!(api.get(&used).await.expect(200)["id"], made["id"]);
    assert_eq!(api.get(&format!("/v1/subnets/{subnet}")).await.expect(200)["routing_table"]["name"], "outer");
    api.delete(&path).await.refused(409, "resource_in_use");
    api.patch(&format!("/v1/subnets/{subnet}"), json!({ "routing_table": { "id": default["id"] } })).await.expect(200);
    api.delete(&one).await.expect(204);
    api.delete(&path).await.expect(204);
    api.get(&routes).await.refused(404, "not_found");
    api.delete(&format!("{tables}/{}", text(&default, "id"))).await.refused(409, "resource_in_use");
    let other = text(&api.post("/v1/vpcs", json!({})).await.expect(201), "id");
    let below = format!("/v1/vpcs/{other}/routing_tables/{}", text(&default, "id"));
    api.get(&below).await.refused(404, "not_found");
}

#[tokio::test]
async fn c15_old_clients_find_the_default_tables_routes_below_the_vpc() {
    let api = api().await;
    let vpc = text(&api.post("/v1/vpcs", json!({ "address_prefix_management": "manual" })).await.expect(201), "id");
    let routes = format!("/v1/vpcs/{vpc}/routes");
    let drop = |zone: &str| json!({ "destination": "192.168.0.0/16", "zone": { "name": zone }, "action": "drop" });
    let made = api.post(&routes, drop("zone-1")).await.expect(201);
    api.post(&routes, drop("zone-2")).await.expect(201);
    assert_eq!(made["next_hop"], json!({ "address": "0.0.0.0" }));
    let in_zone = api.get(&format!("{routes}?zone.name=zone-1")).await.expect(200);
    assert_eq!(in_zone["routes"], Value::Array(vec![made.clone()]));
    let path = format!("{routes}/{}", text(&made, "id"));
    assert_eq!(api.patch(&path, json!({ "name": "nowhere" })).await.expect(200)["name"], "nowhere");
    api.delete(&path).await.expect(204);
    assert_eq!(api.get(&routes).await.expect(200)["total_count"], 1);
}
