//! Nothing that the policy refuses passes a new port, not even its first packet.

mod agent_support;

use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use agent_support::{Guest, Host, entries, group, put, rule};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use pintle_agent::desired::Delta;
use pintle_agent::kernel::{NetNs, Netlink, link};
use pintle_core::id::SecurityGroupId;
use pintle_core::model::Namespace;
use pintle_core::net::Mac;
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote};
use std::os::fd::{AsRawFd, OwnedFd};

/// A group that lets UDP to port 9 in, and nothing else in or out.
const STRICT: SecurityGroupId = SecurityGroupId::from_bits(40);

/// A packet socket for all of a namespace's devices (`device` 0), or for one.
fn packets(namespace: &NetNs, device: u32) -> OwnedFd {
    let open = || {
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll).unwrap();
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(50)).unwrap();
        if device != 0 {
            // SAFETY: sockaddr_ll is plain numbers, for which all zeroes is a valid value.
            let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
            address.sll_ifindex = device as i32;
            // SAFETY: the address is live for the call and its length is given as it is.
            let bound = unsafe {
                libc::bind(
                    fd.as_raw_fd(),
                    (&raw const address).cast(),
                    size_of::<libc::sockaddr_ll>() as libc::socklen_t,
                )
            };
            assert_eq!(bound, 0);
        }
        fd
    };
    namespace.run(open).unwrap()
}

/// A UDP datagram over IPv4 to this port, without a checksum.
fn frame(macs: (Mac, Mac), ips: (IpAddr, IpAddr), port: u16) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = ips else { panic!("IPv4 only") };
    let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0];
    ip.extend(source.octets());
    ip.extend(destination.octets());
    let mut sum: u32 = ip.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    ip[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    let mut frame = [&macs.1.0[..], &macs.0.0, &[8, 0], &ip].concat();
    frame.extend([40_000u16.to_be_bytes(), port.to_be_bytes(), 8u16.to_be_bytes(), [0, 0]].concat());
    frame
}

/// The destination port, if it is UDP over IPv4.
fn port_of(frame: &[u8]) -> Option<u16> {
    let udp = frame.get(12..14)? == [8, 0] && *frame.get(23)? == 17;
    udp.then(|| frame.get(36..38).map(|port| u16::from_be_bytes([port[0], port[1]])))?
}

#[test]
fn d19_no_packet_passes_before_the_policy() {
    const ROUNDS: u32 = 20;
    let host = Host::new(1);
    let attacker = Guest::new(10);
    let scratch = agent_support::Scratch::new("guest");
    let victim = Guest { namespace: Namespace::Path(scratch.path()), ..Guest::new(11) }.within(&[STRICT]);
    let stop = AtomicBool::new(false);
    let (passed, permitted, escaped, sent) =
        (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    host.run(|| {
        let mut reconciler = host.reconciler();
        let open = rule(400, Direction::Ingress, ProtocolMatch::Udp(PortRange::one(9)), Remote::Any);
        let mut all = entries(&[&attacker]);
        all.push(group(STRICT, vec![open]));
        reconciler.replace(pintle_agent::desired::Desired::new(1, all)).unwrap();
        let device = link::get_named(&mut Netlink::open(&attacker.netns()).unwrap(), "eth0").unwrap().unwrap().index;
        let (out, inside) = (packets(&attacker.netns(), device), packets(&scratch.namespace, 0));
        let back = packets(&attacker.netns(), device);
        let shout = scratch.namespace.run(|| UdpSocket::bind("0.0.0.0:7777").unwrap()).unwrap();
        let macs = (attacker.spec.mac, victim.spec.mac);
        let frames = [7, 9].map(|port| frame(macs, (attacker.ip(), victim.ip()), port));
        thread::scope(|scope| {
            // At line rate, from before there is anybody to receive.
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for frame in &frames {
                        let done = send(out.as_raw_fd(), frame, MsgFlags::empty()).is_ok();
                        sent.fetch_add(done.into(), Ordering::Relaxed);
                    }
                }
            });
            scope.spawn(|| {
                let mut buffer = [0; 256];
                while !stop.load(Ordering::Relaxed) {
                    let Ok(length) = recv(inside.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { continue };
                    match port_of(&buffer[..length]) {
                        Some(7) => passed.fetch_add(1, Ordering::Relaxed),
                        Some(9) => permitted.fetch_add(1, Ordering::Relaxed),
                        _ => 0,
                    };
                }
            });
            // The other way: the guest speaks as soon as it has a device.
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = shout.send_to(b"out", (attacker.ip(), 7778));
                }
            });
            scope.spawn(|| {
                let mut buffer = [0; 256];
                while !stop.load(Ordering::Relaxed) {
                    let Ok(length) = recv(back.as_raw_fd(), &mut buffer, MsgFlags::empty()) else { continue };
                    let out = port_of(&buffer[..length]) == Some(7778);
                    escaped.fetch_add(out.into(), Ordering::Relaxed);
                }
            });
            let attach = |round: u64, reconciler: &mut pintle_agent::reconcile::Reconciler| {
                let attached =
                    reconciler.change(2 * round, put(victim.entries())).is_ok() && reconciler.failures().is_empty();
                thread::sleep(Duration::from_millis(20));
                let removed = victim.entries().into_iter().map(|(key, _)| key).collect();
                attached && reconciler.change(2 * round + 1, Delta { put: Vec::new(), removed }).is_ok()
            };
            let all_right = (1..=u64::from(ROUNDS)).all(|round| attach(round, &mut reconciler));
            stop.store(true, Ordering::Relaxed);
            assert!(all_right, "{:?}", reconciler.failures());
        });
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!("{} sent, {} permitted and arrived", count(&sent), count(&permitted));
    assert!(count(&permitted) >= u64::from(ROUNDS), "it was attached and reached each time: {}", count(&permitted));
    assert_eq!((count(&passed), count(&escaped)), (0, 0));
}
