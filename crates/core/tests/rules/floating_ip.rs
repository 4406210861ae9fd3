//! Floating IPs, the pools they come from, and public gateways.

use pintle_core::command::{
    Command, CreateFloatingIp, CreatePublicGateway, CreatePublicPool, CreateVni, FloatingIpChoice, RegisterHost,
    UpdateSubnet,
};
use pintle_core::id::{FloatingIpId, HostId, PublicPoolId, VniId};
use pintle_core::legality::Manner;
use pintle_core::model::{AccountId, FloatingIp, FloatingIpTarget, Host, Owner, Region};
use pintle_core::model::{PublicGateway, PublicPool, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::refusal::{Holder, Noun};
use pintle_core::{Refusal, Request};

use crate::common::build::{Scene, at, create_subnet, host, ip4, net, scene, vni, with_ipv6};
use crate::common::{World, says};

fn pool_in(zone: &str, cidrs: &[&str]) -> Command {
    let cidrs = cidrs.iter().map(|text| net(text)).collect();
    Command::CreatePublicPool(CreatePublicPool { name: None, zone: zone.to_owned(), cidrs })
}

/// A scene with a pool of four addresses in `zone-1`.
fn public() -> (Scene, PublicPoolId) {
    let mut s = scene();
    let pool = s.world.run::<PublicPool>(pool_in("zone-1", &["203.0.113.4/30"])).id;
    (s, pool)
}

fn create() -> CreateFloatingIp {
    CreateFloatingIp { name: None, zone: Some("zone-1".to_owned()), address: None, target: None }
}

fn allocate(world: &mut World) -> FloatingIp {
    world.run(Command::CreateFloatingIp(create()))
}

fn primary(vni: VniId) -> FloatingIpChoice {
    FloatingIpChoice::primary(vni, Manner::PerAddress)
}

fn associate(id: FloatingIpId, target: FloatingIpChoice, reassociate: bool) -> Command {
    Command::AssociateFloatingIp { id, target, reassociate, displace: false }
}

#[test]
fn c01_pools_are_apart_and_give_each_address_once_with_rest() {
    let (mut s, pool) = public();
    for (cidrs, needles) in [
        (&["203.0.113.6/31"][..], ["overlaps 203.0.113.4/30", &pool.to_string()]),
        (&["203.0.113.9/30"], ["field 'cidrs'", "203.0.113.8/30"]),
        (&["127.0.0.0/30"], ["field 'cidrs'", "loopback"]),
        (&[], ["field 'cidrs'", "at least one"]),
    ] {
        says(&s.world.refused(pool_in("zone-1", cidrs)), &needles);
    }
    let all: Vec<FloatingIp> = (0..4).map(|_| allocate(&mut s.world)).collect();
    let addresses: Vec<String> = all.iter().map(|one| one.address.to_string()).collect();
    assert_eq!(addresses, ["203.0.113.5", "203.0.113.6", "203.0.113.7", "203.0.113.4"]);
    let refusal = s.world.refused(Command::CreateFloatingIp(create()));
    assert_eq!(refusal, Refusal::NoPublicAddress { zone: "zone-1".to_owned() });
    let given = |address: &str| CreateFloatingIp { address: Some(ip4(address)), ..create() };
    let taken = s.world.refused(Command::CreateFloatingIp(given("203.0.113.6")));
    assert!(
        matches!(taken, Refusal::AddressTaken { holder: Holder::FloatingIp(id), .. } if id == all[1].id),
        "{taken}"
    );
    says(&s.world.refused(Command::CreateFloatingIp(given("203.0.113.9"))), &["field 'address'", "no public pool"]);
    match s.world.refused(Command::DeletePublicPool(pool)) {
        Refusal::InUse { noun: Noun::PublicPool, holder: Holder::FloatingIp(_), .. } => {}
        other => panic!("{other}"),
    }
    for one in &all {
        s.world.run::<FloatingIp>(Command::DeleteFloatingIp(one.id));
    }
    assert_eq!(allocate(&mut s.world).address, ip4("203.0.113.5"), "the one that has rested longest");
}

#[test]
fn c09_each_private_address_has_one_floating_ip_and_an_interface_may_have_several() {
    let (mut s, _) = public();
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![at("10.0.0.50")], ..vni(s.subnet) }));
    let (one, two) = (allocate(&mut s.world), allocate(&mut s.world));
    let first: FloatingIp = s.world.run(associate(one.id, primary(made.id), false));
    assert_eq!(first.target, Some(FloatingIpTarget::Vni { vni: made.id, ip: made.ips[0] }));
    let refusal = s.world.refused(associate(two.id, primary(made.id), true));
    says(&refusal, &["10.0.0.4", &made.id.to_string(), &one.id.to_string()]);
    let second = FloatingIpChoice { vni: made.id, ip: Some(made.ips[1]), manner: Manner::PerAddress };
    s.world.run::<FloatingIp>(associate(two.id, second, false));
    s.world.run::<FloatingIp>(associate(two.id, second, false));
    assert!(matches!(s.world.refused(associate(one.id, second, true)), Refusal::AddressHasFloatingIp { .. }));

    s.world.run::<ReservedIp>(Command::RemoveVniIp(made.id, made.ips[1]));
    assert_eq!(s.world.get::<FloatingIp>(two.id).target, None, "its address is gone, the public one is kept");
    s.world.run::<Vni>(Command::DeleteVni(made.id));
    assert_eq!(s.world.get::<FloatingIp>(one.id).target, None);
}

