//! One interface, two clouds: what a client of EC2 has made, a client of IBM's API moves and deletes, and the other way round.

#[path = "cross/random.rs"]
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pintle_lab::cloud::{Cloud, Packets, ZONE, converse, repository};
use pintle_lab::{Footprint, Network, ip};
use pintle_probe::Namespace;
use pintle_probe::tcp_session::Session;
use serde_json::{Value, json};

use crate::random::{Board, Dice, Player};

const PATIENCE: Duration = Duration::from_secs(10);
/// Requests and answers that must follow each other before a session is believed to go on.
const EXCHANGES: u64 = 20;

/// A connection to the interface, whose server's end goes along when the interface moves.
#[derive(Default)]
struct Talk {
    running: Option<Session>,
    crossing: Option<JoinHandle<anyhow::Result<Session>>>,
}

impl Talk {
    fn begins(&mut self, client: &str, server: &str, address: SocketAddrV4) -> anyhow::Result<()> {
        let begin = || Session::start(&Namespace::named(client), &Namespace::named(server), address);
        let session = begin()?;
        went_on(&session, 0)?;
        self.running = Some(session);
        Ok(())
    }

    /// The server's end is where the interface will be; a shield keeps it alive until that is there.
    fn waits(&mut self, at: &str) -> anyhow::Result<()> {
        let mut session = self.running.take().context("no session runs")?;
        session.freeze()?;
        let to = Namespace::named(at);
        self.crossing = Some(std::thread::spawn(move || {
            session.restore_in(&to)?;
            Ok(session)
        }));
        Ok(())
    }

    fn goes_on(&mut self) -> anyhow::Result<()> {
        let crossing = self.crossing.take().context("no session is under way")?;
        let session = crossing.join().map_err(|_| anyhow::anyhow!("the session's restorer panicked"))??;
        went_on(&session, session.report().exchanges)
    }
}

