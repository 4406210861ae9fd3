//! Routes for the subnets of one zone: which of several counts, what a table may have, and which table a subnet uses.

use pintle_core::command::{
    Command, CreateRoutingTable, NewZoneRoute, PlaceSubnet, SubnetRange, UpdateSubnet, UpdateZoneRoute,
};
use pintle_core::id::RouteTableId;
use pintle_core::model::{AccountId, Owner, RouteAction, RouteTable, Subnet, Vpc};
use pintle_core::refusal::{Holder, Limited, Noun};
use pintle_core::routing;
use pintle_core::{Refusal, Request};

use crate::common::build::{Scene, ip4, net, scene};
use crate::common::says;

pub(crate) fn zone_route(zone: &str, cidr: &str, priority: u8, action: RouteAction) -> NewZoneRoute {
    NewZoneRoute { name: None, zone: zone.to_owned(), net: net(cidr), priority, action }
}

pub(crate) fn create(s: &Scene, name: &str, routes: Vec<NewZoneRoute>) -> Command {
    Command::CreateRoutingTable(CreateRoutingTable { vpc: s.vpc, name: Some(name.to_owned()), routes })
}

pub(crate) fn table(s: &mut Scene, name: &str, routes: Vec<NewZoneRoute>) -> RouteTable {
    let create = create(s, name, routes);
    s.world.run(create)
}

pub(crate) fn use_table(s: &mut Scene, table: RouteTableId) -> Subnet {
    let update = UpdateSubnet { route_table: Some(table), ..UpdateSubnet::default() };
    s.world.run(Command::UpdateSubnet(s.subnet, update))
}

#[test]
fn every_vpc_has_a_table_that_says_nothing_and_goes_with_it() {
    let mut s = scene();
    let vpc: Vpc = s.world.get(s.vpc);
    let main: RouteTable = s.world.get(vpc.main_table.table);
    assert!(vpc.implied_ways && main.routes.is_empty() && main.zone_routes.is_empty());
    assert_eq!(routing::number_in(&vpc, &main, "zone-1"), None, "hosts know nothing of it");
    let refusal = s.world.refused(Command::DeleteRouteTable(main.id));
    assert!(matches!(refusal, Refusal::InUse { holder: Holder::Vpc(_), .. }), "{refusal}");
    let renamed: RouteTable = s.world.run(Command::RenameRouteTable(main.id, "main".to_owned()));
    assert_eq!(renamed.name.as_deref(), Some("main"));
    let taken = s.world.refused(create(&s, "main", Vec::new()));
    assert!(matches!(taken, Refusal::NameTaken { noun: Noun::RouteTable, .. }));
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    s.world.run::<Vpc>(Command::DeleteVpc(s.vpc));
    assert_eq!(s.world.all::<RouteTable>(), []);
}

#[test]
fn c15_the_longest_prefix_wins_and_of_one_the_smallest_priority() {
    let mut s = scene();
    let hop = |last| RouteAction::Deliver(ip4(&format!("10.0.0.{last}")));
    let routes = vec![
        zone_route("zone-1", "192.168.0.0/16", 2, hop(9)),
        zone_route("zone-1", "192.168.0.0/16", 1, hop(10)),
        zone_route("zone-1", "192.168.7.0/24", 4, RouteAction::Drop),
        zone_route("zone-2", "192.168.0.0/16", 0, RouteAction::Delegate),
    ];
    let made = table(&mut s, "edge", routes);
    let found = routing::winners(&made, "zone-1");
    assert_eq!(found[&net("192.168.0.0/16")].action, hop(10));
    assert_eq!(found[&net("192.168.7.0/24")].action, RouteAction::Drop);
    assert_eq!(routing::winners(&made, "zone-2").len(), 1);
    let numbers: Vec<u8> = made.zone_numbers.values().copied().collect();
    assert_eq!(numbers, [255, 254], "one for each zone that has routes");
    let first = made.zone_routes[1].id;
    let worse = UpdateZoneRoute { priority: Some(3), ..UpdateZoneRoute::default() };
    let changed: RouteTable = s.world.run(Command::UpdateZoneRoute(made.id, first, worse));
    assert_eq!(routing::winners(&changed, "zone-1")[&net("192.168.0.0/16")].action, hop(9));
    let same = UpdateZoneRoute { priority: Some(2), ..UpdateZoneRoute::default() };
    says(&s.world.refused(Command::UpdateZoneRoute(made.id, first, same)), &["'priority'", "not shared out"]);
    for route in &made.zone_routes {
        s.world.run::<RouteTable>(Command::RemoveZoneRoute(made.id, route.id));
    }
    assert!(s.world.get::<RouteTable>(made.id).zone_numbers.is_empty());
    s.world.run::<RouteTable>(Command::DeleteRouteTable(made.id));
}

