//! Limits under real traffic: each level of the tree is kept, what is idle is lent and given back, and no process gets out.

mod agent_support;
mod shaper_support;

use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent_support::{Guest, Host, SEGMENT, desired, entries, put};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, setsockopt, socket, sockopt,
};
use pintle_agent::desired::{Delta, Desired};
use pintle_agent::kernel::{Netlink, tc};
use pintle_agent::reconcile::Reconciler;
use pintle_core::host_spec::{EntryKey, PortLimits};
use shaper_support::{PAYLOAD, Sink, Source, assert_rate, period, rates};

/// Until queues are full and bursts are over.
const SETTLE: Duration = Duration::from_millis(300);

fn limited(number: u16, limits: PortLimits) -> Guest {
    let mut guest = Guest::new(number);
    guest.spec.limits = limits;
    guest
}

fn egress(mbps: u32) -> PortLimits {
    PortLimits { egress_kbps: Some(mbps * 1000), ..PortLimits::default() }
}

fn ingress(mbps: u32) -> PortLimits {
    PortLimits { ingress_kbps: Some(mbps * 1000), ..PortLimits::default() }
}

/// A second interface in a guest's instance.
fn beside(guest: &Guest, number: u16, device: &str) -> Guest {
    let mut other = limited(number, guest.spec.limits);
    (other.instance, other.spec.instance) = (guest.instance, guest.instance);
    (other.spec.device, other.spec.default_route) = (device.into(), false);
    other
}

fn set_up(host: &Host, reconciler: &mut Reconciler, guests: &[&Guest]) {
    host.run(|| reconciler.replace(desired(1, guests))).unwrap();
    assert_eq!(reconciler.failures(), []);
}

/// A sender that leaves by this interface only.
fn source(guest: &Guest, to: &Sink) -> Source {
    let socket = guest.netns().run(|| UdpSocket::bind((guest.ip(), 0)).unwrap()).unwrap();
    setsockopt(&socket, sockopt::BindToDevice, &guest.spec.device.clone().into()).unwrap();
    Source::of(socket, to.address)
}

#[test]
fn j10_a_port_speed_is_kept_in_both_directions_by_datagrams_and_connections() {
    let host = Host::new(10);
    let (sender, receiver, free) = (limited(110, egress(100)), limited(111, ingress(60)), Guest::new(112));
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&sender, &receiver, &free]);
    let before = reconciler.writes();
    host.run(|| reconciler.sweep()).unwrap();
    assert_eq!(reconciler.writes(), before, "a second apply writes nothing");
    for (from, to, wanted) in [(&sender, &free, 100.0), (&free, &receiver, 60.0), (&sender, &receiver, 60.0)] {
        let sink = Sink::udp(&to.netns(), to.ip());
        let _source = source(from, &sink);
        std::thread::sleep(SETTLE);
        assert_rate(|| rates(&[&sink], period())[0], wanted, "datagrams");
    }
    for (from, to, wanted) in [(&sender, &free, 100.0), (&free, &receiver, 60.0)] {
        let sink = Sink::tcp(&to.netns(), to.ip());
        let _source = Source::tcp(&from.netns(), sink.address);
        std::thread::sleep(SETTLE * 2);
        assert_rate(|| rates(&[&sink], period())[0], wanted, "a connection");
    }
    // The other direction of a limited interface is not limited.
    let sink = Sink::tcp(&sender.netns(), sender.ip());
    let _source = Source::tcp(&free.netns(), sink.address);
    std::thread::sleep(SETTLE);
    let rate = rates(&[&sink], period() / 4)[0];
    assert!(rate > 150.0, "{rate:.0} Mbit/s");
}

