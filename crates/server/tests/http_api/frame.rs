//! What is around every request: who asks, its id, and paths and methods that there are not.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;

use crate::client::{Answer, Api, TOKEN};

async fn with_authorization(api: &Api, path: &str, value: Option<&str>) -> Answer {
    let mut request = Request::builder().uri(path);
    if let Some(value) = value {
        request = request.header(header::AUTHORIZATION, value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn only_the_token_opens_the_api() {
    let api = Api::new();
    let almost = format!("Bearer {}0", &TOKEN[..TOKEN.len() - 1]);
    let basic = format!("Basic {TOKEN}");
    for value in [None, Some("Bearer "), Some("Bearer wrong"), Some(TOKEN), Some(almost.as_str()), Some(basic.as_str())]
    {
        for path in ["/v1/vpcs?version=2026-10-06&generation=2", "/v1/nothing", "/v1/vpcs"] {
            let answer = with_authorization(&api, path, value).await;
            assert!(answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer realm="));
            let error = answer.refused(401, "not_authenticated");
            assert!(!error.to_string().contains(TOKEN));
        }
        let native = with_authorization(&api, "/native/v1/status", value).await.expect(401);
        assert_eq!(native["error"]["code"], "unauthenticated");
    }
    let good = format!("bearer {TOKEN}");
    with_authorization(&api, "/native/v1/status", Some(&good)).await.expect(200);
}

#[tokio::test]
async fn health_is_open_and_says_little() {
    let api = Api::new();
    let body = with_authorization(&api, "/healthz", None).await.expect(200);
    assert_eq!(body, json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made_and_is_the_trace_of_errors() {
    let api = Api::new();
    let send = async |id: Option<&str>| {
        let mut request = Api::request(Method::GET, "/v1/vpcs/nothing");
        if let Some(id) = id {
            request = request.header("X-Request-Id", id);
        }
        let answer = api.send(request.body(Body::empty()).unwrap()).await;
        let shown = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(answer.body["trace"], shown.as_str());
        shown
    };
    assert_eq!(send(Some("client-1.a:b")).await, "client-1.a:b");
    let long = "x".repeat(129);
    for unusable in [None, Some(""), Some("a b"), Some("a\"b"), Some(long.as_str())] {
        let made = send(unusable).await;
        assert!(made.len() == 32 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{unusable:?}: {made}");
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_in_the_dialect() {
    let api = Api::new();
    api.get("/v1/nothing").await.refused(404, "not_found");
    assert_eq!(api.get("/native/v1/nothing").await.expect(404)["error"]["code"], "unknown_path");
    assert_eq!(api.get("/elsewhere").await.expect(404)["error"]["code"], "unknown_path");
    let answer = api.put("/v1/vpcs").await;
    let allow = answer.headers[header::ALLOW].to_str().unwrap().to_owned();
    answer.refused(405, "method_not_allowed");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    assert_eq!(api.put("/native/v1/status").await.expect(405)["error"]["code"], "wrong_method");
}