#[test]
fn c13_a_floating_ip_goes_elsewhere_only_when_that_is_meant() {
    let (mut s, _) = public();
    let (here, there) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let target = Some(primary(here));
    let made: FloatingIp = s.world.run(Command::CreateFloatingIp(CreateFloatingIp { zone: None, target, ..create() }));
    assert_eq!(made.zone, "zone-1");
    let refusal = s.world.refused(associate(made.id, primary(there), false));
    says(&refusal, &[&made.id.to_string(), "203.0.113.5", &here.to_string()]);
    s.world.run::<FloatingIp>(associate(made.id, primary(there), true));
    s.world.run::<FloatingIp>(Command::DisassociateFloatingIp(made.id));
    s.world.ignored_reply(Command::DisassociateFloatingIp(made.id));
    s.world.run::<FloatingIp>(associate(made.id, primary(here), false));
    s.world.run::<FloatingIp>(Command::DeleteFloatingIp(made.id));
}

#[test]
fn c09_a_floating_ip_follows_its_address_to_another_interface() {
    let (mut s, _) = public();
    let one: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![at("10.0.0.50")], ..vni(s.subnet) }));
    let two = s.world.vni(s.subnet).id;
    let ip = one.ips[1];
    let made = allocate(&mut s.world);
    s.world.run::<FloatingIp>(associate(
        made.id,
        FloatingIpChoice { vni: one.id, ip: Some(ip), manner: Manner::PerAddress },
        false,
    ));
    s.world.run::<ReservedIp>(Command::MoveVniIp(ip, two));
    assert_eq!(s.world.get::<FloatingIp>(made.id).target, Some(FloatingIpTarget::Vni { vni: two, ip }));
}

#[test]
fn c01_a_floating_ip_leads_to_an_ipv4_address_of_its_zone() {
    let (mut s, _) = public();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let far: Subnet = s.world.run(Command::CreateSubnet(create_subnet(s.vpc, "zone-2", "10.2.0.0/24")));
    let (far, near) = (s.world.vni(far.id).id, s.world.vni(s.subnet));
    let made = allocate(&mut s.world).id;
    says(&s.world.refused(associate(made, primary(far), false)), &["field 'target'", "zone-2", "zone-1"]);
    let six: ReservedIp = s.world.run(Command::AddVniIp(near.id, at("2001:db8::9")));
    let v6 = FloatingIpChoice { vni: near.id, ip: Some(six.id), manner: Manner::PerAddress };
    says(&s.world.refused(associate(made, v6, false)), &["field 'target.ip'", "IPv4"]);
    let other = s.world.vni(s.subnet).primary_ip();
    let stranger = FloatingIpChoice { vni: near.id, ip: Some(other), manner: Manner::PerAddress };
    says(&s.world.refused(associate(made, stranger, false)), &["field 'target.ip'", "not an address of"]);
}

