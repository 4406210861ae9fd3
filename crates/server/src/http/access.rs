//! What looking needs: the first part of a path names the type of resource, the second the one that is looked at.
//!
//! What changes something is judged where it is carried out; here are the reads of IBM's API and of the native one.

use axum::http::Method;
use pintle_authz::{Action, Need, Thing};
use pintle_core::model::{ResourceType, Verb};

/// What collections hold.
const COLLECTIONS: &[(&str, ResourceType)] = &[
    ("vpcs", ResourceType::Vpc),
    ("subnets", ResourceType::Subnet),
    ("virtual_network_interfaces", ResourceType::Vni),
    ("instances", ResourceType::Instance),
    ("bare_metal_servers", ResourceType::BareMetalServer),
    ("shares", ResourceType::Share),
    ("security_groups", ResourceType::SecurityGroup),
    ("prefix_lists", ResourceType::SecurityGroup),
    ("network_acls", ResourceType::NetworkAcl),
    ("floating_ips", ResourceType::FloatingIp),
    ("public_gateways", ResourceType::PublicGateway),
    ("flow_log_collectors", ResourceType::FlowLogCollector),
    ("keys", ResourceType::Key),
    ("images", ResourceType::Image),
];

/// What everybody may look at who has a key: what there is to choose from.
const OPEN: &[&str] = &["regions", "instance", "bare_metal_server", "share", "operating_systems"];

/// What a request needs that only looks; `None`: nothing, or it changes something.
pub(super) fn need(method: &Method, path: &str) -> Option<Need> {
    if ![Method::GET, Method::HEAD].contains(method) {
        return None;
    }
    let path = path.strip_prefix("/native").unwrap_or(path).strip_prefix("/v1/")?;
    let mut parts = path.split('/');
    let (first, second) = (parts.next()?, parts.next());
    if OPEN.contains(&first) {
        return None;
    }
    if first == "resolve" {
        // `/resolve/vpc/<name>`: the kind in the singular.
        let kind = COLLECTIONS.iter().find(|(name, _)| name.strip_suffix('s') == second);
        let of = parts.next().and_then(Thing::named);
        return kind.map(|(_, on)| Need { action: Action { on: *on, verb: Verb::Read }, of });
    }
    let (_, on) = *COLLECTIONS.iter().find(|(name, _)| *name == first)?;
    let verb = if second.is_none() { Verb::List } else { Verb::Read };
    // A text of another shape is no id: a name of the native API's, or what nothing has.
    let of = second.and_then(Thing::named);
    Some(Need { action: Action { on, verb }, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p06_every_path_is_of_a_type_or_open_to_all() {
        let known = |part: &str| COLLECTIONS.iter().any(|(name, _)| *name == part) || OPEN.contains(&part);
        for operation in pintle_dialect::ibm::openapi::operations() {
            let first = operation.path.split('/').nth(1).unwrap();
            assert!(known(first), "{}: say in COLLECTIONS or OPEN what looking at it needs", operation.path);
        }
        for part in super::super::auth::FOR_TENANTS {
            assert!(known(part) || *part == "resolve", "{part}");
        }
    }

    #[test]
    fn p06_what_is_looked_at_is_told_by_the_path() {
        let shown = |path: &str| need(&Method::GET, path).map(|need| need.action.to_string());
        let vni = "is.virtual-network-interface.virtual-network-interface";
        assert_eq!(shown("/v1/virtual_network_interfaces"), Some(format!("{vni}.list")));
        assert_eq!(shown("/native/v1/virtual_network_interfaces"), Some(format!("{vni}.list")));
        let one = "/v1/virtual_network_interfaces/eni-00000000000000001/ips";
        assert_eq!(shown(one), Some(format!("{vni}.read")));
        assert!(need(&Method::GET, one).unwrap().of.is_some());
        assert_eq!(shown("/native/v1/resolve/subnet/web"), Some("is.subnet.subnet.read".to_owned()));
        assert_eq!(shown("/v1/regions/local/zones"), None);
        assert_eq!(need(&Method::POST, one), None);
    }
}
