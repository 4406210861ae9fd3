//! An attachment and its interface seen as one thing, as IBM VPC's old-style network interfaces are.

use pintle_core::DecideError;
use pintle_core::id::{FloatingIpId, InstanceId};
use pintle_core::model::{Attachment, FloatingIp, Instance, ReservedIp, Role, SecurityGroup, Subnet, Vni};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{query, record};

use super::View;

/// An attachment with all of its interface that an old client sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInterfaceView {
    /// The attachment.
    pub attachment: Attachment,
    /// What its instance is to its users.
    pub role: Role,
    /// The interface.
    pub vni: Vni,
    /// The interface's subnet.
    pub subnet: Subnet,
    /// The interface's primary address.
    pub primary_ip: ReservedIp,
    /// The interface's security groups, in order.
    pub security_groups: Vec<SecurityGroup>,
    /// The floating IPs that lead to the interface.
    pub floating_ips: Vec<FloatingIp>,
}

impl NetworkInterfaceView {
    /// All of an instance, index 0 first.
    ///
    /// # Errors
    /// As [`View::read`].
    pub fn all(snapshot: &dyn Snapshot, instance: InstanceId) -> Result<Vec<Self>, DecideError> {
        let attachments = query::index(snapshot, &record::attachments_of_instance(instance))?;
        attachments.into_iter().map(|id| Self::read(snapshot, id)).collect()
    }
}

impl View for NetworkInterfaceView {
    type Record = Attachment;
    fn join(snapshot: &dyn Snapshot, attachment: Attachment, _: Revision) -> Result<Self, DecideError> {
        let (Instance { role, .. }, _) = query::follow(snapshot, attachment.instance)?;
        let (vni, _) = query::follow::<Vni>(snapshot, attachment.vni)?;
        let (subnet, _) = query::follow(snapshot, vni.subnet)?;
        let (primary_ip, _) = query::follow(snapshot, vni.primary_ip())?;
        let groups = vni.security_groups.iter().map(|group| Ok(query::follow(snapshot, *group)?.0));
        let security_groups = groups.collect::<Result<_, DecideError>>()?;
        let floating_ips = query::index::<FloatingIpId>(snapshot, &record::floating_ips_of_vni(vni.id))?
            .into_iter()
            .map(|id| Ok(query::follow(snapshot, id)?.0))
            .collect::<Result<_, DecideError>>()?;
        Ok(NetworkInterfaceView { attachment, role, vni, subnet, primary_ip, security_groups, floating_ips })
    }
}
