//! Hosts and guests as namespaces: a host has a data plane, an underlay device and a VXLAN device; a guest has a veth.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use pintle_core::DropReason;
use pintle_datapath::{
    Datapath, Endpoint, EndpointKey, HostSettings, Location, LocationKey, Port, PortFlags, Vlan, VlanKey,
    cell_of_endpoint, cell_of_mac, vlan_port,
};

use pintle_probe::{Namespace, VlanDevice};

use super::netns::{Netns, ifindex};
use super::policy::{Policies, allow_all, closed};
use super::{GATEWAY_MAC, MTU, PinRoot, SMALL, sh};

/// How long a packet that must come may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one that must not come is waited for.
const SILENCE: Duration = Duration::from_millis(300);

/// An underlay: hosts on one bridge.
pub struct Underlay {
    netns: Netns,
}

impl Underlay {
    pub fn new() -> Underlay {
        let netns = Netns::new();
        sh(&format!("ip -n {0} link add br0 type bridge && ip -n {0} link set br0 up", netns.name));
        Underlay { netns }
    }

    /// Adds host `number` with underlay address 192.0.2.`number` and MTU 1500.
    pub fn host(&self, number: u8) -> Host {
        let netns = Netns::new();
        let (host, bridge, vtep) = (&netns.name, &self.netns.name, Ipv4Addr::new(192, 0, 2, number));
        sh(&format!("ip -n {host} link add eth0 type veth peer name h{number} netns {bridge}"));
        sh(&format!("ip -n {bridge} link set h{number} master br0 up"));
        sh(&format!("ip -n {host} addr add {vtep}/24 dev eth0 && ip -n {host} link set eth0 up"));
        sh(&format!("ip -n {host} link add vx0 type vxlan external dstport 4789 nolearning"));
        sh(&format!("ip -n {host} link set vx0 up"));
        let root = PinRoot::new();
        let datapath = netns.run(|| {
            let datapath = Datapath::open(&root.0, &SMALL).expect("the data plane opens");
            let vxlan_ifindex = ifindex("vx0");
            datapath.attach_overlay(vxlan_ifindex).expect("attach");
            let settings =
                HostSettings { vxlan_ifindex: Some(vxlan_ifindex), local_vtep: Some(vtep), ..HostSettings::default() };
            datapath.set_host_settings(&settings).expect("set");
            datapath
        });
        Host { policies: Policies::open(&datapath), datapath, vtep, netns, _root: root }
    }
}

pub struct Host {
    pub datapath: Datapath,
    pub policies: Policies,
    pub vtep: Ipv4Addr,
    pub netns: Netns,
    _root: PinRoot,
}

/// What the network knows of a guest, wherever it runs.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    pub segment: u32,
    pub ip: Ipv4Addr,
    pub mac: [u8; 6],
    /// The number of its subnet's route table.
    pub table: u8,
}

impl Identity {
    /// 10.0.`subnet`.`number`/24, with its gateway at .1.
    pub fn new(segment: u32, subnet: u8, number: u8) -> Identity {
        let mac = [2, 0, 0, segment as u8, subnet, number];
        Identity { segment, ip: Ipv4Addr::new(10, 0, subnet, number), mac, table: 0 }
    }

    pub fn key(&self) -> EndpointKey {
        EndpointKey { segment: self.segment, addr: self.ip.into() }
    }

    pub fn gateway(&self) -> Ipv4Addr {
        let [a, b, c, _] = self.ip.octets();
        Ipv4Addr::new(a, b, c, 1)
    }
}

/// A guest's namespace with its device `eth0`, and the port on its host.
pub struct Guest {
    pub id: Identity,
    pub port: u32,
    pub slot: u32,
    /// Its device, if that is a VLAN of another's.
    _vlan: Option<VlanDevice>,
    pub netns: Netns,
}

