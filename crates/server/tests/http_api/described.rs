//! Holds every answer of IBM's dialect that a test gets to what the OpenAPI document says of it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use pintle_dialect::ibm::openapi;
use serde_json::{Value, json};

struct Described {
    /// By method and path, both as the document has them: by which status it succeeds, and what the body must be.
    answers: BTreeMap<(&'static str, &'static str), (u16, Option<Validator>)>,
    refusal: Validator,
}

static DESCRIBED: LazyLock<Described> = LazyLock::new(|| {
    let document = openapi::document("http://pintle.test");
    let validator = |schema: &Value| {
        let mut schema = schema.clone();
        schema["components"] = document["components"].clone();
        jsonschema::draft202012::new(&schema).unwrap()
    };
    let answers = openapi::operations().into_iter().map(|operation| {
        let described = &document["paths"][operation.path][operation.method]["responses"][operation.status.to_string()];
        let schema = described.pointer("/content/application~1json/schema").map(validator);
        ((operation.method, operation.path), (operation.status, schema))
    });
    Described { answers: answers.collect(), refusal: validator(&json!({ "$ref": "#/components/schemas/Errors" })) }
});

fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    template.split('/').all(|part| parts.next().is_some_and(|found| part.starts_with('{') || part == found))
        && parts.next().is_none()
}

#[track_caller]
fn hold(validator: &Validator, body: &Value, what: &str) {
    if let Err(error) = validator.validate(body) {
        panic!("{what}: {error} at {}: {body}", error.instance_path());
    }
}

/// Holds an answer to the document, if the request was for one of its operations.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, status: u16, body: &Value) {
    let Some(path) = path.strip_prefix("/v1") else { return };
    let method = method.to_ascii_lowercase();
    let found = DESCRIBED.answers.iter().find(|((verb, template), _)| *verb == method && fits(template, path));
    let Some((_, (success, schema))) = found else { return };
    let what = format!("{method} {path} answered {status}");
    match schema {
        _ if status >= 400 => hold(&DESCRIBED.refusal, body, &what),
        _ if status != *success => panic!("{what}, the document says {success}"),
        Some(schema) => hold(schema, body, &what),
        None => assert_eq!(*body, Value::Null, "{what}"),
    }
}
