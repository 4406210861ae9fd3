//! What somebody does to a host by hand is found, told exactly and repaired; a restart writes nothing and loses nothing.

mod agent_support;

use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_support::{GATEWAY, Guest, Host, SEGMENT, desired, ip, put, repaired};
use pintle_agent::kernel::NetNs;
use pintle_agent::reconcile::{Marks, Reconciler, Sight, port_device};
use pintle_core::host_spec::{EntryKey, PortMode};
use pintle_datapath::{EndpointKey, LocationKey};

/// A host with two guests that reach each other.
fn settled(test: impl FnOnce(&Host, &mut Reconciler, &Guest, &Guest) + Send) {
    let host = Host::new(1);
    let (one, two) = (Guest::new(70), Guest::new(71));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one, &two])).unwrap();
        assert_eq!(reconciler.failures(), []);
        test(&host, &mut reconciler, &one, &two);
    });
}

/// Sweeps once and checks that what was found is what is expected, that it is right now, and stays so.
fn is_repaired(reconciler: &mut Reconciler, one: &Guest, two: &Guest, expected: &[&str]) {
    let texts = repaired(&reconciler.sweep().unwrap());
    for text in expected {
        assert!(texts.contains(text), "'{text}' is not in: {texts}");
    }
    assert_eq!(reconciler.failures(), []);
    let writes = reconciler.writes();
    assert_eq!(reconciler.sweep().unwrap().actions, 0);
    assert_eq!(reconciler.writes(), writes);
    assert!(one.reaches(two) && two.reaches(one) && one.ping(GATEWAY));
}

#[test]
fn r02_map_entries_deleted_by_hand_come_back() {
    settled(|_, reconciler, one, two| {
        let datapath = reconciler.datapath();
        let rows = datapath.ports().entries().unwrap();
        let (index, _) = rows.iter().find(|(_, row)| row.vni == one.spec.vni.to_string()).unwrap();
        datapath.ports().delete(index).unwrap();
        datapath.endpoints().delete(&EndpointKey { segment: SEGMENT, addr: two.ip() }).unwrap();
        datapath.locations().delete(&LocationKey { segment: SEGMENT, mac: two.spec.mac.0 }).unwrap();
        let endpoint = format!("entry endpoint/{SEGMENT}/{} is missing: restored", two.ip());
        let expected = ["its entry in the data plane is missing", &endpoint, "entry location/"];
        is_repaired(reconciler, one, two, &expected);
    });
}

#[test]
fn r02_entries_that_nobody_wants_go() {
    settled(|_, reconciler, one, two| {
        let datapath = reconciler.datapath();
        let (_, row) = datapath.ports().entries().unwrap().remove(0);
        datapath.ports().put(&4_000_000, &pintle_datapath::Port { slot: 900, ..row }).unwrap();
        let (_, row) = datapath.endpoints().entries().unwrap().remove(0);
        datapath.endpoints().put(&EndpointKey { segment: 99, addr: GATEWAY.into() }, &row).unwrap();
        let expected =
            ["entries for device 4000000, which is not there: restored", "endpoint/99/10.7.0.1 is not wanted"];
        is_repaired(reconciler, one, two, &expected);
    });
}

#[test]
fn r02_detached_programs_are_attached_again() {
    settled(|_, reconciler, one, two| {
        let datapath = reconciler.datapath();
        let (index, _) = datapath.ports().entries().unwrap().remove(0);
        datapath.detach(index).unwrap();
        is_repaired(reconciler, one, two, &["its programs are not attached to the host's device: restored"]);
    });
}

#[test]
fn r02_routes_addresses_and_links_of_a_guest_come_back() {
    settled(|_, reconciler, one, two| {
        one.ip_command("route del default");
        is_repaired(reconciler, one, two, &["route default via 10.7.0.1 missing in the guest: restored"]);
        one.ip_command("addr flush dev eth0");
        is_repaired(reconciler, one, two, &["address 10.7.0.70/16 missing on the guest's device"]);
        one.ip_command("link set eth0 down");
        is_repaired(reconciler, one, two, &["the guest's device is down"]);
        one.ip_command("addr add 10.7.0.99/16 dev eth0");
        is_repaired(reconciler, one, two, &["the guest's device has address 10.7.0.99/16: restored"]);
        one.ip_command("link set eth0 mtu 1300 address 02:00:00:00:99:99 alias nothing");
        let expected = ["the guest's device has MTU 1300", "another MAC address", "another alias"];
        is_repaired(reconciler, one, two, &expected);
    });
}

