//! Floating IPs on one host: pass-through, another uplink, none, nothing written where nothing changed, and nothing announced
//! on old knowledge.

mod agent_support;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use agent_support::server::Server;
use agent_support::{Guest, Host, SEGMENT, Scratch, entries, ip, put, repaired};
use pintle_agent::desired::{Delta, Desired};
use pintle_agent::reconcile::{HostConfig, Reconciler};
use pintle_agent::{AgentError, Config, run};
use pintle_core::DropReason;
use pintle_core::host_protocol::ServerMessage;
use pintle_core::host_spec::{Entry, EntryKey, FloatingIpSpec, RouteSpec};
use pintle_probe::inject::Injector;
use tokio_util::sync::CancellationToken;

const FIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 20);
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 254);

/// A machine of the public network on the host's uplink `wan`.
fn outside(host: &Host) -> Scratch {
    let outside = Scratch::new("outside");
    ip(&host.scratch.name, &format!("link add wan type veth peer name eth0 netns {}", outside.name));
    ip(&host.scratch.name, "addr add 203.0.113.201/24 dev wan");
    ip(&host.scratch.name, "link set wan up");
    ip(&outside.name, &format!("addr add {OUTSIDE}/24 dev eth0"));
    ip(&outside.name, "link set eth0 up");
    outside
}

fn open(host: &Host) -> Reconciler {
    open_with(host, Some("wan")).unwrap()
}

fn open_with(host: &Host, uplink: Option<&str>) -> Result<Reconciler, AgentError> {
    Reconciler::open(&HostConfig { uplink: uplink.map(str::to_owned), vtep: Some(host.vtep), ..host.config() })
}

fn route() -> (EntryKey, Entry) {
    let route = RouteSpec::Public { gateway_vtep: None, gateway: None };
    (EntryKey::Route(SEGMENT, 0, "0.0.0.0/0".parse().unwrap()), Entry::Route(route))
}

fn float(guest: &Guest, public: Ipv4Addr, translate: bool) -> (EntryKey, Entry) {
    let spec = FloatingIpSpec::Vni { port: guest.attachment, segment: SEGMENT, address: guest.ip(), translate };
    (EntryKey::FloatingIp(public.into()), Entry::FloatingIp(spec))
}

/// Sends a datagram from outside to a public address, where the guest listens at `at`, and one back; whom either saw.
fn talk(outside: &Scratch, guest: &Guest, at: IpAddr, public: Ipv4Addr) -> Option<(IpAddr, IpAddr)> {
    let bind = |address: IpAddr| move || UdpSocket::bind((address, 0)).unwrap();
    let inside = guest.netns().run(bind(at)).unwrap();
    let client = outside.namespace.run(bind(OUTSIDE.into())).unwrap();
    for socket in [&inside, &client] {
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    }
    client.send_to(b"in", (public, inside.local_addr().unwrap().port())).unwrap();
    let mut buffer = [0; 8];
    let (_, client_seen) = inside.recv_from(&mut buffer).ok()?;
    inside.send_to(b"out", client_seen).unwrap();
    let (_, guest_seen) = client.recv_from(&mut buffer).ok()?;
    Some((client_seen.ip(), guest_seen.ip()))
}

#[test]
fn c05_without_translation_the_guest_sees_the_public_address_itself() {
    let host = Host::new(1);
    let mut guest = Guest::new(10);
    // What it sends from the public address is not one of its own addresses.
    guest.spec.policy.allow_ip_spoofing = true;
    let outside = outside(&host);
    host.run(|| {
        let mut reconciler = open(&host);
        let mut all = entries(&[&guest]);
        all.extend([route(), float(&guest, FIP, true)]);
        reconciler.replace(Desired::new(1, all)).unwrap();
        assert_eq!(reconciler.failures(), []);
        assert_eq!(talk(&outside, &guest, guest.ip(), FIP), Some((OUTSIDE.into(), FIP.into())), "translated");

        reconciler.change(2, put(vec![float(&guest, FIP, false)])).unwrap();
        assert_eq!(talk(&outside, &guest, guest.ip(), FIP), None, "the destination is the public address");
        guest.ip_command(&format!("addr add {FIP}/32 dev lo"));
        let seen = talk(&outside, &guest, FIP.into(), FIP);
        let drops = reconciler.datapath().counters().drops().unwrap();
        assert_eq!(seen, Some((OUTSIDE.into(), FIP.into())), "{drops:?}");
        // Another public address is not its interface's, so it does not get out with it.
        guest.ip_command("addr add 203.0.113.21/32 dev lo");
        let forged = || UdpSocket::bind("203.0.113.21:0").unwrap().send_to(b"x", (OUTSIDE, 9)).unwrap();
        guest.netns().run(forged).unwrap();
        let slot = reconciler.datapath().ports().entries().unwrap()[0].1.slot;
        let drops = reconciler.datapath().counters().drops().unwrap();
        let refused = DropReason::NoPublicAddress;
        assert!(drops.iter().any(|one| one.slot == slot && one.reason == refused), "{drops:?}");
    });
}