#[test]
fn a_floating_ip_without_a_zone_is_of_any_zone_of_the_region_that_has_one() {
    let (mut s, _) = public();
    let anywhere = |address: Option<&str>| {
        let address = address.map(ip4);
        Command::CreateFloatingIp(CreateFloatingIp { zone: None, address, ..create() })
    };
    s.world.run::<PublicPool>(pool_in("zone-2", &["198.51.100.0/31"]));
    let given: FloatingIp = s.world.run(anywhere(Some("198.51.100.1")));
    assert_eq!(given.zone, "zone-2");
    says(&s.world.refused(anywhere(Some("192.0.2.1"))), &["field 'address'", "192.0.2.1", "no public pool of region"]);
    let zones: Vec<String> = (0..5).map(|_| s.world.run::<FloatingIp>(anywhere(None)).zone).collect();
    assert_eq!(zones, ["zone-1", "zone-1", "zone-1", "zone-1", "zone-2"]);
    assert!(matches!(s.world.refused(anywhere(None)), Refusal::NoPublicAddress { .. }));
    let far = Request::tenant(Owner::new(AccountId::FIRST, "far"), anywhere(None));
    let regions = ["local", "far"].map(|name| Region { name: name.to_owned(), zones: Vec::new() });
    s.world.done(Command::ConfigureRegions(regions.to_vec()));
    assert_eq!(s.world.refused(far), Refusal::NoPublicAddress { zone: "far".to_owned() }, "pools are of one region");
}

#[test]
fn c09_a_floating_ip_takes_anothers_place_when_that_is_meant() {
    let (mut s, _) = public();
    let made = s.world.vni(s.subnet).id;
    let (one, two) = (allocate(&mut s.world), allocate(&mut s.world));
    let displace = |id, displace| {
        let target = primary(made);
        Command::AssociateFloatingIp { id, target, reassociate: false, displace }
    };
    let first: FloatingIp = s.world.run(displace(one.id, true));
    assert!(matches!(s.world.refused(displace(two.id, false)), Refusal::AddressHasFloatingIp { .. }));
    let second: FloatingIp = s.world.run(displace(two.id, true));
    let one: FloatingIp = s.world.get(one.id);
    assert_eq!((one.target, one.association), (None, None), "it is kept, and leads nowhere");
    assert_ne!(first.association, second.association);
    s.world.ignored_reply(displace(two.id, true));

    let release = |id| Command::ReleaseFloatingIp(id);
    match s.world.refused(release(two.id)) {
        Refusal::InUse { noun: Noun::FloatingIp, holder: Holder::Vni(id), .. } => assert_eq!(id, made),
        other => panic!("{other}"),
    }
    s.world.run::<FloatingIp>(release(one.id));
    s.world.run::<FloatingIp>(Command::DisassociateFloatingIp(two.id));
    let again: FloatingIp = s.world.run(displace(two.id, false));
    assert_ne!(again.association, second.association, "each association has an id of its own");
    let ended = second.association.unwrap();
    let refusal = s.world.refused(Command::EndAssociation(ended));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Association, id: ended.to_string() });
    let lasts = again.association.unwrap();
    let stranger = Owner::new("000000000007".parse().unwrap(), "local");
    let refusal = s.world.refused(Request::tenant(stranger, Command::EndAssociation(lasts)));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Association, id: lasts.to_string() });
    assert_eq!(s.world.run::<FloatingIp>(Command::EndAssociation(lasts)).target, None);
}

#[test]
fn a_floating_ips_domain_name_is_kept_as_dns_writes_it() {
    let (mut s, _) = public();
    let id = allocate(&mut s.world).id;
    let name = |domain: Option<&str>| Command::NameFloatingIpDomain(id, domain.map(str::to_owned));
    let named: FloatingIp = s.world.run(name(Some("Mail.Example.com.")));
    assert_eq!(named.domain_name.as_deref(), Some("mail.example.com"));
    for bad in ["", ".", "a..b", "-a.example", "a_b.example", &"a".repeat(64)] {
        says(&s.world.refused(name(Some(bad))), &["field 'domain_name'", "labels of letters"]);
    }
    assert_eq!(s.world.run::<FloatingIp>(name(None)).domain_name, None);
}

