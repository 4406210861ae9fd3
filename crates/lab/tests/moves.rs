//! Moves under traffic, end to end.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use pintle_lab::{Lab, LabOptions, Network};
use pintle_probe::Namespace;
use pintle_probe::echo::{Echo, delivered_to_old};

use pintle_probe::stream::{Mark, Stream};
use pintle_probe::tcp_session::Session;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(5);
const WEB: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 100);
const PORT: u16 = 9000;

#[test]
fn u01_f05_a15_moves_lose_no_packet_and_deliver_none_to_the_old_side() {
    let lab = Lab::with(&LabOptions { hosts: 3, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    // The client is on a host of its own, beside the old side, and beside the new side, as the interface goes round.
    let servers = ["h1", "h1", "h2", "h3"].map(|host| network.instance(host).unwrap());
    let clients: Vec<String> = ["h1", "h3"]
        .iter()
        .zip(["10.1.0.10", "10.1.0.11"])
        .map(|(host, address)| network.guest(host, &subnet, address).unwrap().0)
        .collect();
    let vni = network.vni(&subnet, &WEB.to_string()).unwrap();
    network.attach(&vni, &servers[0]).unwrap();
    let echoes: Vec<Echo> =
        servers.iter().map(|server| Echo::start(&Namespace::named(server), server, PORT).unwrap()).collect();
    let streams: Vec<Stream> = clients
        .iter()
        .map(|client| Stream::start(&Namespace::named(client), WEB, PORT, Duration::from_millis(1)).unwrap())
        .collect();
    for stream in &streams {
        stream.wait_answered(PATIENCE).expect("the stream runs before anything moves");
    }
    let mut at = 0;
    for _ in 0..12 {
        let next = (at + 1) % servers.len();
        let from: Vec<_> = streams.iter().map(Stream::mark).collect();
        network.move_to(&vni, &servers[next]).unwrap();
        // Not before the new side has got something of each stream, however late that is on a busy machine.
        let deadline = Instant::now() + PATIENCE;
        let arrived = |(stream, from): (&Stream, &Mark)| echoes[next].first_received(stream.id(), from.seq).is_some();
        while !streams.iter().zip(&from).all(arrived) {
            assert!(Instant::now() < deadline, "nothing arrives after move {at} to {next}\n{}", lab.logs());
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(30));
        for (stream, from) in streams.iter().zip(from) {
            let report = stream.report(from, stream.mark());
            let to_old = delivered_to_old(&echoes[at], &echoes[next], stream.id(), from.seq);
            assert_eq!((report.lost, to_old), (0, Some(0)), "move {at} to {next}: {report:?}\n{}", lab.logs());
        }
        at = next;
    }
}

#[test]
fn u01_an_open_tcp_session_survives_moves_within_a_host_and_across_hosts() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let servers = ["h1", "h1", "h2"].map(|host| network.instance(host).unwrap());
    let (client, _) = network.guest("h2", &subnet, "10.1.0.10").unwrap();
    let vni = network.vni(&subnet, &WEB.to_string()).unwrap();
    network.attach(&vni, &servers[0]).unwrap();
    let address = SocketAddrV4::new(WEB, PORT);
    let mut session = Session::start(&Namespace::named(&client), &Namespace::named(&servers[0]), address).unwrap();
    for round in 1..=6 {
        let next = &servers[round % servers.len()];
        session.freeze().unwrap();
        std::thread::scope(|scope| {
            let moving = scope.spawn(|| network.move_to(&vni, next).unwrap());
            session.restore_in(&Namespace::named(next)).unwrap();
            moving.join().unwrap();
        });
        let before = session.report().exchanges;
        let deadline = Instant::now() + PATIENCE;
        while session.report().exchanges < before + 5 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let report = session.report();
        assert!(report.broken.is_none() && report.exchanges >= before + 5, "after move {round}: {report:?}");
    }
}

#[test]
fn a06_a14_properties_survive_detach_attach_and_move() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (first, second) = (network.instance("h1").unwrap(), network.instance("h2").unwrap());
    let body = json!({
        "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.0.50" }, "ips": [{ "address": "10.1.0.51" }],
        "allow_ip_spoofing": true, "protocol_state_filtering_mode": "disabled",
    });
    let vni = lab.api.post("/v1/virtual_network_interfaces", body).unwrap()["id"].as_str().unwrap().to_owned();
    let shown = || -> Value {
        let mut shown = lab.api.get(&format!("/v1/virtual_network_interfaces/{vni}")).unwrap();
        for changing in ["target", "lifecycle_state"] {
            shown.as_object_mut().unwrap().remove(changing);
        }
        shown
    };
    let before = shown();
    network.attach(&vni, &first).unwrap();
    assert_eq!(shown(), before, "after attach");
    network.move_to(&vni, &second).unwrap();
    assert_eq!(shown(), before, "after move");
    network.detach(&vni).unwrap();
    network.attach(&vni, &first).unwrap();
    assert_eq!(shown(), before, "after detach and attach elsewhere");
    let (asker, _) = network.guest("h2", &subnet, "10.1.0.10").unwrap();
    for address in ["10.1.0.50", "10.1.0.51"] {
        pintle_probe::ping::ping(&Namespace::named(&asker), address.parse().unwrap(), PATIENCE).unwrap();
    }
}

