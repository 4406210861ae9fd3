//! Floating IPs and public gateways with what they lead to.

use pintle_core::DecideError;
use pintle_core::model::{FloatingIp, FloatingIpTarget, Host, PublicGateway, ReservedIp, Vpc};
use pintle_core::query;
use pintle_core::txn::{Revision, Snapshot};

use super::{MemberView, View};

/// A floating IP and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloatingIpView {
    /// The floating IP.
    pub ip: FloatingIp,
    /// The revision of its last write.
    pub revision: Revision,
    /// Where it leads.
    pub target: Option<TargetView>,
}

/// Where a floating IP leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetView {
    /// To an address of an interface.
    Vni {
        /// The interface.
        member: Box<MemberView>,
        /// The address.
        ip: ReservedIp,
    },
    /// To a public gateway.
    PublicGateway(PublicGateway),
}

impl View for FloatingIpView {
    type Record = FloatingIp;
    fn join(snapshot: &dyn Snapshot, ip: FloatingIp, revision: Revision) -> Result<Self, DecideError> {
        let target = match ip.target {
            None => None,
            Some(FloatingIpTarget::Vni { vni, ip }) => {
                let (vni, at) = query::follow(snapshot, vni)?;
                let member = Box::new(MemberView::join(snapshot, vni, at)?);
                Some(TargetView::Vni { member, ip: query::follow(snapshot, ip)?.0 })
            }
            Some(FloatingIpTarget::PublicGateway(id)) => {
                Some(TargetView::PublicGateway(query::follow(snapshot, id)?.0))
            }
        };
        Ok(FloatingIpView { ip, revision, target })
    }
}

/// A public gateway and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicGatewayView {
    /// The gateway.
    pub gateway: PublicGateway,
    /// The revision of its last write.
    pub revision: Revision,
    /// Its VPC.
    pub vpc: Vpc,
    /// The address that it translates to.
    pub floating_ip: FloatingIp,
    /// The host that translates.
    pub host: Host,
}

impl View for PublicGatewayView {
    type Record = PublicGateway;
    fn join(snapshot: &dyn Snapshot, gateway: PublicGateway, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::follow(snapshot, gateway.vpc)?;
        let (floating_ip, _) = query::follow(snapshot, gateway.floating_ip)?;
        let (host, _) = query::follow(snapshot, gateway.host)?;
        Ok(PublicGatewayView { gateway, revision, vpc, floating_ip, host })
    }
}
