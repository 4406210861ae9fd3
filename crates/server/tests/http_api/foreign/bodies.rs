//! Bodies of IBM's API with places for the names of things, and which places there are by the API's own document.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::world::{Names, ZONE};

/// References that lead to nothing of a tenant's, or that nobody looks up, by the end of where they stand.
const PLAIN: &[(&str, &str)] = &[
    ("", "/zone"),
    ("", "/profile"),
    ("", "/image"),
    ("", "/resource_group"),
    // What a bare metal server is set up with is read and kept nowhere.
    ("create_bare_metal_server", "/initialization/keys/0"),
    // An interface to be made can't choose its id.
    ("create_virtual_network_interface", ""),
    // The rules of an ACL to be made are ordered among themselves: none of them has an id yet.
    ("create_network_acl", "/rules/0/before"),
];

/// Where a body may name something, by the document's schema: a JSON pointer, with 0 for the numbers of items.
pub(super) fn references(document: &Value, operation: &str, schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(document, schema, "", &mut found);
    let plain = |at: &str| {
        PLAIN.iter().any(|(of, end)| if of.is_empty() { at.ends_with(end) } else { *of == operation && at == *end })
    };
    found.retain(|at| !plain(at));
    found
}

fn walk(document: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return walk(document, document.pointer(reference.trim_start_matches('#')).unwrap(), at, found);
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        for one in schema[several].as_array().into_iter().flatten() {
            walk(document, one, at, found);
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        if ["id", "crn", "href"].iter().any(|name| properties.contains_key(*name)) {
            found.insert(at.to_owned());
        }
        for (name, property) in properties {
            walk(document, property, &format!("{at}/{name}"), found);
        }
    }
    if schema["items"].is_object() {
        walk(document, &schema["items"], &format!("{at}/0"), found);
    }
}

/// Where a body has a place for the name of something.
pub(super) fn places(body: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    find_places(body, "", &mut found);
    found
}

