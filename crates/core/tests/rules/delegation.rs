//! Delegated prefixes, and addresses that go from one interface to another.

use ipnet::IpNet;
use pintle_core::Refusal;
use pintle_core::command::{Command, CreateInstance, CreateVni, PrefixChoice, UpdateSubnet};
use pintle_core::model::{Instance, IpFamily, ReservedIp, Subnet, Vni};
use pintle_core::query::free_addresses;
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{at, auto, existing, instance, scene, vni, with_ipv6};
use crate::common::says;

fn net(text: &str) -> PrefixChoice {
    PrefixChoice::Net(text.parse().unwrap())
}

const ANY: PrefixChoice = PrefixChoice::Auto(IpFamily::V4);
const ANY6: PrefixChoice = PrefixChoice::Auto(IpFamily::V6);

#[test]
fn b12_a_prefix_is_given_or_found_and_taken_back() {
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let id = s.world.vni(s.subnet).id;
    let given: IpNet = s.world.run(Command::AddVniPrefix(id, net("10.0.0.64/28")));
    let found: IpNet = s.world.run(Command::AddVniPrefix(id, ANY));
    let found6: IpNet = s.world.run(Command::AddVniPrefix(id, ANY6));
    assert_eq!(found.to_string(), "10.0.0.224/28", "the highest; the last one holds the broadcast address");
    assert_eq!((found6.prefix_len(), s.world.get::<Vni>(id).prefixes), (80, vec![given, found, found6]));
    let subnet: Subnet = s.world.get(s.subnet);
    assert_eq!(free_addresses(&s.world.store, &subnet).unwrap(), 251 - 1 - 32);
    for prefix in [given, found6] {
        assert_eq!(s.world.run::<IpNet>(Command::RemoveVniPrefix(id, prefix)), prefix);
    }
    let refusal = s.world.refused(Command::RemoveVniPrefix(id, given));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Prefix, id: given.to_string() });
    s.world.run::<Vni>(Command::DeleteVni(id));
    assert_eq!(free_addresses(&s.world.store, &subnet).unwrap(), 251);
}

#[test]
fn b12_prefixes_and_addresses_never_overlap() {
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let (one, two) = (s.world.vni_at(s.subnet, "10.0.0.70").id, s.world.vni(s.subnet).id);
    s.world.run::<ReservedIp>(Command::AddVniIp(one, at("2001:db8::5:0:0:1")));
    let kept = s.world.reserve(s.subnet, "10.0.0.100").id;
    for (prefix, other, holder) in [
        ("10.0.0.64/28", "10.0.0.70", Holder::Vni(one)),
        ("2001:db8:0:0:5::/80", "2001:db8::5:0:0:1", Holder::Vni(one)),
        ("10.0.0.96/28", "10.0.0.100", Holder::ReservedIp(kept)),
        ("10.0.0.0/28", "10.0.0.0", Holder::Subnet(s.subnet)),
    ] {
        let refusal = s.world.refused(Command::AddVniPrefix(two, net(prefix)));
        assert!(matches!(&refusal, Refusal::CidrOverlap { holder: found, .. } if *found == holder), "{refusal}");
        says(&refusal, &[prefix, other]);
    }
    s.world.run::<IpNet>(Command::AddVniPrefix(two, net("10.0.0.128/28")));
    s.world.run::<IpNet>(Command::AddVniPrefix(two, net("2001:db8:0:0:7::/80")));
    for prefix in ["10.0.0.128/28", "2001:db8:0:0:7::/80"] {
        let refusal = s.world.refused(Command::AddVniPrefix(one, net(prefix)));
        assert!(matches!(refusal, Refusal::CidrOverlap { holder: Holder::Vni(id), .. } if id == two), "{refusal}");
    }
    for address in ["10.0.0.128", "10.0.0.143", "2001:db8::7:0:0:1"] {
        let refusal = s.world.refused(Command::AddVniIp(one, at(address)));
        says(&refusal, &[address, "not free", &two.to_string()]);
    }
    s.world.run::<ReservedIp>(Command::AddVniIp(one, at("10.0.0.144")));
}

