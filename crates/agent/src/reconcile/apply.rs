//! Doing what a plan says, stage by stage; what can be done side by side is.
//!
//! A step that fails leaves the others alone and is told of with its reason. Nothing is decided here: a step that turns
//! out to be needless writes nothing.

mod entries;
mod guest;
mod make;
mod mend;
mod overlay;
mod public;
mod remove;
mod tap;
mod vlan;

use std::collections::BTreeMap;

use pintle_core::id::AttachmentId;

use super::Machine;
use super::action::{Action, Stage, Step};
use super::observed::{Observed, PortState};
use super::plan::OverlayWish;
use super::workers::in_pieces;
use crate::desired::Desired;

/// How many ports one thread makes with one set of system calls.
const PIECE: usize = 16;

/// How many ports one thread removes with one set of system calls: the more, the fewer of the kernel's waits.
const REMOVED_PIECE: usize = 128;

/// What became of a step: done, or why not.
pub(super) type Done = Result<(), String>;

/// What steps refer to.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) overlay: OverlayWish,
}

impl Context<'_> {
    fn port(&self, id: AttachmentId) -> Result<&PortState, String> {
        self.observed.ports.get(&id).ok_or_else(|| format!("port {id} was not looked at"))
    }
}

impl Machine {
    /// Does what the actions say, which are in the order of their stages, and gives what became of each.
    pub(super) fn apply(&self, context: &Context<'_>, actions: &[Action]) -> Vec<Done> {
        let mut done: Vec<Done> = actions.iter().map(|_| Ok(())).collect();
        let numbered: Vec<(usize, &Action)> = actions.iter().enumerate().collect();
        for stage in numbered.chunk_by(|(_, one), (_, other)| one.step.stage() == other.step.stage()) {
            for (number, result) in self.stage(context, stage[0].1.step.stage(), stage) {
                done[number] = result;
            }
        }
        done
    }

    fn stage(&self, context: &Context<'_>, stage: Stage, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        match stage {
            Stage::Ports => self.make_and_mend(context, actions),
            Stage::Endpoints => self.put_endpoints(context, actions),
            Stage::Locations => self.put_locations(context, actions),
            Stage::Routes => self.put_routes(context, actions),
            Stage::Forget => self.delete_entries(context, actions),
            Stage::RemovePorts => {
                let ports: Vec<(usize, AttachmentId)> = actions
                    .iter()
                    .filter_map(|(number, action)| match action.step {
                        Step::RemovePort(id) => Some((*number, id)),
                        _ => None,
                    })
                    .collect();
                in_pieces(&ports, REMOVED_PIECE, |piece| self.remove_ports(context, piece))
            }
            Stage::Namespaces | Stage::RemoveNamespaces => in_pieces(actions, 1, |piece| {
                piece.iter().map(|(number, action)| (*number, self.single(context, &action.step))).collect()
            }),
            Stage::Overlay | Stage::Clear | Stage::Vlans | Stage::Public | Stage::Mute | Stage::Programs => {
                actions.iter().map(|(number, action)| (*number, self.single(context, &action.step))).collect()
            }
        }
    }

    fn make_and_mend(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let (mut make, mut mend) = (Vec::new(), Vec::new());
        for (number, action) in actions {
            match &action.step {
                Step::MakePort(id) => make.push((*number, *id)),
                Step::MendPort(id, mends) => mend.push((*number, *id, mends)),
                _ => {}
            }
        }
        let mut done = in_pieces(&mend, PIECE, |piece| {
            piece.iter().map(|(number, id, mends)| (*number, self.mend_port(context, *id, mends))).collect()
        });
        done.extend(in_pieces(&make, PIECE, |piece| self.make_ports(context, piece)));
        done
    }

    /// A step that is done on its own.
    fn single(&self, context: &Context<'_>, step: &Step) -> Done {
        match step {
            Step::MakeOverlay(old) => self.make_overlay(context, *old),
            Step::MendOverlay => self.mend_overlay(context),
            Step::TellOverlay => {
                let device = context.observed.overlay.device.as_ref();
                self.tell_overlay(context, device.map(|device| device.index))
            }
            Step::MendUplink => self.mend_uplink(context),
            Step::TellUplink => self.tell_uplink(context),
            Step::PutPublic(address) => self.put_public(context, *address),
            Step::DeletePublic(address) => self.delete_public(context, *address),
            Step::DeletePrivate(key) => self.delete_private(context, key),
            Step::RemoveRemnant(index) => {
                let slot = context.observed.remnants.get(index).copied().flatten();
                joined(self.remove_entries(*index, slot))
            }
            Step::RemoveStrayVlan(key) => text(self.datapath.vlans().delete(key)).map(drop),
            Step::MakeVlan(id) => self.make_vlan(context, *id),
            Step::MendVlan(id, mends) => self.mend_port(context, *id, mends),
            Step::RemoveStray(index) => joined(self.remove_device(*index, None)),
            Step::ClearPort(id) => self.remove_ports(context, &[(0, *id)]).pop().map_or(Ok(()), |(_, done)| done),
            Step::MakeNamespace(id) => text(self.guests.make(&self.writes, *id)),
            Step::MarkNamespace(id) => match self.open_guest(context.desired, *id) {
                Ok(namespace) => text(self.guests.mark(&self.writes, *id, &namespace)),
                Err(why) => Err(why),
            },
            Step::Mute(id) => self.put_row(context, *id, context.port(*id)?).map(drop),
            Step::UpdatePrograms(id) => text(self.datapath.attach_port(context.port(*id)?.device.index)).map(drop),
            Step::RemoveNamespace(id) => text(self.guests.remove(&self.writes, *id)),
            // Done together with their like.
            Step::MakePort(_)
            | Step::MendPort(..)
            | Step::PutEndpoint(_)
            | Step::PutLocation(_)
            | Step::PutRoute(_)
            | Step::DeleteEndpoint(_)
            | Step::DeleteLocation(_)
            | Step::DeleteRoute(_)
            | Step::RemovePort(_) => Ok(()),
        }
    }
}

/// An error as the text that is reported.
pub(super) fn text<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Several errors as one text.
pub(super) fn joined(errors: Vec<String>) -> Done {
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

/// The results of steps that are done together: the first error of each, by the step's number.
#[derive(Debug, Default)]
pub(super) struct Results(BTreeMap<usize, Done>);

impl Results {
    /// Notes what became of a part of a step. An earlier error stands.
    pub(super) fn note(&mut self, number: usize, result: Done) {
        match self.0.get_mut(&number) {
            Some(known) if known.is_ok() => *known = result,
            Some(_) => {}
            None => drop(self.0.insert(number, result)),
        }
    }

    /// All of them.
    pub(super) fn all(self) -> Vec<(usize, Done)> {
        self.0.into_iter().collect()
    }
}
