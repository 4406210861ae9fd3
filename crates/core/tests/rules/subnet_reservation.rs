//! Reserved parts of subnets: what is chosen automatically keeps out of them, or comes from them.

use std::net::IpAddr;

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateSubnetReservation, Ipv6Range, PrefixChoice, UpdateSubnet};
use pintle_core::id::{SubnetRangeId, VniId};
use pintle_core::model::{IpFamily, ReservationKind, ReservedIp, Subnet, SubnetReservation, Vni};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{Scene, scene};
use crate::common::says;

fn reserve(s: &Scene, cidr: &str, kind: ReservationKind) -> Command {
    let (subnet, cidr, description) = (s.subnet, cidr.parse().unwrap(), "for later".to_owned());
    Command::CreateSubnetReservation(CreateSubnetReservation { subnet, cidr, kind, description })
}

fn primary(s: &Scene, vni: &Vni) -> IpAddr {
    s.world.get::<ReservedIp>(vni.ips[0]).address
}

#[test]
fn b06_addresses_that_are_chosen_automatically_keep_out_of_reservations() {
    let mut s = scene();
    // All but 10.0.0.4 to 10.0.0.7 and 10.0.0.16 to 10.0.0.31.
    let parts = ["10.0.0.8/29", "10.0.0.32/27", "10.0.0.64/26", "10.0.0.128/25"];
    let kinds = [ReservationKind::Explicit, ReservationKind::Prefix];
    for (part, kind) in parts.iter().zip(kinds.into_iter().cycle()) {
        let made: SubnetReservation = s.world.run(reserve(&s, part, kind));
        assert_eq!((made.cidr.to_string().as_str(), made.kind), (*part, kind));
    }
    let vnis: Vec<Vni> = (0..20).map(|_| s.world.vni(s.subnet)).collect();
    let mut got: Vec<String> = vnis.iter().map(|vni| primary(&s, vni).to_string()).collect();
    got.sort_by_key(|text| text.parse::<std::net::Ipv4Addr>().unwrap());
    let free = (4..8).chain(16..32).map(|last| format!("10.0.0.{last}")).collect::<Vec<_>>();
    assert_eq!(got, free);
    let refusal = s.world.refused(Command::CreateVni(crate::common::build::vni(s.subnet)));
    assert!(matches!(refusal, Refusal::SubnetFull { .. }), "{refusal}");
    // Whoever names an address gets it.
    let named = s.world.vni_at(s.subnet, "10.0.0.9");
    assert_eq!(primary(&s, &named).to_string(), "10.0.0.9");
    let first = s.world.all::<SubnetReservation>().into_iter().find(|one| one.cidr.to_string() == parts[0]).unwrap();
    s.world.run::<SubnetReservation>(Command::DeleteSubnetReservation(first.id));
    let vni = s.world.vni(s.subnet);
    assert_eq!(primary(&s, &vni).to_string(), "10.0.0.8");
}

#[test]
fn networks_to_delegate_come_from_what_is_reserved_for_them() {
    let mut s = scene();
    s.world.run::<SubnetReservation>(reserve(&s, "10.0.0.240/28", ReservationKind::Explicit));
    let vnis: Vec<VniId> = (0..2).map(|_| s.world.vni(s.subnet).id).collect();
    let delegate = |vni| Command::AddVniPrefix(vni, PrefixChoice::Auto(IpFamily::V4));
    assert_eq!(s.world.run::<ipnet::IpNet>(delegate(vnis[0])).to_string(), "10.0.0.224/28");
    s.world.run::<SubnetReservation>(reserve(&s, "10.0.0.64/27", ReservationKind::Prefix));
    let mut got = [vnis[0], vnis[1]].map(|vni| s.world.run::<ipnet::IpNet>(delegate(vni)).to_string());
    got.sort();
    assert_eq!(got, ["10.0.0.64/28", "10.0.0.80/28"]);
    assert!(matches!(s.world.refused(delegate(vnis[1])), Refusal::NoPrefixLeft { .. }));
}

#[test]
fn a_reservation_is_a_part_of_its_subnet_and_apart_from_others() {
    let mut s = scene();
    let explicit = ReservationKind::Explicit;
    let made: SubnetReservation = s.world.run(reserve(&s, "10.0.0.128/25", explicit));
    let refusal = s.world.refused(reserve(&s, "10.0.0.192/28", explicit));
    assert!(
        matches!(&refusal, Refusal::CidrOverlap { holder: Holder::SubnetReservation(id), .. } if *id == made.id),
        "{refusal}"
    );
    for (cidr, rule) in [
        ("10.0.1.0/28", "must be in subnet"),
        ("10.0.0.0/23", "must be in subnet"),
        ("10.0.0.1/28", "host bits"),
        ("2001:db8::/80", "no IPv6 range"),
    ] {
        says(&s.world.refused(reserve(&s, cidr, explicit)), &["'reserved_cidr'", cidr, rule]);
    }
}

#[test]
fn an_ipv6_range_with_a_reservation_stays() {
    let mut s = scene();
    let range: ipnet::Ipv6Net = "2001:db8::/64".parse().unwrap();
    let update = pintle_core::command::UpdateVpc {
        ipv6_cidrs: Some(vec!["2001:db8::/56".parse().unwrap()]),
        ..Default::default()
    };
    s.world.run::<pintle_core::model::Vpc>(Command::UpdateVpc(s.vpc, update));
    let id = SubnetRangeId::from_bits(s.subnet.bits());
    let refusal = s.world.refused(Command::RemoveSubnetRange(id));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::SubnetRange, id: id.to_string() });
    let with: Subnet = s.world.run(Command::AddSubnetRange(s.subnet, range));
    assert_eq!(with.ipv6_cidr, Some(range));
    says(&s.world.refused(Command::AddSubnetRange(s.subnet, range)), &["IPv6 ranges", "limit is 1"]);
    let made: SubnetReservation = s.world.run(reserve(&s, "2001:db8::/65", ReservationKind::Explicit));
    let auto = UpdateSubnet { ipv6: Some(Some(Ipv6Range::Auto)), ..UpdateSubnet::default() };
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, auto));
    let refusal = s.world.refused(Command::RemoveSubnetRange(id));
    assert!(
        matches!(&refusal, Refusal::InUse { holder: Holder::SubnetReservation(by), .. } if *by == made.id),
        "{refusal}"
    );
    let upper = |address: IpAddr| "2001:db8:0:0:8000::/65".parse::<ipnet::IpNet>().unwrap().contains(&address);
    for _ in 0..8 {
        let vni = s.world.vni(s.subnet);
        let choice = pintle_core::command::IpChoice::auto(IpFamily::V6);
        let ip: ReservedIp = s.world.run(Command::AddVniIp(vni.id, choice));
        assert!(upper(ip.address), "{}", ip.address);
        s.world.run::<Vni>(Command::DeleteVni(vni.id));
    }
    s.world.run::<SubnetReservation>(Command::DeleteSubnetReservation(made.id));
    let before: Subnet = s.world.run(Command::RemoveSubnetRange(id));
    assert_eq!(before.ipv6_cidr, Some(range));
}

#[test]
fn reservations_go_with_their_subnet() {
    let mut s = scene();
    s.world.run::<SubnetReservation>(reserve(&s, "10.0.0.128/25", ReservationKind::Prefix));
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    assert!(s.world.all::<SubnetReservation>().is_empty());
}