#[test]
fn f03_what_is_in_order_is_not_written_again_and_drift_of_the_uplink_is_told() {
    let host = Host::new(2);
    let guest = Guest::new(10);
    let outside = outside(&host);
    host.run(|| {
        let mut all = entries(&[&guest]);
        all.extend([route(), float(&guest, FIP, true)]);
        let mut reconciler = open(&host);
        reconciler.replace(Desired::new(1, all.clone())).unwrap();
        let mut again = open(&host);
        again.replace(Desired::new(1, all)).unwrap();
        assert_eq!(again.writes(), 0, "a restart that finds nothing changed writes nothing");
        drop(again);

        ip(&host.scratch.name, "link set wan address 02:00:00:00:77:01");
        let text = repaired(&reconciler.sweep().unwrap());
        assert!(text.contains(&format!("floating-ip/{FIP} is different")), "{text}");
        assert!(talk(&outside, &guest, guest.ip(), FIP).is_some(), "the neighbour was told of the new address");
        let datapath = reconciler.datapath();
        datapath.public_addresses().delete(&FIP.into()).unwrap();
        let index = datapath.host_settings().unwrap().uplink_ifindex.unwrap();
        datapath.detach(index).unwrap();
        let text = repaired(&reconciler.sweep().unwrap());
        assert!(text.contains("program of the uplink") && text.contains(&FIP.to_string()), "{text}");
        assert!(talk(&outside, &guest, guest.ip(), FIP).is_some());
        assert_eq!(repaired(&reconciler.sweep().unwrap()), "");

        // Without the device the address fails by name, and works again when the device is back.
        ip(&host.scratch.name, "link del wan");
        reconciler.sweep().unwrap();
        let [failure] = &reconciler.failures()[..] else { panic!("{:?}", reconciler.failures()) };
        assert!(failure.key == EntryKey::FloatingIp(FIP.into()) && failure.message.contains("'wan'"), "{failure:?}");
        assert_eq!(reconciler.datapath().public_addresses().entries().unwrap(), []);
        assert_eq!(reconciler.datapath().private_addresses().entries().unwrap(), []);
        let outside = self::outside(&host);
        reconciler.sweep().unwrap();
        assert_eq!(reconciler.failures(), []);
        assert!(talk(&outside, &guest, guest.ip(), FIP).is_some());

        // An agent that is told of no uplink any more lets go of it.
        drop(reconciler);
        let mut without = open_with(&host, None).unwrap();
        let mut all = entries(&[&guest]);
        all.extend([route(), float(&guest, FIP, true)]);
        without.replace(Desired::new(1, all)).unwrap();
        assert!(without.failures()[0].message.contains("--uplink"), "{:?}", without.failures());
        let links = without.datapath().pinned_links().unwrap();
        let uplinks = links.iter().filter(|(_, program)| *program == pintle_datapath::ProgramName::FromUplink).count();
        assert_eq!((uplinks, without.datapath().host_settings().unwrap().uplink_ifindex), (0, None));
        assert!(talk(&outside, &guest, guest.ip(), FIP).is_none());
    });
}

