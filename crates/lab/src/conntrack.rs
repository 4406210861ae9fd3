//! A router with the kernel's connection tracking, for comparisons: what nftables drops as `ct state invalid`.
//!
//! It stands between two devices that have nobody behind them: frames are put in at one and looked for at the other.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use pintle_probe::inject::Mac;
use pintle_probe::{Namespace, offload};

use crate::shell::{ip, remove_namespace, sh};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The router and the two namespaces at it; dropping it removes them.
pub struct ConntrackRouter {
    /// The namespaces at its two sides; the device in each is `eth0`.
    pub sides: [String; 2],
    /// The MAC addresses of the router's devices.
    pub macs: [Mac; 2],
    router: String,
}

impl ConntrackRouter {
    /// A router between two addresses, the devices of which have the MAC addresses `02:…:0a` and `02:…:0b`.
    ///
    /// # Errors
    /// When anything of it can't be set up.
    pub fn between(addresses: [Ipv4Addr; 2]) -> anyhow::Result<ConntrackRouter> {
        let name = |part: &str| format!("plt{}-ct{}-{part}", std::process::id(), COUNT.load(Ordering::Relaxed));
        let made = ConntrackRouter {
            sides: ["a", "b"].map(name),
            macs: [[2, 0, 0, 0, 0, 0x1a], [2, 0, 0, 0, 0, 0x1b]],
            router: name("router"),
        };
        COUNT.fetch_add(1, Ordering::Relaxed);
        let router = &made.router;
        for namespace in made.sides.iter().chain([router]) {
            ip(&format!("netns add {namespace}"))?;
        }
        for (at, address) in addresses.into_iter().enumerate() {
            let (side, letter) = (&made.sides[at], ["a", "b"][at]);
            ip(&format!(
                "-n {router} link add p{letter} address 02:00:00:00:00:1{letter} type veth \
                 peer name eth0 address 02:00:00:00:00:0{letter} netns {side}"
            ))?;
            ip(&format!("-n {side} link set eth0 up"))?;
            ip(&format!("-n {router} link set p{letter} up"))?;
            offload::all_off(&Namespace::named(side), "eth0")?;
            ip(&format!("-n {router} route add {address}/32 dev p{letter}"))?;
            ip(&format!(
                "-n {router} neigh add {address} lladdr 02:00:00:00:00:0{letter} nud permanent dev p{letter}"
            ))?;
        }
        let forward = || -> std::io::Result<()> {
            for (name, value) in [("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")] {
                std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value)?;
            }
            for device in ["pa", "pb"] {
                std::fs::write(format!("/proc/sys/net/ipv4/conf/{device}/rp_filter"), "0")?;
                std::fs::write(format!("/proc/sys/net/ipv4/conf/{device}/send_redirects"), "0")?;
            }
            Ok(())
        };
        Namespace::named(router).run(forward)??;
        let rules =
            "table ip compare { chain forward { type filter hook forward priority 0; ct state invalid drop; }; }";
        sh("ip", &["netns", "exec", router, "nft", rules])?;
        Ok(made)
    }
}

impl Drop for ConntrackRouter {
    fn drop(&mut self) {
        for namespace in self.sides.iter().chain([&self.router]) {
            remove_namespace(namespace);
        }
    }
}
