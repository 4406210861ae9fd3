//! The packet's path, live: the same loads over Pintle and over the plainest alternatives, in the same rounds.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::bench::{Baseline, Figures, Load, Path};
use crate::guests::Network;
use crate::host::LabHost;
use crate::shell::sh;
use crate::world::{Lab, LabOptions};

/// Fewer packets than this on a host, and the loads went elsewhere.
const LEAST_PACKETS: u64 = 10_000;

/// Runs the loads.
///
/// # Errors
/// When a path can't be set up or does not carry a load.
pub(super) fn run(rounds: usize, time: Duration) -> anyhow::Result<Figures> {
    let prefix = format!("plb{}", std::process::id());
    let baselines = [
        Baseline::veth(&prefix)?,
        Baseline::ebpf(&prefix)?,
        Baseline::bridge(&prefix)?,
        Baseline::filtered_bridge(&prefix)?,
        Baseline::vxlan(&prefix)?,
        Baseline::ebpf_vxlan(&prefix)?,
    ];
    // As the baselines: nothing between the hosts but a cable.
    let lab = Lab::with(&LabOptions { cable: true, ..LabOptions::default() })?;
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.50.0.0/24")?;
    let (client, _) = network.guest("h1", &subnet, "10.50.0.10")?;
    let (near, _) = network.guest("h1", &subnet, "10.50.0.11")?;
    let (far, _) = network.guest("h2", &subnet, "10.50.0.12")?;
    let same_host = path("pintle", &client, &near, [10, 50, 0, 11]);
    let two_hosts = path("pintle-vxlan", &client, &far, [10, 50, 0, 12]);
    let [veth, floor, bridge, filtered, vxlan, vxlan_floor] = &baselines;
    let mut figures = Figures::default();
    for _ in 0..rounds {
        for load in Load::ALL {
            let (name, unit) = load.label();
            for path in [&veth.path, &floor.path, &bridge.path, &filtered.path, &same_host] {
                figures.add(name, &path.name, unit, load.run(path, time)?);
            }
            for path in [&vxlan.path, &vxlan_floor.path, &two_hosts] {
                figures.add(&format!("{name}, two hosts"), &path.name, unit, load.run(path, time)?);
            }
        }
    }
    for host in &lab.hosts {
        must_have_carried(&lab, host)?;
    }
    Ok(figures)
}

fn path(name: &str, client: &str, server: &str, address: [u8; 4]) -> Path {
    Path { name: name.to_owned(), client: client.to_owned(), server: server.to_owned(), address: address.into() }
}

/// A figure counts only if the thing under test was in the path: the host's own counters must have seen the load.
fn must_have_carried(lab: &Lab, host: &LabHost) -> anyhow::Result<()> {
    let id = lab.api.get(&format!("/native/v1/hosts/{}", host.name))?["id"].as_str().context("no id")?.to_owned();
    let pins = sh("find", &[&format!("/sys/fs/bpf/pintle/{id}"), "-name", "counters*"])?;
    let dump = sh("bpftool", &["-j", "map", "dump", "pinned", pins.trim()])?;
    let slots: serde_json::Value = serde_json::from_str(&dump)?;
    let packets = |slot: &serde_json::Value| -> u64 {
        let processors = slot["formatted"]["values"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |value: &serde_json::Value| {
            value["value"]["tx_packets"].as_u64().unwrap_or(0) + value["value"]["rx_packets"].as_u64().unwrap_or(0)
        };
        processors.iter().map(of).sum()
    };
    let carried: u64 = slots.as_array().map(|slots| slots.iter().map(packets).sum()).unwrap_or_default();
    if carried < LEAST_PACKETS {
        bail!("{} counted only {carried} packets: the figures would be of something else", host.name);
    }
    println!("{} carried {carried} packets", host.name);
    Ok(())
}
