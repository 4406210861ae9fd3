//! What is another tenant's is no different from what does not exist: status, headers and body, through both APIs.

use axum::body::Body;
use axum::http::{Method, header};
use pintle_core::Command;
use pintle_core::command::CreateAccessKey;
use pintle_server::vault::Vault;
use serde_json::{Value, json};

use crate::client::{Answer, Api, text};
use crate::ec2::{SECRET, Signer, send};

/// What a tenant has, by the name that requests below give it.
async fn things(api: &Api) -> Vec<(&'static str, String)> {
    let (vpc, subnet) = api.network("10.0.0.0/24", "local-1").await;
    let instance = api.instance("local-1", json!({ "subnet": { "id": subnet } })).await;
    let instance = text(&instance, "id");
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet }, "name": "web" })).await, "id");
    let attachment = text(&api.attach(&instance, &vni).await.expect(201), "id");
    let free = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let made = async |path: &str, body: Value| text(&api.post(path, body).await.expect(201), "id");
    let group = made("/v1/security_groups", json!({ "vpc": { "id": vpc } })).await;
    let rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22 });
    let rule = made(&format!("/v1/security_groups/{group}/rules"), rule).await;
    let acl = made("/v1/network_acls", json!({ "vpc": { "id": vpc } })).await;
    let ip = made(&format!("/v1/subnets/{subnet}/reserved_ips"), json!({})).await;
    vec![
        ("VPC", vpc),
        ("SUBNET", subnet),
        ("INSTANCE", instance),
        ("VNI", free),
        ("ATTACHMENT", attachment),
        ("GROUP", group),
        ("RULE", rule),
        ("ACL", acl),
        ("IP", ip),
    ]
}

/// An id of the same kind that nothing has.
fn unknown(id: &str) -> String {
    let (kind, digits) = id.rsplit_once('-').unwrap();
    let other: String = digits.chars().rev().collect();
    format!("{kind}-0{}", &other[..16])
}

fn filled(template: &str, things: &[(&str, String)]) -> String {
    things.iter().fold(template.to_owned(), |text, (name, id)| text.replace(name, id))
}

/// An answer without what must differ: the ids asked for, the request's id, the date.
fn blank(answer: &Answer, things: &[(&str, String)]) -> (u16, String, Vec<(String, String)>) {
    let hide = |text: String| things.iter().fold(text, |text, (name, id)| text.replace(id.as_str(), name));
    let mut body = answer.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("trace");
        if let Some(Value::Object(error)) = body.get_mut("error") {
            error.remove("trace");
        }
    }
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != header::DATE);
    let headers = headers.map(|(name, value)| (name.to_string(), hide(value.to_str().unwrap().to_owned())));
    (answer.status.as_u16(), hide(body.to_string()), headers.collect())
}

