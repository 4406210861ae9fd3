//! What stands in the paths and the queries of IBM's API: for every parameter, which thing of a tenant's it may name.

use pintle_dialect::ibm::openapi::Operation;

/// What the parameters of paths name, by the path up to them. Where it can be one of several, all of them.
const THINGS: &[(&str, &[&str])] = &[
    ("/bare_metal_servers/{id}", &["metal"]),
    ("/bare_metal_servers/{id}/network_attachments/{na}", &["vlan"]),
    ("/bare_metal_servers/{id}/network_interfaces/{nic}", &["vlan"]),
    ("/bare_metal_servers/{id}/network_interfaces/{nic}/floating_ips/{ip}", &["floating"]),
    ("/bare_metal_servers/{id}/network_interfaces/{nic}/ips/{ip}", &["vlan_ip"]),
    ("/floating_ips/{id}", &["floating", "floating_of_vni"]),
    ("/flow_log_collectors/{id}", &["collector"]),
    ("/instances/{id}", &["instance"]),
    ("/instances/{id}/network_attachments/{na}", &["attachment"]),
    ("/instances/{id}/network_interfaces/{nic}", &["nic", "attachment"]),
    ("/instances/{id}/network_interfaces/{nic}/floating_ips/{ip}", &["floating", "floating_of_nic"]),
    ("/instances/{id}/network_interfaces/{nic}/ips/{ip}", &["nic_ip"]),
    ("/keys/{id}", &["key"]),
    ("/network_acls/{id}", &["acl"]),
    ("/network_acls/{id}/rules/{rule}", &["acl_rule"]),
    ("/public_gateways/{id}", &["gateway"]),
    ("/security_groups/{id}", &["group"]),
    ("/security_groups/{id}/rules/{rule}", &["rule"]),
    ("/security_groups/{id}/targets/{target}", &["vni", "nic", "attached_vni"]),
    ("/shares/{id}", &["share"]),
    ("/shares/{id}/mount_targets/{target}", &["mount"]),
    ("/subnets/{id}", &["subnet"]),
    ("/subnets/{id}/reserved_ips/{ip}", &["ip", "vni_ip"]),
    ("/virtual_network_interfaces/{id}", &["vni", "attached_vni"]),
    ("/virtual_network_interfaces/{id}/floating_ips/{ip}", &["floating", "floating_of_vni"]),
    ("/virtual_network_interfaces/{id}/ips/{ip}", &["ip", "vni_ip"]),
    ("/vpcs/{id}", &["vpc"]),
    ("/vpcs/{id}/address_prefixes/{ap}", &["prefix"]),
    ("/vpcs/{id}/routes/{r}", &["default_route"]),
    ("/vpcs/{id}/routing_tables/{rt}", &["table"]),
    ("/vpcs/{id}/routing_tables/{rt}/routes/{r}", &["table_route"]),
];

/// Parameters that name nothing of a tenant's: what there is to choose from is the same for all.
const NOBODYS: &[&str] = &[
    "/bare_metal_server/profiles/{name}",
    "/images/{id}",
    "/instance/profiles/{name}",
    "/regions/{r}",
    "/regions/{r}/zones/{z}",
    "/share/profiles/{name}",
];

/// The parameters of an operation's path with places in their stead: one text for each of the things that they may name.
pub(super) fn templates(operation: &Operation) -> Vec<String> {
    let mut all = vec![String::from("/v1")];
    let mut upto = String::new();
    for part in operation.path.split('/').skip(1) {
        upto = format!("{upto}/{part}");
        if !part.starts_with('{') {
            all.iter_mut().for_each(|text| *text += &format!("/{part}"));
            continue;
        }
        if NOBODYS.contains(&upto.as_str()) {
            return Vec::new();
        }
        // Below a server of the old style are other interfaces than below one of the new.
        let keys = THINGS.iter().find(|(path, _)| *path == upto).map(|(_, keys)| *keys);
        let keys = keys.unwrap_or_else(|| panic!("{}: say in THINGS or NOBODYS what {part} names", operation.path));
        all = all.iter().flat_map(|text| keys.iter().map(move |key| format!("{text}/{{{key}}}"))).collect();
    }
    if operation.path.starts_with("/instances/{id}") {
        let old = |text: &String| text.replace("{instance}", "{old_instance}");
        all = all.iter().flat_map(|text| [text.clone(), old(text)]).collect();
    }
    all.retain(|text| text.contains('{'));
    all
}

/// What the parameters of queries name.
const NAMED: &[(&str, &[&str])] = &[
    ("name", &["vpc.name", "vni.name", "instance.name", "metal.name", "share.name", "mount.name", "floating.name"]),
    ("routing_table.id", &["table"]),
    ("routing_table.name", &["table.name"]),
    ("start", &["vpc", "ip", "vni", "group", "collector"]),
    ("target.crn", &["vni.crn", "attached_vni.crn"]),
    ("target.id", &["vni", "attached_vni", "nic", "attachment", "mount", "instance", "subnet", "vpc", "gateway"]),
    ("target.name", &["vni.name", "attached_vni.name", "nic.name", "gateway.name"]),
    ("vpc.crn", &["vpc.crn"]),
    ("vpc.id", &["vpc"]),
    ("vpc.name", &["vpc.name"]),
];

/// Parameters of queries that name nothing of a tenant's.
const PLAIN: &[&str] = &[
    "classic_access",
    "direction",
    "is_default",
    "limit",
    "remote.account.id",
    "replication_role",
    "resource_group.id",
    "sort",
    "status",
    "target.resource_type",
    "user_data_format",
    "visibility",
    "zone.name",
];

/// The names of things that a parameter of an operation's query may be asked with.
pub(super) fn named_by(operation: &Operation, parameter: &str) -> &'static [&'static str] {
    if PLAIN.contains(&parameter) {
        return &[];
    }
    let found = NAMED.iter().find(|(name, _)| *name == parameter).map(|(_, keys)| *keys);
    found.unwrap_or_else(|| panic!("{}: say in NAMED or PLAIN what '{parameter}' names", operation.id))
}
