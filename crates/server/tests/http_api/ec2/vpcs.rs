//! VPCs and their ranges as requests make, change and show them.

use super::{Ec2, all, first};

async fn vpc(ec2: &Ec2, more: &str) -> (String, String) {
    let made = ec2.good(&format!("Action=CreateVpc&CidrBlock=10.0.0.0/16{more}")).await;
    (first(&made, "vpcId"), made)
}

#[tokio::test]
async fn a13_a_vpc_is_made_shown_filtered_and_gone() {
    let ec2 = Ec2::new().await;
    let tag =
        "&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=blue";
    // The network of whatever address is given.
    let made = ec2.good(&format!("Action=CreateVpc&CidrBlock=10.7.3.4/16&AmazonProvidedIpv6CidrBlock=true{tag}")).await;
    let id = first(&made, "vpcId");
    for (element, text) in [
        ("state", "available"),
        ("cidrBlock", "10.7.0.0/16"),
        ("isDefault", "false"),
        ("instanceTenancy", "default"),
        ("ownerId", "123456789012"),
        ("ipv6Pool", "Amazon"),
        ("ipv6AddressAttribute", "private"),
        ("networkBorderGroup", "local"),
        ("value", "blue"),
    ] {
        assert_eq!(first(&made, element), text, "{made}");
    }
    assert!(first(&made, "dhcpOptionsId").starts_with("dopt-") && first(&made, "ipv6CidrBlock").ends_with("/56"));
    let associations = all(&made, "associationId");
    assert!(associations.len() == 2 && associations.iter().all(|one| one.starts_with("vpc-cidr-assoc-")), "{made}");
    vpc(&ec2, "").await;
    for (filter, value) in [
        ("vpc-id", id.as_str()),
        ("cidr", "10.7.0.0/16"),
        ("cidr-block-association.association-id", &associations[0]),
        ("cidr-block-association.cidr-block", "10.7.*"),
        ("ipv6-cidr-block-association.association-id", &associations[1]),
        ("ipv6-cidr-block-association.ipv6-cidr-block", &first(&made, "ipv6CidrBlock")),
        ("ipv6-cidr-block-association.ipv6-pool", "Amazon"),
        ("ipv6-cidr-block-association.state", "associated"),
        ("tag:Name", "blue"),
    ] {
        let found = ec2.good(&format!("Action=DescribeVpcs&Filter.1.Name={filter}&Filter.1.Value.1={value}")).await;
        assert_eq!(all(&found, "vpcId"), [id.as_str()], "{filter}");
    }
    let count = async |filter: &str, value: &str| {
        let found = ec2.good(&format!("Action=DescribeVpcs&Filter.1.Name={filter}&Filter.1.Value.1={value}")).await;
        all(&found, "vpcId").len()
    };
    // The default VPC is there too.
    assert_eq!((count("state", "available").await, count("is-default", "true").await), (3, 1));
    assert_eq!(count("dhcp-options-id", &first(&made, "dhcpOptionsId")).await, 3);
    assert_eq!(count("owner-id", "999999999999").await, 0);
    assert!(ec2.good(&format!("Action=DeleteVpc&VpcId={id}")).await.contains("<return>true</return>"));
    ec2.refused(&format!("Action=DescribeVpcs&VpcId.1={id}"), "InvalidVpcID.NotFound").await;
}

#[tokio::test]
async fn a13_wrong_vpcs_get_the_codes_of_ec2() {
    let ec2 = Ec2::new().await;
    let gone = "VpcId=vpc-0ffffffffffffffff";
    for (form, code) in [
        ("CreateVpc".to_owned(), "MissingParameter"),
        ("CreateVpc&CidrBlock=10.0.0.0".to_owned(), "InvalidParameterValue"),
        ("CreateVpc&CidrBlock=10.0.0.0/8".to_owned(), "InvalidVpc.Range"),
        ("CreateVpc&CidrBlock=10.0.0.0/29".to_owned(), "InvalidVpc.Range"),
        ("CreateVpc&CidrBlock=224.0.0.0/16".to_owned(), "InvalidVpc.Range"),
        ("CreateVpc&CidrBlock=10.0.0.0/16&InstanceTenancy=host".to_owned(), "InvalidParameterValue"),
        ("CreateVpc&CidrBlock=10.0.0.0/16&InstanceTenancy=dedicated".to_owned(), "UnsupportedOperation"),
        ("CreateVpc&CidrBlock=10.0.0.0/16&Ipv6CidrBlockNetworkBorderGroup=x".to_owned(), "InvalidParameterCombination"),
        ("CreateVpc&CidrBlock=10.0.0.0/16&Ipv4IpamPoolId=ipam-pool-1".to_owned(), "UnknownParameter"),
        ("CreateDefaultVpc".to_owned(), "DefaultVpcAlreadyExists"),
        (format!("DeleteVpc&{gone}"), "InvalidVpcID.NotFound"),
        ("DeleteVpc&VpcId=x".to_owned(), "InvalidVpcID.Malformed"),
        ("DescribeVpcs&Filter.1.Name=colour&Filter.1.Value.1=red".to_owned(), "InvalidParameterValue"),
        (format!("DescribeVpcAttribute&{gone}&Attribute=enableDnsSupport"), "InvalidVpcID.NotFound"),
        (format!("DescribeVpcAttribute&{gone}&Attribute=colour"), "InvalidParameterValue"),
        (format!("ModifyVpcAttribute&{gone}"), "MissingParameter"),
        (format!("ModifyVpcAttribute&{gone}&EnableDnsSupport.Value=true"), "InvalidVpcID.NotFound"),
        (
            format!("ModifyVpcAttribute&{gone}&EnableDnsSupport.Value=true&EnableDnsHostnames.Value=true"),
            "InvalidParameterCombination",
        ),
        (format!("AssociateVpcCidrBlock&{gone}"), "MissingParameter"),
        (format!("AssociateVpcCidrBlock&{gone}&CidrBlock=10.1.0.0/16"), "InvalidVpcID.NotFound"),
        (
            "DisassociateVpcCidrBlock&AssociationId=vpc-cidr-assoc-0ffffffffffffffff".to_owned(),
            "InvalidVpcCidrBlockAssociationID.NotFound",
        ),
        ("DisassociateVpcCidrBlock&AssociationId=x".to_owned(), "InvalidVpcCidrBlockAssociationID.Malformed"),
    ] {
        ec2.refused(&format!("Action={form}"), code).await;
    }
}

