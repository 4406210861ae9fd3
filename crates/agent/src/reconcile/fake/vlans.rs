//! Ports of VLANs on a host made of values.

use std::collections::BTreeMap;

use pintle_core::host_spec::{Entry, EntryKey, PortNic};
use pintle_core::id::AttachmentId;
use pintle_datapath::{VlanKey, vlan_port};

use super::{Dice, FakeHost, QUOTA, numbers};
use crate::desired::Desired;
use crate::reconcile::observed::{HostDevice, PortState, Programs};
use crate::reconcile::want;

impl FakeHost {
    pub(super) fn make_vlan(&mut self, desired: &Desired, id: AttachmentId) {
        let Some(spec) = desired.port(id) else { return };
        let PortNic::Vlan { card, id: vlan } = spec.nic else { panic!("{id} is a card's") };
        assert!(!self.state.ports.contains_key(&id), "what stands in the way is removed first");
        let card = self.state.ports.get(&card).expect("the card comes before its VLANs").device.clone();
        let slot = self.index() & 0xffff;
        let key = VlanKey { ifindex: card.index, vlan };
        let device = HostDevice {
            index: vlan_port(vlan, slot),
            name: String::from("a VLAN"),
            generation: spec.generation,
            mtu: 0,
            up: true,
            tap: card.tap,
            vlan: Some(key),
        };
        let port = PortState {
            row: Some(want::port(spec, slot, device.lead())),
            iface: want::iface(spec, slot, &numbers(desired), QUOTA).unwrap(),
            guest_config: want::guest_config(spec),
            programs: Programs::Attached,
            guest: None,
            device,
        };
        self.state.ports.insert(id, port);
    }
}

impl Dice {
    /// Instances whose two ports share the card of one of them, whichever sorts first.
    pub(super) fn share_cards(&mut self, entries: &mut BTreeMap<EntryKey, Entry>) {
        for first in [0, 2, 4] {
            if self.one_in(2) {
                self.share_card(entries, first);
            }
        }
    }

    /// What happens to a port's host side: a device goes down, a VLAN is another card's.
    pub(super) fn damage_device(&mut self, device: &mut HostDevice) {
        match &mut device.vlan {
            Some(key) if self.one_in(6) => key.ifindex += 1,
            Some(_) => {}
            None => device.up = !self.one_in(5),
        }
    }

    fn share_card(&mut self, entries: &mut BTreeMap<EntryKey, Entry>, first: u64) {
        let [one, two] = [first, first + 1].map(|number| Self::id::<AttachmentId>("eni-attach", number));
        if [one, two].iter().any(|id| !entries.contains_key(&EntryKey::Port(*id))) {
            return;
        }
        let (card, other) = if self.one_in(2) { (one, two) } else { (two, one) };
        let id = 100 + self.below(2) as u16;
        for (port, nic) in [(card, PortNic::Card { trunk: true }), (other, PortNic::Vlan { card, id })] {
            if let Some(Entry::Port(spec)) = entries.get_mut(&EntryKey::Port(port)) {
                spec.nic = nic;
            }
        }
    }
}
