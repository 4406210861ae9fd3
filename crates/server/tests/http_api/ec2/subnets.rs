//! Subnets, their ranges, attributes and reservations as requests make, change and show them.

use super::{Ec2, all, first};

/// A client in a region with two zones, and a VPC with IPv6.
async fn place() -> (Ec2, String, String) {
    let ec2 = Ec2::with_zones(&["zone-1", "zone-2"]).await;
    let made = ec2.good("Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true").await;
    let v6 = first(&made, "ipv6CidrBlock").replace("/56", "/64");
    (ec2, first(&made, "vpcId"), v6)
}

#[tokio::test]
async fn a13_a_subnet_is_made_shown_filtered_and_gone() {
    let (ec2, vpc, v6) = place().await;
    let create = format!("Action=CreateSubnet&VpcId={vpc}");
    let tag =
        "TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a";
    let made = ec2
        .good(&format!("{create}&CidrBlock=10.0.1.9/24&Ipv6CidrBlock={v6}&AvailabilityZoneId=local-az2&{tag}"))
        .await;
    let id = first(&made, "subnetId");
    let arn = format!("arn:aws:ec2:local:123456789012:subnet/{id}");
    for (element, text) in [
        ("subnetArn", arn.as_str()),
        ("state", "available"),
        ("cidrBlock", "10.0.1.0/24"),
        ("availableIpAddressCount", "251"),
        ("availabilityZone", "zone-2"),
        ("availabilityZoneId", "local-az2"),
        ("defaultForAz", "false"),
        ("mapPublicIpOnLaunch", "false"),
        ("assignIpv6AddressOnCreation", "false"),
        ("hostnameType", "ip-name"),
        ("ipv6CidrBlock", &v6),
        ("vpcId", &vpc),
        ("value", "a"),
    ] {
        assert_eq!(first(&made, element), text, "{made}");
    }
    assert!(first(&made, "associationId").starts_with("subnet-cidr-assoc-"));
    // The next goes where there is none yet.
    let other = ec2.good(&format!("{create}&CidrBlock=10.0.2.0/28")).await;
    assert_eq!(
        (first(&other, "availabilityZone"), first(&other, "availableIpAddressCount")),
        ("zone-1".into(), "11".into())
    );
    for (filter, value) in [
        ("subnet-id", id.as_str()),
        ("subnet-arn", &arn),
        ("availability-zone", "zone-2"),
        ("availabilityZoneId", "local-az2"),
        ("cidr-block", "10.0.1.0/24"),
        ("available-ip-address-count", "251"),
        ("ipv6-cidr-block-association.ipv6-cidr-block", &v6),
        ("ipv6-cidr-block-association.association-id", &first(&made, "associationId")),
        ("tag:Name", "a"),
    ] {
        let filter =
            format!("Filter.1.Name={filter}&Filter.1.Value.1={value}&Filter.2.Name=vpc-id&Filter.2.Value.1={vpc}");
        let found = ec2.good(&format!("Action=DescribeSubnets&{filter}")).await;
        assert_eq!(all(&found, "subnetId"), [id.as_str()], "{filter}");
    }
    let whole = ec2.good("Action=DescribeSubnets&Filter.1.Name=default-for-az&Filter.1.Value.1=true").await;
    assert_eq!(all(&whole, "cidrBlock").len(), 2, "the default VPC's");
    ec2.good(&format!("Action=DeleteSubnet&SubnetId={id}")).await;
    ec2.refused(&format!("Action=DescribeSubnets&SubnetId.1={id}"), "InvalidSubnetID.NotFound").await;
}

