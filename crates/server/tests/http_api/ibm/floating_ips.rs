//! Floating IPs: what leads where stays there unless a request says that it is to be taken away.

use serde_json::json;

use crate::client::{Api, text};

#[tokio::test]
async fn c07_an_interface_gets_a_free_address_and_takes_none_that_leads_elsewhere() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.post("/native/v1/public_pools", json!({ "zone": "zone-1", "cidrs": ["203.0.113.8/29"] })).await.expect(201);
    let mut interfaces = Vec::new();
    for _ in 0..2 {
        interfaces.push(text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id"));
    }
    let [one, two] = &interfaces[..] else { panic!("two") };
    let floating = api.post("/v1/floating_ips", json!({ "zone": { "name": "zone-1" } })).await.expect(201);
    let (id, href) = (text(&floating, "id"), text(&floating, "href"));
    let put = async |vni: &str| api.put(&format!("/v1/virtual_network_interfaces/{vni}/floating_ips/{id}")).await;
    let leads_to = async || text(&api.get(&href).await.expect(200)["target"], "id");
    put(one).await.expect(201);
    put(one).await.expect(201);
    assert_eq!(put(two).await.status, 409);
    assert_eq!(leads_to().await, *one, "it is not taken from who has it");
    // A patch says that it is to lead elsewhere, and may say how it is called in the same breath: both or neither.
    let both = json!({ "name": "taken", "target": { "id": two } });
    assert_eq!(text(&api.patch(&href, both).await.expect(200), "name"), "taken");
    assert_eq!(leads_to().await, *two);
    api.post("/v1/floating_ips", json!({ "name": "other", "zone": { "name": "zone-1" } })).await.expect(201);
    let clash = json!({ "name": "other", "target": { "id": one } });
    assert_eq!(api.patch(&href, clash).await.status, 409);
    let now = api.get(&href).await.expect(200);
    assert_eq!((text(&now, "name"), text(&now["target"], "id")), ("taken".to_owned(), two.clone()));
    let free = api.patch(&href, json!({ "name": "free", "target": null })).await.expect(200);
    assert_eq!((text(&free, "name"), free.get("target")), ("free".to_owned(), None));
}
