//! Taps as ports: a machine behind one is treated like a guest with a namespace, from its first frame to its last.

mod agent_support;

use std::net::Ipv4Addr;
use std::time::Duration;

use agent_support::{GATEWAY, Guest, Host, SEGMENT, desired, entries, put, repaired};
use pintle_agent::desired::Delta;
use pintle_agent::kernel::{NetNs, Netlink, link};
use pintle_agent::reconcile::{Reconciler, port_device};
use pintle_core::DropReason;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, PortMode};
use pintle_core::model::Namespace;
use pintle_probe::inject::BROADCAST;
use pintle_probe::inject::build::{arp, ethernet, udp};
use pintle_probe::machine::{Machine, is_icmp};

const GATEWAY_MAC: [u8; 6] = pintle_core::net::GATEWAY_MAC.0;
const SOON: Duration = Duration::from_millis(500);
/// How long something that must not come is waited for.
const NEVER: Duration = Duration::from_millis(100);

/// A guest that is a virtual machine.
fn machine(number: u16) -> Guest {
    Guest { namespace: Namespace::Tap { owner: None }, ..Guest::new(number) }
}

/// Plugs something in behind a guest's tap.
fn plug(host: &Host, guest: &Guest) -> Machine {
    let place = pintle_probe::Namespace::named(&host.scratch.name);
    Machine::behind(&place, &port_device(guest.attachment), guest.spec.mac.0).unwrap()
}

fn v4(guest: &Guest) -> Ipv4Addr {
    guest.ip().to_string().parse().unwrap()
}

fn settled(reconciler: &Reconciler) {
    assert_eq!(reconciler.failures(), []);
}

/// Drops for this reason, in all ports.
fn drops(reconciler: &Reconciler, reason: DropReason) -> u64 {
    let all = reconciler.datapath().counters().drops().unwrap();
    all.iter().filter(|drops| drops.reason == reason).map(|drops| drops.packets).sum()
}

#[test]
fn i16_a_machine_behind_a_tap_gets_its_address_and_meets_guests_and_machines() {
    let host = Host::new(1);
    let (one, two, veth) = (machine(10), machine(11), Guest::new(12));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[])).unwrap();
        let bare = host.devices();
        reconciler.change(2, put(entries(&[&one, &two, &veth]))).unwrap();
        settled(&reconciler);
        let (mut first, mut second) = (plug(&host, &one), plug(&host, &two));
        let lease = first.lease().unwrap();
        assert_eq!((lease.address, lease.router(), lease.mtu()), (v4(&one), Some(GATEWAY), Some(1450)));
        assert_eq!(second.lease().unwrap().address, v4(&two));
        assert_eq!(first.resolve(GATEWAY).unwrap(), Some(GATEWAY_MAC));
        assert_eq!(first.resolve(v4(&veth)).unwrap(), Some(veth.spec.mac.0));
        assert!(first.ping(v4(&veth), 56).unwrap(), "the guest's own stack answers");
        assert!(first.ping(v4(&veth), 1422).unwrap(), "also at the full MTU");
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| second.serve(SOON).unwrap());
            assert!(veth.ping(v4(&two)), "a guest reaches a machine");
            assert!(first.ping(v4(&two), 56).unwrap(), "a machine reaches another");
            serving.join().unwrap();
        });
        drop((first, second));
        let again = plug(&host, &one).lease().unwrap();
        assert_eq!(again, lease, "a machine that starts again finds its tap");
        let removed = [&one, &two, &veth].iter().flat_map(|guest| guest.entries()).map(|(key, _)| key).collect();
        reconciler.change(3, Delta { put: Vec::new(), removed }).unwrap();
        settled(&reconciler);
        assert_eq!(host.devices(), bare);
        assert_eq!(reconciler.datapath().ports().entries().unwrap(), []);
        assert_eq!(reconciler.datapath().pinned_links().unwrap().len(), 1, "the VXLAN device's");
    });
    assert!(NetNs::open_named(&one.instance.to_string()).is_err(), "no namespace was made for it");
}

#[test]
fn i16_what_a_machine_may_not_send_is_dropped_and_what_is_too_big_is_told() {
    let host = Host::new(1);
    let (one, veth) = (machine(20), Guest::new(21));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one, &veth])).unwrap();
        settled(&reconciler);
        let mut liar = plug(&host, &one);
        liar.lease().unwrap();
        let honest = liar.own;
        // A packet that is larger than it was told: answered from the gateway, with the size that fits.
        let too_big = liar.echo(v4(&veth), 1451 - 28);
        liar.send(&ethernet(honest.mac, veth.spec.mac.0, 0x0800, &too_big)).unwrap();
        let told = liar.receive(SOON, |frame| is_icmp(frame, 3)).unwrap().expect("an ICMP error");
        assert_eq!((told[35], &told[26..30], &told[40..42]), (4, &GATEWAY.octets()[..], &1450_u16.to_be_bytes()[..]));
        // Another's address, another's MAC, another's answer to ARP.
        let to = veth.spec.mac.0;
        let datagram = |from: Ipv4Addr| udp((from, 1000), (v4(&veth), 2000), b"lie");
        liar.send(&ethernet(honest.mac, to, 0x0800, &datagram(Ipv4Addr::from([10, 7, 0, 99])))).unwrap();
        liar.send(&ethernet([2, 0, 0, 0, 0, 99], to, 0x0800, &datagram(honest.ip))).unwrap();
        let claim = arp(2, (honest.mac, GATEWAY), (to, v4(&veth)));
        liar.send(&ethernet(honest.mac, BROADCAST, 0x0806, &claim)).unwrap();
        for reason in [DropReason::SpoofedSrcIp, DropReason::SpoofedSrcMac, DropReason::SpoofedArp] {
            assert_eq!(drops(&reconciler, reason), 1, "{reason:?}");
        }
        assert!(liar.ping(v4(&veth), 56).unwrap(), "the truth goes on");
    });
}