#[test]
fn r02_the_hosts_side_of_a_port_is_brought_in_order() {
    settled(|host, reconciler, one, two| {
        let name = port_device(one.attachment);
        ip(&host.scratch.name, &format!("link set {name} mtu 1200"));
        ip(&host.scratch.name, &format!("link set {name} down"));
        is_repaired(reconciler, one, two, &["the host's device has MTU 1200", "the host's device is down"]);
    });
}

#[test]
fn r02_devices_deleted_on_either_side_are_made_anew() {
    settled(|host, reconciler, one, two| {
        ip(&host.scratch.name, &format!("link del {}", port_device(one.attachment)));
        let missing = format!("port {} has no device: restored", one.attachment);
        is_repaired(reconciler, one, two, &[&missing, "which is not there: restored"]);
        one.ip_command("link del eth0");
        is_repaired(reconciler, one, two, &[&missing]);
    });
}

#[test]
fn r02_a_made_namespace_that_was_deleted_is_made_anew() {
    settled(|_, reconciler, one, two| {
        NetNs::delete(&one.instance.to_string()).unwrap();
        is_repaired(reconciler, one, two, &[&format!("the namespace of {} is missing: restored", one.instance)]);
    });
}

#[test]
fn r02_the_vxlan_device_comes_back() {
    settled(|host, reconciler, one, two| {
        let name = Marks::new(host.id).overlay_device();
        ip(&host.scratch.name, &format!("link del {name}"));
        is_repaired(reconciler, one, two, &["the VXLAN device is missing: restored"]);
        ip(&host.scratch.name, &format!("link set {name} mtu 1000"));
        is_repaired(reconciler, one, two, &["the VXLAN device has MTU 1000 instead of 1450"]);
    });
}

#[test]
fn r10_a_restart_writes_nothing_and_loses_nothing() {
    settled(|host, first, one, two| {
        drop(std::mem::replace(first, host.reconciler()));
        let stop = AtomicBool::new(false);
        let receiver = two.netns().run(|| UdpSocket::bind((two.ip(), 0)).unwrap()).unwrap();
        // Longer than a busy machine may keep a thread waiting.
        receiver.set_read_timeout(Some(Duration::from_millis(2000))).unwrap();
        let to = receiver.local_addr().unwrap();
        let sender = one.netns().run(|| UdpSocket::bind((one.ip(), 0)).unwrap()).unwrap();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    sent += usize::from(sender.send_to(b"x", to).is_ok());
                    std::thread::sleep(Duration::from_micros(500));
                }
                sent
            });
            let receiving = scope.spawn(|| {
                let mut received = 0;
                while receiver.recv(&mut [0; 8]).is_ok() {
                    received += 1;
                }
                received
            });
            // Asserted when the threads have ended: a panic here would wait for them for ever.
            let restart = |_| {
                let mut again = host.reconciler();
                let before = again.sweep().unwrap().actions;
                let outcome = again.replace(desired(9, &[one, two])).unwrap();
                (before, again.writes(), outcome)
            };
            let restarts: Vec<_> = (0..3).map(restart).collect();
            std::thread::sleep(Duration::from_millis(50));
            stop.store(true, Ordering::Relaxed);
            let (sent, received): (usize, usize) = (sending.join().unwrap(), receiving.join().unwrap());
            for (before, writes, outcome) in restarts {
                assert_eq!(before, 0, "nothing is done before the desired state is known");
                assert_eq!(writes, 0, "{outcome:?}");
            }
            assert!(sent > 50, "{sent}");
            assert_eq!(sent, received);
        });
    });
}

