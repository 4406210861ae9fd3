//! Accounts as clients of IBM's API: an API key, a token, and what exists for whom.

use axum::body::Body;
use axum::http::{Method, Request};
use pintle_core::Command;
use pintle_core::model::Region;
use serde_json::json;

use super::client::{Api, TOKEN, text};

#[tokio::test]
async fn p11_an_api_key_is_exchanged_for_a_token_that_is_good_until_its_key_goes() {
    let api = Api::new();
    let key = api.post("/native/v1/api_keys", json!({ "name": "Continuous integration" })).await.expect(201);
    let secret = text(&key, "secret");
    assert_eq!(
        (key["account"].as_str(), key["policies"][0]["role"].as_str()),
        (Some("123456789012"), Some("administrator"))
    );
    let token = api.exchange(&secret).await.expect(200);
    assert_eq!((token["token_type"].clone(), token["expires_in"].clone()), (json!("Bearer"), json!(3600)));
    assert_eq!((token["refresh_token"].clone(), token["scope"].clone()), (json!("not_supported"), json!("ibm openid")));
    assert_eq!(token["expiration"].as_u64().unwrap() % 1000 % 600, 1_790_003_600 % 1000 % 600);
    let tenant = api.with_bearer(&text(&token, "access_token"));
    tenant.get("/v1/vpcs").await.expect(200);
    // Shown once.
    let shown = api.get(&format!("/native/v1/api_keys/{}", text(&key, "id"))).await.expect(200);
    let listed = api.get("/native/v1/api_keys").await.expect(200);
    assert!(!shown.to_string().contains(&secret) && !listed.to_string().contains(&secret), "{listed}");

    let unknown = api.exchange("no-such-key").await.expect(400);
    assert_eq!(unknown["errorCode"], "BXNIM0415E", "{unknown}");
    assert!(unknown["context"]["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{unknown}");
    let bare = Request::builder().method(Method::POST).uri("/identity/token").body(Body::empty()).unwrap();
    assert_eq!(api.send(bare).await.expect(400)["errorCode"], "BXNIM0109E");
    api.get("/identity/token").await.expect(405);

    api.delete(&format!("/native/v1/api_keys/{}", text(&key, "id"))).await.expect(204);
    tenant.get("/v1/vpcs").await.refused(401, "not_authenticated");
    api.exchange(&secret).await.expect(400);
    for bad in ["", "x", "a.b.c", &secret, &TOKEN[1..]] {
        api.with_bearer(bad).get("/v1/vpcs").await.refused(401, "not_authenticated");
    }
}

#[tokio::test]
async fn p08_each_account_has_its_own_names_lists_and_crns() {
    let api = Api::new();
    let (one, _) = api.with_key(Some(&api.account().await), None).await;
    let other = api.account().await;
    let (two, _) = api.with_key(Some(&other), None).await;
    let mut made = Vec::new();
    for tenant in [&one, &two] {
        let vpc = tenant.post("/v1/vpcs", json!({ "name": "prod" })).await.expect(201);
        let subnet = tenant.subnet(&text(&vpc, "id"), "10.0.0.0/24", "local-1").await.expect(201);
        let body = json!({ "subnet": { "id": subnet["id"] }, "name": "web" });
        made.push([text(&vpc, "id"), text(&subnet, "id"), text(&tenant.vni(body).await, "id")]);
    }
    let [vpc, subnet, vni] = &made[1];
    let shown = two.get(&format!("/v1/virtual_network_interfaces/{vni}")).await.expect(200);
    assert!(text(&shown, "crn").contains(&format!(":a/{other}::virtual-network-interface:")), "{shown}");
    for collection in ["vpcs", "subnets", "virtual_network_interfaces", "security_groups", "network_acls"] {
        let total = async |api: &Api| api.get(&format!("/v1/{collection}")).await.expect(200)["total_count"].clone();
        assert_eq!((total(&one).await, total(&two).await), (json!(1), json!(1)), "{collection}");
        assert_eq!(total(&api).await, json!(0), "the operator's own are the first account's");
    }
    let named = one.get("/v1/virtual_network_interfaces?name=web").await.expect(200);
    assert_eq!(named["virtual_network_interfaces"][0]["id"], json!(made[0][2]), "{named}");
    // The operator sees all by id.
    api.get(&format!("/v1/vpcs/{vpc}")).await.expect(200);
    for path in
        [format!("/v1/vpcs/{vpc}"), format!("/v1/subnets/{subnet}"), format!("/v1/subnets/{subnet}/reserved_ips")]
    {
        one.get(&path).await.refused(404, "not_found");
    }
    let used = one.post("/v1/virtual_network_interfaces", json!({ "subnet": { "id": subnet } })).await;
    used.refused(404, "not_found");
    // The command line's API is the same world.
    let resolved = one.get("/native/v1/resolve/virtual_network_interface/web").await.expect(200);
    assert_eq!(resolved["id"], json!(made[0][2]));
    let other = one.get(&format!("/native/v1/vpcs?account={other}")).await.expect(200);
    assert_eq!(other["total"], json!(0), "{other}");
    for path in [
        "hosts",
        "audit",
        "accounts",
        "access_keys",
        "api_keys",
        "policies",
        "status",
        "drift",
        "flows",
        "public_pools",
    ] {
        let refused = one.get(&format!("/native/v1/{path}")).await.expect(403);
        assert_eq!(refused["error"]["code"], "not_permitted", "{path}: {refused}");
    }
}

#[tokio::test]
async fn g_each_region_has_an_endpoint_of_its_own() {
    let api = Api::new();
    let region = |name: &str, zone: &str| Region { name: name.to_owned(), zones: vec![zone.to_owned()] };
    let regions = vec![region("local", "local-1"), region("eu-de", "eu-de-1")];
    api.engine.execute(Command::ConfigureRegions(regions)).await.unwrap();
    let (tenant, _) = api.with_key(None, None).await;
    for api in [&api, &tenant] {
        let vpc =
            api.post("/regions/eu-de/v1/vpcs", json!({ "address_prefix_management": "manual" })).await.expect(201);
        let (id, href) = (text(&vpc, "id"), text(&vpc, "href"));
        assert_eq!(href, format!("http://pintle.test/regions/eu-de/v1/vpcs/{id}"));
        assert!(text(&vpc, "crn").contains(":is:eu-de:a/123456789012::vpc:"), "{vpc}");
        api.get(&href).await.expect(200);
        let body = json!({ "vpc": { "href": href }, "zone": { "name": "eu-de-1" }, "ipv4_cidr_block": "10.0.0.0/24" });
        api.post("/regions/eu-de/v1/subnets", body).await.expect(201);
        // The default region's own endpoint has both forms.
        api.get("/regions/local/v1/vpcs").await.expect(200);
        api.get("/regions/nowhere/v1/vpcs").await.refused(404, "not_found");
    }
    let count = async |path: &str| tenant.get(path).await.expect(200)["total_count"].clone();
    assert_eq!((count("/v1/vpcs").await, count("/regions/eu-de/v1/vpcs").await), (json!(0), json!(2)));
}
