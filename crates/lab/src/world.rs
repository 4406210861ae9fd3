//! The lab itself: underlay, server, hosts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::api::Api;
use crate::host::{self, LabHost};
use crate::internet::{Internet, UPLINK};
use crate::process::Process;
use crate::shell::{ip, remove_namespace};

const API_PORT: u16 = 7480;
const AGENT_PORT: u16 = 7481;
const CONTROL_ADDRESS: &str = "172.31.0.254";
static COUNT: AtomicU32 = AtomicU32::new(0);

/// How a lab is to be.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// How many hosts.
    pub hosts: usize,
    /// MTU of the underlay, in bytes.
    pub underlay_mtu: u16,
    /// The zone of each host; the last one holds for the rest.
    pub zones: Vec<String>,
    /// Run `pintle up` in the control namespace: server and an agent (host `together`) in one process.
    pub together: bool,
    /// Give the hosts a public network, and an uplink each to it.
    pub internet: bool,
    /// Join the two hosts by a cable of their own for what they send each other, with nothing between them; the server is
    /// reached as ever.
    pub cable: bool,
    /// Further options of every agent, as on its command line.
    pub agent_options: Vec<String>,
    /// Further options of the server, as on its command line.
    pub server_options: Vec<String>,
}

impl Default for LabOptions {
    fn default() -> Self {
        LabOptions {
            hosts: 2,
            underlay_mtu: 1500,
            zones: vec!["local-1".to_owned()],
            together: false,
            internet: false,
            cable: false,
            agent_options: Vec::new(),
            server_options: Vec::new(),
        }
    }
}

/// Hosts on an underlay, with a server.
pub struct Lab {
    /// The hosts, `h1` first.
    pub hosts: Vec<LabHost>,
    /// The server's process, unless it has been taken away.
    pub server: Option<Process>,
    /// A client.
    pub api: Api,
    /// The public network, if the lab has one.
    pub internet: Option<Internet>,
    folder: TempDir,
    prefix: String,
    server_arguments: Vec<String>,
}

impl Lab {
    /// Two hosts on an underlay of 1500 bytes.
    ///
    /// # Errors
    /// When anything of it can't be set up.
    pub fn start() -> anyhow::Result<Lab> {
        Lab::with(&LabOptions::default())
    }

