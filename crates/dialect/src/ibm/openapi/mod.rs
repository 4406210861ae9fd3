//! What the API is, in a form that tools read: an OpenAPI 3.1 document, made from the types that decode requests and encode
//! answers.
//!
//! Each resource lists its operations in a file of its own. The schemas are those of the very types that are decoded and
//! encoded, so they can't tell another story; that the paths, methods and parameters are the ones that the server routes is
//! held by a test of the server.

mod links;
mod operation;

mod bare_metal_servers;
mod floating_ips;
mod flow_log_collectors;
mod instances;
mod network_acls;
mod network_interfaces;
mod places;
mod public_gateways;
mod routing_tables;
mod security_groups;
mod shares;
mod subnets;
mod virtual_network_interfaces;
mod vpcs;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub use operation::Operation;

/// All operations, those of one resource together.
pub fn operations() -> Vec<Operation> {
    [
        bare_metal_servers::operations(),
        floating_ips::operations(),
        flow_log_collectors::operations(),
        instances::operations(),
        network_acls::operations(),
        places::operations(),
        network_interfaces::operations(),
        public_gateways::operations(),
        routing_tables::operations(),
        security_groups::operations(),
        shares::operations(),
        subnets::operations(),
        virtual_network_interfaces::operations(),
        vpcs::operations(),
    ]
    .concat()
}

/// The document. `endpoint` is what stands before `/v1` where the region is reached.
pub fn document(endpoint: &str) -> Value {
    let mut takes = generator(SchemaSettings::draft2020_12().for_deserialize());
    let mut gives = generator(SchemaSettings::draft2020_12().for_serialize());
    let mut paths = Map::new();
    let all = operations();
    for operation in &all {
        let item = paths.entry(operation.path.to_owned()).or_insert_with(|| json!({}));
        let mut described = operation.describe(&mut takes, &mut gives);
        let links = links::of(operation, &all);
        if !links.is_empty() {
            described["responses"][operation.status.to_string()]["links"] = Value::Object(links);
        }
        item[operation.method] = described;
    }
    let mut schemas = takes.take_definitions(true);
    schemas.extend(gives.take_definitions(true));
    schemas.insert("Errors".to_owned(), errors());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pintle, as IBM Cloud VPC",
            "version": "2",
            "description": "The operations of IBM Cloud's VPC API that Pintle has, as IBM's SDKs know them.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": format!("{endpoint}/v1") }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters(),
            "responses": { "Error": {
                "description": "Refused, or failed; `errors` says why, and what the client can do.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } },
            } },
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator()
}

fn parameters() -> Value {
    json!({
        "version": {
            "name": "version", "in": "query", "required": true,
            "description": "The day whose API the client was written for.",
            "schema": {
                "type": "string",
                "format": "date",
                "pattern": "^20(19|[2-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
                "example": "2026-10-06",
            },
        },
        "generation": {
            "name": "generation", "in": "query", "required": true,
            "schema": { "type": "integer", "enum": [2] },
        },
        "If-Match": {
            "name": "If-Match", "in": "header", "required": false,
            "description": "Entity tags; nothing is done unless the resource has one of them.",
            "schema": { "type": "string" },
        },
    })
}

fn errors() -> Value {
    json!({
        "type": "object",
        "required": ["errors", "trace"],
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": { "type": "string" },
                        "message": { "type": "string" },
                        "more_info": { "type": "string" },
                        "target": {
                            "type": "object",
                            "required": ["name", "type"],
                            "properties": {
                                "name": { "type": "string" },
                                "type": { "type": "string", "enum": ["field", "header", "parameter"] },
                                "value": { "type": "string" },
                            },
                        },
                    },
                },
            },
            "trace": { "type": "string" },
        },
    })
}
