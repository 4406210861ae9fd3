//! What each API calls things: the same id is asked of both.

use axum::http::Method;
use serde_json::json;

use super::Place;
use crate::client::text;
use crate::ec2::first;

/// Asks both for a thing and tells how: its words, IBM's path, EC2's action.
async fn row(place: &Place, words: &str, path: &str, id: &str, action: &str, parameter: &str) -> Vec<String> {
    let shown = place.ibm(Method::GET, &format!("/v1/{path}/{id}"), None).await;
    assert_eq!(shown["id"], id);
    let answer = place.ec2.good(&format!("Action={action}&{parameter}.1={id}")).await;
    assert!(answer.contains(&format!(">{id}<")), "{action}: {answer}");
    let prefix = &id[..=id.rfind('-').unwrap()];
    let path: Vec<&str> = path.split('/').map(|part| if part.contains('-') { "…" } else { part }).collect();
    vec![words.to_owned(), format!("`{prefix}…`"), format!("`/{}`", path.join("/")), format!("`{action}`")]
}

pub(super) async fn table() -> String {
    let place = &Place::new().await;
    let vpc = place.ibm(Method::GET, &format!("/v1/vpcs/{}", place.vpc), None).await;
    let (group, acl) = (text(&vpc["default_security_group"], "id"), text(&vpc["default_network_acl"], "id"));
    let rules = place.ibm(Method::GET, &format!("/v1/security_groups/{group}/rules"), None).await;
    let vni = place.by_ec2("").await;
    let attach =
        format!("Action=AttachNetworkInterface&NetworkInterfaceId={vni}&InstanceId={}&DeviceIndex=1", place.instance);
    let attachment = first(&place.ec2.good(&attach).await, "attachmentId");
    let floating = place.ibm(Method::POST, "/v1/floating_ips", Some(json!({ "zone": { "name": "zone-1" } }))).await;
    let of_group = format!("security_groups/{group}/rules");
    let of_instance = format!("instances/{}/network_attachments", place.instance);
    let rows = [
        row(place, "VPC", "vpcs", &place.vpc, "DescribeVpcs", "VpcId").await,
        row(place, "subnet", "subnets", &place.subnet, "DescribeSubnets", "SubnetId").await,
        row(place, "interface", "virtual_network_interfaces", &vni, "DescribeNetworkInterfaces", "NetworkInterfaceId")
            .await,
        row(
            place,
            "attachment",
            &of_instance,
            &attachment,
            "DescribeNetworkInterfaces",
            "Filter.1.Name=attachment.attachment-id&Filter.1.Value",
        )
        .await,
        row(place, "instance", "instances", &place.instance, "DescribeInstances", "InstanceId").await,
        row(place, "security group", "security_groups", &group, "DescribeSecurityGroups", "GroupId").await,
        row(
            place,
            "rule of a security group",
            &of_group,
            &text(&rules["rules"][0], "id"),
            "DescribeSecurityGroupRules",
            "SecurityGroupRuleId",
        )
        .await,
        row(place, "network ACL", "network_acls", &acl, "DescribeNetworkAcls", "NetworkAclId").await,
        row(
            place,
            "floating IP, Elastic IP address",
            "floating_ips",
            &text(&floating, "id"),
            "DescribeAddresses",
            "AllocationId",
        )
        .await,
    ];
    super::table(&["thing", "id", "IBM", "EC2"], &rows)
}
