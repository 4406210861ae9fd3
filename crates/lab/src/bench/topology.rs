//! What Pintle is measured beside: the plainest ways to join two namespaces, made with the system's own tools.

use std::io::Write;
use std::net::Ipv4Addr;

use anyhow::Context;
use pintle_datapath::floor::{Attached, Floor};

use super::load::Path;
use super::pinned::run_in;
use crate::shell::{ip, remove_namespace, sh};

/// Elements of the filtered bridge's set.
const SET: u32 = 10_000;

/// The segment of the floor's tunnel.
const SEGMENT: u32 = 777;

/// A baseline; removed when dropped.
pub struct Baseline {
    /// The path through it.
    pub path: Path,
    namespaces: Vec<String>,
    programs: Vec<Attached>,
}

impl Baseline {
    /// Two namespaces joined by a veth pair: the floor.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn veth(prefix: &str) -> anyhow::Result<Baseline> {
        let baseline = Baseline::empty(prefix, "veth", &["c", "s"])?;
        let [client, server] = [&baseline.namespaces[0], &baseline.namespaces[1]];
        ip(&format!("-n {client} link add eth0 type veth peer name eth0 netns {server}"))?;
        baseline.address_ends("eth0")?;
        Ok(baseline)
    }

    /// A bridge between them.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn bridge(prefix: &str) -> anyhow::Result<Baseline> {
        Baseline::bridged(prefix, "bridge")
    }

    /// The same with what a firewall on it costs: nftables with connection tracking and a set of 10,000 pairs of address
    /// and port, of which none is the load's.
    ///
    /// # Errors
    /// When it can't be made: nftables is needed.
    pub fn filtered_bridge(prefix: &str) -> anyhow::Result<Baseline> {
        let baseline = Baseline::bridged(prefix, "nft")?;
        let host = &baseline.namespaces[2];
        let mut rules = tempfile::NamedTempFile::new()?;
        rules.write_all(filter().as_bytes())?;
        let path = rules.path().to_str().context("the path is text")?;
        sh("ip", &["netns", "exec", host, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"])?;
        sh("ip", &["netns", "exec", host, "nft", "-f", path])?;
        Ok(baseline)
    }

    fn bridged(prefix: &str, name: &str) -> anyhow::Result<Baseline> {
        let baseline = Baseline::empty(prefix, name, &["c", "s", "h"])?;
        let host = &baseline.namespaces[2];
        ip(&format!("-n {host} link add br0 type bridge"))?;
        ip(&format!("-n {host} link set br0 up"))?;
        for (guest, port) in baseline.namespaces.iter().zip(["pc", "ps"]) {
            plug(host, port, guest, 1500)?;
            ip(&format!("-n {host} link set {port} master br0"))?;
        }
        baseline.address_ends("eth0")?;
        Ok(baseline)
    }

    /// Two hosts, each with a bridge and the kernel's VXLAN device between them.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn vxlan(prefix: &str) -> anyhow::Result<Baseline> {
        let baseline = Baseline::empty(prefix, "vxlan", &["c", "s", "h1", "h2"])?;
        let [h1, h2] = [&baseline.namespaces[2], &baseline.namespaces[3]];
        underlay(h1, h2)?;
        for (at, (guest, host)) in baseline.namespaces[..2].iter().zip([h1, h2]).enumerate() {
            let (own, other) = (at + 1, 2 - at);
            let (own, other) = (underlay_address(own), underlay_address(other));
            let vxlan = format!("type vxlan id 100 local {own} remote {other} dstport 4789 dev ul");
            ip(&format!("-n {host} link add vx {vxlan}"))?;
            ip(&format!("-n {host} link add br0 type bridge"))?;
            plug(host, "p0", guest, 1450)?;
            for device in ["p0", "vx"] {
                ip(&format!("-n {host} link set {device} master br0 up"))?;
            }
            ip(&format!("-n {host} link set br0 up"))?;
        }
        baseline.address_ends("eth0")?;
        Ok(baseline)
    }

    /// Two namespaces on one host, with programs between them that deliver and do nothing else: the floor of any eBPF data
    /// plane.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn ebpf(prefix: &str) -> anyhow::Result<Baseline> {
        let mut baseline = Baseline::empty(prefix, "ebpf-floor", &["c", "s", "h"])?;
        let host = baseline.namespaces[2].clone();
        for (guest, port) in baseline.namespaces.iter().zip(["pc", "ps"]) {
            plug(&host, port, guest, 1500)?;
        }
        for (port, other) in [("pc", "ps"), ("ps", "pc")] {
            let to = index(&host, other)?;
            baseline.attach(&host, port, Floor::Deliver { to })?;
        }
        baseline.address_ends("eth0")?;
        Ok(baseline)
    }

    /// The same across two hosts, through the kernel's collect-metadata VXLAN device.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn ebpf_vxlan(prefix: &str) -> anyhow::Result<Baseline> {
        let mut baseline = Baseline::empty(prefix, "ebpf-vxlan-floor", &["c", "s", "h1", "h2"])?;
        let [h1, h2] = [baseline.namespaces[2].clone(), baseline.namespaces[3].clone()];
        underlay(&h1, &h2)?;
        for (at, (guest, host)) in baseline.namespaces.clone().iter().zip([&h1, &h2]).enumerate() {
            plug(host, "p0", guest, 1450)?;
            ip(&format!("-n {host} link add vx type vxlan external dstport 4789"))?;
            ip(&format!("-n {host} link set vx up"))?;
            let (through, to, remote) = (index(host, "vx")?, index(host, "p0")?, underlay_address(2 - at));
            baseline.attach(host, "p0", Floor::Encapsulate { through, segment: SEGMENT, remote })?;
            baseline.attach(host, "vx", Floor::Decapsulate { to, segment: SEGMENT })?;
        }
        baseline.address_ends("eth0")?;
        Ok(baseline)
    }

    fn attach(&mut self, host: &str, device: &str, floor: Floor) -> anyhow::Result<()> {
        let ifindex = index(host, device)?;
        self.programs.push(run_in(host, 0, move || Ok(floor.attach(ifindex)?))?);
        Ok(())
    }

    fn empty(prefix: &str, name: &str, parts: &[&str]) -> anyhow::Result<Baseline> {
        let namespaces: Vec<String> = parts.iter().map(|part| format!("{prefix}-{name}-{part}")).collect();
        let path = Path {
            name: name.to_owned(),
            client: namespaces[0].clone(),
            server: namespaces[1].clone(),
            address: Ipv4Addr::new(10, 99, 0, 2),
        };
        let baseline = Baseline { path, namespaces, programs: Vec::new() };
        for namespace in &baseline.namespaces {
            ip(&format!("netns add {namespace}"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
        }
        Ok(baseline)
    }

    fn address_ends(&self, device: &str) -> anyhow::Result<()> {
        for (namespace, last) in self.namespaces[..2].iter().zip([1, 2]) {
            ip(&format!("-n {namespace} addr add 10.99.0.{last}/24 dev {device}"))?;
            ip(&format!("-n {namespace} link set {device} up"))?;
        }
        Ok(())
    }
}

/// A cable between two hosts, addressed.
fn underlay(h1: &str, h2: &str) -> anyhow::Result<()> {
    ip(&format!("-n {h1} link add ul type veth peer name ul netns {h2}"))?;
    for (at, host) in [(1, h1), (2, h2)] {
        ip(&format!("-n {host} addr add {}/24 dev ul", underlay_address(at)))?;
        ip(&format!("-n {host} link set ul up"))?;
    }
    Ok(())
}

/// The underlay address of host 1 or 2.
fn underlay_address(host: usize) -> Ipv4Addr {
    Ipv4Addr::new(172, 31, 1, host as u8)
}

/// The index of a device in a host's namespace.
fn index(host: &str, device: &str) -> anyhow::Result<u32> {
    let shown = ip(&format!("-n {host} -o link show dev {device}"))?;
    shown
        .split(':')
        .next()
        .and_then(|index| index.trim().parse().ok())
        .with_context(|| format!("no index in '{shown}'"))
}

/// Default deny; established connections by their state, new ones by the set, and behind it the load's own.
fn filter() -> String {
    let pair = |n: u32| format!("{} . tcp . {}", Ipv4Addr::from(0x0a01_0000 + n), 1 + n % 6000);
    let pairs: Vec<String> = (0..SET).map(pair).collect();
    format!(
        "table ip t {{\n set allow {{ type ipv4_addr . inet_proto . inet_service; elements = {{ {} }} }}\n \
         chain f {{ type filter hook forward priority 0; policy drop;\n ct state established,related accept\n \
         ct state invalid drop\n ip saddr . ip protocol . tcp dport @allow accept\n ip saddr 10.99.0.1 accept\n }}\n}}\n",
        pairs.join(", ")
    )
}

fn plug(host: &str, port: &str, guest: &str, mtu: u16) -> anyhow::Result<()> {
    ip(&format!("-n {host} link add {port} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {guest}"))?;
    ip(&format!("-n {host} link set {port} up"))?;
    Ok(())
}

impl Drop for Baseline {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            remove_namespace(namespace);
        }
    }
}