impl Host {
    /// Prepares a guest: device, port and programs, but nobody knows yet where its address lives.
    pub fn guest(&self, id: Identity, slot: u32) -> Guest {
        let netns = Netns::new();
        let (host, guest, ip, gateway) = (&self.netns.name, &netns.name, id.ip, id.gateway());
        let mac = id.mac.map(|byte| format!("{byte:02x}")).join(":");
        sh(&format!(
            "ip -n {host} link add p{slot} mtu {MTU} type veth peer name eth0 mtu {MTU} address {mac} netns {guest}"
        ));
        let port = self.netns.run(|| ifindex(&format!("p{slot}")));
        let entry = Port {
            segment: id.segment,
            slot,
            primary_ip: ip.into(),
            gateway_ip: gateway,
            prefix_len: 24,
            subnet6: None,
            table: id.table,
            mac: id.mac,
            gateway_mac: GATEWAY_MAC,
            mtu: MTU,
            card: None,
            flags: PortFlags::ACTIVE,
            generation: 1,
            vni: String::from("eni-0"),
        };
        self.datapath.ports().put(&port, &entry).expect("put");
        self.policies.put(&self.datapath, slot, closed(id.mac, GATEWAY_MAC), allow_all());
        self.netns.run(|| self.datapath.attach_port(port).expect("attach"));
        sh(&format!("ip -n {host} link set p{slot} up && ip -n {guest} link set eth0 up"));
        sh(&format!("ip -n {guest} addr add {ip}/24 dev eth0 && ip -n {guest} route add default via {gateway}"));
        Guest { id, port, slot, netns, _vlan: None }
    }

    /// Prepares a guest whose device is a VLAN of another's card, in a namespace of its own: nobody knows yet where its address
    /// lives. The card's port becomes a trunk.
    pub fn vlan_guest(&self, card: &Guest, id: Identity, slot: u32, vlan: u16) -> Guest {
        let netns = Netns::new();
        let (under, guest, ip, gateway) = (&card.netns.name, &netns.name, id.ip, id.gateway());
        let mac = id.mac.map(|byte| format!("{byte:02x}")).join(":");
        let device = VlanDevice::start(&Namespace::named(under), "eth0", &format!("v{vlan}"), vlan).expect("a VLAN");
        sh(&format!("ip -n {under} link set v{vlan} netns {guest} name eth0"));
        sh(&format!("ip -n {guest} link set eth0 up address {mac} mtu {MTU}"));
        sh(&format!("ip -n {guest} addr add {ip}/24 dev eth0 && ip -n {guest} route add default via {gateway}"));
        let trunk = self.datapath.ports().get(&card.port).expect("get").expect("the card has a port");
        let port = vlan_port(vlan, slot);
        let entry = Port {
            segment: id.segment,
            slot,
            primary_ip: ip.into(),
            gateway_ip: gateway,
            mac: id.mac,
            card: Some(card.port),
            flags: PortFlags::ACTIVE,
            ..trunk.clone()
        };
        self.datapath.ports().put(&port, &entry).expect("put");
        self.policies.put(&self.datapath, slot, closed(id.mac, GATEWAY_MAC), allow_all());
        self.datapath
            .ports()
            .put(&card.port, &Port { flags: trunk.flags.with(PortFlags::TRUNK), ..trunk })
            .expect("put");
        let (key, attachment) = (VlanKey { ifindex: card.port, vlan }, String::from("eni-attach-0"));
        self.datapath.vlans().put(&key, &Vlan { port, generation: 1, attachment }).expect("put");
        Guest { id, port, slot, netns, _vlan: Some(device) }
    }

    /// Lets everything pass the interface in a slot.
    pub fn open_iface(&self, slot: u32, mac: [u8; 6]) {
        self.policies.put(&self.datapath, slot, closed(mac, GATEWAY_MAC), allow_all());
    }