#[test]
fn b12_automatic_addresses_keep_out_of_prefixes_and_prefixes_out_of_each_other() {
    let mut s = scene();
    let small = s.world.subnet(s.vpc, "10.1.0.0/26").id;
    let id = s.world.vni(small).id;
    for expected in ["10.1.0.32/28", "10.1.0.16/28"] {
        assert_eq!(s.world.run::<IpNet>(Command::AddVniPrefix(id, ANY)).to_string(), expected);
    }
    let full = s.world.refused(Command::AddVniPrefix(id, ANY));
    says(&full, &[&small.to_string(), "/28"]);
    // 10.1.0.4 is taken: eleven are left below the prefixes, and fifteen above.
    for _ in 0..11 + 15 {
        s.world.vni(small);
    }
    assert!(matches!(s.world.refused(Command::CreateVni(vni(small))), Refusal::SubnetFull { .. }));
}

#[test]
fn b12_a_prefix_is_a_whole_one_of_its_subnet() {
    let mut s = scene();
    let id = s.world.vni(s.subnet).id;
    for (bad, needle) in [
        ("10.0.0.16/27", "/28"),
        ("10.0.0.17/28", "10.0.0.16/28"),
        ("10.0.1.16/28", "10.0.0.0/24"),
        ("2001:db8::/80", "has no IPv6 range"),
    ] {
        let refusal = s.world.refused(Command::AddVniPrefix(id, net(bad)));
        says(&refusal, &[bad, needle]);
    }
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    for (bad, needle) in [("2001:db8::/79", "/80"), ("2001:db8::/80", "the subnet's own")] {
        says(&s.world.refused(Command::AddVniPrefix(id, net(bad))), &["field 'prefix'", needle]);
    }
    let tiny = s.world.subnet(s.vpc, "10.1.0.0/29").id;
    let id = s.world.vni(tiny).id;
    assert!(matches!(s.world.refused(Command::AddVniPrefix(id, ANY)), Refusal::NoPrefixLeft { length: 28, .. }));
    says(&s.world.refused(Command::AddVniPrefix(id, ANY6)), &["field 'prefix'", "has no IPv6 range"]);
}

#[test]
fn b13_a_prefix_counts_as_one_address() {
    let mut s = scene();
    let create = CreateVni { ips: vec![auto(); 5], prefixes: vec![ANY], ..vni(s.subnet) };
    let made: Vni = s.world.run(Command::CreateVni(create));
    s.world.run::<IpNet>(Command::AddVniPrefix(made.id, ANY));
    for command in [Command::AddVniPrefix(made.id, ANY), Command::AddVniIp(made.id, auto())] {
        assert!(matches!(s.world.refused(command), Refusal::Limit { limit: 8, .. }));
    }
}

#[test]
fn b14_the_instance_says_how_many_addresses_its_interfaces_may_have() {
    let mut s = scene();
    let home = |count| CreateInstance { ips_per_interface: Some(count), ..instance(s.vpc, s.hosts[0]) };
    let (small, large) = (home(2), home(12));
    let small: Instance = s.world.run(Command::CreateInstance(small));
    let large: Instance = s.world.run(Command::CreateInstance(large));
    let three: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto(); 2], ..vni(s.subnet) }));
    let refusal = s.world.refused(Command::Attach(small.id, existing(three.id)));
    says(&refusal, &[&three.id.to_string(), "the limit is 2"]);
    s.world.attach_now(large.id, three.id);
    for _ in 3..12 {
        s.world.run::<ReservedIp>(Command::AddVniIp(three.id, auto()));
    }
    assert!(matches!(s.world.refused(Command::AddVniIp(three.id, auto())), Refusal::Limit { limit: 12, .. }));
    let refusal = s.world.refused(Command::MoveVni { vni: three.id, to: small.id, nic: None });
    assert!(matches!(refusal, Refusal::Limit { limit: 2, .. }), "{refusal}");
    for bad in [0, 65] {
        let create = CreateInstance { ips_per_interface: Some(bad), ..instance(s.vpc, s.hosts[0]) };
        says(&s.world.refused(Command::CreateInstance(create)), &["field 'ips_per_interface'", "1 to 64"]);
    }
}

