//! The OpenAPI document against the routes: the same paths, methods and parameters.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Method, header};
use pintle_dialect::ibm::openapi;

use crate::client::Api;

/// A path of the document with something in the places of its parameters.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    format!("/v1{}", parts.collect::<Vec<_>>().join("/"))
}

/// The routes as the server's source has them: `#[path]`s can't be asked of a router.
fn routed() -> BTreeSet<String> {
    let source = include_str!("../../src/http/ibm/mod.rs");
    let (_, router) = source.split_once("fn router()").unwrap();
    let (router, _) = router.split_once("\n}").unwrap();
    let paths = router.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/'));
    paths.map(str::to_owned).filter(|path| path != "/openapi.json").collect()
}

#[tokio::test]
async fn the_document_has_the_paths_and_methods_that_are_routed_and_no_others() {
    let api = Api::new();
    let document = api.get("/v1/openapi.json").await.expect(200);
    let mut methods: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for operation in openapi::operations() {
        methods.entry(operation.path).or_default().insert(operation.method.to_ascii_uppercase());
        assert_eq!(document["paths"][operation.path][operation.method]["operationId"], operation.id);
    }
    let described: BTreeSet<String> = methods.keys().map(|path| (*path).to_owned()).collect();
    assert_eq!(described, routed());
    for (path, methods) in methods {
        let request = Api::request(Method::TRACE, &filled(path)).body(Body::empty()).unwrap();
        let answer = api.send(request).await;
        assert_eq!(answer.status.as_u16(), 405, "{path}");
        let allowed = answer.headers[header::ALLOW].to_str().unwrap().split(',').map(str::to_owned);
        // axum answers HEAD wherever it answers GET.
        assert_eq!(allowed.filter(|method| method != "HEAD").collect::<BTreeSet<_>>(), methods, "{path}");
    }
}

#[tokio::test]
async fn operations_take_the_parameters_that_the_document_has_and_no_others() {
    let api = Api::new();
    for operation in openapi::operations().iter().filter(|operation| operation.method == "get") {
        for name in operation.query.iter().copied().chain(["nonsense"]) {
            let value = if name == "limit" { "7" } else { "x" };
            let answer = api.get(&format!("{}?{name}={value}", filled(operation.path))).await;
            let refused = answer.body.to_string().contains("this operation has no such parameter");
            assert!(name == "nonsense" || !refused, "{}: {}", operation.id, answer.body);
            // Below another resource, that one is looked for first.
            let alone = operation.path_parameters().next().is_none();
            assert!(name != "nonsense" || refused || !alone, "{}: {}", operation.id, answer.body);
        }
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let all = openapi::operations();
    let names: BTreeSet<&str> = all.iter().map(|operation| operation.id).collect();
    assert_eq!(names.len(), all.len());
}
