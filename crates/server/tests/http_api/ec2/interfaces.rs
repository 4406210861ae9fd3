//! Interfaces: attached and detached, changed attribute by attribute, given addresses and networks.

use pintle_core::Command;
use pintle_core::command::{CreatePublicPool, Ipv6Range, UpdateSubnet, UpdateVpc};
use serde_json::json;

use super::{Ec2, all, first};
use crate::client::text;

struct Place {
    ec2: Ec2,
    subnet: String,
    /// A running instance, its primary interface and its attachment.
    instance: String,
    primary: String,
    primary_attachment: String,
}

async fn place() -> Place {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    ec2.api.host(1, "zone-1").await;
    let made = ec2.api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    ec2.api.hosts_obey().await;
    let instance = text(&made, "id");
    let found = ec2.good(&format!("{DESCRIBE}&Filter.1.Name=attachment.instance-id&Filter.1.Value.1={instance}")).await;
    let (primary, primary_attachment) = (first(&found, "networkInterfaceId"), first(&found, "attachmentId"));
    Place { ec2, subnet, instance, primary, primary_attachment }
}

const DESCRIBE: &str = "Action=DescribeNetworkInterfaces";

impl Place {
    async fn interface(&self, more: &str) -> String {
        let form = format!("Action=CreateNetworkInterface&SubnetId={}{more}", self.subnet);
        first(&self.ec2.good(&form).await, "networkInterfaceId")
    }

    async fn shown(&self, id: &str) -> String {
        self.ec2.good(&format!("{DESCRIBE}&NetworkInterfaceId.1={id}")).await
    }

    async fn status(&self, id: &str) -> String {
        // The attachment's comes after the interface's own.
        first(&self.shown(id).await, "status")
    }

    async fn attribute(&self, id: &str, name: &str) -> String {
        let form = "Action=DescribeNetworkInterfaceAttribute";
        self.ec2.good(&format!("{form}&NetworkInterfaceId={id}&Attribute={name}")).await
    }

    /// Gives the VPC and the subnet IPv6.
    async fn with_ipv6(&self) {
        let subnet = self.subnet.parse().unwrap();
        let read = move |snapshot: &dyn pintle_core::txn::Snapshot| {
            pintle_core::query::get::<pintle_core::model::Subnet>(snapshot, subnet).map(|(subnet, _)| subnet.vpc)
        };
        let vpc = self.ec2.api.engine.read(read).await.unwrap();
        let ranges = UpdateVpc { ipv6_cidrs: Some(vec!["2001:db8::/56".parse().unwrap()]), ..UpdateVpc::default() };
        self.ec2.api.engine.execute(Command::UpdateVpc(vpc, ranges)).await.unwrap();
        let ipv6 = Some(Some(Ipv6Range::Net("2001:db8::/64".parse().unwrap())));
        let range = UpdateSubnet { ipv6, ..UpdateSubnet::default() };
        self.ec2.api.engine.execute(Command::UpdateSubnet(subnet, range)).await.unwrap();
    }
}

