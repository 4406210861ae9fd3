//! An interface's entries: its ports where it is attached, and the way to it on every host that carries its VPC.
//!
//! The table in [`crate::model::Move`]'s module says what each step of a move means; this file is that table as entries.

use std::collections::BTreeMap;

use super::port::Shape;
use super::{Carriers, HostEntries, nic};
use crate::host_spec::{
    EndpointSpec, Entry, EntryKey, FloatingIpSpec, LocationSpec, OWN_TABLE, PortMode, PortNic, RouteSpec, VniEndpoint,
};
use crate::id::{AttachmentId, HostId, VniId};
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, Host, Instance, InstanceState, Move, MoveStep, Vni};
use crate::query;
use crate::refusal::DecideError;
use crate::txn::Snapshot;

/// Works out the entries of an interface; none when it does not exist or is not attached.
///
/// # Errors
/// When the store can't be read.
pub fn interface(snapshot: &dyn Snapshot, carriers: &Carriers, id: VniId) -> Result<HostEntries, DecideError> {
    let Some((vni, _)) = query::find::<Vni>(snapshot, id)? else { return Ok(HostEntries::new()) };
    let Some(place) = Place::find(snapshot, &vni)? else { return Ok(HostEntries::new()) };
    let shape = Shape::find(snapshot, vni)?;
    let mut entries = HostEntries::new();
    for side in [Some(&place.current), place.next.as_ref()].into_iter().flatten() {
        if side.runs
            && let Some(nic) = side.nic
        {
            let port = shape.port(side, nic);
            let key = EntryKey::Port(side.attachment.id);
            entries.entry(side.host.id).or_default().insert(key, Entry::Port(Box::new(port)));
        }
    }
    for side in place.public() {
        shape.lead_in(side, entries.entry(side.host.id).or_default());
    }
    if place.announced() || place.current.runs {
        for host in carriers.of(shape.vni.vpc) {
            let (host, _) = query::get::<Host>(snapshot, host)?;
            let known = entries.entry(host.id).or_default();
            // Heard before it is spoken to: the first packet of a new port must not find a host that refuses it.
            shape.locate(&place, &host, known);
            if place.announced() {
                shape.announce(&place, &host, known);
            }
        }
    }
    Ok(entries)
}

/// One side of an interface's realisation: an attachment and where it is.
pub(super) struct Side {
    pub(super) attachment: Attachment,
    pub(super) instance: Instance,
    pub(super) host: Host,
    pub(super) mode: PortMode,
    /// How its frames are told from others; `None`: no card of its server allows its VLAN.
    nic: Option<PortNic>,
    /// Whether its instance runs, it has a card, and nothing is on its way out.
    runs: bool,
}

/// Where an interface is, and where it is going.
struct Place {
    current: Side,
    next: Option<Side>,
    step: Option<MoveStep>,
}

impl Place {
    fn find(snapshot: &dyn Snapshot, vni: &Vni) -> Result<Option<Place>, DecideError> {
        let Some(current) = vni.attachment else { return Ok(None) };
        let moving = query::find::<Move>(snapshot, vni.id)?.map(|(moving, _)| moving);
        let step = moving.as_ref().map(|moving| moving.step);
        let (old_mode, new_mode) = match step {
            None | Some(MoveStep::Prepare) => (PortMode::Active, PortMode::Prepared),
            Some(MoveStep::Open | MoveStep::Drain) => (PortMode::Active, PortMode::Active),
            Some(MoveStep::Settle) => (PortMode::Fenced, PortMode::Active),
        };
        let Some(current) = Side::find(snapshot, current, old_mode)? else { return Ok(None) };
        let next = match moving {
            Some(moving) => Side::find(snapshot, moving.to, new_mode)?,
            None => None,
        };
        Ok(Some(Place { current, next, step }))
    }

    /// Peers hear of an interface once a side of it can forward, and until it is on its way out.
    fn announced(&self) -> bool {
        use Lifecycle::{Failed, Stable, Updating};
        self.at_least(MoveStep::Open)
            || self.current.runs && matches!(self.current.attachment.lifecycle, Stable | Updating | Failed)
    }

    /// The other side of a move, for as long as it may get or send packets of this interface.
    fn other(&self, receiver: &Side) -> Option<&Side> {
        let next = self.next.as_ref()?;
        if next.attachment.id != receiver.attachment.id {
            return Some(next);
        }
        (self.current.runs && self.current.mode == PortMode::Active).then_some(&self.current)
    }

    fn at_least(&self, step: MoveStep) -> bool {
        self.step.is_some_and(|now| now >= step)
    }

