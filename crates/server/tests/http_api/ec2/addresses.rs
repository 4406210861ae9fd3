//! Elastic IP addresses: allocated, associated, shown, released.

use pintle_core::Command;
use pintle_core::command::CreatePublicPool;
use serde_json::json;

use super::{Ec2, all, first};
use crate::client::text;

/// A network with addresses to be had in its zone, and an instance in it.
async fn place() -> (Ec2, String, String) {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let cidrs = vec!["203.0.113.8/29".parse().unwrap()];
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs };
    ec2.api.engine.execute(Command::CreatePublicPool(pool)).await.unwrap();
    ec2.api.host(1, "zone-1").await;
    let made = ec2.api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    ec2.api.hosts_obey().await;
    (ec2, subnet, text(&made, "id"))
}

async fn interface(ec2: &Ec2, subnet: &str, more: &str) -> String {
    let form = format!("Action=CreateNetworkInterface&SubnetId={subnet}{more}");
    first(&ec2.good(&form).await, "networkInterfaceId")
}

/// An address; its allocation and the address itself.
async fn allocate(ec2: &Ec2) -> (String, String) {
    let made = ec2.good("Action=AllocateAddress&Domain=vpc").await;
    (first(&made, "allocationId"), first(&made, "publicIp"))
}

#[tokio::test]
async fn c09_addresses_are_allocated_shown_and_released() {
    let (ec2, ..) = place().await;
    let made = ec2
        .good("Action=AllocateAddress&Address=203.0.113.10&NetworkBorderGroup=local&PublicIpv4Pool=amazon\
            &TagSpecification.1.ResourceType=elastic-ip&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web")
        .await;
    assert_eq!((first(&made, "publicIp"), first(&made, "domain")), ("203.0.113.10".into(), "vpc".into()));
    assert_eq!(
        (first(&made, "publicIpv4Pool"), first(&made, "networkBorderGroup")),
        ("amazon".into(), "zone-1".into())
    );
    let id = first(&made, "allocationId");
    let (other, address) = allocate(&ec2).await;
    let describe = "Action=DescribeAddresses";
    let shown = ec2.good(&format!("{describe}&PublicIp.1=203.0.113.10")).await;
    assert_eq!((all(&shown, "allocationId"), all(&shown, "value")), (vec![id.clone()], vec!["web".into()]));
    assert!(shown.contains("<instanceId/><networkInterfaceId/>") && !shown.contains("associationId"), "{shown}");
    assert_eq!(all(&ec2.good(describe).await, "allocationId").len(), 2);
    let both = format!("{describe}&AllocationId.1={id}&PublicIp.1={address}");
    assert_eq!(all(&ec2.good(&both).await, "allocationId").len(), 2);
    for (filter, found) in [
        ("allocation-id", id.as_str()),
        ("public-ip", "203.0.113.10"),
        ("tag:Name", "web"),
        ("public-ip", "203.0.113.1?"),
    ] {
        let shown = ec2.good(&format!("{describe}&Filter.1.Name={filter}&Filter.1.Value.1={found}")).await;
        assert_eq!(all(&shown, "allocationId"), std::slice::from_ref(&id), "{filter}");
    }
    for (form, code) in [
        (format!("{describe}&PublicIp.1=203.0.113.99"), "InvalidAddress.NotFound"),
        (format!("{describe}&AllocationId.1=eipalloc-0ffffffffffffffff"), "InvalidAllocationID.NotFound"),
        (format!("{describe}&MaxResults=5"), "UnknownParameter"),
        (format!("{describe}&Filter.1.Name=colour&Filter.1.Value.1=red"), "InvalidParameterValue"),
        ("Action=AllocateAddress&Domain=standard".into(), "InvalidParameterValue"),
        ("Action=AllocateAddress&Address=203.0.113.10".into(), "InvalidIPAddress.InUse"),
        ("Action=AllocateAddress&Address=192.0.2.1".into(), "InvalidParameterValue"),
        (
            "Action=AllocateAddress&PublicIpv4Pool=ipv4pool-ec2-0ffffffffffffffff".into(),
            "InvalidPublicIpv4PoolID.NotFound",
        ),
        ("Action=AllocateAddress&NetworkBorderGroup=zone-9".into(), "InsufficientAddressCapacity"),
        ("Action=ReleaseAddress&AllocationId=eipalloc-0ffffffffffffffff".into(), "InvalidAllocationID.NotFound"),
        ("Action=ReleaseAddress&PublicIp=203.0.113.99".into(), "InvalidAddress.NotFound"),
        ("Action=ReleaseAddress".into(), "MissingParameter"),
    ] {
        ec2.refused(&form, code).await;
    }
    ec2.good(&format!("Action=ReleaseAddress&AllocationId={id}")).await;
    ec2.good(&format!("Action=ReleaseAddress&PublicIp={address}")).await;
    assert!(ec2.good(describe).await.contains("<addressesSet/>"), "{other}");
    for _ in 0..8 {
        allocate(&ec2).await;
    }
    ec2.refused("Action=AllocateAddress", "InsufficientAddressCapacity").await;
}

