//! Correcting ports.

use pintle_core::host_spec::{PortMode, PortSpec};
use pintle_core::id::AttachmentId;

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
        if mends.contains(&Mend::Row) {
            let place = self.put_row(context, id, port)?;
            self.realise(id, place);
        }
        if mends.contains(&Mend::Programs) {
            text(self.datapath.attach_port(port.device.index))?;
        }
        let mut requests = Vec::new();
        for mend in mends {
            requests.extend(self.host_request(id, spec, port, mend)?);
        }
        if !requests.is_empty() {
            text(self.host(|netlink| netlink.change_all(&requests)).and_then(|outcome| outcome))?;
        }
        let Some(guest) = &port.guest else { return Ok(()) };
        if spec.mode == PortMode::Active && mends.contains(&Mend::Row) {
            self.forget_unanswered(context, spec, guest);
        }
        let mut requests = Vec::new();
        for mend in mends {
            requests.extend(self.guest_request(id, spec, guest, mend)?);
        }
        if requests.is_empty() {
            return Ok(());
        }
        let namespace = self.open_guest(context.desired, spec.instance)?;
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
            None => self.take_slot()?,
        };
        text(self.datapath.ports().put(&port.device.index, &want::port(spec, slot)))?;
        Ok(Place { index: port.device.index, slot })
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
            Mend::HostMtu { .. } => Some(link::set_mtu(index, spec.mtu.into())),
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
