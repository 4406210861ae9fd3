//! IBM's error envelope: statuses, codes and targets.

use pintle_core::Refusal;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::problem::Problem;

/// How one problem looks to a client.
struct Shown {
    status: u16,
    code: &'static str,
    target: Option<Target>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ErrorTarget")]
pub(in crate::ibm) struct Target {
    name: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// The HTTP status and the body for a problem. `trace` is the request's id.
pub fn encode(problem: &Problem, trace: &str) -> (u16, Value) {
    let Shown { status, code, target } = match problem {
        Problem::Refused(refusal) => refused(refusal),
        other => unrefused(other),
    };
    let mut error = json!({ "code": code, "message": message(problem) });
    if let Some(target) = target {
        error["target"] = json!(target);
    }
    (status, json!({ "errors": [error], "trace": trace }))
}

/// The problem in words, with fields called as this dialect calls them.
fn message(problem: &Problem) -> String {
    match problem {
        Problem::Refused(Refusal::Invalid { field: "start", value, rule }) => {
            Problem::Parameter { name: "start".to_owned(), value: Some(value.clone()), rule: rule.clone() }.to_string()
        }
        Problem::Refused(Refusal::Invalid { field, value, rule }) => {
            Refusal::Invalid { field: wire_name(field), value: value.clone(), rule: rule.clone() }.to_string()
        }
        other => other.to_string(),
    }
}

fn plain(status: u16, code: &'static str) -> Shown {
    Shown { status, code, target: None }
}

fn at(status: u16, code: &'static str, r#type: &'static str, name: &str, value: Option<String>) -> Shown {
    Shown { status, code, target: Some(Target { name: name.to_owned(), r#type, value }) }
}

fn field(status: u16, code: &'static str, name: &str, value: impl ToString) -> Shown {
    at(status, code, "field", name, Some(value.to_string()))
}

fn refused(refusal: &Refusal) -> Shown {
    match refusal {
        Refusal::NotPermitted { .. } => plain(403, "not_authorized"),
        Refusal::NotAuthorized { .. } => plain(403, "not_authorized"),
        Refusal::NotFound { id, .. } => field(404, "not_found", "id", id),
        Refusal::Invalid { field: "start", value, .. } => {
            at(400, "invalid_value", "parameter", "start", Some(value.clone()))
        }
        Refusal::Invalid { field: name, value, .. } => field(400, "invalid_value", wire_name(name), value),
        Refusal::NameTaken { name, .. } => field(409, "validation_unique_failed", "name", name),
        Refusal::AddressTaken { address, .. } => field(409, "address_in_use", "address", address),
        Refusal::ReservedIpBound { id, .. } => field(409, "reserved_ip_in_use", "id", id),
        Refusal::SubnetFull { subnet, .. } => field(409, "subnet_addresses_exhausted", "subnet.id", subnet),
        Refusal::NoPrefixLeft { subnet, .. } => field(409, "subnet_addresses_exhausted", "subnet.id", subnet),
        Refusal::OtherVpc { id, .. } => field(400, "invalid_vpc", "id", id),
        Refusal::IsDefault { id, .. } => field(409, "default_resource", "id", id),
        Refusal::HasDefault { id, .. } => field(409, "default_resource", "id", id),
        Refusal::NoDefaultVpc { .. } => plain(409, "no_default_vpc"),
        Refusal::DuplicateRule { rule, .. } => field(409, "duplicate_rule", "rule", rule),
        Refusal::AlreadyExists { id, .. } => field(409, "already_exists", "id", id),
        Refusal::WrongVersion { given, .. } => field(409, "version_conflict", "version", given),
        Refusal::FloatingIpBound { id, .. } => field(409, "floating_ip_in_use", "id", id),
        Refusal::AddressHasFloatingIp { address, .. } => field(409, "floating_ip_limit", "address", address),
        Refusal::NoPublicAddress { zone } => field(409, "floating_ips_exhausted", "zone.name", zone),
        Refusal::NoInternetGateway { vpc } => field(409, "invalid_state", "vpc.id", vpc),
        Refusal::GatewayNotAttached { gateway, .. } => field(409, "invalid_state", "id", gateway),
        Refusal::GatewayAttached { gateway, .. } => field(409, "invalid_state", "id", gateway),
        Refusal::OtherRouting { vpc, .. } => field(409, "invalid_state", "vpc.id", vpc),
        Refusal::RouteExists { net, .. } => field(409, "validation_unique_failed", "destination", net),
        Refusal::NoSuchRoute { net, .. } => field(404, "not_found", "destination", net),
        Refusal::NoUplink { zone } => field(409, "insufficient_capacity", "zone.name", zone),
        Refusal::CidrOverlap { cidr, .. } => field(409, "cidr_overlap", wire_name("cidr"), cidr),
        Refusal::InUse { id, .. } => field(409, "resource_in_use", "id", id),
        Refusal::WrongZone { vni, .. } => field(400, "invalid_zone", "virtual_network_interface.id", vni),
        Refusal::WrongVpc { vni, .. } => field(400, "invalid_vpc", "virtual_network_interface.id", vni),
        Refusal::InterfaceStyle { instance, .. } => field(409, "interface_style_conflict", "id", instance),
        Refusal::ChildInterface { vni, .. } => field(409, "child_network_interface", "id", vni),
        Refusal::PrimaryAttachment { attachment, .. } => field(409, "primary_attachment", "id", attachment),
        Refusal::AlreadyAttached { vni, .. } => field(409, "already_attached", "virtual_network_interface.id", vni),
        Refusal::NotAttached { vni } => field(409, "not_attached", "virtual_network_interface.id", vni),
        Refusal::Moving { vni, .. } => field(409, "move_pending", "virtual_network_interface.id", vni),
        Refusal::NotOnTarget { conflict, .. } => field(400, "invalid_value", conflict.property.name(), &conflict.value),
        Refusal::WrongState { id, .. } => field(409, "invalid_state", "id", id),
        Refusal::Protected { instance, .. } => field(409, "instance_protected", "id", instance),
        Refusal::Limit { .. } => plain(400, "over_quota"),
        Refusal::Quota { .. } | Refusal::TooManyTags { .. } => plain(400, "over_quota"),
        Refusal::TokenReused => plain(409, "validation_unique_failed"),
        Refusal::NoHost { zone } => field(409, "insufficient_capacity", "zone.name", zone),
    }
}

/// What this dialect calls a field of the core.
fn wire_name(field: &'static str) -> &'static str {
    match field {
        "cidr" => "ipv4_cidr_block",
        "zone" => "zone.name",
        "ip" => "ips",
        other => other,
    }
}

fn unrefused(problem: &Problem) -> Shown {
    match problem {
        Problem::Refused(refusal) => refused(refusal),
        Problem::Malformed { .. } => plain(400, "bad_request"),
        Problem::Field { field: name, .. } => at(400, "bad_field", "field", name, None),
        Problem::Parameter { name, value: None, .. } => at(400, "missing_parameter", "parameter", name, None),
        Problem::Parameter { name, value, .. } => at(400, "invalid_value", "parameter", name, value.clone()),
        Problem::Unauthenticated(_) => plain(401, "not_authenticated"),
        Problem::Ambiguous { name, .. } => field(409, "ambiguous_name", "name", name),
        Problem::UnknownPath { .. } => plain(404, "not_found"),
        Problem::WrongMethod { .. } => plain(405, "method_not_allowed"),
        Problem::WrongContentType { given, .. } => {
            at(415, "unsupported_media_type", "header", "Content-Type", Some(given.clone()))
        }
        Problem::TooLarge { .. } => plain(413, "request_too_large"),
        Problem::Changed { expected, .. } => {
            at(412, "precondition_failed", "header", "If-Match", Some(expected.clone()))
        }
        Problem::Timeout { .. } => plain(504, "timeout"),
        Problem::Throttled => plain(429, "too_many_requests"),
        Problem::Busy => plain(503, "busy"),
        Problem::HostAway { .. } => plain(503, "host_unavailable"),
        Problem::HostSlow { .. } => plain(504, "host_timeout"),
        Problem::HostFailed { .. } => plain(502, "host_error"),
        Problem::Stopping => plain(503, "stopping"),
        Problem::Internal { .. } => plain(500, "internal_error"),
    }
}
