//! Security groups, network ACLs and what leads in from the public network, in IBM's dialect.

use serde_json::{Value, json};

use crate::client::{Api, text};

const GROUPS: &str = "/v1/security_groups";
const ACLS: &str = "/v1/network_acls";

async fn group(api: &Api, vpc: &str, body: Value) -> Value {
    let mut body = body;
    body["vpc"] = json!({ "id": vpc });
    api.post(GROUPS, body).await.expect(201)
}

/// The same request as a client of another version would send it.
async fn get_at(api: &Api, path: &str, version: &str) -> Value {
    let uri = format!("{path}?version={version}&generation=2");
    let request = axum::http::Request::builder()
        .uri(uri)
        .header("authorization", format!("Bearer {}", crate::client::TOKEN))
        .body(axum::body::Body::empty())
        .unwrap();
    api.send(request).await.expect(200)
}

#[tokio::test]
async fn d02_a_new_vpc_has_a_default_group_and_acl_and_a_new_group_denies_all_in() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let shown = api.get(&format!("/v1/vpcs/{vpc}")).await.expect(200);
    let default = api.get(&format!("/v1/vpcs/{vpc}/default_security_group")).await.expect(200);
    assert_eq!(shown["default_security_group"]["id"], default["id"]);
    let inbound = |group: &Value| {
        let rules = group["rules"].as_array().unwrap().clone();
        rules.into_iter().filter(|rule| rule["direction"] == "inbound").collect::<Vec<_>>()
    };
    assert!(inbound(&default).iter().all(|rule| rule["remote"]["id"] == default["id"]), "only from its members");
    let vni = api.vni(json!({ "subnet": { "id": subnet } })).await;
    assert_eq!(vni["security_groups"][0]["id"], default["id"]);
    let made = group(&api, &vpc, json!({ "name": "web" })).await;
    assert_eq!(inbound(&made), Vec::<Value>::new());
    assert_eq!((&made["rules"][0]["direction"], &made["rules"][0]["protocol"]), (&json!("outbound"), &json!("any")));
    let acl = api.get(&format!("/v1/vpcs/{vpc}/default_network_acl")).await.expect(200);
    assert_eq!((&acl["id"], &acl["subnets"][0]["id"]), (&shown["default_network_acl"]["id"], &json!(subnet)));
    assert!(acl["rules"].as_array().unwrap().iter().all(|rule| rule["action"] == "allow"));
    api.delete(&format!("{GROUPS}/{}", text(&default, "id"))).await.refused(409, "default_resource");
    assert_eq!(api.get(&format!("{GROUPS}?vpc.id={vpc}")).await.expect(200)["total_count"], 2);
    let none = api.get(&format!("{GROUPS}?vpc.name=nobody")).await.expect(200);
    assert_eq!(none["security_groups"], json!([]));
}

#[tokio::test]
async fn d05_rules_come_and_go_one_by_one_and_keep_their_id_when_they_change() {
    let api = Api::new();
    let (vpc, _) = api.network("10.1.2.0/24", "zone-1").await;
    let made = group(&api, &vpc, json!({ "rules": [] })).await;
    let path = format!("{GROUPS}/{}/rules", text(&made, "id"));
    let tcp = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 80, "port_max": 81, "remote": { "cidr_block": "10.0.0.0/8" } });
    let rule = api.post(&path, tcp.clone()).await.expect(201);
    assert_eq!((&rule["port_max"], &rule["remote"]), (&json!(81), &json!({ "cidr_block": "10.0.0.0/8" })));
    api.post(&path, tcp).await.refused(409, "duplicate_rule");
    let one = format!("{path}/{}", text(&rule, "id"));
    let changed = api.patch(&one, json!({ "port_max": 90, "remote": { "id": made["id"] } })).await.expect(200);
    assert_eq!((&changed["id"], &changed["port_min"], &changed["port_max"]), (&rule["id"], &json!(80), &json!(90)));
    assert_eq!(changed["remote"]["id"], made["id"]);
    let icmp = api.patch(&one, json!({ "protocol": "icmp", "type": 8 })).await.expect(200);
    assert_eq!((icmp.get("port_min"), &icmp["type"]), (None, &json!(8)));
    assert_eq!(api.get(&path).await.expect(200), json!({ "rules": [icmp] }));
    for (body, field) in [
        (json!({ "direction": "in", "protocol": "tcp" }), "direction"),
        (json!({ "direction": "inbound", "protocol": "all" }), "protocol"),
        (json!({ "direction": "inbound", "protocol": "tcp", "port_min": 5 }), "port_max"),
        (json!({ "direction": "inbound", "protocol": "icmp", "code": 0 }), "type"),
        (json!({ "direction": "inbound", "protocol": "tcp", "remote": {} }), "remote"),
        (json!({ "direction": "inbound", "protocol": "tcp", "name": "x" }), "name"),
        (json!({ "direction": "inbound", "protocol": "tcp", "remote": { "address": "2001:db8::1" } }), "remote"),
    ] {
        let error = api.post(&path, body.clone()).await.refused(400, "bad_field");
        assert_eq!(error["target"]["name"], field, "{body}");
    }
    let bits = json!({ "direction": "inbound", "protocol": "tcp", "remote": { "cidr_block": "10.0.0.7/8" } });
    api.post(&path, bits).await.refused(400, "invalid_value");
    api.delete(&one).await.expect(204);
    api.get(&one).await.refused(404, "not_found");
    api.delete(&one).await.refused(404, "not_found");
}