fn find_places(body: &Value, at: &str, found: &mut BTreeSet<String>) {
    match body {
        Value::Object(fields) => {
            if key_of(fields).is_some() {
                found.insert(at.to_owned());
            }
            fields.iter().for_each(|(name, field)| find_places(field, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| find_places(item, &format!("{at}/0"), found)),
        _ => (),
    }
}

fn key_of(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("id")?.as_str()?.strip_prefix('{')?.strip_suffix('}')
}

/// The body with its things named by something else than their ids: by CRN, href or fingerprint, one thing at a time.
pub(super) fn otherwise(body: &Value, names: &Names) -> Vec<Value> {
    let mut all = Vec::new();
    for at in pointers(body, "") {
        let Some(key) = body.pointer(&at).and_then(Value::as_object).and_then(key_of) else { continue };
        for form in
            ["crn", "href", "fingerprint"].into_iter().filter(|form| names.contains_key(&format!("{key}.{form}")))
        {
            let mut other = body.clone();
            let fields = other.pointer_mut(&at).and_then(Value::as_object_mut).unwrap();
            fields.remove("id");
            fields.insert(form.to_owned(), json!(format!("{{{key}.{form}}}")));
            all.push(other);
        }
    }
    all
}

fn pointers(body: &Value, at: &str) -> Vec<String> {
    let below: Vec<String> = match body {
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, field)| pointers(field, &format!("{at}/{name}"))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(number, item)| pointers(item, &format!("{at}/{number}"))).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(at.to_owned()).chain(below).collect()
}

fn named(key: &str) -> Value {
    json!({ "id": format!("{{{key}}}") })
}

/// Interfaces: one that there is, and ones to be made of all that can be named for them.
fn interfaces() -> Vec<Value> {
    [vec![named("vni")], new_interfaces()].concat()
}

fn new_interfaces() -> Vec<Value> {
    vec![
        json!({ "subnet": named("subnet"), "security_groups": [named("group")] }),
        json!({ "subnet": named("subnet"), "primary_ip": named("ip") }),
        json!({ "primary_ip": named("ip") }),
        json!({ "subnet": named("subnet"), "ips": [named("ip")] }),
    ]
}

fn old_interfaces() -> Vec<Value> {
    let mut all = new_interfaces();
    all.retain(|one| one.get("subnet").is_some() && one.get("ips").is_none());
    all
}

fn with(base: Value, field: &str, values: Vec<Value>) -> Vec<Value> {
    let put = |value| {
        let mut body = base.clone();
        body[field] = value;
        body
    };
    values.into_iter().map(put).collect()
}

fn attachments(base: Value) -> Vec<Value> {
    with(base, "virtual_network_interface", interfaces())
}

fn servers(mut base: Value, first: Value, more: Value) -> Vec<Value> {
    base["zone"] = json!({ "name": ZONE });
    let primary = with(base.clone(), "primary_network_attachment", attachments(first.clone()));
    let mut whole = base;
    whole["primary_network_attachment"] = json!({ "virtual_network_interface": { "subnet": named("subnet") } });
    let others = attachments(more).into_iter().map(|one| json!([one])).collect();
    let mut in_vpc = primary[1].clone();
    in_vpc["vpc"] = named("vpc");
    [primary, with(whole, "network_attachments", others), vec![in_vpc]].concat()
}

fn instances() -> Vec<Value> {
    let mut all = servers(json!({}), json!({}), json!({}));
    let mut keys = all[1].clone();
    keys["keys"] = json!([named("key")]);
    let zone = json!({ "zone": { "name": ZONE } });
    all.push(keys);
    all.extend(with(zone.clone(), "primary_network_interface", old_interfaces()));
    let mut old = zone;
    old["primary_network_interface"] = json!({ "subnet": named("subnet") });
    all.extend(with(old, "network_interfaces", old_interfaces().into_iter().map(|one| json!([one])).collect()));
    all
}

fn route() -> Value {
    json!({ "destination": "172.16.0.0/12", "zone": { "name": ZONE }, "next_hop": { "address": "10.1.0.201" } })
}

fn rule(fields: Value) -> Value {
    let mut rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 80, "port_max": 80 });
    rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    rule
}

fn acl_rule() -> Value {
    json!({ "direction": "inbound", "action": "allow", "protocol": "icmp", "source": "10.0.0.0/8", "destination": "0.0.0.0/0" })
}

fn remotes(base: Value) -> Vec<Value> {
    with(base, "remote", vec![named("group"), named("list")])
}