#[tokio::test]
async fn a13_an_interface_is_attached_and_detached() {
    let p = place().await;
    let one = p.interface("").await;
    let attach = |id: &str, index: &str| {
        format!("Action=AttachNetworkInterface&NetworkInterfaceId={id}&InstanceId={}&DeviceIndex={index}", p.instance)
    };
    let made = p.ec2.good(&attach(&one, "1")).await;
    assert_eq!(first(&made, "networkCardIndex"), "0");
    let attachment = first(&made, "attachmentId");
    assert_eq!(p.status(&one).await, "attaching");
    p.ec2.api.hosts_obey().await;
    let shown = p.shown(&one).await;
    assert_eq!(all(&shown, "status"), ["in-use", "attached"]);
    assert_eq!((first(&shown, "deviceIndex"), first(&shown, "deleteOnTermination")), ("1".into(), "false".into()));

    let two = p.interface("").await;
    for (form, code) in [
        (attach(&one, "2"), "InvalidNetworkInterface.InUse"),
        (attach(&two, "1"), "InvalidParameterValue"),
        (attach(&two, "x"), "InvalidParameterValue"),
        (attach(&two, "2").replace("&DeviceIndex=2", ""), "MissingParameter"),
        (attach(&two, "2").replace(&p.instance, "i-0ffffffffffffffff"), "InvalidInstanceID.NotFound"),
        (attach("eni-0ffffffffffffffff", "2"), "InvalidNetworkInterfaceID.NotFound"),
        (attach(&two, "2&EnaSrdSpecification.EnaSrdEnabled=true"), "UnsupportedOperation"),
        (attach(&two, "2&EnaQueueCount=4"), "UnsupportedOperation"),
        (attach(&two, "2&NetworkCardIndex=7"), "InvalidParameterValue"),
        (format!("Action=DetachNetworkInterface&AttachmentId={}", p.primary_attachment), "OperationNotPermitted"),
        (
            "Action=DetachNetworkInterface&AttachmentId=eni-attach-0ffffffffffffffff".into(),
            "InvalidAttachmentID.NotFound",
        ),
        (format!("Action=DeleteNetworkInterface&NetworkInterfaceId={one}"), "InvalidNetworkInterface.InUse"),
    ] {
        p.ec2.refused(&form, code).await;
    }
    let dry = p.ec2.send(&attach(&two, "2&DryRun=true")).await;
    assert!(dry.0 == 412 && dry.1.contains("DryRunOperation"), "{dry:?}");

    p.ec2.good(&format!("Action=DetachNetworkInterface&AttachmentId={attachment}")).await;
    assert_eq!(p.status(&one).await, "detaching");
    p.ec2.api.hosts_obey().await;
    assert_eq!(p.status(&one).await, "available");
    let again = first(&p.ec2.good(&attach(&one, "5")).await, "attachmentId");
    p.ec2.good(&format!("Action=DetachNetworkInterface&AttachmentId={again}&Force=true")).await;
    assert_eq!(p.status(&one).await, "available", "force does not wait for the host");
}

#[tokio::test]
async fn a13_each_attribute_is_changed_shown_and_reset() {
    let p = place().await;
    let id = p.primary.clone();
    let form = format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={id}");
    let modify = |change: &str| format!("{form}&{change}");
    p.ec2.good(&modify("Description.Value=a+web+server")).await;
    assert_eq!(first(&p.attribute(&id, "description").await, "value"), "a web server");
    p.ec2.good(&modify("Description.Value=")).await;
    assert!(p.attribute(&id, "description").await.contains("<description><value/></description>"));
    p.ec2.good(&modify("SourceDestCheck.Value=false")).await;
    assert_eq!(first(&p.attribute(&id, "sourceDestCheck").await, "value"), "false");
    p.ec2.good(&format!("Action=ResetNetworkInterfaceAttribute&NetworkInterfaceId={id}&SourceDestCheck=x")).await;
    assert_eq!(first(&p.attribute(&id, "sourceDestCheck").await, "value"), "true");

    let attachment = &p.primary_attachment;
    let delete = |on| modify(&format!("Attachment.AttachmentId={attachment}&Attachment.DeleteOnTermination={on}"));
    for on in ["false", "true"] {
        p.ec2.good(&delete(on)).await;
        assert_eq!(first(&p.attribute(&id, "attachment").await, "deleteOnTermination"), on);
    }
    p.ec2.good(&modify("ConnectionTrackingSpecification.UdpTimeout=45")).await;
    p.ec2.good(&modify("ConnectionTrackingSpecification.TcpEstablishedTimeout=600")).await;
    let shown = p.shown(&id).await;
    let timeouts = ["tcpEstablishedTimeout", "udpStreamTimeout", "udpTimeout"].map(|name| first(&shown, name));
    assert_eq!(timeouts, ["600", "180", "45"], "what is not named stays");

    let groups = p.attribute(&id, "groupSet").await;
    let group = first(&groups, "groupId");
    p.ec2.good(&modify(&format!("SecurityGroupId.1={group}"))).await;
    assert!(p.attribute(&id, "associatePublicIpAddress").await.contains("<associatePublicIpAddress>false"));

    let many: String = (1..=6).map(|n| format!("&SecurityGroupId.{n}=sg-0fffffffffffffff{n}")).collect();
    for (form, code) in [
        (form.clone(), "InvalidParameterCombination"),
        (modify("Description.Value=x&SourceDestCheck.Value=true"), "InvalidParameterCombination"),
        (modify("SourceDestCheck.Value=true&Colour=red"), "UnknownParameter"),
        (modify("SourceDestCheck.Value=maybe"), "InvalidParameterValue"),
        (modify(&format!("Description.Value={}", "x".repeat(256))), "InvalidParameterValue"),
        (modify("SecurityGroupId.1=sg-0ffffffffffffffff"), "InvalidGroup.NotFound"),
        (modify(&many[1..]), "SecurityGroupsPerInterfaceLimitExceeded"),
        (modify("Attachment.AttachmentId=eni-attach-0ffffffffffffffff&Attachment.DeleteOnTermination=true"),
            "InvalidAttachmentID.NotFound"),
        (modify(&format!("Attachment.AttachmentId={attachment}")), "MissingParameter"),
        (modify("ConnectionTrackingSpecification.UdpTimeout=61"), "InvalidParameterValue"),
        (modify("EnaSrdSpecification.EnaSrdEnabled=true"), "UnsupportedOperation"),
        (modify("AssociatedSubnetId.1=subnet-0ffffffffffffffff"), "UnsupportedOperation"),
        ("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId=eni-0ffffffffffffffff&SourceDestCheck.Value=true".into(),
            "InvalidNetworkInterfaceID.NotFound"),
        (format!("Action=ResetNetworkInterfaceAttribute&NetworkInterfaceId={id}"), "MissingParameter"),
        (format!("Action=DescribeNetworkInterfaceAttribute&NetworkInterfaceId={id}"), "MissingParameter"),
        (format!("Action=DescribeNetworkInterfaceAttribute&NetworkInterfaceId={id}&Attribute=colour"), "InvalidParameterValue"),
        ("Action=DescribeNetworkInterfaceAttribute&NetworkInterfaceId=eni-0ffffffffffffffff&Attribute=description".into(),
            "InvalidNetworkInterfaceID.NotFound"),
    ] {
        p.ec2.refused(&form, code).await;
    }
}

