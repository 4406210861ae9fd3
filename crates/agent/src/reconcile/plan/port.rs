//! Planning one port: whether it is there, can be mended, or must be made anew.

use pintle_core::host_spec::{EntryKey, PortNic, PortSpec};
use pintle_core::id::AttachmentId;
use pintle_datapath::PortFlags;

use super::super::action::{Mend, Step};
use super::super::names::Marks;
use super::super::observed::{GuestDevice, Lead, NamespaceState, PortState, Programs};
use super::super::want;
use super::{Inputs, Planner};
use crate::desired::card_of;
use crate::kernel::route::Route;

impl Planner<'_> {
    pub(super) fn port(&mut self, id: AttachmentId) {
        let Inputs { desired, observed, .. } = *self.inputs;
        let key = EntryKey::Port(id);
        let there = observed.ports.get(&id);
        let Some(spec) = desired.port(id) else {
            if there.is_some() {
                self.act(Some(key), Step::RemovePort(id), format!("port {id} is not wanted"));
            }
            return;
        };
        if desired.instance(spec.instance).is_none() {
            let text = format!("its instance {} is not among what this host should have", spec.instance);
            self.plan.failures.insert(key, text);
            return;
        }
        if let Some(NamespaceState::Unusable(why)) = observed.namespaces.get(&spec.instance) {
            self.plan.failures.insert(key, why.clone());
            // What a port may do is the host's to say, whatever has become of its guest.
            if let Some(row) = there.and_then(|port| port.row.as_ref())
                && row.flags.without(want::port(spec, row.slot, Lead { tap: true, card: None }).flags)
                    != PortFlags::NONE
            {
                self.act(Some(key), Step::Mute(id), format!("port {id} may do what it should not"));
            }
            if let Some(mend) = there.and_then(|port| self.iface(id, spec, port)) {
                self.act(Some(key), Step::MendPort(id, vec![mend]), format!("what may pass port {id} is different"));
            }
            return;
        }
        if let PortNic::Vlan { card, id: vlan } = spec.nic {
            self.vlan(id, spec, card, vlan);
            return;
        }
        let tap = desired.is_tap(spec.instance);
        match there {
            None => self.make(id, spec, format!("port {id} has no device")),
            Some(port) if port.device.tap != tap || port.device.vlan.is_some() => {
                let text = format!("device '{}' of port {id} is a cable of another kind", port.device.name);
                self.act(Some(key), Step::ClearPort(id), text.clone());
                self.make(id, spec, text);
            }
            Some(port) if tap => self.mend(id, spec, port, None),
            Some(port) => match &port.guest {
                Some(guest) => self.mend(id, spec, port, Some(guest)),
                None => {
                    let text = format!("the guest's device of port {id} is not in the namespace of {}", spec.instance);
                    self.act(Some(key), Step::ClearPort(id), text.clone());
                    self.make(id, spec, text);
                }
            },
        }
    }

    pub(super) fn make(&mut self, id: AttachmentId, spec: &PortSpec, difference: String) {
        let Inputs { numbers, quota, .. } = *self.inputs;
        // Whatever slot it gets.
        if let Err(why) = want::iface(spec, 0, numbers, quota) {
            self.plan.failures.insert(EntryKey::Port(id), why);
        }
        self.remade.insert(id);
        let step = if card_of(spec).is_some() { Step::MakeVlan(id) } else { Step::MakePort(id) };
        self.act(Some(EntryKey::Port(id)), step, difference);
    }

    /// Whether what may pass a port that is there has to be written.
    fn iface(&mut self, id: AttachmentId, spec: &PortSpec, port: &PortState) -> Option<Mend> {
        let Inputs { numbers, quota, .. } = *self.inputs;
        let slot = port.row.as_ref()?.slot;
        match want::iface(spec, slot, numbers, quota) {
            Ok(wanted) => (wanted != port.iface).then_some(Mend::Iface),
            // What was permitted stays so, and nothing else: never open because of what could not be written.
            Err(why) => {
                self.plan.failures.insert(EntryKey::Port(id), why);
                None
            }
        }
    }

    pub(super) fn mend(&mut self, id: AttachmentId, spec: &PortSpec, port: &PortState, guest: Option<&GuestDevice>) {
        let key = EntryKey::Port(id);
        let mut mends = Vec::new();
        let mut mute = false;
        mends.extend(self.iface(id, spec, port));
        if port.row.is_some() && want::guest_config(spec) != port.guest_config {
            mends.push(Mend::GuestConfig);
        }
        match &port.row {
            None => {
                self.remade.insert(id);
                mends.push(Mend::Row);
            }
            Some(row) => {
                let wanted = want::port(spec, row.slot, port.device.lead());
                mute = row.flags.contains(PortFlags::ACTIVE) && !wanted.flags.contains(PortFlags::ACTIVE);
                if wanted != *row && !mute {
                    mends.push(Mend::Row);
                }
            }
        }
        if port.programs == Programs::Missing {
            mends.push(Mend::Programs);
        }
        host_side(spec, port, &mut mends);
        if let Some(guest) = guest {
            guest_side(self.inputs.marks, id, spec, guest, &mut mends);
        }
        if !mends.is_empty() {
            let text: Vec<String> = mends.iter().map(ToString::to_string).collect();
            let text = format!("port {id}: {}", text.join("; "));
            let step = if port.device.vlan.is_some() { Step::MendVlan(id, mends) } else { Step::MendPort(id, mends) };
            self.act(Some(key), step, text);
        }
        if mute {
            self.act(Some(key), Step::Mute(id), format!("port {id} may still speak"));
        }
        match &port.programs {
            Programs::Outdated => {
                self.act(Some(key), Step::UpdatePrograms(id), format!("port {id} runs the programs of another build"));
            }
            Programs::Preceded(ids) => {
                let text = format!(
                    "programs of somebody else (ids {ids:?}) run before Pintle's on device '{}' and could let packets \
                     past its rules: detach them",
                    port.device.name
                );
                self.plan.failures.insert(key, text);
            }
            Programs::Attached | Programs::Missing => {}
        }
    }
}

