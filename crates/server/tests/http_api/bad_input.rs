//! Bad input, one kind a test: the answer names the field, the value and the rule.

use axum::http::{Method, header};
use serde_json::json;

use crate::client::{Api, text};

const VNIS: &str = "/v1/virtual_network_interfaces";
const NOBODY: &str = "0fffffffffffffff0";

#[tokio::test]
async fn unknown_and_malformed_ids_in_paths_are_not_found() {
    let api = Api::new();
    for (path, id) in [
        ("vpcs", format!("vpc-{NOBODY}")),
        ("subnets", format!("subnet-{NOBODY}")),
        ("virtual_network_interfaces", format!("eni-{NOBODY}")),
        ("instances", format!("i-{NOBODY}")),
        ("vpcs", "nonsense".to_owned()),
        ("vpcs", "..%2F..%2Fetc".to_owned()),
        ("virtual_network_interfaces", "eni-1".to_owned()),
        ("virtual_network_interfaces", format!("eni-attach-{NOBODY}")),
    ] {
        let path = format!("/v1/{path}/{id}");
        let error = api.get(&path).await.refused(404, "not_found");
        assert!(text(&error, "message").contains("was not found"), "{path}");
        api.delete(&path).await.refused(404, "not_found");
        api.patch(&path, json!({ "name": "x" })).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn unknown_ids_in_bodies_are_not_found_and_malformed_ones_name_the_field() {
    let api = Api::new();
    let body = json!({ "subnet": { "id": format!("subnet-{NOBODY}") } });
    let error = api.post(VNIS, body).await.refused(404, "not_found");
    assert!(text(&error, "message").contains(NOBODY));
    let error = api.post(VNIS, json!({ "subnet": { "id": "subnet-7" } })).await.refused(400, "bad_field");
    assert_eq!(error["target"]["name"], "subnet");
    assert!(text(&error, "message").contains("17 lower-case hexadecimal digits"));
}

#[tokio::test]
async fn bad_ranges_say_what_is_wrong_with_them() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    for (cidr, rule) in [
        ("10.1.9.1/24", "host bits"),
        ("10.1.9.0/30", "/8 to /29"),
        ("127.0.0.0/24", "loopback"),
        ("224.0.0.0/24", "multicast"),
    ] {
        let error = api.subnet(&vpc, cidr, "zone-1").await.refused(400, "invalid_value");
        assert_eq!(error["target"], json!({ "name": "ipv4_cidr_block", "type": "field", "value": cidr }));
        let message = text(&error, "message");
        assert!(message.contains(rule) && message.contains("ipv4_cidr_block"), "{message}");
    }
    let error = api.subnet(&vpc, "10.1.0.0/16", "zone-1").await.refused(409, "cidr_overlap");
    assert!(text(&error, "message").contains(&subnet));
    let error = api.subnet(&vpc, "10.1.2.0", "zone-1").await.refused(400, "bad_field");
    assert_eq!(error["target"]["name"], "ipv4_cidr_block");
    let error = api.subnet(&vpc, "10.1.9.0/24", "Zone 1").await.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "zone.name");
}

#[tokio::test]
async fn names_follow_the_rule() {
    let api = Api::new();
    for name in ["Blue", "-x", "x-", "ibm-x", "a b", "", "a/b", &"x".repeat(64)] {
        let error = api.post("/v1/vpcs", json!({ "name": name })).await.refused(400, "invalid_value");
        assert_eq!(error["target"]["name"], "name", "{name}");
    }
}

#[tokio::test]
async fn malformed_bodies_name_the_place() {
    let api = Api::new();
    let send = async |body: &'static str| {
        let request = Api::request(Method::POST, "/v1/vpcs").header(header::CONTENT_TYPE, "application/json");
        api.send(request.body(body.into()).unwrap()).await
    };
    let error = send("{\n  \"name\": \"blue\",,\n}").await.refused(400, "bad_request");
    assert!(text(&error, "message").contains("line 2, column 18"), "{error}");
    send("").await.refused(400, "bad_request");
    send("{").await.refused(400, "bad_request");
    send("\u{feff}{}").await.refused(400, "bad_request");
    send("[]").await.refused(400, "bad_field");
    send("null").await.refused(400, "bad_field");
    let deep: &'static str = Box::leak("[".repeat(100_000).into_boxed_str());
    let status = send(deep).await.status;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn unknown_and_missing_fields_are_named() {
    let api = Api::new();
    let error = api.post("/v1/vpcs", json!({ "colour": "red" })).await.refused(400, "bad_field");
    assert_eq!(error["target"]["name"], "colour");
    assert!(text(&error, "message").contains("unknown field `colour`"));
    let body = json!({ "vpc": { "id": format!("vpc-{NOBODY}") }, "zone": { "name": "z" } });
    let error = api.post("/v1/subnets", body).await.refused(400, "bad_field");
    assert!(text(&error, "message").contains("ipv4_cidr_block"));
    let body = json!({ "zone": { "name": "z" }, "boot_volume": [], "primary_network_attachment": {} });
    let error = api.post("/v1/instances", body).await.refused(400, "bad_field");
    assert_eq!(error["target"]["name"], "boot_volume");
}

