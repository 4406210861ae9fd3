//! What only EC2's API can say, and what IBM's makes of it.

use axum::http::Method;
use futures::FutureExt;

use super::{Case, Place, each};
use crate::client::text;
use crate::ec2::{all as every, first};

pub(super) async fn all() -> Vec<Case> {
    let place = &Place::new().await;
    each(vec![
        ipv6_addresses(place).boxed(),
        delegated_networks(place).boxed(),
        source_dest_check(place).boxed(),
        efa(place).boxed(),
        description_and_tags(place).boxed(),
        address_of_a_secondary(place).boxed(),
        place_on_an_instance(place).boxed(),
        detached_but_to_go_with_its_instance(place).boxed(),
        ipv6_rules(place).boxed(),
        rules_for_prefix_lists(place).boxed(),
        descriptions_of_rules(place).boxed(),
        terminated_instances(place).boxed(),
    ])
    .await
}

async fn ipv6_addresses(place: &Place) -> Case {
    let vni = place.by_ec2("&Ipv6AddressCount=1").await;
    let address = first(&place.in_ec2(&vni).await, "ipv6Address");
    let shown = place.in_ibm(&vni).await;
    let ips: Vec<_> = shown["ips"].as_array().unwrap().iter().map(|ip| text(ip, "address")).collect();
    assert_eq!(ips, [text(&shown["primary_ip"], "address"), address]);
    Case { what: "an interface's IPv6 addresses", shown: "among `ips`, after the IPv4 ones; `primary_ip` is IPv4" }
}

async fn delegated_networks(place: &Place) -> Case {
    let path = format!("/v1/subnets/{}", place.subnet);
    let free = async || place.ibm(Method::GET, &path, None).await["available_ipv4_address_count"].as_u64().unwrap();
    let vni = place.by_ec2("").await;
    let before = free().await;
    place.ec2.good(&format!("Action=AssignPrivateIpAddresses&NetworkInterfaceId={vni}&Ipv4PrefixCount=1")).await;
    assert_eq!(place.in_ibm(&vni).await["ips"].as_array().unwrap().len(), 1);
    assert_eq!(before - free().await, 16);
    Case {
        what: "networks delegated to an interface",
        shown: "not; their addresses are not among a subnet's available ones",
    }
}

async fn source_dest_check(place: &Place) -> Case {
    let vni = place.by_ec2("").await;
    let before = place.in_ibm(&vni).await;
    let form = format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={vni}&SourceDestCheck.Value=false");
    place.ec2.good(&form).await;
    assert_eq!((place.in_ibm(&vni).await, &before["allow_ip_spoofing"]), (before.clone(), &serde_json::json!(false)));
    let shown = "not: `allow_ip_spoofing` is another thing, and stays as it is; with either a router may send on what is not its own";
    Case { what: "`SourceDestCheck` of an interface", shown }
}

async fn efa(place: &Place) -> Case {
    let shown = place.in_ibm(&place.by_ec2("&InterfaceType=efa").await).await.to_string();
    assert!(!shown.contains("efa\""), "{shown}");
    Case { what: "`InterfaceType` `efa`", shown: "not; its packets go the way of every other interface's" }
}

async fn description_and_tags(place: &Place) -> Case {
    let tags = "&Description=words&TagSpecification.1.ResourceType=network-interface\
                &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web";
    let vni = place.by_ec2(tags).await;
    let view = place.in_ibm(&vni).await;
    assert_eq!((&view["name"], &view["ips"][0]["name"]), (&view["id"], &view["ips"][0]["id"]));
    let shown = view.to_string();
    assert!(!shown.contains("\"words\"") && !shown.contains("\"web\""), "{shown}");
    Case {
        what: "descriptions and tags",
        shown: "not; interfaces and addresses that it makes have their ids for names",
    }
}

async fn address_of_a_secondary(place: &Place) -> Case {
    let vni = place.by_ec2("&SecondaryPrivateIpAddressCount=1").await;
    let secondary = every(&place.in_ec2(&vni).await, "privateIpAddress").pop().unwrap();
    let made = place.ec2.good("Action=AllocateAddress&Domain=vpc").await;
    let allocation = first(&made, "allocationId");
    let form = format!(
        "Action=AssociateAddress&AllocationId={allocation}&NetworkInterfaceId={vni}&PrivateIpAddress={secondary}"
    );
    place.ec2.good(&form).await;
    let shown = place.ibm(Method::GET, &format!("/v1/floating_ips/{allocation}"), None).await;
    assert_eq!(shown["target"]["id"], vni.as_str());
    assert_ne!(shown["target"]["primary_ip"]["address"], secondary.as_str());
    let of = place.ibm(Method::GET, &format!("/v1/virtual_network_interfaces/{vni}/floating_ips"), None).await;
    assert_eq!(of["floating_ips"][0]["id"], allocation.as_str());
    place.ec2.good(&format!("Action=DisassociateAddress&PublicIp={}", first(&made, "publicIp"))).await;
    place.ec2.good(&format!("Action=ReleaseAddress&AllocationId={allocation}")).await;
    let shown = "as a floating IP of the interface; that it leads to another than the primary address is not shown";
    Case { what: "an Elastic IP address of a secondary address", shown }
}