#[tokio::test]
async fn a13_wrong_subnets_get_the_codes_of_ec2() {
    let (ec2, vpc, v6) = place().await;
    let create = format!("CreateSubnet&VpcId={vpc}");
    let made = ec2.good(&format!("Action={create}&CidrBlock=10.0.0.0/24")).await;
    let subnet = format!("SubnetId={}", first(&made, "subnetId"));
    ec2.good(&format!("Action=CreateNetworkInterface&{subnet}")).await;
    let modify = format!("ModifySubnetAttribute&{subnet}");
    let associate = format!("AssociateSubnetCidrBlock&{subnet}");
    let disassociate = "DisassociateSubnetCidrBlock&AssociationId";
    for (form, code) in [
        (create.clone(), "MissingParameter"),
        ("CreateSubnet&CidrBlock=10.0.1.0/24".to_owned(), "MissingParameter"),
        (format!("{create}&CidrBlock=10.0.0.0/15"), "InvalidSubnet.Range"),
        (format!("{create}&CidrBlock=10.0.1.0/29"), "InvalidSubnet.Range"),
        (format!("{create}&CidrBlock=10.1.0.0/24"), "InvalidSubnet.Range"),
        (format!("{create}&CidrBlock=10.0.0.128/28"), "InvalidSubnet.Conflict"),
        (format!("{create}&CidrBlock=10.0.1.0/24&AvailabilityZone=zone-9"), "InvalidParameterValue"),
        (format!("{create}&CidrBlock=10.0.1.0/24&AvailabilityZoneId=local-az9"), "InvalidParameterValue"),
        (
            format!("{create}&CidrBlock=10.0.1.0/24&AvailabilityZone=zone-1&AvailabilityZoneId=local-az1"),
            "InvalidParameterCombination",
        ),
        (format!("{create}&Ipv6Native=true"), "UnsupportedOperation"),
        ("CreateSubnet&VpcId=vpc-0ffffffffffffffff&CidrBlock=10.0.1.0/24".to_owned(), "InvalidVpcID.NotFound"),
        (format!("DeleteSubnet&{subnet}"), "DependencyViolation"),
        ("DeleteSubnet&SubnetId=subnet-0ffffffffffffffff".to_owned(), "InvalidSubnetID.NotFound"),
        ("CreateDefaultSubnet&AvailabilityZone=zone-1".to_owned(), "DefaultSubnetAlreadyExistsInAvailabilityZone"),
        ("CreateDefaultSubnet".to_owned(), "MissingParameter"),
        (modify.clone(), "MissingParameter"),
        (format!("{modify}&MapPublicIpOnLaunch.Value=maybe"), "InvalidParameterValue"),
        (
            format!("{modify}&MapPublicIpOnLaunch.Value=true&AssignIpv6AddressOnCreation.Value=true"),
            "InvalidParameterCombination",
        ),
        (format!("{modify}&AssignIpv6AddressOnCreation.Value=true"), "InvalidParameterValue"),
        (format!("{modify}&EnableResourceNameDnsAAAARecordOnLaunch.Value=true"), "InvalidParameterValue"),
        (format!("{modify}&EnableDns64.Value=true"), "UnsupportedOperation"),
        (format!("{modify}&MapCustomerOwnedIpOnLaunch.Value=true"), "InvalidParameterValue"),
        (format!("{modify}&EnableLniAtDeviceIndex=1"), "InvalidParameterValue"),
        (format!("{modify}&PrivateDnsHostnameTypeOnLaunch=colour"), "InvalidParameterValue"),
        (associate.clone(), "MissingParameter"),
        (format!("{associate}&Ipv6CidrBlock=2001:db8::/64"), "InvalidParameterValue"),
        (format!("{associate}&Ipv6CidrBlock={}", v6.replace("/64", "/60")), "InvalidParameterValue"),
        (
            format!("{disassociate}={}", first(&made, "subnetId").replace("subnet-", "subnet-cidr-assoc-")),
            "InvalidSubnetCidrBlockAssociationID.NotFound",
        ),
        (format!("{disassociate}=subnet-cidr-assoc-x"), "InvalidSubnetCidrBlockAssociationID.Malformed"),
    ] {
        ec2.refused(&format!("Action={form}"), code).await;
    }
}

