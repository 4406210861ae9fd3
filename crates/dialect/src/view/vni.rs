//! An interface with its addresses, its groups, its subnet and VPC, and the attachment that speaks for it.

use pintle_core::DecideError;
use pintle_core::id::ShareId;
use pintle_core::model::{Attachment, Instance, ReservedIp, Role, SecurityGroup, Subnet, Vni, Vpc};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

use super::View;

/// An interface and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VniView {
    /// The interface.
    pub vni: Vni,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// Its subnet.
    pub subnet: Subnet,
    /// Its primary address.
    pub primary_ip: ReservedIp,
    /// Its secondary addresses.
    pub secondary_ips: Vec<ReservedIp>,
    /// Its security groups, in order.
    pub security_groups: Vec<SecurityGroup>,
    /// The attachment that speaks for it.
    pub attachment: Option<Attachment>,
    /// What its attachment's instance is.
    pub role: Option<Role>,
}

impl VniView {
    /// The share that is served at its address, if its attachment is that of a mount target.
    pub fn serves(&self) -> Option<ShareId> {
        match self.role {
            Some(Role::ShareMount(share)) => Some(share),
            Some(Role::Server | Role::BareMetal) | None => None,
        }
    }

    /// All its addresses, the primary one first.
    pub fn ips(&self) -> impl Iterator<Item = &ReservedIp> {
        std::iter::once(&self.primary_ip).chain(&self.secondary_ips)
    }
}

impl View for VniView {
    type Record = Vni;
    fn join(snapshot: &dyn Snapshot, vni: Vni, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::follow(snapshot, vni.vpc)?;
        let (subnet, _) = query::follow(snapshot, vni.subnet)?;
        let (primary_ip, _) = query::follow(snapshot, vni.primary_ip())?;
        let secondary_ips = vni.ips[1..]
            .iter()
            .map(|ip| query::follow(snapshot, *ip).map(|(ip, _)| ip))
            .collect::<Result<_, DecideError>>()?;
        let security_groups = vni
            .security_groups
            .iter()
            .map(|group| query::follow(snapshot, *group).map(|(group, _)| group))
            .collect::<Result<_, DecideError>>()?;
        let attachment: Option<Attachment> =
            vni.attachment.map(|id| query::follow(snapshot, id)).transpose()?.map(|(found, _)| found);
        let instance = attachment.as_ref().map(|attachment| query::follow::<Instance>(snapshot, attachment.instance));
        let role = instance.transpose()?.map(|(instance, _)| instance.role);
        Ok(VniView { vni, revision, vpc, subnet, primary_ip, secondary_ips, security_groups, attachment, role })
    }
}
