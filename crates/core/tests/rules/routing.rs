//! Internet gateways, route tables, and public gateways in subnets.

use pintle_core::Refusal;
use pintle_core::command::{
    Command, CreateFloatingIp, CreateNatGateway, CreatePublicGateway, CreatePublicPool, CreateVpc, FloatingIpChoice,
    NewRoute, RegisterHost, TargetChoice, UpdateVni,
};
use pintle_core::id::{RouteTableId, SubnetId, VniId, VpcId};
use pintle_core::legality::Manner;
use pintle_core::model::{
    FloatingIp, Host, InternetGateway, PublicGateway, PublicPool, RouteAssociation, RouteTable, RouteTarget, Subnet,
    Vni, Vpc,
};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{existing, host, net};
use crate::common::{World, says};

/// A VPC that routes by tables, with a subnet, on a host with an uplink; and a pool of public addresses.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) vpc: VpcId,
    pub(crate) subnet: SubnetId,
    pub(crate) main: RouteTableId,
    pub(crate) hosts: [pintle_core::id::HostId; 2],
}

pub(crate) fn site() -> Site {
    let mut world = World::new();
    let hosts = [1, 2].map(|number| {
        let id = world.host(number, "zone-1").id;
        let register = RegisterHost { uplink: Some("up0".to_owned()), ..host(id, number, "zone-1") };
        world.run::<Host>(Command::RegisterHost(register)).id
    });
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs: vec![net("203.0.113.0/28")] };
    world.run::<PublicPool>(Command::CreatePublicPool(pool));
    let create = CreateVpc { cidrs: vec![net("10.0.0.0/16")], route_tables: true, ..CreateVpc::default() };
    let vpc: Vpc = world.run(Command::CreateVpc(create));
    let subnet = world.subnet(vpc.id, "10.0.0.0/24").id;
    Site { world, vpc: vpc.id, subnet, main: vpc.main_table.table, hosts }
}

impl Site {
    pub(crate) fn open(&mut self) -> InternetGateway {
        let gateway: InternetGateway = self.world.run(Command::CreateInternetGateway);
        self.world.run(Command::AttachInternetGateway(gateway.id, self.vpc))
    }

    pub(crate) fn public(&mut self) -> FloatingIp {
        let create = CreateFloatingIp { name: None, zone: Some("zone-1".to_owned()), address: None, target: None };
        self.world.run(Command::CreateFloatingIp(create))
    }

    pub(crate) fn nat(&mut self, subnet: SubnetId) -> PublicGateway {
        let floating_ip = self.public().id;
        self.world.run(Command::CreateNatGateway(CreateNatGateway { subnet, floating_ip, address: None }))
    }

    pub(crate) fn route(&mut self, table: RouteTableId, net: &str, to: TargetChoice) -> RouteTable {
        self.world.run(Command::CreateRoute(table, route(net, to)))
    }

    fn refused_route(&mut self, net: &str, to: TargetChoice) -> Refusal {
        self.world.refused(Command::CreateRoute(self.main, route(net, to)))
    }
}

pub(crate) fn route(net: &str, to: TargetChoice) -> NewRoute {
    NewRoute { net: net.parse().unwrap(), to }
}

fn associate(floating: FloatingIp, vni: VniId) -> Command {
    let target = FloatingIpChoice::primary(vni, Manner::PerAddress);
    Command::AssociateFloatingIp { id: floating.id, target, reassociate: false, displace: false }
}