    /// Writes where an identity lives, as this host sees it.
    pub fn place(&self, id: &Identity, place: Endpoint) {
        let cell = cell_of_endpoint(id.segment, id.ip.into());
        let endpoint = Endpoint { mac: id.mac, gateway_mac: GATEWAY_MAC, mtu: MTU, cell, ..place };
        self.datapath.endpoints().put(&id.key(), &endpoint).expect("put");
        self.datapath.epochs().raise(cell);
        let cell = cell_of_mac(id.segment, id.mac);
        let (vtep, alt_vtep, addr) = (place.vtep, place.alt_vtep, Some(id.ip.into()));
        let location = Location { vtep, alt_vtep, addr, table: id.table, cell };
        self.datapath.locations().put(&LocationKey { segment: id.segment, mac: id.mac }, &location).expect("put");
        self.datapath.epochs().raise(cell);
    }

    /// Writes or deletes who may speak for a MAC address.
    pub fn locate(&self, key: &LocationKey, location: Option<Location>) {
        let cell = cell_of_mac(key.segment, key.mac);
        match location {
            Some(location) => {
                self.datapath.locations().put(key, &Location { cell, ..location }).expect("put");
            }
            None => assert!(self.datapath.locations().delete(key).expect("delete")),
        }
        self.datapath.epochs().raise(cell);
    }

    /// Forgets where an identity lives.
    pub fn displace(&self, id: &Identity) {
        assert!(self.datapath.endpoints().delete(&id.key()).expect("delete"));
        self.datapath.epochs().raise(cell_of_endpoint(id.segment, id.ip.into()));
    }

    /// The identity lives here, with this guest.
    pub fn place_local(&self, guest: &Guest) {
        self.place(&guest.id, Endpoint { ifindex: Some(guest.port), slot: guest.slot, ..Endpoint::default() });
    }

    /// The identity lives on another host.
    pub fn place_remote(&self, id: &Identity, vtep: Ipv4Addr) {
        self.place(id, Endpoint { vtep: Some(vtep), ..Endpoint::default() });
    }

    pub fn dropped(&self, slot: u32, reason: DropReason) -> u64 {
        self.datapath.counters().dropped(slot, reason).expect("read")
    }

    pub fn received(&self, guest: &Guest) -> u64 {
        self.datapath.counters().traffic(guest.slot).expect("read").rx_packets
    }
}

impl Guest {
    /// A socket of the guest, on its address and this port.
    pub fn udp(&self, port: u16) -> UdpSocket {
        let address = (self.id.ip, port);
        self.netns.run(move || UdpSocket::bind(address)).expect("the guest has its address")
    }
}

/// Waits until something holds; whether it did in time.
pub fn eventually(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Whether a datagram from one guest reaches the other.
pub fn reaches(from: &UdpSocket, to: &UdpSocket) -> bool {
    arrives_within(PATIENCE, from, to)
}

/// Whether a datagram from one guest does not reach the other.
pub fn blocked(from: &UdpSocket, to: &UdpSocket) -> bool {
    !arrives_within(SILENCE, from, to)
}

fn arrives_within(patience: Duration, from: &UdpSocket, to: &UdpSocket) -> bool {
    let mut buffer = [0; 64];
    let text = format!("{:?}", std::time::Instant::now());
    to.set_read_timeout(Some(patience)).expect("set");
    if from.send_to(text.as_bytes(), to.local_addr().expect("bound")).is_err() {
        return false;
    }
    let Ok((len, sender)) = to.recv_from(&mut buffer) else { return false };
    assert_eq!((&buffer[..len], sender), (text.as_bytes(), from.local_addr().expect("bound")));
    true
}

/// Sends a megabyte from one guest to another by TCP and panics when it does not arrive as sent.
pub fn stream_megabyte(from: &Guest, to: &Guest) {
    let data: Vec<u8> = (0..1_000_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let address = (to.id.ip, 7000);
    let listener = to.netns.run(move || TcpListener::bind(address)).expect("the guest has its address");
    thread::scope(|scope| {
        let received = scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut received = Vec::new();
            stream.read_to_end(&mut received).expect("the stream ends");
            received
        });
        let mut stream = from.netns.run(move || TcpStream::connect(address)).expect("connects");
        stream.write_all(&data).expect("the stream takes it");
        drop(stream);
        assert!(received.join().expect("no panic") == data, "the bytes differ");
    });
}
