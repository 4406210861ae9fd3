//! A public network for the lab: a router that the hosts have uplinks to, and a machine behind it.
//!
//! ```text
//! h1 ── wan ─┐
//! h2 ── wan ─┤ 203.0.113.254 router 198.51.100.1 ── (MTU 1300) ── 198.51.100.7 far
//!            └ br0, 203.0.113.0/24
//! ```
//!
//! The link to the far machine takes less than the uplinks, so that path MTU discovery has something to discover, and the
//! router is a hop that traces of the path can find. The addresses are those for documentation (RFC 5737), and none of
//! their packets leaves these namespaces.

use std::net::Ipv4Addr;

use pintle_probe::Namespace;

use crate::shell::{ip, remove_namespace};

/// The hosts' device to the public network.
pub const UPLINK: &str = "wan";
/// The router's address among the hosts.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 254);
/// The far machine's address.
pub const FAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// The largest IP packet that reaches the far machine, in bytes.
pub const FAR_MTU: u16 = 1300;
/// What the lab's public pools are made of.
pub const POOL: &str = "203.0.113.16/28";

/// The public network of a lab; dropping it removes it.
pub struct Internet {
    /// The router's namespace; the hosts are on its device `br0`.
    pub router: String,
    /// The far machine's namespace.
    pub far: String,
}

impl Internet {
    /// Makes the network, with nobody on it.
    ///
    /// # Errors
    /// When anything of it can't be set up.
    pub fn new(prefix: &str) -> anyhow::Result<Internet> {
        let internet = Internet { router: format!("{prefix}-net"), far: format!("{prefix}-far") };
        let Internet { router, far } = &internet;
        for namespace in [router, far] {
            ip(&format!("netns add {namespace}"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
        }
        ip(&format!("-n {router} link add br0 type bridge"))?;
        ip(&format!("-n {router} addr add {ROUTER}/24 dev br0"))?;
        ip(&format!("-n {router} link set br0 up"))?;
        ip(&format!("-n {router} link add far mtu {FAR_MTU} type veth peer name eth0 mtu {FAR_MTU} netns {far}"))?;
        ip(&format!("-n {router} addr add 198.51.100.1/24 dev far"))?;
        ip(&format!("-n {router} link set far up"))?;
        ip(&format!("-n {far} addr add {FAR}/24 dev eth0"))?;
        ip(&format!("-n {far} link set eth0 up"))?;
        ip(&format!("-n {far} route add default via 198.51.100.1"))?;
        Namespace::named(router).run(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))??;
        Ok(internet)
    }

    /// Gives a host an uplink, with the address 203.0.113.201 plus `at` for the host itself.
    ///
    /// # Errors
    /// When it can't be set up.
    pub fn connect(&self, host: &str, at: usize) -> anyhow::Result<()> {
        let router = &self.router;
        ip(&format!("-n {router} link add u{at} type veth peer name {UPLINK} netns {host}"))?;
        ip(&format!("-n {router} link set u{at} master br0 up"))?;
        ip(&format!("-n {host} addr add 203.0.113.{}/24 dev {UPLINK}", 201 + at))?;
        ip(&format!("-n {host} link set {UPLINK} up"))?;
        ip(&format!("-n {host} route add default via {ROUTER}"))?;
        Ok(())
    }

    /// The Ethernet address that the router sends packets for an address to, if it knows one.
    ///
    /// # Errors
    /// When the neighbours can't be read.
    pub fn neighbour(&self, address: &str) -> anyhow::Result<Option<String>> {
        let text = ip(&format!("-n {} -j neigh show {address} dev br0", self.router))?;
        let found: serde_json::Value = serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text })?;
        Ok(found[0]["lladdr"].as_str().map(str::to_owned))
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        remove_namespace(&self.router);
        remove_namespace(&self.far);
    }
}

/// The Ethernet address of a host's uplink.
///
/// # Errors
/// When it can't be read.
pub fn uplink_mac(host: &str) -> anyhow::Result<String> {
    let text = ip(&format!("-n {host} -j link show dev {UPLINK}"))?;
    let link: serde_json::Value = serde_json::from_str(&text)?;
    Ok(link[0]["address"].as_str().unwrap_or_default().to_owned())
}
