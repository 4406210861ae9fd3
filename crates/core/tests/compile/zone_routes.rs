//! Routes for zones as entries: a number for each zone that has some, before what everything does without a table.

use std::collections::BTreeMap;

use pintle_core::command::Command;
use pintle_core::compile::Subject;
use pintle_core::host_spec::{Entry, EntryKey, RouteSpec};
use pintle_core::model::{Attachment, RouteAction, RouteTable, Subnet};

use super::told::{Told, whole};
use crate::common::build::{Scene, ip4, scene, subnet};
use crate::rules::zone_routes::{table, use_table, zone_route};

fn hear(told: &mut Told, command: Command, s: &mut Scene) -> std::collections::BTreeSet<Subject> {
    let (txn, _) = s.world.judge(command).unwrap();
    s.world.commit(&txn).unwrap();
    let concerned = told.hear(&s.world.store, &txn);
    assert_eq!(told.whole(), whole(&s.world.store));
    concerned
}

fn routes(s: &Scene, number: u8) -> BTreeMap<String, RouteSpec> {
    let all = whole(&s.world.store);
    let own = all.get(&s.hosts[0]).into_iter().flatten();
    own.filter_map(|(key, entry)| match (key, entry) {
        (EntryKey::Route(_, of, net), Entry::Route(spec)) if *of == number => Some((net.to_string(), *spec)),
        _ => None,
    })
    .collect()
}

/// The number of the table that a port's packets go by.
fn number_of(s: &Scene, attachment: &Attachment) -> u8 {
    let all = whole(&s.world.store);
    match all[&s.hosts[0]].get(&EntryKey::Port(attachment.id)) {
        Some(Entry::Port(port)) => port.route_table,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c15_routes_for_a_zone_stand_before_what_everything_does_without() {
    let mut s = scene();
    let (vni, home) = (s.world.vni(s.subnet), s.world.instance(s.vpc, s.hosts[0]).id);
    let attachment = s.world.attach_now(home, vni.id);
    let made = table(&mut s, "edge", Vec::new());
    use_table(&mut s, made.id);
    assert_eq!(number_of(&s, &attachment), 0, "a table that says nothing is none");
    let mut told = Told::default();
    told.hear_all(&s.world.store);
    let out = zone_route("zone-1", "0.0.0.0/0", 2, RouteAction::Deliver(ip4("10.0.0.9")));
    let concerned = hear(&mut told, Command::AddZoneRoute(made.id, out), &mut s);
    assert_eq!(concerned, [Subject::RouteTable(made.id), Subject::Vni(vni.id)].into());
    assert_eq!(number_of(&s, &attachment), 255);
    let via = RouteSpec::Via("10.0.0.9".parse().unwrap());
    assert_eq!(routes(&s, 255), [("0.0.0.0/0".to_owned(), via), ("::/0".to_owned(), RouteSpec::Local)].into());
    let dropped = zone_route("zone-1", "192.168.0.0/16", 2, RouteAction::Drop);
    let concerned = hear(&mut told, Command::AddZoneRoute(made.id, dropped), &mut s);
    assert_eq!(concerned, [Subject::RouteTable(made.id)].into(), "ports know the number already");
    let other = zone_route("zone-2", "192.168.0.0/16", 2, RouteAction::Delegate);
    hear(&mut told, Command::AddZoneRoute(made.id, other), &mut s);
    assert_eq!(routes(&s, 255)["192.168.0.0/16"], RouteSpec::Blackhole);
    assert_eq!(routes(&s, 254)["192.168.0.0/16"], RouteSpec::Local, "each zone has its own");
    assert_eq!(routes(&s, 254)["0.0.0.0/0"], RouteSpec::Local);
    for route in s.world.get::<RouteTable>(made.id).zone_routes {
        hear(&mut told, Command::RemoveZoneRoute(made.id, route.id), &mut s);
    }
    assert_eq!((number_of(&s, &attachment), routes(&s, 255).len(), routes(&s, 254).len()), (0, 0, 0));
}

#[test]
fn c15_what_stays_within_the_vpc_is_for_its_subnets_and_nothing_beside_them() {
    let mut s = scene();
    let (vni, home) = (s.world.vni(s.subnet), s.world.instance(s.vpc, s.hosts[0]).id);
    s.world.attach_now(home, vni.id);
    let routes_wanted = vec![
        zone_route("zone-1", "10.0.0.0/8", 2, RouteAction::DelegateVpc),
        zone_route("zone-1", "10.0.2.0/23", 2, RouteAction::Drop),
        zone_route("zone-1", "10.0.0.128/25", 2, RouteAction::DelegateVpc),
    ];
    let made = table(&mut s, "edge", routes_wanted);
    use_table(&mut s, made.id);
    let mut told = Told::default();
    told.hear_all(&s.world.store);
    let found = routes(&s, 255);
    assert_eq!(found["10.0.0.0/8"], RouteSpec::Blackhole, "out of the VPC there is no way by it");
    assert_eq!(found["10.0.0.0/24"], RouteSpec::Local, "the scene's subnet");
    assert_eq!(found["10.0.0.128/25"], RouteSpec::Local, "a part of it");
    let concerned = hear(&mut told, subnet(s.vpc, "zone-1", "10.0.4.0/24"), &mut s);
    assert!(concerned.contains(&Subject::RouteTable(made.id)), "one more subnet is within");
    assert_eq!(routes(&s, 255)["10.0.4.0/24"], RouteSpec::Local);
    hear(&mut told, subnet(s.vpc, "zone-1", "10.0.2.0/24"), &mut s);
    assert_eq!(routes(&s, 255).get("10.0.2.0/24"), None, "a longer route goes before");
    let fourth = s.world.all::<Subnet>().into_iter().find(|one| one.cidr.to_string() == "10.0.4.0/24").unwrap();
    hear(&mut told, Command::DeleteSubnet(fourth.id), &mut s);
    assert_eq!(routes(&s, 255).get("10.0.4.0/24"), None);
}
