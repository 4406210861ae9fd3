//! A guest behind a bad wire: a real TCP/IP stack whose every segment is lost, repeated or late on its way to its interface.
//!
//! What stands between two stacks must be judged by what stacks do, and the faults must happen on both sides of it. So the
//! stack lives in a namespace of its own, and the instance's namespace holds only the wire: the frames of the interface's
//! device go to the stack and back, and the instance's own stack is muted.

use std::fs;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use pintle_probe::impair::{Faults, Watch, Wire};
use pintle_probe::{Namespace, offload};

use crate::shell::{ip, remove_namespace};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// How the stack is to be set up: as the interface's guest would be.
#[derive(Debug, Clone)]
pub struct WiredAddress {
    /// The interface's address.
    pub address: IpAddr,
    /// Its subnet's prefix length.
    pub prefix_len: u8,
    /// The gateway.
    pub gateway: IpAddr,
}

/// A stack behind a wire; dropping it removes it.
pub struct WiredGuest {
    /// The name of the stack's namespace; its device is `eth0`.
    pub namespace: String,
    /// The wire.
    pub wire: Wire,
}

impl WiredGuest {
    /// Puts a stack behind the interface that is `eth0` of the instance's namespace, with these addresses.
    ///
    /// # Errors
    /// When anything of it can't be set up.
    pub fn behind(instance: &str, addresses: &[WiredAddress], faults: Faults, seed: u64) -> anyhow::Result<WiredGuest> {
        WiredGuest::watched(instance, addresses, faults, seed, Box::new(|_| ()))
    }

    /// The same, with somebody who watches what the wire hands to the interface.
    ///
    /// # Errors
    /// As [`WiredGuest::behind`].
    pub fn watched(
        instance: &str,
        addresses: &[WiredAddress],
        faults: Faults,
        seed: u64,
        watch: Watch,
    ) -> anyhow::Result<WiredGuest> {
        let namespace = format!("plt{}-wired{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        ip(&format!("netns add {namespace}"))?;
        let laid = lay(instance, &namespace, addresses);
        let inside = Namespace::named(instance);
        let watches = [Box::new(|_: &[u8]| ()) as Watch, watch];
        let join = || Ok(Wire::join_watched((&inside, "eth0"), (&inside, "wire"), faults, seed, watches)?);
        let wire = laid.and_then(|()| join());
        match wire {
            Ok(wire) => Ok(WiredGuest { namespace, wire }),
            Err(error) => {
                remove_namespace(&namespace);
                Err(error)
            }
        }
    }

    /// Its namespace.
    pub fn inside(&self) -> Namespace {
        Namespace::named(&self.namespace)
    }
}

impl Drop for WiredGuest {
    fn drop(&mut self) {
        remove_namespace(&self.namespace);
    }
}

fn lay(instance: &str, stack: &str, addresses: &[WiredAddress]) -> anyhow::Result<()> {
    let text = ip(&format!("-n {instance} -j link show eth0"))?;
    let link: serde_json::Value = serde_json::from_str(&text)?;
    let mac = link[0]["address"].as_str().context("eth0 has no address")?;
    let mtu = link[0]["mtu"].as_u64().context("eth0 has no MTU")?;
    // The instance's own stack also sees the frames; whatever it would answer goes nowhere.
    for family in ["-4", "-6"] {
        ip(&format!("-n {instance} {family} rule add pref 1 iif lo blackhole"))?;
    }
    let quiet = || -> std::io::Result<()> {
        for device in ["wire", "eth0"] {
            fs::write(format!("/proc/sys/net/ipv4/conf/{device}/arp_ignore"), "8")?;
        }
        fs::write("/proc/sys/net/ipv6/conf/wire/disable_ipv6", "1")
    };
    ip(&format!("link add wire netns {instance} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {stack}"))?;
    Namespace::named(instance).run(quiet)??;
    ip(&format!("-n {instance} link set wire up"))?;
    ip(&format!("-n {stack} link set lo up"))?;
    ip(&format!("-n {stack} link set eth0 address {mac} up"))?;
    offload::all_off(&Namespace::named(stack), "eth0")?;
    for WiredAddress { address, prefix_len, gateway } in addresses {
        ip(&format!(
            "-n {stack} addr add {address}/{prefix_len} dev eth0 {}",
            if address.is_ipv6() { "nodad" } else { "" }
        ))?;
        let device = if address.is_ipv6() { "dev eth0" } else { "" };
        ip(&format!("-n {stack} route add default via {gateway} {device}"))?;
    }
    Ok(())
}
