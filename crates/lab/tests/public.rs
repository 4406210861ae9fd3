//! Floating IPs and public gateways, from the request to packets: a public network with a router and a far machine.

#[path = "public/support.rs"]
mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use pintle_lab::internet::{FAR, FAR_MTU, ROUTER, uplink_mac};
use pintle_lab::{ip, sh};
use pintle_probe::echo::Echo;
use pintle_probe::ping::{Outcome, Pinger};
use pintle_probe::stream::Stream;
use serde_json::json;
use support::{Scene, address, answers, answers_not, pinger, talk};

#[test]
fn c01_c16_a_floating_ip_leads_in_and_out_and_errors_about_it_are_translated() {
    let scene = Scene::new(1);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (guest, vni) = scene.guest(&network, "h1", &subnet, "10.1.0.10");
    let (_, public) = scene.float(&vni, None);
    answers(scene.far(), public);
    let own = Ipv4Addr::new(10, 1, 0, 10);
    // Half a megabyte each way: the guest's packets are too large for the way, and it must learn of it.
    assert_eq!(talk(&guest, scene.far(), FAR, FAR, 7001), IpAddr::V4(public));
    assert_eq!(talk(scene.far(), &guest, own, public, 7002), IpAddr::V4(FAR));
    let mut outward = pinger(&guest, FAR);
    let large = outward.sized_df(1400, Duration::from_secs(2)).unwrap();
    assert_eq!(large, Outcome::FragNeeded { mtu: FAR_MTU.into(), from: ROUTER });
    // As a trace of the path finds it: the gateway, the router, the far machine.
    let hops: Vec<Ipv4Addr> = (1..=3).map(|ttl| support::hop(&guest, FAR, ttl)).collect();
    assert_eq!(hops, [Ipv4Addr::new(10, 1, 0, 1), ROUTER, FAR]);
    // And from outside: the public address speaks for its host, and nothing private shows.
    let hops: Vec<Ipv4Addr> = (1..=3).map(|ttl| support::hop(scene.far(), public, ttl)).collect();
    assert_eq!(hops, [Ipv4Addr::new(198, 51, 100, 1), public, public]);
    // The guest's own errors say so too: nobody listens there.
    assert_eq!(support::refused(scene.far(), SocketAddr::from((public, 7003))), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn c02_c09_each_private_address_has_its_own_public_one_and_the_primary_has_the_first() {
    let scene = Scene::new(1);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let interface = json!({
        "subnet": subnet, "address": "10.1.0.10", "addresses": ["10.1.0.11", "10.1.0.12"],
        "security_groups": [scene.open_group(&network)],
    });
    let (guest, vni) = network.guest_as("h1", interface).unwrap();
    let mut pairs = vec![(Ipv4Addr::new(10, 1, 0, 10), scene.float(&vni, None).1)];
    for private in ["10.1.0.11", "10.1.0.12"] {
        pairs.push((private.parse().unwrap(), scene.float(&vni, Some(private)).1));
    }
    let twice = json!({ "target": { "vni": vni, "private_address": "10.1.0.11" } });
    assert!(scene.lab.api.post("/native/v1/floating_ips", twice).is_err(), "one public address for each private one");
    for (at, (private, public)) in pairs.iter().enumerate() {
        answers(scene.far(), *public);
        let port = 7100 + at as u16;
        assert_eq!(talk(scene.far(), &guest, *private, *public, port), IpAddr::V4(FAR), "in by {public}");
        let seen = support::talk_from(&guest, *private, scene.far(), FAR, port + 50);
        assert_eq!(seen, IpAddr::V4(*public), "out from {private}");
    }
}

#[test]
fn c13_a_floating_ip_given_to_another_is_followed_and_a_released_one_falls_silent() {
    let scene = Scene::new(2);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (first, first_vni) = scene.guest(&network, "h1", &subnet, "10.1.0.10");
    let (second, second_vni) = scene.guest(&network, "h2", &subnet, "10.1.0.11");
    let (id, public) = scene.float(&first_vni, None);
    answers(scene.far(), public);
    let mut to_old = pinger(&first, FAR);
    assert!(to_old.once(Duration::from_secs(2)).is_ok());
    let open = support::Open::new(scene.far(), &first, Ipv4Addr::new(10, 1, 0, 10), public, 7301);
    assert!(open.alive(), "a connection to the first owner");

    scene.lab.api.post(&format!("/native/v1/floating_ips/{id}/actions/disassociate"), json!({})).unwrap();
    answers_not(scene.far(), public);
    assert!(!open.alive(), "what was open to the old owner has stopped");
    assert!(to_old.once(Duration::from_millis(300)).is_err(), "and it does not go out by it any more");

    let body = json!({ "vni": second_vni });
    scene.lab.api.post(&format!("/native/v1/floating_ips/{id}/actions/associate"), body).unwrap();
    answers(scene.far(), public);
    assert_eq!(talk(scene.far(), &second, Ipv4Addr::new(10, 1, 0, 11), public, 7302), IpAddr::V4(FAR));
    assert!(!open.alive());

    let body = json!({ "vni": first_vni, "reassociate": true });
    scene.lab.api.post(&format!("/native/v1/floating_ips/{id}/actions/associate"), body).unwrap();
    support::until("the first owner has it back", || support::try_talk(scene.far(), &first, "10.1.0.10", public, 7303));
    scene.lab.api.post(&format!("/native/v1/floating_ips/{id}/actions/disassociate"), json!({})).unwrap();
    scene.lab.api.delete(&format!("/native/v1/floating_ips/{id}")).unwrap();
    answers_not(scene.far(), public);
    // Nobody answers ARP for it either.
    let _ = ip(&format!("-n {} neigh flush dev br0", scene.router()));
    assert!(pinger(scene.router(), public).once(Duration::from_millis(300)).is_err());
}

#[test]
fn c14_a07_i18_a_floating_ip_follows_a_move_although_the_first_announcement_is_lost() {
    let scene = Scene::new(2);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (first, vni) = scene.guest(&network, "h1", &subnet, "10.1.0.10");
    let second = network.instance("h2").unwrap();
    let (_, public) = scene.float(&vni, None);
    answers(scene.far(), public);
    let macs = [0, 1].map(|at| uplink_mac(&scene.lab.hosts[at].namespace).unwrap());
    let internet = scene.lab.internet.as_ref().unwrap();
    let neighbour = || internet.neighbour(&public.to_string()).unwrap();
    assert_eq!(neighbour().as_ref(), Some(&macs[0]));
    let inside = |guest: &str| pintle_probe::Namespace::named(guest);
    let _echoes =
        [Echo::start(&inside(&first), "old", 7400).unwrap(), Echo::start(&inside(&second), "new", 7400).unwrap()];
    let stream = Stream::start(&inside(scene.far()), public, 7400, Duration::from_millis(2)).unwrap();
    let before = stream.mark();
    std::thread::sleep(Duration::from_millis(200));

    // The new host's cable leads nowhere while the move happens: what it announces then is lost.
    ip(&format!("-n {} link set u1 nomaster", scene.router())).unwrap();
    network.move_to(&vni, &second).unwrap();
    let moved = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(neighbour().as_ref(), Some(&macs[0]), "the announcement was not lost: this test shows nothing");
    ip(&format!("-n {} link set u1 master br0", scene.router())).unwrap();
    support::until("the neighbour knows", || neighbour().as_ref() == Some(&macs[1]));
    let updated = moved.elapsed();
    println!("the neighbour knew {updated:?} after the move");
    assert!(updated < Duration::from_secs(1), "{updated:?}");
    std::thread::sleep(Duration::from_millis(300));
    let report = stream.report(before, stream.mark());
    println!("{} sent, {} lost, longest gap {:?}", report.sent, report.lost, report.max_gap);
    assert!(report.max_gap < Duration::from_secs(1), "{report:?}");
    assert!(stream.wait_answered(Duration::from_secs(1)).is_some(), "it goes on");

    // And back, with every announcement heard: the last word stays the right one.
    let mark = stream.mark();
    network.move_to(&vni, &first).unwrap();
    support::until("the neighbour knows", || neighbour().as_ref() == Some(&macs[0]));
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(neighbour().as_ref(), Some(&macs[0]), "the host that was left has announced it again");
    let report = stream.report(mark, stream.mark());
    println!("back: {} sent, {} lost, longest gap {:?}", report.sent, report.lost, report.max_gap);
    assert!(report.lost * 50 < report.sent, "{report:?}");
}

#[test]
fn c15_only_subnets_with_a_public_gateway_go_out_by_it() {
    let scene = Scene::new(2);
    let network = scene.network();
    let (with, without) = (network.subnet("10.1.0.0/24").unwrap(), network.subnet("10.1.1.0/24").unwrap());
    let (gateway, public) = scene.gateway(&network, "h1", &with);
    let inside: Vec<(String, String)> =
        [("h1", "10.1.0.10"), ("h2", "10.1.0.11")].map(|(host, at)| scene.guest(&network, host, &with, at)).into();
    let outside: Vec<(String, String)> =
        [("h1", "10.1.1.10"), ("h2", "10.1.1.11")].map(|(host, at)| scene.guest(&network, host, &without, at)).into();
    for (at, (guest, _)) in inside.iter().enumerate() {
        answers(guest, FAR);
        assert_eq!(talk(guest, scene.far(), FAR, FAR, 7500 + at as u16), IpAddr::V4(public), "from host {}", at + 1);
        let large = pinger(guest, FAR).sized_df(1400, Duration::from_secs(2)).unwrap();
        assert_eq!(large, Outcome::FragNeeded { mtu: FAR_MTU.into(), from: ROUTER });
    }
    for (guest, vni) in &outside {
        let told = Pinger::open(&inside_of(guest), FAR).unwrap().sized_df(56, Duration::from_secs(1)).unwrap();
        assert!(matches!(told, Outcome::Unreachable { .. }), "{told:?}");
        assert!(support::drops(&network, vni).contains_key("no_public_address"), "{:?}", support::drops(&network, vni));
    }
    // 'explain' says so too, by the model and by the kernel.
    for (vni, what) in [(&inside[0].1, "public"), (&inside[1].1, "public"), (&outside[0].1, "no_public_address")] {
        let body = json!({ "from": vni, "to": FAR.to_string(), "protocol": "udp/53" });
        let answer = scene.lab.api.post("/native/v1/explain", body).unwrap();
        let hop = &answer["hops"][0];
        assert!(hop["agree"] == true && hop["model"].to_string().contains(what), "{answer:#}");
    }
    // From outside nothing gets in.
    assert!(pinger(scene.far(), public).once(Duration::from_millis(300)).is_err());
    // With it put to use the other subnet goes out too, and stops when it is taken away.
    let subnet = |gateway: serde_json::Value| {
        let body = json!({ "public_gateway": gateway });
        scene.lab.api.call("PATCH", &format!("/native/v1/subnets/{without}"), Some(body)).unwrap();
    };
    subnet(json!(gateway));
    outside.iter().for_each(|(guest, _)| answers(guest, FAR));
    subnet(json!(null));
    outside.iter().for_each(|(guest, _)| answers_not(guest, FAR));
    // A floating IP of its own comes before the gateway.
    let (_, own) = scene.float(&inside[1].1, None);
    support::until("it goes out by its own", || talk(&inside[1].0, scene.far(), FAR, FAR, 7510) == IpAddr::V4(own));
}

fn inside_of(guest: &str) -> pintle_probe::Namespace {
    pintle_probe::Namespace::named(guest)
}

#[test]
fn c17_exhaustion_is_named_and_disturbs_no_live_flow() {
    let scene = Scene::with_options(1, &["--max-flows", "262144", "--flows-per-interface", "200000"]);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    scene.gateway(&network, "h1", &subnet);
    let (greedy, _) = scene.guest(&network, "h1", &subnet, "10.1.0.10");
    let (other, other_vni) = scene.guest(&network, "h1", &subnet, "10.1.0.11");
    answers(&other, FAR);
    let far = pintle_probe::Namespace::named(scene.far());
    let _echo = Echo::start(&far, "far", 7600).unwrap();
    // One remote end, so that its ports run out.
    let live = Stream::start(&inside_of(&other), FAR, 7600, Duration::from_millis(5)).unwrap();
    assert!(live.wait_answered(Duration::from_secs(2)).is_some());
    let before = live.mark();
    let to = SocketAddr::from((FAR, 7600));
    let send_all = || {
        for port in 1024..=u16::MAX {
            if let Ok(socket) = UdpSocket::bind((Ipv4Addr::new(10, 1, 0, 10), port)) {
                let _ = socket.send_to(b"", to);
            }
        }
    };
    inside_of(&greedy).run(send_all).unwrap();
    let exhausted = || support::drops(&network, &other_vni).get("nat_ports_exhausted").copied().unwrap_or(0);
    let try_more = || (0..400).for_each(|_| drop(UdpSocket::bind("10.1.0.11:0").and_then(|one| one.send_to(b"", to))));
    inside_of(&other).run(try_more).unwrap();
    assert!(exhausted() > 0, "{:?}", support::drops(&network, &other_vni));
    let report = live.report(before, live.mark());
    assert_eq!(report.lost, 0, "{report:?}");
    // Another remote end has ports of its own.
    assert!(pinger(&other, FAR).once(Duration::from_secs(1)).is_ok());
}

#[test]
fn c01_drift_of_the_uplink_is_repaired_and_purge_leaves_nothing() {
    let mut scene = Scene::new(1);
    let network = scene.network();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let (_, vni) = scene.guest(&network, "h1", &subnet, "10.1.0.10");
    let (_, public) = scene.float(&vni, None);
    answers(scene.far(), public);
    let pins = support::pins(&scene.lab);
    let of_uplink: Vec<&String> =
        pins.iter().filter(|pin| pin.ends_with("_from_uplink") && pin.contains("/links/")).collect();
    let [link] = of_uplink[..] else { panic!("one link: {pins:?}") };
    std::fs::remove_file(link).unwrap();
    answers_not(scene.far(), public);
    answers(scene.far(), public);
    let map = pins.iter().find(|pin| pin.contains("/public_addrs")).unwrap();
    let key = address(public).map(|byte| format!("0x{byte:02x}"));
    let words: Vec<&str> =
        ["map", "delete", "pinned", map, "key"].into_iter().chain(key.iter().map(String::as_str)).collect();
    sh("bpftool", &words).unwrap();
    answers_not(scene.far(), public);
    answers(scene.far(), public);

    let shown = sh("bpftool", &["-j", "link", "show", "pinned", link]).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let attached = shown["id"].as_u64().or(shown[0]["id"].as_u64()).unwrap().to_string();
    sh("bpftool", &["link", "show", "id", &attached]).unwrap();
    drop(network);
    scene.lab.hosts[0].purge();
    assert!(pinger(scene.far(), public).once(Duration::from_millis(300)).is_err());
    assert_eq!(support::pins(&scene.lab), Vec::<String>::new());
    support::until("the link has gone", || sh("bpftool", &["link", "show", "id", &attached]).is_err());
    // The device is the host's own and stays.
    assert!(pinger(scene.router(), Ipv4Addr::new(203, 0, 113, 201)).once(Duration::from_secs(1)).is_ok());
}
