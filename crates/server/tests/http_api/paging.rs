//! Collections: order, pages and filters.

use serde_json::{Value, json};

use crate::client::{Api, text};

fn ids(page: &Value, key: &str) -> Vec<String> {
    page[key].as_array().unwrap().iter().map(|item| text(item, "id")).collect()
}

#[tokio::test]
async fn pages_are_newest_first_and_cover_everything_once() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id"));
    }
    let mut seen = Vec::new();
    let mut href = "/v1/virtual_network_interfaces?limit=2".to_owned();
    loop {
        let page = api.get(&href).await.expect(200);
        assert_eq!((&page["limit"], &page["total_count"]), (&json!(2), &json!(5)));
        assert_eq!(page["first"]["href"], "http://pintle.test/v1/virtual_network_interfaces?limit=2");
        seen.extend(ids(&page, "virtual_network_interfaces"));
        match page.get("next") {
            Some(next) => href = text(next, "href"),
            None => break,
        }
    }
    assert_eq!(seen, made);
    let whole = api.get("/v1/virtual_network_interfaces").await.expect(200);
    assert_eq!((&whole["limit"], ids(&whole, "virtual_network_interfaces")), (&json!(50), made));
}

#[tokio::test]
async fn filters_leave_what_they_say() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let (other_vpc, other_subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let one = api.vni(json!({ "subnet": { "id": subnet }, "name": "same" })).await;
    let two = api.vni(json!({ "subnet": { "id": other_subnet }, "name": "same" })).await;
    api.vni(json!({ "subnet": { "id": subnet }, "name": "different" })).await;
    let named = api.get("/v1/virtual_network_interfaces?name=same&limit=1").await.expect(200);
    assert_eq!((&named["total_count"], ids(&named, "virtual_network_interfaces")), (&json!(2), vec![text(&two, "id")]));
    let next = api.get(&text(&named["next"], "href")).await.expect(200);
    assert_eq!((ids(&next, "virtual_network_interfaces"), next.get("next")), (vec![text(&one, "id")], None));
    let subnets = api.get(&format!("/v1/subnets?vpc.id={other_vpc}")).await.expect(200);
    assert_eq!(ids(&subnets, "subnets"), [other_subnet]);
    for path in ["vpcs", "subnets", "virtual_network_interfaces", "instances"] {
        let none = api.get(&format!("/v1/{path}?resource_group.id=other")).await.expect(200);
        assert_eq!((&none["total_count"], &none[path]), (&json!(0), &json!([])));
        let all = api.get(&format!("/v1/{path}?resource_group.id=default")).await.expect(200);
        assert_eq!(all["total_count"] == 0, path == "instances");
    }
    api.host(1, "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    for query in [format!("vpc.id={vpc}"), format!("name={}", text(&instance, "name"))] {
        let found = api.get(&format!("/v1/instances?{query}")).await.expect(200);
        assert_eq!(ids(&found, "instances"), [text(&instance, "id")], "{query}");
    }
    let none = api.get("/v1/virtual_network_interfaces?name=no/such%20name").await.expect(200);
    assert_eq!(none["total_count"], 0);
}

#[tokio::test]
async fn bad_page_parameters_are_named() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("start=%2Fetc%2Fpasswd", "start"),
        ("colour=red", "colour"),
    ] {
        let error = api.get(&format!("/v1/vpcs?{query}")).await.refused(400, "invalid_value");
        assert_eq!(
            (&error["target"]["name"], &error["target"]["type"]),
            (&json!(name), &json!("parameter")),
            "{query}"
        );
    }
    api.get(&format!("/v1/subnets?vpc.id={vpc}&start=nonsense")).await.refused(400, "invalid_value");
    api.get("/v1/subnets?vpc.id=nonsense").await.refused(400, "invalid_value");
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    api.get(&format!("/v1/virtual_network_interfaces/{vni}/ips?start=x")).await.refused(400, "invalid_value");
}
