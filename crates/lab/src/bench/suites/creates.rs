//! Durable creates through the API: an interface each, with its address, MAC and name.

use std::time::Duration;

use super::filling::Clients;
use crate::bench::Figures;
use crate::guests::Network;
use crate::world::{Lab, LabOptions};

/// Creates per second with 1 and with 16 clients, each in every round.
pub(super) fn run(rounds: usize, _: Duration) -> anyhow::Result<Figures> {
    let lab = Lab::with(&LabOptions { hosts: 0, ..LabOptions::default() })?;
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.0.0.0/12")?;
    let mut figures = Figures::default();
    for _ in 0..rounds {
        for (clients, count) in [(1, 500), (16, 4000)] {
            let (_, took) = Clients::new(&lab, clients)?.vnis(&subnet, count)?;
            figures.add("durable creates", &format!("{clients} clients"), "1/s", count as f64 / took.as_secs_f64());
        }
    }
    Ok(figures)
}
