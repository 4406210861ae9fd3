//! What keys may do: the table of roles through both APIs, and what is asked of an interface rather than of its target.

use axum::http::Method;
use pintle_authz::{Action, table};
use pintle_core::Command;
use pintle_core::command::{CreateAccessKey, NewPolicy};
use pintle_core::model::{AccessRole, AccountId, Principal, ResourceType, Verb};
use pintle_server::vault::Vault;
use serde_json::{Value, json};

use super::client::{Api, text};
use super::ec2::{SECRET, Signer, first, send};

const A: fn(ResourceType, Verb) -> Action = |on, verb| Action { on, verb };

/// One of each thing, made by the operator, who is the first account.
struct World {
    vpc: String,
    subnet: String,
    vni: String,
    /// Attached to `instance`, beside its primary one.
    attached: String,
    attachment: String,
    instance: String,
    group: String,
    acl: String,
}

impl World {
    async fn new(api: &Api) -> World {
        api.host(1, "local-1").await;
        let (vpc, subnet) = api.network("10.0.0.0/24", "local-1").await;
        let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
        let instance = api.instance("local-1", json!({ "subnet": { "id": subnet } })).await;
        let instance = text(&instance, "id");
        let attached = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
        let attachment = text(&api.attach(&instance, &attached).await.expect(201), "id");
        api.hosts_obey().await;
        let group = api.post("/v1/security_groups", json!({ "vpc": { "id": vpc } })).await.expect(201);
        let acl = api.post("/v1/network_acls", json!({ "vpc": { "id": vpc } })).await.expect(201);
        World { vpc, subnet, vni, attached, attachment, instance, group: text(&group, "id"), acl: text(&acl, "id") }
    }
}

/// A request and the actions that it needs.
type Row = (Method, String, Option<Value>, Vec<Action>);