#[test]
fn j01_j03_an_instances_limit_holds_for_all_its_interfaces_and_idle_bandwidth_is_lent() {
    let host = Host::new(11);
    let instance = PortLimits { instance_kbps: Some(80_000), ..PortLimits::default() };
    let first = limited(120, instance);
    let mut second = beside(&first, 121, "eth1");
    second.spec.limits.egress_kbps = Some(60_000);
    let there = Guest::new(122);
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&first, &second, &there]);
    let sinks = [Sink::udp(&there.netns(), there.ip()), Sink::udp(&there.netns(), there.ip())];
    let both = [&sinks[0], &sinks[1]];
    let _one = source(&first, both[0]);
    std::thread::sleep(SETTLE);
    assert_rate(|| rates(&both, period())[0], 80.0, "the first alone, with what the second leaves idle");
    let two = source(&second, both[1]);
    // The guarantee is back within a second of asking for it.
    std::thread::sleep(Duration::from_millis(500));
    let taken = rates(&both, Duration::from_millis(500));
    assert!(
        taken[1] >= 30.0 * 0.95,
        "the second one's guarantee is 30 Mbit/s, and it got {:.1} in its first second",
        taken[1]
    );
    let shared = rates(&both, period());
    let mut together = Some(shared.iter().sum());
    assert_rate(|| together.take().unwrap_or_else(|| rates(&both, period()).iter().sum()), 80.0, "both together");
    assert!(shared.iter().all(|rate| *rate >= 30.0 * 0.95), "{shared:?}");
    drop(two);
    std::thread::sleep(Duration::from_millis(500));
    assert_rate(|| rates(&both, period() / 2)[0], 80.0, "the first alone again");
    drop(_one);
    let _two = source(&second, both[1]);
    std::thread::sleep(SETTLE);
    assert_rate(|| rates(&both, period())[1], 60.0, "the second alone, up to its own limit");
}

#[test]
fn j01_j03_the_uplink_is_shared_by_tenants_and_lent_to_the_one_that_is_awake() {
    let host = Host::new(12);
    let (one, mut two) = (limited(130, egress(100)), limited(131, egress(100)));
    let (there, mut elsewhere) = (Guest::new(132), Guest::new(133));
    for guest in [&mut two, &mut elsewhere] {
        guest.spec.segment = SEGMENT + 1;
    }
    let mut config = host.config();
    config.link_kbps = Some(120_000);
    let mut reconciler = host.run(|| Reconciler::open(&config).unwrap());
    let mut all = entries(&[&one, &there]);
    let other = entries(&[&two, &elsewhere]).into_iter().map(|(key, entry)| (in_segment(key, SEGMENT + 1), entry));
    all.extend(other);
    host.run(|| reconciler.replace(Desired::new(1, all))).unwrap();
    assert_eq!(reconciler.failures(), []);
    let sinks = [Sink::udp(&there.netns(), there.ip()), Sink::udp(&elsewhere.netns(), elsewhere.ip())];
    let both = [&sinks[0], &sinks[1]];
    let _one = source(&one, both[0]);
    std::thread::sleep(SETTLE);
    assert_rate(|| rates(&both, period())[0], 100.0, "one tenant, up to its interface's limit");
    let _two = source(&two, both[1]);
    std::thread::sleep(Duration::from_secs(1));
    let shared = rates(&both, period());
    let mut together = Some(shared.iter().sum());
    assert_rate(
        || together.take().unwrap_or_else(|| rates(&both, period()).iter().sum()),
        120.0,
        "both tenants, up to the uplink's speed",
    );
    assert!(shared.iter().all(|rate| *rate >= 50.0 * 0.95), "each has its guarantee: {shared:?}");
}

fn in_segment(key: EntryKey, segment: u32) -> EntryKey {
    match key {
        EntryKey::Endpoint(_, ip) => EntryKey::Endpoint(segment, ip),
        EntryKey::Location(_, mac) => EntryKey::Location(segment, mac),
        other => other,
    }
}