fn gateway(s: &Scene) -> CreatePublicGateway {
    CreatePublicGateway { name: None, vpc: s.vpc, zone: "zone-1".to_owned(), floating_ip: None, host: None }
}

fn uplink(s: &mut Scene, number: u8, id: HostId) {
    let register = RegisterHost { uplink: Some("up0".to_owned()), ..host(id, number, "zone-1") };
    s.world.run::<Host>(Command::RegisterHost(register));
}

#[test]
fn c15_a_vpc_has_one_public_gateway_in_a_zone_on_a_host_with_an_uplink() {
    let (mut s, _) = public();
    let create = Command::CreatePublicGateway(gateway(&s));
    assert_eq!(s.world.refused(create.clone()), Refusal::NoUplink { zone: "zone-1".to_owned() });
    let second = s.hosts[1];
    uplink(&mut s, 2, second);
    let bare = Command::CreatePublicGateway(CreatePublicGateway { host: Some(s.hosts[0]), ..gateway(&s) });
    says(&s.world.refused(bare), &["field 'host'", "no uplink"]);
    let made: PublicGateway = s.world.run(create.clone());
    assert_eq!((made.host, made.owns_floating_ip), (s.hosts[1], true));
    says(&s.world.refused(create), &["field 'zone'", &made.id.to_string()]);
    let own = s.world.refused(Command::DisassociateFloatingIp(made.floating_ip));
    says(&own, &[&made.floating_ip.to_string(), &made.id.to_string()]);
    says(&s.world.refused(Command::DeleteFloatingIp(made.floating_ip)), &[&made.id.to_string()]);
    says(&s.world.refused(Command::RegisterHost(host(s.hosts[1], 2, "zone-1"))), &["uplink", &made.id.to_string()]);
    says(&s.world.refused(Command::DeleteHost(s.hosts[1])), &[&made.id.to_string()]);

    let use_it = |gateway| UpdateSubnet { public_gateway: Some(gateway), ..UpdateSubnet::default() };
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, use_it(Some(made.id))));
    says(&s.world.refused(Command::DeletePublicGateway(made.id)), &["in use", &s.subnet.to_string()]);
    let far: Subnet = s.world.run(Command::CreateSubnet(create_subnet(s.vpc, "zone-2", "10.2.0.0/24")));
    let refusal = s.world.refused(Command::UpdateSubnet(far.id, use_it(Some(made.id))));
    says(&refusal, &["field 'public_gateway'", "zone-1", "zone-2"]);
    let other = s.world.vpc(&[]).id;
    let theirs = s.world.subnet(other, "10.0.0.0/24").id;
    let refusal = s.world.refused(Command::UpdateSubnet(theirs, use_it(Some(made.id))));
    assert!(matches!(refusal, Refusal::OtherVpc { noun: Noun::PublicGateway, .. }), "{refusal}");

    s.world.run::<Subnet>(Command::DeleteSubnet(far.id));
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, use_it(None)));
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    says(&s.world.refused(Command::DeleteVpc(s.vpc)), &[&made.id.to_string(), "public gateways first"]);
    s.world.run::<PublicGateway>(Command::DeletePublicGateway(made.id));
    assert_eq!(s.world.all::<FloatingIp>(), [], "it came with the gateway and goes with it");
    s.world.run::<Vpc>(Command::DeleteVpc(s.vpc));
}

#[test]
fn c15_a_floating_ip_that_was_there_before_outlives_the_gateway() {
    let (mut s, _) = public();
    let first = s.hosts[0];
    uplink(&mut s, 1, first);
    let own = allocate(&mut s.world);
    let create = CreatePublicGateway { floating_ip: Some(own.id), ..gateway(&s) };
    let made: PublicGateway = s.world.run(Command::CreatePublicGateway(create));
    let vni = s.world.vni(s.subnet).id;
    let refusal = s.world.refused(associate(own.id, primary(vni), true));
    assert!(matches!(refusal, Refusal::FloatingIpBound { holder: Holder::PublicGateway(_), .. }), "{refusal}");
    s.world.run::<PublicGateway>(Command::DeletePublicGateway(made.id));
    assert_eq!(s.world.get::<FloatingIp>(own.id).target, None);
}
