//! Internet gateways, route tables and NAT gateways as requests make, change and show them.

use serde_json::json;

use super::{Ec2, all, first};
use crate::client::text;

struct Site {
    ec2: Ec2,
    vpc: String,
    subnet: String,
    main: String,
}

/// A VPC that routes by tables, with a subnet; a host with an uplink; and public addresses.
async fn site() -> Site {
    let ec2 = Ec2::new().await;
    ec2.api.host(1, "zone-1").await;
    let pool = json!({ "zone": "zone-1", "cidrs": ["203.0.113.0/28"] });
    ec2.api.post("/native/v1/public_pools", pool).await.expect(201);
    let body = json!({ "cidrs": ["10.0.0.0/16"], "route_tables": true });
    let vpc = text(&ec2.api.post("/native/v1/vpcs", body).await.expect(201), "id");
    let subnet = text(&ec2.api.subnet(&vpc, "10.0.0.0/24", "zone-1").await.expect(201), "id");
    let shown = ec2.good(&format!("Action=DescribeRouteTables&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}")).await;
    let main = first(&shown, "routeTableId");
    Site { ec2, vpc, subnet, main }
}

impl Site {
    async fn gateway(&self) -> String {
        let gateway = first(&self.ec2.good("Action=CreateInternetGateway").await, "internetGatewayId");
        self.ec2.good(&self.attach(&gateway)).await;
        gateway
    }

    fn attach(&self, gateway: &str) -> String {
        format!("Action=AttachInternetGateway&InternetGatewayId={gateway}&VpcId={}", self.vpc)
    }

    async fn allocation(&self) -> String {
        text(&self.ec2.api.post("/native/v1/floating_ips", json!({ "zone": "zone-1" })).await.expect(201), "id")
    }

    async fn nat(&self) -> String {
        let allocation = self.allocation().await;
        let form = format!("Action=CreateNatGateway&SubnetId={}&AllocationId={allocation}", self.subnet);
        first(&self.ec2.good(&form).await, "natGatewayId")
    }

    fn route(&self, action: &str, rest: &str) -> String {
        format!("Action={action}&RouteTableId={}&{rest}", self.main)
    }
}

#[tokio::test]
async fn a13_internet_gateways_are_attached_once_and_told_apart_by_filters() {
    let s = site().await;
    let gateway = s.gateway().await;
    s.ec2.refused(&s.attach(&gateway), "Resource.AlreadyAssociated").await;
    s.ec2.refused(&s.attach("igw-0ffffffffffffffff"), "InvalidInternetGatewayID.NotFound").await;
    s.ec2.refused(&s.attach("igw"), "InvalidInternetGatewayId.Malformed").await;
    let delete = format!("Action=DeleteInternetGateway&InternetGatewayId={gateway}");
    s.ec2.refused(&delete, "DependencyViolation").await;
    let find = format!("Action=DescribeInternetGateways&Filter.1.Name=attachment.vpc-id&Filter.1.Value.1={}", s.vpc);
    let found = s.ec2.good(&find).await;
    assert_eq!((first(&found, "internetGatewayId"), first(&found, "state")), (gateway.clone(), "available".into()));
    let detach = format!("Action=DetachInternetGateway&InternetGatewayId={gateway}&VpcId={}", s.vpc);
    s.ec2.good(&detach).await;
    assert!(all(&s.ec2.good(&find).await, "internetGatewayId").is_empty());
    s.ec2.refused(&detach, "Gateway.NotAttached").await;
    s.ec2.good(&delete).await;
    s.ec2.refused(&delete, "InvalidInternetGatewayID.NotFound").await;
}

