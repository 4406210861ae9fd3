//! Bodies of requests become commands.

use pintle_core::id::RouteTableId;
use pintle_core::id::{AttachmentId, InstanceId, NetworkAclId, ReservedIpId, SecurityGroupId, SubnetId, VniId, VpcId};
use pintle_core::model::{NetworkAcl, SecurityGroup};
use pintle_core::{Command, DecideError, query};
use pintle_dialect::ibm::version::Version;
use pintle_dialect::wire::{Params, decode};
use pintle_dialect::{Problem, ibm, native};

use crate::golden;
use crate::world::{World, world};

type Decode = fn(&[u8], &World) -> Result<Command, Problem>;

fn vpc() -> VpcId {
    "vpc-00000000000000001".parse().unwrap()
}
fn subnet() -> SubnetId {
    "subnet-00000000000000003".parse().unwrap()
}
fn ip() -> ReservedIpId {
    "rip-00000000000000009".parse().unwrap()
}
fn vni() -> VniId {
    "eni-00000000000000009".parse().unwrap()
}
fn instance() -> InstanceId {
    "i-00000000000000011".parse().unwrap()
}
fn attachment() -> AttachmentId {
    "eni-attach-00000000000000012".parse().unwrap()
}

fn group() -> SecurityGroupId {
    "sg-00000000000000020".parse().unwrap()
}
fn acl() -> NetworkAclId {
    "acl-00000000000000021".parse().unwrap()
}

fn table() -> RouteTableId {
    "rtb-00000000000000001".parse().unwrap()
}

