//! Two hosts: guests reach each other through the tunnel, and an interface moves from one to the other.

mod agent_support;

use std::net::Ipv4Addr;

use agent_support::{GATEWAY, Guest, Host, SEGMENT, entries, ip, put};
use pintle_agent::desired::{Delta, Desired};
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, LocationSpec, PortMode, VniEndpoint};

/// Connects the underlays of two hosts: one's device becomes the other end of the other's.
fn connect(one: &Host, two: &Host) {
    for host in [one, two] {
        ip(&host.scratch.name, "link del under0");
    }
    ip(&one.scratch.name, &format!("link add under0 type veth peer name under0 netns {}", two.scratch.name));
    for host in [one, two] {
        ip(&host.scratch.name, &format!("addr add {}/24 dev under0", host.vtep));
        ip(&host.scratch.name, "link set under0 up");
    }
}

/// The entries of an interface that lives on another host.
fn remote(guest: &Guest, vtep: Ipv4Addr) -> Vec<(EntryKey, Entry)> {
    let location = LocationSpec { vtep: Some(vtep), alt_vtep: None, route_table: 0 };
    vec![
        endpoint(guest, |endpoint| VniEndpoint { port: None, vtep: Some(vtep), ..endpoint }),
        (EntryKey::Location(SEGMENT, guest.spec.mac), Entry::Location(location)),
    ]
}

fn v4(guest: &Guest) -> Ipv4Addr {
    let std::net::IpAddr::V4(ip) = guest.ip() else { panic!("a guest's first address is of IPv4") };
    ip
}

/// The endpoint of a guest here, changed.
fn endpoint(guest: &Guest, change: impl FnOnce(VniEndpoint) -> VniEndpoint) -> (EntryKey, Entry) {
    let spec = EndpointSpec::Vni(change(guest.endpoint()));
    (EntryKey::Endpoint(SEGMENT, guest.ip()), Entry::Endpoint(spec))
}

#[test]
fn h01_guests_of_two_hosts_reach_each_other() {
    let (left, right) = (Host::new(1), Host::new(2));
    connect(&left, &right);
    let (one, two) = (Guest::new(90), Guest::new(91));
    let set_up = |host: &Host, here: &Guest, there: Vec<(EntryKey, Entry)>| {
        host.run(|| {
            let mut reconciler = host.reconciler();
            let mut all = entries(&[here]);
            all.extend(there);
            reconciler.replace(Desired::new(1, all)).unwrap();
            assert_eq!(reconciler.failures(), []);
            reconciler
        })
    };
    let _left = set_up(&left, &one, remote(&two, right.vtep));
    let _right = set_up(&right, &two, remote(&one, left.vtep));
    assert!(one.reaches(&two) && two.reaches(&one) && one.ping(v4(&two)) && two.ping(GATEWAY));
}

#[test]
fn u01_an_interface_moves_and_its_old_host_falls_silent() {
    let (left, right) = (Host::new(1), Host::new(2));
    connect(&left, &right);
    let (peer, old) = (Guest::new(92), Guest::new(93));
    let mut new = Guest { spec: old.spec.clone(), ..Guest::new(94) };
    (new.spec.instance, new.spec.mode, new.spec.generation) = (new.instance, PortMode::Prepared, 2);
    let mut on_left = left.run(|| left.reconciler());
    let mut on_right = right.run(|| right.reconciler());
    left.run(|| on_left.replace(Desired::new(1, entries(&[&peer, &old])))).unwrap();
    // Prepared: the other host has the port, and what reaches it early is delivered.
    let prepared =
        [new.instance_entry(), new.port_entry()].into_iter().chain(remote(&peer, left.vtep)).chain([endpoint(
            &new,
            |endpoint| VniEndpoint {
                port: None,
                alt_port: Some(new.attachment),
                vtep: Some(left.vtep),
                incoming_from: Some(left.vtep),
                ..endpoint
            },
        )]);
    let mut all = entries(&[]);
    all.extend(prepared);
    right.run(|| on_right.replace(Desired::new(1, all))).unwrap();
    assert_eq!((on_left.failures(), on_right.failures()), (vec![], vec![]));
    assert!(old.reaches(&peer) && !new.reaches(&peer));
    // Open: both speak. The host that is left accepts the new one's tunnel.
    let open = LocationSpec { vtep: None, alt_vtep: Some(right.vtep), route_table: 0 };
    let location = (EntryKey::Location(SEGMENT, new.spec.mac), Entry::Location(open));
    left.run(|| on_left.change(2, put(vec![location]))).unwrap();
    new.spec.mode = PortMode::Active;
    let here = endpoint(&new, |endpoint| VniEndpoint { incoming_from: Some(left.vtep), ..endpoint });
    right.run(|| on_right.change(2, put(vec![new.port_entry(), here]))).unwrap();
    assert!(new.reaches(&peer), "the new one speaks");
    // Settle: the old one is silent, and peers send to the new host.
    let mut fenced = old.clone();
    fenced.spec.mode = PortMode::Fenced;
    let mut entries = vec![fenced.port_entry()];
    entries.extend(remote(&new, right.vtep));
    left.run(|| on_left.change(3, put(entries))).unwrap();
    assert!(peer.reaches(&new) && new.reaches(&peer) && !old.reaches(&peer));
    let removed = vec![old.port_key(), EntryKey::Instance(old.instance)];
    left.run(|| on_left.change(4, Delta { put: Vec::new(), removed })).unwrap();
    assert!(peer.reaches(&new) && peer.ping(v4(&new)));
    for reconciler in [&on_left, &on_right] {
        assert_eq!(reconciler.failures(), []);
    }
}