/// Bodies of an operation that takes one, together with a place for each thing that they can name.
pub(super) fn bodies(operation: &str) -> Vec<Value> {
    let rename = || vec![json!({ "name": "another" })];
    let in_vpc = || json!({ "vpc": named("vpc") });
    let target = |keys: &[&str]| with(json!({}), "target", keys.iter().map(|key| named(key)).collect());
    let mount = json!({ "access_protocol": "nfs4", "transit_encryption": "none" });
    match operation {
        "create_bare_metal_server" => {
            let (card, vlan) = (json!({ "interface_type": "pci" }), json!({ "interface_type": "pci" }));
            servers(json!({ "profile": { "name": "metal" } }), card, vlan)
        }
        "create_bare_metal_server_network_attachment" => attachments(json!({ "interface_type": "vlan", "vlan": 10 })),
        "stop_bare_metal_server" => vec![json!({ "type": "hard" })],
        "create_bare_metal_server_network_interface" => {
            vec![json!({ "interface_type": "pci", "subnet": named("subnet"), "security_groups": [named("group")] })]
        }
        "create_floating_ip" => [target(&["vni", "nic"]), vec![json!({ "zone": { "name": ZONE } })]].concat(),
        "update_floating_ip" => [target(&["vni", "nic"]), rename(), vec![json!({ "target": null })]].concat(),
        "create_flow_log_collector" => {
            let bucket = json!({ "storage_bucket": { "name": "bucket" } });
            let keys = ["vpc", "subnet", "instance", "vni", "attachment", "nic"];
            with(bucket, "target", keys.iter().map(|key| named(key)).collect())
        }
        "create_instance" => instances(),
        "create_instance_action" => vec![json!({ "type": "stop" }), json!({ "type": "start" })],
        "create_instance_network_attachment" => attachments(json!({})),
        "create_instance_network_interface" => old_interfaces(),
        "create_network_acl" => {
            let mut copy = in_vpc();
            copy["source_network_acl"] = named("acl");
            vec![in_vpc(), copy]
        }
        "create_network_acl_rule" => [vec![acl_rule()], with(acl_rule(), "before", vec![named("acl_rule")])].concat(),
        "update_network_acl_rule" => [rename(), with(json!({}), "before", vec![named("acl_rule")])].concat(),
        "create_key" => vec![json!({ "public_key": "ssh-ed25519 AAAA" })],
        "create_public_gateway" => {
            // A VPC that has none yet.
            let gateway = json!({ "vpc": named("other_vpc"), "zone": { "name": ZONE } });
            [vec![gateway.clone()], with(gateway, "floating_ip", vec![named("floating")])].concat()
        }
        "create_vpc_routing_table" => vec![json!({}), json!({ "routes": [route()] })],
        "create_vpc_routing_table_route" | "create_vpc_route" => vec![route()],
        "create_vpc_address_prefix" => vec![json!({ "cidr": "10.250.0.0/16", "zone": { "name": ZONE } })],
        "replace_subnet_routing_table" => vec![named("table")],
        "replace_subnet_network_acl" => vec![named("acl")],
        "set_subnet_public_gateway" => vec![named("gateway")],
        "create_security_group" => {
            let rules = remotes(rule(json!({}))).into_iter().map(|rule| json!([rule])).collect();
            [vec![in_vpc()], with(in_vpc(), "rules", rules)].concat()
        }
        "create_security_group_rule" => [vec![rule(json!({}))], remotes(rule(json!({})))].concat(),
        "update_security_group_rule" => [vec![json!({ "port_max": 90 })], remotes(json!({}))].concat(),
        "create_share" => {
            let share = json!({ "size": 100, "profile": { "name": "dp2" }, "zone": { "name": ZONE } });
            let targets = attachments(mount).into_iter().map(|target| json!([target])).collect();
            with(share, "mount_targets", targets)
        }
        "update_share" => vec![json!({ "size": 200 }), json!({ "name": "another" })],
        "create_share_mount_target" => attachments(mount),
        "create_subnet" => {
            let subnet = json!({ "vpc": named("vpc"), "zone": { "name": ZONE }, "ipv4_cidr_block": "10.1.9.0/24" });
            let more = [("network_acl", "acl"), ("public_gateway", "gateway"), ("routing_table", "table")];
            let more = more.iter().flat_map(|(field, key)| with(subnet.clone(), field, vec![named(key)]));
            [vec![subnet.clone()], more.collect()].concat()
        }
        "update_subnet" => {
            let more = [("network_acl", "acl"), ("public_gateway", "gateway"), ("routing_table", "table")];
            let more = more.iter().flat_map(|(field, key)| with(json!({}), field, vec![named(key)]));
            [rename(), more.collect()].concat()
        }
        "create_subnet_reserved_ip" => [vec![json!({})], target(&["vni"])].concat(),
        "create_virtual_network_interface" => new_interfaces(),
        "update_virtual_network_interface" => {
            [rename(), vec![json!({ "allow_ip_spoofing": true }), json!({ "enable_infrastructure_nat": false })]]
                .concat()
        }
        "create_vpc" => vec![json!({})],
        other if other.starts_with("update_") => rename(),
        other => panic!("{other}: say in bodies() what bodies it takes"),
    }
}