#[test]
fn c02_public_addresses_lead_only_where_an_internet_gateway_is_attached() {
    let mut s = site();
    let (vni, public) = (s.world.vni(s.subnet).id, s.public());
    let refusal = s.world.refused(associate(public.clone(), vni));
    assert_eq!(refusal, Refusal::NoInternetGateway { vpc: s.vpc });
    let create = CreateNatGateway { subnet: s.subnet, floating_ip: public.id, address: None };
    assert_eq!(s.world.refused(Command::CreateNatGateway(create)), refusal);
    let gateway = s.open();
    s.world.run::<FloatingIp>(associate(public.clone(), vni));
    let detach = Command::DetachInternetGateway(gateway.id, s.vpc);
    match s.world.refused(detach.clone()) {
        Refusal::InUse { noun: Noun::InternetGateway, holder: Holder::FloatingIp(id), .. } => assert_eq!(id, public.id),
        other => panic!("{other}"),
    }
    s.world.run::<FloatingIp>(Command::DisassociateFloatingIp(public.id));
    s.world.run::<InternetGateway>(detach.clone());
    let refusal = s.world.refused(detach);
    assert_eq!(refusal, Refusal::GatewayNotAttached { gateway: gateway.id, vpc: s.vpc });
    s.world.run::<InternetGateway>(Command::DeleteInternetGateway(gateway.id));
    assert_eq!(s.world.all::<InternetGateway>(), []);
}

#[test]
fn c02_a_vpc_has_one_internet_gateway_and_a_gateway_one_vpc() {
    let mut s = site();
    let gateway = s.open();
    let attached = Refusal::GatewayAttached { gateway: gateway.id, vpc: s.vpc };
    assert_eq!(s.world.refused(Command::AttachInternetGateway(gateway.id, s.vpc)), attached);
    let other: InternetGateway = s.world.run(Command::CreateInternetGateway);
    assert_eq!(s.world.refused(Command::AttachInternetGateway(other.id, s.vpc)), attached);
    match s.world.refused(Command::DeleteInternetGateway(gateway.id)) {
        Refusal::InUse { holder: Holder::Vpc(vpc), .. } => assert_eq!(vpc, s.vpc),
        other => panic!("{other}"),
    }
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    match s.world.refused(Command::DeleteVpc(s.vpc)) {
        Refusal::InUse { holder: Holder::InternetGateway(id), .. } => assert_eq!(id, gateway.id),
        other => panic!("{other}"),
    }
    s.world.run::<InternetGateway>(Command::DetachInternetGateway(gateway.id, s.vpc));
    s.world.run::<Vpc>(Command::DeleteVpc(s.vpc));
    assert_eq!(s.world.all::<RouteTable>(), [], "the main one goes with its VPC");
}

#[test]
fn c15_vpcs_with_implied_ways_out_have_no_tables_and_the_other_way_round() {
    let mut s = site();
    let implied = s.world.vpc(&[]).id;
    let gateway: InternetGateway = s.world.run(Command::CreateInternetGateway);
    for command in [Command::CreateRouteTable(implied), Command::AttachInternetGateway(gateway.id, implied)] {
        assert!(matches!(s.world.refused(command), Refusal::OtherRouting { vpc, .. } if vpc == implied));
    }
    let create =
        CreatePublicGateway { name: None, vpc: s.vpc, zone: "zone-1".to_owned(), floating_ip: None, host: None };
    let refusal = s.world.refused(Command::CreatePublicGateway(create));
    assert!(matches!(refusal, Refusal::OtherRouting { vpc, .. } if vpc == s.vpc), "{refusal}");
    let without = CreateVpc { route_tables: true, ..CreateVpc::default() };
    says(&s.world.refused(Command::CreateVpc(without)), &["field 'cidrs'", "routes by tables"]);
}

