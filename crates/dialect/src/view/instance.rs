//! An instance with its host, its VPC and its attachments in the order of their index.

use pintle_core::DecideError;
use pintle_core::command::{IpChoice, VniChoice};
use pintle_core::id::{AttachmentId, VpcId};
use pintle_core::model::{Host, Instance, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{query, record};

use super::{AttachmentView, View};

/// An instance and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// The instance.
    pub instance: Instance,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// The host it runs on.
    pub host: Host,
    /// Its attachments, index 0 first.
    pub attachments: Vec<AttachmentView>,
}

impl View for InstanceView {
    type Record = Instance;
    fn join(snapshot: &dyn Snapshot, instance: Instance, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::get(snapshot, instance.vpc)?;
        let (host, _) = query::get(snapshot, instance.host)?;
        let attachments = query::index::<AttachmentId>(snapshot, &record::attachments_of_instance(instance.id))?
            .into_iter()
            .map(|id| AttachmentView::read(snapshot, id))
            .collect::<Result<_, DecideError>>()?;
        Ok(InstanceView { instance, revision, vpc, host, attachments })
    }
}

/// The VPC in which the chosen interface is or will be; `None` when the choice doesn't tell.
///
/// # Errors
/// [`pintle_core::Refusal::NotFound`] when the choice names what doesn't exist, or when the store can't be read.
pub fn vpc_of_interface(snapshot: &dyn Snapshot, choice: &VniChoice) -> Result<Option<VpcId>, DecideError> {
    Ok(match choice {
        VniChoice::Existing(vni) => Some(query::get::<Vni>(snapshot, *vni)?.0.vpc),
        VniChoice::New(create) => match (create.subnet, &create.primary_ip) {
            (Some(subnet), _) => Some(query::get::<Subnet>(snapshot, subnet)?.0.vpc),
            (None, IpChoice::Reserved(ip)) => Some(query::get::<ReservedIp>(snapshot, *ip)?.0.vpc),
            (None, IpChoice::Auto { .. } | IpChoice::Address { .. }) => None,
        },
    })
}