fn rows(w: &World) -> Vec<Row> {
    use ResourceType as T;
    use Verb as V;
    let mut rows = Vec::new();
    for (collection, on, id) in [
        ("vpcs", T::Vpc, Some(&w.vpc)),
        ("subnets", T::Subnet, Some(&w.subnet)),
        ("virtual_network_interfaces", T::Vni, Some(&w.vni)),
        ("instances", T::Instance, Some(&w.instance)),
        ("security_groups", T::SecurityGroup, Some(&w.group)),
        ("network_acls", T::NetworkAcl, Some(&w.acl)),
        ("floating_ips", T::FloatingIp, None),
        ("public_gateways", T::PublicGateway, None),
    ] {
        rows.push((Method::GET, format!("/v1/{collection}"), None, vec![A(on, V::List)]));
        if let Some(id) = id {
            let path = format!("/v1/{collection}/{id}");
            rows.push((Method::GET, path.clone(), None, vec![A(on, V::Read)]));
            rows.push((Method::PATCH, path, Some(json!({ "name": "another-name" })), vec![A(on, V::Update)]));
        }
    }
    let vni = format!("/v1/virtual_network_interfaces/{}", w.vni);
    let patch =
        |body: Value, more: Verb| (Method::PATCH, vni.clone(), Some(body), vec![A(T::Vni, V::Update), A(T::Vni, more)]);
    rows.push(patch(json!({ "allow_ip_spoofing": true }), V::ManageIpSpoofing));
    rows.push(patch(json!({ "enable_infrastructure_nat": false }), V::ManageInfrastructureNat));
    let new = json!({ "subnet": { "id": w.subnet } });
    let create = [A(T::Vni, V::Create), A(T::Subnet, V::Operate)];
    rows.push((Method::POST, "/v1/virtual_network_interfaces".into(), Some(new.clone()), create.to_vec()));
    let mut spoofing = new.clone();
    spoofing["allow_ip_spoofing"] = json!(true);
    let with = |verb| [&create[..], &[A(T::Vni, verb)]].concat();
    rows.push((Method::POST, "/v1/virtual_network_interfaces".into(), Some(spoofing), with(V::ManageIpSpoofing)));
    let attachments = format!("/v1/instances/{}/network_attachments", w.instance);
    let attach = json!({ "virtual_network_interface": { "id": w.vni } });
    rows.push((
        Method::POST,
        attachments.clone(),
        Some(attach),
        vec![A(T::Vni, V::Attach), A(T::Instance, V::Operate)],
    ));
    let detach = format!("{attachments}/{}", w.attachment);
    rows.push((Method::DELETE, detach, None, vec![A(T::Vni, V::Detach), A(T::Instance, V::Operate)]));
    let primary = json!({ "virtual_network_interface": new });
    let instance = json!({ "zone": { "name": "local-1" }, "primary_network_attachment": primary });
    let mut launch = with(V::Attach);
    launch.extend([A(T::Instance, V::Create), A(T::Vpc, V::Operate)]);
    rows.push((Method::POST, "/v1/instances".into(), Some(instance), launch));
    let stop = format!("/v1/instances/{}/actions", w.instance);
    rows.push((Method::POST, stop, Some(json!({ "type": "stop" })), vec![A(T::Instance, V::Operate)]));
    rows.push((Method::POST, "/v1/vpcs".into(), Some(json!({})), vec![A(T::Vpc, V::Create)]));
    let in_vpc = json!({ "vpc": { "id": w.vpc } });
    for (collection, on) in [("security_groups", T::SecurityGroup), ("network_acls", T::NetworkAcl)] {
        let needs = vec![A(on, V::Create), A(T::Vpc, V::Operate)];
        rows.push((Method::POST, format!("/v1/{collection}"), Some(in_vpc.clone()), needs));
    }
    let rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22 });
    let rules = format!("/v1/security_groups/{}/rules", w.group);
    rows.push((Method::POST, rules, Some(rule), vec![A(T::SecurityGroup, V::Update)]));
    let reserved = format!("/v1/subnets/{}/reserved_ips", w.subnet);
    rows.push((Method::GET, reserved.clone(), None, vec![A(T::Subnet, V::Read)]));
    rows.push((Method::POST, reserved, Some(json!({})), vec![A(T::Subnet, V::Update)]));
    for (path, on) in [
        (format!("/v1/virtual_network_interfaces/{}", w.vni), T::Vni),
        (format!("/v1/security_groups/{}", w.group), T::SecurityGroup),
        (format!("/v1/network_acls/{}", w.acl), T::NetworkAcl),
        (format!("/v1/instances/{}", w.instance), T::Instance),
        (format!("/v1/subnets/{}", w.subnet), T::Subnet),
        (format!("/v1/vpcs/{}", w.vpc), T::Vpc),
    ] {
        rows.push((Method::DELETE, path, None, vec![A(on, V::Delete)]));
    }
    rows
}

fn has(roles: &[AccessRole], needs: &[Action]) -> bool {
    needs.iter().all(|need| table::roles(*need).unwrap().iter().any(|role| roles.contains(role)))
}

#[tokio::test]
async fn p01_p02_p03_p06_the_matrix_of_roles_and_actions_through_ibms_api() {
    use AccessRole as R;
    let sets: Vec<Vec<R>> = std::iter::once(Vec::new())
        .chain(R::ALL.iter().map(|role| vec![*role]))
        .chain([vec![R::Editor, R::IpSpoofingOperator], vec![R::Administrator, R::InfrastructureNatOperator]])
        .collect();
    let mut cells = 0;
    for roles in sets {
        let api = Api::new();
        let world = World::new(&api).await;
        let policies = roles.iter().map(|role| json!({ "role": role })).collect();
        let (tenant, _) = api.with_key(None, Some(policies)).await;
        for (method, path, body, needs) in rows(&world) {
            let answer = tenant.call(method.clone(), &path, body).await;
            let status = answer.status.as_u16();
            assert_eq!(status != 403, has(&roles, &needs), "{roles:?} {method} {path}: {status} {}", answer.body);
            if status == 403 {
                let error = answer.refused(403, "not_authorized");
                let named = needs.iter().any(|need| text(&error, "message").contains(&format!("'{need}'")));
                assert!(named, "{method} {path}: {error}");
            }
            cells += 1;
        }
    }
    assert!(cells > 300, "{cells} cells");
}