    /// A lab as described, with server and agents running and connected.
    ///
    /// # Errors
    /// When anything of it can't be set up.
    pub fn with(options: &LabOptions) -> anyhow::Result<Lab> {
        let prefix = format!("plt{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::Builder::new().prefix("pintle-lab-").tempdir()?;
        let names = Names { prefix: &prefix };
        let wired = wire(&names, options);
        let built = wired.and_then(|()| {
            let internet = options.internet.then(|| connect_internet(&names, options)).transpose()?;
            let data = folder.path().join("server");
            let server_arguments = server_arguments(&data, options);
            let log = folder.path().join("server.log");
            let server = Process::start(&names.control(), &server_arguments, &log)?;
            let token = wait_for_file(&data.join("token"))?;
            let join = wait_for_file(&data.join("join-token"))?;
            let api = Api::new(&names.control(), &format!("http://127.0.0.1:{API_PORT}"), &token)?;
            let hosts = (0..options.hosts).map(|at| host(&names, options, at, folder.path(), &join)).collect();
            Ok((hosts, server, api, server_arguments, internet))
        });
        let (hosts, server, api, server_arguments, internet) = match built {
            Ok(built) => built,
            Err(error) => {
                names.remove(options.hosts);
                return Err(error);
            }
        };
        let mut lab =
            Lab { hosts, server: Some(server), api, internet, folder, prefix: prefix.clone(), server_arguments };
        lab.wait_for_server()?;
        for host in &mut lab.hosts {
            host.start_agent()?;
        }
        lab.wait_for_agents()?;
        Ok(lab)
    }

    /// Another client, for requests at the same time.
    ///
    /// # Errors
    /// When its thread can't be started.
    pub fn client(&self) -> anyhow::Result<Api> {
        let token = wait_for_file(&self.folder.path().join("server/token"))?;
        Api::new(&Names { prefix: &self.prefix }.control(), &format!("http://127.0.0.1:{API_PORT}"), &token)
    }

    /// Where the server's API listens, in the control namespace.
    pub fn api_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, API_PORT).into()
    }

    /// The name of the namespace in which the server is.
    pub fn control_namespace(&self) -> String {
        Names { prefix: &self.prefix }.control()
    }

    /// Starts the server again on its data.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start_server(&mut self) -> anyhow::Result<()> {
        let log = self.folder.path().join("server.log");
        self.server = Some(Process::start(&self.control_namespace(), &self.server_arguments, &log)?);
        Ok(())
    }

    /// `kill -9` of the server.
    pub fn kill_server(&mut self) {
        self.server = None;
    }

    /// Waits until the API answers.
    ///
    /// # Errors
    /// When it does not within 20 s, with the server's last words.
    pub fn wait_for_server(&self) -> anyhow::Result<()> {
        self.api.wait(Duration::from_secs(20), "/native/v1/status", |_| true).map(drop).with_context(|| self.logs())
    }

    /// Waits until every host with a running agent is connected.
    ///
    /// # Errors
    /// When one is not within 30 s, with the last words of all.
    pub fn wait_for_agents(&self) -> anyhow::Result<()> {
        let wanted: Vec<&str> =
            self.hosts.iter().filter(|host| host.agent.is_some()).map(|host| host.name.as_str()).collect();
        let connected = |value: &serde_json::Value| {
            wanted.iter().all(|name| {
                value["items"]
                    .as_array()
                    .is_some_and(|hosts| hosts.iter().any(|host| host["name"] == *name && host["connected"] == true))
            })
        };
        self.api.wait(Duration::from_secs(30), "/native/v1/hosts", connected).map(drop).with_context(|| self.logs())
    }

    /// The last words of server and agents.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        if let Some(server) = &self.server {
            text.push_str(&format!("server:\n{}\n", server.log_tail()));
        }
        for host in &self.hosts {
            if let Some(agent) = &host.agent {
                text.push_str(&format!("{}:\n{}\n", host.name, agent.log_tail()));
            }
        }
        text
    }

    /// Where the lab's files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for host in &mut self.hosts {
            host.purge();
        }
        self.server = None;
        let names = Names { prefix: &self.prefix };
        if self.server_arguments.first().is_some_and(|command| command == "up") {
            // Its agent was in the server's process, and has gone with it.
            let folder = self.folder.path().join("server/agent").display().to_string();
            let arguments = ["agent", "--agent-dir", &folder].map(str::to_owned);
            host::purge(&names.control(), &arguments, &self.folder.path().join("purge.log"));
        }
        names.remove(self.hosts.len());
    }
}

struct Names<'a> {
    prefix: &'a str,
}

impl Names<'_> {
    fn underlay(&self) -> String {
        format!("{}-ul", self.prefix)
    }
    fn control(&self) -> String {
        format!("{}-ctl", self.prefix)
    }
    fn host(&self, at: usize) -> String {
        format!("{}-h{}", self.prefix, at + 1)
    }
    fn remove(&self, hosts: usize) {
        for at in 0..hosts {
            remove_namespace(&self.host(at));
        }
        remove_namespace(&self.control());
        remove_namespace(&self.underlay());
    }
}

fn wire(names: &Names<'_>, options: &LabOptions) -> anyhow::Result<()> {
    let underlay = names.underlay();
    ip(&format!("netns add {underlay}"))?;
    ip(&format!("-n {underlay} link add br0 mtu {} type bridge", options.underlay_mtu))?;
    ip(&format!("-n {underlay} link set br0 up"))?;
    connect(names, &names.control(), "ctl", CONTROL_ADDRESS, options.underlay_mtu)?;
    for at in 0..options.hosts {
        connect(names, &names.host(at), &format!("h{}", at + 1), &underlay_address(at), options.underlay_mtu)?;
    }
    if options.cable { cable(names, options) } else { Ok(()) }
}

