//! Errors of the native API: one object with a code, a message and what it is about.

use pintle_core::Refusal;
use pintle_core::refusal::Holder;
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// The HTTP status and the body for a problem. `trace` is the request's id.
pub fn encode(problem: &Problem, trace: &str) -> (u16, Value) {
    let (status, code, about) = match problem {
        Problem::Refused(refusal) => refused(refusal),
        other => unrefused(other),
    };
    let mut error = Map::new();
    error.insert("code".to_owned(), json!(code));
    error.insert("message".to_owned(), json!(problem.to_string()));
    for (name, value) in about {
        error.insert(name.to_owned(), value);
    }
    error.insert("trace".to_owned(), json!(trace));
    (status, json!({ "error": error }))
}

/// The code for a problem, as in the body.
pub fn code(problem: &Problem) -> &'static str {
    unrefused(problem).1
}

type Shown = (u16, &'static str, Vec<(&'static str, Value)>);

fn id(id: impl ToString) -> (&'static str, Value) {
    ("id", json!(id.to_string()))
}

fn holder(holder: &Holder) -> (&'static str, Value) {
    let id = match holder {
        Holder::Subnet(id) => id.to_string(),
        Holder::ReservedIp(id) => id.to_string(),
        Holder::Vni(id) => id.to_string(),
        Holder::Attachment(id) => id.to_string(),
        Holder::Instance(id) => id.to_string(),
        Holder::Vpc(id) => id.to_string(),
        Holder::Host(id) => id.to_string(),
        Holder::SecurityGroup(id) => id.to_string(),
        Holder::NetworkAcl(id) => id.to_string(),
        Holder::PrefixList(id) => id.to_string(),
        Holder::PublicPool(id) => id.to_string(),
        Holder::FloatingIp(id) => id.to_string(),
        Holder::PublicGateway(id) => id.to_string(),
        Holder::InternetGateway(id) => id.to_string(),
        Holder::RouteTable(id) => id.to_string(),
        Holder::SubnetReservation(id) => id.to_string(),
        Holder::DhcpOptionSet(id) => id.to_string(),
        Holder::FlowLog(id) => id.to_string(),
        Holder::Share(id) => id.to_string(),
        Holder::MountTarget(id) => id.to_string(),
    };
    ("holder", json!(id))
}