/// A new access key of the first account with these roles on these types, able to nothing else.
pub(crate) async fn access_key(api: &Api, number: usize, roles: &[(AccessRole, Option<ResourceType>)]) -> Signer {
    let key: &'static str = Box::leak(format!("AKIAIOSFODNN7ROLE{number:03}").into_boxed_str());
    let id = key.parse().unwrap();
    let sealed = Vault::new(&[7; 32]).seal(id, SECRET);
    let create = CreateAccessKey { id, account: AccountId::FIRST, sealed };
    api.engine.execute(Command::CreateAccessKey(create)).await.unwrap();
    let body = json!({ "key": key, "role": "viewer", "resource_type": "key" });
    let first = api.post("/native/v1/policies", body).await.expect(201);
    api.delete(&format!("/native/v1/policies/{}", text(&first, "id"))).await.expect(204);
    for (role, resource_type) in roles {
        let new = NewPolicy { role: *role, resource_type: *resource_type, resource: None };
        api.engine.execute(Command::CreatePolicy(Principal::AccessKey(id), new)).await.unwrap();
    }
    Signer { key, ..Signer::GOOD }
}

#[tokio::test]
async fn p01_p02_p03_p06_the_matrix_of_roles_and_actions_through_ec2s_api() {
    use AccessRole as R;
    use ResourceType as T;
    use Verb as V;
    let api = Api::new();
    let w = World::new(&api).await;
    let (vpc, subnet, vni, group) = (&w.vpc, &w.subnet, &w.vni, &w.group);
    let rows: Vec<(String, Vec<Action>)> = vec![
        ("DescribeNetworkInterfaces".into(), vec![A(T::Vni, V::List)]),
        ("DescribeVpcs".into(), vec![A(T::Vpc, V::List)]),
        ("DescribeSubnets".into(), vec![A(T::Subnet, V::List)]),
        ("DescribeSecurityGroups".into(), vec![A(T::SecurityGroup, V::List)]),
        ("DescribeInstances".into(), vec![A(T::Instance, V::List)]),
        ("DescribeNetworkAcls".into(), vec![A(T::NetworkAcl, V::List)]),
        ("DescribeAddresses".into(), vec![A(T::FloatingIp, V::List)]),
        ("DescribeNatGateways".into(), vec![A(T::PublicGateway, V::List)]),
        ("DescribeFlowLogs".into(), vec![A(T::FlowLogCollector, V::List)]),
        ("DescribeTags".into(), T::ALL.iter().map(|on| A(*on, V::List)).collect()),
        ("DescribeRegions".into(), Vec::new()),
        (
            format!("ModifyNetworkInterfaceAttribute&NetworkInterfaceId={vni}&Description.Value=x"),
            vec![A(T::Vni, V::Update)],
        ),
        (
            format!("ModifyNetworkInterfaceAttribute&NetworkInterfaceId={vni}&SecurityGroupId.1={group}"),
            vec![A(T::Vni, V::Update), A(T::SecurityGroup, V::Operate)],
        ),
        (
            format!("ModifyNetworkInterfaceAttribute&NetworkInterfaceId={vni}&SourceDestCheck.Value=false"),
            vec![A(T::Vni, V::Update), A(T::Vni, V::ManageIpSpoofing)],
        ),
        (
            format!("ModifyNetworkInterfaceAttribute&NetworkInterfaceId={vni}&SourceDestCheck.Value=true"),
            vec![A(T::Vni, V::Update)],
        ),
        (format!("CreateNetworkInterface&SubnetId={subnet}"), vec![A(T::Vni, V::Create), A(T::Subnet, V::Operate)]),
        (
            format!("AttachNetworkInterface&NetworkInterfaceId={vni}&InstanceId={}&DeviceIndex=5", w.instance),
            vec![A(T::Vni, V::Attach), A(T::Instance, V::Operate)],
        ),
        (
            format!("DetachNetworkInterface&AttachmentId={}", w.attachment),
            vec![A(T::Vni, V::Detach), A(T::Instance, V::Operate)],
        ),
        (
            format!("CreateSecurityGroup&GroupName=g&GroupDescription=d&VpcId={vpc}"),
            vec![A(T::SecurityGroup, V::Create), A(T::Vpc, V::Operate)],
        ),
        (format!("CreateTags&ResourceId.1={vni}&Tag.1.Key=k&Tag.1.Value=v"), vec![A(T::Vni, V::Update)]),
        (format!("CreateTags&ResourceId.1={subnet}&Tag.1.Key=k&Tag.1.Value=v"), vec![A(T::Subnet, V::Update)]),
        ("CreateVpc&CidrBlock=10.9.0.0/16".into(), vec![A(T::Vpc, V::Create)]),
        (format!("DeleteNetworkInterface&NetworkInterfaceId={vni}"), vec![A(T::Vni, V::Delete)]),
        (format!("DeleteSubnet&SubnetId={subnet}"), vec![A(T::Subnet, V::Delete)]),
        (format!("DeleteVpc&VpcId={vpc}"), vec![A(T::Vpc, V::Delete)]),
        (format!("TerminateInstances&InstanceId.1={}", w.instance), vec![A(T::Instance, V::Delete)]),
    ];
    let sets: Vec<Vec<R>> = std::iter::once(Vec::new()).chain(R::ALL.iter().map(|role| vec![*role])).collect();
    for (number, roles) in sets.iter().enumerate() {
        let given: Vec<_> = roles.iter().map(|role| (*role, None)).collect();
        let key = access_key(&api, number, &given).await;
        for (form, needs) in &rows {
            // Without doing it: the next role finds the world as it was. EC2 asks for rights before anything else there.
            let (status, body) = send(&api, key.sign(&format!("Action={form}&DryRun=true"))).await;
            let denied = body.contains("<Code>UnauthorizedOperation</Code>");
            assert_eq!(!denied, has(roles, needs), "{roles:?} {form}: {status} {body}");
            assert!(!denied || status == 403, "{status} {body}");
        }
    }
    let key = access_key(&api, 100, &[(R::Viewer, None)]).await;
    let (status, body) = send(&api, key.sign(&format!("Action=DeleteVpc&VpcId={vpc}"))).await;
    assert!(status == 403 && body.contains("UnauthorizedOperation"), "{status} {body}");
    api.get(&format!("/v1/vpcs/{vpc}")).await.expect(200);
}