fn connect(names: &Names<'_>, namespace: &str, port: &str, address: &str, mtu: u16) -> anyhow::Result<()> {
    let underlay = names.underlay();
    ip(&format!("netns add {namespace}"))?;
    ip(&format!("-n {namespace} link set lo up"))?;
    ip(&format!("-n {underlay} link add {port} mtu {mtu} type veth peer name ul mtu {mtu} netns {namespace}"))?;
    ip(&format!("-n {underlay} link set {port} master br0 up"))?;
    ip(&format!("-n {namespace} addr add {address}/24 dev ul"))?;
    ip(&format!("-n {namespace} link set ul up"))?;
    Ok(())
}

/// A cable between the first two hosts.
fn cable(names: &Names<'_>, options: &LabOptions) -> anyhow::Result<()> {
    let (first, second, mtu) = (names.host(0), names.host(1), options.underlay_mtu);
    ip(&format!("-n {first} link add cable mtu {mtu} type veth peer name cable mtu {mtu} netns {second}"))?;
    for at in 0..2 {
        let host = names.host(at);
        ip(&format!("-n {host} addr add {}/24 dev cable", vtep(at, options)))?;
        ip(&format!("-n {host} link set cable up"))?;
    }
    Ok(())
}

fn connect_internet(names: &Names<'_>, options: &LabOptions) -> anyhow::Result<Internet> {
    let internet = Internet::new(names.prefix)?;
    (0..options.hosts).try_for_each(|at| internet.connect(&names.host(at), at))?;
    Ok(internet)
}

fn underlay_address(at: usize) -> String {
    format!("172.31.0.{}", at + 1)
}

/// Where a host gets what other hosts send.
fn vtep(at: usize, options: &LabOptions) -> String {
    if options.cable { format!("172.31.1.{}", at + 1) } else { underlay_address(at) }
}

fn server_arguments(data: &Path, options: &LabOptions) -> Vec<String> {
    let data = data.display().to_string();
    let agents = format!("{CONTROL_ADDRESS}:{AGENT_PORT}");
    let mut arguments =
        vec![if options.together { "up" } else { "server" }, "--data-dir", &data, "--agent-listen", &agents];
    if options.together {
        arguments.extend(["--name", "together", "--vtep", CONTROL_ADDRESS]);
    }
    arguments.into_iter().map(str::to_owned).chain(options.server_options.clone()).collect()
}

fn host(names: &Names<'_>, options: &LabOptions, at: usize, folder: &Path, join: &str) -> LabHost {
    let name = format!("h{}", at + 1);
    let zone = options.zones.get(at).or(options.zones.last()).map_or("local-1", String::as_str);
    let own = folder.join(&name).display().to_string();
    let (server, vtep) = (format!("{CONTROL_ADDRESS}:{AGENT_PORT}"), vtep(at, options));
    let arguments = [
        "agent",
        "--server",
        &server,
        "--join",
        join,
        "--agent-dir",
        &own,
        "--name",
        &name,
        "--zone",
        zone,
        "--vtep",
        &vtep,
    ];
    let uplink = options.internet.then(|| ["--uplink".to_owned(), UPLINK.to_owned()]).into_iter().flatten();
    LabHost {
        namespace: names.host(at),
        arguments: arguments
            .map(str::to_owned)
            .into_iter()
            .chain(uplink)
            .chain(options.agent_options.clone())
            .collect(),
        folder: folder.to_owned(),
        agent: None,
        name,
        vtep,
    }
}

fn wait_for_file(path: &Path) -> anyhow::Result<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    bail!("'{}' was not written within 20 s", path.display())
}
