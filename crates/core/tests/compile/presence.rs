//! Who knows of an interface, and when: after it can forward, until it is on its way out, where its VPC is carried.

use pintle_core::command::{Command, CreateVni, RegisterHost, UpdateVni};
use pintle_core::compile::Carriers;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, InstanceSpec, PortMode};
use pintle_core::id::{AttachmentId, HostId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Host, Instance, Namespace, Vni, Vpc};

use super::told::{carriers, whole};
use crate::common::build::{Scene, at, host, instance, ip, scene, vni};

/// The way to an address from a host, if the host knows one.
fn way(s: &Scene, on: HostId, address: &str) -> Option<EndpointSpec> {
    let key = EntryKey::Endpoint(s.world.get::<Vpc>(s.vpc).segment, ip(address));
    let entries = whole(&s.world.store);
    super::sound::check(&s.world.store, &entries);
    match entries.get(&on)?.get(&key)? {
        Entry::Endpoint(endpoint) => Some(endpoint.clone()),
        other => panic!("{other:?}"),
    }
}

fn mtu(s: &Scene, on: HostId, address: &str) -> u16 {
    match way(s, on, address) {
        Some(EndpointSpec::Vni(endpoint)) => endpoint.mtu,
        other => panic!("{other:?}"),
    }
}

fn port(s: &Scene, on: HostId, id: AttachmentId) -> Option<PortMode> {
    match whole(&s.world.store).get(&on)?.get(&EntryKey::Port(id))? {
        Entry::Port(port) => Some(port.mode),
        other => panic!("{other:?}"),
    }
}

/// An interface at 10.0.0.100 on the first host, not yet realised; a realised bystander on the second.
fn pair(s: &mut Scene) -> (VniId, AttachmentId) {
    let bystander = s.world.vni_at(s.subnet, "10.0.0.200").id;
    let far = s.world.instance(s.vpc, s.hosts[1]).id;
    s.world.attach_now(far, bystander);
    let vni = s.world.vni_at(s.subnet, "10.0.0.100").id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    (vni, s.world.attach(home, vni).id)
}

#[test]
fn r04_peers_hear_of_an_interface_only_once_it_can_forward() {
    let mut s = scene();
    let (_, attachment) = pair(&mut s);
    assert_eq!(port(&s, s.hosts[0], attachment), Some(PortMode::Active), "its own host makes it ready");
    for host in s.hosts {
        assert_eq!(way(&s, host, "10.0.0.100"), None);
    }
    s.world.realise(attachment);
    for host in s.hosts {
        assert!(way(&s, host, "10.0.0.100").is_some());
    }
    s.world.fail(attachment, "a repair did not succeed");
    assert!(way(&s, s.hosts[1], "10.0.0.100").is_some(), "a failure to repair does not cut off what works");
}

#[test]
fn a22_what_is_on_its_way_out_is_gone_from_every_host() {
    let mut s = scene();
    let (_, attachment) = pair(&mut s);
    s.world.realise(attachment);
    s.world.detach(attachment);
    assert_eq!(port(&s, s.hosts[0], attachment), None);
    for host in s.hosts {
        assert_eq!(way(&s, host, "10.0.0.100"), None);
    }
    let detached = whole(&s.world.store);
    s.world.hosts_let_go();
    assert_eq!(whole(&s.world.store), detached, "the end of what has no entries changes none");
}

#[test]
fn f06_a_stopped_instance_has_no_ports_and_nobody_sends_to_it() {
    let mut s = scene();
    let (_, attachment) = pair(&mut s);
    s.world.realise(attachment);
    let running = whole(&s.world.store);
    let home = s.world.get::<Attachment>(attachment).instance;
    s.world.run::<Instance>(Command::StopInstance(home));
    assert_eq!(port(&s, s.hosts[0], attachment), None);
    assert_eq!(way(&s, s.hosts[1], "10.0.0.100"), None);
    assert!(!whole(&s.world.store)[&s.hosts[0]].contains_key(&EntryKey::Instance(home)));
    s.world.run::<Instance>(Command::StartInstance(home));
    assert_eq!(way(&s, s.hosts[1], "10.0.0.100"), None, "not before it is ready again");
    s.world.realise(attachment);
    assert_eq!(whole(&s.world.store), running);
}

#[test]
fn a_host_has_a_vpcs_gateways_and_ways_only_while_it_carries_the_vpc() {
    let mut s = scene();
    s.world.subnet(s.vpc, "10.0.1.0/24");
    let (_, attachment) = pair(&mut s);
    s.world.realise(attachment);
    for host in s.hosts {
        assert_eq!(way(&s, host, "10.0.0.1"), Some(EndpointSpec::Gateway));
        assert_eq!(way(&s, host, "10.0.1.1"), Some(EndpointSpec::Gateway), "also of subnets it has no port in");
    }
    let third = s.world.host(3, "zone-1").id;
    assert_eq!(whole(&s.world.store).get(&third), None);
    s.world.detach(attachment);
    for address in ["10.0.0.1", "10.0.1.1", "10.0.0.200"] {
        assert_eq!(way(&s, s.hosts[0], address), None, "{address}");
    }
}