fn host_side(spec: &PortSpec, port: &PortState, mends: &mut Vec<Mend>) {
    let device = &port.device;
    if device.vlan.is_some() {
        // It has none: only who it is.
        if device.generation != spec.generation {
            mends.push(Mend::HostAlias);
        }
        return;
    }
    if device.mtu != want::host_mtu(spec, device.tap) {
        mends.push(Mend::HostMtu { is: device.mtu });
    }
    if device.generation != spec.generation {
        mends.push(Mend::HostAlias);
    }
    if !device.up {
        mends.push(Mend::HostUp);
    }
}

fn guest_side(marks: &Marks, id: AttachmentId, spec: &PortSpec, guest: &GuestDevice, mends: &mut Vec<Mend>) {
    if guest.alias != marks.port(id, spec.generation) {
        mends.push(Mend::GuestAlias);
    }
    if guest.name != spec.device {
        mends.push(Mend::GuestName { is: guest.name.clone() });
    }
    if guest.mac != spec.mac.0 {
        mends.push(Mend::GuestMac);
    }
    if guest.mtu != u32::from(spec.mtu) {
        mends.push(Mend::GuestMtu { is: guest.mtu });
    }
    if want::ipv6_settings(spec).is_some_and(|wanted| guest.ipv6 != Some(wanted)) {
        mends.push(Mend::GuestIpv6);
    }
    if !guest.up {
        mends.push(Mend::GuestUp);
    }
    let surplus = want::surplus_addresses(spec, guest);
    // With the first address of a network the kernel may take its others and the routes away: then all are given again.
    let cascades = surplus.iter().any(|address| want::takes_others_along(guest, address));
    mends.extend(surplus.into_iter().map(Mend::RemoveAddress));
    let missing = if cascades { want::addresses(spec, guest.index) } else { want::missing_addresses(spec, guest) };
    mends.extend(missing.into_iter().map(Mend::AddAddress));
    let wanted = want::default_routes(spec, guest.index);
    let right = |route: &&Route| wanted.iter().any(|wanted| want::same_way(route, wanted));
    mends.extend(guest.routes.iter().filter(|r| want::is_ours(r) && !right(r)).map(|route| Mend::RemoveRoute(*route)));
    let there = |wanted: &Route| guest.routes.iter().any(|route| want::same_way(route, wanted));
    let taken = |wanted: &Route| cascades && wanted.destination.addr().is_ipv4();
    mends.extend(wanted.iter().filter(|route| taken(route) || !there(route)).map(|route| Mend::AddRoute(*route)));
}
