//! Looking at VLANs of cards that ports use: their entries say whose they are, as aliases do of devices.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::id::AttachmentId;
use pintle_datapath::{Port, Vlan, VlanKey};

use super::is_tap;
use crate::desired::{Desired, card_of};
use crate::error::AgentError;
use crate::kernel::link::{self, HOST_MTU, Link};
use crate::reconcile::Machine;
use crate::reconcile::names::Mark;
use crate::reconcile::observed::HostDevice;

/// A VLAN that is a port's.
#[derive(Debug)]
pub(super) struct FoundVlan {
    pub(super) id: AttachmentId,
    key: VlanKey,
    row: Vlan,
    /// Whether the card's device is there and ours, and whether it is a tap.
    card: Option<bool>,
}

impl FoundVlan {
    /// The host's side.
    pub(super) fn device(&self) -> HostDevice {
        HostDevice {
            index: self.row.port,
            name: format!("VLAN {} of device {}", self.key.vlan, self.key.ifindex),
            generation: self.row.generation,
            mtu: HOST_MTU,
            up: true,
            tap: self.card == Some(true),
            vlan: Some(self.key),
        }
    }
}

impl Machine {
    /// The ports that these entries are of. An entry that says none, or one that has another, is a stray.
    pub(super) fn vlans_of(
        &self,
        links: &[Link],
        rows: &BTreeMap<u32, Port>,
        entries: Vec<(VlanKey, Vlan)>,
        strays: &mut BTreeSet<VlanKey>,
    ) -> Vec<FoundVlan> {
        let mut found: BTreeMap<AttachmentId, FoundVlan> = BTreeMap::new();
        for (key, row) in entries {
            let Ok(id) = row.attachment.parse() else {
                strays.insert(key);
                continue;
            };
            let ours = |link: &&Link| matches!(self.mark_of(link), Some(Mark::Port { .. }));
            let card = links.iter().find(|link| link.index == key.ifindex).filter(ours).map(is_tap);
            let vlan = FoundVlan { id, key, row, card };
            // Of two the one that works.
            let works = |vlan: &FoundVlan| vlan.card.is_some() && rows.contains_key(&vlan.row.port);
            let other = match found.get(&id) {
                Some(known) if works(known) || !works(&vlan) => Some(vlan),
                _ => found.insert(id, vlan),
            };
            strays.extend(other.map(|other| other.key));
        }
        found.into_values().collect()
    }

    /// The VLANs of those of these ports that have one, and their entries.
    pub(super) fn find_vlans(
        &self,
        desired: &Desired,
        ports: &BTreeSet<AttachmentId>,
        rows: &mut BTreeMap<u32, Port>,
    ) -> Result<Vec<FoundVlan>, AgentError> {
        // A port that is wanted on a card of its own is not looked for among VLANs.
        let may = |id: &&AttachmentId| desired.port(**id).is_none_or(|spec| card_of(spec).is_some());
        let ports: BTreeSet<AttachmentId> = ports.iter().filter(may).copied().collect();
        if ports.is_empty() {
            return Ok(Vec::new());
        }
        let mut entries = self.datapath.vlans().entries()?;
        entries.retain(|(_, row)| row.attachment.parse().is_ok_and(|id| ports.contains(&id)));
        let mut links: BTreeMap<u32, Link> = BTreeMap::new();
        for (key, row) in &entries {
            links.extend(self.host(|netlink| link::get(netlink, key.ifindex))??.map(|link| (link.index, link)));
            rows.extend(self.datapath.ports().get(&row.port)?.map(|port| (row.port, port)));
        }
        let links: Vec<Link> = links.into_values().collect();
        // The next look at everything finds what is left over.
        Ok(self.vlans_of(&links, rows, entries, &mut BTreeSet::new()))
    }
}
