//! What a committed write means for desired state: which subjects must be worked out again.

use super::Subject;
use super::nic::is_trunk;
use crate::draft::decode;
use crate::id::{HostId, InstanceId, SubnetId, VpcId};
use crate::model::{
    Attachment, Host, Instance, Move, NetworkAcl, PrefixList, RouteTable, SecurityGroup, Share, Subnet, Vni, Vpc,
};
use crate::record::{self, Record};
use crate::refusal::DecideError;

/// What a changed key means for desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The subject must be worked out again.
    Subject(Subject),
    /// Something changed that all these ports show: their interfaces must be worked out again.
    Ports(PortsOf),
    /// Something changed that routes of this VPC depend on: its route tables must be worked out again.
    Routes(VpcId),
    /// A host's own record changed: everything in the VPCs that it carries must be worked out again.
    Host(HostId),
}

/// Whose ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortsOf {
    /// All of a VPC.
    Vpc(VpcId),
    /// All of a subnet.
    Subnet(SubnetId),
    /// All of an instance.
    Instance(InstanceId),
}

/// What a committed write means for desired state. `before` is not needed: records never change their subject.
///
/// # Errors
/// When a record can't be decoded.
pub fn effect(key: &str, value: Option<&[u8]>) -> Result<Option<Effect>, DecideError> {
    let Some((kind, id)) = key.split_once('/') else { return Ok(None) };
    let subject = match kind {
        Vni::KIND | Move::KIND => id.parse().ok().map(Subject::Vni),
        Instance::KIND => id.parse().ok().map(Subject::Instance),
        Subnet::KIND => id.parse().ok().map(Subject::Subnet),
        SecurityGroup::KIND => id.parse().ok().map(Subject::Group),
        NetworkAcl::KIND => id.parse().ok().map(Subject::Acl),
        PrefixList::KIND => id.parse().ok().map(Subject::PrefixList),
        Share::KIND => id.parse().ok().map(Subject::Share),
        RouteTable::KIND => id.parse().ok().map(Subject::RouteTable),
        // Its ranges are routes of every table.
        Vpc::KIND => return Ok(id.parse().ok().map(Effect::Routes)),
        Attachment::KIND => match value {
            Some(value) => {
                let attachment = decode::<Attachment>(key, value)?;
                if is_trunk(&attachment) {
                    return Ok(Some(Effect::Ports(PortsOf::Instance(attachment.instance))));
                }
                Some(Subject::Vni(attachment.vni))
            }
            // An attachment's end is always a change of its interface or of its move, in the same commit, or leaves
            // the entries as they are because a deleting attachment has none.
            None => None,
        },
        Host::KIND => return Ok(id.parse().ok().map(Effect::Host)),
        "routes" => {
            return Ok(key.strip_prefix(record::ROUTES_OF_VPC).and_then(|id| id.parse().ok()).map(Effect::Routes));
        }
        "ports" => return Ok(ports(key).map(Effect::Ports)),
        "index" => index(key),
        _ => None,
    };
    Ok(subject.map(Effect::Subject))
}

/// Changes of what refers to a subject that change the subject's entries although its record stays.
fn index(key: &str) -> Option<Subject> {
    let of = |prefix| key.strip_prefix(prefix)?.split_once('/').map(|(id, _)| id);
    if let Some(id) = of(record::GROUPS_OF_PREFIX_LIST) {
        return id.parse().ok().map(Subject::PrefixList);
    }
    if let Some(id) = of(record::GATEWAYS_OF_VPC) {
        return id.parse().ok().map(Subject::Vpc);
    }
    of(record::FLOATING_IPS_OF_VNI).and_then(|id| id.parse().ok()).map(Subject::Vni)
}

fn ports(key: &str) -> Option<PortsOf> {
    if let Some(id) = key.strip_prefix(record::PORTS_OF_VPC) {
        return id.parse().ok().map(PortsOf::Vpc);
    }
    if let Some(id) = key.strip_prefix(record::PORTS_OF_SUBNET) {
        return id.parse().ok().map(PortsOf::Subnet);
    }
    key.strip_prefix(record::PORTS_OF_INSTANCE)?.parse().ok().map(PortsOf::Instance)
}
