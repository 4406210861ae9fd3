//! Making ports, several at a time: each kind of request is sent for all of them at once.
//!
//! The order is the invariant "policy before link-up": a pair of devices that is down, what may pass, its entry, its
//! programs, and only then the link. What fails before the link is up leaves nothing behind.

use pintle_core::host_spec::PortSpec;
use pintle_core::id::AttachmentId;
use pintle_core::model::Namespace;
use pintle_datapath::{Port, cell_of_slot};

use super::guest::GuestPort;
use super::{Context, Done, Results, text};
use crate::kernel::link::{self, VethEnd, VethSpec};
use crate::kernel::{KernelError, NetNs};
use crate::reconcile::names::port_device;
use crate::reconcile::observed::{Lead, Place};
use crate::reconcile::{Machine, want};

/// A port that is being made.
struct Made<'a> {
    number: usize,
    id: AttachmentId,
    spec: &'a PortSpec,
    cable: Cable,
    /// Index of the host's device and slot, once it has them.
    device: Option<u32>,
    slot: Option<u32>,
}

/// What leads to the guest.
enum Cable {
    /// A pair of devices, with the other end in this namespace; its index there, once it has one.
    Veth(NetNs, Option<u32>),
    /// A tap; the user who may open it.
    Tap(Option<u32>),
}

impl Made<'_> {
    fn row(&self, slot: u32) -> Port {
        want::port(self.spec, slot, Lead { tap: self.is_tap(), card: None })
    }

    fn is_tap(&self) -> bool {
        matches!(self.cable, Cable::Tap(_))
    }
}

impl Machine {
    /// Makes ports.
    pub(super) fn make_ports(&self, context: &Context<'_>, ports: &[(usize, AttachmentId)]) -> Vec<(usize, Done)> {
        let mut results = Results::default();
        let mut made = Vec::with_capacity(ports.len());
        for (number, id) in ports {
            match self.start(context, *number, *id) {
                Ok(one) => made.push(one),
                Err(why) => results.note(*number, Err(why)),
            }
        }
        self.make_devices(&mut made, &mut results);
        self.enter(&mut made, &mut results);
        self.attach(&mut made, &mut results);
        self.bring_up(&mut made, &mut results);
        for one in &made {
            let (Some(index), Some(slot)) = (one.device, one.slot) else { continue };
            let configured = match &one.cable {
                Cable::Veth(namespace, Some(index)) => {
                    self.configure_guest(&GuestPort { id: one.id, spec: one.spec, index: *index }, namespace)
                }
                Cable::Veth(_, None) | Cable::Tap(_) => Ok(()),
            };
            self.realise(one.id, Place { index, slot, tap: one.is_tap() });
            results.note(one.number, configured);
        }
        results.all()
    }

