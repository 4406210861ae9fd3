//! Floating IPs and public gateways with real stacks on both sides: an internet of one machine behind the hosts' uplinks.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use common::hosts::{Guest, Host, Identity, Underlay};
use common::netns::{Netns, ifindex};
use common::public::icmp_error;
use common::{SEGMENT, frames, sh};
use pintle_core::DropReason;
use pintle_datapath::{
    EndpointKey, HostSettings, PrivateAddress, PublicAddress, Route, RouteKey, RouteTo, Uplink, cell_of_route,
};
use pintle_probe::Namespace;
use pintle_probe::inject::Injector;

const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 100);
const FIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
const OTHER_FIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 11);
const GATEWAY_IP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// The public network: a bridge that hosts have uplinks to, with an address of its own.
struct Internet {
    netns: Netns,
}

impl Internet {
    fn new() -> Internet {
        let netns = Netns::new();
        sh(&format!(
            "ip -n {0} link add br0 type bridge && ip -n {0} addr add {INTERNET}/24 dev br0 && ip -n {0} link set br0 up",
            netns.name
        ));
        Internet { netns }
    }

    /// Gives a host an uplink, with the address 203.0.113.200 plus `number` for the host itself.
    fn connect(&self, host: &Host, number: u8) -> Uplink {
        let (name, net, own) = (&host.netns.name, &self.netns.name, Ipv4Addr::new(203, 0, 113, 200 + number));
        sh(&format!("ip -n {name} link add up0 type veth peer name up{number} netns {net}"));
        sh(&format!("ip -n {net} link set up{number} master br0 up && ip -n {name} link set up0 up"));
        sh(&format!("ip -n {name} addr add {own}/24 dev up0"));
        let mac = host.netns.sh("cat /sys/class/net/up0/address");
        let bytes: Vec<u8> = mac.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect();
        let index = host.netns.run(|| {
            let index = ifindex("up0");
            host.datapath.attach_uplink(index).expect("attach");
            index
        });
        let there = host.datapath.host_settings().expect("get");
        let settings = HostSettings { uplink_ifindex: Some(index), ..there };
        host.datapath.set_host_settings(&settings).expect("set");
        route(host, None, None);
        Uplink { mac: bytes.try_into().expect("six bytes"), mtu: 1500 }
    }
}

fn route(host: &Host, gateway_vtep: Option<Ipv4Addr>, gateway: Option<Ipv4Addr>) {
    let net = "0.0.0.0/0".parse().expect("a network");
    let key = RouteKey::own(SEGMENT, net);
    let entry = Route::new(&key, RouteTo::Public { gateway_vtep, gateway: gateway.map(IpAddr::V4) });
    host.datapath.routes().put(&key, &entry).expect("put");
    host.datapath.epochs().raise(entry.cell);
}

fn float(host: &Host, guest: &Guest, fip: Ipv4Addr, uplink: Uplink) {
    let private = IpAddr::V4(guest.id.ip);
    let entry = PublicAddress::Interface { segment: SEGMENT, private, translate: true, uplink };
    host.datapath.public_addresses().put(&fip.into(), &entry).expect("put");
    let own = PrivateAddress { public: fip.into(), translate: true, mtu: uplink.mtu };
    host.datapath.private_addresses().put(&EndpointKey { segment: SEGMENT, addr: private }, &own).expect("put");
    host.datapath.epochs().raise(cell_of_route(&RouteKey::own(SEGMENT, "0.0.0.0/0".parse().expect("a network"))));
}

/// Streams half a megabyte each way between two namespaces; returns whom the server saw.
fn talk(client: &Netns, server: &Netns, bind: Ipv4Addr, target: Ipv4Addr, port: u16) -> IpAddr {
    let data: Vec<u8> = (0..500_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let listener = server.run(move || TcpListener::bind((bind, port))).expect("the address is there");
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let (mut stream, peer) = listener.accept().expect("a connection");
            let mut received = vec![0; data.len()];
            stream.read_exact(&mut received).expect("it all comes");
            stream.write_all(&received).expect("the stream takes it");
            (peer, received == data)
        });
        let patience = std::time::Duration::from_secs(10);
        let connect = move || TcpStream::connect_timeout(&SocketAddr::from((target, port)), patience);
        let mut stream = client.run(connect).expect("connects");
        stream.set_read_timeout(Some(patience)).expect("set");
        stream.write_all(&data).expect("the stream takes it");
        let mut echoed = vec![0; data.len()];
        stream.read_exact(&mut echoed).expect("it all comes back");
        let (peer, whole): (SocketAddr, bool) = serving.join().expect("no panic");
        assert!(whole && echoed == data, "the bytes differ");
        peer.ip()
    })
}

