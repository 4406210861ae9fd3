//! The demo's machines: two network namespaces joined by a cable, each of which plays a host.

use std::net::Ipv4Addr;

use anyhow::Context;
use ipnet::Ipv4Net;
use pintle_agent::kernel::{NetNs, Netlink, addr, link};

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

impl Underlay {
    /// Makes the namespaces and the cable.
    pub(super) fn lay(prefix: &str) -> anyhow::Result<Underlay> {
        let machine = |at: usize, letter: char| -> anyhow::Result<Machine> {
            let name = format!("{prefix}-{letter}");
            NetNs::delete(&name).ok();
            let namespace = NetNs::create(&name).with_context(|| format!("host '{name}' can't be made"))?;
            Ok(Machine { name, vtep: ADDRESSES[at], namespace })
        };
        let underlay = Underlay { machines: [machine(0, 'a')?, machine(1, 'b')?] };
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
            socket.change_all(&[addr::add(&addr::Address { device, net, prefix_route: true }), link::up(device)])?;
        }
        Ok(())
    }
}

impl Drop for Underlay {
    fn drop(&mut self) {
        for machine in &self.machines {
            if let Err(error) = NetNs::delete(&machine.name) {
                eprintln!("pintle: the namespace '{}' could not be removed: {error}", machine.name);
            }
        }
    }
}
