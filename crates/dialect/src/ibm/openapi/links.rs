//! Links from an operation that makes something to those that may follow: what was made is what their path names.

use serde_json::{Map, Value, json};

use super::Operation;

/// The links of an operation's answer.
pub(super) fn of(operation: &Operation, all: &[Operation]) -> Map<String, Value> {
    if operation.method != "post" {
        return Map::new();
    }
    let known: Vec<&str> = operation.path_parameters().collect();
    let follows = |other: &&Operation| {
        other.path.strip_prefix(operation.path).is_some_and(|rest| rest.starts_with("/{"))
            && other.path_parameters().count() == known.len() + 1
    };
    all.iter().filter(follows).map(|other| (other.id.to_owned(), link(other, known.len()))).collect()
}

fn link(to: &Operation, inherited: usize) -> Value {
    let parameters: Map<String, Value> = to
        .path_parameters()
        .enumerate()
        .map(|(position, name)| {
            let from =
                if position < inherited { format!("$request.path.{name}") } else { "$response.body#/id".to_owned() };
            (format!("path.{name}"), json!(from))
        })
        .collect();
    json!({ "operationId": to.id, "parameters": parameters })
}
