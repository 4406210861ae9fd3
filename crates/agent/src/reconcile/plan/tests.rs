//! What plans promise, on hosts made of values.

use std::collections::BTreeSet;

use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, FloatingIpSpec, PortMode};
use pintle_core::id::AttachmentId;
use pintle_datapath::{EndpointFlags, EndpointKey, PortFlags};
use proptest::prelude::*;

use super::super::action::{Mend, Stage, Step};
use super::super::fake::{Dice, FakeHost};
use super::super::observed::{NamespaceState, UplinkDevice};
use super::Scope;
use crate::desired::{Delta, Desired, card_of};

proptest! {
    #[test]
    fn a29_what_a_plan_made_needs_no_plan(seed in 1u64..) {
        let desired = Dice(seed).desired();
        let mut host = FakeHost::default();
        absent(&mut host, &desired);
        host.round(&desired, Scope::All);
        prop_assert_eq!(host.plan(&desired, Scope::All).actions, []);
    }

    #[test]
    fn r01_any_host_is_right_after_two_rounds_and_stays_so(seed in 1u64..) {
        let mut dice = Dice(seed);
        let (before, desired) = (dice.desired(), dice.desired());
        let mut host = FakeHost::default();
        absent(&mut host, &before);
        host.round(&before, Scope::All);
        dice.damage(&mut host);
        absent(&mut host, &desired);
        host.round(&desired, Scope::All);
        host.round(&desired, Scope::All);
        prop_assert_eq!(host.plan(&desired, Scope::All).actions, []);
    }

    #[test]
    fn r01_planning_what_a_delta_touches_is_planning_everything(seed in 1u64..) {
        let mut dice = Dice(seed);
        let (mut desired, target) = (dice.desired(), dice.desired());
        let mut host = FakeHost::default();
        absent(&mut host, &desired);
        host.round(&desired, Scope::All);
        let removed = desired.entries().keys().filter(|key| target.get(key).is_none()).copied().collect();
        let put = target.entries().iter().filter(|(key, entry)| desired.get(key) != Some(*entry));
        let put = put.map(|(key, entry)| (*key, entry.clone())).collect();
        let touched = desired.apply(2, Delta { put, removed });
        absent(&mut host, &desired);
        host.round(&desired, Scope::Keys(&touched));
        prop_assert_eq!(host.plan(&desired, Scope::All).actions, []);
    }
}

/// Instances that a host has never heard of have no namespace.
fn absent(host: &mut FakeHost, desired: &Desired) {
    for (id, _) in desired.instances().filter(|(id, _)| !desired.is_tap(*id)) {
        host.state.namespaces.entry(id).or_insert(NamespaceState::Absent);
    }
}

/// A host that is right, with active ports: none of them a tap.
fn settled() -> (FakeHost, Desired) {
    settled_where(|desired| desired.ports().all(|(_, spec)| !desired.is_tap(spec.instance)))
}

/// A host that is right, with some active ports, none of a VLAN, for the first desired state that is like this.
fn settled_where(like: impl Fn(&Desired) -> bool) -> (FakeHost, Desired) {
    let mut all = (1..).map(|seed| Dice(seed * 7919).desired());
    let plain = |desired: &Desired| desired.ports().all(|(_, spec)| card_of(spec).is_none());
    let mut desired = all.find(|desired| desired.ports().count() >= 2 && plain(desired) && like(desired)).unwrap();
    let put = desired.ports().map(|(id, spec)| {
        let mut spec = spec.clone();
        (spec.mode, spec.policy.allow_ip_spoofing) = (PortMode::Active, false);
        (EntryKey::Port(id), Entry::Port(Box::new(spec)))
    });
    let put = put.collect();
    desired.apply(2, Delta { put, removed: Vec::new() });
    let mut host = FakeHost::default();
    absent(&mut host, &desired);
    host.round(&desired, Scope::All);
    (host, desired)
}

