//! Bodies of requests become commands.

use pintle_core::id::{AttachmentId, InstanceId, ReservedIpId, SubnetId, VniId, VpcId};
use pintle_core::{Command, DecideError};
use pintle_dialect::wire::decode;
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

/// A patch that changes nothing has no command.
fn changed(command: Option<Command>) -> Result<Command, Problem> {
    command.ok_or_else(|| Problem::field(".", "it changes nothing"))
}

const CASES: &[(&str, Decode)] = &[
    ("ibm/create_vpc", |body, _| decode::<ibm::vpc::Create>(body)?.command()),
    ("ibm/update_vpc", |body, _| changed(decode::<ibm::vpc::Update>(body)?.command(vpc()))),
    ("ibm/create_subnet", |body, _| decode::<ibm::subnet::Create>(body)?.command()),
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
    ("native/create_instance", |body, world| decode::<native::instance::Create>(body)?.command(world)),
    ("native/attach", |body, world| decode::<native::action::Attach>(body)?.command(world, "data")),
    ("native/detach", |body, world| decode::<native::action::Detach>(body)?.command(world, "data")),
    ("native/move", |body, world| decode::<native::action::MoveTo>(body)?.command(world, "data")),
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
        (r#"{"security_groups": [{"id": "sg-1"}]}"#, "'security_groups'"),
        (r#"{"resource_group": {"id": "other"}}"#, "resource group 'other' was not found"),
        (r#"{"id": "eni-00000000000000009"}"#, "'id'"),
        (r#"{"protocol_state_filtering_mode": "enable"}"#, "'enable' is not one of 'auto'"),
        (r#"{"primary_ip": {"address": "10.1.2.300"}}"#, "'10.1.2.300' is not an IPv4 address"),
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
    assert!(vpc(r#"{"address_prefix_management": "auto"}"#).contains("manual"));
}

#[test]
fn names_resolve_to_one_thing_or_say_why_not() {
    let (mut world, ids) = world();
    let resolved = native::action::MoveTo::command(&decode(br#"{"to": "spare"}"#).unwrap(), &world, "data").unwrap();
    assert_eq!(resolved, Command::MoveVni { vni: ids.vni, to: ids.spare });
    let second = pintle_core::command::CreateVpc { name: Some("green".to_owned()), cidrs: vec![] };
    let pintle_core::Reply::Vpc(second) = world.run(Command::CreateVpc(second)) else { panic!() };
    world.run(Command::CreateSubnet(pintle_core::command::CreateSubnet {
        vpc: second.id,
        name: Some("blue-1".to_owned()),
        zone: "zone-1".to_owned(),
        cidr: "10.1.2.0/24".parse().unwrap(),
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
