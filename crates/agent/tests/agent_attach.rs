//! Ports in a real kernel: made, used, changed, moved and removed.

mod agent_support;

use std::process::{Command, Stdio};
use std::time::Instant;

use agent_support::{GATEWAY, Guest, Host, SEGMENT, Scratch, addresses, desired, entries, put};
use pintle_agent::desired::{Delta, Desired};
use pintle_agent::kernel::NetNs;
use pintle_agent::reconcile::Reconciler;
use pintle_core::DropReason;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, PortMode};
use pintle_core::model::Namespace;

#[test]
fn a22_a_port_works_and_its_removal_leaves_nothing() {
    let host = Host::new(1);
    let (one, two) = (Guest::new(10), Guest::new(11));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[])).unwrap();
        let bare = host.devices();
        reconciler.change(2, put(entries(&[&one, &two]))).unwrap();
        assert_eq!(reconciler.failures(), []);
        assert!(one.ping(GATEWAY), "the gateway answers");
        assert!(one.reaches(&two) && two.reaches(&one), "guests reach each other");
        let removed = [&one, &two].iter().flat_map(|guest| guest.entries()).map(|(key, _)| key).collect();
        reconciler.change(3, Delta { put: Vec::new(), removed }).unwrap();
        assert_eq!(reconciler.failures(), []);
        assert_eq!(host.devices(), bare);
        let datapath = reconciler.datapath();
        assert_eq!(datapath.ports().entries().unwrap(), []);
        assert_eq!(datapath.endpoints().entries().unwrap().len(), 1, "the gateway's");
        assert_eq!(datapath.locations().entries().unwrap(), []);
        assert_eq!(datapath.pinned_links().unwrap().len(), 1, "the VXLAN device's");
        assert!(datapath.counters().drops().unwrap().iter().all(|drops| drops.slot == 0));
    });
    for guest in [&one, &two] {
        assert!(NetNs::open_named(&guest.instance.to_string()).is_err(), "the made namespace has gone");
    }
    let pins = host.pins();
    assert!(pins.exists());
    drop(host);
    assert!(!pins.exists(), "nothing is pinned any more");
}

#[test]
fn a29_a_second_apply_writes_nothing() {
    let host = Host::new(1);
    let guests: Vec<Guest> = (20..24).map(Guest::new).collect();
    let all: Vec<&Guest> = guests.iter().collect();
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &all)).unwrap();
        assert_eq!(reconciler.failures(), []);
        let writes = reconciler.writes();
        assert!(writes > 20, "what is written is counted: {writes}");
        let again = reconciler.replace(desired(2, &all)).unwrap();
        let swept = reconciler.sweep().unwrap();
        let touched = reconciler.change(3, put(entries(&all))).unwrap();
        assert_eq!((again.actions, swept.actions, touched.actions), (0, 0, 0));
        assert_eq!(reconciler.writes(), writes);
    });
}

#[test]
fn f06_a_namespace_is_adopted_by_path_and_by_process_and_never_deleted() {
    let (host, scratch) = (Host::new(1), Scratch::new("guest"));
    let mut sleeper =
        scratch.namespace.run(|| Command::new("sleep").arg("60").stdout(Stdio::null()).spawn()).unwrap().unwrap();
    let second = Scratch::new("guest");
    let by_path = Guest { namespace: Namespace::Path(second.path()), ..Guest::new(30) };
    let by_pid = Guest { namespace: Namespace::Pid(sleeper.id()), ..Guest::new(31) };
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&by_path, &by_pid])).unwrap();
        assert_eq!(reconciler.failures(), []);
        assert!(by_path.ping(GATEWAY) && by_pid.reaches(&by_path));
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        reconciler.sweep().unwrap();
        let failures = reconciler.failures();
        assert_eq!(failures.len(), 2, "instance and port: {failures:?}");
        assert!(failures.iter().all(|failure| failure.message.contains("has ended")), "{failures:?}");
        reconciler.replace(desired(2, &[])).unwrap();
        assert_eq!(reconciler.failures(), []);
    });
    assert!(NetNs::open_path(second.path()).is_ok(), "the namespace is still there");
    let left = second.namespace.run(|| std::fs::read_to_string("/proc/thread-self/net/dev")).unwrap().unwrap();
    assert!(!left.contains("eth0"), "{left}");
}

#[test]
fn f06_what_stands_in_the_way_is_named() {
    let (host, scratch) = (Host::new(1), Scratch::new("guest"));
    agent_support::ip(&scratch.name, "link add eth0 type veth peer name other");
    let taken = Guest { namespace: Namespace::Path(scratch.path()), ..Guest::new(40) };
    let missing = Guest { namespace: Namespace::Path("/run/netns/plt-never".into()), ..Guest::new(41) };
    let own = Guest { namespace: Namespace::Path(host.scratch.path()), ..Guest::new(42) };
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&taken, &missing, &own])).unwrap();
        let why = |reconciler: &Reconciler, guest: &Guest| {
            let failures = reconciler.failures();
            let failure = failures.iter().find(|failure| failure.key == guest.port_key());
            failure.map(|failure| failure.message.clone()).unwrap_or_default()
        };
        assert!(why(&reconciler, &taken).contains("has a device 'eth0' already"), "{}", why(&reconciler, &taken));
        assert!(
            why(&reconciler, &missing).contains("'/run/netns/plt-never' does not exist"),
            "{}",
            why(&reconciler, &missing)
        );
        assert!(why(&reconciler, &own).contains("the host's own"), "{}", why(&reconciler, &own));
        let ports = host.devices().into_iter().filter(|name| name.starts_with("pt")).count();
        assert_eq!(ports, 0, "what failed left nothing");
        agent_support::ip(&scratch.name, "link del eth0");
        let outcome = reconciler.sweep().unwrap();
        assert_eq!(outcome.drift, [], "what was awaited is no drift");
        assert_eq!(why(&reconciler, &taken), "");
        assert!(taken.ping(GATEWAY));
    });
}