fn went_on(session: &Session, since: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = session.report();
        ensure!(report.broken.is_none() && Instant::now() < deadline, "the session does not go on: {report:?}");
        if report.exchanges >= since + EXCHANGES {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn judge(talk: &mut Talk, packets: &Packets<'_>, check: &Value) -> anyhow::Result<String> {
    let text = |name: &str| check[name].as_str().with_context(|| format!("the check has no '{name}': {check}"));
    let kind = text("check")?;
    match kind {
        "session begins" => {
            let port = check["port"].as_u64().and_then(|port| u16::try_from(port).ok()).context("no port")?;
            talk.begins(text("from")?, text("at")?, SocketAddrV4::new(text("to")?.parse()?, port))?;
        }
        "session waits" => talk.waits(text("at")?)?,
        "session goes on" => talk.goes_on()?,
        _ => return packets.judge(check),
    }
    Ok(kind.to_owned())
}

#[test]
fn p01_an_interface_made_by_either_client_is_moved_by_the_other_with_a_session_alive() {
    let cloud = Cloud::start().unwrap();
    let mut script = cloud.both_clients().unwrap();
    script.args([repository().join("crates/lab/tests/cross/moved.py")]);
    let (mut talk, packets) = (Talk::default(), cloud.packets());
    let dialogue = converse(&mut script, |check| judge(&mut talk, &packets, check)).unwrap();
    assert_eq!(dialogue.checks.iter().filter(|check| *check == "session goes on").count(), 4);
    assert_eq!(cloud.leftovers().unwrap(), Vec::<String>::new());
}

/// Operations by all clients together.
fn operations() -> usize {
    if std::env::var_os("PINTLE_LONG").is_some() { 10_000 } else { 800 }
}

const PLAYERS: u64 = 8;

/// What both clouds' clients show of all interfaces, by id.
fn views(cloud: &Cloud) -> BTreeMap<String, Value> {
    let mut script = cloud.both_clients().unwrap();
    let said = script.args([repository().join("crates/lab/tests/cross/views.py")]).run().unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The devices of an instance in the kernel: MAC address to IPv4 addresses.
fn devices(instance: &str) -> BTreeMap<String, BTreeSet<String>> {
    let links: Value = serde_json::from_str(&ip(&format!("-n {instance} -j addr show")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let addresses = |link: &Value| {
        let entries = link["addr_info"].as_array().unwrap().iter().filter(|entry| entry["family"] == "inet");
        entries.map(|entry| text(&entry["local"])).collect()
    };
    let links = links.as_array().unwrap().iter().filter(|link| link["ifname"] != "lo");
    links.map(|link| (text(&link["address"]), addresses(link))).collect()
}

/// What instances should have in the kernel: by instance, MAC address to IPv4 addresses.
fn expected(views: &BTreeMap<String, Value>, instance: &str) -> BTreeMap<String, BTreeSet<String>> {
    let here = views.values().filter(|view| view["instance"] == instance);
    let addresses =
        |view: &Value| view["addresses"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect();
    here.map(|view| (view["mac"].as_str().unwrap().to_owned(), addresses(view))).collect()
}

/// Waits until nothing is under way.
fn settle(cloud: &Cloud) {
    let still = |all: &Value| {
        let items = all["items"].as_array().unwrap();
        items.iter().all(|vni| {
            vni["lifecycle"] == "stable" && (vni["attachment"].is_null() || vni["attachment"]["lifecycle"] == "stable")
        })
    };
    cloud.lab.api.wait(Duration::from_secs(60), "/native/v1/virtual_network_interfaces", still).unwrap();
}

#[test]
fn p02_both_views_and_the_kernel_agree_after_random_operations_through_both_apis() {
    let cloud = Cloud::start().unwrap();
    let (api, network) = (&cloud.lab.api, Network::new(&cloud.lab.api).unwrap());
    let vpc = network.vpc.clone();
    let body = json!({ "vpc": { "id": vpc }, "zone": { "name": ZONE }, "ipv4_cidr_block": "10.7.0.0/24" });
    let id = |answer: Value| answer["id"].as_str().unwrap().to_owned();
    let subnet = id(api.post("/v1/subnets", body).unwrap());
    let instances = ["h1", "h2", "h1", "h2"].map(|host| network.instance(host).unwrap()).to_vec();
    let groups = (0..3).map(|_| network.group(json!([])).unwrap()).collect();
    // What hosts make with the first interface of a VPC stays.
    for instance in &instances {
        let first = network.vni(&subnet, "10.7.0.10").unwrap();
        network.attach(&first, instance).unwrap();
        network.detach(&first).unwrap();
        api.delete(&format!("/v1/virtual_network_interfaces/{first}")).unwrap();
    }
    let footprints = || -> Vec<Footprint> {
        let hosts = api.get("/native/v1/hosts").unwrap()["items"].clone();
        let host_id = |name: &str| {
            let found = hosts.as_array().unwrap().iter().find(|host| host["name"] == name).unwrap();
            found["id"].as_str().unwrap().to_owned()
        };
        cloud.lab.hosts.iter().map(|host| Footprint::of(host, &host_id(&host.name), &network).unwrap()).collect()
    };
    let before = footprints();

    let board = Board { subnet: subnet.clone(), groups, instances: instances.clone(), ..Board::default() };
    let seed = std::env::var("PINTLE_SEED").map_or(1, |seed| seed.parse().unwrap());
    std::thread::scope(|scope| {
        let players: Vec<_> = (0..PLAYERS)
            .map(|player| {
                let (ibm, ec2) = (cloud.lab.client().unwrap(), cloud.ec2().unwrap());
                let mut player = Player { board: &board, ibm, ec2, dice: Dice::new(seed << 8 | player) };
                scope.spawn(move || (0..operations() / PLAYERS as usize).try_for_each(|_| player.play()))
            })
            .collect();
        for player in players {
            player.join().unwrap().unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        }
    });
    let done = board.done.lock().unwrap().clone();
    println!("{done:?}");
    assert_eq!(done.len(), 2 * 9, "each operation is done by each API: {done:?}");

    settle(&cloud);
    let shown = views(&cloud);
    let interfaces: BTreeSet<String> = board.interfaces.lock().unwrap().iter().cloned().collect();
    assert_eq!(shown.keys().cloned().collect::<BTreeSet<_>>(), interfaces, "seed {seed}");
    let addresses: Vec<&Value> = shown.values().flat_map(|view| view["addresses"].as_array().unwrap()).collect();
    let distinct: BTreeSet<String> = addresses.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), addresses.len(), "an address is had twice, seed {seed}: {addresses:?}");
    for instance in &instances {
        assert_eq!(devices(instance), expected(&shown, instance), "{instance}, seed {seed}");
    }

    // Everything goes, by the one API or the other; nothing stays.
    let mut ec2 = cloud.ec2().unwrap();
    for (at, (interface, view)) in shown.iter().enumerate() {
        if let Some(attachment) = view["attachment"].as_str() {
            ec2.send(&format!("Action=DetachNetworkInterface&AttachmentId={attachment}")).unwrap();
        }
        let path = format!("/v1/virtual_network_interfaces/{interface}");
        api.wait(Duration::from_secs(20), &path, |shown| shown["target"].is_null()).unwrap();
        if at % 2 == 0 {
            api.delete(&path).unwrap();
        } else {
            let (status, answer) =
                ec2.send(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={interface}")).unwrap();
            assert_eq!(status, 200, "{answer}");
        }
    }
    assert_eq!(footprints(), before, "seed {seed}");
    for instance in &instances {
        network.delete_instance(instance).unwrap();
    }
    // What was reserved and taken from its interface again stays, for any interface.
    let reserved = format!("/v1/subnets/{subnet}/reserved_ips");
    loop {
        let kept = api.get(&format!("{reserved}?limit=100")).unwrap();
        let all = kept["reserved_ips"].as_array().unwrap();
        let own: Vec<&Value> = all.iter().filter(|ip| ip["owner"] == "user").collect();
        for ip in &own {
            assert!(ip["target"].is_null(), "it is bound to nothing that is there: {ip}");
            api.delete(&format!("{reserved}/{}", ip["id"].as_str().unwrap())).unwrap();
        }
        if own.is_empty() {
            break;
        }
    }
    for group in &board.groups {
        api.delete(&format!("/v1/security_groups/{group}")).unwrap();
    }
    api.delete(&format!("/v1/subnets/{subnet}")).unwrap();
    api.delete(&format!("/v1/vpcs/{vpc}")).unwrap();
    assert_eq!(cloud.leftovers().unwrap(), Vec::<String>::new());
}
