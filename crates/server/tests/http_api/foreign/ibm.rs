//! Every operation of IBM's API by the document that the server makes: each of its parameters and references once with what is
//! another tenant's and once with what nothing is.

use axum::http::Method;
use pintle_dialect::ibm::openapi::{self, Operation};
use serde_json::{Value, json};

use super::asking::{Asking, Case};
use super::fill::Whose;
use super::world::{Names, server, world};
use super::{bodies, paths};

/// All the requests that an operation can be asked with.
pub(super) fn cases(operation: &Operation, document: &Value, names: &Names) -> Vec<Case> {
    let schema = &document["paths"][operation.path][operation.method]["requestBody"]["content"];
    let schema = schema.as_object().and_then(|content| content.values().next()).map(|content| &content["schema"]);
    let mut all = Vec::new();
    let given = schema.map(|_| bodies::bodies(operation.id)).unwrap_or_default();
    if let Some(schema) = schema {
        let covered = given.iter().flat_map(bodies::places).collect();
        let named = bodies::references(document, operation.id, schema);
        let left: Vec<_> = named.difference(&covered).collect();
        assert!(left.is_empty(), "{}: bodies() has nothing of a tenant's at {left:?}", operation.id);
    }
    let given: Vec<Value> =
        given.into_iter().flat_map(|body| [bodies::otherwise(&body, names), vec![body]].concat()).collect();
    let mut paths = paths::templates(operation);
    if paths.is_empty() && operation.path_parameters().next().is_none() {
        paths.push(format!("/v1{}", operation.path));
    }
    for path in paths {
        for parameter in &operation.query {
            let keys = paths::named_by(operation, parameter);
            all.extend(keys.iter().map(|key| Case::new(operation, format!("{path}?{parameter}={{{key}}}"), None)));
        }
        match schema {
            None => all.push(Case::new(operation, path, None)),
            Some(_) => all.extend(given.iter().map(|body| Case::new(operation, path.clone(), Some(body)))),
        }
    }
    all
}

#[tokio::test]
async fn p08_no_operation_of_ibms_api_tells_a_foreign_id_from_an_unknown_one() {
    let api = server().await;
    let (victim, own) = (api.account().await, api.account().await);
    let foreign = world(&api.with_key(Some(&victim), None).await.0, "theirs", 2).await;
    let own_names = world(&api.with_key(Some(&own), None).await.0, "myself", 1).await;
    let document = api.get("/v1/openapi.json").await.expect(200);
    let whose = Whose::new(own_names, foreign);
    let cases: Vec<Case> =
        openapi::operations().iter().flat_map(|operation| cases(operation, &document, &whose.own)).collect();
    let mut askers = Vec::new();
    for policies in [None, Some(json!([{ "role": "viewer" }])), Some(json!([]))] {
        askers.push((policies.is_none(), api.with_key(Some(&own), policies).await.0));
    }
    let mut asking = Asking::new(&api, whose);
    for (may_all, asker) in &askers {
        for case in &cases {
            asking.compare(asker, case, *may_all, false).await;
            if [Method::PATCH, Method::DELETE].contains(&case.method) {
                asking.compare(asker, case, *may_all, true).await;
            }
        }
    }
    asking.finish().await;
}