#[tokio::test]
async fn b10_attributes_of_a_subnet_are_changed_one_at_a_time() {
    let (ec2, vpc, v6) = place().await;
    let made = ec2.good(&format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24")).await;
    let id = first(&made, "subnetId");
    let modify = async |what: &str| ec2.good(&format!("Action=ModifySubnetAttribute&SubnetId={id}&{what}")).await;
    modify("MapPublicIpOnLaunch.Value=true").await;
    modify("PrivateDnsHostnameTypeOnLaunch=resource-name").await;
    modify("EnableResourceNameDnsARecordOnLaunch.Value=true").await;
    modify("EnableDns64.Value=false").await;
    let associated = ec2.good(&format!("Action=AssociateSubnetCidrBlock&SubnetId={id}&Ipv6CidrBlock={v6}")).await;
    assert_eq!((first(&associated, "state"), first(&associated, "subnetId")), ("associated".into(), id.clone()));
    let again = format!("Action=AssociateSubnetCidrBlock&SubnetId={id}&Ipv6CidrBlock={v6}");
    ec2.refused(&again, "CidrLimitExceeded").await;
    modify("AssignIpv6AddressOnCreation.Value=true").await;
    let shown = ec2.good(&format!("Action=DescribeSubnets&SubnetId.1={id}")).await;
    for (element, text) in [
        ("mapPublicIpOnLaunch", "true"),
        ("hostnameType", "resource-name"),
        ("enableResourceNameDnsARecord", "true"),
        ("assignIpv6AddressOnCreation", "true"),
    ] {
        assert_eq!(first(&shown, element), text, "{shown}");
    }
    let interface = ec2.good(&format!("Action=CreateNetworkInterface&SubnetId={id}")).await;
    assert_eq!(all(&interface, "isPrimaryIpv6").len(), 1, "{interface}");
    let association = first(&associated, "associationId");
    let disassociate = format!("Action=DisassociateSubnetCidrBlock&AssociationId={association}");
    ec2.refused(&disassociate, "DependencyViolation").await;
    let interface = first(&interface, "networkInterfaceId");
    ec2.good(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={interface}")).await;
    ec2.refused(&disassociate, "InvalidParameterValue").await;
    modify("AssignIpv6AddressOnCreation.Value=false").await;
    let gone = ec2.good(&disassociate).await;
    assert_eq!((first(&gone, "state"), first(&gone, "ipv6CidrBlock")), ("disassociated".into(), v6));
}

#[tokio::test]
async fn reservations_keep_automatic_choice_out() {
    let (ec2, vpc, v6) = place().await;
    let made = ec2.good(&format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/28&Ipv6CidrBlock={v6}")).await;
    let id = first(&made, "subnetId");
    let reserve = |cidr: &str, kind: &str| {
        format!("Action=CreateSubnetCidrReservation&SubnetId={id}&Cidr={cidr}&ReservationType={kind}&Description=later")
    };
    let tag = "TagSpecification.1.ResourceType=subnet-cidr-reservation&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b";
    let explicit = ec2.good(&format!("{}&{tag}", reserve("10.0.0.8/29", "explicit"))).await;
    let reservation = first(&explicit, "subnetCidrReservationId");
    assert!(reservation.starts_with("scr-") && first(&explicit, "ownerId") == "123456789012", "{explicit}");
    let sixth = v6.replace("/64", "/80");
    ec2.good(&reserve(&sixth, "prefix")).await;
    for _ in 0..4 {
        let made = ec2.good(&format!("Action=CreateNetworkInterface&SubnetId={id}")).await;
        let last: u8 = first(&made, "privateIpAddress").rsplit('.').next().unwrap().parse().unwrap();
        assert!((4..8).contains(&last), "{made}");
    }
    let create = format!("Action=CreateNetworkInterface&SubnetId={id}");
    ec2.refused(&create, "InsufficientFreeAddressesInSubnet").await;
    ec2.good(&format!("{create}&PrivateIpAddress=10.0.0.9")).await;
    let all_of = ec2.good(&format!("Action=GetSubnetCidrReservations&SubnetId={id}")).await;
    assert_eq!(all(&all_of, "cidr"), ["10.0.0.8/29", &sixth]);
    assert_eq!(all(&first(&all_of, "subnetIpv6CidrReservationSet"), "reservationType"), ["prefix"]);
    for filter in ["reservationType&Filter.1.Value.1=explicit", "tag:a&Filter.1.Value.1=b"] {
        let found = ec2.good(&format!("Action=GetSubnetCidrReservations&SubnetId={id}&Filter.1.Name={filter}")).await;
        assert_eq!(all(&found, "subnetCidrReservationId"), [reservation.as_str()], "{filter}");
    }
    for (form, code) in [
        (reserve("10.0.0.12/30", "explicit"), "InvalidParameterValue"),
        (reserve("10.0.1.0/28", "explicit"), "InvalidParameterValue"),
        (reserve("10.0.0.0/30", "colour"), "InvalidParameterValue"),
        (format!("Action=CreateSubnetCidrReservation&SubnetId={id}&Cidr=10.0.0.0/30"), "MissingParameter"),
        ("Action=GetSubnetCidrReservations&SubnetId=subnet-0ffffffffffffffff".to_owned(), "InvalidSubnetID.NotFound"),
        (
            "Action=DeleteSubnetCidrReservation&SubnetCidrReservationId=scr-0ffffffffffffffff".to_owned(),
            "InvalidSubnetCidrReservationID.NotFound",
        ),
    ] {
        ec2.refused(&form, code).await;
    }
    let delete = format!("Action=DeleteSubnetCidrReservation&SubnetCidrReservationId={reservation}");
    assert_eq!(first(&ec2.good(&delete).await, "cidr"), "10.0.0.8/29");
    ec2.refused(&delete, "InvalidSubnetCidrReservationID.NotFound").await;
    ec2.good(&create).await;
}
