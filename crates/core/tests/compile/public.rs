//! The public network as entries: who answers for an address, and which way leads out.

use std::net::IpAddr;

use pintle_core::command::{
    Command, CreateFloatingIp, CreatePublicGateway, CreatePublicPool, FloatingIpChoice, RegisterHost, UpdateSubnet,
};
use pintle_core::host_spec::{Entry, EntryKey, FloatingIpSpec, RouteSpec};
use pintle_core::id::{AttachmentId, HostId, VniId};
use pintle_core::legality::Manner;
use pintle_core::model::{FloatingIp, Host, Move, MoveStep, PublicGateway, PublicPool, Subnet, Vpc};

use super::effects::{hear, told};
use super::told::whole;
use crate::common::build::{Scene, host, ip, ip4, net, scene};

/// An interface on the first host with a floating IP; both hosts have an uplink, `homes` are instances on each.
struct Stage {
    s: Scene,
    vni: VniId,
    attachment: AttachmentId,
    home: pintle_core::id::InstanceId,
    public: FloatingIp,
}

fn stage() -> Stage {
    let mut s = scene();
    for (number, id) in (1..).zip(s.hosts) {
        let register = RegisterHost { uplink: Some("up0".to_owned()), ..host(id, number, "zone-1") };
        s.world.run::<Host>(Command::RegisterHost(register));
    }
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs: vec![net("203.0.113.0/29")] };
    s.world.run::<PublicPool>(Command::CreatePublicPool(pool));
    let homes = s.hosts.map(|host| s.world.instance(s.vpc, host).id);
    let vni = s.world.vni_at(s.subnet, "10.0.0.100").id;
    let attachment = s.world.attach_now(homes[0], vni).id;
    let target = Some(FloatingIpChoice::primary(vni, Manner::PerAddress));
    let create = CreateFloatingIp { name: None, zone: None, address: None, target };
    let public = s.world.run(Command::CreateFloatingIp(create));
    Stage { s, vni, attachment, home: homes[1], public }
}

impl Stage {
    /// The hosts that answer for the public address, each with the port that it leads to there.
    fn answer(&self) -> Vec<(HostId, AttachmentId)> {
        let key = EntryKey::FloatingIp(IpAddr::V4(self.public.address));
        let entries = whole(&self.s.world.store);
        let spec = |own: &std::collections::BTreeMap<EntryKey, Entry>| match own.get(&key) {
            Some(Entry::FloatingIp(FloatingIpSpec::Vni { port, address, translate, .. })) => {
                assert_eq!((*address, *translate), (ip("10.0.0.100"), true));
                Some(*port)
            }
            None => None,
            other => panic!("{other:?}"),
        };
        self.s.hosts.into_iter().filter_map(|host| Some((host, spec(entries.get(&host)?)?))).collect()
    }

    fn route(&self, host: usize) -> Option<Entry> {
        let key = EntryKey::Route(self.s.world.get::<Vpc>(self.s.vpc).segment, 0, "0.0.0.0/0".parse().unwrap());
        whole(&self.s.world.store).get(&self.s.hosts[host])?.get(&key).cloned()
    }
}

#[test]
fn c14_a_floating_ip_follows_a_move_and_is_never_without_a_host() {
    let mut t = stage();
    let [old, new] = t.s.hosts;
    assert_eq!(t.answer(), [(old, t.attachment)]);
    let moving: Move = t.s.world.run(Command::MoveVni { vni: t.vni, to: t.home, nic: None });
    let (from, to) = ((old, t.attachment), (new, moving.to));
    for (step, expected) in [
        (MoveStep::Prepare, vec![from]),
        (MoveStep::Open, vec![from, to]),
        (MoveStep::Drain, vec![to]),
        (MoveStep::Settle, vec![to]),
    ] {
        let mut sorted = expected.clone();
        sorted.sort();
        let mut answer = t.answer();
        answer.sort();
        assert_eq!(answer, sorted, "{step:?}");
        t.s.world.done(Command::AdvanceMove(t.vni, step));
    }
    assert_eq!(t.answer(), [to]);
}