#[tokio::test]
async fn protocols_are_named_as_the_clients_version_has_them() {
    let api = Api::new();
    let (vpc, _) = api.network("10.1.2.0/24", "zone-1").await;
    let rules =
        json!([{ "direction": "inbound", "protocol": "icmp_tcp_udp" }, { "direction": "inbound", "protocol": "gre" }]);
    let made = group(&api, &vpc, json!({ "rules": rules })).await;
    let path = format!("{GROUPS}/{}", text(&made, "id"));
    let names = |group: &Value| {
        group["rules"].as_array().unwrap().iter().map(|rule| text(rule, "protocol")).collect::<Vec<_>>()
    };
    assert_eq!(names(&get_at(&api, &path, "2025-12-09").await), ["icmp_tcp_udp", "gre"]);
    assert_eq!(names(&get_at(&api, &path, "2025-12-08").await), ["all", "gre"]);
}

#[tokio::test]
async fn d01_targets_come_and_go_and_the_last_group_stays() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let one = text(&group(&api, &vpc, json!({ "name": "one" })).await, "id");
    let two = text(&group(&api, &vpc, json!({ "name": "two" })).await, "id");
    let body = json!({ "subnet": { "id": subnet }, "security_groups": [{ "id": one }] });
    let vni = text(&api.vni(body).await, "id");
    let target = |group: &str| format!("{GROUPS}/{group}/targets/{vni}");
    api.get(&target(&two)).await.refused(404, "not_found");
    let added = api.put(&target(&two)).await.expect(201);
    assert_eq!((&added["id"], &added["subnet"]["id"]), (&json!(vni), &json!(subnet)));
    assert_eq!(api.put(&target(&two)).await.expect(201), added, "adding it again changes nothing");
    assert_eq!(api.get(&target(&two)).await.expect(200), added);
    let listed = api.get(&format!("{GROUPS}/{two}/targets")).await.expect(200);
    assert_eq!(listed["targets"], json!([added]));
    api.delete(&format!("{GROUPS}/{two}")).await.refused(409, "resource_in_use");
    api.delete(&target(&one)).await.expect(204);
    assert!(api.delete(&target(&two)).await.status.is_client_error(), "the last one stays");
    let shown = api.get(&format!("/v1/virtual_network_interfaces/{vni}")).await.expect(200);
    assert_eq!(shown["security_groups"].as_array().unwrap().len(), 1);
    api.delete(&format!("{GROUPS}/{one}")).await.expect(204);
    let (other, _) = api.network("10.1.2.0/24", "zone-1").await;
    let foreign = text(&group(&api, &other, json!({})).await, "id");
    api.put(&target(&foreign)).await.refused(400, "invalid_vpc");
}

