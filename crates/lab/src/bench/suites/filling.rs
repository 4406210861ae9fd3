//! Many objects at once: requests over several connections, as several clients would send them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use crate::api::Api;
use crate::world::Lab;

/// Connections that fill a lab.
pub(super) struct Clients(Vec<Api>);

impl Clients {
    /// This many connections.
    pub(super) fn new(lab: &Lab, count: usize) -> anyhow::Result<Clients> {
        Ok(Clients((0..count).map(|_| lab.client()).collect::<anyhow::Result<_>>()?))
    }

    /// Sends `count` requests as fast as the connections go; their answers in order, and how long all took.
    pub(super) fn send(
        &self,
        count: usize,
        request: impl Fn(&Api, usize) -> anyhow::Result<Value> + Sync,
    ) -> anyhow::Result<(Vec<Value>, Duration)> {
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        let parts = std::thread::scope(|scope| {
            let (next, request) = (&next, &request);
            let threads: Vec<_> = self
                .0
                .iter()
                .map(|api| {
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        loop {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            if at >= count {
                                return anyhow::Ok(done);
                            }
                            done.push((at, request(api, at)?));
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("a client panicked"))?)
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        let took = began.elapsed();
        let mut answers: Vec<(usize, Value)> = parts.into_iter().flatten().collect();
        answers.sort_by_key(|(at, _)| *at);
        Ok((answers.into_iter().map(|(_, answer)| answer).collect(), took))
    }

    /// Creates interfaces in a subnet; their ids.
    pub(super) fn vnis(&self, subnet: &str, count: usize) -> anyhow::Result<(Vec<String>, Duration)> {
        let body = json!({ "subnet": { "id": subnet } });
        let (answers, took) = self.send(count, |api, _| api.post("/v1/virtual_network_interfaces", body.clone()))?;
        Ok((ids(&answers)?, took))
    }

    /// Creates instances on a host; their ids.
    pub(super) fn instances(&self, vpc: &str, host: &str, count: usize) -> anyhow::Result<Vec<String>> {
        let body = json!({ "vpc": vpc, "host": host, "namespace": { "made": true } });
        ids(&self.send(count, |api, _| api.post("/native/v1/instances", body.clone()))?.0)
    }
}

fn ids(answers: &[Value]) -> anyhow::Result<Vec<String>> {
    answers.iter().map(|answer| answer["id"].as_str().map(str::to_owned).context("an answer without id")).collect()
}