/// Sends from a guest's port to the internet, has this router report that nobody listens, and says what the guest heard.
fn reported(internet: &Internet, uplink: Uplink, guest: &Guest, port: u16, router: Ipv4Addr) -> ErrorKind {
    let listener = internet.netns.run(|| UdpSocket::bind((INTERNET, 9))).expect("the address is there");
    let socket = guest.udp(port);
    for socket in [&listener, &socket] {
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("set");
    }
    socket.connect((INTERNET, 9)).expect("connects");
    socket.send(b"anybody?").expect("sends");
    let (_, SocketAddr::V4(from)) = listener.recv_from(&mut [0; 16]).expect("it comes out") else {
        panic!("not by IPv4")
    };
    let way = |src: Ipv4Addr, dst: Ipv4Addr| frames::Route {
        src_mac: [2, 0, 0, 0, 0, 9],
        dst_mac: uplink.mac,
        src: src.into(),
        dst: dst.into(),
    };
    let sent = way(*from.ip(), INTERNET).udp((from.port(), 9), b"anybody?");
    let mut wire = Injector::open(&Namespace::named(&internet.netns.name), "br0").expect("opens");
    wire.send(&icmp_error(&way(router, *from.ip()), 3, 3, 0, &sent[14..], 28)).expect("sends");
    socket.recv(&mut [0; 16]).expect_err("nobody answers").kind()
}

#[test]
fn c01_real_stacks_talk_through_a_floating_ip() {
    let (underlay, internet) = (Underlay::new(), Internet::new());
    let host = underlay.host(1);
    let guest = host.guest(Identity::new(SEGMENT, 1, 10), 1);
    host.place_local(&guest);
    let uplink = internet.connect(&host, 1);
    float(&host, &guest, FIP, uplink);

    assert_eq!(talk(&guest.netns, &internet.netns, INTERNET, INTERNET, 7001), IpAddr::V4(FIP));
    assert_eq!(talk(&internet.netns, &guest.netns, guest.id.ip, FIP, 7002), IpAddr::V4(INTERNET));
    guest.netns.sh(&format!("ping -c 2 -i 0.2 -W 5 {INTERNET}"));
    internet.netns.sh(&format!("ping -c 2 -i 0.2 -W 5 {FIP}"));
    // The host's own traffic on the same device is none of ours.
    internet.netns.sh("ping -c 1 -W 5 203.0.113.201");
    assert_eq!(host.dropped(0, DropReason::UnknownPublicAddress), 0);
}

#[test]
fn c01_two_guests_of_one_host_talk_by_their_floating_ips() {
    let (underlay, internet) = (Underlay::new(), Internet::new());
    let host = underlay.host(1);
    let uplink = internet.connect(&host, 1);
    let guests = [(10, FIP), (11, OTHER_FIP)].map(|(number, fip)| {
        let guest = host.guest(Identity::new(SEGMENT, 1, number), u32::from(number));
        host.place_local(&guest);
        float(&host, &guest, fip, uplink);
        guest
    });
    let [a, b] = &guests;
    assert_eq!(talk(&a.netns, &b.netns, b.id.ip, OTHER_FIP, 7003), IpAddr::V4(FIP));
    assert_eq!(talk(&a.netns, &a.netns, a.id.ip, FIP, 7004), IpAddr::V4(FIP), "to itself, by its own floating IP");
}

#[test]
fn c15_guests_of_several_hosts_leave_by_one_gateway() {
    let (underlay, internet) = (Underlay::new(), Internet::new());
    let (here, there) = (underlay.host(1), underlay.host(2));
    let (near, far) = (there.guest(Identity::new(SEGMENT, 1, 20), 1), here.guest(Identity::new(SEGMENT, 1, 10), 1));
    here.place_local(&far);
    here.place_remote(&near.id, there.vtep);
    there.place_local(&near);
    there.place_remote(&far.id, here.vtep);
    let uplink = internet.connect(&there, 2);
    there.datapath.public_addresses().put(&GATEWAY_IP.into(), &PublicAddress::Gateway { uplink }).expect("put");
    route(&there, None, Some(GATEWAY_IP));
    route(&here, Some(there.vtep), Some(GATEWAY_IP));
    for host in [&here, &there] {
        let key = RouteKey::own(SEGMENT, "10.0.0.0/16".parse().expect("a network"));
        host.datapath.routes().put(&key, &Route::new(&key, RouteTo::Blackhole)).expect("put");
    }

    for guest in [&near, &far] {
        assert_eq!(talk(&guest.netns, &internet.netns, INTERNET, INTERNET, 7005), IpAddr::V4(GATEWAY_IP));
        guest.netns.sh(&format!("ping -c 2 -i 0.2 -W 5 {INTERNET}"));
    }
    assert_eq!(there.datapath.gateway_ports_in_use().expect("read"), 4);
    // Routers out there may have addresses that the VPC has too, and what they report is heard.
    for (port, router) in [(5001, far.id.gateway()), (5002, near.id.ip)] {
        assert_eq!(reported(&internet, uplink, &far, port, router), ErrorKind::ConnectionRefused, "by {router}");
    }
    // A host that is not the gateway's cannot speak for the public network: the route names another.
    route(&here, Some([192, 0, 2, 77].into()), Some(GATEWAY_IP));
    let silent = far.netns.run(|| {
        let to = SocketAddr::from((INTERNET, 7006));
        TcpStream::connect_timeout(&to, std::time::Duration::from_millis(300))
    });
    assert!(silent.is_err());
}
