//! Planning a port that uses a VLAN of another port's card: it has no device of its own, and lives and dies with the card's. What
//! the guest makes of the tagged frames is its own affair, as on a cable to a real machine.

use pintle_core::host_spec::{EntryKey, PortSpec};
use pintle_core::id::AttachmentId;
use pintle_datapath::VlanKey;

use super::super::action::Step;
use super::{Inputs, Planner};

impl Planner<'_> {
    pub(super) fn vlan(&mut self, id: AttachmentId, spec: &PortSpec, card: AttachmentId, vlan: u16) {
        let Inputs { desired, observed, .. } = *self.inputs;
        let key = EntryKey::Port(id);
        let there = observed.ports.get(&id);
        if desired.port(card).is_none_or(|card| card.instance != spec.instance) {
            let text = format!("port {card}, whose card it uses VLAN {vlan} of, is not one of its instance here");
            if there.is_some() {
                self.act(Some(key), Step::ClearPort(id), text.clone());
            }
            self.plan.failures.insert(key, text);
            return;
        }
        // What is made anew has another index.
        let device = observed.ports.get(&card).filter(|_| !self.remade.contains(&card)).map(|card| &card.device);
        let right = there.is_some_and(|port| {
            let at = |ifindex: u32| port.device.vlan == Some(VlanKey { ifindex, vlan });
            device.is_some_and(|card| at(card.index) && port.device.tap == card.tap) && port.row.is_some()
        });
        match there {
            Some(port) if right => self.mend(id, spec, port, None),
            Some(_) => {
                let text = format!("port {id} is not VLAN {vlan} of the card of {card}");
                self.act(Some(key), Step::ClearPort(id), text.clone());
                self.make(id, spec, text);
            }
            None => self.make(id, spec, format!("port {id} is not there")),
        }
    }
}
