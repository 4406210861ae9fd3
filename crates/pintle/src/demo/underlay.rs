//! The demo's machines: two network namespaces joined by a cable, each of which plays a host.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Context;
use ipnet::Ipv4Net;
use pintle_agent::kernel::{NetNs, Netlink, addr, link};

use super::agents::{identity, purge};
use crate::output::chain;

/// A namespace that plays a host.
pub(super) struct Machine {
    /// Its name, of the namespace and of the host.
    pub(super) name: String,
    /// Its underlay address.
    pub(super) vtep: Ipv4Addr,
    /// The namespace.
    pub(super) namespace: NetNs,
}

/// The two machines; removed when dropped.
pub(super) struct Underlay {
    /// The machines.
    pub(super) machines: [Machine; 2],
}

/// The cable's addresses are from a range that is meant for such tests (RFC 2544) and exists inside the namespaces only.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(198, 18, 0, 1), Ipv4Addr::new(198, 18, 0, 2)];
const CABLE: &str = "underlay";
const MTU: u32 = 1500;

/// The machines' names.
fn names(prefix: &str) -> [String; 2] {
    ["a", "b"].map(|letter| format!("{prefix}-{letter}"))
}

impl Underlay {
    /// Makes the namespaces and the cable.
    pub(super) fn lay(prefix: &str) -> anyhow::Result<Underlay> {
        let machine = |name: String, vtep: Ipv4Addr| -> anyhow::Result<Machine> {
            // One of a demo that was killed before it had noted anything; there is no other with this name now.
            NetNs::delete(&name)?;
            let namespace = NetNs::create(&name).with_context(|| format!("host '{name}' can't be made"))?;
            Ok(Machine { name, vtep, namespace })
        };
        let [a, b] = names(prefix);
        let a = machine(a, ADDRESSES[0])?;
        let made = machine(b, ADDRESSES[1]);
        if made.is_err() {
            remove(&a.name);
        }
        let underlay = Underlay { machines: [a, made?] };
        underlay.plug_cable().context("the underlay can't be made")?;
        Ok(underlay)
    }

    fn plug_cable(&self) -> anyhow::Result<()> {
        let [a, b] = &self.machines;
        let mut sockets = [Netlink::open(&a.namespace)?, Netlink::open(&b.namespace)?];
        let end = link::VethEnd { name: CABLE, mac: None, index: None };
        let pair = link::create_veth(
            &mut sockets[0],
            &link::VethSpec {
                host: end,
                host_alias: "pintle demo underlay",
                guest: end,
                namespace: &b.namespace,
                mtu: MTU,
                group: 0,
            },
        )?;
        for (socket, (device, address)) in sockets.iter_mut().zip([pair.host, pair.guest].into_iter().zip(ADDRESSES)) {
            let net = Ipv4Net::new(address, 24)?;
            socket.change_all(&[
                addr::add(&addr::Address { device, net: net.into(), prefix_route: true }),
                // Both ends: a pair's first end is made for a port, which takes whatever its guest sends.
                link::set_mtu(device, MTU),
                link::up(device),
            ])?;
        }
        Ok(())
    }
}

impl Drop for Underlay {
    fn drop(&mut self) {
        self.machines.iter().for_each(|machine| remove(&machine.name));
    }
}

/// Removes what a demo with this folder has left that could not do so itself: its agents' doings, the machines, its files.
pub(super) fn remove_left(prefix: &str, folder: &Path) {
    for name in names(prefix) {
        // Without its machine an agent can still have left programs and instances.
        let machine = NetNs::open_named(&name).or_else(|_| NetNs::delete(&name).and_then(|_| NetNs::create(&name)));
        let purged = machine.map_err(anyhow::Error::from).and_then(|machine| purge(&machine, &identity(folder, &name)));
        if let Err(error) = purged {
            eprintln!("pintle: {}", chain(&error));
        }
        remove(&name);
    }
    if let Err(error) = fs::remove_dir_all(folder) {
        eprintln!("pintle: '{}' could not be removed: {error}", folder.display());
    }
}

fn remove(name: &str) {
    if let Err(error) = NetNs::delete(name) {
        eprintln!("pintle: the namespace '{name}' could not be removed: {error}");
    }
}
