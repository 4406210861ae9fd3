//! Route tables, from the request to packets: who gets out, and what goes through an appliance.

#[path = "public/support.rs"]
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
mod support;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use pintle_lab::bench::signed::{Key, send};
use pintle_lab::internet::FAR;
use pintle_lab::{Lab, Network, forwards, ip};
use serde_json::{Value, json};
use support::{Scene, answers, answers_not, talk};

/// A client of the EC2 API.
struct Ec2<'a> {
    lab: &'a Lab,
    key: Key,
}

impl<'a> Ec2<'a> {
    fn new(lab: &'a Lab) -> Ec2<'a> {
        let made = lab.api.post("/native/v1/access_keys", json!({})).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let region = text(&lab.api.get("/native/v1/status").unwrap()["region"]);
        Ec2 { lab, key: Key { id: text(&made["id"]), secret: text(&made["secret"]), region } }
    }

    /// The document of a request that must be answered.
    fn good(&self, form: &str) -> String {
        let server = self.lab.api_address();
        let request: std::sync::Arc<[u8]> = self.key.request(&server.to_string(), form).into();
        send(&self.lab.control_namespace(), server, 1, 1, move |_| request.clone()).unwrap().last
    }

    /// An internet gateway that is attached to a VPC.
    fn gateway(&self, vpc: &str) -> String {
        let gateway = first(&self.good("Action=CreateInternetGateway"), "internetGatewayId");
        self.good(&format!("Action=AttachInternetGateway&InternetGatewayId={gateway}&VpcId={vpc}"));
        gateway
    }

    /// A route table of its own for a subnet.
    fn table(&self, vpc: &str, subnet: &str) -> String {
        let table = first(&self.good(&format!("Action=CreateRouteTable&VpcId={vpc}")), "routeTableId");
        self.good(&format!("Action=AssociateRouteTable&RouteTableId={table}&SubnetId={subnet}"));
        table
    }

    fn route(&self, action: &str, table: &str, net: &str, target: &str) {
        self.good(&format!("Action={action}&RouteTableId={table}&DestinationCidrBlock={net}&{target}"));
    }
}

/// The text of the first element with this name.
fn first(document: &str, element: &str) -> String {
    let rest = document.split_once(&format!("<{element}>")).unwrap_or_else(|| panic!("{document}")).1;
    rest.split_once('<').unwrap().0.to_owned()
}

/// A VPC that routes by tables.
fn routed(scene: &Scene) -> (Network<'_>, Ec2<'_>) {
    (Network::routed(&scene.lab.api, "10.1.0.0/16").unwrap(), Ec2::new(&scene.lab))
}

#[test]
fn c02_c15_a_subnet_gets_out_only_by_its_route_table() {
    let scene = Scene::new(2);
    let (network, ec2) = routed(&scene);
    let public = network.subnet("10.1.0.0/24").unwrap();
    let private = network.subnet("10.1.1.0/24").unwrap();
    let (guest, vni) = scene.guest(&network, "h1", &public, "10.1.0.10");
    let (inner, _) = scene.guest(&network, "h2", &private, "10.1.1.10");
    let gateway = ec2.gateway(&network.vpc);
    scene.float(&vni, None);
    answers(&guest, Ipv4Addr::new(10, 1, 1, 10));
    answers_not(&guest, FAR);

    let outer = ec2.table(&network.vpc, &public);
    ec2.route("CreateRoute", &outer, "0.0.0.0/0", &format!("GatewayId={gateway}"));
    answers(&guest, FAR);
    answers_not(&inner, FAR);

    let allocation = scene.lab.api.post("/native/v1/floating_ips", json!({ "zone": "local-1" })).unwrap();
    let (allocation, address) = (allocation["id"].as_str().unwrap(), allocation["address"].as_str().unwrap());
    let nat = format!("Action=CreateNatGateway&SubnetId={public}&AllocationId={allocation}");
    let nat = first(&ec2.good(&nat), "natGatewayId");
    let own = ec2.table(&network.vpc, &private);
    ec2.route("CreateRoute", &own, "0.0.0.0/0", &format!("NatGatewayId={nat}"));
    answers(&inner, FAR);
    assert_eq!(talk(&inner, scene.far(), FAR, FAR, 7001).to_string(), address);

    ec2.good(&format!("Action=DeleteRoute&RouteTableId={outer}&DestinationCidrBlock=0.0.0.0/0"));
    answers_not(&guest, FAR);
    answers_not(&inner, FAR);
    answers(&guest, Ipv4Addr::new(10, 1, 1, 10));
}

/// How many packets a guest has sent.
fn carried(guest: &str) -> u64 {
    let shown: Value = serde_json::from_str(&ip(&format!("-n {guest} -s -j link show eth0")).unwrap()).unwrap();
    shown[0]["stats64"]["tx"]["packets"].as_u64().unwrap()
}

#[test]
fn c15_a_route_through_an_appliance_carries_traffic_on_the_same_host_and_by_another() {
    let scene = Scene::new(2);
    let (network, ec2) = routed(&scene);
    let subnet = |cidr: &str| network.subnet(cidr).unwrap();
    let (one, two, middle) = (subnet("10.1.1.0/24"), subnet("10.1.2.0/24"), subnet("10.1.3.0/24"));
    let address = Ipv4Addr::new(10, 1, 2, 10);
    let (client, _) = scene.guest(&network, "h1", &one, "10.1.1.10");
    let (server, _) = scene.guest(&network, "h1", &two, "10.1.2.10");
    answers(&client, address);
    let (there, back) = (ec2.table(&network.vpc, &one), ec2.table(&network.vpc, &two));
    for (port, (host, own)) in (7001..).zip([("h1", "10.1.3.10"), ("h2", "10.1.3.20")]) {
        let (router, vni) = scene.guest(&network, host, &middle, own);
        forwards(&router).unwrap();
        network.change(&vni, json!({ "source_dest_check": false })).unwrap();
        let action = if port == 7001 { "CreateRoute" } else { "ReplaceRoute" };
        let target = format!("NetworkInterfaceId={vni}");
        ec2.route(action, &there, "10.1.2.0/24", &target);
        ec2.route(action, &back, "10.1.1.0/24", &target);
        let deadline = Instant::now() + Duration::from_secs(8);
        loop {
            let before = carried(&router);
            answers(&client, address);
            // There and back.
            if carried(&router) >= before + 2 {
                break;
            }
            assert!(Instant::now() < deadline, "nothing goes by the appliance on {host}");
        }
        let before = carried(&router);
        assert_eq!(talk(&client, &server, address, address, port).to_string(), "10.1.1.10");
        assert!(carried(&router) > before + 10, "the connection went by the appliance on {host}");
        network.change(&vni, json!({ "source_dest_check": true })).unwrap();
        answers_not(&client, address);
    }
}
