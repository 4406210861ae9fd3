//! Subnets: within the VPC's ranges, apart from each other, with five addresses of their own.

use pintle_core::Refusal;
use pintle_core::command::Command;
use pintle_core::model::{ReservedBy, ReservedIp, Subnet};
use pintle_core::query;
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{net, scene, subnet};
use crate::common::{World, says};

#[test]
fn subnets_of_one_vpc_never_overlap_and_those_of_two_may() {
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    let first = world.subnet(vpc, "10.0.1.0/24");
    for cidr in ["10.0.1.0/24", "10.0.0.0/16", "10.0.1.128/25", "10.0.1.248/29"] {
        let refusal = world.refused(subnet(vpc, "zone-2", cidr));
        let holder = Holder::Subnet(first.id);
        assert_eq!(refusal, Refusal::CidrOverlap { cidr: net(cidr).into(), other: first.cidr.into(), holder });
        says(&refusal, &[cidr, "10.0.1.0/24", &first.id.to_string()]);
    }
    world.subnet(vpc, "10.0.0.0/24");
    world.subnet(vpc, "10.0.2.0/23");
    let other = world.vpc(&[]).id;
    world.subnet(other, "10.0.1.0/24");
}

#[test]
fn a_subnet_lies_within_one_of_its_vpcs_ranges() {
    let mut world = World::new();
    let vpc = world.vpc(&["10.0.0.0/16", "10.1.0.0/16"]).id;
    for cidr in ["10.2.0.0/24", "10.0.0.0/15", "10.0.0.0/8", "192.168.0.0/24"] {
        says(&world.refused(subnet(vpc, "zone-1", cidr)), &["field 'cidr'", cidr, "10.0.0.0/16, 10.1.0.0/16"]);
    }
    world.subnet(vpc, "10.1.255.0/24");
    world.subnet(vpc, "10.0.0.0/16");
}

#[test]
fn prefix_lengths_go_from_8_to_29_without_host_bits() {
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    for (cidr, rule) in [
        ("10.9.0.0/30", "from /8 to /29"),
        ("10.9.0.0/31", "from /8 to /29"),
        ("8.0.0.0/7", "from /8 to /29"),
        ("10.9.0.4/24", "the network is 10.9.0.0/24"),
        ("10.0.0.1/8", "the network is 10.0.0.0/8"),
        ("127.0.0.0/24", "loopback"),
    ] {
        says(&world.refused(subnet(vpc, "zone-1", cidr)), &["field 'cidr'", cidr, rule]);
    }
    assert_eq!(world.subnet(vpc, "10.0.0.0/8").total_addresses(), 1 << 24);
    assert_eq!(world.subnet(vpc, "11.0.0.0/29").total_addresses(), 8);
}

#[test]
fn a_zone_has_a_name_like_any_other() {
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    for zone in ["", "Zone", "zone 1", "-z", "a/b"] {
        says(&world.refused(subnet(vpc, zone, "10.0.0.0/24")), &["field 'zone'", &format!("'{zone}'"), "lower-case"]);
    }
}

#[test]
fn b06_five_addresses_are_the_subnets_own_and_cannot_be_changed_or_deleted() {
    let mut s = scene();
    let own: Vec<ReservedIp> = s.world.all::<ReservedIp>();
    let mut addresses: Vec<String> = own.iter().map(|ip| ip.address.to_string()).collect();
    addresses.sort_by_key(|text| text.parse::<std::net::Ipv4Addr>().unwrap());
    assert_eq!(addresses, ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.255"]);
    for ip in own {
        assert_eq!(ip.reserved_by, ReservedBy::Provider);
        let update = pintle_core::command::UpdateReservedIp { name: Some("mine".to_owned()), auto_delete: None };
        for command in [Command::DeleteReservedIp(ip.id), Command::UpdateReservedIp(ip.id, update)] {
            let refusal = s.world.refused(command);
            assert!(matches!(refusal, Refusal::WrongState { noun: Noun::ReservedIp, .. }), "{refusal:?}");
            says(&refusal, &[&ip.id.to_string(), "owned by the provider", "fixed role"]);
        }
    }
}

#[test]
fn a_subnet_in_use_names_the_interface_or_reservation_in_it() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let kept = s.world.reserve(s.subnet, "10.0.0.77").id;
    let refusal = s.world.refused(Command::DeleteSubnet(s.subnet));
    says(&refusal, &[&s.subnet.to_string(), &vni.to_string(), "delete its interfaces first"]);
    s.world.run::<pintle_core::model::Vni>(Command::DeleteVni(vni));
    let refusal = s.world.refused(Command::DeleteSubnet(s.subnet));
    says(&refusal, &[&s.subnet.to_string(), &kept.to_string(), "delete its reserved IPs first"]);
    s.world.run::<ReservedIp>(Command::DeleteReservedIp(kept));
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    assert_eq!(s.world.all::<ReservedIp>(), [], "its own addresses go with it");
    assert_eq!(s.world.subnet(s.vpc, "10.0.0.0/25").total_addresses(), 128, "the range is free again");
}

#[test]
fn free_addresses_are_those_that_nobody_holds() {
    let mut s = scene();
    let subnet: Subnet = s.world.get(s.subnet);
    let free = |world: &World| query::free_addresses(&world.store, &subnet).unwrap();
    assert_eq!(free(&s.world), 251);
    s.world.vni(s.subnet);
    s.world.reserve(s.subnet, "10.0.0.200");
    assert_eq!(free(&s.world), 249);
}
