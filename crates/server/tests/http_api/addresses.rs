//! Addresses: where they come from, who holds them, and what is refused.

use serde_json::json;

use crate::client::{Api, text};

const VNIS: &str = "/v1/virtual_network_interfaces";

#[tokio::test]
async fn b01_b02_a_primary_address_comes_from_the_subnet_a_reservation_or_the_request() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let auto = api.vni(json!({ "subnet": { "id": subnet } })).await;
    assert!(text(&auto["primary_ip"], "address").starts_with("10.1.2."));
    let given = api.vni(json!({ "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.2.99" } })).await;
    assert_eq!(given["primary_ip"]["address"], "10.1.2.99");
    let path = format!("/v1/subnets/{subnet}/reserved_ips");
    let reserved = api.post(&path, json!({ "address": "10.1.2.77", "name": "kept" })).await.expect(201);
    assert!(reserved.get("target").is_none());
    let taken = api.vni(json!({ "primary_ip": { "href": reserved["href"] } })).await;
    assert_eq!((&taken["primary_ip"]["name"], &taken["subnet"]["id"]), (&json!("kept"), &json!(subnet)));
    let bound = api.get(&text(&reserved, "href")).await.expect(200);
    assert_eq!(bound["target"]["id"], taken["id"]);
}

#[tokio::test]
async fn b03_b04_secondary_addresses_come_at_creation_or_later_and_from_one_subnet() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let vni = api.vni(json!({ "subnet": { "id": subnet }, "ips": [{ "address": "10.1.2.50" }, {}] })).await;
    let id = text(&vni, "id");
    assert_eq!(vni["ips"].as_array().unwrap().len(), 3);
    assert_eq!(vni["ips"][0], vni["primary_ip"]);
    let kept = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), json!({})).await.expect(201);
    let ip = format!("{VNIS}/{id}/ips/{}", text(&kept, "id"));
    api.get(&ip).await.refused(404, "not_found");
    let added = api.put(&ip).await.expect(201);
    assert_eq!(added["address"], kept["address"]);
    assert_eq!(api.put(&ip).await.expect(201), added, "adding it again changes nothing");
    assert_eq!(api.get(&ip).await.expect(200), added);
    let ips = api.get(&format!("{VNIS}/{id}/ips?limit=3")).await.expect(200);
    assert_eq!((&ips["total_count"], ips["ips"].as_array().unwrap().len()), (&json!(4), 3));
    let rest = api.get(&text(&ips["next"], "href")).await.expect(200);
    assert_eq!((&rest["ips"], rest.get("next")), (&json!([added]), None));
    api.delete(&ip).await.expect(204);
    assert!(api.get(&text(&kept, "href")).await.expect(200).get("target").is_none(), "it stays, unbound");
    let primary = format!("{VNIS}/{id}/ips/{}", text(&vni["primary_ip"], "id"));
    api.delete(&primary).await.refused(409, "resource_in_use");

    let other = text(&api.subnet(&vpc, "10.1.3.0/24", "zone-1").await.expect(201), "id");
    let foreign = api.post(&format!("/v1/subnets/{other}/reserved_ips"), json!({})).await.expect(201);
    let path = format!("{VNIS}/{id}/ips/{}", text(&foreign, "id"));
    api.put(&path).await.refused(400, "invalid_value");
    let body = json!({ "subnet": { "id": subnet }, "ips": [{ "address": "10.1.3.9" }] });
    let error = api.post(VNIS, body).await.refused(400, "invalid_value");
    assert!(text(&error, "message").contains(&subnet));
}

#[tokio::test]
async fn b06_primary_addresses_are_in_the_range_and_never_reserved_ones() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/28", "zone-1").await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..11 {
        let vni = api.vni(json!({ "subnet": { "id": subnet } })).await;
        let address = text(&vni["primary_ip"], "address");
        let last: u8 = address.strip_prefix("10.1.2.").unwrap().parse().unwrap();
        assert!((4..=14).contains(&last) && seen.insert(last), "{address}");
    }
    let error = api.post(VNIS, json!({ "subnet": { "id": subnet } })).await.refused(409, "subnet_addresses_exhausted");
    assert!(text(&error, "message").contains("10.1.2.0/28"));
}

#[tokio::test]
async fn a_full_subnet_of_8_gives_three_addresses_and_then_says_so() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/29", "zone-1").await;
    let path = format!("/v1/subnets/{subnet}/reserved_ips");
    for _ in 0..3 {
        api.post(&path, json!({})).await.expect(201);
    }
    api.post(&path, json!({})).await.refused(409, "subnet_addresses_exhausted");
    let all = api.get(&path).await.expect(200);
    assert_eq!(all["total_count"], 8);
    let owners = all["reserved_ips"].as_array().unwrap().iter().filter(|ip| ip["owner"] == "provider").count();
    assert_eq!(owners, 5);
}

#[tokio::test]
async fn b15_a_ninth_address_is_over_quota() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let nine = json!({ "subnet": { "id": subnet }, "ips": [{}, {}, {}, {}, {}, {}, {}, {}] });
    api.post(VNIS, nine).await.refused(400, "over_quota");
    let vni = api.vni(json!({ "subnet": { "id": subnet }, "ips": [{}, {}, {}, {}, {}, {}, {}] })).await;
    let kept = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), json!({})).await.expect(201);
    let path = format!("{VNIS}/{}/ips/{}", text(&vni, "id"), text(&kept, "id"));
    api.put(&path).await.refused(400, "over_quota");
}

#[tokio::test]
async fn b19_a_taken_address_names_its_holder() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let holder = api.vni(json!({ "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.2.9" } })).await;
    let body = json!({ "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.2.9" } });
    let error = api.post(VNIS, body).await.refused(409, "address_in_use");
    assert!(text(&error, "message").contains(&text(&holder, "id")));
    assert_eq!(error["target"]["value"], "10.1.2.9");
    let body = json!({ "primary_ip": { "id": holder["primary_ip"]["id"] } });
    let error = api.post(VNIS, body).await.refused(409, "reserved_ip_in_use");
    assert!(text(&error, "message").contains(&text(&holder, "id")));
    let gateway = json!({ "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.2.1" } });
    let error = api.post(VNIS, gateway).await.refused(409, "address_in_use");
    assert!(text(&error, "message").contains(&subnet));
}

#[tokio::test]
async fn reserved_ips_have_a_life_of_their_own() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let (_, other) = api.network("10.9.9.0/24", "zone-1").await;
    let made = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), json!({ "name": "kept" })).await.expect(201);
    let href = text(&made, "href");
    assert_eq!(made["owner"], "user");
    assert_eq!(api.patch(&href, json!({ "name": "kept-2" })).await.expect(200)["name"], "kept-2");
    api.patch(&href, json!({ "auto_delete": true })).await.refused(400, "invalid_value");
    let elsewhere = format!("/v1/subnets/{other}/reserved_ips/{}", text(&made, "id"));
    api.get(&elsewhere).await.refused(404, "not_found");
    api.delete(&elsewhere).await.refused(404, "not_found");
    api.delete(&href).await.expect(204);
    api.get(&href).await.refused(404, "not_found");
    let vni = api.vni(json!({ "subnet": { "id": subnet } })).await;
    let body = json!({ "target": { "id": vni["id"] }, "auto_delete": true });
    let bound = api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), body).await.expect(201);
    assert_eq!(bound["target"]["id"], vni["id"]);
    assert_eq!(api.get(&text(&vni, "href")).await.expect(200)["ips"].as_array().unwrap().len(), 2);
}
