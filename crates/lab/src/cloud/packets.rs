//! What packets say: whether an address answers, whether a port lets somebody through.
//!
//! A request's answer does not wait for the hosts, so each check waits until what it asks for holds, for some seconds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use pintle_probe::Namespace;
use pintle_probe::ping::Pinger;
use serde_json::Value;

use super::forged::{self, End};
use super::guest_image;
use super::translated::Way;
use crate::internet::FAR;
use crate::world::Lab;

/// Who sends from beyond the public network.
pub const OUTSIDE: &str = "outside";
/// How long a change may take to show.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one try may take that should get no answer.
const SILENCE: Duration = Duration::from_millis(300);
/// How many tries in a row must stay without an answer.
const SILENT_TRIES: u32 = 3;

/// Sends the packets of a lab's checks.
pub struct Packets<'a> {
    lab: &'a Lab,
}

impl<'a> Packets<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        Packets { lab }
    }

    /// Does a check that a script asks for; its name.
    ///
    /// `{"check": "answers" | "silent", "from": <instance or "outside">, "to": <address>}`,
    /// `{"check": "passes" | "blocked", "from": …, "to": <address>, "at": <instance that listens>, "port": <number>}`,
    /// `{"check": "forges" | "cannot forge", "from": …, "by": <its address>, "as": <source>, "to": <address>, "at": <instance>}`,
    /// `{"check": "translated", "to": <floating IP>, "at": <instance>, "private": <address>, "not": <address>, "port": …}`,
    /// `{"check": "apart", "these": [<instance>, …]}`: each on a host of its own.
    ///
    /// # Errors
    /// When it does not hold in time.
    pub fn judge(&self, check: &Value) -> anyhow::Result<String> {
        let text = |name: &str| check[name].as_str().with_context(|| format!("the check has no '{name}': {check}"));
        let from = || text("from");
        let address = |name: &str| -> anyhow::Result<Ipv4Addr> { Ok(text(name)?.parse()?) };
        let to = || address("to");
        let port = || check["port"].as_u64().and_then(|port| u16::try_from(port).ok()).context("no port");
        let shown = |to: Ipv4Addr| if check["from"] == OUTSIDE { "public address".to_owned() } else { to.to_string() };
        let kind = text("check")?;
        match kind {
            "answers" => self.answers(from()?, to()?)?,
            "silent" => self.silent(from()?, to()?)?,
            "passes" => self.passes(from()?, to()?, text("at")?, port()?)?,
            "blocked" => self.blocked(from()?, to()?, text("at")?, port()?)?,
            "forges" | "cannot forge" => {
                let from = End { guest: from()?, address: address("by")? };
                let to = End { guest: text("at")?, address: to()? };
                forged::judge(&from, address("as")?, &to, kind == "forges", Instant::now() + PATIENCE)?;
                return Ok(format!("{kind} {}", text("as")?));
            }
            "translated" => {
                let deadline = Instant::now() + PATIENCE;
                let from = self.ready(OUTSIDE, deadline)?;
                let way = Way { from: &from, client: FAR, public: to()?, guest: text("at")?, port: port()? };
                way.leads_to(address("private")?, deadline)?;
                way.leads_elsewhere(address("not")?)?;
                return Ok(format!("{kind} to {}", text("private")?));
            }
            "apart" => {
                let these = check["these"].as_array().context("no instances")?;
                let these: Vec<&str> = these.iter().filter_map(Value::as_str).collect();
                self.apart(&these)?;
                return Ok(kind.to_owned());
            }
            _ => bail!("there is no check '{kind}'"),
        }
        Ok(format!("{kind} {}", shown(to()?)))
    }

    /// Waits until an address answers.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn answers(&self, from: &str, to: Ipv4Addr) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let from = self.ready(from, deadline)?;
        while Instant::now() < deadline {
            // Guests that have just got an interface have to be set up meanwhile.
            self.settle_guests()?;
            let mut pinger = Pinger::open(&Namespace::named(&from), to)?;
            if pinger.until(Duration::from_millis(500), Duration::from_millis(20))?.is_some() {
                return Ok(());
            }
        }
        bail!("{to} does not answer {from} within {PATIENCE:?}")
    }

    /// Waits until an address no longer answers.
    ///
    /// # Errors
    /// When it still does in the end.
    pub fn silent(&self, from: &str, to: Ipv4Addr) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let from = self.ready(from, deadline)?;
        let mut pinger = Pinger::open(&Namespace::named(&from), to)?;
        let mut unanswered = 0;
        while unanswered < SILENT_TRIES {
            ensure!(Instant::now() < deadline, "{to} still answers {from} after {PATIENCE:?}");
            unanswered = if pinger.once(SILENCE).is_ok() { 0 } else { unanswered + 1 };
        }
        Ok(())
    }

    /// Waits until a connection to a port of an instance comes about.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn passes(&self, from: &str, to: Ipv4Addr, at: &str, port: u16) -> anyhow::Result<()> {
        self.connects(from, to, at, port, true)
    }

    /// Waits until packets to a port of an instance, where somebody listens, are lost.
    ///
    /// # Errors
    /// When connections still come about in the end.
    pub fn blocked(&self, from: &str, to: Ipv4Addr, at: &str, port: u16) -> anyhow::Result<()> {
        self.connects(from, to, at, port, false)
    }

    fn connects(&self, from: &str, to: Ipv4Addr, at: &str, port: u16, wanted: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let (from, at) = (self.ready(from, deadline)?, self.ready(at, deadline)?);
        self.settle_guests()?;
        let _listener = listen(&at, to, port, deadline)?;
        let target = SocketAddr::from((IpAddr::V4(to), port));
        loop {
            let connect = || TcpStream::connect_timeout(&target, SILENCE);
            let outcome = Namespace::named(&from).run(connect)?.map(drop);
            match &outcome {
                Ok(()) if wanted => return Ok(()),
                Err(error) if !wanted && error.kind() == std::io::ErrorKind::TimedOut => return Ok(()),
                _ => {}
            }
            let wish = if wanted { "reaches" } else { "is kept from" };
            ensure!(Instant::now() < deadline, "{from} should be one who {wish} {target}, and it is {outcome:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn apart(&self, these: &[&str]) -> anyhow::Result<()> {
        let mut hosts = Vec::new();
        for instance in these {
            let host = self.lab.api.get(&format!("/native/v1/instances/{instance}"))?["host"].to_string();
            ensure!(!hosts.contains(&host), "{these:?} are not on different hosts: {instance} is on {host}");
            hosts.push(host);
        }
        Ok(())
    }

    /// The name of a namespace, once it is there.
    fn ready(&self, who: &str, deadline: Instant) -> anyhow::Result<String> {
        if who == OUTSIDE {
            return Ok(self.lab.internet.as_ref().context("the lab has no public network")?.far.clone());
        }
        while !exists(who) {
            ensure!(Instant::now() < deadline, "instance {who} is not there after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(who.to_owned())
    }

    fn settle_guests(&self) -> anyhow::Result<()> {
        let answer = self.lab.api.get("/native/v1/instances")?;
        for instance in answer["items"].as_array().into_iter().flatten() {
            let id = instance["id"].as_str().unwrap_or_default();
            // One that goes meanwhile needs nothing.
            if exists(id)
                && let Err(error) = guest_image::settle(id)
                && exists(id)
            {
                return Err(error.context(format!("setting up guest {id}")));
            }
        }
        Ok(())
    }
}

/// A listener at just this address of a guest, once the guest has it.
fn listen(guest: &str, address: Ipv4Addr, port: u16, deadline: Instant) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((address, port));
    loop {
        match Namespace::named(guest).run(|| TcpListener::bind(address))? {
            Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome.with_context(|| format!("listen at {address}")),
        }
    }
}

fn exists(namespace: &str) -> bool {
    Path::new("/run/netns").join(namespace).exists()
}