#[test]
fn c13_an_address_that_leads_elsewhere_concerns_those_two_interfaces_only() {
    let mut t = stage();
    let other = t.s.world.vni(t.s.subnet).id;
    let mut told = told(&t.s);
    let target = FloatingIpChoice::primary(other, Manner::PerAddress);
    let command = Command::AssociateFloatingIp { id: t.public.id, target, reassociate: true, displace: false };
    let concerned = [t.vni, other].map(pintle_core::compile::Subject::Vni).into();
    assert_eq!(hear(&mut t.s, &mut told, command), concerned);
    assert_eq!(t.answer(), [], "it leads to an interface that is nowhere");
}

#[test]
fn c15_a_public_gateway_is_the_way_out_of_its_zone_and_its_host_carries_the_vpc() {
    let mut t = stage();
    let alone = RouteSpec::Public { gateway_vtep: None, gateway: None };
    assert_eq!(t.route(0), Some(Entry::Route(alone)), "floating IPs lead out where there is an uplink");
    assert_eq!(t.route(1), None, "a host without anything of the VPC");
    let mut told = told(&t.s);
    let create = CreatePublicGateway {
        name: None,
        vpc: t.s.vpc,
        zone: "zone-1".to_owned(),
        floating_ip: None,
        host: Some(t.s.hosts[1]),
    };
    hear(&mut t.s, &mut told, Command::CreatePublicGateway(create));
    let gateway = t.s.world.all::<PublicGateway>().remove(0);
    let address = t.s.world.get::<FloatingIp>(gateway.floating_ip).address;
    let through = |gateway_vtep| Entry::Route(RouteSpec::Public { gateway_vtep, gateway: Some(address) });
    assert_eq!(t.route(0), Some(through(Some(ip4("192.0.2.2")))));
    assert_eq!(t.route(1), Some(through(None)));
    let segment = t.s.world.get::<Vpc>(t.s.vpc).segment;
    let own = &whole(&t.s.world.store)[&t.s.hosts[1]];
    let spec = Entry::FloatingIp(FloatingIpSpec::Gateway { segment });
    assert_eq!(own[&EntryKey::FloatingIp(address.into())], spec);
    assert!(own.keys().any(|key| matches!(key, EntryKey::Location(..))), "it knows who may speak to it");

    let uses = |s: &Scene| {
        let entries = whole(&s.world.store);
        match &entries[&s.hosts[0]][&EntryKey::Port(t.attachment)] {
            Entry::Port(port) => port.policy.public_gateway,
            other => panic!("{other:?}"),
        }
    };
    assert!(!uses(&t.s), "a subnet uses it only when told to");
    let update = UpdateSubnet { public_gateway: Some(Some(gateway.id)), ..UpdateSubnet::default() };
    let update = Command::UpdateSubnet(t.s.subnet, update);
    hear(&mut t.s, &mut told, update);
    assert!(uses(&t.s));
    let update = UpdateSubnet { public_gateway: Some(None), ..UpdateSubnet::default() };
    t.s.world.run::<Subnet>(Command::UpdateSubnet(t.s.subnet, update));
    t.s.world.run::<PublicGateway>(Command::DeletePublicGateway(gateway.id));
    assert_eq!((t.route(0), t.route(1)), (Some(Entry::Route(alone)), None));
}

#[test]
fn c15_what_is_for_an_unused_address_of_a_subnet_does_not_leave_by_the_way_out() {
    let t = stage();
    let segment = t.s.world.get::<Vpc>(t.s.vpc).segment;
    let subnet = t.s.world.get::<Subnet>(t.s.subnet);
    let entries = &whole(&t.s.world.store)[&t.s.hosts[0]];
    let inside = entries.get(&EntryKey::Route(segment, 0, subnet.cidr.into()));
    assert_eq!(inside, Some(&Entry::Route(RouteSpec::Blackhole)), "longer than the default route, so it comes first");
    assert!(t.route(0).is_some());
}
