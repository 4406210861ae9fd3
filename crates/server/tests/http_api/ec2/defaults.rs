//! What accounts begin with, and accounts themselves.

use serde_json::json;

use super::{Ec2, all, first};
use crate::client::{Api, text};

#[tokio::test]
async fn a13_an_account_with_an_access_key_begins_with_a_default_network() {
    let ec2 = Ec2::with_zones(&["zone-1", "zone-2"]).await;
    let vpcs = ec2.good("Action=DescribeVpcs").await;
    assert_eq!((all(&vpcs, "isDefault"), first(&vpcs, "cidrBlock")), (vec!["true".into()], "172.31.0.0/16".into()));
    let vpc = first(&vpcs, "vpcId");
    let attributes = ec2.good("Action=DescribeAccountAttributes&AttributeName.1=default-vpc").await;
    assert_eq!(first(&attributes, "attributeValue"), vpc);
    let subnets = ec2.good("Action=DescribeSubnets").await;
    let mut ranges = all(&subnets, "cidrBlock");
    ranges.sort();
    assert_eq!(ranges, ["172.31.0.0/20", "172.31.16.0/20"]);
    assert_eq!(all(&subnets, "defaultForAz"), ["true", "true"]);
    assert_eq!(all(&subnets, "mapPublicIpOnLaunch"), ["true", "true"]);
    assert_eq!(all(&subnets, "availableIpAddressCount"), ["4091", "4091"]);

    // Gone is gone, until it is asked for.
    for subnet in all(&subnets, "subnetId") {
        ec2.good(&format!("Action=DeleteSubnet&SubnetId={subnet}")).await;
    }
    let again = ec2.good("Action=CreateDefaultSubnet&AvailabilityZoneId=local-az2").await;
    assert_eq!((first(&again, "availabilityZone"), first(&again, "defaultForAz")), ("zone-2".into(), "true".into()));
    ec2.good(&format!("Action=DeleteSubnet&SubnetId={}", first(&again, "subnetId"))).await;
    delete(&ec2, &vpc).await;
    ec2.refused("Action=CreateDefaultSubnet&AvailabilityZone=zone-1", "DefaultVpcDoesNotExist").await;
    let attributes = ec2.good("Action=DescribeAccountAttributes&AttributeName.1=default-vpc").await;
    assert_eq!(first(&attributes, "attributeValue"), "none");
    ec2.api.post("/native/v1/access_keys", json!({})).await.expect(201);
    assert!(all(&ec2.good("Action=DescribeVpcs").await, "vpcId").is_empty());
    let made = ec2.good("Action=CreateDefaultVpc").await;
    assert_eq!((first(&made, "isDefault"), first(&made, "cidrBlock")), ("true".into(), "172.31.0.0/16".into()));
    assert_eq!(all(&ec2.good("Action=DescribeSubnets").await, "subnetId").len(), 2);
}

#[tokio::test]
async fn a13_launches_and_groups_that_name_no_place_are_in_the_default_network() {
    let ec2 = Ec2::with_zones(&["zone-1", "zone-2"]).await;
    ec2.api.host(1, "zone-1").await;
    ec2.api.host(2, "zone-2").await;
    let subnets = ec2.good("Action=DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=zone-2").await;
    let run = "Action=RunInstances&ImageId=ami-1&InstanceType=t3.micro&MinCount=1&MaxCount=1";
    let second = ec2.good(&format!("{run}&Placement.AvailabilityZone=zone-2")).await;
    assert_eq!(first(&second, "subnetId"), first(&subnets, "subnetId"));
    let anywhere = ec2.good(run).await;
    assert_eq!(first(&anywhere, "availabilityZone"), "zone-1");
    let vpc = first(&ec2.good("Action=DescribeVpcs").await, "vpcId");
    assert_eq!(first(&anywhere, "vpcId"), vpc);
    let group = ec2.good("Action=CreateSecurityGroup&GroupName=web&GroupDescription=x").await;
    let shown = format!("Action=DescribeSecurityGroups&GroupId.1={}", first(&group, "groupId"));
    assert_eq!(first(&ec2.good(&shown).await, "vpcId"), vpc);
    ec2.good("Action=DescribeSecurityGroups&GroupName.1=web").await;
    ec2.refused(&format!("{run}&Placement.AvailabilityZone=zone-9"), "InvalidParameterValue").await;
    let bare = Ec2::with_zones(&["zone-1", "zone-2"]).await;
    let subnets = bare.good("Action=DescribeSubnets&Filter.1.Name=availability-zone&Filter.1.Value.1=zone-2").await;
    bare.good(&format!("Action=DeleteSubnet&SubnetId={}", first(&subnets, "subnetId"))).await;
    bare.refused(&format!("{run}&Placement.AvailabilityZone=zone-2"), "MissingInput").await;
}

/// Deletes a VPC with the internet gateway that keeps it.
async fn delete(ec2: &Ec2, vpc: &str) {
    ec2.refused(&format!("Action=DeleteVpc&VpcId={vpc}"), "DependencyViolation").await;
    let filter = format!("Filter.1.Name=attachment.vpc-id&Filter.1.Value.1={vpc}");
    let gateway = first(&ec2.good(&format!("Action=DescribeInternetGateways&{filter}")).await, "internetGatewayId");
    ec2.good(&format!("Action=DetachInternetGateway&InternetGatewayId={gateway}&VpcId={vpc}")).await;
    ec2.good(&format!("Action=DeleteVpc&VpcId={vpc}")).await;
}

#[tokio::test]
async fn operators_that_use_no_access_keys_get_no_default_network() {
    let api = Api::new();
    assert_eq!(api.get("/native/v1/vpcs").await.expect(200)["items"], json!([]));
    let account = api.post("/native/v1/accounts", json!({ "name": "team-a" })).await.expect(201);
    assert_eq!((text(&account, "name"), text(&account, "id").len()), ("team-a".to_owned(), 12));
    let twice = api.post("/native/v1/accounts", json!({ "name": "team-a" })).await.expect(409);
    assert_eq!(twice["error"]["code"], "name_taken");
    api.post("/native/v1/accounts", json!({ "id": "12" })).await.expect(400);
    let listed = api.get("/native/v1/accounts").await.expect(200);
    assert_eq!(listed["items"], json!([account]));
    let key = api.post("/native/v1/access_keys", json!({ "account": account["id"] })).await.expect(201);
    assert_eq!(key["account"], account["id"]);
}

#[tokio::test]
async fn zones_and_regions_are_described_with_all_that_clients_ask() {
    let ec2 = Ec2::with_zones(&["zone-1", "zone-2"]).await;
    for (filter, zones) in [
        ("group-long-name&Filter.1.Value.1=local", 2),
        ("message&Filter.1.Value.1=x", 0),
        ("parent-zone-name&Filter.1.Value.1=x", 0),
        ("zone-id&Filter.1.Value.1=local-az1", 1),
    ] {
        let found = ec2.good(&format!("Action=DescribeAvailabilityZones&Filter.1.Name={filter}")).await;
        assert_eq!(all(&found, "zoneName").len(), zones, "{filter}");
    }
    let attributes = ec2.good("Action=DescribeAccountAttributes").await;
    for name in ["max-elastic-ips", "vpc-max-elastic-ips", "vpc-max-security-groups-per-interface"] {
        assert!(all(&attributes, "attributeName").contains(&name.to_owned()), "{attributes}");
    }
}
