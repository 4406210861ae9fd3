//! IPv6 of VPCs, subnets and interfaces.

use std::net::IpAddr;

use pintle_core::Refusal;
use pintle_core::command::{
    Command, CreateSubnet, CreateVni, CreateVpc, IpChoice, Ipv6Range, UpdateSubnet, UpdateVni, UpdateVpc,
};
use pintle_core::host_spec::Ipv6Assignment;
use pintle_core::model::{IpFamily, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::net::eui64;
use pintle_core::query::free_addresses;
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{Scene, at, auto, create_subnet, scene, vni, with_ipv6};
use crate::common::{World, says};

fn auto6() -> IpChoice {
    IpChoice::auto(IpFamily::V6)
}

fn dual() -> Scene {
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    s
}

fn update(s: &mut Scene, update: UpdateSubnet) -> Subnet {
    s.world.run(Command::UpdateSubnet(s.subnet, update))
}

fn range(text: &str) -> UpdateSubnet {
    UpdateSubnet { ipv6: Some(Some(Ipv6Range::Net(text.parse().unwrap()))), ..UpdateSubnet::default() }
}

#[test]
fn b08_a_vpcs_ipv6_ranges_are_global_or_unique_local_apart_and_few() {
    let mut world = World::new();
    let create = |texts: &[&str]| {
        let ipv6_cidrs = texts.iter().map(|text| text.parse().unwrap()).collect();
        Command::CreateVpc(CreateVpc { ipv6_cidrs, ..CreateVpc::default() })
    };
    for (texts, needles) in [
        (&["2001:db8::1/56"][..], ["field 'ipv6_cidrs'", "2001:db8::/56"]),
        (&["fe80::/64"], ["field 'ipv6_cidrs'", "2000::/3"]),
        (&["ff00::/16"], ["field 'ipv6_cidrs'", "fc00::/7"]),
        (&["2001:db8::/65"], ["field 'ipv6_cidrs'", "/16 to /64"]),
        (&["2001:db8::/56", "2001:db8:0:10::/60"], ["2001:db8:0:10::/60", "overlaps 2001:db8::/56"]),
        (&["fd00::/64", "fd01::/64", "fd02::/64", "fd03::/64", "fd04::/64", "fd05::/64"], ["6 ranges", "limit is 5"]),
    ] {
        says(&world.refused(create(texts)), &needles);
    }
    world.run::<Vpc>(create(&["2001:db8::/56", "fd00::/48"]));
}

#[test]
fn b08_a_subnets_ipv6_range_is_a_64_of_its_vpcs_and_nobody_elses() {
    let mut s = scene();
    let none = s.world.refused(Command::UpdateSubnet(s.subnet, range("2001:db8::/64")));
    says(&none, &["field 'ipv6_cidr'", &s.vpc.to_string(), "has no IPv6 range"]);
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    assert_eq!(s.world.get::<Subnet>(s.subnet).ipv6_cidr, Some("2001:db8::/64".parse().unwrap()));

    let create = |ipv6| CreateSubnet { ipv6, ..create_subnet(s.vpc, "zone-1", "10.1.0.0/24") };
    let net = |text: &str| Some(Ipv6Range::Net(text.parse().unwrap()));
    let taken = s.world.clone().refused(Command::CreateSubnet(create(net("2001:db8::/64"))));
    assert!(matches!(taken, Refusal::CidrOverlap { holder: Holder::Subnet(id), .. } if id == s.subnet), "{taken}");
    for (bad, needle) in [("2001:db8:0:100::/64", "2001:db8::/56"), ("2001:db8::/60", "/64")] {
        says(&s.world.clone().refused(Command::CreateSubnet(create(net(bad)))), &["field 'ipv6_cidr'", needle]);
    }
    let second: Subnet = s.world.run(Command::CreateSubnet(create(Some(Ipv6Range::Auto))));
    assert_eq!(second.ipv6_cidr, Some("2001:db8:0:1::/64".parse().unwrap()));

    let other = UpdateVpc { ipv6_cidrs: Some(vec!["fd00::/48".parse().unwrap()]), ..UpdateVpc::default() };
    match s.world.refused(Command::UpdateVpc(s.vpc, other)) {
        Refusal::InUse { noun: Noun::Vpc, holder: Holder::Subnet(_), .. } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn b08_an_interface_gets_ipv6_addresses_of_its_subnet_and_each_is_its_own() {
    let mut s = dual();
    let create = CreateVni { ips: vec![auto6(), at("2001:db8::1234")], ..vni(s.subnet) };
    let made: Vni = s.world.run(Command::CreateVni(create));
    assert_eq!(made.primary_ipv6, Some(made.ips[1]));
    let range = s.world.get::<Subnet>(s.subnet).ipv6_cidr.unwrap();
    for ip in &made.ips[1..] {
        let IpAddr::V6(address) = s.world.address(*ip) else { panic!("an IPv6 address") };
        assert!(range.contains(&address), "{address}");
    }
    let other = s.world.vni(s.subnet).id;
    let refusal = s.world.refused(Command::AddVniIp(other, at("2001:db8::1234")));
    says(&refusal, &["2001:db8::1234", &made.id.to_string()]);
    for (bad, needle) in [
        ("2001:db8:0:1::9", "2001:db8::/64"),
        ("2001:db8::", "the subnet's own"),
        ("2001:db8::3", "the subnet's own"),
        ("2001:db8::ffff:ffff:ffff:ffff", "the subnet's own"),
        ("::ffff:10.0.0.9", "must be in subnet"),
    ] {
        says(&s.world.refused(Command::AddVniIp(other, at(bad))), &["field 'address'", needle]);
    }
    let primary = CreateVni { primary_ip: auto6(), ..vni(s.subnet) };
    says(&s.world.refused(Command::CreateVni(primary)), &["field 'primary_ip'", "IPv4"]);
}

#[test]
fn b09_the_next_ipv6_address_takes_the_place_of_a_primary_one_that_goes() {
    let mut s = dual();
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto6(), auto6()], ..vni(s.subnet) }));
    s.world.run::<ReservedIp>(Command::RemoveVniIp(made.id, made.ips[1]));
    assert_eq!(s.world.get::<Vni>(made.id).primary_ipv6, Some(made.ips[2]));
    s.world.run::<ReservedIp>(Command::RemoveVniIp(made.id, made.ips[2]));
    assert_eq!(s.world.get::<Vni>(made.id).primary_ipv6, None);
    let next: ReservedIp = s.world.run(Command::AddVniIp(made.id, auto6()));
    assert_eq!(s.world.get::<Vni>(made.id).primary_ipv6, Some(next.id));
}

