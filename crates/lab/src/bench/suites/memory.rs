//! What `pintle up` holds in memory with many interfaces stored, and what one change costs beside them.

use std::time::{Duration, Instant};

use anyhow::Context;
use pintle_probe::Namespace;
use pintle_probe::ping::Pinger;
use serde_json::json;

use super::filling::Clients;
use crate::bench::Figures;
use crate::guests::Network;
use crate::world::{Lab, LabOptions};

const STORED: [usize; 3] = [0, 1_000, 100_000];
const CHANGES: u8 = 40;
const MEMORY: &str = "memory of pintle up";
const SETTLING: Duration = Duration::from_secs(2);

/// One process, filled step by step.
pub(super) fn run(_: usize, _: Duration) -> anyhow::Result<Figures> {
    let lab = Lab::with(&LabOptions { hosts: 0, together: true, ..LabOptions::default() })?;
    lab.api.wait(Duration::from_secs(30), "/native/v1/hosts/together", |host| host["connected"] == true)?;
    let mut figures = Figures::default();
    std::thread::sleep(SETTLING);
    figures.add(MEMORY, "nothing stored, no guest", "MiB", resident(&lab)?);
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.1.0.0/24")?;
    // Asked from another subnet: the guest's own ARP, which waits a second between tries, is no part of the figure.
    let (asker, _) = network.guest("together", &network.subnet("10.2.0.0/24")?, "10.2.0.10")?;
    let (_, changing) = network.guest("together", &subnet, "10.1.0.20")?;
    let crowd = network.subnet("10.16.0.0/12")?;
    let clients = Clients::new(&lab, 16)?;
    let mut stored = 0;
    for count in STORED {
        clients.vnis(&crowd, count - stored)?;
        stored = count;
        std::thread::sleep(SETTLING);
        let subject = format!("{count} stored, two guests");
        figures.add(MEMORY, &subject, "MiB", resident(&lab)?);
        for last in 0..CHANGES {
            let took = change(&lab, &subnet, &changing, &asker, 100 + last)?;
            figures.add("change of an address to first packet", &subject, "ms", took.as_secs_f64() * 1e3);
        }
    }
    Ok(figures)
}

/// Gives an interface another secondary address, until that answers, and takes it away again.
fn change(lab: &Lab, subnet: &str, vni: &str, asker: &str, last: u8) -> anyhow::Result<Duration> {
    let address = format!("10.1.0.{last}");
    let mut pinger = Pinger::open(&Namespace::named(asker), address.parse()?)?;
    let body = json!({ "address": address, "auto_delete": true, "target": { "id": vni } });
    let began = Instant::now();
    let ip = lab.api.post(&format!("/v1/subnets/{subnet}/reserved_ips"), body)?;
    pinger.until(Duration::from_secs(10), Duration::from_micros(250))?.context("the new address never answered")?;
    let took = began.elapsed();
    let id = ip["id"].as_str().context("no id")?;
    lab.api.delete(&format!("/v1/virtual_network_interfaces/{vni}/ips/{id}"))?;
    Ok(took)
}

/// Resident memory of the process, in MiB.
fn resident(lab: &Lab) -> anyhow::Result<f64> {
    let pid = lab.server.as_ref().context("no process")?.pid();
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}