const REQUESTS: &[(&str, &str, &str)] = &[
    ("GET", "/v1/vpcs/VPC", ""),
    ("PATCH", "/v1/vpcs/VPC", r#"{"name":"x"}"#),
    ("DELETE", "/v1/vpcs/VPC", ""),
    ("GET", "/v1/vpcs/VPC/default_security_group", ""),
    ("GET", "/v1/vpcs/VPC/default_network_acl", ""),
    ("GET", "/v1/subnets/SUBNET", ""),
    ("PATCH", "/v1/subnets/SUBNET", r#"{"name":"x"}"#),
    ("DELETE", "/v1/subnets/SUBNET", ""),
    ("GET", "/v1/subnets/SUBNET/network_acl", ""),
    ("GET", "/v1/subnets/SUBNET/public_gateway", ""),
    ("GET", "/v1/subnets/SUBNET/reserved_ips", ""),
    ("POST", "/v1/subnets/SUBNET/reserved_ips", "{}"),
    ("GET", "/v1/subnets/SUBNET/reserved_ips/IP", ""),
    ("DELETE", "/v1/subnets/SUBNET/reserved_ips/IP", ""),
    ("GET", "/v1/subnets?vpc.id=VPC", ""),
    ("GET", "/v1/instances?vpc.id=VPC", ""),
    ("GET", "/v1/security_groups?vpc.id=VPC", ""),
    ("GET", "/v1/virtual_network_interfaces/VNI", ""),
    ("PATCH", "/v1/virtual_network_interfaces/VNI", r#"{"name":"x"}"#),
    ("PATCH", "/v1/virtual_network_interfaces/VNI", r#"{"allow_ip_spoofing":true}"#),
    ("DELETE", "/v1/virtual_network_interfaces/VNI", ""),
    ("GET", "/v1/virtual_network_interfaces/VNI/ips", ""),
    ("GET", "/v1/virtual_network_interfaces/VNI/ips/IP", ""),
    ("PUT", "/v1/virtual_network_interfaces/VNI/ips/IP", ""),
    ("DELETE", "/v1/virtual_network_interfaces/VNI/ips/IP", ""),
    ("GET", "/v1/virtual_network_interfaces/VNI/floating_ips", ""),
    ("GET", "/v1/instances/INSTANCE", ""),
    ("PATCH", "/v1/instances/INSTANCE", r#"{"name":"x"}"#),
    ("DELETE", "/v1/instances/INSTANCE", ""),
    ("POST", "/v1/instances/INSTANCE/actions", r#"{"type":"stop"}"#),
    ("GET", "/v1/instances/INSTANCE/network_attachments", ""),
    ("GET", "/v1/instances/INSTANCE/network_attachments/ATTACHMENT", ""),
    ("PATCH", "/v1/instances/INSTANCE/network_attachments/ATTACHMENT", r#"{"name":"x"}"#),
    ("DELETE", "/v1/instances/INSTANCE/network_attachments/ATTACHMENT", ""),
    ("POST", "/v1/instances/INSTANCE/network_attachments", r#"{"virtual_network_interface":{"id":"VNI"}}"#),
    ("GET", "/v1/security_groups/GROUP", ""),
    ("PATCH", "/v1/security_groups/GROUP", r#"{"name":"x"}"#),
    ("DELETE", "/v1/security_groups/GROUP", ""),
    ("GET", "/v1/security_groups/GROUP/rules", ""),
    ("GET", "/v1/security_groups/GROUP/rules/RULE", ""),
    ("DELETE", "/v1/security_groups/GROUP/rules/RULE", ""),
    ("GET", "/v1/security_groups/GROUP/targets", ""),
    ("PUT", "/v1/security_groups/GROUP/targets/VNI", ""),
    ("DELETE", "/v1/security_groups/GROUP/targets/VNI", ""),
    ("GET", "/v1/network_acls/ACL", ""),
    ("PATCH", "/v1/network_acls/ACL", r#"{"name":"x"}"#),
    ("DELETE", "/v1/network_acls/ACL", ""),
    ("GET", "/v1/network_acls/ACL/rules", ""),
    ("POST", "/v1/subnets", r#"{"vpc":{"id":"VPC"},"zone":{"name":"local-1"},"ipv4_cidr_block":"10.1.0.0/24"}"#),
    ("POST", "/v1/virtual_network_interfaces", r#"{"subnet":{"id":"SUBNET"}}"#),
    ("POST", "/v1/virtual_network_interfaces", r#"{"primary_ip":{"id":"IP"}}"#),
    ("POST", "/v1/security_groups", r#"{"vpc":{"id":"VPC"}}"#),
    ("POST", "/v1/network_acls", r#"{"vpc":{"id":"VPC"}}"#),
    ("POST", "/v1/public_gateways", r#"{"vpc":{"id":"VPC"},"zone":{"name":"local-1"}}"#),
    (
        "POST",
        "/v1/instances",
        r#"{"zone":{"name":"local-1"},"primary_network_attachment":{"virtual_network_interface":{"id":"VNI"}}}"#,
    ),
    ("GET", "/native/v1/vpcs/VPC", ""),
    ("GET", "/native/v1/subnets/SUBNET", ""),
    ("GET", "/native/v1/virtual_network_interfaces/VNI", ""),
    ("GET", "/native/v1/instances/INSTANCE", ""),
    ("GET", "/native/v1/security_groups/GROUP", ""),
    ("GET", "/native/v1/network_acls/ACL", ""),
    ("GET", "/native/v1/resolve/virtual_network_interface/VNI", ""),
    ("GET", "/native/v1/subnets?vpc=VPC", ""),
    ("POST", "/native/v1/virtual_network_interfaces/VNI/actions/flush", "{}"),
    ("POST", "/native/v1/virtual_network_interfaces/VNI/actions/attach", r#"{"instance":"INSTANCE"}"#),
    ("POST", "/native/v1/virtual_network_interfaces", r#"{"subnet":"SUBNET"}"#),
];

#[tokio::test]
async fn p08_foreign_ids_and_unknown_ones_are_answered_alike_by_ibms_api_and_the_native_one() {
    let api = Api::new();
    api.host(1, "local-1").await;
    let (victim, _) = api.with_key(Some(&api.account().await), None).await;
    let foreign = things(&victim).await;
    let nothing: Vec<_> = foreign.iter().map(|(name, id)| (*name, unknown(id))).collect();
    for policies in [None, Some(json!([{ "role": "viewer" }])), Some(json!([]))] {
        let (other, _) = api.with_key(Some(&api.account().await), policies.clone()).await;
        for (method, path, body) in REQUESTS {
            let ask = async |things: &[(&str, String)]| {
                let body = (!body.is_empty()).then(|| serde_json::from_str(&filled(body, things)).unwrap());
                let answer = other.call(method.parse::<Method>().unwrap(), &filled(path, things), body).await;
                blank(&answer, things)
            };
            let (theirs, none) = (ask(&foreign).await, ask(&nothing).await);
            assert_eq!(theirs, none, "{policies:?} {method} {path} {body}");
            if *method == "PATCH" || *method == "DELETE" {
                let conditional = async |things: &[(&str, String)]| {
                    let request = Api::request(method.parse().unwrap(), &filled(path, things));
                    let request = request.header(header::IF_MATCH, "W/\"1\"");
                    let request = request.header(header::CONTENT_TYPE, "application/merge-patch+json");
                    let mut request = request.body(Body::from(filled(body, things))).unwrap();
                    let bearer = format!("Bearer {}", other.bearer).parse().unwrap();
                    request.headers_mut().insert(header::AUTHORIZATION, bearer);
                    blank(&other.send(request).await, things)
                };
                assert_eq!(conditional(&foreign).await, conditional(&nothing).await, "If-Match {method} {path}");
            }
            let empty = path.contains('?') && theirs.0 == 200;
            assert!((400..500).contains(&theirs.0) || empty, "{method} {path}: {theirs:?}");
        }
    }
    // Nothing has happened to what they are about.
    for (name, path) in [("VPC", "/v1/vpcs/VPC"), ("VNI", "/v1/virtual_network_interfaces/VNI")] {
        assert_eq!(victim.get(&filled(path, &foreign)).await.status, 200, "{name}");
    }
}

const FORMS: &[&str] = &[
    "DescribeVpcs&VpcId.1=VPC",
    "DescribeSubnets&SubnetId.1=SUBNET",
    "DescribeNetworkInterfaces&NetworkInterfaceId.1=VNI",
    "DescribeNetworkInterfaceAttribute&NetworkInterfaceId=VNI&Attribute=description",
    "DescribeInstances&InstanceId.1=INSTANCE",
    "DescribeSecurityGroups&GroupId.1=GROUP",
    "DescribeNetworkAcls&NetworkAclId.1=ACL",
    "DescribeVpcAttribute&VpcId=VPC&Attribute=enableDnsSupport",
    "DescribeSecurityGroupRules&SecurityGroupRuleId.1=RULE",
    "CreateSubnet&VpcId=VPC&CidrBlock=10.1.0.0/24",
    "CreateNetworkInterface&SubnetId=SUBNET",
    "ModifyNetworkInterfaceAttribute&NetworkInterfaceId=VNI&Description.Value=x",
    "ModifyNetworkInterfaceAttribute&NetworkInterfaceId=VNI&SourceDestCheck.Value=false",
    "AttachNetworkInterface&NetworkInterfaceId=VNI&InstanceId=INSTANCE&DeviceIndex=1",
    "DetachNetworkInterface&AttachmentId=ATTACHMENT",
    "AssignPrivateIpAddresses&NetworkInterfaceId=VNI&SecondaryPrivateIpAddressCount=1",
    "AuthorizeSecurityGroupIngress&GroupId=GROUP&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8",
    "CreateTags&ResourceId.1=VNI&Tag.1.Key=k&Tag.1.Value=v",
    "CreateSecurityGroup&GroupName=g&GroupDescription=d&VpcId=VPC",
    "CreateRouteTable&VpcId=VPC",
    "CreateNetworkInterfacePermission&NetworkInterfaceId=VNI&AwsAccountId=123456789012&Permission=INSTANCE-ATTACH",
    "DeleteNetworkInterface&NetworkInterfaceId=VNI",
    "DeleteSecurityGroup&GroupId=GROUP",
    "DeleteNetworkAcl&NetworkAclId=ACL",
    "DeleteSubnet&SubnetId=SUBNET",
    "DeleteVpc&VpcId=VPC",
    "TerminateInstances&InstanceId.1=INSTANCE",
    "StopInstances&InstanceId.1=INSTANCE",
];

#[tokio::test]
async fn p08_foreign_ids_and_unknown_ones_are_answered_alike_by_ec2s_api() {
    let api = Api::new();
    api.host(1, "local-1").await;
    let (victim, _) = api.with_key(Some(&api.account().await), None).await;
    let foreign = things(&victim).await;
    let nothing: Vec<_> = foreign.iter().map(|(name, id)| (*name, unknown(id))).collect();
    for (key, role) in [("AKIAIOSFODNN7FOREIGN", None), ("AKIAIOSFODNN7VIEWERS", Some("viewer"))] {
        let id = key.parse().unwrap();
        let account = api.account().await.parse().unwrap();
        let create = CreateAccessKey { id, account, sealed: Vault::new(&[7; 32]).seal(id, SECRET) };
        api.engine.execute(Command::CreateAccessKey(create)).await.unwrap();
        if let Some(role) = role {
            api.post("/native/v1/policies", json!({ "key": key, "role": role })).await.expect(201);
        }
        let signer = Signer { key, ..Signer::GOOD };
        for form in FORMS {
            let ask = async |things: &[(&str, String)]| {
                let (status, body) = send(&api, signer.sign(&format!("Action={}", filled(form, things)))).await;
                let body = things.iter().fold(body, |body, (name, id)| body.replace(id.as_str(), name));
                let alike = body.split("<RequestID>").next().unwrap_or_default().to_owned();
                (status, alike)
            };
            let (theirs, none) = (ask(&foreign).await, ask(&nothing).await);
            assert_eq!(theirs, none, "{key} {form}");
            assert!((400..500).contains(&theirs.0), "{form}: {theirs:?}");
        }
    }
}
