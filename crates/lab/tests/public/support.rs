//! A lab with a public network, and short ways to what its tests ask of it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrIn};
use pintle_lab::internet::POOL;
use pintle_lab::{Lab, LabOptions, Network, sh};
use pintle_probe::Namespace;
use pintle_probe::ping::{Outcome, Pinger};
use serde_json::{Value, json};

/// How long a change may take to show.
const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) struct Scene {
    pub(crate) lab: Lab,
}

impl Scene {
    pub(crate) fn new(hosts: usize) -> Scene {
        Scene::with_options(hosts, &[])
    }

    pub(crate) fn with_options(hosts: usize, options: &[&str]) -> Scene {
        let agent_options = options.iter().map(|&option| option.to_owned()).collect();
        let options = LabOptions { hosts, internet: true, agent_options, ..LabOptions::default() };
        let lab = Lab::with(&options).unwrap();
        let pool = json!({ "zone": "local-1", "cidrs": [POOL] });
        lab.api.post("/native/v1/public_pools", pool).unwrap();
        Scene { lab }
    }

    pub(crate) fn network(&self) -> Network<'_> {
        Network::new(&self.lab.api).unwrap()
    }

    pub(crate) fn far(&self) -> &str {
        &self.lab.internet.as_ref().unwrap().far
    }

    pub(crate) fn router(&self) -> &str {
        &self.lab.internet.as_ref().unwrap().router
    }

    /// A group that permits everything.
    pub(crate) fn open_group(&self, network: &Network<'_>) -> String {
        let any = |direction: &str| json!({ "direction": direction, "protocol": "any" });
        network.group(json!([any("inbound"), any("outbound")])).unwrap()
    }

    /// An instance with an interface that everything may pass; both names.
    pub(crate) fn guest(&self, network: &Network<'_>, host: &str, subnet: &str, address: &str) -> (String, String) {
        network.guest_in(host, subnet, address, &[&self.open_group(network)]).unwrap()
    }

    /// A new floating IP for an interface, or one of its addresses: id and address.
    pub(crate) fn float(&self, vni: &str, private: Option<&str>) -> (String, Ipv4Addr) {
        let mut target = json!({ "vni": vni });
        if let Some(private) = private {
            target["private_address"] = json!(private);
        }
        let made = self.lab.api.post("/native/v1/floating_ips", json!({ "target": target })).unwrap();
        (text(&made["id"]), text(&made["address"]).parse().unwrap())
    }

    /// A public gateway on a host, put to use by a subnet: id and address.
    pub(crate) fn gateway(&self, network: &Network<'_>, host: &str, subnet: &str) -> (String, Ipv4Addr) {
        let body = json!({ "vpc": network.vpc, "zone": "local-1", "host": host });
        let made = self.lab.api.post("/native/v1/public_gateways", body).unwrap();
        let body = json!({ "public_gateway": made["id"] });
        self.lab.api.call("PATCH", &format!("/native/v1/subnets/{subnet}"), Some(body)).unwrap();
        (text(&made["id"]), text(&made["address"]).parse().unwrap())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn pinger(from: &str, to: Ipv4Addr) -> Pinger {
    Pinger::open(&Namespace::named(from), to).unwrap()
}

/// Waits until an address answers.
pub(crate) fn answers(from: &str, to: Ipv4Addr) {
    let first = pinger(from, to).until(PATIENCE, Duration::from_millis(20)).unwrap();
    assert!(first.is_some(), "{to} does not answer {from}");
}

/// Waits until an address no longer answers.
pub(crate) fn answers_not(from: &str, to: Ipv4Addr) {
    let mut pinger = pinger(from, to);
    let deadline = Instant::now() + PATIENCE;
    while pinger.once(Duration::from_millis(150)).is_ok() {
        assert!(Instant::now() < deadline, "{to} still answers {from}");
    }
}

/// Who answers at so many hops.
pub(crate) fn hop(from: &str, to: Ipv4Addr, ttl: u8) -> Ipv4Addr {
    let mut pinger = pinger(from, to);
    pinger.set_ttl(ttl).unwrap();
    match pinger.sized_df(56, Duration::from_secs(2)).unwrap() {
        Outcome::TtlExceeded { from } => from,
        Outcome::Answered(_) => to,
        other => panic!("hop {ttl} from {from} to {to}: {other:?}"),
    }
}

/// How a connection is refused.
pub(crate) fn refused(from: &str, to: SocketAddr) -> ErrorKind {
    let connect = || TcpStream::connect_timeout(&to, Duration::from_secs(2)).map(drop);
    Namespace::named(from).run(connect).unwrap().unwrap_err().kind()
}

/// Streams half a megabyte each way; whom the server saw.
pub(crate) fn talk(client: &str, server: &str, bind: Ipv4Addr, target: Ipv4Addr, port: u16) -> IpAddr {
    exchange(client, None, server, (bind, target, port)).unwrap()
}

/// As [`talk`], from one of the client's own addresses.
pub(crate) fn talk_from(client: &str, own: Ipv4Addr, server: &str, target: Ipv4Addr, port: u16) -> IpAddr {
    exchange(client, Some(own), server, (target, target, port)).unwrap()
}

/// Whether a server can be reached by an address.
pub(crate) fn try_talk(client: &str, server: &str, bind: &str, target: Ipv4Addr, port: u16) -> bool {
    exchange(client, None, server, (bind.parse().unwrap(), target, port)).is_ok()
}

fn exchange(
    client: &str,
    own: Option<Ipv4Addr>,
    server: &str,
    (bind, target, port): (Ipv4Addr, Ipv4Addr, u16),
) -> std::io::Result<IpAddr> {
    let data: Vec<u8> = (0..500_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let listener = Namespace::named(server).run(|| TcpListener::bind((bind, port))).unwrap()?;
    let mut stream = Namespace::named(client).run(|| connect(own, (target, port).into())).unwrap()?;
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| -> std::io::Result<(IpAddr, bool)> {
            let (mut stream, peer) = listener.accept()?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut received = vec![0; data.len()];
            stream.read_exact(&mut received)?;
            stream.write_all(&received)?;
            Ok((peer.ip(), received == data))
        });
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&data)?;
        let mut echoed = vec![0; data.len()];
        stream.read_exact(&mut echoed)?;
        let (peer, whole) = serving.join().expect("the server does not panic")?;
        assert!(whole && echoed == data, "the bytes differ");
        Ok(peer)
    })
}

