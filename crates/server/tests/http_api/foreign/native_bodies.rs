//! Bodies of the native API with places for the names of things.

use serde_json::{Value, json};

use super::world::ZONE;

/// Fields that name something of a tenant's, or hold what does.
const NAMED: &[&str] = &[
    "attachments",
    "floating_ip",
    "instance",
    "network_acl",
    "new",
    "primary",
    "public_gateway",
    "remove",
    "rules",
    "security_groups",
    "set",
    "add",
    "subnet",
    "target",
    "to",
    "vni",
    "vpc",
];

/// Fields that name nothing of a tenant's: hosts are the operator's, addresses are looked for in what is named beside them.
const PLAIN: &[&str] = &[
    "account",
    "address",
    "addresses",
    "allow_ip_spoofing",
    "allow_to_float",
    "allowed_vlans",
    "auto_assign_ipv6",
    "auto_delete",
    "bandwidth_kbps",
    "bare_metal",
    "cidr",
    "cidrs",
    "count",
    "current_version",
    "description",
    "dhcp",
    "efa",
    "enable_infrastructure_nat",
    "entries",
    "family",
    "force",
    "gid",
    "host",
    "iops",
    "ips_per_interface",
    "ipv6_address_count",
    "ipv6_addresses",
    "ipv6_assignment",
    "ipv6_cidr",
    "ipv6_cidrs",
    "keep_primary_ipv6",
    "limits",
    "max_entries",
    "name",
    "namespace",
    "port_speed",
    "prefix",
    "prefixes",
    "private_address",
    "protocol_state_filtering",
    "public_address",
    "reassign",
    "reassociate",
    "region",
    "route_tables",
    "secondary_address_count",
    "secondary_addresses",
    "size_gb",
    "source_dest_check",
    "timeouts",
    "uid",
    "untracked_open",
    "vlan",
    "wait",
    "zone",
];

/// Those of a body's fields that name something.
pub(super) fn named_in(route: &str, fields: &[String]) -> Vec<String> {
    for field in fields {
        let known = NAMED.contains(&field.as_str()) || PLAIN.contains(&field.as_str());
        assert!(known, "{route}: say in NAMED or PLAIN what '{field}' names");
    }
    // Entries of prefix lists and rules of ACLs name networks only; but a rule to be added goes before one that is there.
    let of_acl = |field: &str| route.contains("/network_acls") && matches!(field, "rules" | "set");
    let of_list = |field: &str| route.contains("/prefix_lists") && matches!(field, "add" | "remove" | "set");
    let names = |field: &str| NAMED.contains(&field) && !of_acl(field) && !of_list(field);
    fields.iter().filter(|field| names(field.as_str())).cloned().collect()
}

fn specs() -> [Value; 2] {
    [json!({ "vni": "{vni}" }), json!({ "new": { "subnet": "{subnet}" } })]
}

fn instances() -> Vec<Value> {
    let mut all = Vec::new();
    for spec in specs() {
        all.push(json!({ "zone": ZONE, "primary": spec }));
        all.push(json!({ "zone": ZONE, "vpc": "{vpc}", "primary": spec }));
        let primary = json!({ "new": { "subnet": "{subnet}" } });
        all.push(json!({ "zone": ZONE, "vpc": "{vpc}", "primary": primary, "attachments": [spec] }));
    }
    all
}

/// Bodies of a route that takes one, with a place for each thing that they can name.
pub(super) fn bodies(route: &str) -> Vec<Value> {
    let (rules, acl_rule) =
        (["tcp/80 from {group}", "udp/53 to {list}"], "allow ingress tcp/80 from 10.0.0.0/8 to any");
    match route {
        "POST /instances" => instances(),
        "POST /shares" => vec![json!({ "zone": ZONE, "size_gb": 10 })],
        "POST /shares/{share}/mount_targets" => specs().to_vec(),
        "POST /vpcs" => vec![json!({})],
        "POST /subnets" => {
            let subnet = json!({ "vpc": "{vpc}", "zone": ZONE, "cidr": "10.1.9.0/24" });
            let mut more = subnet.clone();
            more["network_acl"] = json!("{acl}");
            more["public_gateway"] = json!("{gateway}");
            vec![subnet, more]
        }
        "PATCH /subnets/{subnet}" => {
            vec![
                json!({ "name": "another" }),
                json!({ "network_acl": "{acl}" }),
                json!({ "public_gateway": "{gateway}" }),
            ]
        }
        "POST /security_groups" => vec![json!({ "vpc": "{vpc}" }), json!({ "vpc": "{vpc}", "rules": rules })],
        "POST /security_groups/{group}/actions/change_rules" => {
            vec![json!({ "add": rules }), json!({ "set": rules }), json!({ "remove": ["{rule}"] })]
        }
        "POST /network_acls" => vec![json!({ "vpc": "{vpc}" })],
        "POST /network_acls/{acl}/actions/change_rules" => {
            let before = json!({ "rule": acl_rule, "before": "{acl_rule}" });
            vec![
                json!({ "add": [before] }),
                json!({ "remove": ["{acl_rule}"] }),
                json!({ "set": [{ "rule": acl_rule }] }),
            ]
        }
        "POST /prefix_lists" => vec![json!({ "max_entries": 5 })],
        "POST /floating_ips" => vec![json!({ "target": { "vni": "{vni}" } })],
        "POST /floating_ips/{ip}/actions/associate" => vec![json!({ "vni": "{vni}" })],
        "POST /public_gateways" => {
            let gateway = json!({ "vpc": "{other_vpc}", "zone": ZONE });
            let mut of_ip = gateway.clone();
            of_ip["floating_ip"] = json!("{floating}");
            vec![gateway, of_ip]
        }
        "POST /virtual_network_interfaces" => {
            vec![json!({ "subnet": "{subnet}" }), json!({ "subnet": "{subnet}", "security_groups": ["{group}"] })]
        }
        "POST /virtual_network_interfaces/{vni}/actions/add_address" => vec![json!({ "family": "ipv4" })],
        "POST /virtual_network_interfaces/{vni}/actions/remove_address" => vec![json!({ "address": "10.1.0.77" })],
        "POST /virtual_network_interfaces/{vni}/actions/add_prefix" => vec![json!({ "family": "ipv4" })],
        "POST /virtual_network_interfaces/{vni}/actions/remove_prefix" => vec![json!({ "prefix": "10.1.0.64/28" })],
        "POST /virtual_network_interfaces/{vni}/actions/attach" => vec![json!({ "instance": "{instance}" })],
        "POST /virtual_network_interfaces/{vni}/actions/move" => vec![json!({ "to": "{instance}", "wait": false })],
        other if ["set_security_groups", "quarantine", "shadow"].iter().any(|end| other.ends_with(end)) => {
            vec![json!({ "security_groups": ["{group}"] })]
        }
        other if other.starts_with("PATCH") => vec![json!({ "name": "another" })],
        other if other.starts_with("POST") => vec![json!({})],
        _ => Vec::new(),
    }
}