#[tokio::test]
async fn b07_addresses_are_assigned_taken_over_and_unassigned_all_or_none() {
    let p = place().await;
    let (one, two) = (p.interface("&PrivateIpAddress=10.0.0.10").await, p.interface("").await);
    let assign = |id: &str, what: &str| format!("Action=AssignPrivateIpAddresses&NetworkInterfaceId={id}&{what}");
    let unassign = |id: &str, what: &str| format!("Action=UnassignPrivateIpAddresses&NetworkInterfaceId={id}&{what}");
    let made =
        p.ec2.good(&assign(&one, "PrivateIpAddress.1=10.0.0.20&PrivateIpAddress.2=10.0.0.21&Ipv4PrefixCount=1")).await;
    assert_eq!(all(&made, "privateIpAddress"), ["10.0.0.20", "10.0.0.21"]);
    let prefix = first(&made, "ipv4Prefix");
    let counted = p.ec2.good(&assign(&one, "SecondaryPrivateIpAddressCount=2&Ipv4Prefix.1=10.0.0.64/28")).await;
    assert_eq!((all(&counted, "privateIpAddress").len(), first(&counted, "ipv4Prefix")), (2, "10.0.0.64/28".into()));

    let taken = assign(&two, "PrivateIpAddress.1=10.0.0.30&PrivateIpAddress.2=10.0.0.20");
    p.ec2.refused(&taken, "InvalidIPAddress.InUse").await;
    assert!(!p.shown(&two).await.contains("10.0.0.30"), "none without the others");
    p.ec2.good(&format!("{taken}&AllowReassignment=true")).await;
    assert!(p.shown(&two).await.contains("10.0.0.20") && !p.shown(&one).await.contains("10.0.0.20"));
    for (form, code) in [
        (assign(&two, "PrivateIpAddress.1=10.0.0.10&AllowReassignment=true"), "InvalidParameterValue"),
        (assign(&two, "PrivateIpAddress.1=10.9.0.1"), "InvalidParameterValue"),
        (assign(&two, "PrivateIpAddress.1=2001:db8::1"), "InvalidParameterValue"),
        (assign(&two, "SecondaryPrivateIpAddressCount=50"), "PrivateIpAddressLimitExceeded"),
        (assign(&two, "PrivateIpAddress.1=10.0.0.40&SecondaryPrivateIpAddressCount=1"), "InvalidParameterCombination"),
        (assign(&two, "Ipv4Prefix.1=10.0.0.64/28"), "InvalidParameterValue"),
        (assign(&two, "Ipv4Prefix.1=10.0.0.64/27"), "InvalidParameterValue"),
        (assign(&two, "AllowReassignment=true"), "MissingParameter"),
        (assign("eni-0ffffffffffffffff", "SecondaryPrivateIpAddressCount=1"), "InvalidNetworkInterfaceID.NotFound"),
        (unassign(&one, "PrivateIpAddress.1=10.0.0.10"), "InvalidParameterValue"),
        (unassign(&one, "PrivateIpAddress.1=10.0.0.20"), "InvalidParameterValue"),
        (unassign(&one, "Ipv4Prefix.1=10.0.0.96/28"), "InvalidParameterValue"),
        (unassign(&one, ""), "MissingParameter"),
        (unassign("eni-0ffffffffffffffff", "PrivateIpAddress.1=10.0.0.20"), "InvalidNetworkInterfaceID.NotFound"),
    ] {
        p.ec2.refused(&form, code).await;
    }
    let some = unassign(&one, "PrivateIpAddress.1=10.0.0.21&PrivateIpAddress.2=10.0.0.99");
    p.ec2.refused(&some, "InvalidParameterValue").await;
    assert!(p.shown(&one).await.contains("10.0.0.21"), "none without the others");
    p.ec2.good(&unassign(&one, &format!("PrivateIpAddress.1=10.0.0.21&Ipv4Prefix.1={prefix}"))).await;
    let left = p.shown(&one).await;
    assert!(!left.contains("10.0.0.21") && !left.contains(&prefix), "{left}");
}