#[test]
fn c13_public_addresses_change_hands_in_one_step() {
    let host = Host::new(3);
    let (one, two) = (Guest::new(10), Guest::new(11));
    let other = Ipv4Addr::new(203, 0, 113, 21);
    let outside = outside(&host);
    host.run(|| {
        let mut reconciler = open(&host);
        let mut all = entries(&[&one, &two]);
        all.extend([route(), float(&one, FIP, true), float(&two, other, true)]);
        reconciler.replace(Desired::new(1, all)).unwrap();
        let owns = |guest: &Guest, public: Ipv4Addr| {
            talk(&outside, guest, guest.ip(), public) == Some((OUTSIDE.into(), public.into()))
        };
        assert!(owns(&one, FIP) && owns(&two, other));
        reconciler.change(2, put(vec![float(&one, other, true), float(&two, FIP, true)])).unwrap();
        assert!(owns(&one, other) && owns(&two, FIP));
        let removed = vec![EntryKey::FloatingIp(FIP.into())];
        reconciler.change(3, Delta { put: vec![float(&two, other, true)], removed }).unwrap();
        assert!(owns(&two, other) && !owns(&one, other) && !owns(&two, FIP));
        assert_eq!(reconciler.datapath().private_addresses().entries().unwrap().len(), 1);
        assert_eq!(repaired(&reconciler.sweep().unwrap()), "");
    });
}

#[test]
fn v01_an_uplink_that_is_not_there_is_refused_by_name() {
    let host = Host::new(4);
    host.run(|| {
        for (device, rule) in [("nothing0", "no device 'nothing0'"), ("lo", "'lo' can't be the uplink")] {
            let error = open_with(&host, Some(device)).map(drop).unwrap_err();
            assert!(error.to_string().contains(rule), "{error}");
        }
    });
}

/// How many announcements of the address, by this hardware address, are heard outside in this time; as soon as there is one, if
/// `first`.
fn announced(outside: &Scratch, mac: [u8; 6], first: bool, within: Duration) -> usize {
    let mut wire = Injector::open(&pintle_probe::Namespace::named(&outside.name), "eth0").unwrap();
    let until = std::time::Instant::now() + within;
    let mut count = 0;
    while !(first && count > 0) {
        let left = until.saturating_duration_since(std::time::Instant::now());
        let about = |frame: &[u8]| {
            frame[6..12] == mac
                && frame[12..14] == [8, 6]
                && frame[28..32] == FIP.octets()
                && frame[38..42] == FIP.octets()
        };
        if wire.recv(left, about).unwrap().is_none() {
            break;
        }
        count += 1;
    }
    count
}

#[test]
fn f16_without_its_server_a_host_announces_no_public_address() {
    const NEW_MAC: [u8; 6] = [0x02, 0, 0, 0, 0x77, 0x02];
    let host = Host::new(2);
    let guest = Guest::new(10);
    let outside = outside(&host);
    host.run(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new("", directory.path().join("agent"), "zone-1");
        (config.name, config.limits) = (Some("host-a".into()), host.config().limits);
        (config.sweep, config.uplink, config.vtep) = (Duration::from_millis(300), Some("wan".into()), Some(host.vtep));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            (config.server, config.join) = (server.address(), Some(server.token()));
            let shutdown = CancellationToken::new();
            let agent = tokio::spawn(run(config, shutdown.clone()));
            let mut entries = entries(&[&guest]);
            entries.extend([route(), float(&guest, FIP, true)]);
            let peer = server.begin(host.id, entries).await;
            drop(peer);
            // Away from the server: what is repaired is not announced.
            ip(&host.scratch.name, "link set wan address 02:00:00:00:77:02");
            let answers = || {
                ip(&outside.name, "neigh flush dev eth0");
                talk(&outside, &guest, guest.ip(), FIP).is_some()
            };
            tokio::task::block_in_place(|| {
                assert!((0..20).any(|_| answers()), "it is repaired");
                assert_eq!(announced(&outside, NEW_MAC, false, Duration::from_millis(1500)), 0);
            });
            let mut peer = server.accept().await.unwrap();
            peer.receive().await;
            peer.send(ServerMessage::Welcome { epoch: "first".into(), resumed: true }).await;
            tokio::task::block_in_place(|| {
                assert_eq!(announced(&outside, NEW_MAC, false, Duration::from_millis(400)), 0, "it may have moved on");
                assert_eq!(announced(&outside, NEW_MAC, true, Duration::from_secs(5)), 1);
            });
            shutdown.cancel();
            tokio::time::timeout(Duration::from_secs(5), agent).await.expect("it stops").unwrap().unwrap();
        });
    });
}
