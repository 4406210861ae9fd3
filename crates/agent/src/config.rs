//! What an agent is told when it starts.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::gethostname;
use pintle_core::name;

use crate::error::AgentError;
use crate::identity::JoinToken;

/// Settings of an agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's address for agents, as `host:port`.
    pub server: String,
    /// Directory of the host's key, certificate and last known desired state; made with mode 0700 if absent.
    pub data_dir: PathBuf,
    /// How to join. Needed until the host has a certificate, ignored afterwards.
    pub join: Option<JoinToken>,
    /// The host's name, unique among hosts; `None` takes the machine's host name in the form that names have.
    pub name: Option<String>,
    /// The zone the host is in.
    pub zone: String,
    /// The underlay address that other hosts' tunnels end at; `None` takes the default route's device's address.
    pub vtep: Option<Ipv4Addr>,
    /// UDP port of the tunnels.
    pub vxlan_port: u16,
    /// Where the BPF file system is; mounted if it is not.
    pub bpffs: PathBuf,
    /// How much the data plane has room for.
    pub limits: Limits,
    /// Whether the kernel's RCU grace periods may be expedited while devices are made or removed: a port then takes about
    /// 2 ms and not 30, and every CPU is interrupted some times meanwhile.
    pub expedite: bool,
    /// Speed of the link to other hosts in kilobits (1,000 bits) per second, which limited interfaces then share; `None`:
    /// it is never full.
    pub link_kbps: Option<u64>,
    /// The device to the public network, by name: floating IPs and public gateways are reached through it. `None`: this
    /// host has none.
    pub uplink: Option<String>,
    /// How often the whole host is compared with what it should be.
    pub sweep: Duration,
}

/// How much the data plane has room for. Changing it takes effect when no interface is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Ports on this host plus one, 2 to 65,536.
    pub max_ports: u32,
    /// Addresses known to this host, local and remote, 1 to 16,777,216.
    pub max_endpoints: u32,
    /// Flows that the host remembers, 1,024 to 16,777,216.
    pub max_flows: u32,
    /// Networks in all rules of security groups together, 16 to 16,777,216.
    pub max_prefixes: u32,
    /// Flows that one interface may open, others twice as many to it; `None`: an eighth of `max_flows`. Takes effect at
    /// once.
    pub flows_per_interface: Option<u32>,
}

impl Limits {
    /// Flows that one interface may open.
    pub fn flow_quota(&self) -> u32 {
        self.flows_per_interface.unwrap_or(self.max_flows / 8)
    }
}

impl Default for Limits {
    fn default() -> Self {
        let sizes = pintle_datapath::Settings::default();
        Limits {
            max_ports: sizes.max_ports,
            max_endpoints: sizes.max_endpoints,
            max_flows: sizes.max_flows,
            max_prefixes: sizes.max_prefixes,
            flows_per_interface: None,
        }
    }
}

impl Config {
    /// The defaults for a host of `zone` whose server is at `server`.
    pub fn new(server: impl Into<String>, data_dir: impl Into<PathBuf>, zone: impl Into<String>) -> Self {
        Config {
            server: server.into(),
            data_dir: data_dir.into(),
            join: None,
            name: None,
            zone: zone.into(),
            vtep: None,
            vxlan_port: 4789,
            bpffs: PathBuf::from("/sys/fs/bpf"),
            limits: Limits::default(),
            expedite: true,
            link_kbps: None,
            uplink: None,
            sweep: Duration::from_secs(2),
        }
    }

    /// The host's name: the one configured, else the machine's.
    ///
    /// # Errors
    /// [`AgentError::Config`] if the name configured breaks the rule for names, or the machine has none that can be used.
    pub fn host_name(&self) -> Result<String, AgentError> {
        let Some(name) = &self.name else { return machine_name() };
        name::validate(name).map_err(|refusal| AgentError::Config(refusal.to_string()))?;
        Ok(name.clone())
    }

    /// Checks what can be checked without touching the system.
    ///
    /// # Errors
    /// [`AgentError::Config`] that names the setting and the rule.
    pub fn check(&self) -> Result<(), AgentError> {
        name::validate_zone(&self.zone).map_err(|refusal| AgentError::Config(refusal.to_string()))?;
        let port = self.server.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
        if !matches!(port, Some((host, Ok(port))) if !host.is_empty() && port > 0) {
            return Err(AgentError::Config(format!("server '{}' is not of the form host:port", self.server)));
        }
        if self.vxlan_port == 0 {
            return Err(AgentError::Config(
                "VXLAN port 0 is none: give 1 to 65535 (4789 is the registered one)".into(),
            ));
        }
        Ok(())
    }
}

fn machine_name() -> Result<String, AgentError> {
    let text = gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let name = as_name(&text);
    name::validate(&name).map(|()| name).map_err(|_| {
        AgentError::Config(format!("the machine's host name '{text}' can't be made a name: give one with --name"))
    })
}

/// The nearest valid name: the first label in lower case, with hyphens for what a name can't have.
fn as_name(text: &str) -> String {
    let label = text.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut name: String = label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "host-");
    }
    name.truncate(63);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_become_valid_names() {
        for (given, made) in [
            ("web-1.example.org", "web-1"),
            ("WEB_1", "web-1"),
            ("9front", "host-9front"),
            ("a-", "a"),
            ("", "host"),
            ("_", "host"),
        ] {
            assert_eq!(as_name(given), made);
            name::validate(&as_name(given)).unwrap();
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let mut config = Config::new("server", "/nowhere", "zone-1");
        assert!(config.check().unwrap_err().to_string().contains("host:port"));
        config.server = "[::1]:7481".into();
        config.check().unwrap();
        config.zone = "Zone".into();
        assert!(config.check().unwrap_err().to_string().contains("zone"));
    }
}
