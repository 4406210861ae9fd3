//! EC2's VPCs, subnets and DHCP options: requests as clients send them and the documents they get.

use pintle_core::Command;
use pintle_core::command::CreateAccessKey;
use pintle_core::model::{AccessKeyId, AccountId, Region};

use crate::ec2::check_form as check;
use crate::world::{World, world};

fn regions(zones: &[&str]) -> Command {
    let region = |name: &str, zones: &[&str]| Region {
        name: name.to_owned(),
        zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
    };
    Command::ConfigureRegions(vec![region("local", zones), region("other", &["other-1"])])
}

/// The small world in a region with two zones.
fn zoned() -> World {
    let (mut world, _) = world();
    world.run(regions(&["zone-1", "zone-2"]));
    world
}

/// The text of the first element with this name.
fn first(answer: &str, element: &str) -> String {
    let (_, rest) = answer.split_once(&format!("<{element}>")).unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

const TAG: &str = "TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=green";

#[test]
fn a13_vpcs_are_golden() {
    let w = &mut zoned();
    let create = format!(
        "CidrBlock=10.20.30.40/16&AmazonProvidedIpv6CidrBlock=true&InstanceTenancy=default\
         &TagSpecification.1.ResourceType=vpc&{TAG}"
    );
    let vpc = first(&check(w, "create_vpc", "CreateVpc", &create), "vpcId");
    check(w, "describe_vpcs", "DescribeVpcs", "MaxResults=5");
    let filters = "Filter.1.Name=cidr&Filter.1.Value.1=10.20.*&Filter.2.Name=tag:Name&Filter.2.Value.1=green";
    check(w, "describe_vpcs_filtered", "DescribeVpcs", filters);
    let modify = format!("VpcId={vpc}&EnableDnsHostnames.Value=true");
    check(w, "modify_vpc_attribute", "ModifyVpcAttribute", &modify);
    let describe = format!("VpcId={vpc}&Attribute=enableDnsHostnames");
    check(w, "describe_vpc_attribute", "DescribeVpcAttribute", &describe);
    let add = format!("VpcId={vpc}&CidrBlock=10.21.0.0/16");
    let range = first(&check(w, "associate_vpc_cidr_block", "AssociateVpcCidrBlock", &add), "associationId");
    let add = format!("VpcId={vpc}&AmazonProvidedIpv6CidrBlock=true");
    check(w, "associate_vpc_cidr_block_ipv6", "AssociateVpcCidrBlock", &add);
    check(w, "disassociate_vpc_cidr_block", "DisassociateVpcCidrBlock", &format!("AssociationId={range}"));
    check(w, "delete_vpc", "DeleteVpc", &format!("VpcId={vpc}"));
}

#[test]
fn a13_subnets_are_golden() {
    let w = &mut zoned();
    let vpc = w.ids().vpc;
    let create = format!(
        "VpcId={vpc}&CidrBlock=10.1.3.0/24&AvailabilityZoneId=local-az2&TagSpecification.1.ResourceType=subnet&{TAG}"
    );
    let subnet = first(&check(w, "create_subnet", "CreateSubnet", &create), "subnetId");
    let modify = format!("SubnetId={subnet}&MapPublicIpOnLaunch.Value=true");
    check(w, "modify_subnet_attribute", "ModifySubnetAttribute", &modify);
    let add = format!("SubnetId={subnet}&Ipv6CidrBlock=2001:db8:1:9::/64");
    let range = first(&check(w, "associate_subnet_cidr_block", "AssociateSubnetCidrBlock", &add), "associationId");
    let reserve = format!(
        "SubnetId={subnet}&Cidr=10.1.3.64/26&ReservationType=prefix&Description=for+later\
         &TagSpecification.1.ResourceType=subnet-cidr-reservation&{TAG}"
    );
    let reserved = check(w, "create_subnet_cidr_reservation", "CreateSubnetCidrReservation", &reserve);
    let get = format!("SubnetId={subnet}");
    check(w, "get_subnet_cidr_reservations", "GetSubnetCidrReservations", &get);
    check(w, "describe_subnets", "DescribeSubnets", &format!("Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}"));
    let delete = format!("SubnetCidrReservationId={}", first(&reserved, "subnetCidrReservationId"));
    check(w, "delete_subnet_cidr_reservation", "DeleteSubnetCidrReservation", &delete);
    check(w, "disassociate_subnet_cidr_block", "DisassociateSubnetCidrBlock", &format!("AssociationId={range}"));
    check(w, "delete_subnet", "DeleteSubnet", &format!("SubnetId={subnet}"));
}

#[test]
fn a13_defaults_are_golden() {
    let w = &mut zoned();
    let id = AccessKeyId::from_random([7; 10]);
    w.run(Command::CreateAccessKey(CreateAccessKey { id, account: AccountId::FIRST, sealed: Vec::new() }));
    let default = "Filter.1.Name=default-for-az&Filter.1.Value.1=true";
    check(w, "describe_subnets_default", "DescribeSubnets", default);
    let w = &mut zoned();
    check(w, "create_default_vpc", "CreateDefaultVpc", "");
    let w = &mut zoned();
    w.run(regions(&["zone-1"]));
    w.run(Command::CreateDefaultVpc);
    w.run(regions(&["zone-1", "zone-2"]));
    check(w, "create_default_subnet", "CreateDefaultSubnet", "AvailabilityZone=zone-2");
}

#[test]
fn a13_dhcp_options_are_golden() {
    let w = &mut zoned();
    let create = format!(
        "DhcpConfiguration.1.Key=domain-name&DhcpConfiguration.1.Value.1=corp.example\
         &DhcpConfiguration.2.Key=domain-name-servers&DhcpConfiguration.2.Value.1=10.2.5.1&DhcpConfiguration.2.Value.2=10.2.5.2\
         &DhcpConfiguration.3.Key=netbios-node-type&DhcpConfiguration.3.Value.1=2\
         &TagSpecification.1.ResourceType=dhcp-options&{TAG}"
    );
    let set = first(&check(w, "create_dhcp_options", "CreateDhcpOptions", &create), "dhcpOptionsId");
    let filter = "Filter.1.Name=key&Filter.1.Value.1=domain-name";
    check(w, "describe_dhcp_options", "DescribeDhcpOptions", filter);
    let vpc = w.ids().vpc;
    let associate = format!("VpcId={vpc}&DhcpOptionsId={set}");
    check(w, "associate_dhcp_options", "AssociateDhcpOptions", &associate);
    let none = format!("VpcId={vpc}&DhcpOptionsId=default");
    check(w, "associate_dhcp_options_none", "AssociateDhcpOptions", &none);
    check(w, "delete_dhcp_options", "DeleteDhcpOptions", &format!("DhcpOptionsId={set}"));
}