#[tokio::test]
async fn b09_ipv6_addresses_are_assigned_and_unassigned_and_the_primary_one_may_be_kept() {
    let p = place().await;
    let id = p.primary.clone();
    let assign = |what: &str| format!("Action=AssignIpv6Addresses&NetworkInterfaceId={id}&{what}");
    let unassign = |what: &str| format!("Action=UnassignIpv6Addresses&NetworkInterfaceId={id}&{what}");
    p.ec2.refused(&assign("Ipv6AddressCount=1"), "InvalidParameterValue").await;
    p.with_ipv6().await;
    let made = p.ec2.good(&assign("Ipv6Addresses.1=2001:db8::10&Ipv6Addresses.2=2001:db8::11&Ipv6PrefixCount=1")).await;
    assert_eq!(first(&made, "assignedIpv6Addresses"), "<item>2001:db8::10</item><item>2001:db8::11</item>");
    let prefix = all(&made, "item").pop().unwrap();
    assert_eq!(all(&p.ec2.good(&assign("Ipv6AddressCount=1")).await, "item").len(), 1);
    assert_eq!(all(&p.shown(&id).await, "isPrimaryIpv6"), ["false", "false", "false"], "nobody has asked for one");

    let gone = p.ec2.good(&unassign(&format!("Ipv6Addresses.1=2001:db8::10&Ipv6Prefix.1={prefix}"))).await;
    assert_eq!(first(&gone, "unassignedIpv6Addresses"), "<item>2001:db8::10</item>");
    assert_eq!(first(&gone, "unassignedIpv6PrefixSet"), format!("<item>{prefix}</item>"));
    let keep = format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={id}&EnablePrimaryIpv6");
    p.ec2.good(&format!("{keep}=true")).await;
    let shown = p.shown(&id).await;
    assert_eq!(all(&shown, "isPrimaryIpv6"), ["true", "false"]);
    assert_eq!(first(&shown, "ipv6Address"), "2001:db8::11");
    for (form, code) in [
        (unassign("Ipv6Addresses.1=2001:db8::11"), "InvalidParameterValue"),
        (format!("{keep}=false"), "InvalidParameterValue"),
        (assign("Ipv6Addresses.1=2001:db8::11"), "InvalidIPAddress.InUse"),
        (assign("Ipv6Addresses.1=10.0.0.9"), "InvalidParameterValue"),
        (assign("Ipv6Addresses.1=2001:db8::12&Ipv6AddressCount=1"), "InvalidParameterCombination"),
        (unassign("Ipv6Addresses.1=2001:db8::99"), "InvalidParameterValue"),
        (unassign(""), "MissingParameter"),
    ] {
        p.ec2.refused(&form, code).await;
    }
    let made = p
        .interface(
            "&Ipv6Addresses.1.Ipv6Address=2001:db8::21&Ipv6Addresses.2.Ipv6Address=2001:db8::22\
        &Ipv6Addresses.2.IsPrimaryIpv6=true",
        )
        .await;
    let shown = p.shown(&made).await;
    assert_eq!(first(&shown, "ipv6Address"), "2001:db8::22");
    assert_eq!(all(&shown, "isPrimaryIpv6"), ["true", "false"]);
}

