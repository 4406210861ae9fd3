//! Making taps. There is no guest to configure behind one: its machine is told its addresses by DHCP, when it asks.

use nix::errno::Errno;
use pintle_core::host_spec::PortSpec;
use pintle_core::id::AttachmentId;

use super::text;
use crate::kernel::{KernelError, link, tap};
use crate::reconcile::Machine;
use crate::reconcile::names::port_device;

impl Machine {
    /// Makes the tap of a port, down, with its marks and MTU. Gives its index. On an error nothing is left.
    pub(super) fn make_tap(&self, id: AttachmentId, spec: &PortSpec, owner: Option<u32>) -> Result<u32, String> {
        let name = port_device(id);
        self.writes.add(1);
        let made = tap::create(self.namespace(), &name, owner).map_err(|error| why_not_made(&name, &error))?;
        let alias = self.marks.port(id, spec.generation);
        let index = text(self.host(|netlink| {
            let device = link::get_named(netlink, &name)?;
            let index = device.ok_or_else(|| KernelError::Vanished { what: format!("create tap '{name}'") })?.index;
            netlink.change_all(&[
                link::set_group(index, self.marks.group()),
                link::set_alias(index, &alias)?,
                link::set_mtu(index, spec.mtu.into()),
                // Nothing of the host speaks on it.
                link::without_ipv6_addresses(index),
            ])?;
            Ok::<u32, KernelError>(index)
        }))
        .and_then(text)?;
        // From here on it can be told whose it is.
        text(made.keep())?;
        Ok(index)
    }
}

fn why_not_made(name: &str, error: &KernelError) -> String {
    match error.errno() {
        Some(Errno::EBUSY) => format!("this host has a device '{name}' already, which is not Pintle's: remove it"),
        Some(Errno::ENOENT | Errno::ENODEV) => {
            format!("this host's kernel has no taps ({error}): load its module with 'modprobe tun'")
        }
        _ => error.to_string(),
    }
}
