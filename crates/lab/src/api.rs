//! A client of the lab's server: a thread in the control namespace that sends requests one after the other.
//!
//! Tests are plain threads; each that wants to speak at the same time has a client of its own.

use std::fs::File;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::interrupt;

/// A request that the server refused.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}
impl std::error::Error for ApiError {}

type Answer = anyhow::Result<(u16, Value)>;
struct Request {
    method: reqwest::Method,
    path: String,
    body: Option<Value>,
    answer: mpsc::SyncSender<Answer>,
}

/// A client of the lab's server.
pub struct Api {
    requests: tokio::sync::mpsc::UnboundedSender<Request>,
}

impl Api {
    /// A client in the named namespace, to the API at `base`.
    ///
    /// # Errors
    /// When the namespace can't be entered.
    pub fn new(namespace: &str, base: &str, token: &str) -> anyhow::Result<Api> {
        let file = File::open(format!("/run/netns/{namespace}"))?;
        let (requests, mut queue) = tokio::sync::mpsc::unbounded_channel::<Request>();
        let (base, token) = (base.to_owned(), token.to_owned());
        let (ready, is_ready) = mpsc::sync_channel(1);
        std::thread::Builder::new().name("lab-api".into()).spawn(move || {
            let start = || -> anyhow::Result<_> {
                setns(&file, CloneFlags::CLONE_NEWNET)?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(90)).build()?;
                Ok((runtime, http))
            };
            match start() {
                Err(error) => drop(ready.send(Err(error))),
                Ok((runtime, http)) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(async {
                        while let Some(request) = queue.recv().await {
                            let answer = send(&http, &base, &token, &request).await;
                            let _ = request.answer.send(answer);
                        }
                    });
                }
            }
        })?;
        is_ready.recv().context("the client's thread ended")??;
        Ok(Api { requests })
    }

    /// Sends a request; the status and body of the answer, whatever the status.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn raw(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        interrupt::check()?;
        let (answer, answered) = mpsc::sync_channel(1);
        let request = Request { method: method.parse()?, path: path.to_owned(), body, answer };
        self.requests.send(request).map_err(|_| anyhow!("the client's thread ended"))?;
        answered.recv().context("the client's thread ended")?
    }

    /// Sends a request that must succeed.
    ///
    /// # Errors
    /// [`ApiError`] when it is refused.
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let (status, body) = self.raw(method, path, body)?;
        if (200..300).contains(&status) { Ok(body) } else { Err(ApiError { status, body }.into()) }
    }

    /// GET.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, None)
    }

    /// POST.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call("POST", path, Some(body))
    }

    /// DELETE.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call("DELETE", path, None)
    }

    /// Asks until the condition holds.
    ///
    /// # Errors
    /// When it does not hold within `timeout`, with the last answer.
    pub fn wait(&self, timeout: Duration, path: &str, holds: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let deadline = Instant::now() + timeout;
        loop {
            let last = self.get(path);
            match last {
                Ok(value) if holds(&value) => return Ok(value),
                _ if interrupt::check().is_err() => interrupt::check()?,
                last if Instant::now() > deadline => {
                    return Err(anyhow!("{path} did not become as wanted; last: {last:?}"));
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

async fn send(http: &reqwest::Client, base: &str, token: &str, request: &Request) -> Answer {
    let separator = if request.path.contains('?') { '&' } else { '?' };
    let query = if request.path.starts_with("/v1") {
        format!("{separator}version=2026-10-06&generation=2")
    } else {
        String::new()
    };
    let url = format!("{base}{}{query}", request.path);
    let mut builder = http.request(request.method.clone(), url).bearer_auth(token);
    if let Some(body) = &request.body {
        builder = builder.json(body);
    }
    let response = builder.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    Ok((status, body))
}
