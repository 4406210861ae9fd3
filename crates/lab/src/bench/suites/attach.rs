//! Attach, from the API call to the first packet answered, and a thousand at once, however many others are stored.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use pintle_probe::Namespace;
use pintle_probe::ping::Pinger;
use pintle_probe::stats::percentile;
use serde_json::json;

use super::filling::Clients;
use crate::api::Api;
use crate::bench::Figures;
use crate::guests::Network;
use crate::world::Lab;

const OTHERS: [usize; 3] = [0, 1_000, 10_000];
const SINGLE: usize = 200;
const BULK: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// One lab; the others are added between the sizes, so that every size sees the same machine.
pub(super) fn run(_: usize, _: Duration) -> anyhow::Result<Figures> {
    let lab = Lab::start()?;
    let clients = Clients::new(&lab, 16)?;
    let crowd = Network::new(&lab.api)?;
    let crowd_subnet = crowd.subnet("10.0.0.0/12")?;
    let mut figures = Figures::default();
    let mut stored = 0;
    for others in OTHERS {
        clients.vnis(&crowd_subnet, others - stored)?;
        stored = others;
        let subject = format!("{others} others");
        singles(&lab, &mut figures, &subject)?;
        bulk(&lab, &clients, &mut figures, &subject)?;
    }
    Ok(figures)
}

fn singles(lab: &Lab, figures: &mut Figures, subject: &str) -> anyhow::Result<()> {
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.64.0.0/20")?;
    // Asked from another subnet: the guest's own ARP, which waits a second between tries, is no part of the figure.
    let (asker, _) = network.guest("h1", &network.subnet("10.65.0.0/24")?, "10.65.0.10")?;
    let asker = Namespace::named(&asker);
    let mut existing = Vec::new();
    let mut fresh = Vec::new();
    for at in 0..SINGLE {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 64, 1, 0)) + at as u32);
        let vni = network.vni(&subnet, &address.to_string())?;
        // Every other attach is to an instance made in the same call: a namespace is made too.
        if at % 2 == 0 {
            let instance = network.instance("h1")?;
            let path = format!("/native/v1/virtual_network_interfaces/{vni}/actions/attach");
            existing.push(first_answer(&lab.api, &asker, address, &path, &json!({ "instance": instance }))?);
        } else {
            let body = json!({ "vpc": network.vpc, "host": "h1", "primary": { "vni": vni } });
            fresh.push(first_answer(&lab.api, &asker, address, "/native/v1/instances", &body)?);
        }
    }
    for (name, mut times) in [("attach to first packet", existing), ("instance and attach to first packet", fresh)] {
        times.sort_unstable();
        for percent in [50.0, 99.0] {
            let time = percentile(&times, percent).context("no times")?;
            figures.add(&format!("{name}, p{percent}"), subject, "ms", time.as_secs_f64() * 1e3);
        }
    }
    Ok(())
}

/// From the call until the answer to the first ping that got through.
fn first_answer(
    api: &Api,
    asker: &Namespace,
    address: Ipv4Addr,
    path: &str,
    body: &serde_json::Value,
) -> anyhow::Result<Duration> {
    let mut pinger = Pinger::open(asker, address)?;
    std::thread::scope(|scope| {
        let began = Instant::now();
        let call = scope.spawn(move || api.post(path, body.clone()));
        let answer = pinger.until(PATIENCE, Duration::from_micros(250))?;
        let took = began.elapsed();
        match call.join() {
            Ok(result) => result.map(drop)?,
            Err(_) => bail!("the client panicked"),
        }
        answer.context("it never answered")?;
        Ok(took)
    })
}

fn bulk(lab: &Lab, clients: &Clients, figures: &mut Figures, subject: &str) -> anyhow::Result<()> {
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.80.0.0/16")?;
    let instances = clients.instances(&network.vpc, "h1", BULK)?;
    let (vnis, _) = clients.vnis(&subnet, BULK)?;
    wait_for(lab, |host| host["pending_entries"] == 0)?;
    let began = Instant::now();
    let attach = |api: &Api, at: usize| {
        let path = format!("/native/v1/virtual_network_interfaces/{}/actions/attach", vnis[at]);
        api.post(&path, json!({ "instance": instances[at] }))
    };
    let (_, accepted) = clients.send(BULK, attach)?;
    let last = format!("/native/v1/virtual_network_interfaces/{}", vnis[BULK - 1]);
    lab.api.wait(PATIENCE, &last, |vni| vni["lifecycle"] == "stable")?;
    for vni in &vnis {
        lab.api.wait(PATIENCE, &format!("/native/v1/virtual_network_interfaces/{vni}"), |vni| {
            vni["lifecycle"] == "stable"
        })?;
    }
    figures.add("1,000 attached: accepted", subject, "s", accepted.as_secs_f64());
    figures.add("1,000 attached: with devices", subject, "s", began.elapsed().as_secs_f64());
    clients.send(BULK, |api, at| api.delete(&format!("/v1/instances/{}", instances[at])))?;
    let gone =
        |status: &serde_json::Value| status["counts"]["instances"].as_u64().is_some_and(|left| left < BULK as u64);
    lab.api.wait(PATIENCE, "/native/v1/status", gone)?;
    for instance in &instances {
        while lab.api.raw("GET", &format!("/v1/instances/{instance}"), None)?.0 != 404 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

fn wait_for(lab: &Lab, holds: impl Fn(&serde_json::Value) -> bool) -> anyhow::Result<()> {
    let all = |hosts: &serde_json::Value| hosts["items"].as_array().is_some_and(|hosts| hosts.iter().all(&holds));
    lab.api.wait(PATIENCE, "/native/v1/hosts", all).map(drop)
}