#[tokio::test]
async fn p03_what_a_command_is_looked_up_for_is_no_way_to_see_things_in_ec2s_api() {
    use AccessRole as R;
    use ResourceType as T;
    let api = Api::new();
    let w = World::new(&api).await;
    let group = &w.group;
    let rules = format!("/v1/security_groups/{group}/rules");
    let rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22 });
    api.post(&rules, rule).await.expect(201);
    let blind = access_key(&api, 200, &[(R::Editor, Some(T::Subnet))]).await;
    let viewer = access_key(&api, 201, &[(R::Viewer, Some(T::SecurityGroup))]).await;
    let editor_of_it = access_key(&api, 202, &[]).await;
    let one =
        json!({ "key": editor_of_it.key, "role": "editor", "resource_type": "security-group", "resource": group });
    api.post("/native/v1/policies", one).await.expect(201);
    let revoke = |port: u16, more: &str| {
        let rule = format!("IpProtocol=tcp&FromPort={port}&ToPort={port}&CidrIp=0.0.0.0/0");
        format!("Action=RevokeSecurityGroupIngress&GroupId={group}&{rule}{more}")
    };
    // Rules that are there and rules that aren't are refused in the same words.
    for more in ["&DryRun=true", ""] {
        let mut words = Vec::new();
        for port in [22, 23] {
            let (status, body) = send(&api, blind.sign(&revoke(port, more))).await;
            assert!(status == 403 && body.contains("<Code>UnauthorizedOperation</Code>"), "{status} {body}");
            words.push(first(&body, "Message"));
        }
        assert_eq!(words[0], words[1]);
        // Who may see them is told what is not there, and what it is that a role is missing for.
        let (_, body) = send(&api, viewer.sign(&revoke(23, more))).await;
        assert!(body.contains("<Code>InvalidPermission.NotFound</Code>"), "{body}");
        let (_, body) = send(&api, viewer.sign(&revoke(22, more))).await;
        assert!(body.contains("is.security-group.security-group.update"), "{body}");
        // So is who may read this one.
        let (_, body) = send(&api, editor_of_it.sign(&revoke(23, more))).await;
        assert!(body.contains("<Code>InvalidPermission.NotFound</Code>"), "{body}");
    }
}

