//! A flow log with what it watches.

use pintle_core::DecideError;
use pintle_core::model::{FlowLog, FlowLogTarget, Instance, Subnet, Vpc};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

use super::{AttachmentView, MemberView, View};

/// A flow log and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLogView {
    /// The flow log.
    pub log: FlowLog,
    /// The revision of its last write.
    pub revision: Revision,
    /// The VPC of what it watches.
    pub vpc: Vpc,
    /// What it watches.
    pub watched: WatchedView,
}

/// What a flow log watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchedView {
    /// A VPC, that of the log.
    Vpc,
    /// A subnet.
    Subnet(Box<Subnet>),
    /// An interface.
    Vni(Box<MemberView>),
    /// An instance.
    Instance(Box<Instance>),
    /// An attachment of an instance.
    Attachment(Box<AttachmentView>),
}

impl View for FlowLogView {
    type Record = FlowLog;
    fn join(snapshot: &dyn Snapshot, log: FlowLog, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, watched) = match log.target {
            FlowLogTarget::Vpc(id) => (id, WatchedView::Vpc),
            FlowLogTarget::Subnet(id) => {
                let (subnet, _) = query::get::<Subnet>(snapshot, id)?;
                (subnet.vpc, WatchedView::Subnet(Box::new(subnet)))
            }
            FlowLogTarget::Vni(id) => {
                let member = MemberView::read(snapshot, id)?;
                (member.vni.vpc, WatchedView::Vni(Box::new(member)))
            }
            FlowLogTarget::Instance(id) => {
                let (instance, _) = query::get::<Instance>(snapshot, id)?;
                (instance.vpc, WatchedView::Instance(Box::new(instance)))
            }
            FlowLogTarget::Attachment(id) => {
                let attachment = AttachmentView::read(snapshot, id)?;
                (attachment.attachment.vpc, WatchedView::Attachment(Box::new(attachment)))
            }
        };
        Ok(FlowLogView { vpc: query::follow(snapshot, vpc)?.0, log, revision, watched })
    }
}