#[tokio::test]
async fn a13_routes_are_made_replaced_deleted_and_shown_with_their_state() {
    let s = site().await;
    let gateway = s.gateway().await;
    let vni = text(&s.ec2.api.vni(json!({ "subnet": { "id": s.subnet } })).await, "id");
    let everywhere = "DestinationCidrBlock=0.0.0.0/0";
    s.ec2.good(&s.route("CreateRoute", &format!("{everywhere}&GatewayId={gateway}"))).await;
    let again = s.route("CreateRoute", &format!("{everywhere}&NetworkInterfaceId={vni}"));
    s.ec2.refused(&again, "RouteAlreadyExists").await;
    s.ec2.good(&again.replace("CreateRoute", "ReplaceRoute")).await;
    let shown = s.ec2.good(&format!("Action=DescribeRouteTables&RouteTableId.1={}", s.main)).await;
    assert_eq!(all(&shown, "destinationCidrBlock"), ["10.0.0.0/16", "0.0.0.0/0"]);
    let routes = first(&shown, "routeSet");
    assert_eq!(
        (all(&routes, "state"), all(&routes, "networkInterfaceId")),
        (vec!["active".into(), "blackhole".into()], vec![vni.clone()])
    );
    assert_eq!((first(&routes, "gatewayId"), first(&shown, "main")), ("local".to_owned(), "true".to_owned()));
    for (form, code) in [
        ("DestinationCidrBlock=198.51.100.0/24", "MissingParameter"),
        ("GatewayId=igw-0ffffffffffffffff", "MissingParameter"),
        ("DestinationCidrBlock=198.51.100.0/24&GatewayId=igw-0ffffffffffffffff", "InvalidInternetGatewayID.NotFound"),
        ("DestinationCidrBlock=198.51.100.0/24&GatewayId=local", "InvalidParameterValue"),
        ("DestinationCidrBlock=nonsense&GatewayId=local", "InvalidParameterValue"),
        ("DestinationCidrBlock=198.51.100.0/24&TransitGatewayId=tgw-1", "InvalidParameterValue"),
        ("DestinationPrefixListId=pl-0ffffffffffffffff&GatewayId=igw-1", "InvalidParameterValue"),
        ("DestinationCidrBlock=10.0.0.0/16&NetworkInterfaceId=VNI", "InvalidParameterValue"),
        ("DestinationCidrBlock=10.0.9.0/24&NetworkInterfaceId=VNI", "InvalidParameterValue"),
        (
            "DestinationCidrBlock=198.51.100.0/24&NetworkInterfaceId=VNI&GatewayId=igw-0ffffffffffffffff",
            "InvalidParameterCombination",
        ),
    ] {
        s.ec2.refused(&s.route("CreateRoute", &form.replace("VNI", &vni)), code).await;
    }
    let absent = s.route("ReplaceRoute", &format!("DestinationCidrBlock=198.51.100.0/24&NetworkInterfaceId={vni}"));
    s.ec2.refused(&absent, "InvalidRoute.NotFound").await;
    s.ec2.refused(&s.route("DeleteRoute", "DestinationCidrBlock=198.51.100.0/24"), "InvalidRoute.NotFound").await;
    s.ec2.refused(&s.route("DeleteRoute", "DestinationCidrBlock=10.0.0.0/16"), "InvalidParameterValue").await;
    s.ec2.good(&s.route("DeleteRoute", everywhere)).await;
    s.ec2
        .refused("Action=DescribeRouteTables&RouteTableId.1=rtb-0ffffffffffffffff", "InvalidRouteTableID.NotFound")
        .await;
}

#[tokio::test]
async fn a13_associations_are_made_replaced_and_ended() {
    let s = site().await;
    let made = s.ec2.good(&format!("Action=CreateRouteTable&VpcId={}&ClientToken=once", s.vpc)).await;
    let table = first(&made, "routeTableId");
    let again = s.ec2.good(&format!("Action=CreateRouteTable&VpcId={}&ClientToken=once", s.vpc)).await;
    assert_eq!(first(&again, "routeTableId"), table, "the same token is the same request");
    let associate = format!("Action=AssociateRouteTable&RouteTableId={table}&SubnetId={}", s.subnet);
    let association = first(&s.ec2.good(&associate).await, "associationId");
    s.ec2.refused(&format!("Action=DeleteRouteTable&RouteTableId={table}"), "DependencyViolation").await;
    s.ec2.refused(&format!("Action=DeleteRouteTable&RouteTableId={}", s.main), "DependencyViolation").await;
    let find = format!("Action=DescribeRouteTables&Filter.1.Name=association.subnet-id&Filter.1.Value.1={}", s.subnet);
    let found = s.ec2.good(&find).await;
    assert_eq!(
        (first(&found, "routeTableAssociationId"), first(&found, "main")),
        (association.clone(), "false".into())
    );
    let replace = format!("Action=ReplaceRouteTableAssociation&AssociationId={association}&RouteTableId={}", s.main);
    let replaced = first(&s.ec2.good(&replace).await, "newAssociationId");
    s.ec2.refused(&replace, "InvalidAssociationID.NotFound").await;
    s.ec2.good(&format!("Action=DisassociateRouteTable&AssociationId={replaced}")).await;
    assert!(all(&s.ec2.good(&find).await, "routeTableId").is_empty());
    let shown = s.ec2.good(&format!("Action=DescribeRouteTables&RouteTableId.1={}", s.main)).await;
    let main = first(&shown, "routeTableAssociationId");
    s.ec2.refused(&format!("Action=DisassociateRouteTable&AssociationId={main}"), "InvalidParameterValue").await;
    s.ec2.good(&format!("Action=ReplaceRouteTableAssociation&AssociationId={main}&RouteTableId={table}")).await;
    s.ec2.good(&format!("Action=DeleteRouteTable&RouteTableId={}", s.main)).await;
    let implied = ["Action=CreateRouteTable&VpcId=", &s.ec2.api.network("10.9.0.0/24", "zone-1").await.0].concat();
    s.ec2.refused(&implied, "UnsupportedOperation").await;
}

