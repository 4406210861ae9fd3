//! Taking ports away. Errors end nothing: what can go goes, and all errors are told.
//!
//! A port is silenced first. Then its device goes, and its programs with it, in that order: a device without its programs
//! would let its guest speak to the host's own stack.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use nix::errno::Errno;
use pintle_core::id::AttachmentId;
use pintle_datapath::{GuestConfig, Iface, PortFlags, cell_of_slot};

use super::{Context, Done, joined, text};
use crate::kernel::{KernelError, Netlink, Request, link};
use crate::reconcile::{Machine, Marks};

/// From how many devices on they are deleted together.
const TOGETHER: usize = 4;

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
        for ((_, _, port), errors) in found.iter().zip(&mut errors) {
            if let Some(key) = &port.device.vlan {
                errors.extend(text(self.datapath.vlans().delete(key)).err());
            }
        }
        let devices = found.iter().zip(&mut errors).filter(|((_, _, port), _)| port.device.vlan.is_none());
        let (indexes, errors_of): (Vec<u32>, Vec<_>) =
            devices.map(|((_, _, port), errors)| (port.device.index, errors)).unzip();
        for (deleted, errors) in self.delete_devices(&indexes).into_iter().zip(errors_of) {
            errors.extend(deleted.err());
        }
        for ((_, _, port), errors) in found.iter().zip(&mut errors) {
            // While the device is still there its programs must stay.
            if errors.is_empty() {
                errors.extend(self.remove_entries(port.device.index, port.row.as_ref().map(|row| row.slot)));
            }
        }
        found.iter().zip(errors).map(|((number, ..), errors)| (*number, joined(errors))).collect()
    }

    /// Deletes devices: many at once, because the kernel waits some 15 ms for each request to delete.
    fn delete_devices(&self, indexes: &[u32]) -> Vec<Done> {
        if indexes.is_empty() {
            return Vec::new();
        }
        if indexes.len() >= TOGETHER
            && let Err(why) = text(self.host(|netlink| delete_together(netlink, &self.marks, indexes))).and_then(text)
        {
            tracing::debug!(why, "devices are deleted one by one");
        }
        let deleted = self.host(|netlink| {
            let listed: Vec<u32> = link::list(netlink)?.iter().map(|link| link.index).collect();
            let left = indexes.iter().map(|index| listed.contains(index).then(|| link::delete(*index)).transpose());
            let left: Vec<Option<Request>> = left.collect::<Result<_, KernelError>>()?;
            let requests: Vec<Request> = left.iter().flatten().cloned().collect();
            let mut outcomes = netlink.pipeline(&requests).into_iter();
            let outcome = |one: &Option<Request>| match one {
                Some(_) => text(outcomes.next().unwrap_or(Ok(false))).map(drop),
                None => Ok(()),
            };
            Ok(left.iter().map(outcome).collect())
        });
        match text(deleted.and_then(|outcome: Result<Vec<Done>, KernelError>| outcome)) {
            Ok(done) => done,
            Err(why) => indexes.iter().map(|_| Err(why.clone())).collect(),
        }
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
            match self.close_slot(slot) {
                Ok(()) => self.slots().leave(slot),
                Err(why) => errors.push(why),
            }
        }
        errors
    }
}

impl Machine {
    /// Leaves nothing of a port in its slot.
    fn close_slot(&self, slot: u32) -> Done {
        text(self.datapath.ifaces().put(&slot, &Iface::default()))?;
        text(self.datapath.guest_configs().put(&slot, &GuestConfig::default()))?;
        text(self.datapath.counters().clear(slot))?;
        self.raise([cell_of_slot(slot)]);
        Ok(())
    }
}

/// Deletes devices with one request, by putting them into a group that is deleted. The kernel would delete others in that
/// group too, so it is looked at first: nothing but what carries our mark may be in it.
fn delete_together(netlink: &mut Netlink, marks: &Marks, indexes: &[u32]) -> Result<(), KernelError> {
    let group = marks.doomed_group();
    let doom: Vec<Request> = indexes.iter().map(|index| link::set_group(*index, group)).collect();
    // A device that has gone meanwhile is as good as deleted.
    netlink.pipeline(&doom);
    let doomed = link::list(netlink)?.into_iter().filter(|link| link.group == group);
    let foreign = |alias: Option<&str>| alias.is_none_or(|alias| marks.read(alias).is_none());
    if let Some(link) = doomed.into_iter().find(|link| foreign(link.alias.as_deref())) {
        let rule = "the group of devices to be deleted holds one that is not Pintle's";
        return Err(KernelError::Invalid { field: "device", value: link.name, rule });
    }
    netlink.change(&delete_group(group)).map(drop)
}

fn delete_group(group: u32) -> Request {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::Group(group));
    Request::new(RouteNetlinkMessage::DelLink(message), 0, format!("delete the devices of group {group}"))
        .settled_by(&[Errno::ENODEV])
}
