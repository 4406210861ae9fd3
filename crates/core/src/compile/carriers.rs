//! Which hosts carry which VPCs: where endpoints, policy and routes of a VPC are needed.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AttachmentId, HostId, PublicGatewayId, VpcId};
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, PublicGateway};

/// Which hosts carry which VPCs.
///
/// A host carries a VPC while it has an attachment of one of the VPC's interfaces that is not on its way out, or a public
/// gateway of the VPC.
#[derive(Debug, Clone, Default)]
pub struct Carriers {
    reasons: BTreeMap<Reason, (HostId, VpcId)>,
    hosts: BTreeMap<VpcId, BTreeMap<HostId, usize>>,
}

/// Why a host carries a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Attachment(AttachmentId),
    Gateway(PublicGatewayId),
}

impl Carriers {
    /// Takes an attachment's present state into account; whether a host has begun or ceased to carry a VPC by it.
    pub fn update(&mut self, id: AttachmentId, attachment: Option<&Attachment>) -> bool {
        let now = attachment
            .filter(|attachment| attachment.lifecycle != Lifecycle::Deleting)
            .map(|attachment| (attachment.host, attachment.vpc));
        self.set(Reason::Attachment(id), now)
    }

    /// As [`Carriers::update`], for a public gateway.
    pub fn update_gateway(&mut self, id: PublicGatewayId, gateway: Option<&PublicGateway>) -> bool {
        self.set(Reason::Gateway(id), gateway.map(|gateway| (gateway.host, gateway.vpc)))
    }

    fn set(&mut self, reason: Reason, now: Option<(HostId, VpcId)>) -> bool {
        let before = match now {
            Some(now) => self.reasons.insert(reason, now),
            None => self.reasons.remove(&reason),
        };
        if before == now {
            return false;
        }
        let mut changed = false;
        if let Some((host, vpc)) = before {
            let hosts = self.hosts.entry(vpc).or_default();
            if let Some(count) = hosts.get_mut(&host) {
                *count -= 1;
                if *count == 0 {
                    hosts.remove(&host);
                    changed = true;
                }
            }
            if hosts.is_empty() {
                self.hosts.remove(&vpc);
            }
        }
        if let Some((host, vpc)) = now {
            let count = self.hosts.entry(vpc).or_default().entry(host).or_default();
            *count += 1;
            changed |= *count == 1;
        }
        changed
    }

    /// The VPC that a host carries by this attachment, if it does.
    pub fn vpc_by(&self, id: AttachmentId) -> Option<VpcId> {
        self.reasons.get(&Reason::Attachment(id)).map(|(_, vpc)| *vpc)
    }

    /// The VPC that a host carries by this public gateway, if it does.
    pub fn vpc_by_gateway(&self, id: PublicGatewayId) -> Option<VpcId> {
        self.reasons.get(&Reason::Gateway(id)).map(|(_, vpc)| *vpc)
    }

    /// The hosts that carry a VPC.
    pub fn of(&self, vpc: VpcId) -> BTreeSet<HostId> {
        self.hosts.get(&vpc).map(|hosts| hosts.keys().copied().collect()).unwrap_or_default()
    }

    /// The VPCs that a host carries.
    pub fn vpcs(&self, host: HostId) -> BTreeSet<VpcId> {
        self.hosts.iter().filter(|(_, hosts)| hosts.contains_key(&host)).map(|(vpc, _)| *vpc).collect()
    }
}