async fn place_on_an_instance(place: &Place) -> Case {
    let vni = place.by_ec2("").await;
    let form =
        format!("Action=AttachNetworkInterface&NetworkInterfaceId={vni}&InstanceId={}&DeviceIndex=2", place.instance);
    let id = first(&place.ec2.good(&form).await, "attachmentId");
    let path = format!("/v1/instances/{}/network_attachments/{id}", place.instance);
    let shown = place.ibm(Method::GET, &path, None).await;
    assert_eq!((&shown["type"], shown.get("index")), (&"secondary".into(), None));
    place.ec2.api.hosts_obey().await;
    Case {
        what: "`DeviceIndex` and `NetworkCardIndex` of an attachment",
        shown: "as `type`, `primary` or `secondary`, and by the order",
    }
}

async fn detached_but_to_go_with_its_instance(place: &Place) -> Case {
    let vni = place.by_ec2("").await;
    let form =
        format!("Action=AttachNetworkInterface&NetworkInterfaceId={vni}&InstanceId={}&DeviceIndex=1", place.instance);
    let id = first(&place.ec2.good(&form).await, "attachmentId");
    place.ec2.api.hosts_obey().await;
    let form = format!(
        "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={vni}&Attachment.AttachmentId={id}\
         &Attachment.DeleteOnTermination=true"
    );
    place.ec2.good(&form).await;
    assert_eq!(place.in_ibm(&vni).await["auto_delete"], true);
    place.ec2.good(&format!("Action=DetachNetworkInterface&AttachmentId={id}")).await;
    place.ec2.api.hosts_obey().await;
    assert_eq!(place.in_ibm(&vni).await["auto_delete"], false);
    let shown = "`auto_delete`; EC2's detaching keeps the interface and makes it `false`, IBM's deletion of the attachment takes it along";
    Case { what: "`DeleteOnTermination` of an attachment", shown }
}

/// A group of the VPC with one more rule inbound; that rule as IBM's API shows it.
async fn with_rule(place: &Place, name: &str, permission: &str) -> serde_json::Value {
    let form = format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=words&VpcId={}", place.vpc);
    let group = first(&place.ec2.good(&form).await, "groupId");
    let at = "&IpPermissions.1";
    let form = format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}{at}.IpProtocol=tcp{at}.FromPort=1{at}.ToPort=2{at}.{permission}"
    );
    let rule = first(&place.ec2.good(&form).await, "securityGroupRuleId");
    place.ibm(Method::GET, &format!("/v1/security_groups/{group}/rules/{rule}"), None).await
}

async fn ipv6_rules(place: &Place) -> Case {
    let rule = with_rule(place, "six", "Ipv6Ranges.1.CidrIpv6=2001:db8::/32").await;
    assert_eq!((&rule["ip_version"], &rule["remote"]["cidr_block"]), (&"ipv6".into(), &"2001:db8::/32".into()));
    Case { what: "rules for IPv6", shown: "with `ip_version` `ipv6`, which IBM's own API does not have yet" }
}

async fn rules_for_prefix_lists(place: &Place) -> Case {
    let form = "Action=CreateManagedPrefixList&PrefixListName=list&MaxEntries=3&AddressFamily=IPv4";
    let list = first(&place.ec2.good(form).await, "prefixListId");
    let rule = with_rule(place, "listed", &format!("PrefixListIds.1.PrefixListId={list}")).await;
    assert_eq!(rule["remote"]["id"], list.as_str());
    Case { what: "rules for prefix lists", shown: "with the list's `id` and `name` as `remote`" }
}

async fn descriptions_of_rules(place: &Place) -> Case {
    let rule =
        with_rule(place, "described", "IpRanges.1.CidrIp=192.0.2.0/24&IpPermissions.1.IpRanges.1.Description=why")
            .await;
    assert!(!rule.to_string().contains("why"), "{rule}");
    Case { what: "descriptions of groups and rules", shown: "not" }
}

async fn terminated_instances(place: &Place) -> Case {
    let form = format!(
        "Action=RunInstances&ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SubnetId={}",
        place.subnet
    );
    let instance = first(&place.ec2.good(&form).await, "instanceId");
    place.ec2.api.hosts_obey().await;
    place.ec2.good(&format!("Action=TerminateInstances&InstanceId.1={instance}")).await;
    place.ec2.api.hosts_obey().await;
    let shown = place.ec2.good(&format!("Action=DescribeInstances&InstanceId.1={instance}")).await;
    assert!(shown.contains("<name>terminated</name>"), "{shown}");
    place.ec2.api.get(&format!("/v1/instances/{instance}")).await.refused(404, "not_found");
    Case { what: "terminated instances, which are shown for an hour", shown: "not: a deleted instance is not found" }
}
