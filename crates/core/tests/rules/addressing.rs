//! Which address somebody gets, and who is in the way of the one that was asked for.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateVni, IpChoice};
use pintle_core::id::SubnetId;
use pintle_core::model::{IpFamily, ReservedIp, Vni};
use pintle_core::net::gateway;
use pintle_core::record::{address_hint_key, address_key};
use pintle_core::refusal::Holder;

use crate::common::build::{at, auto, ip, ip4, net, reservation, scene, vni};
use crate::common::{World, says};

/// The address that a new interface gets when it does not ask for one.
fn next_address(world: &mut World, subnet: SubnetId) -> Ipv4Addr {
    let primary = world.vni(subnet).primary_ip();
    match world.address(primary) {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => panic!("the primary address is {address}"),
    }
}

#[test]
fn b01_a_primary_address_exists_from_creation() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet);
    let primary: ReservedIp = s.world.get(vni.primary_ip());
    assert_eq!((primary.bound_to, primary.auto_delete), (Some(vni.id), true));
    let chosen = s.world.vni_at(s.subnet, "10.0.0.99").primary_ip();
    assert_eq!(s.world.address(chosen), ip("10.0.0.99"));
}

#[test]
fn b06_a_29_has_three_addresses_for_guests_and_then_is_full() {
    let mut s = scene();
    let small = s.world.subnet(s.vpc, "10.7.7.8/29").id;
    let got: Vec<Ipv4Addr> = (0..3).map(|_| next_address(&mut s.world, small)).collect();
    assert_eq!(got, [ip("10.7.7.12"), ip("10.7.7.13"), ip("10.7.7.14")]);
    let refusal = s.world.refused(Command::CreateVni(vni(small)));
    assert_eq!(refusal, Refusal::SubnetFull { subnet: small, cidr: net("10.7.7.8/29").into() });
    says(&refusal, &[&small.to_string(), "10.7.7.8/29", "no free address"]);
    assert!(matches!(s.world.refused(Command::CreateReservedIp(reservation(small, None))), Refusal::SubnetFull { .. }));
}

#[test]
fn b16_a_refused_request_takes_no_address() {
    let mut s = scene();
    let small = s.world.subnet(s.vpc, "10.7.7.8/29").id;
    let create = CreateVni { ips: vec![auto(), auto(), auto()], ..vni(small) };
    assert!(matches!(s.world.refused(Command::CreateVni(create)), Refusal::SubnetFull { .. }));
    let create = CreateVni { ips: vec![auto(), auto()], ..vni(small) };
    assert_eq!(s.world.run::<Vni>(Command::CreateVni(create)).ips.len(), 3);
}

#[test]
fn a04_a_freed_address_is_used_again_but_not_at_once() {
    let mut s = scene();
    let small = s.world.subnet(s.vpc, "10.7.7.8/29").id;
    let first = s.world.vni(small);
    let freed = s.world.address(first.primary_ip());
    s.world.run::<Vni>(Command::DeleteVni(first.id));
    let next: Vec<Ipv4Addr> = (0..3).map(|_| next_address(&mut s.world, small)).collect();
    assert_eq!(next, [ip("10.7.7.13"), ip("10.7.7.14"), freed], "the freed one rests while others are free");
}

#[test]
fn b17_an_address_that_is_taken_names_who_has_it() {
    let mut s = scene();
    let holder = s.world.vni_at(s.subnet, "10.0.0.10");
    let kept = s.world.reserve(s.subnet, "10.0.0.11");
    let subject = s.world.vni(s.subnet).id;
    let cases = [
        ("10.0.0.10", Holder::Vni(holder.id)),
        ("10.0.0.11", Holder::ReservedIp(kept.id)),
        ("10.0.0.0", Holder::Subnet(s.subnet)),
        ("10.0.0.1", Holder::Subnet(s.subnet)),
        ("10.0.0.2", Holder::Subnet(s.subnet)),
        ("10.0.0.3", Holder::Subnet(s.subnet)),
        ("10.0.0.255", Holder::Subnet(s.subnet)),
    ];
    for (address, who) in cases {
        let expected = Refusal::AddressTaken { address: ip(address), holder: who.clone() };
        for command in [
            Command::CreateVni(CreateVni { primary_ip: at(address), ..vni(s.subnet) }),
            Command::CreateVni(CreateVni { ips: vec![at(address)], ..vni(s.subnet) }),
            Command::AddVniIp(subject, at(address)),
            Command::CreateReservedIp(reservation(s.subnet, Some(address))),
        ] {
            assert_eq!(s.world.refused(command), expected);
        }
        says(&expected, &[address, &who.to_string()]);
    }
    let twice = CreateVni { primary_ip: at("10.0.0.20"), ips: vec![at("10.0.0.20")], ..vni(s.subnet) };
    assert!(matches!(s.world.refused(Command::CreateVni(twice)), Refusal::AddressTaken { .. }));
}

