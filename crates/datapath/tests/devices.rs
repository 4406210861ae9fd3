//! One host with real devices: guests in namespaces and on taps, real sockets, real frames.

mod common;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;

use common::frames::{Udp, arp, checksum, read_icmp};
use common::hosts::{Guest, Host, Identity, Underlay, reaches, stream_megabyte};
use common::netns::{ifindex, inject};
use common::{GATEWAY_MAC, endpoint_key};
use pintle_core::DropReason;
use pintle_datapath::{Changed, Endpoint, EndpointFlags, Port, PortFlags};

fn one_host() -> (Underlay, Host) {
    let underlay = Underlay::new();
    let host = underlay.host(1);
    (underlay, host)
}

fn local_guest(host: &Host, id: Identity, slot: u32) -> Guest {
    let guest = host.guest(id, slot);
    host.place_local(&guest);
    guest
}

#[test]
fn i08_guests_of_one_host_talk_within_and_between_subnets() {
    let (_underlay, host) = one_host();
    let a = local_guest(&host, Identity::new(100, 1, 10), 1);
    let b = local_guest(&host, Identity::new(100, 1, 11), 2);
    let c = local_guest(&host, Identity::new(100, 2, 10), 3);
    let sockets = [a.udp(5000), b.udp(5000), c.udp(5000)];
    for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2)] {
        assert!(reaches(&sockets[from], &sockets[to]), "{from} to {to}");
    }
    assert_eq!(host.dropped(0, DropReason::RewriteFailed), 0);
    stream_megabyte(&a, &b);
    stream_megabyte(&a, &c);
}

#[test]
fn i09_path_mtu_discovery_works_for_a_real_tcp_sender() {
    let (_underlay, host) = one_host();
    for (slot, subnet) in [(1, 1), (3, 2)] {
        let from = local_guest(&host, Identity::new(100, 1, 10 + slot), u32::from(slot));
        let to = local_guest(&host, Identity::new(100, subnet, 50), u32::from(slot) + 1);
        let smaller = |endpoint: Endpoint| Endpoint { mtu: 1300, ..endpoint };
        let row = host.datapath.endpoints().get(&to.id.key()).expect("get").expect("there");
        host.datapath.endpoints().put(&to.id.key(), &smaller(row)).expect("put");
        stream_megabyte(&from, &to);
        assert!(host.dropped(u32::from(slot), DropReason::TooBig) > 0, "nothing was too big, so nothing was shown");
    }
}

#[test]
fn d13_guests_of_two_vpcs_with_equal_addresses_do_not_meet() {
    let (_underlay, host) = one_host();
    let guests = [
        local_guest(&host, Identity::new(100, 1, 10), 1),
        local_guest(&host, Identity::new(100, 1, 11), 2),
        local_guest(&host, Identity::new(200, 1, 10), 3),
        local_guest(&host, Identity::new(200, 1, 11), 4),
    ];
    let [a, b, a2, b2] = guests.each_ref().map(|guest| guest.udp(5000));
    assert!(reaches(&a, &b) && reaches(&a2, &b2));
    let before = [&guests[2], &guests[3]].map(|guest| host.received(guest));
    assert!(reaches(&a, &b) && reaches(&b, &a));
    assert_eq!([&guests[2], &guests[3]].map(|guest| host.received(guest)), before);
}

#[test]
fn frames_that_end_inside_the_ip_header_are_dropped() {
    let (_underlay, host) = one_host();
    let guest = local_guest(&host, Identity::new(100, 1, 10), 1);
    let whole = Udp {
        src_mac: guest.id.mac,
        dst_mac: GATEWAY_MAC,
        src: guest.id.ip,
        dst: guest.id.gateway(),
        ttl: 64,
        payload: 22,
    };
    let before = host.dropped(1, DropReason::Truncated);
    for len in [14, 15, 20, 33] {
        guest.netns.run(|| inject("eth0", &whole.bytes()[..len]).expect("the guest may try"));
    }
    assert_eq!(host.dropped(1, DropReason::Truncated) - before, 4);
}

#[test]
fn the_hosts_own_stack_is_kept_from_the_guest() {
    let (_underlay, host) = one_host();
    let guest = local_guest(&host, Identity::new(100, 1, 10), 1);
    let before = (host.dropped(1, DropReason::FromHostStack), host.received(&guest));
    let frame = arp(GATEWAY_MAC, 1, (GATEWAY_MAC, guest.id.gateway()), guest.id.ip);
    let error = host.netns.run(|| inject("p1", &frame)).expect_err("dropped at the egress");
    assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS));
    // The host's stack may have tried on its own behalf too (IPv6 announces itself).
    assert!(host.dropped(1, DropReason::FromHostStack) > before.0);
    assert_eq!(host.received(&guest), before.1);
}