#[tokio::test]
async fn d15_acl_rules_stand_where_they_are_put() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let rule = |name: &str, direction: &str| json!({ "name": name, "action": "allow", "direction": direction, "protocol": "any", "source": "0.0.0.0/0", "destination": "10.0.0.0/8" });
    let body = json!({ "vpc": { "id": vpc }, "name": "edge", "rules": [rule("b", "inbound"), rule("c", "outbound")] });
    let acl = api.post(ACLS, body).await.expect(201);
    let path = format!("{ACLS}/{}/rules", text(&acl, "id"));
    let names = async |query: &str| {
        let page = api.get(&format!("{path}{query}")).await.expect(200);
        page["rules"].as_array().unwrap().iter().map(|rule| text(rule, "name")).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["b", "c"]);
    let b = text(&acl["rules"][0], "id");
    let mut first = json!({ "name": "a", "action": "deny", "direction": "inbound", "protocol": "tcp", "source": "10.9.0.7", "destination": "0.0.0.0/0", "destination_port_min": 23, "destination_port_max": 23 });
    first["before"] = json!({ "id": b });
    let made = api.post(&path, first.clone()).await.expect(201);
    assert_eq!((&made["before"]["id"], &made["source"]), (&json!(b), &json!("10.9.0.7")));
    assert_eq!(names("").await, ["a", "b", "c"]);
    assert_eq!(
        (names("?direction=inbound").await, names("?direction=outbound").await),
        (vec!["a".into(), "b".into()], vec!["c".into()])
    );
    assert_eq!(names("?limit=1").await, ["a"]);
    api.get(&format!("{path}?direction=up")).await.refused(400, "invalid_value");
    let a = format!("{path}/{}", text(&made, "id"));
    let last = api.patch(&a, json!({ "before": null, "destination_port_max": 25 })).await.expect(200);
    assert_eq!((last.get("before"), &last["destination_port_max"]), (None, &json!(25)));
    assert_eq!(names("").await, ["b", "c", "a"]);
    api.delete(&a).await.expect(204);
    api.get(&a).await.refused(404, "not_found");

    let own = format!("/v1/subnets/{subnet}/network_acl");
    assert_ne!(api.get(&own).await.expect(200)["id"], acl["id"]);
    let put = Api::request(axum::http::Method::PUT, &own).header("content-type", "application/json");
    let put = put.body(axum::body::Body::from(json!({ "id": acl["id"] }).to_string())).unwrap();
    assert_eq!(api.send(put).await.expect(201)["subnets"][0]["id"], json!(subnet));
    assert_eq!(api.get(&own).await.expect(200)["id"], acl["id"]);
    assert_eq!(api.get(&format!("/v1/subnets/{subnet}")).await.expect(200)["network_acl"]["name"], "edge");
    api.delete(&format!("{ACLS}/{}", text(&acl, "id"))).await.refused(409, "resource_in_use");
    let copy = json!({ "vpc": { "id": vpc }, "source_network_acl": { "id": acl["id"] } });
    let copy = api.post(ACLS, copy).await.expect(201);
    assert_eq!(copy["rules"].as_array().unwrap().len(), 2);
    assert_eq!(api.get(ACLS).await.expect(200)["total_count"], 3);
}

#[tokio::test]
async fn floating_ips_and_public_gateways_have_their_lives() {
    let api = Api::new();
    api.host(1, "zone-1").await;
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let zone = json!({ "zone": { "name": "zone-1" } });
    api.post("/v1/floating_ips", zone.clone()).await.refused(409, "floating_ips_exhausted");
    let pool = json!({ "zone": "zone-1", "name": "outside", "cidrs": ["203.0.113.0/29"] });
    api.post("/native/v1/public_pools", pool).await.expect(201);
    let ip = api.post("/v1/floating_ips", zone).await.expect(201);
    assert!(ip.get("target").is_none() && text(&ip, "address").starts_with("203.0.113."));
    let own = format!("/v1/virtual_network_interfaces/{vni}/floating_ips");
    let one = format!("{own}/{}", text(&ip, "id"));
    api.get(&one).await.refused(404, "not_found");
    let reference = api.put(&one).await.expect(201);
    assert_eq!(reference["address"], ip["address"]);
    assert_eq!(api.get(&own).await.expect(200)["floating_ips"], json!([reference]));
    let shown = api.get(&text(&ip, "href")).await.expect(200);
    assert_eq!(shown["target"]["id"], json!(vni));
    let listed = api.get(&format!("/v1/floating_ips?target.id={vni}")).await.expect(200);
    assert_eq!(listed["total_count"], 1);
    api.delete(&one).await.expect(204);
    assert!(api.patch(&text(&ip, "href"), json!({ "target": { "id": vni } })).await.expect(200)["target"].is_object());
    assert!(api.patch(&text(&ip, "href"), json!({ "target": null })).await.expect(200).get("target").is_none());
    api.delete(&text(&ip, "href")).await.expect(204);

    let body = json!({ "vpc": { "id": vpc }, "zone": { "name": "zone-1" }, "name": "out" });
    let gateway = api.post("/v1/public_gateways", body).await.expect(201);
    let of_subnet = format!("/v1/subnets/{subnet}/public_gateway");
    api.get(&of_subnet).await.refused(404, "not_found");
    let put = Api::request(axum::http::Method::PUT, &of_subnet).header("content-type", "application/json");
    let put = put.body(axum::body::Body::from(json!({ "id": gateway["id"] }).to_string())).unwrap();
    assert_eq!(api.send(put).await.expect(201), gateway);
    api.delete(&text(&gateway, "href")).await.refused(409, "resource_in_use");
    api.delete(&of_subnet).await.expect(204);
    api.delete(&text(&gateway, "href")).await.expect(204);
}
