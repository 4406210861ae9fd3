//! Security groups of a lab's network, whether one guest reaches another, and what its hosts say that they dropped.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context;
use pintle_probe::Namespace;
use serde_json::{Value, json};

use crate::guests::{Network, id};
use crate::shell::ip;

/// How long a connection that should be refused is tried: dropped packets have no answer.
const REFUSED_AFTER: Duration = Duration::from_millis(400);
/// How long a connection that should come about may take.
const PATIENCE: Duration = Duration::from_secs(3);

impl Network<'_> {
    /// A security group with these rules; its id. It lets everything out if no rule is about that.
    ///
    /// # Errors
    /// When it is refused.
    pub fn group(&self, rules: Value) -> anyhow::Result<String> {
        let body = json!({ "vpc": { "id": self.vpc }, "rules": rules });
        id(&self.api().post("/v1/security_groups", body)?)
    }

    /// Adds a rule to a group; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn add_rule(&self, group: &str, rule: Value) -> anyhow::Result<String> {
        id(&self.api().post(&format!("/v1/security_groups/{group}/rules"), rule)?)
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// When it is refused.
    pub fn remove_rule(&self, group: &str, rule: &str) -> anyhow::Result<()> {
        self.api().delete(&format!("/v1/security_groups/{group}/rules/{rule}")).map(drop)
    }

    /// Makes an interface a member of a group.
    ///
    /// # Errors
    /// When it is refused.
    pub fn join(&self, group: &str, vni: &str) -> anyhow::Result<()> {
        self.api().call("PUT", &format!("/v1/security_groups/{group}/targets/{vni}"), None).map(drop)
    }

    /// Ends an interface's membership of a group.
    ///
    /// # Errors
    /// When it is refused.
    pub fn leave(&self, group: &str, vni: &str) -> anyhow::Result<()> {
        self.api().delete(&format!("/v1/security_groups/{group}/targets/{vni}")).map(drop)
    }

    /// An instance with an interface of this address in these groups, realised; both ids.
    ///
    /// # Errors
    /// When anything of it is refused or fails.
    pub fn guest_in(
        &self,
        host: &str,
        subnet: &str,
        address: &str,
        groups: &[&str],
    ) -> anyhow::Result<(String, String)> {
        let instance = self.instance(host)?;
        let groups: Vec<Value> = groups.iter().map(|group| json!({ "id": group })).collect();
        let body = json!({
            "subnet": { "id": subnet }, "primary_ip": { "address": address }, "security_groups": groups,
        });
        let vni = id(&self.api().post("/v1/virtual_network_interfaces", body)?)?;
        self.attach(&vni, &instance)?;
        Ok((instance, vni))
    }
}

