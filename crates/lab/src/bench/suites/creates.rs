//! Durable creates through the API: an interface each, with its address, MAC and name.

use std::time::Duration;

use serde_json::json;

use super::filling::Clients;
use crate::api::Api;
use crate::bench::Figures;
use crate::guests::Network;
use crate::world::{Lab, LabOptions};

/// Creates per second with 1 and with 16 clients, each in every round.
pub(super) fn run(rounds: usize, _: Duration) -> anyhow::Result<Figures> {
    let lab = Lab::with(&LabOptions { hosts: 0, ..LabOptions::default() })?;
    let network = Network::new(&lab.api)?;
    let subnet = network.subnet("10.0.0.0/12")?;
    let subnets: Vec<String> =
        (16..32).map(|second| network.subnet(&format!("10.{second}.0.0/16"))).collect::<anyhow::Result<_>>()?;
    let mut figures = Figures::default();
    for _ in 0..rounds {
        for (clients, count) in [(1, 500), (16, 4000)] {
            let (_, took) = Clients::new(&lab, clients)?.vnis(&subnet, count)?;
            figures.add("durable creates", &format!("{clients} clients"), "1/s", count as f64 / took.as_secs_f64());
        }
        let clients = Clients::new(&lab, 16)?;
        let create = |api: &Api, at: usize| {
            let body = json!({ "subnet": { "id": subnets[at % subnets.len()] } });
            api.post("/v1/virtual_network_interfaces", body)
        };
        let (_, took) = clients.send(4000, create)?;
        figures.add("durable creates", "16 clients, 16 subnets", "1/s", 4000.0 / took.as_secs_f64());
    }
    Ok(figures)
}