#[tokio::test]
async fn p06_an_id_beside_what_is_called_by_a_name_is_no_way_to_see_things_in_ec2s_api() {
    use AccessRole as R;
    let api = Api::new();
    let owner = access_key(&api, 300, &[(R::Administrator, None)]).await;
    let ask = async |form: &str| send(&api, owner.sign(form)).await.1;
    let vpc = first(&ask("Action=DescribeVpcs&Filter.1.Name=is-default&Filter.1.Value.1=true").await, "vpcId");
    let group = async |name: &str| {
        let create = format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=d&VpcId={vpc}");
        first(&ask(&create).await, "groupId")
    };
    let (own, _) = (group("own").await, group("secret").await);
    let key = access_key(&api, 301, &[]).await;
    let one = json!({ "key": key.key, "role": "viewer", "resource_type": "security-group", "resource": own });
    api.post("/native/v1/policies", one).await.expect(201);
    let web = "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80";
    let beside = [
        format!("{web}&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.IpRanges.1.Description={own}"),
        format!("{web}&IpPermissions.1.Groups.1.GroupId={own}"),
    ];
    let mut forms: Vec<String> =
        beside.iter().flat_map(|it| ["secret", "unknown"].map(|name| format!("GroupName={name}&{it}"))).collect();
    // Nor is one's own group a way to ask for the names of others.
    let source = |name: &str| format!("GroupId={own}&{web}&IpPermissions.1.Groups.1.GroupName={name}");
    forms.extend(["secret", "unknown"].map(source));
    // Nobody needs to judge more than a thousand.
    let many = (1..=1001).map(|n| format!("&IpPermissions.1.Groups.{n}.GroupId=sg-0{n:016x}")).collect::<String>();
    forms.push(format!("GroupId={own}&{web}{many}"));
    let mut words = Vec::new();
    for form in &forms {
        let (status, body) = send(&api, key.sign(&format!("Action=RevokeSecurityGroupIngress&{form}"))).await;
        assert!(status == 403 && body.contains("<Code>UnauthorizedOperation</Code>"), "{form}: {status} {body}");
        words.push(first(&body, "Message"));
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].contains("is.security-group.security-group.list"), "{words:?}");
    // Of what it may read it is told what it is that a role is missing for; an id that calls nothing takes nothing away.
    for more in [&beside[1], &beside[0].replace(&own, "sg-0123456789abcdef0")] {
        let form = format!("Action=RevokeSecurityGroupIngress&GroupId={own}&{more}");
        let (status, body) = send(&api, key.sign(&form)).await;
        assert!(status == 403 && body.contains("is.security-group.security-group.update"), "{status} {body}");
    }
}

#[tokio::test]
async fn p01_p02_p07_rights_on_instances_and_on_interfaces_are_apart() {
    let api = Api::new();
    let w = World::new(&api).await;
    let on = |kinds: &[(&str, &str)]| {
        let policies = kinds.iter().map(|(role, kind)| json!({ "role": role, "resource_type": kind }));
        Some(policies.collect::<Value>())
    };
    let (compute, _) = api.with_key(None, on(&[("administrator", "instance")])).await;
    let (network, _) = api.with_key(None, on(&[("administrator", "virtual-network-interface")])).await;
    let vni = format!("/v1/virtual_network_interfaces/{}", w.attached);
    // What is attached belongs to the instance that compute administers, and is still no business of it.
    compute.patch(&vni, json!({ "name": "mine" })).await.refused(403, "not_authorized");
    compute.get(&vni).await.refused(403, "not_authorized");
    network.patch(&vni, json!({ "protocol_state_filtering_mode": "disabled" })).await.expect(200);
    let attachments = format!("/v1/instances/{}/network_attachments", w.instance);
    for alone in [&compute, &network] {
        alone.attach(&w.instance, &w.vni).await.refused(403, "not_authorized");
        alone.delete(&format!("{attachments}/{}", w.attachment)).await.refused(403, "not_authorized");
    }
    let (both, _) =
        api.with_key(None, on(&[("operator", "instance"), ("operator", "virtual-network-interface")])).await;
    both.attach(&w.instance, &w.vni).await.expect(201);
    // Application teams own rules, the platform team owns what they are enforced on.
    let (app, _) = api.with_key(None, on(&[("editor", "security-group"), ("operator", "vpc")])).await;
    let (platform, _) = api
        .with_key(None, on(&[("editor", "virtual-network-interface"), ("operator", "subnet"), ("editor", "instance")]))
        .await;
    let rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22 });
    let rules = format!("/v1/security_groups/{}/rules", w.group);
    let new = json!({ "subnet": { "id": w.subnet } });
    app.post(&rules, rule.clone()).await.expect(201);
    platform.post(&rules, rule).await.refused(403, "not_authorized");
    platform.post("/v1/virtual_network_interfaces", new.clone()).await.expect(201);
    app.post("/v1/virtual_network_interfaces", new).await.refused(403, "not_authorized");
    app.delete(&format!("/v1/instances/{}", w.instance)).await.refused(403, "not_authorized");
}

