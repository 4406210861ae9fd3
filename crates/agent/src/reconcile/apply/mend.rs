//! Correcting ports.

use pintle_core::host_spec::{PortMode, PortSpec};
use pintle_core::id::AttachmentId;
use pintle_datapath::cell_of_slot;

use super::{Context, Done, text};
use crate::kernel::neigh::{self, Neighbour};
use crate::kernel::{Netlink, Request, addr, link, route};
use crate::reconcile::action::Mend;
use crate::reconcile::observed::{GuestDevice, Place, PortState};
use crate::reconcile::{Machine, want};

impl Machine {
    /// Corrects a port: its entry and programs, the host's device, the guest's device, in this order.
    pub(super) fn mend_port(&self, context: &Context<'_>, id: AttachmentId, mends: &[Mend]) -> Done {
        let spec = context.desired.port(id).ok_or_else(|| format!("port {id} is no longer wanted"))?;
        let port = context.port(id)?;
        if mends.contains(&Mend::Iface)
            && let Some(row) = &port.row
        {
            self.put_iface(spec, row.slot)?;
        }
        if mends.contains(&Mend::GuestConfig)
            && let Some(row) = &port.row
        {
            text(self.datapath.guest_configs().put(&row.slot, &want::guest_config(spec)))?;
        }
        if mends.contains(&Mend::Row) {
            let place = self.put_row(context, id, port)?;
            self.realise(id, place);
        }
        if mends.contains(&Mend::Programs) {
            text(self.datapath.attach_port(port.device.index))?;
        }
        if let Some(key) = port.device.vlan
            && mends.contains(&Mend::HostAlias)
        {
            text(self.datapath.vlans().put(&key, &want::vlan(id, spec, port.device.index)))?;
        }
        let mut requests = Vec::new();
        for mend in mends.iter().filter(|_| port.device.vlan.is_none()) {
            requests.extend(self.host_request(id, spec, port, mend)?);
        }
        if !requests.is_empty() {
            text(self.host(|netlink| netlink.change_all(&requests)).and_then(|outcome| outcome))?;
        }
        let Some(guest) = &port.guest else { return Ok(()) };
        if spec.mode == PortMode::Active && mends.contains(&Mend::Row) {
            self.forget_unanswered(context, spec, guest);
        }
        let (mut namespace, mut requests) = (None, Vec::new());
        for mend in mends {
            if *mend == Mend::GuestIpv6 {
                let namespace = namespace.insert(self.open_guest(context.desired, spec.instance)?);
                // By its name, which may be corrected before.
                self.ask_guest(spec, namespace, &std::mem::take(&mut requests))?;
                self.set_guest_ipv6(spec, namespace)?;
            }
            requests.extend(self.guest_request(id, spec, guest, mend)?);
        }
        if requests.is_empty() {
            return Ok(());
        }
        let namespace = match namespace {
            Some(namespace) => namespace,
            None => self.open_guest(context.desired, spec.instance)?,
        };
        self.ask_guest(spec, &namespace, &requests)
    }

    /// While a port may not speak its guest's questions for neighbours go unanswered, and the guest would wait out its
    /// next try. Forgetting them makes it ask at once. A courtesy: without it the guest loses a second, not its way.
    fn forget_unanswered(&self, context: &Context<'_>, spec: &PortSpec, guest: &GuestDevice) {
        let forget = |netlink: &mut Netlink| {
            let unanswered = |neighbour: &Neighbour| neighbour.mac.is_none() && neighbour.is_learned();
            let asked = neigh::list(netlink, guest.index)?;
            let requests: Vec<Request> = asked.iter().filter(|one| unanswered(one)).map(neigh::delete).collect();
            netlink.change_all(&requests)
        };
        let forgotten = self.open_guest(context.desired, spec.instance).and_then(|namespace| {
            text(self.guests.with(&self.writes, spec.instance, &namespace, forget).and_then(|outcome| outcome))
        });
        if let Err(why) = forgotten {
            tracing::debug!(instance = %spec.instance, why, "unanswered neighbours stay");
        }
    }

    /// Writes a port's entry, in a slot of its own or in the one it has.
    pub(super) fn put_row(&self, context: &Context<'_>, id: AttachmentId, port: &PortState) -> Result<Place, String> {
        let spec = context.desired.port(id).ok_or_else(|| format!("port {id} is no longer wanted"))?;
        let slot = match &port.row {
            Some(row) => row.slot,
            None => {
                let slot = self.take_slot()?;
                // What may pass is known before anything can.
                self.fill_slot(spec, slot).inspect_err(|_| self.slots().release(slot))?;
                slot
            }
        };
        text(self.datapath.ports().put(&port.device.index, &want::port(spec, slot, port.device.lead())))?;
        self.raise([cell_of_slot(slot)]);
        Ok(Place { index: port.device.index, slot, tap: port.device.tap })
    }

    /// Writes what may pass a port.
    pub(super) fn put_iface(&self, spec: &PortSpec, slot: u32) -> Done {
        let iface = want::iface(spec, slot, &self.numbers(), self.quota)?;
        text(self.datapath.ifaces().put(&slot, &iface))?;
        self.raise([cell_of_slot(slot)]);
        Ok(())
    }

    /// Writes what belongs to a port by its slot, before there is a port in it: what its guest is told that asks, and what
    /// may pass. That is nothing, if its rules are not in the data plane.
    pub(super) fn fill_slot(&self, spec: &PortSpec, slot: u32) -> Done {
        text(self.datapath.guest_configs().put(&slot, &want::guest_config(spec)))?;
        let iface = want::iface(spec, slot, &self.numbers(), self.quota);
        let iface = iface.unwrap_or_else(|_| want::closed(spec, slot));
        text(self.datapath.ifaces().put(&slot, &iface))
    }

    fn host_request(
        &self,
        id: AttachmentId,
        spec: &PortSpec,
        port: &PortState,
        mend: &Mend,
    ) -> Result<Option<Request>, String> {
        let index = port.device.index;
        Ok(match mend {
            Mend::HostMtu { .. } => Some(link::set_mtu(index, want::host_mtu(spec, port.device.tap))),
            Mend::HostAlias => Some(text(link::set_alias(index, &self.marks.port(id, spec.generation)))?),
            Mend::HostUp => Some(link::up(index)),
            _ => None,
        })
    }

    fn guest_request(
        &self,
        id: AttachmentId,
        spec: &PortSpec,
        guest: &GuestDevice,
        mend: &Mend,
    ) -> Result<Option<Request>, String> {
        let index = guest.index;
        Ok(match mend {
            Mend::GuestAlias => Some(text(link::set_alias(index, &self.marks.port(id, spec.generation)))?),
            Mend::GuestName { .. } => Some(text(link::rename(index, &spec.device))?),
            Mend::GuestMac => Some(link::set_mac(index, spec.mac.0)),
            Mend::GuestMtu { .. } => Some(link::set_mtu(index, spec.mtu.into())),
            Mend::GuestUp => Some(link::up(index)),
            Mend::RemoveAddress(address) => Some(addr::delete(address)),
            Mend::AddAddress(address) => Some(addr::add(address)),
            Mend::RemoveRoute(route) => Some(route::delete(route)),
            // Where addresses were given again the route may still be there, as it should be.
            Mend::AddRoute(wanted) => {
                let there = guest.routes.iter().any(|route| want::same_way(route, wanted));
                Some(if there { route::replace(wanted) } else { route::add(wanted) })
            }
            _ => None,
        })
    }
}