#[tokio::test]
async fn a13_nat_gateways_are_made_shown_and_gone() {
    let s = site().await;
    let allocation = s.allocation().await;
    let create = format!("Action=CreateNatGateway&SubnetId={}&AllocationId={allocation}", s.subnet);
    s.ec2.refused(&create, "Gateway.NotAttached").await;
    s.gateway().await;
    s.ec2.refused(&format!("{create}&ConnectivityType=private"), "InvalidParameterValue").await;
    s.ec2.refused(&format!("{create}&PrivateIpAddress=10.0.0.1"), "InvalidIPAddress.InUse").await;
    let made = s.ec2.good(&format!("{create}&PrivateIpAddress=10.0.0.77&ConnectivityType=public")).await;
    let (nat, vni) = (first(&made, "natGatewayId"), first(&made, "networkInterfaceId"));
    assert_eq!((first(&made, "state"), first(&made, "privateIp")), ("available".into(), "10.0.0.77".to_owned()));
    s.ec2.refused(&create, "Resource.AlreadyAssociated").await;
    let shown = s.ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={vni}")).await;
    assert_eq!(
        (first(&shown, "requesterManaged"), first(&shown, "interfaceType")),
        ("true".into(), "nat_gateway".to_owned())
    );
    // Whoever looks for addresses that nobody uses sees that it is used.
    let address = s.ec2.good(&format!("Action=DescribeAddresses&AllocationId.1={allocation}")).await;
    assert_eq!(
        (first(&address, "networkInterfaceId"), first(&address, "privateIpAddress")),
        (vni.clone(), "10.0.0.77".into())
    );
    assert_eq!(first(&shown, "publicIp"), first(&address, "publicIp"));
    assert_eq!(first(&shown, "associationId"), first(&address, "associationId"));
    let of_interface = format!("Action=DescribeAddresses&Filter.1.Name=network-interface-id&Filter.1.Value.1={vni}");
    assert_eq!(all(&s.ec2.good(&of_interface).await, "allocationId"), [&*allocation]);
    s.ec2
        .refused(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={vni}"), "InvalidNetworkInterface.InUse")
        .await;
    s.ec2.good(&s.route("CreateRoute", &format!("DestinationCidrBlock=0.0.0.0/0&NatGatewayId={nat}"))).await;
    let find = format!("Action=DescribeNatGateways&Filter.1.Name=vpc-id&Filter.1.Value.1={}", s.vpc);
    assert_eq!(first(&s.ec2.good(&find).await, "natGatewayId"), nat);
    let other = s.nat().await;
    assert_eq!(all(&s.ec2.good(&find).await, "natGatewayId").len(), 2);
    s.ec2.good(&format!("Action=DeleteNatGateway&NatGatewayId={nat}")).await;
    s.ec2.refused(&format!("Action=DeleteNatGateway&NatGatewayId={nat}"), "NatGatewayNotFound").await;
    s.ec2
        .refused(
            &format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={vni}"),
            "InvalidNetworkInterfaceID.NotFound",
        )
        .await;
    let table = s.ec2.good(&format!("Action=DescribeRouteTables&RouteTableId.1={}", s.main)).await;
    assert_eq!(all(&first(&table, "routeSet"), "state"), ["active", "blackhole"]);
    s.ec2.good(&format!("Action=DeleteNatGateway&NatGatewayId={other}")).await;
}
