//! Route tables as entries: on every host that carries the VPC, and a change is a difference of what it touches.

use std::collections::BTreeMap;

use pintle_core::command::{Command, TargetChoice};
use pintle_core::compile::Subject;
use pintle_core::host_spec::{Entry, EntryKey, RouteSpec};
use pintle_core::id::{HostId, RouteTableId};
use pintle_core::model::{FloatingIp, InternetGateway, PublicGateway, RouteAssociation, RouteTable, Vni, Vpc};

use super::told::{Told, whole};
use crate::common::build::ip4;
use crate::rules::routing::{Site, route, site};

/// Carries out a command; the subjects that had to be worked out again.
fn hear(told: &mut Told, command: Command, s: &mut Site) -> std::collections::BTreeSet<Subject> {
    let (txn, _) = s.world.judge(command).unwrap();
    s.world.commit(&txn).unwrap();
    let concerned = told.hear(&s.world.store, &txn);
    assert_eq!(told.whole(), whole(&s.world.store));
    concerned
}

fn told(s: &Site) -> Told {
    let mut told = Told::default();
    told.hear_all(&s.world.store);
    told
}

fn routes(s: &Site, host: HostId, table: RouteTableId) -> BTreeMap<String, RouteSpec> {
    let number = s.world.get::<RouteTable>(table).number;
    let all = whole(&s.world.store);
    let own = all.get(&host).into_iter().flatten();
    own.filter_map(|(key, entry)| match (key, entry) {
        (EntryKey::Route(_, of, net), Entry::Route(spec)) if *of == number => Some((net.to_string(), *spec)),
        _ => None,
    })
    .collect()
}

const OUT: RouteSpec = RouteSpec::Public { gateway_vtep: None, gateway: None };

/// An interface on each host.
fn inhabited() -> (Site, [Vni; 2]) {
    let mut s = site();
    let vnis = s.hosts.map(|host| {
        let (vni, home) = (s.world.vni(s.subnet), s.world.instance(s.vpc, host).id);
        s.world.attach_now(home, vni.id);
        vni
    });
    (s, vnis)
}

#[test]
fn c15_a_table_leads_into_the_vpc_and_out_while_the_gateway_is_attached() {
    let (mut s, _) = inhabited();
    let (first, main) = (s.hosts[0], s.main);
    assert_eq!(routes(&s, first, main), [("10.0.0.0/16".to_owned(), RouteSpec::Local)].into());
    let gateway = s.open();
    let mut told = told(&s);
    let create = Command::CreateRoute(main, route("0.0.0.0/0", TargetChoice::InternetGateway(gateway.id)));
    assert_eq!(hear(&mut told, create, &mut s), [Subject::RouteTable(main)].into());
    assert_eq!(routes(&s, first, main)["0.0.0.0/0"], OUT);
    hear(&mut told, Command::DetachInternetGateway(gateway.id, s.vpc), &mut s);
    assert_eq!(routes(&s, first, main)["0.0.0.0/0"], RouteSpec::Blackhole);
    hear(&mut told, Command::AttachInternetGateway(gateway.id, s.vpc), &mut s);
    assert_eq!(routes(&s, first, main)["0.0.0.0/0"], OUT);
    hear(&mut told, Command::DeleteRoute(main, "0.0.0.0/0".parse().unwrap()), &mut s);
    assert_eq!(routes(&s, first, main).len(), 1);
    let segment = s.world.get::<Vpc>(s.vpc).segment;
    let own = whole(&s.world.store);
    assert!(
        !own[&first].contains_key(&EntryKey::Route(segment, 0, "0.0.0.0/0".parse().unwrap())),
        "no implied way out"
    );
}

