//! Changes made by anybody are noticed; lost notices are owned up to; announcements are heard.

mod kernel_support;

use std::net::IpAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kernel_support::{Scratch, pair};
use pintle_agent::kernel::announce::Announcer;
use pintle_agent::kernel::link::{self, create_veth};
use pintle_agent::kernel::monitor::{Aspect, Change, Monitor, MonitorThread, Stopper};
use pintle_agent::kernel::{addr, neigh};

/// Stops the monitor when the value is dropped, or after ten seconds, so that a failing test ends.
fn within_ten_seconds(stopper: Stopper) -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = receiver.recv_timeout(Duration::from_secs(10));
        stopper.stop();
    });
    sender
}

/// Reads until the notice comes.
fn wait_for(monitor: &mut Monitor, wanted: Change) {
    while let Some(change) = monitor.wait().unwrap() {
        if change == wanted {
            return;
        }
    }
    panic!("stopped before {wanted:?}");
}

#[test]
fn a_device_address_and_route_changed_by_hand_are_noticed() {
    let host = Scratch::new("mon");
    let made = create_veth(&mut host.netlink(), &pair("h0", "h1", &host.namespace)).unwrap();
    let (mut monitor, stopper) = Monitor::open(&host.namespace).unwrap();
    let limit = within_ten_seconds(stopper);
    let notice = |aspect| Change::Device { index: made.host, aspect };
    host.ip("link set h1 up");
    host.ip("link set h0 up");
    wait_for(&mut monitor, notice(Aspect::Link));
    host.ip("addr add 10.0.0.1/24 dev h0");
    wait_for(&mut monitor, notice(Aspect::Address));
    host.ip("route add 10.9.0.0/16 dev h0");
    wait_for(&mut monitor, notice(Aspect::Route));
    host.ip("link del h0");
    wait_for(&mut monitor, notice(Aspect::Gone));
    drop(limit);
    assert!(monitor.by_ref().all(|change| change.is_ok()));
    assert_eq!(monitor.wait().unwrap(), None, "stopped for good");
}

#[test]
fn a_waiting_monitor_is_stopped_from_another_thread() {
    let host = Scratch::new("mon");
    let (monitor, stopper) = Monitor::open(&host.namespace).unwrap();
    let waiting = thread::spawn(move || monitor.map(Result::unwrap).count());
    drop(stopper);
    assert_eq!(waiting.join().unwrap(), 0);
}

#[test]
fn lost_notices_lead_to_a_resync_and_reading_goes_on() {
    let host = Scratch::new("mon");
    let mut netlink = host.netlink();
    let made = create_veth(&mut netlink, &pair("h0", "h1", &host.namespace)).unwrap();
    let (mut monitor, stopper) = Monitor::open_with_buffer(&host.namespace, 4096).unwrap();
    let _limit = within_ten_seconds(stopper);
    for mtu in 1300..1400 {
        netlink.change(&link::set_mtu(made.host, mtu)).unwrap();
    }
    wait_for(&mut monitor, Change::Resync);
    netlink.change(&link::delete(made.host).unwrap()).unwrap();
    wait_for(&mut monitor, Change::Device { index: made.host, aspect: Aspect::Gone });
}

#[test]
fn a_monitor_thread_hands_notices_on_and_ends_when_dropped() {
    let host = Scratch::new("mon");
    let (sender, receiver) = mpsc::channel();
    let thread = MonitorThread::spawn(&host.namespace, move |change| sender.send(change.unwrap()).unwrap()).unwrap();
    let made = create_veth(&mut host.netlink(), &pair("h0", "h1", &host.namespace)).unwrap();
    let wanted = Change::Device { index: made.host, aspect: Aspect::Link };
    while receiver.recv_timeout(Duration::from_secs(5)).unwrap() != wanted {}
    drop(thread);
    while receiver.try_recv().is_ok() {}
    assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected), "the function went with the thread");
}

#[test]
fn an_announcement_moves_the_neighbours_entry() {
    let (owner, outside) = (Scratch::new("own"), Scratch::new("out"));
    let (mut here, mut there) = (owner.netlink(), outside.netlink());
    let made = create_veth(&mut here, &pair("uplink", "eth0", &outside.namespace)).unwrap();
    let address =
        |net: &str| addr::add(&addr::Address { device: made.guest, net: net.parse().unwrap(), prefix_route: true });
    there.change_all(&[link::up(made.guest), address("10.0.0.1/24"), address("2001:db8::1/64")]).unwrap();
    let announcer = Announcer::open(&owner.namespace, made.host).unwrap();
    let mac = [2, 0, 0, 0, 0, 2];
    let ips: [IpAddr; 2] = ["10.0.0.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
    let down = announcer.announce(ips[0], mac).unwrap_err();
    assert_eq!(down.errno(), Some(nix::errno::Errno::ENETDOWN), "{down}");

    here.change(&link::up(made.host)).unwrap();
    for ip in ips {
        outside.ip(&format!("neigh add {ip} lladdr 02:00:00:00:00:01 dev eth0 nud stale"));
    }
    let limit = Instant::now() + Duration::from_secs(1);
    loop {
        ips.iter().for_each(|ip| announcer.announce(*ip, mac).unwrap());
        let entries = neigh::list(&mut there, made.guest).unwrap();
        let moved = |ip: &IpAddr| entries.iter().any(|entry| entry.ip == *ip && entry.mac == Some(mac));
        if ips.iter().all(moved) {
            break;
        }
        assert!(Instant::now() < limit, "not updated within a second: {entries:?}");
        thread::sleep(Duration::from_millis(5));
    }
    here.change(&link::delete(made.host).unwrap()).unwrap();
    assert!(announcer.announce(ips[0], mac).unwrap_err().is_gone());
}