#[test]
fn f16_a_host_that_is_cut_off_can_no_longer_speak_for_what_moved_away() {
    let mut lab = Lab::with(&LabOptions { hosts: 3, ..LabOptions::default() }).unwrap();
    lab.hosts[0].kill_agent();
    lab.hosts[0].start_agent().unwrap();
    lab.wait_for_agents().unwrap();
    let api = lab.client().unwrap();
    let network = Network::new(&api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (old, new) = (network.instance("h1").unwrap(), network.instance("h2").unwrap());
    let (listener, _) = network.guest("h3", &subnet, "10.1.0.10").unwrap();
    let vni = network.vni(&subnet, &WEB.to_string()).unwrap();
    network.attach(&vni, &old).unwrap();
    let echo = Echo::start(&Namespace::named(&listener), "listener", PORT).unwrap();
    let there = Ipv4Addr::new(10, 1, 0, 10);
    let speaking = Stream::start(&Namespace::named(&old), there, PORT, Duration::from_millis(1)).unwrap();
    speaking.wait_answered(PATIENCE).expect("the old side speaks while it may");
    // The agent is gone, its data plane is not: the old host goes on as if nothing had happened.
    lab.hosts[0].kill_agent();
    network.move_to(&vni, &new).unwrap();
    // The move is over when the new side speaks; that nobody accepts the old one any more is told to hosts right after.
    let deadline = Instant::now() + PATIENCE;
    let moved = loop {
        let mark = speaking.mark().seq;
        while speaking.mark().seq < mark + 50 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        if echo.received_after(speaking.id(), mark + 5) == 0 {
            break mark;
        }
        assert!(Instant::now() < deadline, "the old side is accepted long after the move\n{}", lab.logs());
    };
    std::thread::sleep(Duration::from_millis(300));
    let deadline = Instant::now() + PATIENCE;
    while speaking.mark().seq <= moved + 100 {
        assert!(Instant::now() < deadline, "the old side did go on sending");
        std::thread::sleep(Duration::from_millis(10));
    }
    let after = echo.received_after(speaking.id(), moved + 5);
    assert_eq!(after, 0, "packets of the old side were accepted after the move\n{}", lab.logs());
    let new_side = Stream::start(&Namespace::named(&new), there, PORT, Duration::from_millis(1)).unwrap();
    new_side.wait_answered(PATIENCE).expect("the new side speaks");
}

#[test]
fn d04_f05_an_answer_that_is_under_way_reaches_a_moved_interface_that_lets_nothing_in() {
    let lab = Lab::with(&LabOptions { hosts: 3, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let asks = network.group_of(&["udp/53 to any"]).unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let server_address = Ipv4Addr::new(10, 1, 0, 53);
    let body = json!({ "subnet": subnet, "address": server_address, "security_groups": [open] });
    let (server, _) = network.guest_as("h3", body).unwrap();
    let body = json!({ "subnet": subnet, "address": WEB, "security_groups": [asks] });
    let (old, vni) = network.guest_as("h1", body).unwrap();
    let new = network.instance("h2").unwrap();
    let bind = |guest: &str, port: u16| {
        let socket = Namespace::named(guest).run(|| UdpSocket::bind(("0.0.0.0", port))).unwrap().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        socket
    };
    let (resolver, other, before) = (bind(&server, 53), bind(&server, 54), bind(&old, 4000));
    before.send_to(b"question", (server_address, 53)).unwrap();
    let (_, from) = resolver.recv_from(&mut [0; 16]).unwrap();
    network.move_to(&vni, &new).unwrap();
    let after = bind(&new, 4000);
    resolver.send_to(b"answer", from).unwrap();
    let mut heard = [0; 16];
    let length = after.recv(&mut heard).unwrap_or_else(|error| panic!("{error}\n{}", lab.logs()));
    assert_eq!(&heard[..length], b"answer");
    other.send_to(b"unasked", from).unwrap();
    assert!(after.recv(&mut heard).is_err(), "nobody asked for that");
}
