//! Moves and restarts under traffic: what clients notice, of a plain interface and of one with policy, state filtering, IPv6
//! and a public address, in turns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use pintle_probe::Namespace;
use pintle_probe::echo::{Echo, delivered_to_old};
use pintle_probe::stats::percentile;
use pintle_probe::stream::{Mark, Stream};
use pintle_probe::tcp_session::Session;
use serde_json::json;

use crate::bench::Figures;
use crate::guests::Network;
use crate::internet::{FAR, POOL};
use crate::world::{Lab, LabOptions};

const PLAIN: &str = "plain";
const GUARDED: &str = "guarded";
/// Moves of each interface in a round: together with five rounds, a hundred.
const MOVES: usize = 20;
/// Restarts in a round: an agent, the server, both.
const RESTARTS: usize = 3;
const INTERVAL: Duration = Duration::from_millis(1);
/// What each move is compared with: about as long a time without one.
const IDLE: Duration = Duration::from_millis(60);
/// After a move, long enough that all its packets are accounted for.
const AFTERMATH: Duration = Duration::from_millis(30);
/// After a restart, long enough for a host to be looked at and made what it should be.
const RECONCILED: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);
const ECHO: u16 = 9000;
const SESSION: u16 = 9001;
const VPC6: &str = "2001:db8:7::/56";
const SUBNET6: &str = "2001:db8:7:1::/64";
const CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 1, 0, 0, 0, 0x10);
const SERVER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 1, 0, 0, 0, 0x100);
/// Rules of the guarded interface beside those that permit what is measured.
const OTHER_RULES: usize = 100;

/// An interface that goes round between servers, with its traffic.
struct Scene<'a> {
    subject: &'static str,
    network: Network<'a>,
    vni: String,
    servers: Vec<String>,
    echoes: Vec<Echo>,
    streams: Vec<(String, Stream)>,
    session: Session,
    at: usize,
}

/// What all streams have seen.
#[derive(Default)]
struct Seen {
    gaps: Vec<(String, Duration)>,
    idle: Vec<(String, Duration)>,
    punctual: Vec<(String, Duration)>,
    lost: u64,
    to_old: usize,
}

pub(super) fn run(rounds: usize, _: Duration) -> anyhow::Result<Figures> {
    let mut lab = Lab::with(&LabOptions { internet: true, ..LabOptions::default() })?;
    lab.api.post("/native/v1/public_pools", json!({ "zone": "local-1", "cidrs": [POOL] }))?;
    let (api, far) = (lab.client()?, lab.internet.as_ref().context("the lab has a public network")?.far.clone());
    let mut scenes = [plain(Network::new(&api)?)?, guarded(Network::new(&api)?, &far)?];
    let mut seen = [Seen::default(), Seen::default()];
    let mut figures = Figures::default();
    for _ in 0..rounds {
        for _ in 0..MOVES {
            for (scene, seen) in scenes.iter_mut().zip(&mut seen) {
                scene.move_on(seen, &mut figures)?;
            }
        }
    }
    for (scene, seen) in scenes.iter().zip(seen) {
        seen.tell(&mut figures, scene.subject)?;
    }
    for round in 0..rounds * RESTARTS {
        restart(&mut lab, round, &scenes, &mut figures)?;
    }
    for scene in &scenes {
        let report = scene.session.report();
        if let Some(broken) = report.broken {
            bail!("the TCP session of the {} interface did not survive: {broken}", scene.subject);
        }
        figures.add("exchanges of an open TCP session", scene.subject, "", report.exchanges as f64);
    }
    Ok(figures)
}