#[test]
fn f16_packets_turn_to_the_new_port_before_the_old_one_falls_silent() {
    let (mut host, mut desired) = settled();
    let ports: Vec<_> = desired.ports().map(|(id, spec)| (id, spec.clone())).take(2).collect();
    let [(old, old_spec), (new, new_spec)] = &ports[..] else { panic!("two ports") };
    let mode = |spec: &pintle_core::host_spec::PortSpec, mode| {
        Entry::Port(Box::new(pintle_core::host_spec::PortSpec { mode, ..spec.clone() }))
    };
    let prepared = vec![(EntryKey::Port(*new), mode(new_spec, PortMode::Prepared))];
    let touched = desired.apply(3, Delta { put: prepared, removed: Vec::new() });
    host.round(&desired, Scope::Keys(&touched));
    let address = EntryKey::Endpoint(7, old_spec.addresses[0]);
    let Some(Entry::Endpoint(EndpointSpec::Vni(endpoint))) = desired.get(&address).cloned() else {
        panic!("an endpoint")
    };
    let endpoint =
        EndpointSpec::Vni(pintle_core::host_spec::VniEndpoint { port: Some(*new), vtep: None, mtu: 1300, ..endpoint });
    let put = vec![
        (EntryKey::Port(*old), mode(old_spec, PortMode::Fenced)),
        (EntryKey::Port(*new), mode(new_spec, PortMode::Active)),
        (address, Entry::Endpoint(endpoint)),
    ];
    let touched = desired.apply(4, Delta { put, removed: Vec::new() });
    let plan = host.plan(&desired, Scope::Keys(&touched));
    let stages: Vec<Stage> = plan.actions.iter().map(|action| action.step.stage()).collect();
    assert_eq!(stages, [Stage::Ports, Stage::Endpoints, Stage::Mute], "{:#?}", plan.actions);
    assert_eq!(plan.actions[0].step, Step::MendPort(*new, vec![Mend::Row]));
    assert_eq!(plan.actions[2].step, Step::Mute(*old));
}

#[test]
fn r02_a_difference_is_told_exactly() {
    let (mut host, desired) = settled();
    let (id, spec) = desired.ports().find(|(_, spec)| spec.default_route).unwrap();
    let guest = host.state.ports.get_mut(&id).unwrap().guest.as_mut().unwrap();
    guest.routes.retain(|route| route.destination.addr().is_ipv6());
    let plan = host.plan(&desired, Scope::All);
    let [action] = &plan.actions[..] else { panic!("one action: {plan:#?}") };
    assert_eq!(action.key, Some(EntryKey::Port(id)));
    let text = format!("port {id}: route default via {} missing in the guest", spec.gateway);
    assert_eq!(action.difference, text);
}

#[test]
fn c01_an_address_is_added_without_touching_the_others() {
    let (host, mut desired) = settled();
    let (id, spec) = desired.ports().next().map(|(id, spec)| (id, spec.clone())).unwrap();
    let mut more = spec;
    more.addresses.push(std::net::IpAddr::from([10, 0, 0, 240]));
    let touched =
        desired.apply(3, Delta { put: vec![(EntryKey::Port(id), Entry::Port(Box::new(more)))], removed: Vec::new() });
    let plan = host.plan(&desired, Scope::Keys(&touched));
    let [action] = &plan.actions[..] else { panic!("one action: {plan:#?}") };
    let Step::MendPort(_, mends) = &action.step else { panic!("{action:?}") };
    assert!(
        matches!(&mends[..], [Mend::AddAddress(address)] if address.net.to_string() == "10.0.0.240/32"),
        "{mends:?}"
    );
}

#[test]
fn f06_a_namespace_that_cant_be_used_fails_its_ports_and_touches_nothing() {
    let (mut host, desired) = settled();
    let (id, spec) = desired.ports().next().unwrap();
    host.state.namespaces.insert(spec.instance, NamespaceState::Unusable("process 7 has ended".into()));
    host.state.ports.get_mut(&id).unwrap().guest = None;
    let plan = host.plan(&desired, Scope::All);
    let keys: BTreeSet<EntryKey> = plan.failures.keys().copied().collect();
    assert!(keys.contains(&EntryKey::Port(id)) && keys.contains(&EntryKey::Instance(spec.instance)), "{keys:?}");
    assert_eq!(plan.actions, []);
}

#[test]
fn f16_a_port_falls_silent_even_if_its_namespace_cant_be_used() {
    let (mut host, mut desired) = settled();
    let (id, spec) = desired.ports().next().map(|(id, spec)| (id, spec.clone())).unwrap();
    host.state.namespaces.insert(spec.instance, NamespaceState::Unusable("process 7 has ended".into()));
    let fenced = Entry::Port(Box::new(pintle_core::host_spec::PortSpec { mode: PortMode::Fenced, ..spec }));
    let touched = desired.apply(3, Delta { put: vec![(EntryKey::Port(id), fenced)], removed: Vec::new() });
    let plan = host.plan(&desired, Scope::Keys(&touched));
    assert_eq!(plan.actions.iter().map(|action| &action.step).collect::<Vec<_>>(), [&Step::Mute(id)]);
    assert!(plan.failures.contains_key(&EntryKey::Port(id)), "its namespace is still to be told of");
}