#[test]
fn b07_a_secondary_address_goes_to_another_interface_of_the_subnet_and_a_primary_one_does_not() {
    let mut s = scene();
    let one: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![at("10.0.0.50")], ..vni(s.subnet) }));
    let two = s.world.vni(s.subnet);
    let moved: ReservedIp = s.world.run(Command::MoveVniIp(one.ips[1], two.id));
    assert_eq!(moved.bound_to, Some(two.id));
    assert_eq!(s.world.get::<Vni>(one.id).ips, one.ips[..1]);
    assert_eq!(s.world.get::<Vni>(two.id).ips, [two.ips[0], one.ips[1]]);
    s.world.ignored_reply(Command::MoveVniIp(one.ips[1], two.id));

    says(&s.world.refused(Command::MoveVniIp(one.ips[0], two.id)), &["primary address stays"]);
    let far = s.world.subnet(s.vpc, "10.1.0.0/24").id;
    let other = s.world.vni(far).id;
    says(&s.world.refused(Command::MoveVniIp(moved.id, other)), &["must be in its subnet"]);
    let unbound = s.world.reserve(s.subnet, "10.0.0.77").id;
    says(&s.world.refused(Command::MoveVniIp(unbound, two.id)), &["bound to nothing"]);
    let full: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto(); 7], ..vni(s.subnet) }));
    assert!(matches!(s.world.refused(Command::MoveVniIp(moved.id, full.id)), Refusal::Limit { .. }));
}

#[test]
fn b07_an_address_is_taken_whether_it_is_free_reserved_or_another_interfaces() {
    let mut s = scene();
    let one: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![at("10.0.0.50")], ..vni(s.subnet) }));
    let two = s.world.vni(s.subnet);
    let reserved = s.world.reserve(s.subnet, "10.0.0.77").id;
    let take = |address: &str| Command::TakeVniIp(two.id, address.parse().unwrap());
    let taken: Vec<ReservedIp> =
        ["10.0.0.50", "10.0.0.77", "10.0.0.90"].into_iter().map(|address| s.world.run(take(address))).collect();
    assert_eq!((taken[0].id, taken[1].id), (one.ips[1], reserved));
    assert!(taken.iter().all(|ip| ip.bound_to == Some(two.id)));
    assert_eq!(s.world.get::<Vni>(two.id).ips[1..], [taken[0].id, taken[1].id, taken[2].id]);
    assert_eq!(s.world.get::<Vni>(one.id).ips, one.ips[..1]);
    s.world.ignored_reply(take("10.0.0.50"));

    let primary = s.world.address(one.ips[0]).to_string();
    says(&s.world.refused(take(&primary)), &["primary address stays"]);
    assert!(matches!(s.world.refused(take("10.0.0.1")), Refusal::AddressTaken { holder: Holder::Subnet(_), .. }));
    says(&s.world.refused(take("10.9.0.1")), &["must be in subnet"]);
}

#[test]
fn a_range_with_a_delegated_prefix_stays() {
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let id = s.world.vni(s.subnet).id;
    s.world.run::<IpNet>(Command::AddVniPrefix(id, ANY6));
    let none = UpdateSubnet { ipv6: Some(None), ..UpdateSubnet::default() };
    let refusal = s.world.refused(Command::UpdateSubnet(s.subnet, none));
    assert!(matches!(refusal, Refusal::InUse { holder: Holder::Vni(found), .. } if found == id), "{refusal}");
}