#[test]
fn carriers_say_when_a_host_begins_and_ceases_to_carry_a_vpc() {
    let mut s = scene();
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let (one, two) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let (one, two) = (s.world.attach(home, one), s.world.attach(home, two));
    let mut carriers = Carriers::default();
    assert!(carriers.update(one.id, Some(&one)), "the first begins");
    assert!(!carriers.update(one.id, Some(&one)), "the same again is no change");
    assert!(!carriers.update(two.id, Some(&two)), "the second changes nothing");
    assert_eq!((carriers.of(s.vpc), carriers.vpcs(s.hosts[0])), ([s.hosts[0]].into(), [s.vpc].into()));
    let leaving = Attachment { lifecycle: Lifecycle::Deleting, ..one.clone() };
    assert!(!carriers.update(one.id, Some(&leaving)), "one is left");
    assert!(!carriers.update(one.id, None), "what left before is no change");
    assert!(carriers.update(two.id, None), "the last ceases");
    assert!(carriers.of(s.vpc).is_empty() && carriers.vpcs(s.hosts[0]).is_empty());
}

#[test]
fn i09_the_mtu_of_a_way_is_the_smaller_of_its_two_ends() {
    let mut s = scene();
    let (_, attachment) = pair(&mut s);
    s.world.realise(attachment);
    let jumbo = RegisterHost { underlay_mtu: 9000, ..host(s.hosts[0], 1, "zone-1") };
    s.world.run::<Host>(Command::RegisterHost(jumbo));
    let mtus = |s: &Scene, address: &str| s.hosts.map(|on| mtu(s, on, address));
    assert_eq!(mtus(&s, "10.0.0.100"), [8950, 1450]);
    assert_eq!(mtus(&s, "10.0.0.200"), [1450, 1450]);
}

#[test]
fn b03_every_address_of_an_interface_has_a_way_and_loses_it_when_it_is_taken_away() {
    let mut s = scene();
    let (vni, attachment) = pair(&mut s);
    s.world.realise(attachment);
    s.world.run::<pintle_core::model::ReservedIp>(Command::AddVniIp(vni, at("10.0.0.101")));
    assert_eq!(way(&s, s.hosts[1], "10.0.0.101"), way(&s, s.hosts[1], "10.0.0.100"));
    let second = s.world.get::<Vni>(vni).ips[1];
    s.world.run::<pintle_core::model::ReservedIp>(Command::RemoveVniIp(vni, second));
    assert_eq!(way(&s, s.hosts[1], "10.0.0.101"), None);
}

#[test]
fn a_port_says_what_its_interface_is_and_the_first_one_has_the_default_route() {
    let mut s = scene();
    let create = CreateVni { allow_ip_spoofing: Some(true), ips: vec![at("10.0.0.9")], ..vni(s.subnet) };
    let first: Vni = s.world.run(Command::CreateVni(create));
    let second = s.world.vni(s.subnet);
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachments = [s.world.attach(home, first.id).id, s.world.attach(home, second.id).id];
    let entries = whole(&s.world.store);
    let ports = attachments.map(|id| match &entries[&s.hosts[0]][&EntryKey::Port(id)] {
        Entry::Port(port) => port.clone(),
        other => panic!("{other:?}"),
    });
    assert_eq!((ports[0].default_route, ports[1].default_route), (true, false));
    assert_eq!((ports[0].device.as_str(), ports[1].device.as_str()), ("eth0", "eth1"));
    assert_eq!((ports[0].policy.allow_ip_spoofing, ports[1].policy.allow_ip_spoofing), (true, false));
    let primary = s.world.address(first.primary_ip());
    assert_eq!((&ports[0].addresses[..], ports[0].mac), (&[primary, ip("10.0.0.9")][..], first.mac));

    let update = UpdateVni { allow_ip_spoofing: Some(false), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(first.id, update));
    match &whole(&s.world.store)[&s.hosts[0]][&EntryKey::Port(attachments[0])] {
        Entry::Port(port) => assert!(!port.policy.allow_ip_spoofing),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_instance_is_on_its_host_only() {
    let mut s = scene();
    let namespace = Namespace::Path("/run/netns/web".to_owned());
    let create = pintle_core::command::CreateInstance { namespace: namespace.clone(), ..instance(s.vpc, s.hosts[1]) };
    let made: Instance = s.world.run(Command::CreateInstance(create));
    let entries = whole(&s.world.store);
    assert_eq!(entries.keys().collect::<Vec<_>>(), [&s.hosts[1]]);
    let spec = Entry::Instance(InstanceSpec { namespace, serves: None });
    assert_eq!(entries[&s.hosts[1]], [(EntryKey::Instance(made.id), spec)].into());
    s.world.run::<Instance>(Command::DeleteInstance(made.id));
    assert!(whole(&s.world.store).is_empty() && carriers(&s.world.store).of(s.vpc).is_empty());
}
