//! Making ports, several at a time: each kind of request is sent for all of them at once.
//!
//! The order is the invariant "policy before link-up": a pair of devices that is down, its entry, its programs, and only
//! then the link. What fails before the link is up leaves nothing behind.

use pintle_core::host_spec::PortSpec;
use pintle_core::id::AttachmentId;
use pintle_datapath::Port;

use super::guest::GuestPort;
use super::{Context, Done, Results, text};
use crate::kernel::link::{self, VethEnd, VethPair, VethSpec};
use crate::kernel::{KernelError, NetNs};
use crate::reconcile::names::port_device;
use crate::reconcile::observed::Place;
use crate::reconcile::{Machine, want};

/// A port that is being made.
struct Made<'a> {
    number: usize,
    id: AttachmentId,
    spec: &'a PortSpec,
    namespace: NetNs,
    /// Devices and slot, once it has them.
    pair: Option<VethPair>,
    slot: Option<u32>,
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
            let (Some(pair), Some(slot)) = (one.pair, one.slot) else { continue };
            let guest = GuestPort { id: one.id, spec: one.spec, index: pair.guest };
            let configured = self.configure_guest(&guest, &one.namespace);
            self.realise(one.id, Place { index: pair.host, slot });
            results.note(one.number, configured);
        }
        results.all()
    }

    fn start<'a>(&self, context: &Context<'a>, number: usize, id: AttachmentId) -> Result<Made<'a>, String> {
        let spec = context.desired.port(id).ok_or_else(|| format!("port {id} is no longer wanted"))?;
        let namespace = self.open_guest(context.desired, spec.instance)?;
        Ok(Made { number, id, spec, namespace, pair: None, slot: None })
    }

    fn make_devices(&self, made: &mut Vec<Made<'_>>, results: &mut Results) {
        let names: Vec<(String, String)> =
            made.iter().map(|one| (port_device(one.id), self.marks.port(one.id, one.spec.generation))).collect();
        let specs: Vec<VethSpec<'_>> = made
            .iter()
            .zip(&names)
            .map(|(one, (name, alias))| VethSpec {
                host: VethEnd { name, mac: None, index: None },
                host_alias: alias,
                guest: VethEnd { name: &one.spec.device, mac: Some(one.spec.mac.0), index: None },
                namespace: &one.namespace,
                mtu: one.spec.mtu.into(),
                group: self.marks.group(),
            })
            .collect();
        let outcomes = self.host(|netlink| link::create_veths(netlink, &specs));
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes.into_iter().map(Some).collect(),
            Err(error) => {
                made.iter().for_each(|one| results.note(one.number, Err(error.to_string())));
                made.iter().map(|_| None).collect::<Vec<_>>()
            }
        };
        for (one, outcome) in made.iter_mut().zip(outcomes) {
            match outcome {
                Some(Ok(pair)) => one.pair = Some(pair),
                Some(Err(error)) => results.note(one.number, Err(self.why_not_made(one, &error))),
                None => {}
            }
        }
        made.retain(|one| one.pair.is_some());
    }

    /// Says which of the two names is taken, because the kernel does not.
    fn why_not_made(&self, one: &Made<'_>, error: &KernelError) -> String {
        if !error.is_taken() {
            return error.to_string();
        }
        let (device, instance) = (&one.spec.device, one.spec.instance);
        let taken =
            self.guests.with(&self.writes, instance, &one.namespace, |netlink| link::get_named(netlink, device));
        match taken {
            Ok(Ok(Some(_))) => format!(
                "the namespace of {instance} has a device '{device}' already, which is not this interface's: rename or \
                 remove it there, or attach the interface at another index"
            ),
            _ => format!("this host has a device '{}' already, which is not Pintle's: remove it", port_device(one.id)),
        }
    }

    /// Gives each a slot and writes its entry.
    fn enter(&self, made: &mut Vec<Made<'_>>, results: &mut Results) {
        let mut rows: Vec<(u32, Port)> = Vec::with_capacity(made.len());
        let mut failed = |one: &mut Made<'_>, why: String, machine: &Machine| machine.undo(one, why, results);
        for one in made.iter_mut() {
            let Some(pair) = one.pair else { continue };
            match self.take_slot() {
                Ok(slot) => {
                    one.slot = Some(slot);
                    rows.push((pair.host, want::port(one.spec, slot)));
                }
                Err(why) => failed(one, why, self),
            }
        }
        if let Err(error) = self.datapath.ports().put_many(&rows) {
            tracing::debug!(%error, "port entries are written one by one");
            for one in made.iter_mut() {
                let (Some(pair), Some(slot)) = (one.pair, one.slot) else { continue };
                if let Err(error) = self.datapath.ports().put(&pair.host, &want::port(one.spec, slot)) {
                    failed(one, error.to_string(), self);
                }
            }
        }
        made.retain(|one| one.pair.is_some());
    }

    fn attach(&self, made: &mut Vec<Made<'_>>, results: &mut Results) {
        for one in made.iter_mut() {
            let Some(pair) = one.pair else { continue };
            if let Err(error) = self.datapath.attach_port(pair.host) {
                self.undo(one, error.to_string(), results);
            }
        }
        made.retain(|one| one.pair.is_some());
    }

    fn bring_up(&self, made: &mut [Made<'_>], results: &mut Results) {
        let requests: Vec<_> = made.iter().filter_map(|one| one.pair).map(|pair| link::up(pair.host)).collect();
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
        if let Some(pair) = one.pair.take() {
            let mut errors = vec![why];
            errors.extend(self.remove_device(pair.host, one.slot.take()));
            results.note(one.number, Err(errors.join("; ")));
        }
    }
}
