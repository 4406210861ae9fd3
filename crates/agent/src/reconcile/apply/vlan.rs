//! Ports that use VLANs of others' cards. They have no device on the host: an entry says which tag is theirs, and is for them what
//! the link is for others, so it is written last.

use pintle_core::host_spec::{PortNic, PortSpec};
use pintle_core::id::AttachmentId;
use pintle_datapath::{VlanKey, cell_of_slot, vlan_port};

use super::{Context, Done, text};
use crate::reconcile::observed::{Lead, Place};
use crate::reconcile::{Machine, want};

impl Machine {
    /// Makes a port. What fails leaves nothing behind.
    pub(super) fn make_vlan(&self, context: &Context<'_>, id: AttachmentId) -> Done {
        let spec = context.desired.port(id).ok_or_else(|| format!("port {id} is no longer wanted"))?;
        let PortNic::Vlan { card, id: vlan } = spec.nic else { return Err(format!("port {id} is a card's")) };
        let card =
            self.realised().get(&card).copied().ok_or_else(|| format!("the card of port {card} is not there"))?;
        let (slot, key) = (self.take_slot()?, VlanKey { ifindex: card.index, vlan });
        let place = Place { index: vlan_port(vlan, slot), slot, tap: card.tap };
        self.enter_vlan(id, spec, key, place).map_err(|why| {
            let mut errors = vec![why];
            errors.extend(self.remove_entries(place.index, Some(slot)));
            errors.join("; ")
        })?;
        self.realise(id, place);
        Ok(())
    }

    fn enter_vlan(&self, id: AttachmentId, spec: &PortSpec, key: VlanKey, place: Place) -> Done {
        // What may pass is known before anything can.
        self.fill_slot(spec, place.slot)?;
        let lead = Lead { tap: place.tap, card: Some(key.ifindex) };
        text(self.datapath.ports().put(&place.index, &want::port(spec, place.slot, lead)))?;
        // Flows of an earlier port in the same slot are decided anew.
        self.raise([cell_of_slot(place.slot)]);
        text(self.datapath.vlans().put(&key, &want::vlan(id, spec, place.index)))
    }
}
