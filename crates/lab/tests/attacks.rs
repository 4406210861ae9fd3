//! Blind attacks on a live connection between two real stacks: who may spoof addresses still can't break what others have.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use pintle_lab::policy::{exchange, listen, mac, reach};
use pintle_lab::{Lab, Network};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, build};
use serde_json::json;

const PORT: u16 = 9000;
/// Client and server, by each IP version.
const ADDRESSES: [[&str; 2]; 2] = [["10.1.0.10", "10.1.0.11"], ["2001:db8:7:1::10", "2001:db8:7:1::11"]];
/// How often each attack is made.
const TIMES: u64 = 50;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
/// Farther than any window of these stacks, as nothing but handshakes and single bytes has been sent.
const FAR: u32 = 50_000_000;

/// What an end of the connection would send next.
#[derive(Clone, Copy, Debug)]
struct End {
    address: SocketAddr,
    mac: [u8; 6],
    next: u32,
}

/// A TCP segment over IP in Ethernet: its ports, sequence number, acknowledgement and payload's length.
fn segment(frame: &[u8]) -> Option<((u16, u16), u32, u32, u32)> {
    let ip = frame.get(14..)?;
    let length = |at: usize| Some(usize::from(u16::from_be_bytes([*ip.get(at)?, *ip.get(at + 1)?])));
    let (protocol, header, total) = match frame[12..14] {
        [0x08, 0x00] => (*ip.get(9)?, usize::from(ip.first()? & 15) * 4, length(2)?),
        [0x86, 0xdd] => (*ip.get(6)?, 40, 40 + length(4)?),
        _ => return None,
    };
    let tcp = ip.get(header..).filter(|tcp| protocol == 6 && tcp.len() >= 20)?;
    let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    let payload = total.checked_sub(header + usize::from(tcp[12] >> 4) * 4)?;
    let ports = (u16::from_be_bytes([tcp[0], tcp[1]]), u16::from_be_bytes([tcp[2], tcp[3]]));
    Some((ports, word(4), word(8), payload as u32))
}

/// A live connection between two guests, and where both ends of it are.
struct Live {
    client: TcpStream,
    server: TcpStream,
    ends: [End; 2],
}

impl Live {
    fn between(client: &str, server: &str, addresses: [&str; 2]) -> Live {
        let [client_address, server_address]: [IpAddr; 2] = addresses.map(|address| address.parse().unwrap());
        let mut capture = Injector::open(&Namespace::named(server), "eth0").unwrap();
        let at = SocketAddr::from((server_address, PORT));
        let listener = listen(server, at).unwrap();
        let stream = reach(client, at).unwrap();
        let port = stream.local_addr().unwrap().port();
        let mut live = Live {
            server: listener.accept().unwrap().0,
            client: stream,
            ends: [
                End { address: (client_address, port).into(), mac: mac(client).unwrap(), next: 0 },
                End { address: at, mac: mac(server).unwrap(), next: 0 },
            ],
        };
        live.exchange();
        // The segment that the client's byte came in says where both are; a byte each has passed since.
        let byte =
            |frame: &[u8]| segment(frame).is_some_and(|(ports, .., payload)| ports == (port, PORT) && payload == 1);
        let frame = capture.recv(Duration::from_secs(1), byte).unwrap().expect("the client's byte was seen");
        let (_, seq, ack, _) = segment(&frame).unwrap();
        (live.ends[0].next, live.ends[1].next) = (seq.wrapping_add(1), ack.wrapping_add(1));
        live
    }

    fn exchange(&mut self) {
        exchange(&mut self.client, &mut self.server).expect("the connection lives");
    }
}

/// Each attack in the name of `from`: what it is called, its flags, its numbers relative to what would be right, its payload,
/// and why it is dropped.
type Attack = (&'static str, u8, (u32, u32), &'static [u8], &'static str);

const ATTACKS: &[Attack] = &[
    ("a reset just beyond the next byte", RST, (1, 0), b"", "tcp_bad_rst"),
    ("a reset inside the window", RST, (1000, 0), b"", "tcp_bad_rst"),
    ("a reset with an acknowledgement", RST | ACK, (FAR, 0), b"", "tcp_bad_rst"),
    ("a SYN inside the window", SYN, (10, 0), b"", "tcp_syn_in_connection"),
    ("a SYN anywhere", SYN, (FAR, 0), b"", "tcp_syn_in_connection"),
    ("a SYN-ACK", SYN | ACK, (FAR, FAR), b"", "tcp_bad_ack"),
    ("data beyond the window", ACK, (FAR, 0), b"evil", "tcp_out_of_window"),
    ("data long gone", ACK, (FAR.wrapping_neg(), 0), b"evil", "tcp_old_data"),
    ("right data with an ACK of what was never sent", ACK, (0, FAR), b"evil", "tcp_ack_unsent"),
    ("an ACK of what was never sent", ACK, (0, 1), b"", "tcp_ack_unsent"),
    ("right data with a guessed old ACK", ACK, (0, FAR.wrapping_neg()), b"evil", "tcp_old_ack"),
    ("a FIN anywhere", FIN | ACK, (FAR, 0), b"", "tcp_out_of_window"),
    ("SYN and FIN", SYN | FIN, (0, 0), b"", "tcp_bad_flags"),
    ("no flags at all", 0, (0, 0), b"evil", "tcp_bad_flags"),
];

fn forge(attacker: [u8; 6], from: End, to: End, (_, flags, (seq, ack), payload, _): &Attack) -> Vec<u8> {
    let (seq, ack) = (from.next.wrapping_add(*seq), to.next.wrapping_add(*ack));
    let ack = if flags & ACK == 0 { 0 } else { ack };
    let (ethertype, packet) = match (from.address, to.address) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            let (from, to) = ((*from.ip(), from.port()), (*to.ip(), to.port()));
            (0x0800, build::tcp(from, to, seq, ack, *flags, payload))
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            let (from, to) = ((*from.ip(), from.port()), (*to.ip(), to.port()));
            (0x86dd, build::tcp6(from, to, seq, ack, *flags, payload))
        }
        _ => panic!("ends of different IP versions"),
    };
    build::ethernet(attacker, to.mac, ethertype, &packet)
}

