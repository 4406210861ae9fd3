//! Taking ports away. Errors end nothing: what can go goes, and all errors are told.
//!
//! A port is silenced first. Then its device goes, and its programs with it, in that order: a device without its programs
//! would let its guest speak to the host's own stack.

use pintle_core::id::AttachmentId;
use pintle_datapath::PortFlags;

use super::{Context, Done, joined, text};
use crate::kernel::link;
use crate::reconcile::Machine;

impl Machine {
    /// Takes ports away with everything that belongs to them.
    pub(super) fn remove_ports(&self, context: &Context<'_>, ports: &[(usize, AttachmentId)]) -> Vec<(usize, Done)> {
        let found: Vec<_> =
            ports.iter().filter_map(|(number, id)| Some((*number, *id, context.observed.ports.get(id)?))).collect();
        let mut errors: Vec<Vec<String>> = found.iter().map(|_| Vec::new()).collect();
        for ((_, id, port), errors) in found.iter().zip(&mut errors) {
            self.unrealise(*id);
            if let Some(row) = port.row.as_ref().filter(|row| row.flags.contains(PortFlags::ACTIVE)) {
                let mut muted = row.clone();
                muted.flags = muted.flags.without(PortFlags::ACTIVE);
                errors.extend(text(self.datapath.ports().put(&port.device.index, &muted)).err());
            }
        }
        let requests: Vec<_> = found
            .iter()
            .map(|(_, _, port)| link::delete(port.device.index).expect("a device that was listed has an index"))
            .collect();
        match self.host(|netlink| netlink.pipeline(&requests)) {
            Ok(outcomes) => {
                for (outcome, errors) in outcomes.into_iter().zip(&mut errors) {
                    errors.extend(text(outcome).err());
                }
            }
            Err(error) => errors.iter_mut().for_each(|errors| errors.push(error.to_string())),
        }
        for ((_, _, port), errors) in found.iter().zip(&mut errors) {
            // While the device is still there its programs must stay.
            if errors.is_empty() {
                errors.extend(self.remove_entries(port.device.index, port.row.as_ref().map(|row| row.slot)));
            }
        }
        found.iter().zip(errors).map(|((number, ..), errors)| (*number, joined(errors))).collect()
    }

    /// Removes one device of ours with what the data plane has for it.
    pub(super) fn remove_device(&self, index: u32, slot: Option<u32>) -> Vec<String> {
        let deleted = link::delete(index).and_then(|request| self.host(|netlink| netlink.change(&request))?);
        match deleted {
            Ok(_) => self.remove_entries(index, slot),
            Err(error) => vec![error.to_string()],
        }
    }

    /// Removes what the data plane has for a device that has gone. Writes only where there is something.
    pub(super) fn remove_entries(&self, index: u32, slot: Option<u32>) -> Vec<String> {
        let mut errors = Vec::new();
        let row = self.datapath.ports().get(&index);
        if !matches!(row, Ok(None)) {
            errors.extend(text(self.datapath.ports().delete(&index)).err());
        }
        errors.extend(text(self.datapath.detach(index)).err());
        if let Some(slot) = slot {
            match self.datapath.counters().clear(slot) {
                Ok(()) => self.slots().release(slot),
                Err(error) => errors.push(error.to_string()),
            }
        }
        errors
    }
}