#[tokio::test]
async fn a_vpc_that_holds_anything_is_not_deleted() {
    let ec2 = Ec2::new().await;
    let (id, _) = vpc(&ec2, "").await;
    let delete = format!("Action=DeleteVpc&VpcId={id}");
    let made = ec2.good(&format!("Action=CreateSubnet&VpcId={id}&CidrBlock=10.0.0.0/24&AvailabilityZone=zone-1")).await;
    ec2.refused(&delete, "DependencyViolation").await;
    ec2.good(&format!("Action=DeleteSubnet&SubnetId={}", first(&made, "subnetId"))).await;
    let group = serde_json::json!({ "vpc": { "id": id }, "name": "web" });
    let group = ec2.api.post("/v1/security_groups", group).await.expect(201);
    ec2.refused(&delete, "DependencyViolation").await;
    ec2.api.delete(&format!("/v1/security_groups/{}", group["id"].as_str().unwrap())).await.expect(204);
    ec2.good(&delete).await;
}

#[tokio::test]
async fn attributes_of_a_vpc_are_kept_and_shown() {
    let ec2 = Ec2::new().await;
    let (id, _) = vpc(&ec2, "").await;
    let shown = async |attribute: &str| {
        let answer = ec2.good(&format!("Action=DescribeVpcAttribute&VpcId={id}&Attribute={attribute}")).await;
        assert!(first(&answer, "vpcId") == id && answer.contains(&format!("<{attribute}>")), "{answer}");
        first(&answer, "value") == "true"
    };
    for (attribute, default) in
        [("enableDnsHostnames", false), ("enableNetworkAddressUsageMetrics", false), ("enableDnsSupport", true)]
    {
        assert_eq!(shown(attribute).await, default, "{attribute}");
        let name = format!("E{}", &attribute[1..]);
        ec2.good(&format!("Action=ModifyVpcAttribute&VpcId={id}&{name}.Value={}", !default)).await;
        assert_eq!(shown(attribute).await, !default, "{attribute}");
    }
    ec2.good(&format!("Action=ModifyVpcAttribute&VpcId={id}&EnableDnsHostnames.Value=false")).await;
    // Names need a name server.
    let enable = format!("Action=ModifyVpcAttribute&VpcId={id}&EnableDnsHostnames.Value=true");
    ec2.refused(&enable, "InvalidParameterValue").await;
}

#[tokio::test]
async fn ranges_are_given_to_a_vpc_and_taken_away() {
    let ec2 = Ec2::new().await;
    let (id, made) = vpc(&ec2, "").await;
    let associate = async |what: &str| ec2.send(&format!("Action=AssociateVpcCidrBlock&VpcId={id}&{what}")).await;
    let (status, second) = associate("CidrBlock=10.1.0.0/16").await;
    assert!(status == 200 && first(&second, "cidrBlock") == "10.1.0.0/16" && first(&second, "vpcId") == id, "{second}");
    let (_, provided) = associate("AmazonProvidedIpv6CidrBlock=true").await;
    assert_eq!((first(&provided, "state"), first(&provided, "ipSource")), ("associated".into(), "amazon".into()));
    let (_, overlapping) = associate("CidrBlock=10.1.4.0/24").await;
    assert!(overlapping.contains("InvalidVpc.Range"), "{overlapping}");
    let disassociate =
        |answer: &str| format!("Action=DisassociateVpcCidrBlock&AssociationId={}", first(answer, "associationId"));
    ec2.refused(&disassociate(&made), "OperationNotPermitted").await;
    let subnet = format!("Action=CreateSubnet&VpcId={id}&CidrBlock=10.1.0.0/24&AvailabilityZone=zone-1");
    let v6 = first(&provided, "ipv6CidrBlock").replace("/56", "/64");
    let subnet = first(&ec2.good(&format!("{subnet}&Ipv6CidrBlock={v6}")).await, "subnetId");
    ec2.refused(&disassociate(&second), "InvalidCidrBlock.InUse").await;
    ec2.refused(&disassociate(&provided), "InvalidCidrBlock.InUse").await;
    ec2.good(&format!("Action=DeleteSubnet&SubnetId={subnet}")).await;
    for answer in [&second, &provided] {
        let gone = ec2.good(&disassociate(answer)).await;
        assert_eq!((first(&gone, "state"), first(&gone, "vpcId")), ("disassociated".into(), id.clone()));
        ec2.refused(&disassociate(answer), "InvalidVpcCidrBlockAssociationID.NotFound").await;
    }
    for number in 1..5 {
        assert_eq!(associate(&format!("CidrBlock=10.{number}.0.0/16")).await.0, 200);
    }
    let (_, many) = associate("CidrBlock=10.9.0.0/16").await;
    assert!(many.contains("CidrLimitExceeded"), "{many}");
}