#[test]
fn c15_routes_lead_to_targets_of_the_vpc_and_never_replace_the_local_one() {
    let mut s = site();
    let gateway = s.open();
    let vni = s.world.vni(s.subnet).id;
    let table = s.route(s.main, "0.0.0.0/0", TargetChoice::InternetGateway(gateway.id));
    assert_eq!(table.routes[0].to, RouteTarget::InternetGateway(gateway.id));
    let to_vni = TargetChoice::Vni(vni);
    let refusal = s.refused_route("0.0.0.0/0", to_vni);
    assert!(matches!(refusal, Refusal::RouteExists { .. }), "{refusal}");
    let replaced: RouteTable = s.world.run(Command::ReplaceRoute(s.main, route("0.0.0.0/0", to_vni)));
    assert_eq!(replaced.routes[0].to, RouteTarget::Vni(vni));
    let table = s.route(s.main, "192.0.2.77/24", to_vni);
    assert_eq!(table.routes[1].net.to_string(), "192.0.2.0/24", "bits of the host part are cut off");

    for (net, to, needles) in [
        ("10.0.0.0/16", to_vni, ["local route", "10.0.0.0/16"]),
        ("10.0.0.0/24", TargetChoice::InternetGateway(gateway.id), ["more specific", "interface"]),
        ("10.0.9.0/24", to_vni, ["more specific", "range of a subnet"]),
        ("169.254.169.0/24", to_vni, ["destination", "not routed"]),
        ("2001:db8::/32", to_vni, ["no IPv6 address", "target"]),
    ] {
        says(&s.refused_route(net, to), &needles);
    }
    s.route(s.main, "10.0.0.0/24", to_vni);
    says(
        &s.world.refused(Command::DeleteRoute(s.main, "10.0.0.0/16".parse().unwrap())),
        &["local route", "every route table"],
    );
    let gone = Command::DeleteRoute(s.main, "198.51.100.0/24".parse().unwrap());
    assert!(matches!(s.world.refused(gone), Refusal::NoSuchRoute { .. }));
    let home = s.world.instance_with(s.vpc, s.hosts[0], vni);
    let by_instance = s.route(s.main, "198.18.0.0/15", TargetChoice::Instance(home.id));
    assert!(
        by_instance.routes.iter().any(|one| one.to == RouteTarget::Vni(vni) && one.net.to_string() == "198.18.0.0/15")
    );
    let bare = s.world.instance(s.vpc, s.hosts[0]).id;
    says(&s.refused_route("198.51.100.0/24", TargetChoice::Instance(bare)), &["no primary network interface"]);

    let other = s.world.run::<Vpc>(Command::CreateVpc(CreateVpc {
        cidrs: vec![net("10.0.0.0/16")],
        route_tables: true,
        ..CreateVpc::default()
    }));
    let far = Command::CreateRoute(other.main_table.table, route("0.0.0.0/0", to_vni));
    assert!(matches!(s.world.refused(far), Refusal::OtherVpc { noun: Noun::Vni, .. }));
}

#[test]
fn c15_a_table_has_so_many_routes_and_a_vpc_so_many_tables() {
    let mut s = site();
    let to = TargetChoice::InternetGateway(s.open().id);
    for number in 0..50 {
        s.route(s.main, &format!("198.18.{number}.0/24"), to);
    }
    let refusal = s.refused_route("0.0.0.0/0", to);
    assert!(matches!(refusal, Refusal::Limit { limit: 50, .. }), "{refusal}");
    s.world.checked = false;
    let tables: Vec<RouteTable> = (1..200).map(|_| s.world.run(Command::CreateRouteTable(s.vpc))).collect();
    let refusal = s.world.refused(Command::CreateRouteTable(s.vpc));
    assert!(matches!(refusal, Refusal::Limit { limit: 200, .. }), "{refusal}");
    s.world.run::<RouteTable>(Command::DeleteRouteTable(tables[5].id));
    let again: RouteTable = s.world.run(Command::CreateRouteTable(s.vpc));
    assert_eq!(again.number, tables[5].number);
}

