//! The packet's path, live: the same loads over Pintle and over the plainest alternatives, in the same rounds.

use std::time::Duration;

use anyhow::bail;

use crate::bench::{Baseline, Figures, Load, Path};
use crate::guests::Network;
use crate::world::Lab;

/// Runs the loads.
///
/// # Errors
/// When a path can't be set up or does not carry a load.
pub(super) fn run(rounds: usize, time: Duration) -> anyhow::Result<Figures> {
    let prefix = format!("plb{}", std::process::id());
    let baselines = [Baseline::veth(&prefix)?, Baseline::bridge(&prefix)?, Baseline::vxlan(&prefix)?];
    let lab = Lab::start()?;
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.50.0.0/24")?;
    let (client, _) = network.guest("h1", &subnet, "10.50.0.10")?;
    let (near, near_vni) = network.guest("h1", &subnet, "10.50.0.11")?;
    let (far, far_vni) = network.guest("h2", &subnet, "10.50.0.12")?;
    let same_host = path("pintle", &client, &near, [10, 50, 0, 11]);
    let two_hosts = path("pintle-vxlan", &client, &far, [10, 50, 0, 12]);
    let [veth, bridge, vxlan] = &baselines;
    let mut figures = Figures::default();
    for _ in 0..rounds {
        for load in Load::ALL {
            let (name, unit) = load.label();
            for path in [&veth.path, &bridge.path, &same_host] {
                figures.add(name, &path.name, unit, load.run(path, time)?);
            }
            for path in [&vxlan.path, &two_hosts] {
                figures.add(&format!("{name}, two hosts"), &path.name, unit, load.run(path, time)?);
            }
        }
    }
    must_have_carried(&lab, &near_vni)?;
    must_have_carried(&lab, &far_vni)?;
    Ok(figures)
}

fn path(name: &str, client: &str, server: &str, address: [u8; 4]) -> Path {
    Path { name: name.to_owned(), client: client.to_owned(), server: server.to_owned(), address: address.into() }
}

/// A figure counts only if the thing under test was in the path: its programs hang on the device, and counted.
fn must_have_carried(lab: &Lab, vni: &str) -> anyhow::Result<()> {
    let mut found = false;
    for host in &lab.hosts {
        let devices = crate::shell::ip(&format!("-n {} -o link show", host.namespace))?;
        for device in devices.lines().filter_map(|line| line.split(": ").nth(1)).filter(|name| name.starts_with("pt")) {
            let device = device.split('@').next().unwrap_or(device);
            let programs =
                crate::shell::sh("ip", &["netns", "exec", &host.namespace, "bpftool", "net", "show", "dev", device])?;
            found |= programs.contains("from_port");
        }
    }
    if !found {
        bail!("no program of Pintle hangs on any device: the figures for {vni} would be of something else");
    }
    Ok(())
}