impl Network<'_> {
    /// A security group with rules as the native API writes them; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn group_of(&self, rules: &[&str]) -> anyhow::Result<String> {
        id(&self.api().post("/native/v1/security_groups", json!({ "vpc": self.vpc, "rules": rules }))?)
    }

    /// A subnet with IPv4 and IPv6; its id. The VPC's IPv6 range becomes `vpc_ipv6`.
    ///
    /// # Errors
    /// When it is refused.
    pub fn dual_subnet(&self, cidr: &str, vpc_ipv6: &str, ipv6: &str) -> anyhow::Result<String> {
        let vpc = format!("/native/v1/vpcs/{}", self.vpc);
        self.api().call("PATCH", &vpc, Some(json!({ "ipv6_cidrs": [vpc_ipv6] })))?;
        let body = json!({ "vpc": self.vpc, "zone": "local-1", "cidr": cidr, "ipv6_cidr": ipv6 });
        id(&self.api().post("/native/v1/subnets", body)?)
    }

    /// An instance with an interface that has these fields of the native API (with `subnet`), realised; both ids.
    ///
    /// # Errors
    /// When anything of it is refused or fails.
    pub fn guest_as(&self, host: &str, interface: Value) -> anyhow::Result<(String, String)> {
        let instance = self.instance(host)?;
        let vni = id(&self.api().post("/native/v1/virtual_network_interfaces", interface)?)?;
        self.attach(&vni, &instance)?;
        Ok((instance, vni))
    }

    /// Changes fields of an interface, by the native API.
    ///
    /// # Errors
    /// When it is refused.
    pub fn change(&self, vni: &str, fields: Value) -> anyhow::Result<Value> {
        self.api().call("PATCH", &format!("/native/v1/virtual_network_interfaces/{vni}"), Some(fields))
    }

    /// An action on an interface, by the native API.
    ///
    /// # Errors
    /// When it is refused.
    pub fn act(&self, vni: &str, action: &str, body: Value) -> anyhow::Result<Value> {
        self.api().post(&format!("/native/v1/virtual_network_interfaces/{vni}/actions/{action}"), body)
    }

    /// What the hosts of an interface say about one list of its drops: `totals`, `refused`, `too_big` or `shadow`.
    ///
    /// # Errors
    /// When a host does not answer, or the list is not in its answer.
    pub fn drops(&self, vni: &str, list: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.api().get(&format!("/native/v1/drops?vni={vni}"))?;
        let hosts = answer["hosts"].as_array().filter(|hosts| !hosts.is_empty());
        let mut all = Vec::new();
        for host in hosts.with_context(|| format!("no host has answered: {answer}"))? {
            let items = host[list].as_array().with_context(|| format!("the answer has no '{list}': {answer}"))?;
            all.extend(items.iter().cloned());
        }
        Ok(all)
    }

    /// Packets of an interface that were dropped, by reason.
    ///
    /// # Errors
    /// As [`Network::drops`].
    pub fn dropped(&self, vni: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut totals = BTreeMap::new();
        for total in self.drops(vni, "totals")? {
            let (reason, packets) = (total["reason"]["code"].as_str(), total["packets"].as_u64());
            let reason = reason.with_context(|| format!("a total has no reason: {total}"))?;
            *totals.entry(reason.to_owned()).or_default() +=
                packets.with_context(|| format!("a total has no packets: {total}"))?;
        }
        Ok(totals)
    }

    /// Waits until an interface has dropped so many packets for this reason.
    ///
    /// # Errors
    /// When it has not in time, with what was dropped.
    pub fn wait_dropped(&self, vni: &str, reason: &str, packets: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let totals = self.dropped(vni)?;
            if totals.get(reason).is_some_and(|count| *count >= packets) {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "{reason} is not at {packets}: {totals:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The MAC address of the device that is `eth0` in a guest.
///
/// # Errors
/// When there is none.
pub fn mac(guest: &str) -> anyhow::Result<[u8; 6]> {
    let link: Value = serde_json::from_str(&ip(&format!("-n {guest} -j link show eth0"))?)?;
    let text = link[0]["address"].as_str().context("eth0 has no address")?;
    let parts: Vec<u8> = text.split(':').map(|part| u8::from_str_radix(part, 16)).collect::<Result<_, _>>()?;
    parts.try_into().map_err(|_| anyhow::anyhow!("'{text}' is no MAC address"))
}

/// One byte there and back.
///
/// # Errors
/// When it does not come within three seconds.
pub fn exchange(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<()> {
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(PATIENCE))?;
    }
    client.write_all(b"?")?;
    server.read_exact(&mut [0])?;
    server.write_all(b"!")?;
    client.read_exact(&mut [0])
}

/// A rule of a security group in the IBM API's words: TCP to one port, from or to anywhere.
pub fn tcp_rule(direction: &str, port: u16) -> Value {
    json!({ "direction": direction, "protocol": "tcp", "port_min": port, "port_max": port })
}

/// A listener in a guest.
///
/// # Errors
/// When the namespace or the address can't be used.
pub fn listen(guest: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    Namespace::named(guest).run(|| TcpListener::bind(address))?.with_context(|| format!("listen at {address}"))
}

fn connect(guest: &str, address: SocketAddr, patience: Duration) -> anyhow::Result<Option<TcpStream>> {
    match Namespace::named(guest).run(|| TcpStream::connect_timeout(&address, patience))? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => Ok(None),
        Err(error) => Err(error).with_context(|| format!("connect from {guest} to {address}")),
    }
}

/// A connection from a guest to an address where somebody listens, which must come about.
///
/// # Errors
/// When it does not in time.
pub fn reach(guest: &str, address: SocketAddr) -> anyhow::Result<TcpStream> {
    connect(guest, address, PATIENCE)?.with_context(|| format!("{guest} does not reach {address}"))
}

/// Waits until a change that keeps a guest out of an address has reached the hosts: a request for it does not wait.
///
/// # Errors
/// When it has no effect in time, or the namespace can't be used.
pub fn wait_kept_out(guest: &str, address: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_kept_out(guest, address)? {
        anyhow::ensure!(Instant::now() < deadline, "{guest} still reaches {address}");
    }
    Ok(())
}

/// Whether a guest's packets to an address are lost: a connection is neither answered nor refused.
///
/// # Errors
/// When the namespace can't be used, or the connection is refused by an answer.
pub fn is_kept_out(guest: &str, address: SocketAddr) -> anyhow::Result<bool> {
    Ok(connect(guest, address, REFUSED_AFTER)?.is_none())
}