/// Packets of an interface dropped for a reason. A SYN may also have been one too many for a challenge ACK (RFC 5961, 7).
fn dropped(network: &Network<'_>, vni: &str, reason: &str) -> u64 {
    let totals = network.dropped(vni).unwrap();
    let count = |reason: &str| totals.get(reason).copied().unwrap_or_default();
    count(reason) + if reason == "tcp_syn_in_connection" { count("reply_rate_limited") } else { 0 }
}

#[test]
fn e14_blind_attacks_are_all_dropped_with_the_reason_and_the_connection_lives() {
    attack_a_connection(0);
}

#[test]
fn e14_blind_attacks_over_ipv6_are_all_dropped_with_the_reason_and_the_connection_lives() {
    attack_a_connection(1);
}

/// Every attack on a connection by this version: 0 for IPv4, 1 for IPv6.
fn attack_a_connection(version: usize) {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.dual_subnet("10.1.0.0/24", "2001:db8:7::/56", "2001:db8:7:1::/64").unwrap();
    let guest = |host, at: usize| {
        let body = json!({ "subnet": subnet, "address": ADDRESSES[0][at], "addresses": [ADDRESSES[1][at]] });
        network.guest_as(host, body).unwrap().0
    };
    let (client, server) = (guest("h1", 0), guest("h2", 1));
    let mut live = Live::between(&client, &server, ADDRESSES[version]);
    // Beside the client and beside the server, in the name of each: the host that sees both ends knows their numbers.
    for (host, last) in [("h1", 66), ("h2", 67)] {
        let (four, six) = (format!("10.1.0.{last}"), format!("2001:db8:7:1::{last}"));
        let spoofing = json!({ "subnet": subnet, "address": four, "addresses": [six], "allow_ip_spoofing": true });
        let (attacker, vni) = network.guest_as(host, spoofing).unwrap();
        let own = mac(&attacker).unwrap();
        let mut captures = [&client, &server].map(|guest| Injector::open(&Namespace::named(guest), "eth0").unwrap());
        let mut injector = Injector::open(&Namespace::named(&attacker), "eth0").unwrap();
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        for (from, to) in [(0, 1), (1, 0)] {
            for attack in ATTACKS {
                let frame = forge(own, live.ends[from], live.ends[to], attack);
                for _ in 0..TIMES {
                    injector.send(&frame).unwrap();
                }
                *expected.entry(attack.4).or_default() += TIMES;
                let deadline = Instant::now() + Duration::from_secs(3);
                while dropped(&network, &vni, attack.4) < expected[attack.4] {
                    let totals = network.dropped(&vni).unwrap();
                    assert!(Instant::now() < deadline, "{} from {host} as end {from}: {totals:?}", attack.0);
                }
            }
        }
        for (reason, count) in expected {
            assert_eq!(dropped(&network, &vni, reason), count, "{host}: {reason}");
        }
        for capture in &mut captures {
            let crossed = capture.recv(Duration::from_millis(100), |frame| frame[6..12] == own).unwrap();
            assert_eq!(crossed, None, "{host}: an attack reached the connection");
        }
        live.exchange();
        for end in &mut live.ends {
            end.next = end.next.wrapping_add(1);
        }
    }
}

#[test]
fn e09_e05_the_mode_is_flipped_on_a_live_connection_without_resetting_it() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (client, client_vni) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
    let (server, server_vni) = network.guest("h1", &subnet, "10.1.0.11").unwrap();
    let mut live = Live::between(&client, &server, ADDRESSES[0]);
    let mut injector = Injector::open(&Namespace::named(&client), "eth0").unwrap();
    let mut capture = Injector::open(&Namespace::named(&server), "eth0").unwrap();
    let from = live.ends[0];
    let beyond: Attack = ("data beyond the window", ACK, (FAR, 0), b"evil", "");
    let bad = forge(from.mac, from, live.ends[1], &beyond);
    // In the middle of a connection that nobody has begun.
    let stray_port = if from.address.port() == 40_000 { 40_001 } else { 40_000 };
    let stray_from = End { address: (from.address.ip(), stray_port).into(), ..from };
    let stray = forge(from.mac, stray_from, live.ends[1], &beyond);
    let mut arrives = |frame: &[u8]| {
        injector.send(frame).unwrap();
        capture.recv(Duration::from_millis(100), |seen| seen.get(14..) == frame.get(14..)).unwrap().is_some()
    };
    for (mode, passes) in [("enabled", false), ("disabled", true), ("enabled", false), ("disabled", true)] {
        for vni in [&client_vni, &server_vni] {
            network.change(vni, json!({ "protocol_state_filtering": mode })).unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(3);
        while arrives(&bad) != passes {
            assert!(Instant::now() < deadline, "{mode}: a bad segment of a live connection");
        }
        // What passed while it was off is a connection of its own by now: another one for each round.
        if !passes {
            assert!(!arrives(&stray), "{mode}: a segment without a connection");
        }
        live.exchange();
    }
    assert!(arrives(&stray), "disabled: what the policy permits passes, whatever its state");
    let dropped = network.dropped(&client_vni).unwrap();
    assert!(dropped["tcp_out_of_window"] >= 2 && dropped["tcp_no_connection"] >= 2, "{dropped:?}");
    live.exchange();
}
