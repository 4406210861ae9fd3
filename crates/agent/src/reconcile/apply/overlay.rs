//! The way to other hosts: the one VXLAN device, its program, and what the data plane knows of it.

use nix::errno::Errno;
use pintle_datapath::HostSettings;

use super::{Context, Done, text};
use crate::kernel::link::{self, DontFragment, VxlanSpec};
use crate::reconcile::Machine;

impl Machine {
    /// Makes the device, in place of `old` if there is one.
    pub(super) fn make_overlay(&self, context: &Context<'_>, old: Option<u32>) -> Done {
        if let Some(old) = old {
            super::joined(self.remove_device(old, None))?;
        }
        let (name, alias, port) = (self.marks.overlay_device(), self.marks.overlay(), context.overlay.port);
        let spec = VxlanSpec {
            name: &name,
            alias: &alias,
            port,
            mtu: context.overlay.mtu,
            // The programs ask for the bit packet by packet.
            dont_fragment: DontFragment::Set,
            udp_checksum: false,
            group: self.marks.group(),
        };
        let made = text(self.host(|netlink| link::create_vxlan(netlink, &spec)))?;
        let index = made.map_err(|error| match error.errno() {
            Some(Errno::EEXIST | Errno::EADDRINUSE) => format!(
                "{error}: another VXLAN device of this host uses UDP port {port}, or a device is named '{name}'; remove \
                 it or choose another port with --vxlan-port"
            ),
            _ => error.to_string(),
        })?;
        self.finish_overlay(context, index)
    }

    /// Brings MTU, program and state in order.
    pub(super) fn mend_overlay(&self, context: &Context<'_>) -> Done {
        let device = context.observed.overlay.device.as_ref().ok_or("the VXLAN device was not looked at")?;
        if device.mtu != context.overlay.mtu {
            let request = link::set_mtu(device.index, context.overlay.mtu);
            text(self.host(|netlink| netlink.change(&request)).and_then(|outcome| outcome))?;
        }
        self.finish_overlay(context, device.index)
    }

    /// The program is attached before the device comes up: nothing is received without it.
    fn finish_overlay(&self, context: &Context<'_>, index: u32) -> Done {
        text(self.datapath.attach_overlay(index))?;
        let device = text(self.host(|netlink| link::get(netlink, index)).and_then(|outcome| outcome))?;
        if device.is_some_and(|device| !device.up) {
            text(self.host(|netlink| netlink.change(&link::up(index))).and_then(|outcome| outcome))?;
        }
        self.tell_overlay(context, Some(index))
    }

    /// Tells the data plane of the device.
    pub(super) fn tell_overlay(&self, context: &Context<'_>, index: Option<u32>) -> Done {
        let there = text(self.datapath.host_settings())?;
        let wanted = HostSettings { vxlan_ifindex: index, local_vtep: Some(context.overlay.vtep), ..there };
        if there == wanted { Ok(()) } else { text(self.datapath.set_host_settings(&wanted)) }
    }
}
