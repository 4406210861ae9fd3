//! Internet gateways, route tables and NAT gateways on EC2's wire.

use pintle_core::Reply;
use pintle_core::command::{Command, CreateFloatingIp, CreateSubnet, CreateVpc};
use pintle_core::model::Vpc;
use pintle_dialect::ec2::Service;

use crate::ec2::respond;
use crate::golden;
use crate::world::{World, world};

/// Sends a request; keeps it, its command and its answer.
fn keep(world: &mut World, name: &str, action: &str, form: &str) -> String {
    golden::check(&format!("ec2/{name}.request.txt"), form);
    let (answer, command) =
        respond(world, Service::Ec2, action, form).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Some(command) = command {
        golden::check(&format!("ec2/{name}.command.txt"), &format!("{command:#?}"));
    }
    golden::check(&format!("ec2/{name}.reply.xml"), &answer);
    answer
}

fn first(answer: &str, element: &str) -> String {
    let found = answer.lines().find_map(|line| line.strip_prefix(&format!("<{element}>"))?.split('<').next());
    found.unwrap_or_else(|| panic!("no {element} in {answer}")).to_owned()
}

#[test]
fn a13_routing_is_golden() {
    let (mut world, _) = world();
    let cidrs = vec!["10.7.0.0/16".parse().unwrap()];
    let ipv6_cidrs = vec!["2001:db8:7::/56".parse().unwrap()];
    let create = CreateVpc { cidrs, ipv6_cidrs, route_tables: true, ..CreateVpc::default() };
    let Reply::Vpc(Vpc { id: vpc, .. }) = world.run(Command::CreateVpc(create)) else { panic!() };
    let zone = "zone-1".to_owned();
    let create = CreateSubnet {
        vpc,
        name: None,
        zone: zone.clone(),
        cidr: "10.7.0.0/24".parse().unwrap(),
        ipv6: None,
        acl: None,
        public_gateway: None,
    };
    let Reply::Subnet(subnet) = world.run(Command::CreateSubnet(create)) else { panic!() };
    let create = CreateFloatingIp { name: None, zone: Some(zone), address: None, target: None };
    let Reply::FloatingIp(public) = world.run(Command::CreateFloatingIp(create)) else { panic!() };

    let tags = |kind: &str| {
        format!(
            "TagSpecification.1.ResourceType={kind}&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
        )
    };
    let made = keep(&mut world, "create_internet_gateway", "CreateInternetGateway", &tags("internet-gateway"));
    let gateway = first(&made, "internetGatewayId");
    let both = format!("InternetGatewayId={gateway}&VpcId={vpc}");
    keep(&mut world, "attach_internet_gateway", "AttachInternetGateway", &both);
    let filter = format!("Filter.1.Name=attachment.vpc-id&Filter.1.Value.1={vpc}");
    keep(&mut world, "describe_internet_gateways", "DescribeInternetGateways", &filter);

    let form = format!("VpcId={vpc}&ClientToken=token-7&{}", tags("route-table"));
    let table = first(&keep(&mut world, "create_route_table", "CreateRouteTable", &form), "routeTableId");
    let form = format!("RouteTableId={table}&DestinationCidrBlock=0.0.0.0%2F0&GatewayId={gateway}");
    keep(&mut world, "create_route", "CreateRoute", &form);
    let form = format!("RouteTableId={table}&SubnetId={}", subnet.id);
    let made = keep(&mut world, "associate_route_table", "AssociateRouteTable", &form);
    let association = first(&made, "associationId");
    keep(&mut world, "describe_route_tables", "DescribeRouteTables", &format!("RouteTableId.1={table}"));

    let form = format!("SubnetId={}&AllocationId={}&PrivateIpAddress=10.7.0.9", subnet.id, public.id);
    let nat = first(&keep(&mut world, "create_nat_gateway", "CreateNatGateway", &form), "natGatewayId");
    keep(&mut world, "describe_nat_gateways", "DescribeNatGateways", &format!("NatGatewayId.1={nat}"));
    let form = format!("RouteTableId={table}&DestinationCidrBlock=0.0.0.0%2F0&NatGatewayId={nat}");
    keep(&mut world, "replace_route", "ReplaceRoute", &form);
    keep(&mut world, "delete_nat_gateway", "DeleteNatGateway", &format!("NatGatewayId={nat}"));
    let form = format!("RouteTableId={table}&DestinationCidrBlock=0.0.0.0%2F0");
    keep(&mut world, "delete_route", "DeleteRoute", &form);

    let form = format!("AssociationId={association}&RouteTableId={table}");
    let made = keep(&mut world, "replace_route_table_association", "ReplaceRouteTableAssociation", &form);
    let form = format!("AssociationId={}", first(&made, "newAssociationId"));
    keep(&mut world, "disassociate_route_table", "DisassociateRouteTable", &form);
    keep(&mut world, "delete_route_table", "DeleteRouteTable", &format!("RouteTableId={table}"));
    keep(&mut world, "detach_internet_gateway", "DetachInternetGateway", &both);
    let form = format!("InternetGatewayId={gateway}");
    keep(&mut world, "delete_internet_gateway", "DeleteInternetGateway", &form);
}