#[test]
fn c15_associations_are_made_replaced_and_ended() {
    let mut s = site();
    let table: RouteTable = s.world.run(Command::CreateRouteTable(s.vpc));
    let made: RouteAssociation = s.world.run(Command::AssociateRouteTable(s.subnet, table.id));
    let again: RouteAssociation = s.world.run(Command::AssociateRouteTable(s.subnet, table.id));
    assert_eq!(made, again);
    let other = s.world.refused(Command::AssociateRouteTable(s.subnet, s.main));
    assert!(
        matches!(other, Refusal::InUse { noun: Noun::Subnet, holder: Holder::RouteTable(id), .. } if id == table.id)
    );
    match s.world.refused(Command::DeleteRouteTable(table.id)) {
        Refusal::InUse { holder: Holder::Subnet(subnet), .. } => assert_eq!(subnet, s.subnet),
        other => panic!("{other}"),
    }
    let replaced: RouteAssociation = s.world.run(Command::ReplaceRouteAssociation(made.id, s.main));
    assert!(replaced.id != made.id && replaced.table == s.main);
    s.world.run::<RouteAssociation>(Command::DisassociateRouteTable(replaced.id));
    assert_eq!(s.world.get::<Subnet>(s.subnet).route_table, None);
    let gone = s.world.refused(Command::DisassociateRouteTable(replaced.id));
    assert!(matches!(gone, Refusal::NotFound { noun: Noun::RouteAssociation, .. }));

    let main = s.world.get::<Vpc>(s.vpc).main_table;
    says(&s.world.refused(Command::DisassociateRouteTable(main.id)), &["main route table", "only be replaced"]);
    let replaced: RouteAssociation = s.world.run(Command::ReplaceRouteAssociation(main.id, table.id));
    assert_eq!(s.world.get::<Vpc>(s.vpc).main_table, replaced);
    assert!(matches!(s.world.refused(Command::DeleteRouteTable(table.id)), Refusal::InUse { .. }));
    s.world.run::<RouteTable>(Command::DeleteRouteTable(s.main));
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    s.world.run::<Vpc>(Command::DeleteVpc(s.vpc));
}

#[test]
fn c15_a_nat_gateway_has_an_interface_that_comes_and_goes_with_it() {
    let mut s = site();
    let internet = s.open();
    let gateway = s.nat(s.subnet);
    let place = gateway.place.unwrap();
    let vni: Vni = s.world.get(place.vni);
    assert_eq!((vni.gateway, vni.subnet), (Some(gateway.id), s.subnet));
    let home = s.world.instance(s.vpc, s.hosts[0]);
    let public = s.public();
    for command in [
        Command::DeleteVni(vni.id),
        Command::UpdateVni(vni.id, UpdateVni { description: Some("mine".to_owned()), ..UpdateVni::default() }),
        Command::Attach(home.id, existing(vni.id)),
        associate(public, vni.id),
    ] {
        let refusal = s.world.refused(command);
        let by = matches!(&refusal, Refusal::InUse { noun: Noun::Vni, holder: Holder::PublicGateway(id), .. } if *id == gateway.id);
        assert!(by, "{refusal}");
    }
    let detach = Command::DetachInternetGateway(internet.id, s.vpc);
    assert!(matches!(s.world.refused(detach), Refusal::InUse { holder: Holder::PublicGateway(_), .. }));
    says(&s.refused_route("198.51.100.0/24", TargetChoice::Vni(vni.id)), &["belongs to public gateway"]);
    s.route(s.main, "0.0.0.0/0", TargetChoice::PublicGateway(gateway.id));
    says(&s.refused_route("::/0", TargetChoice::PublicGateway(gateway.id)), &["IPv4 only"]);
    for _ in 0..4 {
        s.nat(s.subnet);
    }
    let floating_ip = s.public().id;
    let sixth = CreateNatGateway { subnet: s.subnet, floating_ip, address: None };
    assert!(matches!(s.world.refused(Command::CreateNatGateway(sixth)), Refusal::Limit { limit: 5, .. }));
    s.world.run::<PublicGateway>(Command::DeletePublicGateway(gateway.id));
    assert_eq!(s.world.find::<Vni>(vni.id), None);
    assert_eq!(s.world.get::<FloatingIp>(gateway.floating_ip).target, None, "the address stays allocated");
    assert_eq!(s.world.get::<RouteTable>(s.main).routes.len(), 1, "the route stays, and leads nowhere");
}