#[tokio::test]
async fn p03_p06_a_single_resource_and_the_native_api_are_judged_alike_and_at_once() {
    let api = Api::new();
    let w = World::new(&api).await;
    let one = json!([{ "role": "editor", "resource_type": "virtual-network-interface", "resource": w.vni }]);
    let (tenant, key) = api.with_key(None, Some(one)).await;
    let path = |id: &str| format!("/native/v1/virtual_network_interfaces/{id}");
    tenant.get(&path(&w.vni)).await.expect(200);
    let refused = tenant.get(&path(&w.attached)).await.expect(403);
    assert_eq!(refused["error"]["code"], "not_authorized", "{refused}");
    tenant.post(&format!("{}/actions/flush", path(&w.vni)), json!({})).await.expect(200);
    tenant.post(&format!("{}/actions/flush", path(&w.attached)), json!({})).await.expect(403);
    tenant.get("/native/v1/virtual_network_interfaces").await.expect(403);
    // The administrator of everything may not spoof, until that is given to the key; and no longer when it is taken back.
    let spoof = json!({ "allow_ip_spoofing": true });
    let (chief, chiefs) = api.with_key(None, None).await;
    let vni = format!("/v1/virtual_network_interfaces/{}", w.vni);
    let error = chief.patch(&vni, spoof.clone()).await.refused(403, "not_authorized");
    assert!(text(&error, "message").contains("manage-ip-spoofing"), "{error}");
    chief.patch(&vni, json!({ "allow_ip_spoofing": false })).await.expect(200);
    let give = json!({ "key": chiefs["id"], "role": "ip-spoofing-operator" });
    let given = api.post("/native/v1/policies", give).await.expect(201);
    chief.patch(&vni, spoof.clone()).await.expect(200);
    api.delete(&format!("/native/v1/policies/{}", text(&given, "id"))).await.expect(204);
    chief.patch(&vni, spoof.clone()).await.refused(403, "not_authorized");
    // The operator may.
    api.patch(&vni, spoof).await.expect(200);
    for (body, field) in [
        (json!({ "key": key["id"], "role": "boss" }), "role"),
        (json!({ "key": key["id"], "role": "viewer", "resource": "x" }), "resource"),
        (json!({ "key": key["id"], "role": "ip-spoofing-operator", "resource_type": "vpc" }), "resource_type"),
        (json!({ "key": "nobody", "role": "viewer" }), "key"),
    ] {
        let refused = api.post("/native/v1/policies", body.clone()).await.expect(400);
        assert!(refused.to_string().contains(field), "{body}: {refused}");
    }
    api.post("/native/v1/policies", json!({ "key": "apikey-00000000000000001", "role": "viewer" })).await.expect(404);
}