#[test]
fn i16_nothing_of_the_hosts_own_stack_reaches_a_machine() {
    let host = Host::new(1);
    let one = machine(25);
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one])).unwrap();
        settled(&reconciler);
        let mut quiet = plug(&host, &one);
        quiet.lease().unwrap();
        let device = port_device(one.attachment);
        agent_support::ip(&host.scratch.name, &format!("addr add 10.7.0.77/16 dev {device}"));
        let socket = std::net::UdpSocket::bind("10.7.0.77:0").unwrap();
        let _ = socket.send_to(b"from the host", (v4(&one), 9));
        assert_eq!(quiet.receive(NEVER, |_| true).unwrap(), None);
    });
}

#[test]
fn i16_a_tap_is_repaired_replaced_and_otherwise_left_alone() {
    let host = Host::new(1);
    let one = machine(30);
    let name = port_device(one.attachment);
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one])).unwrap();
        settled(&reconciler);
        let writes = reconciler.writes();
        let again = reconciler.replace(desired(2, &[&one])).unwrap();
        let swept = reconciler.sweep().unwrap();
        assert_eq!((again.actions, swept.actions, reconciler.writes()), (0, 0, writes), "a second look writes nothing");
        drop(reconciler);
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one])).unwrap();
        assert_eq!(reconciler.writes(), 0, "nor does an agent that starts again");

        let mut plugged = plug(&host, &one);
        agent_support::ip(&host.scratch.name, &format!("link set {name} mtu 900 down"));
        let text = repaired(&reconciler.sweep().unwrap());
        assert!(text.contains("has MTU 900") && text.contains("is down"), "{text}");
        assert_eq!(plugged.lease().unwrap().address, v4(&one), "the machine's end was not touched");
        drop(plugged);

        agent_support::ip(&host.scratch.name, &format!("link del {name}"));
        let text = repaired(&reconciler.sweep().unwrap());
        assert!(text.contains("has no device"), "{text}");
        assert_eq!(plug(&host, &one).lease().unwrap().address, v4(&one));
        let device = link::get_named(&mut Netlink::open(&host.scratch.namespace).unwrap(), &name).unwrap().unwrap();
        assert!(device.alias.is_some_and(|alias| alias.starts_with("pintle/")) && device.mtu == 1450);
    });
}

#[test]
fn i16_a_taken_name_is_told_and_the_stranger_left_alone() {
    let host = Host::new(1);
    let one = machine(35);
    let name = port_device(one.attachment);
    agent_support::ip(&host.scratch.name, &format!("link add {name} type veth peer name other"));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one])).unwrap();
        let failures = reconciler.failures();
        let told = failures.iter().find(|failure| failure.key == one.port_key()).expect("a failure");
        assert!(told.message.contains(&format!("a device '{name}' already")), "{}", told.message);
        assert!(host.devices().contains(&name));
        agent_support::ip(&host.scratch.name, &format!("link del {name}"));
        reconciler.sweep().unwrap();
        settled(&reconciler);
    });
}

#[test]
fn i16_f16_an_interface_moves_from_a_namespace_to_a_machine_and_back() {
    let host = Host::new(1);
    let (peer, old) = (Guest::new(40), Guest::new(41));
    let mut new = Guest { spec: old.spec.clone(), ..machine(42) };
    (new.spec.instance, new.spec.mode, new.spec.generation) = (new.instance, PortMode::Prepared, 2);
    // One side falls silent, the other speaks, packets turn to it.
    let turn = |from: &mut Guest, to: &mut Guest| {
        (from.spec.mode, to.spec.mode) = (PortMode::Fenced, PortMode::Active);
        let endpoint = Entry::Endpoint(EndpointSpec::Vni(to.endpoint()));
        put(vec![from.port_entry(), to.port_entry(), (EntryKey::Endpoint(SEGMENT, to.ip()), endpoint)])
    };
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&peer, &old])).unwrap();
        reconciler.change(2, put(vec![new.instance_entry(), new.port_entry()])).unwrap();
        settled(&reconciler);
        let mut plugged = plug(&host, &new);
        plugged.own.ip = v4(&new);
        assert!(old.reaches(&peer) && peer.reaches(&old));
        assert_eq!(plugged.resolve(GATEWAY).unwrap(), None, "a prepared port is silent");
        let mut old = old.clone();
        reconciler.change(3, turn(&mut old, &mut new)).unwrap();
        settled(&reconciler);
        assert_eq!(plugged.lease().unwrap().address, v4(&new));
        assert!(plugged.ping(v4(&peer), 56).unwrap() && !old.reaches(&peer));
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| plugged.serve(SOON).unwrap());
            assert!(peer.ping(v4(&new)), "the peer's packets turn to the machine");
            serving.join().unwrap();
        });
        old.spec.generation = 3;
        reconciler.change(4, turn(&mut new, &mut old)).unwrap();
        settled(&reconciler);
        assert!(old.reaches(&peer) && peer.reaches(&old));
        assert_eq!(plugged.resolve(GATEWAY).unwrap(), None, "and the machine is silent");
    });
}