/// One in its VPC's default group, among others of that group.
fn plain(network: Network<'_>) -> anyhow::Result<Scene<'_>> {
    let subnet = network.subnet("10.1.0.0/24")?;
    let (client, _) = network.guest("h2", &subnet, "10.1.0.10")?;
    let address = Ipv4Addr::new(10, 1, 0, 100);
    let vni = network.vni(&subnet, &address.to_string())?;
    Scene::start(PLAIN, network, vni, &client, address, &[("IPv4", &client, address.into())])
}

/// One that lets in what is measured by rules for it, among many others, and filters by protocol state.
fn guarded<'a>(network: Network<'a>, far: &str) -> anyhow::Result<Scene<'a>> {
    let subnet = network.dual_subnet("10.2.0.0/24", VPC6, SUBNET6)?;
    let open = network.group_of(&["any to any", "any from any"])?;
    let body = json!({
        "subnet": subnet, "address": "10.2.0.10", "addresses": [CLIENT6], "security_groups": [open],
    });
    let (client, _) = network.guest_as("h2", body)?;
    let mut rules: Vec<String> = (0..OTHER_RULES).map(|at| format!("tcp/{} from 10.{at}.0.0/16", 2000 + at)).collect();
    for from in ["10.2.0.10/32".to_owned(), format!("{FAR}/32"), format!("{CLIENT6}/128")] {
        rules.push(format!("udp/{ECHO} from {from}"));
    }
    rules.push(format!("tcp/{SESSION} from 10.2.0.10/32"));
    let group = network.group_of(&rules.iter().map(String::as_str).collect::<Vec<_>>())?;
    let address = Ipv4Addr::new(10, 2, 0, 100);
    let body = json!({
        "subnet": subnet, "address": address, "addresses": [SERVER6], "security_groups": [group],
        "protocol_state_filtering": "enabled",
    });
    let made = network.api().post("/native/v1/virtual_network_interfaces", body)?;
    let vni = crate::guests::id(&made)?;
    let made = network.api().post("/native/v1/floating_ips", json!({ "target": { "vni": vni } }))?;
    let public: Ipv4Addr = made["address"].as_str().context("a floating IP without an address")?.parse()?;
    let streams: [(&str, &str, IpAddr); 3] =
        [("IPv4", &client, address.into()), ("IPv6", &client, SERVER6.into()), ("floating IP", far, public.into())];
    Scene::start(GUARDED, network, vni, &client, address, &streams)
}

impl<'a> Scene<'a> {
    fn start(
        subject: &'static str,
        network: Network<'a>,
        vni: String,
        client: &str,
        address: Ipv4Addr,
        streams: &[(&str, &str, IpAddr)],
    ) -> anyhow::Result<Scene<'a>> {
        let servers =
            ["h1", "h1", "h2"].map(|host| network.instance(host)).into_iter().collect::<Result<Vec<_>, _>>()?;
        network.attach(&vni, &servers[0])?;
        let (mut echoes, mut started) = (Vec::new(), Vec::new());
        for server in &servers {
            echoes.push(Echo::start(&Namespace::named(server), server, ECHO)?);
        }
        for (name, from, to) in streams {
            let stream = Stream::start(&Namespace::named(from), *to, ECHO, INTERVAL)?;
            stream.wait_answered(PATIENCE).with_context(|| format!("{subject}: nothing answers over {name}"))?;
            started.push(((*name).to_owned(), stream));
        }
        let client = Namespace::named(client);
        let session = Session::start(&client, &Namespace::named(&servers[0]), SocketAddrV4::new(address, SESSION))?;
        Ok(Scene { subject, network, vni, servers, echoes, streams: started, session, at: 0 })
    }

    fn marks(&self) -> Vec<Mark> {
        self.streams.iter().map(|(_, stream)| stream.mark()).collect()
    }

    fn move_on(&mut self, seen: &mut Seen, figures: &mut Figures) -> anyhow::Result<()> {
        let next = (self.at + 1) % self.servers.len();
        let idle_from = self.marks();
        std::thread::sleep(IDLE);
        let from = self.marks();
        let session = &mut self.session;
        session.freeze()?;
        let began = Instant::now();
        let (network, vni, server) = (&self.network, &self.vni, &self.servers[next]);
        let took = std::thread::scope(|scope| {
            let moving = scope.spawn(|| network.move_to(vni, server).map(|_| began.elapsed()));
            // The socket goes ahead of the address: it waits in the new namespace for the route that the move makes there.
            session.restore_in(&Namespace::named(server))?;
            moving.join().map_err(|_| anyhow::anyhow!("the client panicked"))?
        })?;
        std::thread::sleep(AFTERMATH);
        let to = self.marks();
        for ((((name, stream), idle_from), from), to) in self.streams.iter().zip(idle_from).zip(from).zip(to) {
            let report = stream.report(from, to);
            seen.idle.push((name.clone(), stream.report(idle_from, from).max_arrival_gap));
            seen.gaps.push((name.clone(), report.max_arrival_gap));
            seen.punctual.push((name.clone(), report.max_punctual_gap));
            seen.lost += report.lost;
            let to_old = delivered_to_old(&self.echoes[self.at], &self.echoes[next], stream.id(), from.seq);
            seen.to_old += to_old.context("the new side got no packet after the move")?;
        }
        figures.add("a move, asked to done", self.subject, "ms", took.as_secs_f64() * 1e3);
        self.at = next;
        Ok(())
    }
}

