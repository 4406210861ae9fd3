//! What only IBM's API can say, and what EC2's makes of it.

use axum::http::Method;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Place, each};
use crate::client::text;
use crate::ec2::{all as every, first};

pub(super) async fn all() -> Vec<Case> {
    let place = &Place::new().await;
    each(vec![
        names(place).boxed(),
        spoofing(place).boxed(),
        state_filtering(place).boxed(),
        reserved_ips(place).boxed(),
        ips_that_stay(place).boxed(),
        local_ends(place).boxed(),
        three_protocols_at_once(place).boxed(),
        public_gateways().boxed(),
    ])
    .await
}

async fn names(place: &Place) -> Case {
    let shown = place.in_ec2(&place.by_ibm(json!({ "name": "harbour" })).await).await;
    assert!(!shown.contains("harbour"), "{shown}");
    Case { what: "names of interfaces, attachments and addresses", shown: "not: `Name` is a tag like others" }
}

async fn spoofing(place: &Place) -> Case {
    let vni = place.by_ibm(json!({ "allow_ip_spoofing": true })).await;
    assert_eq!(first(&place.in_ec2(&vni).await, "sourceDestCheck"), "true");
    Case {
        what: "`allow_ip_spoofing` of an interface",
        shown: "not: `SourceDestCheck` is another thing, and stays as it is",
    }
}

async fn state_filtering(place: &Place) -> Case {
    let on = place.in_ec2(&place.by_ibm(json!({ "protocol_state_filtering_mode": "enabled" })).await).await;
    let off = place.in_ec2(&place.by_ibm(json!({ "protocol_state_filtering_mode": "disabled" })).await).await;
    let tracking = |shown: &str| first(shown, "connectionTrackingConfiguration");
    assert_eq!(tracking(&on), tracking(&off));
    let shown =
        "not: `ConnectionTrackingConfiguration` has how long idle connections are remembered, whatever the mode";
    Case { what: "`protocol_state_filtering_mode` of an interface", shown }
}

async fn reserved_ips(place: &Place) -> Case {
    let free = async || {
        let shown = place.ec2.good(&format!("Action=DescribeSubnets&SubnetId.1={}", place.subnet)).await;
        first(&shown, "availableIpAddressCount").parse::<u32>().unwrap()
    };
    let before = free().await;
    let path = format!("/v1/subnets/{}/reserved_ips", place.subnet);
    let ip = place.ibm(Method::POST, &path, Some(json!({ "name": "later" }))).await;
    assert_eq!(free().await, before - 1);
    let form =
        format!("Action=CreateNetworkInterface&SubnetId={}&PrivateIpAddress={}", place.subnet, text(&ip, "address"));
    place.ec2.refused(&form, "InvalidIPAddress.InUse").await;
    Case { what: "reserved IPs that nothing has", shown: "not: their addresses are taken (`InvalidIPAddress.InUse`)" }
}

async fn ips_that_stay(place: &Place) -> Case {
    let path = format!("/v1/subnets/{}/reserved_ips", place.subnet);
    let ip = place.ibm(Method::POST, &path, Some(json!({}))).await;
    let vni = place.by_ibm(json!({ "ips": [{ "id": ip["id"] }] })).await;
    let address = text(&ip, "address");
    assert_eq!(every(&place.in_ec2(&vni).await, "privateIpAddress").last(), Some(&address));
    let form = format!("Action=UnassignPrivateIpAddresses&NetworkInterfaceId={vni}&PrivateIpAddress.1={address}");
    place.ec2.good(&form).await;
    let kept = place.ibm(Method::GET, &format!("{path}/{}", text(&ip, "id")), None).await;
    assert_eq!(kept.get("target"), None);
    let shown = "not; an address that goes from its interface stays reserved, as `auto_delete` says, also if EC2's API takes it away";
    Case { what: "`auto_delete` of a reserved IP", shown }
}

/// A group of the VPC with one rule more; its permissions as EC2's API shows them.
async fn with_rule(place: &Place, rule: Value) -> String {
    let body = json!({ "vpc": { "id": place.vpc }, "rules": [rule] });
    let group = text(&place.ibm(Method::POST, "/v1/security_groups", Some(body)).await, "id");
    let shown = place.ec2.good(&format!("Action=DescribeSecurityGroups&GroupId.1={group}")).await;
    first(&shown, "ipPermissions")
}

async fn local_ends(place: &Place) -> Case {
    let rule = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 1, "port_max": 2, "local": { "address": "10.0.0.77" } });
    let shown = with_rule(place, rule).await;
    assert!(shown.contains("<cidrIp>0.0.0.0/0</cidrIp>") && !shown.contains("10.0.0.77"), "{shown}");
    Case {
        what: "`local` of a rule, which of an interface's addresses it is for",
        shown: "not: as a rule for all of them",
    }
}

async fn three_protocols_at_once(place: &Place) -> Case {
    let shown = with_rule(place, json!({ "direction": "inbound", "protocol": "icmp_tcp_udp" })).await;
    assert_eq!(first(&shown, "ipProtocol"), "icmp_tcp_udp");
    Case {
        what: "a rule for `icmp_tcp_udp`",
        shown: "with that word as `IpProtocol`, which EC2's own API does not have",
    }
}

async fn public_gateways() -> Case {
    let place = Place::new().await;
    let (api, ec2) = (&place.ec2.api, &place.ec2);
    let (vpc, _) = api.network("10.1.0.0/24", "zone-1").await;
    let body = json!({ "vpc": { "id": vpc }, "zone": { "name": "zone-1" } });
    let gateway = place.ibm(Method::POST, "/v1/public_gateways", Some(body)).await;
    let shown = ec2.good("Action=DescribeNatGateways").await;
    assert_eq!(first(&shown, "natGatewayId"), text(&gateway, "id"));
    assert!(!shown.contains("<subnetId>"), "{shown}");
    let address =
        ec2.good(&format!("Action=DescribeAddresses&AllocationId.1={}", text(&gateway["floating_ip"], "id"))).await;
    assert_eq!(first(&address, "publicIp"), text(&gateway["floating_ip"], "address"));
    let shown = "as a NAT gateway that is in no subnet; no route need lead to it";
    Case { what: "a public gateway, which a subnet has without a route", shown }
}
