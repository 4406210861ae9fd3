//! One operation of the API, as the document describes it: made with [`get`], [`post`] … and refined by its methods.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// How the schema of a type is made, with those that it refers to.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its method, in lower case.
    pub method: &'static str,
    /// Its path below `/v1`, with its parameters in braces.
    pub path: &'static str,
    /// What IBM's SDK calls it.
    pub id: &'static str,
    /// The parameters that its query may have beside `version` and `generation`.
    pub query: Vec<&'static str>,
    /// The status of its answer when all went well.
    pub status: u16,
    /// Whether it may be made to depend on what the client has seen.
    pub if_match: bool,
    body: Option<SchemaOf>,
    answer: Answer,
}

#[derive(Debug, Clone)]
enum Answer {
    Nothing,
    One(SchemaOf),
    Page { key: &'static str, item: SchemaOf, paged: Paged },
}

/// Whether a collection comes in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paged {
    Always,
    Never,
    /// Not for clients of former versions, which get all of it.
    Lately,
}

/// `GET`, answered 200 with a resource.
pub(super) fn get<T: JsonSchema>(path: &'static str, id: &'static str) -> Operation {
    Operation::new("get", path, id, 200).answer::<T>()
}

/// `GET`, answered 200 with a page of a collection, whose items are under this key.
pub(super) fn list<T: JsonSchema>(path: &'static str, id: &'static str, key: &'static str) -> Operation {
    let mut operation = Operation::new("get", path, id, 200).query(&["start", "limit"]);
    operation.answer = Answer::Page { key, item: of::<T>, paged: Paged::Always };
    operation
}

/// `GET`, answered 200 with all of a collection at once.
pub(super) fn list_all<T: JsonSchema>(path: &'static str, id: &'static str, key: &'static str) -> Operation {
    let mut operation = Operation::new("get", path, id, 200);
    operation.answer = Answer::Page { key, item: of::<T>, paged: Paged::Never };
    operation
}

/// `POST` of a `B`, answered 201 with a `T`.
pub(super) fn post<B: JsonSchema, T: JsonSchema>(path: &'static str, id: &'static str) -> Operation {
    Operation::new("post", path, id, 201).body::<B>().answer::<T>()
}

/// `PATCH` with a `B`, answered 200 with a `T`.
pub(super) fn patch<B: JsonSchema, T: JsonSchema>(path: &'static str, id: &'static str) -> Operation {
    Operation::new("patch", path, id, 200).body::<B>().answer::<T>()
}

/// `PUT` without a body, answered 201 with a `T`.
pub(super) fn put<T: JsonSchema>(path: &'static str, id: &'static str) -> Operation {
    Operation::new("put", path, id, 201).answer::<T>()
}

/// `DELETE`, answered 204.
pub(super) fn delete(path: &'static str, id: &'static str) -> Operation {
    Operation::new("delete", path, id, 204)
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    fn new(method: &'static str, path: &'static str, id: &'static str, status: u16) -> Self {
        let (query, if_match, body, answer) = (Vec::new(), false, None, Answer::Nothing);
        Operation { method, path, id, query, status, if_match, body, answer }
    }

    /// `POST` of something to be done, answered 204.
    pub(super) fn act(path: &'static str, id: &'static str) -> Self {
        Operation::new("post", path, id, 204)
    }

    /// It may have these parameters too.
    pub(super) fn query(mut self, names: &[&'static str]) -> Self {
        self.query.extend(names);
        self
    }

    /// Clients of former versions get all of the collection at once.
    pub(super) fn once_at_once(mut self) -> Self {
        if let Answer::Page { paged, .. } = &mut self.answer {
            *paged = Paged::Lately;
        }
        self
    }

    /// It takes `If-Match`.
    pub(super) fn if_match(mut self) -> Self {
        self.if_match = true;
        self
    }

    /// Its body is a `B`.
    pub(super) fn body<B: JsonSchema>(mut self) -> Self {
        self.body = Some(of::<B>);
        self
    }

    /// It is answered with a `T`.
    pub(super) fn answer<T: JsonSchema>(mut self) -> Self {
        self.answer = Answer::One(of::<T>);
        self
    }

    /// It is answered with this status.
    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The names of the parameters of its path, in their order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The operation as the document has it. `takes` and `gives` make the schemas of what clients send and of what they get.
    pub(super) fn describe(&self, takes: &mut SchemaGenerator, gives: &mut SchemaGenerator) -> Value {
        let mut parameters: Vec<Value> = self.path_parameters().map(path_parameter).collect();
        parameters
            .extend(["version", "generation"].map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
        parameters.extend(self.query.iter().copied().map(query_parameter));
        if self.if_match {
            parameters.push(json!({ "$ref": "#/components/parameters/If-Match" }));
        }
        let mut described = json!({
            "operationId": self.id,
            "tags": [self.path.split('/').nth(1).unwrap_or_default()],
            "parameters": parameters,
            "responses": { self.status.to_string(): self.response(gives), "default": { "$ref": "#/components/responses/Error" } },
        });
        if let Some(body) = self.body {
            let types = if self.method == "patch" { super::super::MERGE_PATCH } else { super::super::JSON };
            let schema = body(takes);
            let content: Map<String, Value> =
                types.iter().map(|name| ((*name).to_owned(), json!({ "schema": schema }))).collect();
            described["requestBody"] = json!({ "required": true, "content": content });
        }
        described
    }

    fn response(&self, gives: &mut SchemaGenerator) -> Value {
        let schema = match self.answer {
            Answer::Nothing => return json!({ "description": "Done." }),
            Answer::One(schema) => json!(schema(gives)),
            Answer::Page { key, item, paged } => page(key, &item(gives), paged),
        };
        json!({ "description": "Done.", "content": { "application/json": { "schema": schema } } })
    }
}

fn path_parameter(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

fn query_parameter(name: &str) -> Value {
    let schema = match name {
        "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 50 }),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "query", "required": false, "schema": schema })
}

fn page(key: &str, item: &Schema, paged: Paged) -> Value {
    let link = json!({ "type": "object", "properties": { "href": { "type": "string" } }, "required": ["href"] });
    let mut properties = Map::new();
    let mut required = vec![key];
    properties.insert(key.to_owned(), json!({ "type": "array", "items": item }));
    if paged != Paged::Never {
        properties.insert("first".to_owned(), link.clone());
        properties.insert("next".to_owned(), link);
        properties.insert("limit".to_owned(), json!({ "type": "integer", "minimum": 1, "maximum": 100 }));
        properties.insert("total_count".to_owned(), json!({ "type": "integer", "minimum": 0 }));
        if paged == Paged::Always {
            required.extend(["first", "limit", "total_count"]);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