impl Seen {
    fn tell(self, figures: &mut Figures, subject: &str) -> anyhow::Result<()> {
        for (share, word) in [(50.0, "p50"), (99.0, "p99")] {
            let lists =
                [(&self.gaps, "with a move"), (&self.punctual, "with one, all on time"), (&self.idle, "without")];
            for (list, when) in lists {
                let mut names: Vec<&String> = list.iter().map(|(name, _)| name).collect();
                names.dedup();
                names.sort();
                names.dedup();
                for name in names {
                    let mut times: Vec<Duration> =
                        list.iter().filter(|(of, _)| of == name).map(|(_, gap)| *gap).collect();
                    times.sort_unstable();
                    let time = percentile(&times, share).context("no moves")?.as_secs_f64() * 1e3;
                    figures.add(&format!("longest gap {when}, {word}"), &format!("{subject} {name}"), "ms", time);
                }
            }
        }
        figures.add("packets lost in all moves", subject, "", self.lost as f64);
        figures.add("packets to the old side", subject, "", self.to_old as f64);
        Ok(())
    }
}

/// Kills an agent, the server, or both, and starts them again, under the traffic of all scenes.
fn restart(lab: &mut Lab, round: usize, scenes: &[Scene<'_>], figures: &mut Figures) -> anyhow::Result<()> {
    let from: Vec<Vec<Mark>> = scenes.iter().map(Scene::marks).collect();
    let (agent, server) = (round % 3 != 1, !round.is_multiple_of(3));
    let what = ["agent", "server", "both"][round % 3];
    let host = round % lab.hosts.len();
    if agent {
        lab.hosts[host].kill_agent();
    }
    if server {
        lab.kill_server();
        lab.start_server()?;
    }
    if agent {
        lab.hosts[host].start_agent()?;
    }
    lab.wait_for_server()?;
    lab.wait_for_agents()?;
    std::thread::sleep(RECONCILED);
    let to: Vec<Vec<Mark>> = scenes.iter().map(Scene::marks).collect();
    for ((scene, from), to) in scenes.iter().zip(from).zip(to) {
        let mut lost = 0;
        for (((name, stream), from), to) in scene.streams.iter().zip(from).zip(to) {
            let report = stream.report(from, to);
            lost += report.lost;
            let subject = format!("{} {name}", scene.subject);
            figures.add(
                &format!("longest gap, {what} killed"),
                &subject,
                "ms",
                report.max_arrival_gap.as_secs_f64() * 1e3,
            );
        }
        figures.add("packets lost in a restart", scene.subject, "", lost as f64);
    }
    Ok(())
}