/// Connects, from one address of several if it is given.
fn connect(own: Option<Ipv4Addr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let patience = Duration::from_secs(2);
    let Some(own) = own else { return TcpStream::connect_timeout(&to, patience) };
    let SocketAddr::V4(to) = to else { return Err(ErrorKind::Unsupported.into()) };
    let socket = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    socket::bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(own, 0)))?;
    socket::connect(socket.as_raw_fd(), &SockaddrIn::from(to))?;
    Ok(TcpStream::from(socket))
}

/// A connection that stays open.
pub(crate) struct Open {
    client: TcpStream,
    server: TcpStream,
}

impl Open {
    pub(crate) fn new(client: &str, server: &str, bind: Ipv4Addr, target: Ipv4Addr, port: u16) -> Open {
        let listener = Namespace::named(server).run(|| TcpListener::bind((bind, port))).unwrap().unwrap();
        let client = Namespace::named(client).run(|| connect(None, (target, port).into())).unwrap().unwrap();
        let server = listener.accept().unwrap().0;
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        }
        Open { client, server }
    }

    /// Whether a byte gets through to the server, and one back.
    pub(crate) fn alive(&self) -> bool {
        let (mut client, mut server, mut byte) = (&self.client, &self.server, [0; 1]);
        let there = client.write_all(b"x").is_ok() && server.read_exact(&mut byte).is_ok();
        there && server.write_all(b"y").is_ok() && client.read_exact(&mut byte).is_ok()
    }
}

/// The drops of an interface: packets by reason.
pub(crate) fn drops(network: &Network<'_>, vni: &str) -> BTreeMap<String, u64> {
    network.dropped(vni).unwrap().into_iter().collect()
}

/// What the first host has pinned.
pub(crate) fn pins(lab: &Lab) -> Vec<String> {
    let hosts = lab.api.get("/native/v1/hosts").unwrap();
    let root = format!("/sys/fs/bpf/pintle/{}", text(&hosts["items"][0]["id"]));
    if !std::path::Path::new(&root).exists() {
        return Vec::new();
    }
    sh("find", &[&root, "-type", "f"]).unwrap().lines().map(str::to_owned).collect()
}

/// An address as the maps have it.
pub(crate) fn address(ip: Ipv4Addr) -> [u8; 16] {
    ip.to_ipv6_mapped().octets()
}
