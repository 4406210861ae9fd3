//! How long it takes until a change of policy holds for packets, beside a group of many members.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use pintle_probe::stats::percentile;
use pintle_probe::{Namespace, be_prompt};
use serde_json::json;

use super::filling::Clients;
use crate::bench::Figures;
use crate::guests::Network;
use crate::world::{Lab, LabOptions};

/// Members of the group that the rule names.
const MEMBERS: [usize; 3] = [10, 1_000, 10_000];
/// The hosts that they are spread over: none has more than it has ports for.
const CROWDED: [&str; 3] = ["h2", "h3", "h4"];
/// The most attachments of one instance, less one to spare.
const PER_INSTANCE: usize = 14;
/// Of each kind: so many that the 99th percentile of all four is not the worst alone.
const CHANGES: usize = 50;
/// Each probe is a flow of its own, from a port that no other had: what is remembered of another can't let it pass.
static NEXT_PORT: AtomicU16 = AtomicU16::new(1024);
const EVERY: Duration = Duration::from_millis(1);
const WATCH: Duration = Duration::from_millis(150);
const PORT: u16 = 9000;
const SERVER: &str = "10.1.0.20";

/// One lab, filled between the sizes.
pub(super) fn run(_: usize, _: Duration) -> anyhow::Result<Figures> {
    let lab = Lab::with(&LabOptions { hosts: 1 + CROWDED.len(), ..LabOptions::default() })?;
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.1.0.0/24")?;
    let out = json!({ "direction": "outbound", "protocol": "any" });
    let group = network.group(json!([out]))?;
    let elsewhere = network.group(json!([out]))?;
    let servers = network.group(json!([out]))?;
    let rule = json!({
        "direction": "inbound", "protocol": "udp", "port_min": PORT, "port_max": PORT, "remote": { "id": group },
    });
    network.add_rule(&servers, rule.clone())?;
    let (client, client_vni) = network.guest_in("h1", &subnet, "10.1.0.10", &[&elsewhere])?;
    let (server, _) = network.guest_in("h1", &subnet, SERVER, &[&servers])?;
    let _echo = Echo::start(&server)?;
    let crowd = network.subnet("10.16.0.0/14")?;
    let clients = Clients::new(&lab, 16)?;
    let mut figures = Figures::default();
    let mut members = 0;
    for count in MEMBERS {
        enrol(&lab, &network, &clients, &crowd, &group, count - members)?;
        members = count;
        let subject = format!("{count} members");
        let (mut joined, mut left, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..CHANGES {
            joined.push(until(&client, true, || network.join(&group, &client_vni))?);
            left.push(until(&client, false, || network.leave(&group, &client_vni))?);
        }
        let mut open = rule.clone();
        open["remote"] = json!({ "cidr_block": "10.1.0.0/24" });
        for _ in 0..CHANGES {
            let mut id = String::new();
            let add = || network.add_rule(&servers, open.clone()).map(|made| id = made);
            added.push(until(&client, true, add)?);
            removed.push(until(&client, false, || network.remove_rule(&servers, &id))?);
        }
        let all = [&joined, &left, &added, &removed].into_iter().flatten().copied().collect();
        for (what, mut times) in [
            ("member added", joined),
            ("member removed", left),
            ("rule added", added),
            ("rule removed", removed),
            ("any change", all),
        ] {
            times.sort_unstable();
            for (share, name) in [(50.0, "p50"), (99.0, "p99"), (100.0, "max")] {
                let value = percentile(&times, share).context("no figure")?;
                figures.add(&format!("{what} to packet, {name}"), &subject, "ms", value.as_secs_f64() * 1e3);
            }
        }
    }
    Ok(figures)
}

/// Attaches this many interfaces of the group on other hosts, and waits until they are there.
fn enrol(
    lab: &Lab,
    network: &Network<'_>,
    clients: &Clients,
    subnet: &str,
    group: &str,
    count: usize,
) -> anyhow::Result<()> {
    let each = count.div_ceil(PER_INSTANCE).div_ceil(CROWDED.len());
    let mut instances = Vec::new();
    for host in CROWDED {
        instances.extend(clients.instances(&network.vpc, host, each)?);
    }
    let vni = json!({ "subnet": { "id": subnet }, "security_groups": [{ "id": group }] });
    clients.send(count, |api, at| {
        let body = json!({ "virtual_network_interface": vni });
        api.post(&format!("/v1/instances/{}/network_attachments", instances[at / PER_INSTANCE]), body)
    })?;
    // What was asked for last has reached the host by then.
    std::thread::sleep(Duration::from_secs(1));
    for host in lab.hosts.iter().map(|host| &host.name) {
        lab.api
            .wait(Duration::from_secs(120), &format!("/native/v1/hosts/{host}"), |host| host["pending_entries"] == 0)?;
    }
    Ok(())
}

/// Sends probes, makes the change meanwhile, and says how long after its request the first one passes (`passes`) or is lost.
fn until(client: &str, passes: bool, change: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let address: SocketAddr = format!("{SERVER}:{PORT}").parse()?;
    let namespace = Namespace::named(client);
    let watcher = namespace.spawn(move || probe(address))?;
    std::thread::sleep(Duration::from_millis(20));
    let began = Instant::now();
    change()?;
    let seen = watcher.join().map_err(|_| anyhow::anyhow!("the probes panicked"))??;
    let after: Vec<(Instant, bool)> = seen.into_iter().filter(|(sent, _)| *sent >= began).collect();
    let Some(last_wrong) = after.iter().rposition(|(_, answered)| *answered != passes) else {
        return Ok(Duration::ZERO);
    };
    match after.get(last_wrong + 1) {
        Some((sent, _)) => Ok(*sent - began),
        None => bail!("the change did not take effect within {WATCH:?}"),
    }
}

/// When each probe was sent, and whether it was answered.
fn probe(address: SocketAddr) -> std::io::Result<Vec<(Instant, bool)>> {
    be_prompt();
    let began = Instant::now();
    let mut probes = Vec::new();
    while began.elapsed() < WATCH {
        let socket = UdpSocket::bind(("0.0.0.0", NEXT_PORT.fetch_add(1, Ordering::Relaxed)))?;
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        let sent = Instant::now();
        socket.send(&[0; 32])?;
        probes.push((sent, socket));
        std::thread::sleep(EVERY.saturating_sub(sent.elapsed()));
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(probes.into_iter().map(|(sent, socket)| (sent, socket.recv(&mut [0; 64]).is_ok())).collect())
}

/// Sends back whatever comes; ends when dropped.
struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    fn start(guest: &str) -> anyhow::Result<Echo> {
        let socket = Namespace::named(guest).run(|| UdpSocket::bind(("0.0.0.0", PORT)))??;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let thread = std::thread::Builder::new().name("bench-echo".into()).spawn(move || {
            be_prompt();
            let mut buffer = [0; 64];
            while !asked.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    // A probe whose socket is gone is nobody's loss.
                    let _ = socket.send_to(&buffer[..length], from);
                }
            }
        })?;
        Ok(Echo { stop, thread: Some(thread) })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