#[test]
fn b04_an_address_outside_the_subnet_is_refused_even_inside_the_vpc() {
    let mut s = scene();
    s.world.subnet(s.vpc, "10.0.1.0/24");
    let subject = s.world.vni(s.subnet).id;
    for address in ["10.0.1.9", "9.255.255.255", "0.0.0.0", "255.255.255.255", "10.0.2.0"] {
        for command in [
            Command::CreateVni(CreateVni { primary_ip: at(address), ..vni(s.subnet) }),
            Command::AddVniIp(subject, at(address)),
            Command::CreateReservedIp(reservation(s.subnet, Some(address))),
        ] {
            says(&s.world.refused(command), &["field 'address'", address, &s.subnet.to_string(), "10.0.0.0/24"]);
        }
    }
}

#[test]
fn b06_any_free_address_is_found_around_those_that_were_asked_for() {
    let mut s = scene();
    for last in (4..=254).filter(|last| last % 2 == 0) {
        s.world.reserve(s.subnet, &format!("10.0.0.{last}"));
    }
    let found: BTreeSet<Ipv4Addr> = (0..125).map(|_| next_address(&mut s.world, s.subnet)).collect();
    assert!(found.iter().all(|address| address.octets()[3] % 2 == 1 && address.octets()[3] > 3));
    assert_eq!(found.len(), 125);
    assert!(matches!(s.world.refused(Command::CreateVni(vni(s.subnet))), Refusal::SubnetFull { .. }));
}

/// The search for a gap reads keys in strides; what the same request has already taken lies beyond the first stride.
#[test]
fn b02_any_address_and_a_far_one_in_one_request_do_not_collide_in_a_crowded_subnet() {
    let mut s = scene();
    let subnet = s.world.subnet(s.vpc, "10.8.0.0/22").id;
    s.world.checked = false;
    for last in 4..600u32 {
        s.world.reserve(subnet, &Ipv4Addr::from(u32::from(ip4("10.8.0.0")) + last).to_string());
    }
    let create = CreateVni { primary_ip: at("10.8.3.200"), ips: vec![auto()], ..vni(subnet) };
    let vni: Vni = s.world.run(Command::CreateVni(create));
    assert_eq!(s.world.address(vni.ips[1]), ip("10.8.2.88"), "the first that is free");
}

#[test]
fn the_search_starts_anew_when_its_hint_makes_no_sense() {
    for hint in ["10.0.0.254", "10.0.0.255", "9.9.9.9", "255.255.255.255", "nonsense", ""] {
        let mut s = scene();
        s.world.store.plant(address_hint_key(s.subnet), hint.as_bytes().to_vec());
        let got = s.world.vni(s.subnet).primary_ip();
        assert_eq!(s.world.address(got), ip("10.0.0.4"), "hint '{hint}'");
    }
}

#[test]
fn b06_neighbouring_subnets_do_not_confuse_the_search() {
    let mut s = scene();
    let (low, high) = (s.world.subnet(s.vpc, "10.7.0.0/29"), s.world.subnet(s.vpc, "10.7.0.8/29"));
    for subnet in [&high, &low] {
        for _ in 0..3 {
            let vni = s.world.vni(subnet.id);
            assert!(IpNet::V4(subnet.cidr).contains(&s.world.address(vni.primary_ip())));
        }
        assert!(matches!(s.world.refused(Command::CreateVni(vni(subnet.id))), Refusal::SubnetFull { .. }));
    }
}

#[test]
fn two_vpcs_may_use_the_same_addresses() {
    let mut s = scene();
    let other = s.world.vpc(&[]).id;
    let twin = s.world.subnet(other, "10.0.0.0/24").id;
    let (a, b) = (s.world.vni_at(s.subnet, "10.0.0.10"), s.world.vni_at(twin, "10.0.0.10"));
    assert_ne!(a.mac, b.mac);
    assert_eq!(s.world.address(a.primary_ip()), s.world.address(b.primary_ip()));
}

#[test]
fn b03_an_address_added_later_is_kept_or_goes_as_its_reservation_says() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let keep = IpChoice::Auto { family: IpFamily::V4, name: Some("kept".to_owned()), auto_delete: false };
    let kept: ReservedIp = s.world.run(Command::AddVniIp(vni, keep));
    let fleeting: ReservedIp = s.world.run(Command::AddVniIp(vni, at("10.0.0.60")));
    assert_eq!(s.world.get::<Vni>(vni).ips[1..], [kept.id, fleeting.id]);
    for removed in [kept.id, fleeting.id] {
        s.world.run::<ReservedIp>(Command::RemoveVniIp(vni, removed));
    }
    assert_eq!(s.world.get::<ReservedIp>(kept.id).bound_to, None);
    assert_eq!(s.world.find::<ReservedIp>(fleeting.id), None);
    assert!(!s.world.store.content().contains_key(address_key(s.vpc, ip("10.0.0.60")).as_str()));
}

#[test]
fn the_gateway_is_the_first_address_after_the_networks() {
    assert_eq!(gateway(net("10.7.7.8/29")), ip("10.7.7.9"));
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    assert_eq!(world.subnet(vpc, "10.0.0.0/8").gateway(), ip("10.0.0.1"));
}