#[test]
fn j10_limits_change_and_go_on_a_live_interface() {
    let host = Host::new(13);
    let (mut sender, there) = (limited(140, egress(20)), Guest::new(141));
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&sender, &there]);
    let sink = Sink::udp(&there.netns(), there.ip());
    let _source = source(&sender, &sink);
    for (revision, mbps) in (2..).zip([20, 80, 40]) {
        sender.spec.limits = egress(mbps);
        host.run(|| reconciler.change(revision, put(vec![sender.port_entry()]))).unwrap();
        assert_eq!(reconciler.failures(), []);
        std::thread::sleep(SETTLE);
        assert_rate(|| rates(&[&sink], period() / 2)[0], f64::from(mbps), "after a change");
    }
    sender.spec.limits = PortLimits::default();
    host.run(|| reconciler.change(9, put(vec![sender.port_entry()]))).unwrap();
    std::thread::sleep(SETTLE);
    assert!(rates(&[&sink], period() / 4)[0] > 100.0, "without a limit");
    assert!(!host.devices().iter().any(|name| name.starts_with("ptsh")), "the cable goes with the last limit");
    let (before, outcome) = (reconciler.writes(), host.run(|| reconciler.sweep()).unwrap());
    assert_eq!((reconciler.failures(), outcome.drift.len(), reconciler.writes()), (vec![], 0, before));
}

#[test]
fn j01_the_cable_and_its_queues_come_back_when_somebody_takes_them_away() {
    let host = Host::new(14);
    let (sender, there) = (limited(150, egress(20)), Guest::new(151));
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&sender, &there]);
    let cable = host.devices().into_iter().find(|name| name.starts_with("ptsh")).unwrap();
    for broken in [format!("link del {cable}"), format!("link set {cable} down")] {
        agent_support::ip(&host.scratch.name, &broken);
        assert!(!sender.reaches(&there), "what should be limited does not pass unlimited");
        // It has asked in vain who has the address, and would wait a second before it asks again.
        sender.ip_command("neigh flush dev eth0");
        let outcome = host.run(|| reconciler.sweep()).unwrap();
        assert!(!outcome.drift.is_empty() && outcome.drift.iter().all(|report| report.repaired), "{:?}", outcome.drift);
        assert!(sender.reaches(&there));
        let before = reconciler.writes();
        host.run(|| reconciler.sweep()).unwrap();
        assert_eq!(reconciler.writes(), before);
    }
    let all = vec![sender.port_key(), there.port_key()];
    host.run(|| reconciler.change(2, Delta { put: Vec::new(), removed: all })).unwrap();
    let mut netlink = Netlink::open(&host.scratch.namespace).unwrap();
    assert!(tc::list_discs(&mut netlink, 1).unwrap().iter().all(|disc| disc.kind != "htb"));
}

/// The same datagrams with and without a limit that is never reached: what is left is the way through the queue. Only with
/// `PINTLE_LONG=1`, on a machine that has nothing else to do.
#[test]
fn j05_the_detour_costs_a_known_time() {
    if std::env::var_os("PINTLE_LONG").is_none() {
        return;
    }
    let host = Host::new(17);
    let (mut sender, there) = (limited(180, PortLimits::default()), Guest::new(181));
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&sender, &there]);
    let sink = Sink::udp(&there.netns(), there.ip());
    let _source = source(&sender, &sink);
    let mut time_of_one = |revision: u64, limits: PortLimits| {
        sender.spec.limits = limits;
        host.run(|| reconciler.change(revision, put(vec![sender.port_entry()]))).unwrap();
        std::thread::sleep(SETTLE);
        (PAYLOAD + 42) as f64 * 8.0 * 1000.0 / rates(&[&sink], period() / 2)[0]
    };
    let (mut plain, mut shaped) = (f64::MAX, f64::MAX);
    for round in 0..3 {
        plain = plain.min(time_of_one(2 * round + 2, PortLimits::default()));
        shaped = shaped.min(time_of_one(2 * round + 3, egress(400_000)));
    }
    println!("a datagram of one socket: {plain:.0} ns without a limit, {shaped:.0} ns with one that is not reached");
    assert!(shaped < plain + 10_000.0, "{plain:.0} ns, {shaped:.0} ns");
}

/// Environment of the processes that try to get out: where to send.
const TARGET: &str = "PINTLE_TEST_STRAY_TARGET";

/// Not a test of its own: what a child process of the guest does until it is killed.
#[test]
#[ignore = "run by j04 in processes of its own"]
fn stray_process() {
    let Ok(target) = std::env::var(TARGET) else { return };
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    loop {
        let _ = socket.send_to(&[0x5a; PAYLOAD], &target);
    }
}