fn version() -> Version {
    let pairs =
        [("version", "2026-10-06"), ("generation", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    ibm::version::check(&mut Params::new(pairs.to_vec())).unwrap()
}

/// A patch that changes nothing has no command.
fn changed(command: Option<Command>) -> Result<Command, Problem> {
    command.ok_or_else(|| Problem::field(".", "it changes nothing"))
}

const CASES: &[(&str, Decode)] = &[
    ("ibm/create_vpc", |body, _| decode::<ibm::vpc::Create>(body)?.command()),
    ("ibm/update_vpc", |body, _| changed(decode::<ibm::vpc::Update>(body)?.command(vpc()))),
    ("ibm/create_subnet", |body, world| decode::<ibm::subnet::Create>(body)?.command(world)),
    ("ibm/create_subnet_by_count", |body, world| decode::<ibm::subnet::Create>(body)?.command(world)),
    ("ibm/create_flow_log_collector", |body, _| decode::<ibm::flow_log_collector::Create>(body)?.command()),
    ("ibm/create_flow_log_collector_of_attachment", |body, _| {
        decode::<ibm::flow_log_collector::Create>(body)?.command()
    }),
    ("ibm/update_flow_log_collector", |body, _| {
        changed(decode::<ibm::flow_log_collector::Update>(body)?.command("fl-00000000000000001".parse().unwrap()))
    }),
    ("ibm/create_vpc_address_prefix", |body, _| Ok(decode::<ibm::address_prefix::Create>(body)?.command(vpc()))),
    ("ibm/update_vpc_address_prefix", |body, _| {
        let id = "vpc-cidr-assoc-00000000000000001".parse().unwrap();
        changed(decode::<ibm::address_prefix::Update>(body)?.command(id))
    }),
    ("ibm/create_vpc_routing_table", |body, _| decode::<ibm::routing_table::Create>(body)?.command(vpc())),
    ("ibm/update_vpc_routing_table", |body, _| {
        decode::<ibm::routing_table::Update>(body)?.command(table()).and_then(changed)
    }),
    ("ibm/create_vpc_routing_table_route", |body, _| decode::<ibm::routing_table::CreateRoute>(body)?.command(table())),
    ("ibm/update_vpc_routing_table_route", |body, _| {
        let id = "rtb-route-00000000000000001".parse().unwrap();
        decode::<ibm::routing_table::UpdateRoute>(body)?.command(table(), id).and_then(changed)
    }),
    ("ibm/update_subnet", |body, _| changed(decode::<ibm::subnet::Update>(body)?.command(subnet()))),
    ("ibm/create_subnet_reserved_ip", |body, _| Ok(decode::<ibm::reserved_ip::Create>(body)?.command(subnet()))),
    ("ibm/update_subnet_reserved_ip", |body, _| Ok(decode::<ibm::reserved_ip::Update>(body)?.command(ip()))),
    ("ibm/create_virtual_network_interface", |body, _| decode::<ibm::vni::Create>(body)?.command()),
    ("ibm/create_virtual_network_interface_minimal", |body, _| decode::<ibm::vni::Create>(body)?.command()),
    ("ibm/create_virtual_network_interface_reserved", |body, _| decode::<ibm::vni::Create>(body)?.command()),
    ("ibm/update_virtual_network_interface", |body, _| Ok(decode::<ibm::vni::Update>(body)?.command(vni()))),
    ("ibm/create_instance", |body, world| decode::<ibm::instance::Create>(body)?.command(world)),
    ("ibm/update_instance", |body, _| changed(decode::<ibm::instance::Update>(body)?.command(instance()))),
    ("ibm/create_instance_action", |body, _| Ok(decode::<ibm::instance::Action>(body)?.command(instance()))),
    ("ibm/create_instance_network_attachment", |body, _| {
        decode::<ibm::network_attachment::Create>(body)?.command(instance())
    }),
    ("ibm/update_instance_network_attachment", |body, _| {
        changed(decode::<ibm::network_attachment::Update>(body)?.command(attachment()))
    }),
    ("ibm/create_instance_with_network_interfaces", |body, world| {
        decode::<ibm::instance::Create>(body)?.command(world)
    }),
    ("ibm/create_instance_network_interface", |body, _| {
        decode::<ibm::network_interface::Create>(body)?.command(instance())
    }),
    ("ibm/update_instance_network_interface", |body, _| {
        Ok(decode::<ibm::network_interface::Update>(body)?.command(attachment()))
    }),
    ("native/create_instance", |body, world| decode::<native::instance::Create>(body)?.command(world)),
    ("native/create_instance_tap", |body, world| decode::<native::instance::Create>(body)?.command(world)),
    ("native/create_instance_bare_metal", |body, world| decode::<native::instance::Create>(body)?.command(world)),
    ("native/attach", |body, world| decode::<native::action::Attach>(body)?.command(world, "data")),
    ("native/detach", |body, world| decode::<native::action::Detach>(body)?.command(world, "data")),
    ("native/move", |body, world| decode::<native::action::MoveTo>(body)?.command(world, "data")),
    ("ibm/create_security_group", |body, _| decode::<ibm::security_group::Create>(body)?.command(&version())),
    ("ibm/update_security_group", |body, _| changed(decode::<ibm::security_group::Update>(body)?.command(group())?)),
    ("ibm/create_security_group_rule", |body, _| {
        decode::<ibm::security_group::RuleFields>(body)?.command(group(), &version())
    }),
    ("ibm/update_security_group_rule", |body, world| {
        let (group, _) = query::get::<SecurityGroup>(world, world.ids().group)?;
        decode::<ibm::security_group::RulePatch>(body)?.command(group.id, &group.rules[1], &version())
    }),
    ("ibm/create_network_acl", |body, world| decode::<ibm::network_acl::Create>(body)?.command(&version(), world)),
    ("ibm/create_network_acl_copy", |body, world| decode::<ibm::network_acl::Create>(body)?.command(&version(), world)),
    ("ibm/update_network_acl", |body, _| changed(decode::<ibm::network_acl::Update>(body)?.command(acl()))),
    ("ibm/create_network_acl_rule", |body, _| decode::<ibm::network_acl::RulePut>(body)?.command(acl(), &version())),
    ("ibm/update_network_acl_rule", |body, world| {
        let (acl, _) = query::get::<NetworkAcl>(world, world.ids().acl)?;
        decode::<ibm::network_acl::RulePatch>(body)?.command(acl.id, &acl.rules[0], &version())
    }),
    ("ibm/create_floating_ip", |body, world| decode::<ibm::floating_ip::Create>(body)?.command(world)),
    ("ibm/update_floating_ip", |body, world| {
        decode::<ibm::floating_ip::Update>(body)?
            .command(world, "eipalloc-00000000000000001".parse().unwrap())
            .and_then(changed)
    }),
    ("ibm/create_public_gateway", |body, _| decode::<ibm::public_gateway::Create>(body)?.command()),
    ("ibm/update_public_gateway", |body, _| {
        changed(decode::<ibm::public_gateway::Update>(body)?.command("nat-00000000000000001".parse().unwrap()))
    }),
    ("ibm/create_key", |body, _| decode::<ibm::key::Create>(body)?.command()),
    ("ibm/update_key", |body, _| {
        changed(decode::<ibm::key::Update>(body)?.command("key-00000000000000001".parse().unwrap()))
    }),
    ("native/create_security_group", |body, world| decode::<native::security_group::Create>(body)?.command(world)),
    ("native/update_security_group", |body, _| {
        changed(decode::<native::security_group::Update>(body)?.command(group()))
    }),
    ("native/change_rules", |body, world| {
        decode::<native::security_group::ChangeRules>(body)?.command(world, world.ids().group)
    }),
    ("native/create_network_acl", |body, world| decode::<native::network_acl::Create>(body)?.command(world)),
    ("native/change_acl_rules", |body, world| {
        decode::<native::network_acl::ChangeRules>(body)?.command(world, world.ids().acl)
    }),
    ("native/create_prefix_list", |body, _| Ok(decode::<native::prefix_list::Create>(body)?.command())),
    ("native/update_prefix_list", |body, world| {
        Ok(decode::<native::prefix_list::Update>(body)?.command(world.ids().prefix_list))
    }),
    ("native/create_vpc", |body, _| Ok(decode::<native::vpc::Create>(body)?.command())),
    ("native/update_vpc", |body, _| changed(decode::<native::vpc::Update>(body)?.command(vpc()))),
    ("native/create_subnet", |body, world| decode::<native::subnet::Create>(body)?.command(world)),
    ("native/update_subnet", |body, world| {
        decode::<native::subnet::Update>(body)?.command(world, world.ids().subnet).and_then(changed)
    }),
    ("native/create_virtual_network_interface", |body, world| decode::<native::vni::Create>(body)?.command(world)),
    ("native/update_virtual_network_interface", |body, _| Ok(decode::<native::vni::Update>(body)?.command(vni()))),
    ("native/add_address", |body, world| decode::<native::vni::AddAddress>(body)?.command(world.ids().vni)),
    ("native/remove_address", |body, world| {
        decode::<native::vni::RemoveAddress>(body)?.command(world, world.ids().vni)
    }),
    ("native/add_prefix", |body, _| decode::<native::vni::AddPrefix>(body)?.command(vni())),
    ("native/remove_prefix", |body, _| Ok(decode::<native::vni::RemovePrefix>(body)?.command(vni()))),
    ("native/set_security_groups", |body, world| {
        decode::<native::vni::SetGroups>(body)?.command(world, world.ids().vni)
    }),
    ("native/quarantine", |body, world| decode::<native::vni::Quarantine>(body)?.command(world, world.ids().vni)),
    ("native/shadow", |body, world| decode::<native::vni::Shadow>(body)?.command(world, world.ids().vni)),
    ("native/create_public_pool", |body, _| Ok(decode::<native::public::CreatePool>(body)?.command())),
    ("native/create_floating_ip", |body, world| decode::<native::public::Create>(body)?.command(world)),
    ("native/associate_floating_ip", |body, world| decode::<native::public::Associate>(body)?.command(world, "front")),
    ("native/create_public_gateway", |body, world| decode::<native::public::CreateGateway>(body)?.command(world)),
];

#[test]
fn every_request_becomes_its_golden_command() {
    let (world, _) = world();
    for (name, decode) in CASES {
        let body = golden::read(&format!("{name}.request.json"));
        let command = decode(body.as_bytes(), &world).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        golden::check(&format!("{name}.command.txt"), &format!("{command:#?}"));
    }
}

#[test]
fn every_request_refuses_unknown_fields_by_name() {
    let (world, _) = world();
    for (name, decode) in CASES {
        let mut body: serde_json::Value = serde_json::from_str(&golden::read(&format!("{name}.request.json"))).unwrap();
        body["colour"] = "red".into();
        let text = body.to_string();
        match decode(text.as_bytes(), &world) {
            Err(Problem::Field { field, detail, .. }) => {
                assert!(field == "colour" && detail.contains("unknown field `colour`"), "{name}: {field}: {detail}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn every_request_survives_any_one_field_of_the_wrong_type() {
    let (world, _) = world();
    for (name, decode) in CASES {
        let whole: serde_json::Value = serde_json::from_str(&golden::read(&format!("{name}.request.json"))).unwrap();
        for field in whole.as_object().unwrap().keys() {
            let mut body = whole.clone();
            body[field] = serde_json::json!([[]]);
            match decode(body.to_string().as_bytes(), &world) {
                Err(Problem::Field { field: found, .. }) => {
                    assert!(found.starts_with(field.as_str()), "{name}: {found}")
                }
                other => panic!("{name}.{field}: {other:?}"),
            }
        }
    }
}

#[test]
fn patches_refuse_null_and_may_be_empty() {
    assert!(decode::<ibm::vpc::Update>(b"{}").unwrap().command(vpc()).is_none());
    assert!(decode::<ibm::vpc::Update>(br#"{"name": null}"#).is_err());
    for field in
        ["name", "allow_ip_spoofing", "auto_delete", "enable_infrastructure_nat", "protocol_state_filtering_mode"]
    {
        let error = decode::<ibm::vni::Update>(format!(r#"{{"{field}": null}}"#).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

fn refused(body: &str) -> String {
    decode::<ibm::vni::Create>(body.as_bytes()).and_then(ibm::vni::Create::command).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (body, text) in [
        (r#"{"security_groups": []}"#, "'security_groups': an interface has at least one"),
        (r#"{"security_groups": [{"id": "sg-1"}]}"#, "is not a security group id"),
        (r#"{"resource_group": {"id": "other"}}"#, "resource group 'other' was not found"),
        (r#"{"id": "eni-00000000000000009"}"#, "'id'"),
        (r#"{"protocol_state_filtering_mode": "enable"}"#, "'enable' is not one of 'auto'"),
        (r#"{"primary_ip": {"address": "10.1.2.300"}}"#, "'10.1.2.300' is not an address such as"),
        (r#"{"primary_ip": {"id": "rip-00000000000000009", "address": "10.1.2.9"}}"#, "'primary_ip.address'"),
        (r#"{"ips": [{}, {"id": "rip-9"}]}"#, "'ips[1]'"),
        (r#"{"subnet": {"id": "vpc-00000000000000001"}}"#, "is not a subnet id"),
    ] {
        let error = refused(body);
        assert!(error.contains(text), "{body}: {error}");
    }
    let body = br#"{"virtual_network_interface": {"id": "eni-00000000000000009", "subnet": {"id": "subnet-00000000000000003"}}}"#;
    let error = decode::<ibm::network_attachment::Create>(body).unwrap().command(instance()).unwrap_err().to_string();
    assert!(error.contains("'virtual_network_interface.subnet'"), "{error}");
    let vpc = |body: &str| decode::<ibm::vpc::Create>(body.as_bytes()).unwrap().command().unwrap_err().to_string();
    assert!(vpc(r#"{"classic_access": true}"#).contains("classic_access"));
    assert!(vpc(r#"{"address_prefix_management": "both"}"#).contains("'auto' or 'manual'"));
    let table = |body: &str| {
        decode::<ibm::routing_table::Create>(body.as_bytes()).unwrap().command(self::vpc()).unwrap_err().to_string()
    };
    assert!(table(r#"{"route_internet_ingress": true}"#).contains("'route_internet_ingress'"));
    assert!(table(r#"{"accept_routes_from": [{"resource_type": "vpn_gateway"}]}"#).contains("'accept_routes_from'"));
    for (action, hop, words) in [
        ("deliver", "", "it is needed"),
        ("drop", r#", "next_hop": {"address": "10.0.0.9"}"#, "only a route whose action is 'deliver'"),
        ("deliver", r#", "advertise": true, "next_hop": {"address": "10.0.0.9"}"#, "nothing to advertise"),
    ] {
        let route = format!(r#"{{"destination": "0.0.0.0/0", "zone": {{"name": "z"}}, "action": "{action}"{hop}}}"#);
        let error = table(&format!(r#"{{"routes": [{route}]}}"#));
        assert!(error.contains("'routes[0].") && error.contains(words), "{error}");
    }
    let collector = br#"{"storage_bucket": {"name": "b"}, "target": {"id": "sg-00000000000000001"}}"#;
    let error = decode::<ibm::flow_log_collector::Create>(collector).unwrap().command().unwrap_err().to_string();
    assert!(error.contains("'target'"), "{error}");
}

#[test]
fn names_resolve_to_one_thing_or_say_why_not() {
    let (mut world, ids) = world();
    let resolved = native::action::MoveTo::command(&decode(br#"{"to": "spare"}"#).unwrap(), &world, "data").unwrap();
    assert_eq!(resolved, Command::MoveVni { vni: ids.vni, to: ids.spare, nic: None });
    let second = pintle_core::command::CreateVpc { name: Some("green".to_owned()), ..Default::default() };
    let pintle_core::Reply::Vpc(second) = world.run(Command::CreateVpc(second)) else { panic!() };
    world.run(Command::CreateSubnet(pintle_core::command::CreateSubnet {
        vpc: second.id,
        name: Some("blue-1".to_owned()),
        zone: "zone-1".to_owned(),
        cidr: "10.1.2.0/24".parse().unwrap(),
        ipv6: None,
        acl: None,
        public_gateway: None,
    }));
    use pintle_core::model::Subnet;
    use pintle_dialect::view::{resolve, resolve_within};
    match resolve::<Subnet>(&world, "blue-1") {
        Err(Problem::Ambiguous { candidates, .. }) => {
            assert!(candidates.contains(&ids.subnet.to_string()), "{candidates:?}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(resolve_within::<Subnet>(&world, "blue-1", Some(ids.vpc)), Ok(ids.subnet));
    assert_eq!(resolve::<Subnet>(&world, &ids.subnet.to_string()), Ok(ids.subnet));
    for nobody in ["nobody", "", "a/b", "subnet-0ffffffffffffffff", "name with blanks"] {
        let problem = resolve::<Subnet>(&world, nobody).unwrap_err();
        assert!(matches!(problem, Problem::Refused(pintle_core::Refusal::NotFound { .. })), "{nobody}: {problem}");
    }
    let read = DecideError::Corrupt { key: "k".to_owned(), detail: "d".to_owned() };
    assert!(matches!(Problem::from(read), Problem::Internal { .. }), "a damaged store is never the client's fault");
}