#[test]
fn a13_a_primary_ipv6_address_that_was_asked_for_stays() {
    let mut s = dual();
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto6(), auto6()], ..vni(s.subnet) }));
    let keep = |keep| Command::UpdateVni(made.id, UpdateVni { keep_primary_ipv6: Some(keep), ..UpdateVni::default() });
    s.world.run::<Vni>(keep(false));
    s.world.run::<Vni>(keep(true));
    let other = s.world.vni(s.subnet).id;
    for command in [Command::RemoveVniIp(made.id, made.ips[1]), Command::MoveVniIp(made.ips[1], other)] {
        says(&s.world.refused(command), &[&made.ips[1].to_string(), "primary IPv6 address stays"]);
    }
    says(&s.world.refused(keep(false)), &["field 'keep_primary_ipv6'", "stays"]);
    s.world.run::<ReservedIp>(Command::RemoveVniIp(made.id, made.ips[2]));
    s.world.run::<Vni>(Command::DeleteVni(made.id));
}

#[test]
fn b10_a_subnet_can_give_each_new_interface_an_ipv6_address() {
    let mut s = scene();
    let auto_assign = |on| UpdateSubnet { auto_assign_ipv6: Some(on), ..UpdateSubnet::default() };
    let refusal = s.world.refused(Command::UpdateSubnet(s.subnet, auto_assign(true)));
    says(&refusal, &["field 'auto_assign_ipv6'", "no IPv6 range"]);
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let before = s.world.vni(s.subnet);
    update(&mut s, auto_assign(true));
    let after = s.world.vni(s.subnet);
    assert_eq!((before.primary_ipv6, before.ips.len()), (None, 1));
    assert_eq!((after.primary_ipv6, after.ips.len()), (Some(after.ips[1]), 2));
    let asked: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![at("2001:db8::99")], ..vni(s.subnet) }));
    assert_eq!(asked.ips.len(), 2, "who asks for one gets that one only");
}

#[test]
fn b08_with_slaac_the_first_address_is_the_one_that_the_guest_makes_itself() {
    let mut s = dual();
    update(&mut s, UpdateSubnet { ipv6_assignment: Some(Ipv6Assignment::Slaac), ..UpdateSubnet::default() });
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto6(), auto6()], ..vni(s.subnet) }));
    let range = s.world.get::<Subnet>(s.subnet).ipv6_cidr.unwrap();
    assert_eq!(s.world.address(made.ips[1]), IpAddr::V6(eui64(range, made.mac)));
    assert_ne!(s.world.address(made.ips[2]), s.world.address(made.ips[1]));
}

#[test]
fn b08_a_range_that_somebody_has_something_of_stays() {
    let mut s = dual();
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto6()], ..vni(s.subnet) }));
    let none = || UpdateSubnet { ipv6: Some(None), ..UpdateSubnet::default() };
    let same = range("2001:db8::/64");
    update(&mut s, same);
    for asked in [none(), range("2001:db8:0:7::/64")] {
        let refusal = s.world.refused(Command::UpdateSubnet(s.subnet, asked));
        assert!(
            matches!(refusal, Refusal::InUse { holder: Holder::ReservedIp(id), .. } if id == made.ips[1]),
            "{refusal}"
        );
    }
    s.world.run::<ReservedIp>(Command::RemoveVniIp(made.id, made.ips[1]));
    assert_eq!(update(&mut s, none()).ipv6_cidr, None);
    says(&s.world.refused(Command::AddVniIp(made.id, auto6())), &["has no IPv6 range"]);
}

#[test]
fn b14_addresses_are_counted_by_ip_version() {
    let mut s = dual();
    let ips = vec![auto(); 7].into_iter().chain(vec![auto6(); 8]).collect();
    let full: Vni = s.world.run(Command::CreateVni(CreateVni { ips, ..vni(s.subnet) }));
    assert_eq!(full.ips.len(), 16);
    for choice in [auto(), auto6()] {
        assert!(matches!(s.world.refused(Command::AddVniIp(full.id, choice)), Refusal::Limit { limit: 8, .. }));
    }
}

#[test]
fn free_addresses_are_ipv4_ones() {
    let mut s = dual();
    let free = |s: &Scene| free_addresses(&s.world.store, &s.world.get::<Subnet>(s.subnet)).unwrap();
    assert_eq!(free(&s), 251);
    s.world.run::<Vni>(Command::CreateVni(CreateVni { ips: vec![auto6(), auto6()], ..vni(s.subnet) }));
    assert_eq!(free(&s), 250);
}