    fn start<'a>(&self, context: &Context<'a>, number: usize, id: AttachmentId) -> Result<Made<'a>, String> {
        let spec = context.desired.port(id).ok_or_else(|| format!("port {id} is no longer wanted"))?;
        let cable = match context.desired.instance(spec.instance).map(|instance| &instance.namespace) {
            Some(Namespace::Tap { owner }) => Cable::Tap(*owner),
            _ => Cable::Veth(self.open_guest(context.desired, spec.instance)?, None),
        };
        Ok(Made { number, id, spec, cable, device: None, slot: None })
    }

    fn make_devices(&self, made: &mut Vec<Made<'_>>, results: &mut Results) {
        for one in made.iter_mut() {
            let Cable::Tap(owner) = one.cable else { continue };
            match self.make_tap(one.id, one.spec, owner) {
                Ok(index) => one.device = Some(index),
                Err(why) => results.note(one.number, Err(why)),
            }
        }
        self.make_veths(made, results);
        made.retain(|one| one.device.is_some());
    }

    /// Makes the pairs of all that have one.
    fn make_veths(&self, made: &mut [Made<'_>], results: &mut Results) {
        let names: Vec<(String, String)> =
            made.iter().map(|one| (port_device(one.id), self.marks.port(one.id, one.spec.generation))).collect();
        let (mut specs, mut positions) = (Vec::new(), Vec::new());
        for (position, (one, (name, alias))) in made.iter().zip(&names).enumerate() {
            let Cable::Veth(namespace, _) = &one.cable else { continue };
            positions.push(position);
            specs.push(VethSpec {
                host: VethEnd { name, mac: None, index: None },
                host_alias: alias,
                guest: VethEnd { name: &one.spec.device, mac: Some(one.spec.mac.0), index: None },
                namespace,
                mtu: one.spec.mtu.into(),
                group: self.marks.group(),
            });
        }
        if specs.is_empty() {
            return;
        }
        let outcomes = match self.host(|netlink| link::create_veths(netlink, &specs)) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                positions.iter().for_each(|position| results.note(made[*position].number, Err(error.to_string())));
                return;
            }
        };
        for (position, outcome) in positions.into_iter().zip(outcomes) {
            let one = &mut made[position];
            let Cable::Veth(namespace, guest) = &mut one.cable else { continue };
            match outcome {
                Ok(pair) => (one.device, *guest) = (Some(pair.host), Some(pair.guest)),
                Err(error) => results.note(one.number, Err(self.why_not_made(one.id, one.spec, namespace, &error))),
            }
        }
    }

    /// Says which of the two names is taken, because the kernel does not.
    fn why_not_made(&self, id: AttachmentId, spec: &PortSpec, namespace: &NetNs, error: &KernelError) -> String {
        if !error.is_taken() {
            return error.to_string();
        }
        let (device, instance) = (&spec.device, spec.instance);
        let taken = self.guests.with(&self.writes, instance, namespace, |netlink| link::get_named(netlink, device));
        match taken {
            Ok(Ok(Some(_))) => format!(
                "the namespace of {instance} has a device '{device}' already, which is not this interface's: rename or \
                 remove it there, or attach the interface at another index"
            ),
            _ => format!("this host has a device '{}' already, which is not Pintle's: remove it", port_device(id)),
        }
    }

    /// Gives each a slot and writes its entry.
    fn enter(&self, made: &mut Vec<Made<'_>>, results: &mut Results) {
        let mut rows: Vec<(u32, Port)> = Vec::with_capacity(made.len());
        let mut failed = |one: &mut Made<'_>, why: String, machine: &Machine| machine.undo(one, why, results);
        for one in made.iter_mut() {
            let Some(index) = one.device else { continue };
            let slot = self.take_slot();
            one.slot = slot.as_ref().ok().copied();
            // What may pass is known before anything can.
            match slot.and_then(|slot| self.fill_slot(one.spec, slot).map(|()| slot)) {
                Ok(slot) => rows.push((index, one.row(slot))),
                Err(why) => failed(one, why, self),
            }
        }
        if let Err(error) = self.datapath.ports().put_many(&rows) {
            tracing::debug!(%error, "port entries are written one by one");
            for one in made.iter_mut() {
                let (Some(index), Some(slot)) = (one.device, one.slot) else { continue };
                if let Err(error) = self.datapath.ports().put(&index, &one.row(slot)) {
                    failed(one, error.to_string(), self);
                }
            }
        }
        made.retain(|one| one.device.is_some());
        // Flows of an earlier port in the same slot are decided anew.
        self.raise(made.iter().filter_map(|one| one.slot).map(cell_of_slot));
    }

    fn attach(&self, made: &mut Vec<Made<'_>>, results: &mut Results) {
        for one in made.iter_mut() {
            let Some(index) = one.device else { continue };
            if let Err(error) = self.datapath.attach_port(index) {
                self.undo(one, error.to_string(), results);
            }
        }
        made.retain(|one| one.device.is_some());
    }

    fn bring_up(&self, made: &mut [Made<'_>], results: &mut Results) {
        let requests: Vec<_> = made.iter().filter_map(|one| one.device).map(link::up).collect();
        let outcomes = text(self.host(|netlink| netlink.pipeline(&requests)));
        let outcomes: Vec<Done> = match outcomes {
            Ok(outcomes) => outcomes.into_iter().map(|outcome| text(outcome).map(drop)).collect(),
            Err(why) => made.iter().map(|_| Err(why.clone())).collect(),
        };
        for (one, outcome) in made.iter_mut().zip(outcomes) {
            if let Err(why) = outcome {
                self.undo(one, why, results);
            }
        }
    }

    /// Takes back what was made of a port.
    fn undo(&self, one: &mut Made<'_>, why: String, results: &mut Results) {
        if let Some(index) = one.device.take() {
            let mut errors = vec![why];
            errors.extend(self.remove_device(index, one.slot.take()));
            results.note(one.number, Err(errors.join("; ")));
        }
    }
}