#[test]
fn f16_a_prepared_port_is_silent_until_active_and_a_fenced_one_again() {
    let host = Host::new(1);
    let (peer, old) = (Guest::new(50), Guest::new(51));
    let mut new = Guest { spec: old.spec.clone(), ..Guest::new(52) };
    (new.spec.instance, new.spec.mode, new.spec.generation) = (new.instance, PortMode::Prepared, 2);
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&peer, &old])).unwrap();
        reconciler.change(2, put(vec![new.instance_entry(), new.port_entry()])).unwrap();
        assert_eq!(reconciler.failures(), []);
        assert!(old.reaches(&peer) && peer.reaches(&old) && !new.reaches(&peer), "the old one speaks");
        let mut fenced = old.clone();
        (fenced.spec.mode, new.spec.mode) = (PortMode::Fenced, PortMode::Active);
        let endpoint = (EntryKey::Endpoint(SEGMENT, new.ip()), Entry::Endpoint(EndpointSpec::Vni(new.endpoint())));
        reconciler.change(3, put(vec![fenced.port_entry(), new.port_entry(), endpoint])).unwrap();
        assert!(new.reaches(&peer) && peer.reaches(&new) && !old.reaches(&peer), "the new one speaks");
        let drops = reconciler.datapath().counters().drops().unwrap();
        assert!(drops.iter().filter(|drops| drops.reason == DropReason::Fenced).count() >= 2, "{drops:?}");
    });
}

#[test]
fn b05_addresses_of_a_live_port_change_one_by_one() {
    let host = Host::new(1);
    let (peer, mut guest) = (Guest::new(60), Guest::new(61));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&peer, &guest])).unwrap();
        guest.spec.addresses.push(std::net::IpAddr::from([10, 7, 9, 9]));
        reconciler.change(2, put(guest.entries())).unwrap();
        assert_eq!(addresses(&guest.netns(), "eth0"), ["10.7.0.61/16", "10.7.9.9/32"]);
        assert!(peer.ping([10, 7, 9, 9].into()));
        guest.spec.addresses.remove(0);
        let gone = EntryKey::Endpoint(SEGMENT, std::net::IpAddr::from([10, 7, 0, 61]));
        reconciler.change(3, Delta { put: guest.entries(), removed: vec![gone] }).unwrap();
        assert_eq!(reconciler.failures(), []);
        reconciler.sweep().unwrap();
        assert_eq!(addresses(&guest.netns(), "eth0"), ["10.7.9.9/16"]);
        assert!(peer.ping([10, 7, 9, 9].into()) && guest.ping(GATEWAY) && !peer.ping([10, 7, 0, 61].into()));
        assert_eq!(reconciler.sweep().unwrap().drift, []);
    });
}

#[test]
fn r02_foreign_devices_are_left_alone() {
    let host = Host::new(1);
    agent_support::ip(&host.scratch.name, "link add pt0000000000000 type veth peer name pvforeign");
    agent_support::ip(&host.scratch.name, "link set pvforeign alias pintle/host-0ffffffffffffffff/vxlan");
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[])).unwrap();
        reconciler.sweep().unwrap();
        reconciler.replace(Desired::default()).unwrap();
    });
    let devices = host.devices();
    assert!(devices.iter().any(|name| name == "pt0000000000000") && devices.iter().any(|name| name == "pvforeign"));
}

#[test]
fn a22_two_hundred_ports_in_bulk() {
    let host = Host::new(1);
    let guests: Vec<Guest> = (1000..1200).map(Guest::new).collect();
    let all: Vec<&Guest> = guests.iter().collect();
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[])).unwrap();
        let timed = |what: &str, start: Instant| println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        reconciler.change(2, put(entries(&all[..1]))).unwrap();
        timed("one port, with its namespace", start);
        let start = Instant::now();
        reconciler.change(3, put(entries(&all))).unwrap();
        timed("199 more ports, with their namespaces", start);
        assert_eq!(reconciler.failures(), []);
        assert!(all[0].reaches(all[199]) && all[100].ping(GATEWAY));
        let start = Instant::now();
        assert_eq!(reconciler.sweep().unwrap().actions, 0);
        timed("a sweep of 200 ports", start);
        let start = Instant::now();
        reconciler.replace(desired(4, &[])).unwrap();
        timed("removal of 200 ports and their namespaces", start);
        assert_eq!(reconciler.failures(), []);
        assert_eq!(reconciler.datapath().ports().entries().unwrap(), []);
    });
}