#[tokio::test]
async fn what_this_server_does_not_have_is_refused_by_name() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let body = json!({ "subnet": { "id": subnet }, "security_groups": [] });
    assert_eq!(api.post(VNIS, body).await.refused(400, "bad_field")["target"]["name"], "security_groups");
    let body = json!({ "subnet": { "id": subnet }, "security_groups": [{ "id": "sg-1" }] });
    assert_eq!(api.post(VNIS, body).await.refused(400, "bad_field")["target"]["name"], "security_groups[0]");
    let body = json!({ "name": "x", "resource_group": { "id": "other" } });
    let error = api.post("/v1/vpcs", body).await.refused(404, "not_found");
    assert!(text(&error, "message").contains("resource group 'other'"));
    let body = json!({
        "zone": { "name": "zone-1" },
        "profile": { "name": "bx9-2x8" },
        "primary_network_attachment": { "virtual_network_interface": { "subnet": { "id": subnet } } },
    });
    assert_eq!(api.post("/v1/instances", body).await.refused(400, "bad_field")["target"]["name"], "profile.name");
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let body = json!({ "ips": [] });
    api.patch(&format!("{VNIS}/{vni}"), body).await.refused(400, "bad_field");
}

#[tokio::test]
async fn large_bodies_are_refused_announced_or_not() {
    let api = Api::new();
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(1 << 20));
    let request = || Api::request(Method::POST, "/v1/vpcs").header(header::CONTENT_TYPE, "application/json");
    let announced = request().header(header::CONTENT_LENGTH, large.len());
    api.send(announced.body(large.clone().into()).unwrap()).await.refused(413, "request_too_large");
    let chunks = futures::stream::iter(
        large.into_bytes().chunks(4096).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
    );
    let streamed = request().body(axum::body::Body::from_stream(chunks)).unwrap();
    api.send(streamed).await.refused(413, "request_too_large");
    let native = Api::request(Method::POST, "/native/v1/instances")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, 2 << 20)
        .body("{}".into())
        .unwrap();
    assert_eq!(api.send(native).await.expect(413)["error"]["code"], "too_large");
}

#[tokio::test]
async fn content_types_are_held_to() {
    let api = Api::new();
    let send = async |method: Method, path: &str, kind: Option<&str>| {
        let mut request = Api::request(method, path);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        api.send(request.body("{}".into()).unwrap()).await
    };
    let vpc = text(&send(Method::POST, "/v1/vpcs", Some("application/json; charset=utf-8")).await.expect(201), "href");
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/merge-patch+json")]
    {
        send(Method::POST, "/v1/vpcs", kind).await.refused(415, "unsupported_media_type");
    }
    send(Method::PATCH, &vpc, Some("Application/Merge-Patch+JSON")).await.expect(200);
    send(Method::PATCH, &vpc, Some("application/json")).await.expect(200);
    send(Method::PATCH, &vpc, Some("text/plain")).await.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn version_and_generation_are_required() {
    let api = Api::new();
    let send = async |query: &str| {
        let request = axum::http::Request::builder()
            .uri(format!("/v1/vpcs{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", crate::client::TOKEN));
        api.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    assert_eq!(send("").await.refused(400, "missing_parameter")["target"]["name"], "version");
    let error = send("?version=2026-10-06").await.refused(400, "missing_parameter");
    assert_eq!(error["target"]["name"], "generation");
    send("?version=yesterday&generation=2").await.refused(400, "invalid_value");
    send("?version=2026-10-06&generation=1").await.refused(400, "invalid_value");
    send("?version=2026-10-06&generation=2").await.expect(200);
    send("?version=%ff&generation=2").await.refused(400, "invalid_value");
}