#[tokio::test]
async fn c13_an_address_is_associated_reassociated_and_disassociated() {
    let (ec2, subnet, instance) = place().await;
    let one =
        interface(&ec2, &subnet, "&PrivateIpAddress=10.0.0.10&PrivateIpAddresses.1.PrivateIpAddress=10.0.0.11").await;
    let ((id, address), (other, _)) = (allocate(&ec2).await, allocate(&ec2).await);
    let associate = |id: &str, to: &str| format!("Action=AssociateAddress&AllocationId={id}&{to}");
    let first_of = |document: String| first(&document, "associationId");
    let made = first_of(ec2.good(&associate(&id, &format!("NetworkInterfaceId={one}"))).await);
    let again = first_of(ec2.good(&associate(&id, &format!("NetworkInterfaceId={one}"))).await);
    assert_eq!(made, again, "the same once more changes nothing");
    let shown = ec2.good(&format!("Action=DescribeAddresses&AllocationId.1={id}")).await;
    for (element, value) in [
        ("associationId", made.as_str()),
        ("networkInterfaceId", &one),
        ("privateIpAddress", "10.0.0.10"),
        ("networkInterfaceOwnerId", "123456789012"),
    ] {
        assert_eq!(first(&shown, element), value, "{shown}");
    }
    let of =
        |name: &str, value: &str| format!("Action=DescribeAddresses&Filter.1.Name={name}&Filter.1.Value.1={value}");
    for (name, value) in
        [("association-id", made.as_str()), ("network-interface-id", &one), ("private-ip-address", "10.0.0.10")]
    {
        assert_eq!(all(&ec2.good(&of(name, value)).await, "allocationId"), std::slice::from_ref(&id), "{name}");
    }
    let seen = ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={one}")).await;
    assert_eq!((first(&seen, "publicIp"), first(&seen, "associationId")), (address.clone(), made.clone()));

    let to_instance = format!("InstanceId={instance}");
    let stay = format!("{}&AllowReassociation=false", associate(&id, &to_instance));
    ec2.refused(&stay, "Resource.AlreadyAssociated").await;
    let moved = first_of(ec2.good(&associate(&id, &to_instance)).await);
    assert_ne!(moved, made);
    ec2.refused(&format!("Action=DisassociateAddress&AssociationId={made}"), "InvalidAssociationID.NotFound").await;
    assert_eq!(all(&ec2.good(&of("instance-id", &instance)).await, "instanceId"), std::slice::from_ref(&instance));
    // Another address in its place, which is freed; by its own public form.
    let shown = first_of(ec2.good(&associate(&other, &to_instance)).await);
    let freed = ec2.good(&format!("Action=DescribeAddresses&AllocationId.1={id}")).await;
    assert!(freed.contains("<networkInterfaceId/>"), "{freed}");
    let public =
        format!("Action=AssociateAddress&PublicIp={address}&NetworkInterfaceId={one}&PrivateIpAddress=10.0.0.11");
    ec2.good(&public).await;
    ec2.refused(&format!("Action=ReleaseAddress&AllocationId={other}"), "InvalidIPAddress.InUse").await;
    ec2.good(&format!("Action=DisassociateAddress&AssociationId={shown}")).await;
    ec2.good(&format!("Action=DisassociateAddress&PublicIp={address}")).await;
    ec2.good(&format!("Action=DisassociateAddress&PublicIp={address}")).await;

    let second = interface(&ec2, &subnet, "").await;
    ec2.api.attach(&instance, &second).await.expect(201);
    for (form, code) in [
        (associate(&id, &to_instance), "InvalidInstanceID"),
        (associate(&id, "InstanceId=i-0ffffffffffffffff"), "InvalidInstanceID.NotFound"),
        (associate(&id, "NetworkInterfaceId=eni-0ffffffffffffffff"), "InvalidNetworkInterfaceID.NotFound"),
        (associate(&id, &format!("NetworkInterfaceId={one}&PrivateIpAddress=10.0.0.99")), "InvalidParameterValue"),
        (associate(&id, &format!("NetworkInterfaceId={one}&{to_instance}")), "InvalidParameterCombination"),
        (associate(&id, &format!("NetworkInterfaceId={one}&PublicIp={address}")), "InvalidParameterCombination"),
        (associate(&id, ""), "MissingParameter"),
        (associate("eipalloc-0ffffffffffffffff", &format!("NetworkInterfaceId={one}")), "InvalidAllocationID.NotFound"),
        (format!("Action=AssociateAddress&NetworkInterfaceId={one}"), "MissingParameter"),
        ("Action=DisassociateAddress&AssociationId=eipassoc-0ffffffffffffffff".into(), "InvalidAssociationID.NotFound"),
        ("Action=DisassociateAddress&PublicIp=203.0.113.99".into(), "InvalidAddress.NotFound"),
        ("Action=DisassociateAddress".into(), "MissingParameter"),
    ] {
        ec2.refused(&form, code).await;
    }
}