fn refused(refusal: &Refusal) -> Shown {
    match refusal {
        Refusal::NotPermitted { .. } => (403, "not_permitted", Vec::new()),
        Refusal::NotAuthorized { action, id } => {
            (403, "not_authorized", vec![("action", json!(action)), ("value", json!(id))])
        }
        Refusal::NotFound { id: given, .. } => (404, "not_found", vec![id(given)]),
        Refusal::Invalid { field, value, .. } => {
            (400, "invalid_value", vec![("field", json!(field)), ("value", json!(value))])
        }
        Refusal::NameTaken { name, holder, .. } => {
            (409, "name_taken", vec![("value", json!(name)), ("holder", json!(holder))])
        }
        Refusal::AddressTaken { address, holder: by } => {
            (409, "address_taken", vec![("value", json!(address.to_string())), holder(by)])
        }
        Refusal::ReservedIpBound { id: ip, holder: by, .. } => (409, "reserved_ip_bound", vec![id(ip), holder(by)]),
        Refusal::SubnetFull { subnet, .. } => (409, "subnet_full", vec![id(subnet)]),
        Refusal::NoPrefixLeft { subnet, .. } => (409, "no_prefix_left", vec![id(subnet)]),
        Refusal::OtherVpc { id: what, .. } => (400, "other_vpc", vec![id(what)]),
        Refusal::IsDefault { id: what, .. } => (409, "is_default", vec![id(what)]),
        Refusal::HasDefault { id: other, .. } => (409, "has_default", vec![id(other)]),
        Refusal::NoDefaultVpc { .. } => (409, "no_default_vpc", Vec::new()),
        Refusal::DuplicateRule { holder: by, rule } => {
            (409, "duplicate_rule", vec![("value", json!(rule)), holder(by)])
        }
        Refusal::AlreadyExists { id: what, .. } => (409, "already_exists", vec![id(what)]),
        Refusal::WrongVersion { id: what, current, .. } => {
            (409, "wrong_version", vec![id(what), ("current", json!(current))])
        }
        Refusal::FloatingIpBound { id: ip, holder: by, .. } => (409, "floating_ip_bound", vec![id(ip), holder(by)]),
        Refusal::AddressHasFloatingIp { address, floating_ip, .. } => (
            409,
            "address_has_floating_ip",
            vec![("value", json!(address.to_string())), ("holder", json!(floating_ip.to_string()))],
        ),
        Refusal::NoPublicAddress { zone } => (409, "no_public_address", vec![("value", json!(zone))]),
        Refusal::NoInternetGateway { vpc } => (409, "no_internet_gateway", vec![id(vpc)]),
        Refusal::GatewayNotAttached { gateway, .. } => (409, "gateway_not_attached", vec![id(gateway)]),
        Refusal::GatewayAttached { gateway, vpc } => (409, "gateway_attached", vec![id(gateway), ("vpc", json!(vpc))]),
        Refusal::OtherRouting { vpc, .. } => (409, "other_routing", vec![id(vpc)]),
        Refusal::RouteExists { table, net } => (409, "route_exists", vec![id(table), ("value", json!(net))]),
        Refusal::NoSuchRoute { table, net } => (404, "no_such_route", vec![id(table), ("value", json!(net))]),
        Refusal::NoUplink { zone } => (409, "no_uplink", vec![("value", json!(zone))]),
        Refusal::CidrOverlap { cidr, holder: by, .. } => {
            (409, "cidr_overlap", vec![("value", json!(cidr.to_string())), holder(by)])
        }
        Refusal::InUse { id: used, holder: by, .. } => (409, "in_use", vec![id(used), holder(by)]),
        Refusal::WrongZone { vni, .. } => (400, "wrong_zone", vec![id(vni)]),
        Refusal::WrongVpc { vni, .. } => (400, "wrong_vpc", vec![id(vni)]),
        Refusal::InterfaceStyle { instance, .. } => (409, "interface_style", vec![id(instance)]),
        Refusal::ChildInterface { vni, .. } => (409, "child_interface", vec![id(vni)]),
        Refusal::PrimaryAttachment { attachment, .. } => (409, "primary_attachment", vec![id(attachment)]),
        Refusal::AlreadyAttached { vni, attachment, .. } => {
            (409, "already_attached", vec![id(vni), ("holder", json!(attachment.to_string()))])
        }
        Refusal::NotAttached { vni } => (409, "not_attached", vec![id(vni)]),
        Refusal::Moving { vni, .. } => (409, "moving", vec![id(vni)]),
        Refusal::NotOnTarget { vni, conflict } => {
            let mut about = vec![
                id(vni),
                ("field", json!(conflict.property.name())),
                ("value", json!(conflict.value)),
                ("rule", json!(conflict.limit.words())),
            ];
            about.extend(conflict.on.map(|kind| ("target", json!(kind.words()))));
            (409, "not_on_target", about)
        }
        Refusal::WrongState { id: what, .. } => (409, "wrong_state", vec![id(what)]),
        Refusal::Protected { instance, .. } => (409, "protected", vec![id(instance)]),
        Refusal::Limit { limit, .. } => (409, "limit_reached", vec![("limit", json!(limit))]),
        Refusal::Quota { limit, .. } => (409, "quota_reached", vec![("limit", json!(limit))]),
        Refusal::TooManyTags { limit } => (409, "limit_reached", vec![("limit", json!(limit))]),
        Refusal::TokenReused => (409, "token_reused", Vec::new()),
        Refusal::NoHost { zone } => (409, "no_host", vec![("value", json!(zone))]),
    }
}

fn unrefused(problem: &Problem) -> Shown {
    match problem {
        Problem::Refused(refusal) => refused(refusal),
        Problem::Malformed { line, column, .. } => {
            (400, "malformed_body", vec![("line", json!(line)), ("column", json!(column))])
        }
        Problem::Field { field, .. } => (400, "bad_field", vec![("field", json!(field))]),
        Problem::Parameter { name, value, .. } => {
            (400, "bad_parameter", vec![("parameter", json!(name)), ("value", json!(value))])
        }
        Problem::Unauthenticated(_) => (401, "unauthenticated", Vec::new()),
        Problem::Ambiguous { candidates, .. } => (409, "ambiguous_name", vec![("candidates", json!(candidates))]),
        Problem::UnknownPath { .. } => (404, "unknown_path", Vec::new()),
        Problem::WrongMethod { .. } => (405, "wrong_method", Vec::new()),
        Problem::WrongContentType { given, .. } => (415, "wrong_content_type", vec![("value", json!(given))]),
        Problem::TooLarge { limit } => (413, "too_large", vec![("limit", json!(limit))]),
        Problem::Changed { current, .. } => (412, "changed", vec![("current", json!(current))]),
        Problem::Timeout { .. } => (504, "timeout", Vec::new()),
        Problem::Throttled => (429, "too_many_requests", Vec::new()),
        Problem::Busy => (503, "busy", Vec::new()),
        Problem::HostAway { .. } => (503, "host_away", Vec::new()),
        Problem::HostSlow { .. } => (504, "host_slow", Vec::new()),
        Problem::HostFailed { .. } => (502, "host_failed", Vec::new()),
        Problem::Stopping => (503, "stopping", Vec::new()),
        Problem::Internal { .. } => (500, "internal", Vec::new()),
    }
}