#[test]
fn r02_slots_are_used_again_from_zero() {
    settled(|_, reconciler, one, two| {
        assert!(one.reaches(two));
        let slot = |reconciler: &Reconciler, guest: &Guest| {
            let rows = reconciler.datapath().ports().entries().unwrap();
            rows.into_iter().find(|(_, row)| row.vni == guest.spec.vni.to_string()).unwrap().1.slot
        };
        let before = slot(reconciler, one);
        assert!(reconciler.datapath().counters().traffic(before).unwrap().tx_packets > 0);
        let removed = one.entries().into_iter().map(|(key, _)| key).collect();
        reconciler.change(2, pintle_agent::desired::Delta { put: Vec::new(), removed }).unwrap();
        let (next, other) = (Guest::new(72), Guest::new(73));
        reconciler.change(3, put(next.entries())).unwrap();
        assert_ne!(slot(reconciler, &next), before, "its flows may be there still");
        assert_eq!(reconciler.flow_keeper().forget_leaving().unwrap(), 1);
        assert_eq!(reconciler.datapath().flows().usage(before).unwrap(), pintle_datapath::Usage::default());
        reconciler.change(4, put(other.entries())).unwrap();
        assert_eq!(slot(reconciler, &other), before);
        assert_eq!(reconciler.datapath().counters().traffic(before).unwrap().tx_packets, 0);
    });
}

/// While it lives, the pins of a host's programs can't be read.
struct Unreadable {
    links: PathBuf,
    away: PathBuf,
}

impl Unreadable {
    fn new(host: &Host) -> Self {
        let (links, away) = (host.pins().join("links"), host.pins().join("links-away"));
        std::fs::rename(&links, &away).unwrap();
        std::os::unix::fs::symlink(&links, &links).unwrap();
        Unreadable { links, away }
    }
}

impl Drop for Unreadable {
    fn drop(&mut self) {
        std::fs::remove_file(&self.links).unwrap();
        std::fs::rename(&self.away, &self.links).unwrap();
    }
}

/// A host that can't be read for a moment must not count as changed: a server that is told so takes it for fenced.
#[test]
fn r01_a_change_that_could_not_be_made_is_made_before_a_later_one_counts_as_applied() {
    settled(|host, reconciler, one, two| {
        let unreadable = Unreadable::new(host);
        let mut fenced = one.clone();
        fenced.spec.mode = PortMode::Fenced;
        assert!(reconciler.change(2, put(vec![fenced.port_entry()])).is_err(), "its pins can't be read");
        // Another interface's, which can be read.
        let (_, location) = two.entries().pop().unwrap();
        let other = EntryKey::Location(SEGMENT, pintle_core::net::Mac::local(999));
        assert!(reconciler.change(3, put(vec![(other, location.clone())])).is_err(), "the first is still to be made");
        drop(unreadable);
        let outcome = reconciler.change(4, put(vec![(other, location)])).unwrap();
        assert_eq!((outcome.drift, reconciler.failures()), (vec![], vec![]));
        assert!(!one.ping(GATEWAY), "it is silent now");
        assert!(two.ping(GATEWAY));
    });
}

#[test]
fn r02_what_is_looked_at_beside_the_changes_is_repaired_and_nothing_else_is_read() {
    settled(|_, reconciler, one, two| {
        let mut lookout = reconciler.lookout();
        assert_eq!(lookout.look().unwrap(), Sight::Well);
        let endpoint = EndpointKey { segment: SEGMENT, addr: two.ip() };
        reconciler.datapath().endpoints().delete(&endpoint).unwrap();
        assert_eq!(reconciler.sweep().unwrap().actions, 0, "a sweep leaves looking to the lookout");
        assert_eq!(lookout.look().unwrap(), Sight::Different);
        reconciler.doubt();
        is_repaired(reconciler, one, two, &[&format!("entry endpoint/{SEGMENT}/{} is missing: restored", two.ip())]);
        assert_eq!(lookout.look().unwrap(), Sight::Well);
        // What is asked for is no difference, and what comes after it is compared with that.
        reconciler.change(2, put(vec![one.clone().within(&[]).port_entry()])).unwrap();
        assert_eq!(lookout.look().unwrap(), Sight::Well);
        let rows = reconciler.datapath().ifaces().entries().unwrap();
        let (slot, row) = rows.into_iter().find(|(_, row)| row.mac == one.spec.mac.0).unwrap();
        reconciler.datapath().ifaces().put(&slot, &pintle_datapath::Iface { quota: row.quota + 1, ..row }).unwrap();
        assert_eq!(lookout.look().unwrap(), Sight::Different);
    });
}