#[tokio::test]
async fn c12_an_interface_says_whether_it_has_a_public_address_of_its_own() {
    let p = place().await;
    let cidrs = vec!["203.0.113.8/29".parse().unwrap()];
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs };
    p.ec2.api.engine.execute(Command::CreatePublicPool(pool)).await.unwrap();
    let modify = |on| {
        format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={}&AssociatePublicIpAddress={on}", p.primary)
    };
    p.ec2.good(&modify("true")).await;
    let shown = p.shown(&p.primary).await;
    assert_eq!(first(&shown, "ipOwnerId"), "amazon");
    assert!(!shown.contains("allocationId") && !shown.contains("associationId"), "{shown}");
    assert_eq!(first(&p.attribute(&p.primary, "associatePublicIpAddress").await, "associatePublicIpAddress"), "true");
    let lists = "Action=DescribeAddresses";
    let address = first(&shown, "publicIp");
    for form in ["", "&Filter.1.Name=network-interface-id&Filter.1.Value.1="] {
        let form = if form.is_empty() { lists.to_owned() } else { format!("{lists}{form}{}", p.primary) };
        assert!(p.ec2.good(&form).await.contains("<addressesSet/>"), "{form}");
    }
    p.ec2.refused(&format!("{lists}&PublicIp.1={address}"), "InvalidAddress.NotFound").await;
    p.ec2.good(&modify("false")).await;
    assert!(!p.shown(&p.primary).await.contains("publicIp"));
}

#[tokio::test]
async fn f10_an_efa_interface_is_shown_as_one_and_a_card_takes_one() {
    let p = place().await;
    let (one, two) = (p.interface("&InterfaceType=efa").await, p.interface("&InterfaceType=efa").await);
    assert_eq!(first(&p.shown(&one).await, "interfaceType"), "efa");
    let listed = p.ec2.good(&format!("{DESCRIBE}&Filter.1.Name=interface-type&Filter.1.Value.1=efa")).await;
    assert_eq!(all(&listed, "networkInterfaceId").len(), 2);
    let run = format!(
        "Action=RunInstances&ImageId=ami-1&InstanceType=c5n.18xlarge&MinCount=1&MaxCount=1&NetworkInterface.1.DeviceIndex=0\
        &NetworkInterface.1.SubnetId={}",
        p.subnet
    );
    let home = first(&p.ec2.good(&run).await, "instanceId");
    p.ec2.api.hosts_obey().await;
    let attach = |vni: &str, instance: &str, index: u8| {
        format!("Action=AttachNetworkInterface&NetworkInterfaceId={vni}&InstanceId={instance}&DeviceIndex={index}")
    };
    p.ec2.refused(&attach(&one, &home, 1), "IncorrectInstanceState").await;
    p.ec2.good(&format!("Action=StopInstances&InstanceId.1={home}")).await;
    p.ec2.api.hosts_obey().await;
    p.ec2.good(&attach(&one, &home, 1)).await;
    p.ec2.refused(&attach(&two, &home, 2), "AttachmentLimitExceeded").await;
    let shown = p.ec2.good(&format!("Action=DescribeInstances&InstanceId.1={home}")).await;
    assert_eq!(all(&shown, "interfaceType"), ["interface", "efa"]);
}

#[tokio::test]
async fn an_interface_has_a_name_where_its_vpc_gives_names() {
    let p = place().await;
    let one = p.interface("&PrivateIpAddress=10.0.0.77").await;
    let shown = p.shown(&one).await;
    assert!(!shown.contains("privateDnsName"), "{shown}");
    let vpc = first(&shown, "vpcId");
    p.ec2.good(&format!("Action=ModifyVpcAttribute&VpcId={vpc}&EnableDnsHostnames.Value=true")).await;
    let name = first(&p.shown(&one).await, "privateDnsName");
    assert!(name.starts_with("ip-10-0-0-77.") && name.ends_with(".internal"), "{name}");
    let found = p.ec2.good(&format!("{DESCRIBE}&Filter.1.Name=private-dns-name&Filter.1.Value.1={name}")).await;
    assert_eq!(all(&found, "networkInterfaceId"), [one]);
    let instances = p.ec2.good("Action=DescribeInstances").await;
    let host = first(&instances, "privateDnsName");
    let found =
        p.ec2.good(&format!("Action=DescribeInstances&Filter.1.Name=private-dns-name&Filter.1.Value.1={host}")).await;
    assert_eq!(all(&found, "instanceId"), std::slice::from_ref(&p.instance));
    let pending = "Action=DescribeInstances&Filter.1.Name=state-reason-code&Filter.1.Value.1=pending";
    assert!(all(&p.ec2.good(pending).await, "instanceId").is_empty(), "it runs");
}
