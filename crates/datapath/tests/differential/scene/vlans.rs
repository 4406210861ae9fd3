//! VLANs: some interfaces of a scene use one of another's card.

use pintle_core::host_spec::{Entry, EntryKey, PortNic, PortSpec};
use pintle_core::id::AttachmentId;

use super::Scene;
use crate::random::Random;

/// A frame with a tag (ethertype and tag) in front of its ethertype.
pub fn tagged(frame: &[u8], ethertype: u16, tag: u16) -> Vec<u8> {
    [&frame[..12], &ethertype.to_be_bytes(), &tag.to_be_bytes(), &frame[12..]].concat()
}

impl Scene {
    /// Makes some of the ports here use VLANs of another's card.
    pub(super) fn add_vlans(&mut self, random: &mut Random) {
        let here: Vec<usize> = self.guests.iter().filter(|guest| guest.here).map(|guest| guest.number).collect();
        let card = random.pick(&here);
        let id = self.guests[card].port();
        for number in here.into_iter().filter(|number| *number != card) {
            if random.chance(50)
                && let Some(port) = self.port_mut(number)
            {
                port.nic = PortNic::Vlan { card: id, id: 100 + number as u16 };
            }
        }
        if let Some(port) = self.port_mut(card) {
            port.nic = PortNic::Card { trunk: true };
        }
    }

    /// A port of this host.
    pub fn port(&self, id: AttachmentId) -> Option<&PortSpec> {
        match self.entries.get(&EntryKey::Port(id)) {
            Some(Entry::Port(port)) => Some(port),
            _ => None,
        }
    }

    /// The card that a port's frames come out of, and such a frame.
    pub fn wired(&self, port: AttachmentId, frame: &[u8]) -> (AttachmentId, Vec<u8>) {
        match self.port(port).map(|spec| spec.nic) {
            Some(PortNic::Vlan { card, id }) => (card, tagged(frame, 0x8100, id)),
            _ => (port, frame.to_vec()),
        }
    }
}