/// A host that is right, and one of its ports that is a tap and gets packets.
fn with_tap() -> (FakeHost, Desired, AttachmentId, EndpointKey) {
    let local = |desired: &Desired| {
        desired.ports().find_map(|(id, spec)| {
            let key = EndpointKey { segment: 7, addr: spec.addresses[0] };
            let endpoint = desired.get(&EntryKey::Endpoint(7, key.addr));
            let here = matches!(endpoint, Some(Entry::Endpoint(EndpointSpec::Vni(spec))) if spec.port == Some(id));
            (here && desired.is_tap(spec.instance)).then_some((id, key))
        })
    };
    let (host, desired) = settled_where(|desired| local(desired).is_some());
    let (id, key) = local(&desired).unwrap();
    (host, desired, id, key)
}

#[test]
fn i16_a_tap_has_no_namespace_and_no_guest_and_is_right_so() {
    let (host, desired, id, key) = with_tap();
    let (port, spec) = (&host.state.ports[&id], desired.port(id).unwrap());
    assert!(port.device.tap && port.guest.is_none());
    assert!(port.row.as_ref().unwrap().flags.contains(PortFlags::TAP));
    assert!(host.state.endpoints[&key].flags.contains(EndpointFlags::LOCAL_TAP));
    assert!(!host.state.namespaces.contains_key(&spec.instance));
    assert_eq!(host.plan(&desired, Scope::All).actions, []);
    let veth = |row: &pintle_datapath::Endpoint| !row.flags.contains(EndpointFlags::LOCAL_TAP);
    assert!(host.state.endpoints.values().any(veth), "others are none");
}

#[test]
fn i16_a_tap_is_mended_on_its_one_side_and_replaced_only_if_it_is_none() {
    let (mut host, desired, id, key) = with_tap();
    let device = &mut host.state.ports.get_mut(&id).unwrap().device;
    (device.up, device.mtu) = (false, 900);
    let steps = |host: &FakeHost| -> Vec<Step> {
        host.plan(&desired, Scope::All).actions.into_iter().map(|action| action.step).collect()
    };
    assert_eq!(steps(&host), [Step::MendPort(id, vec![Mend::HostMtu { is: 900 }, Mend::HostUp])]);
    host.round(&desired, Scope::All);
    host.state.ports.get_mut(&id).unwrap().device.tap = false;
    let steps = steps(&host);
    assert_eq!(steps[..2], [Step::ClearPort(id), Step::MakePort(id)]);
    assert!(steps.contains(&Step::PutEndpoint(key)), "{steps:?}");
}

/// What leads to a public address, as the server says it.
fn floating(port: pintle_core::id::AttachmentId, address: [u8; 4]) -> Entry {
    let (address, translate) = (address.into(), true);
    Entry::FloatingIp(FloatingIpSpec::Vni { port, segment: 7, address, translate })
}

#[test]
fn c13_public_addresses_come_change_and_go_and_leave_nothing() {
    let (mut host, mut desired) = settled();
    let port = desired.ports().next().map(|(id, _)| id).unwrap();
    let [one, two] = [[203, 0, 113, 9], [203, 0, 113, 10]].map(|ip| EntryKey::FloatingIp(ip.into()));
    let put = |entries: Vec<(EntryKey, Entry)>| Delta { put: entries, removed: Vec::new() };
    let touched = desired.apply(3, put(vec![(one, floating(port, [10, 0, 0, 4]))]));
    let plan = host.plan(&desired, Scope::Keys(&touched));
    assert!(plan.failures[&one].contains("the uplink 'up0' is not there") && plan.actions.is_empty(), "{plan:?}");

    host.state.uplink.device = Some(UplinkDevice { index: 9, mac: [2, 0, 0, 0, 0, 9], mtu: 1500 });
    let plan = host.plan(&desired, Scope::All);
    let steps: Vec<&Step> = plan.actions.iter().map(|action| &action.step).collect();
    assert_eq!(steps, [&Step::MendUplink, &Step::PutPublic([203, 0, 113, 9].into())]);
    host.round(&desired, Scope::All);
    assert_eq!(host.plan(&desired, Scope::All), super::Plan::default(), "a second round has nothing to do");

    // Both change hands in one step, in either order.
    let swapped = vec![(two, floating(port, [10, 0, 0, 4])), (one, floating(port, [10, 0, 0, 5]))];
    let touched = desired.apply(4, put(swapped));
    assert_eq!(host.round(&desired, Scope::Keys(&touched)), 2);
    assert_eq!(host.plan(&desired, Scope::All), super::Plan::default());
    assert_eq!((host.state.public.len(), host.state.private.len()), (2, 2));

    let touched = desired.apply(5, Delta { put: Vec::new(), removed: vec![one, two] });
    host.round(&desired, Scope::Keys(&touched));
    assert_eq!((host.state.public.len(), host.state.private.len()), (0, 0));
    assert_eq!(host.plan(&desired, Scope::All), super::Plan::default());
}