#[test]
fn d13_a_guest_cannot_speak_vxlan_to_the_host() {
    let (_underlay, host) = one_host();
    let guest = local_guest(&host, Identity::new(100, 1, 10), 1);
    let socket = guest.udp(4789);
    let vxlan = [8, 0, 0, 0, 0, 0, 200, 0];
    let before = host.dropped(1, DropReason::NoRoute);
    let _ = socket.send_to(&vxlan, (host.vtep, 4789));
    assert_eq!(host.dropped(1, DropReason::NoRoute) - before, 1, "the underlay is not in the VPC");
}

/// A guest behind a tap: the test plays the virtual machine and reads and writes whole frames.
struct TapGuest {
    id: Identity,
    port: u32,
    device: File,
}

impl TapGuest {
    fn new(host: &Host, id: Identity, slot: u32) -> TapGuest {
        let device = host.netns.run(|| {
            let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun").expect("tun is there");
            // SAFETY: an all-zero request is valid; the name is shorter than the field.
            let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
            for (to, from) in request.ifr_name.iter_mut().zip(b"tap0") {
                *to = *from as libc::c_char;
            }
            request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
            // SAFETY: TUNSETIFF reads and writes one ifreq.
            let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &mut request) };
            assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
            file
        });
        let port = host.netns.run(|| ifindex("tap0"));
        let flags = PortFlags::ACTIVE.with(PortFlags::TAP);
        let entry = Port {
            segment: id.segment,
            slot,
            primary_ip: id.ip.into(),
            gateway_ip: id.gateway(),
            prefix_len: 24,
            subnet6: None,
            table: id.table,
            mac: id.mac,
            gateway_mac: GATEWAY_MAC,
            mtu: common::MTU,
            card: None,
            flags,
            generation: 1,
            vni: String::from("eni-tap"),
        };
        host.open_iface(slot, id.mac);
        host.datapath.ports().put(&port, &entry).expect("put");
        let changed = host.netns.run(|| host.datapath.attach_port(port).expect("attach"));
        assert_eq!(changed, Changed::Attached);
        common::sh(&format!("ip -n {} link set tap0 up", host.netns.name));
        host.place(&id, Endpoint { ifindex: Some(port), slot, flags: EndpointFlags::LOCAL_TAP, ..Endpoint::default() });
        TapGuest { id, port, device }
    }

    /// The next frame that is not IPv6 noise of the host's.
    fn read(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 2000];
        loop {
            let len = self.device.read(&mut buffer).expect("a frame");
            if buffer[12..14] != [0x86, 0xdd] {
                return buffer[..len].to_vec();
            }
        }
    }
}

#[test]
fn i16_a_tap_guest_is_answered_and_reached_like_any_other() {
    let (_underlay, host) = one_host();
    let veth = local_guest(&host, Identity::new(100, 1, 10), 1);
    let mut tap = TapGuest::new(&host, Identity::new(100, 1, 20), 2);
    let gateway = endpoint_key(100, tap.id.gateway());
    let row =
        Endpoint { flags: EndpointFlags::GATEWAY, mac: GATEWAY_MAC, gateway_mac: GATEWAY_MAC, ..Endpoint::default() };
    host.datapath.endpoints().put(&gateway, &row).expect("put");

    let request = arp(tap.id.mac, 1, (tap.id.mac, tap.id.ip), veth.id.ip);
    tap.device.write_all(&request).expect("write");
    let reply = tap.read();
    assert_eq!(
        (&reply[..6], &reply[22..28]),
        (&tap.id.mac[..], &veth.id.mac[..]),
        "ARP answered through the tap's egress"
    );

    // From the veth guest to the tap, and back.
    let socket = veth.udp(5000);
    socket.send_to(b"hello", (tap.id.ip, 6000)).expect("send");
    let frame = tap.read();
    assert_eq!((&frame[frame.len() - 5..], &frame[..6]), (&b"hello"[..], &tap.id.mac[..]));
    let mut back =
        Udp { src_mac: tap.id.mac, dst_mac: veth.id.mac, src: tap.id.ip, dst: veth.id.ip, ttl: 64, payload: 4 }.bytes();
    back[36..38].copy_from_slice(&5000_u16.to_be_bytes());
    back[40..42].fill(0); // no UDP checksum, since the port changed
    tap.device.write_all(&back).expect("write");
    let mut buffer = [0; 16];
    assert_eq!(socket.recv_from(&mut buffer).expect("it arrives").0, 4);

    // An ICMP error through the tap.
    let nowhere = Udp {
        src_mac: tap.id.mac,
        dst_mac: GATEWAY_MAC,
        src: tap.id.ip,
        dst: [10, 9, 9, 9].into(),
        ttl: 64,
        payload: 30,
    };
    tap.device.write_all(&nowhere.bytes()).expect("write");
    let error = tap.read();
    assert_eq!(read_icmp(&error).type_code, (3, 1));
    assert_eq!(checksum(&error[14..34]), 0);
    assert!(host.datapath.ports().get(&tap.port).expect("get").is_some());
}