#[test]
fn c15_what_a_route_may_not_be_is_refused_by_its_field() {
    let mut s = scene();
    let made = table(&mut s, "edge", Vec::new());
    let deliver = RouteAction::Deliver(ip4("10.0.0.9"));
    for (route, words) in [
        (zone_route("zone-1", "192.168.1.0/16", 2, deliver), "'destination'"),
        (zone_route("zone-1", "169.254.1.0/24", 2, deliver), "'destination'"),
        (zone_route("zone-1", "224.0.0.0/4", 2, RouteAction::Drop), "'destination'"),
        (zone_route("zone-1", "192.168.0.0/16", 5, RouteAction::Drop), "from 0 to 4"),
        (zone_route("zone-1", "192.168.0.0/16", 2, RouteAction::Deliver(ip4("10.9.0.9"))), "'next_hop'"),
        (zone_route("zone-2", "192.168.0.0/16", 2, deliver), "'next_hop'"),
        (zone_route("Zone", "192.168.0.0/16", 2, RouteAction::Drop), "'zone'"),
    ] {
        says(&s.world.refused(Command::AddZoneRoute(made.id, route)), &[words]);
    }
    let named =
        NewZoneRoute { name: Some("out".to_owned()), ..zone_route("zone-1", "192.168.0.0/16", 2, RouteAction::Drop) };
    let table: RouteTable = s.world.run(Command::AddZoneRoute(made.id, named.clone()));
    let again = NewZoneRoute { priority: 3, ..named };
    let taken = s.world.refused(Command::AddZoneRoute(made.id, again));
    assert!(matches!(taken, Refusal::NameTaken { noun: Noun::Route, .. }), "{taken}");
    let hop = UpdateZoneRoute { hop: Some(ip4("10.0.0.9")), ..UpdateZoneRoute::default() };
    let refusal = s.world.refused(Command::UpdateZoneRoute(made.id, table.zone_routes[0].id, hop));
    says(&refusal, &["'next_hop'", "only a route that delivers"]);
}

#[test]
fn a_subnet_uses_a_table_of_its_vpc_which_then_stays() {
    let mut s = scene();
    let made = table(&mut s, "edge", Vec::new());
    let subnet = use_table(&mut s, made.id);
    assert_eq!(subnet.route_table.map(|own| own.table), Some(made.id));
    let refusal = s.world.refused(Command::DeleteRouteTable(made.id));
    assert!(matches!(refusal, Refusal::InUse { holder: Holder::Subnet(id), .. } if id == s.subnet));
    let main = s.world.get::<Vpc>(s.vpc).main_table.table;
    assert_eq!(use_table(&mut s, main).route_table, None, "the VPC's own is that of subnets that name none");
    let placed: Subnet = s.world.run(Command::PlaceSubnet(PlaceSubnet {
        vpc: s.vpc,
        name: None,
        zone: "zone-1".to_owned(),
        range: SubnetRange::Net(net("10.0.9.0/24")),
        acl: None,
        public_gateway: None,
        route_table: Some(made.id),
    }));
    assert_eq!(placed.route_table.map(|own| own.table), Some(made.id));
    let other = s.world.vpc(&[]);
    let update = UpdateSubnet { route_table: Some(other.main_table.table), ..UpdateSubnet::default() };
    let refusal = s.world.refused(Command::UpdateSubnet(s.subnet, update));
    assert!(matches!(refusal, Refusal::OtherVpc { noun: Noun::RouteTable, .. }), "{refusal}");
}

#[test]
fn v01_a_vpc_has_50_tables_and_a_table_200_routes_of_14_lengths() {
    let mut s = scene();
    s.world.checked = false;
    for number in 1..50 {
        table(&mut s, &format!("table-{number}"), Vec::new());
    }
    let one_more = Request::tenant(Owner::new(AccountId::FIRST, "local"), create(&s, "one-more", Vec::new()));
    let refusal = s.world.refused(one_more);
    assert!(matches!(refusal, Refusal::Limit { of: Limited::Things(Noun::RouteTable), limit: 50, .. }), "{refusal}");
    let main = s.world.get::<Vpc>(s.vpc).main_table.table;
    let add = |cidr: String| Command::AddZoneRoute(main, zone_route("zone-1", &cidr, 2, RouteAction::Drop));
    for length in 11..25 {
        s.world.run::<RouteTable>(add(format!("172.0.0.0/{length}")));
    }
    let refusal = s.world.refused(add("172.0.0.0/25".to_owned()));
    assert!(matches!(refusal, Refusal::Limit { of: Limited::PrefixLengths, limit: 14, .. }), "{refusal}");
    for number in 14..200 {
        s.world.run::<RouteTable>(add(format!("192.168.{number}.0/24")));
    }
    let refusal = s.world.refused(add("192.168.200.0/24".to_owned()));
    assert!(matches!(refusal, Refusal::Limit { of: Limited::RoutesOfTable, limit: 200, .. }), "{refusal}");
}