#[tokio::test]
async fn an_addresss_domain_name_is_set_shown_and_reset() {
    let (ec2, ..) = place().await;
    let (id, address) = allocate(&ec2).await;
    let modify = format!("Action=ModifyAddressAttribute&AllocationId={id}&DomainName");
    let made = ec2.good(&format!("{modify}=Mail.Example.com")).await;
    assert_eq!((first(&made, "ptrRecord"), first(&made, "publicIp")), ("mail.example.com.".into(), address.clone()));
    let describe = "Action=DescribeAddressesAttribute&Attribute=domain-name";
    let shown = ec2.good(&format!("{describe}&AllocationId.1={id}")).await;
    assert_eq!(first(&shown, "ptrRecord"), "mail.example.com.");
    assert_eq!(all(&ec2.good(&format!("{describe}&MaxResults=1")).await, "publicIp"), std::slice::from_ref(&address));
    ec2.good(&format!("Action=ResetAddressAttribute&AllocationId={id}&Attribute=domain-name")).await;
    assert!(!ec2.good(describe).await.contains("ptrRecord"));
    let moved = ec2.good(&format!("Action=MoveAddressToVpc&PublicIp={address}")).await;
    assert_eq!((first(&moved, "allocationId"), first(&moved, "status")), (id.clone(), "InVpc".into()));
    for (form, code) in [
        (format!("{modify}=not+a+name"), "InvalidParameterValue"),
        (format!("{modify}="), "MissingParameter"),
        (
            "Action=ModifyAddressAttribute&AllocationId=eipalloc-0ffffffffffffffff&DomainName=a.b".into(),
            "InvalidAllocationID.NotFound",
        ),
        (format!("Action=ResetAddressAttribute&AllocationId={id}"), "MissingParameter"),
        (format!("Action=ResetAddressAttribute&AllocationId={id}&Attribute=colour"), "InvalidParameterValue"),
        ("Action=MoveAddressToVpc&PublicIp=203.0.113.99".into(), "InvalidAddress.NotFound"),
        ("Action=MoveAddressToVpc".into(), "MissingParameter"),
    ] {
        ec2.refused(&form, code).await;
    }
}