#[tokio::test]
async fn p04_p05_e17_each_action_is_one_event_with_initiator_target_and_outcome() {
    let api = Api::new();
    let w = World::new(&api).await;
    let (tenant, key) = api.with_key(None, None).await;
    let who = format!("API key {} of account 123456789012", text(&key, "id"));
    let records = async || {
        let body = api.get("/native/v1/audit?limit=1000").await.expect(200);
        body["items"].as_array().unwrap().clone()
    };
    let vni = format!("/v1/virtual_network_interfaces/{}", w.vni);
    let before = records().await.len();
    tenant.get("/v1/virtual_network_interfaces").await.expect(200);
    tenant.get(&vni).await.expect(200);
    // A look is left to a thread, which may write it after a change that comes later.
    api.audit.settle().await.unwrap();
    let made = tenant.vni(json!({ "subnet": { "id": w.subnet }, "protocol_state_filtering_mode": "disabled" })).await;
    tenant.patch(&vni, json!({ "protocol_state_filtering_mode": "enabled" })).await.expect(200);
    tenant.patch(&vni, json!({ "allow_ip_spoofing": false })).await.expect(200);
    let ip = tenant.post(&format!("/v1/subnets/{}/reserved_ips", w.subnet), json!({})).await.expect(201);
    let ip = format!("{vni}/ips/{}", text(&ip, "id"));
    tenant.put(&ip).await.expect(201);
    tenant.delete(&ip).await.expect(204);
    let attached = tenant.attach(&w.instance, &w.vni).await.expect(201);
    let attachments = format!("/v1/instances/{}/network_attachments", w.instance);
    tenant.delete(&format!("{attachments}/{}", text(&attached, "id"))).await.expect(204);
    tenant.delete(&format!("/v1/virtual_network_interfaces/{}", text(&made, "id"))).await.expect(202);
    tenant.patch(&vni, json!({ "allow_ip_spoofing": true })).await.refused(403, "not_authorized");
    tenant.get("/v1/virtual_network_interfaces/eni-00000000000000001").await.refused(404, "not_found");

    let mut all = records().await;
    all.truncate(all.len() - before);
    all.reverse();
    assert!(all.iter().all(|record| record["who"] == json!(who)), "{all:?}");
    let own = "is.virtual-network-interface.virtual-network-interface";
    let expected = [
        (format!("{own}.list"), "success"),
        (format!("{own}.read"), "success"),
        (format!("{own}.create"), "success"),
        (format!("{own}.update"), "success"),
        (format!("{own}.update"), "success"),
        ("is.subnet.reserved-ip.create".to_owned(), "success"),
        (format!("{own}.attach"), "success"),
        (format!("{own}.detach"), "success"),
        ("is.instance.network-attachment.attach".to_owned(), "success"),
        ("is.instance.network-attachment.detach".to_owned(), "success"),
        (format!("{own}.delete"), "success"),
        (format!("{own}.update"), "failure"),
        (format!("{own}.read"), "failure"),
    ];
    let shown: Vec<(String, &str)> =
        all.iter().map(|record| (text(record, "event"), record["outcome"].as_str().unwrap())).collect();
    assert_eq!(shown, expected);
    let of_vni = [1, 3, 4, 6, 7, 8, 9, 11];
    assert!(of_vni.iter().all(|at| all[*at]["target"] == json!(w.vni)), "{all:?}");
    let modes: Vec<Option<u64>> = all.iter().map(|record| record["protocol_state_filtering_mode"].as_u64()).collect();
    assert_eq!((modes[2], modes[3], modes[4]), (Some(2), Some(1), None));
    let alerts = api.get("/native/v1/audit?alerts=true").await.expect(200);
    let alerts: Vec<&Value> = alerts["items"].as_array().unwrap().iter().map(|record| &record["alert"]).collect();
    assert_eq!(alerts, [&json!("ip_spoofing"), &json!("ip_spoofing")], "tried and set");
    assert_eq!(api.get("/native/v1/audit/verify").await.expect(200)["whole"], json!(true));
    // The other API's look is the same event.
    let signer = access_key(&api, 1, &[(AccessRole::Viewer, None)]).await;
    let (status, document) = send(&api, signer.sign("Action=DescribeNetworkInterfaces")).await;
    assert_eq!(status, 200, "{document}");
    assert!(!first(&document, "networkInterfaceId").is_empty());
    assert_eq!(records().await[0]["event"], json!(format!("{own}.list")));
}