    /// The sides whose hosts answer for the interface's floating IPs: the old one until it is left, the new one as soon as it
    /// speaks. When both do, whoever has announced itself last gets the packets, and both can take them.
    fn public(&self) -> impl Iterator<Item = &Side> {
        let old = (!self.at_least(MoveStep::Drain)).then_some(&self.current);
        let new = self.next.as_ref().filter(|_| self.at_least(MoveStep::Open));
        // Between ports of one host there is one entry, and it is the new one's.
        let old = old.filter(|old| new.is_none_or(|new| new.host.id != old.host.id));
        old.into_iter().chain(new).filter(|side| side.runs)
    }

    /// The side that other hosts send to.
    fn receiver(&self, on: HostId) -> &Side {
        let switched = match &self.next {
            // On the host that it moves to, and between ports of one host, packets turn as soon as the new side speaks;
            // and everywhere when the old side has no port, because its instance is stopped.
            Some(next) if next.host.id == on || !self.current.runs => self.at_least(MoveStep::Open),
            // The old host turns next and sends on what still arrives.
            Some(_) if self.current.host.id == on => self.at_least(MoveStep::Drain),
            Some(_) => self.at_least(MoveStep::Settle),
            None => false,
        };
        match &self.next {
            Some(next) if switched => next,
            _ => &self.current,
        }
    }
}

impl Side {
    fn find(snapshot: &dyn Snapshot, id: AttachmentId, mode: PortMode) -> Result<Option<Side>, DecideError> {
        let Some((attachment, _)) = query::find::<Attachment>(snapshot, id)? else { return Ok(None) };
        let Some((instance, _)) = query::find::<Instance>(snapshot, attachment.instance)? else { return Ok(None) };
        let (host, _) = query::get::<Host>(snapshot, attachment.host)?;
        let nic = nic::find(snapshot, &attachment)?;
        let stays = attachment.lifecycle != Lifecycle::Deleting && nic.is_some();
        let runs = stays && instance.state == InstanceState::Running;
        Ok(Some(Side { attachment, instance, host, mode, nic, runs }))
    }
}

impl Shape {
    /// The way to the interface, as one host must know it.
    fn announce(&self, place: &Place, on: &Host, entries: &mut BTreeMap<EntryKey, Entry>) {
        let endpoint = self.endpoint(place, on);
        for address in &self.addresses {
            let spec = Entry::Endpoint(EndpointSpec::Vni(endpoint.clone()));
            entries.insert(EntryKey::Endpoint(self.segment, *address), spec);
        }
        for net in &self.vni.prefixes {
            let route = Entry::Route(RouteSpec::Via(self.primary(*net)));
            entries.insert(EntryKey::Route(self.segment, OWN_TABLE, *net), route);
        }
    }

    /// The way in from the public network, as the host of one side must know it.
    fn lead_in(&self, side: &Side, entries: &mut BTreeMap<EntryKey, Entry>) {
        for (public, address) in &self.floating_ips {
            let spec = FloatingIpSpec::Vni {
                port: side.attachment.id,
                segment: self.segment,
                address: *address,
                translate: self.vni.enable_infrastructure_nat,
            };
            entries.insert(EntryKey::FloatingIp((*public).into()), Entry::FloatingIp(spec));
        }
    }

    /// Which hosts may speak for the interface, as one host must know it.
    fn locate(&self, place: &Place, on: &Host, entries: &mut BTreeMap<EntryKey, Entry>) {
        let location = self.location(place, on);
        entries.insert(EntryKey::Location(self.segment, self.vni.mac), Entry::Location(location));
    }

    fn endpoint(&self, place: &Place, on: &Host) -> VniEndpoint {
        let receiver = place.receiver(on.id);
        let here = |side: &Side| side.host.id == on.id;
        let next = place.next.as_ref();
        let crosses_hosts = next.is_some_and(|next| next.host.id != place.current.host.id);
        VniEndpoint {
            mac: self.vni.mac,
            port: here(receiver).then_some(receiver.attachment.id),
            alt_port: place.other(receiver).filter(|other| here(other)).map(|other| other.attachment.id),
            vtep: (!here(receiver)).then_some(receiver.host.vtep),
            incoming_from: next.filter(|next| crosses_hosts && here(next)).map(|_| place.current.host.vtep),
            moved: crosses_hosts && here(&place.current) && !here(receiver),
            mtu: on.guest_mtu().min(receiver.host.guest_mtu()),
            generation: receiver.attachment.generation,
            groups: self.groups(),
        }
    }

    fn location(&self, place: &Place, on: &Host) -> LocationSpec {
        let remote = |host: &Host| (host.id != on.id).then_some(host.vtep);
        let receiver = place.receiver(on.id);
        let other = match &place.next {
            Some(next) if next.attachment.id == receiver.attachment.id => Some(&place.current),
            Some(next) => Some(next),
            None => None,
        };
        let vtep = remote(&receiver.host);
        // A side without a port has nothing to say.
        let other = other.filter(|other| other.runs);
        let alt_vtep = other.and_then(|other| remote(&other.host)).filter(|alt| Some(*alt) != vtep);
        LocationSpec { vtep, alt_vtep, route_table: self.route_table }
    }
}
