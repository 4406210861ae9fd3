//! The EC2 API: interfaces made per second, durable, and what finding one costs among many.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use crate::bench::signed::{Key, send};
use crate::bench::{Figures, Spread};
use crate::guests::Network;
use crate::world::{Lab, LabOptions};

/// Connections that create at once.
const CONNECTIONS: [(usize, usize); 3] = [(1, 1_000), (8, 5_000), (64, 5_000)];
/// Subnets of 65,536 addresses.
const SUBNETS: usize = 16;
/// Interfaces stored when finding them is measured.
const STORED: [usize; 3] = [1_000, 10_000, 100_000];

struct Load {
    namespace: String,
    server: SocketAddr,
    key: Key,
    subnets: Vec<String>,
}

impl Load {
    fn new(lab: &Lab) -> anyhow::Result<Load> {
        let made = lab.api.post("/native/v1/access_keys", json!({}))?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).context("an access key without it");
        let region = lab.api.get("/native/v1/status")?["region"].as_str().context("no region")?.to_owned();
        let key = Key { id: text("id")?, secret: text("secret")?, region };
        for quota in ["network-interfaces", "reserved-ips"] {
            let path = format!("/native/v1/quotas/123456789012/{quota}");
            lab.api.call("PUT", &path, Some(json!({ "limit": 1_000_000 })))?;
        }
        let network = Network::new(&lab.api)?;
        let subnets = (16..16 + SUBNETS)
            .map(|second| network.subnet(&format!("10.{second}.0.0/16")))
            .collect::<anyhow::Result<_>>()?;
        Ok(Load { namespace: lab.control_namespace(), server: lab.api_address(), key, subnets })
    }

    fn signed(&self, form: &str) -> Arc<[u8]> {
        self.key.request(&self.server.to_string(), form).into()
    }

    /// Creates interfaces, spread over these subnets; how long it took.
    fn create(&self, connections: usize, count: usize, subnets: Range<usize>) -> anyhow::Result<Duration> {
        let requests: Vec<_> = self.subnets[subnets]
            .iter()
            .map(|subnet| self.signed(&format!("Action=CreateNetworkInterface&SubnetId={subnet}")))
            .collect();
        let next = move |at: usize| requests[at % requests.len()].clone();
        Ok(send(&self.namespace, self.server, connections, count, next)?.took)
    }

    /// Asks the same thing over and over over one connection; how long each took, in milliseconds, and the last answer.
    fn ask(&self, count: usize, form: &str) -> anyhow::Result<(Vec<f64>, String)> {
        let request = self.signed(form);
        let sent = send(&self.namespace, self.server, 1, count, move |_| request.clone())?;
        Ok((sent.each.iter().map(|time| time.as_secs_f64() * 1e3).collect(), sent.last))
    }

    /// Walks through all interfaces; pages and how long each took.
    fn walk(&self) -> anyhow::Result<Vec<f64>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let began = Instant::now();
            let form = format!("Action=DescribeNetworkInterfaces&MaxResults=1000&NextToken={token}");
            let (_, answer) = self.ask(1, &form)?;
            pages.push(began.elapsed().as_secs_f64() * 1e3);
            match answer.rsplit_once("<nextToken>").and_then(|(_, rest)| rest.split_once('<')) {
                Some((next, _)) => token = next.to_owned(),
                None => return Ok(pages),
            }
        }
    }
}

fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

pub(super) fn run(rounds: usize, _: Duration) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    {
        let lab = Lab::with(&LabOptions { hosts: 0, ..LabOptions::default() })?;
        let load = Load::new(&lab)?;
        for round in 0..rounds {
            let one = round % SUBNETS;
            for (connections, count) in CONNECTIONS {
                let spread =
                    [(one..one + 1, "CreateNetworkInterface, one subnet"), (0..SUBNETS, "the same, 16 subnets")];
                for (subnets, test) in spread {
                    let took = load.create(connections, count, subnets)?;
                    let subject = format!("{connections} connections");
                    figures.add(test, &subject, "1/s", count as f64 / took.as_secs_f64());
                }
            }
        }
    }
    let lab = Lab::with(&LabOptions { hosts: 0, ..LabOptions::default() })?;
    let load = Load::new(&lab)?;
    let mut stored = 0;
    for count in STORED {
        load.create(16, count - stored, 0..SUBNETS)?;
        stored = count;
        let subject = format!("{count} stored");
        let (_, one) = load.ask(1, "Action=DescribeNetworkInterfaces&MaxResults=5")?;
        let id = one.split_once("<networkInterfaceId>").and_then(|(_, rest)| rest.split_once('<'));
        let id = id.context("no interface is shown")?.0.to_owned();
        let by_id = format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={id}");
        for _ in 0..rounds {
            let (times, _) = load.ask(500, &by_id)?;
            figures.add("Describe by id, p50", &subject, "ms", percentile(&times, 0.5));
            figures.add("Describe by id, p99", &subject, "ms", percentile(&times, 0.99));
            let took = load.create(8, 500, 0..SUBNETS)?;
            figures.add("creates among them, 8 connections", &subject, "1/s", 500.0 / took.as_secs_f64());
        }
        let pages = load.walk()?;
        figures.add("page of 1,000, p50", &subject, "ms", Spread::of(&pages).median);
        figures.add("page of 1,000, p99", &subject, "ms", percentile(&pages, 0.99));
    }
    Ok(figures)
}