#[test]
fn c15_a_route_to_an_interface_follows_its_address_and_dies_with_it() {
    let (mut s, vnis) = inhabited();
    let spare = s.world.vni_at(s.subnet, "10.0.0.77");
    let mut told = told(&s);
    let create = Command::CreateRoute(s.main, route("172.16.0.0/12", TargetChoice::Vni(spare.id)));
    hear(&mut told, create, &mut s);
    let via = |address: &str| RouteSpec::Via(ip4(address).into());
    for host in s.hosts {
        assert_eq!(routes(&s, host, s.main)["172.16.0.0/12"], via("10.0.0.77"));
    }
    hear(&mut told, Command::DeleteVni(spare.id), &mut s);
    assert_eq!(routes(&s, s.hosts[1], s.main)["172.16.0.0/12"], RouteSpec::Blackhole, "whoever gets its address next");
    let change = Command::ReplaceRoute(s.main, route("172.16.0.0/12", TargetChoice::Vni(vnis[1].id)));
    hear(&mut told, change, &mut s);
    assert_ne!(routes(&s, s.hosts[0], s.main)["172.16.0.0/12"], RouteSpec::Blackhole);
}

#[test]
fn c15_a_nat_gateway_is_reached_from_every_host_and_needs_a_way_on() {
    let (mut s, _) = inhabited();
    let public = s.world.subnet(s.vpc, "10.0.1.0/24").id;
    let gateway = s.open();
    let outer: RouteTable = s.world.run(Command::CreateRouteTable(s.vpc));
    s.world.run::<RouteAssociation>(Command::AssociateRouteTable(public, outer.id));
    let nat: PublicGateway = s.nat(public);
    let mut told = told(&s);
    hear(&mut told, Command::CreateRoute(s.main, route("0.0.0.0/0", TargetChoice::PublicGateway(nat.id))), &mut s);
    let default = |s: &Site, host: usize| routes(s, s.hosts[host], s.main)["0.0.0.0/0"];
    assert_eq!(default(&s, 0), RouteSpec::Blackhole, "its own subnet's table does not lead out");
    let out = route("0.0.0.0/0", TargetChoice::InternetGateway(gateway.id));
    hear(&mut told, Command::CreateRoute(outer.id, out), &mut s);
    let address = s.world.get::<FloatingIp>(nat.floating_ip).address;
    let there = s.hosts.iter().position(|host| *host == nat.host).unwrap();
    assert_eq!(default(&s, there), RouteSpec::Nat { vtep: None, address });
    let vtep = Some(ip4(&format!("192.0.2.{}", there + 1)));
    assert_eq!(default(&s, 1 - there), RouteSpec::Nat { vtep, address });
    hear(&mut told, Command::DeletePublicGateway(nat.id), &mut s);
    assert_eq!(default(&s, 0), RouteSpec::Blackhole);
    s.world.run::<InternetGateway>(Command::DetachInternetGateway(gateway.id, s.vpc));
}

#[test]
fn c15_an_association_concerns_the_interfaces_of_its_subnet() {
    let (mut s, vnis) = inhabited();
    let table: RouteTable = s.world.run(Command::CreateRouteTable(s.vpc));
    let other = s.world.subnet(s.vpc, "10.0.1.0/24").id;
    let far = s.world.vni(other);
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.attach_now(home, far.id);
    let tables = |s: &Site| {
        let all = whole(&s.world.store);
        let own = all[&s.hosts[0]].iter();
        let of = |mac| {
            let found = own.clone().find_map(|(key, entry)| match (key, entry) {
                (EntryKey::Location(_, of), Entry::Location(location)) if *of == mac => Some(location.route_table),
                _ => None,
            });
            found.expect("it has a location")
        };
        [of(vnis[0].mac), of(vnis[1].mac), of(far.mac)]
    };
    assert_eq!(tables(&s), [1, 1, 1]);
    let mut told = told(&s);
    let concerned = hear(&mut told, Command::AssociateRouteTable(s.subnet, table.id), &mut s);
    assert!(vnis.iter().all(|vni| concerned.contains(&Subject::Vni(vni.id))));
    assert!(!concerned.contains(&Subject::Vni(far.id)));
    assert_eq!(tables(&s), [2, 2, 1]);
    let main = s.world.get::<Vpc>(s.vpc).main_table;
    hear(&mut told, Command::ReplaceRouteAssociation(main.id, table.id), &mut s);
    assert_eq!(tables(&s), [2, 2, 2]);
}