/// Kills the process with the value.
struct Stray(Child);

impl Drop for Stray {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn j04_no_process_of_a_guest_gets_out_of_its_branch() {
    let host = Host::new(15);
    let (sender, there, fast) = (limited(160, egress(40)), Guest::new(161), limited(162, egress(900)));
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&sender, &there, &fast]);
    let sink = Sink::udp(&there.netns(), there.ip());
    let from = || sender.netns().run(|| UdpSocket::bind((sender.ip(), 0)).unwrap()).unwrap();

    // Child processes are where their parent is, and so is what they send.
    let exe = std::env::current_exe().unwrap();
    let start = || {
        let mut command = Command::new(&exe);
        command.args(["--ignored", "--exact", "stray_process"]).env(TARGET, sink.address.to_string());
        Stray(command.process_group(0).stdout(std::process::Stdio::null()).spawn().unwrap())
    };
    let _children: Vec<Stray> = (0..2).map(|_| sender.netns().run(start).unwrap()).collect();

    // A socket that asks for another's class, and one with the mark of another port.
    let classes = [0x1_0001, 0x1_0002, 0x1_0003, 0x1_ffff, 0x1_0000];
    let _prioritised: Vec<Source> = classes
        .into_iter()
        .map(|class| {
            let socket = from();
            set_priority(&socket, class);
            setsockopt(&socket, sockopt::Mark, &(class & 0xff)).unwrap();
            Source::of(socket, sink.address)
        })
        .collect();

    std::thread::sleep(SETTLE);
    assert_rate(|| rates(&[&sink], period())[0], 40.0, "children, and sockets with classes and marks of others");

    // Into another namespace leads no way for who has no privilege there, whatever file is at hand.
    let namespace = host.scratch.namespace.try_clone().unwrap();
    let entered = sender
        .netns()
        .run(|| {
            // SAFETY: it takes three numbers, and changes this thread only, which ends with the closure.
            assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, 4242, 4242, 4242) }, 0);
            setns(namespace, CloneFlags::CLONE_NEWNET)
        })
        .unwrap();
    assert_eq!(entered, Err(nix::errno::Errno::EPERM));
}

fn set_priority(socket: &UdpSocket, class: u32) {
    setsockopt(socket, sockopt::Priority, &(class as libc::c_int)).unwrap();
}

/// Packets with headers of the process's own, past the guest's sockets.
#[test]
fn j04_raw_packets_are_held_back_like_all_others() {
    let host = Host::new(16);
    let (sender, there) = (limited(170, egress(40)), Guest::new(171));
    let mut reconciler = host.run(|| host.reconciler());
    set_up(&host, &mut reconciler, &[&sender, &there]);
    let sink = Sink::udp(&there.netns(), there.ip());
    let (IpAddr::V4(from), IpAddr::V4(to)) = (sender.ip(), there.ip()) else { panic!("IPv4") };
    let raw = || socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw).unwrap();
    let raw = sender.netns().run(raw).unwrap();
    // The kernel completes length, identifier and checksum of the IPv4 header (raw(7)).
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend([from.octets(), to.octets()].concat());
    for number in [7777, sink.address.port(), PAYLOAD as u16 + 8, 0] {
        packet.extend(number.to_be_bytes());
    }
    packet.resize(28 + PAYLOAD, 0x5a);
    let [a, b, c, d] = to.octets();
    let (address, stop) = (SockaddrIn::new(a, b, c, d, 0), AtomicBool::new(false));
    let measured = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Whoever is held back and asks on takes the processor from who receives.
                if sendto(raw.as_raw_fd(), &packet, &address, MsgFlags::MSG_DONTWAIT).is_err() {
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
        });
        std::thread::sleep(SETTLE);
        let measured = [(); 3].map(|()| rates(&[&sink], period())[0]);
        stop.store(true, Ordering::Relaxed);
        measured
    });
    let mut measured = measured.into_iter();
    assert_rate(|| measured.next().expect("three were measured"), 40.0, "a raw socket");
}
