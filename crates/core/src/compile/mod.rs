//! From what is stored to what hosts should have.
//!
//! Desired state is worked out per *subject* (an interface, a group, a subnet …), never per host or per world: a change
//! to one interface costs the entries of that interface, on the hosts that carry its VPC, and a change of a group's rules
//! costs one entry on each of them. The caller remembers what a subject's entries were and sends the difference.

mod carriers;
mod effect;
mod interface;
mod nic;
mod policy;
mod port;
mod public;
mod routes;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::host_spec::{EndpointSpec, Entry, EntryKey, InstanceSpec, OWN_TABLE, RouteSpec, ShareSpec};
use crate::id::{
    AttachmentId, HostId, InstanceId, NetworkAclId, PrefixListId, RouteTableId, SecurityGroupId, ShareId, SubnetId,
    VniId, VpcId,
};
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, Instance, InstanceState, Role, SecurityGroup, Share, Subnet, Vpc};
use crate::policy::Remote;
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::txn::Snapshot;

pub use carriers::Carriers;
pub use effect::{Effect, PortsOf, effect};
pub use interface::interface;

/// The entries of one subject, by host.
pub type HostEntries = BTreeMap<HostId, BTreeMap<EntryKey, Entry>>;

/// Something whose entries are worked out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An instance.
    Instance(InstanceId),
    /// A prefix list.
    PrefixList(PrefixListId),
    /// A security group.
    Group(SecurityGroupId),
    /// A network ACL.
    Acl(NetworkAclId),
    /// A subnet's gateway and range.
    Subnet(SubnetId),
    /// A VPC's ways to the public network.
    Vpc(VpcId),
    /// A route table.
    RouteTable(RouteTableId),
    /// An interface with its attachments, its move and its floating IPs.
    Vni(VniId),
    /// The files of a share.
    Share(ShareId),
}

/// Works out the entries of a subject; none when it no longer exists.
///
/// # Errors
/// When the store can't be read.
pub fn subject(snapshot: &dyn Snapshot, carriers: &Carriers, subject: Subject) -> Result<HostEntries, DecideError> {
    match subject {
        Subject::Instance(id) => instance(snapshot, id),
        Subject::PrefixList(id) => policy::prefix_list(snapshot, carriers, id),
        Subject::Group(id) => policy::group(snapshot, carriers, id),
        Subject::Acl(id) => policy::acl(snapshot, carriers, id),
        Subject::Subnet(id) => subnet(snapshot, carriers, id),
        Subject::Vpc(id) => public::vpc(snapshot, carriers, id),
        Subject::RouteTable(id) => routes::table(snapshot, carriers, id),
        Subject::Vni(id) => interface(snapshot, carriers, id),
        Subject::Share(id) => share(snapshot, id),
    }
}

/// Every subject of a VPC that has entries on hosts by their carrying it.
///
/// # Errors
/// When the store can't be read.
pub fn subjects_of_vpc(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<BTreeSet<Subject>, DecideError> {
    let mut subjects = BTreeSet::from([Subject::Vpc(vpc)]);
    subjects.extend(subjects_of_routes(snapshot, vpc)?);
    subjects.extend(query::index(snapshot, &record::subnets_of_vpc(vpc))?.into_iter().map(Subject::Subnet));
    subjects.extend(query::index(snapshot, &record::acls_of_vpc(vpc))?.into_iter().map(Subject::Acl));
    for id in query::index::<SecurityGroupId>(snapshot, &record::groups_of_vpc(vpc))? {
        subjects.insert(Subject::Group(id));
        let Some((group, _)) = query::find::<SecurityGroup>(snapshot, id)? else { continue };
        subjects.extend(group.rules.iter().filter_map(|rule| match rule.remote {
            Remote::PrefixList(list) => Some(Subject::PrefixList(list)),
            Remote::Any | Remote::Net(_) | Remote::Group(_) => None,
        }));
    }
    subjects.extend(vnis(snapshot, &record::attachments_of_vpc(vpc))?);
    Ok(subjects)
}

/// The route tables of a VPC.
///
/// # Errors
/// When the store can't be read.
pub fn subjects_of_routes(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<BTreeSet<Subject>, DecideError> {
    Ok(routes::tables(snapshot, vpc)?.into_iter().map(Subject::RouteTable).collect())
}

/// The interfaces whose ports show something of a VPC, a subnet or an instance.
///
/// # Errors
/// When the store can't be read.
pub fn subjects_of_ports(snapshot: &dyn Snapshot, of: PortsOf) -> Result<BTreeSet<Subject>, DecideError> {
    match of {
        PortsOf::Vpc(id) => vnis(snapshot, &record::attachments_of_vpc(id)),
        PortsOf::Instance(id) => vnis(snapshot, &record::attachments_of_instance(id)),
        PortsOf::Subnet(id) => {
            let ids = query::index::<VniId>(snapshot, &record::vnis_of_subnet(id))?;
            Ok(ids.into_iter().map(Subject::Vni).collect())
        }
    }
}

/// The interfaces of the attachments in an index.
fn vnis(snapshot: &dyn Snapshot, prefix: &str) -> Result<BTreeSet<Subject>, DecideError> {
    let mut subjects = BTreeSet::new();
    for id in query::index::<AttachmentId>(snapshot, prefix)? {
        if let Some((attachment, _)) = query::find::<Attachment>(snapshot, id)? {
            subjects.insert(Subject::Vni(attachment.vni));
        }
    }
    Ok(subjects)
}

fn instance(snapshot: &dyn Snapshot, id: InstanceId) -> Result<HostEntries, DecideError> {
    let mut entries = HostEntries::new();
    if let Some((instance, _)) = query::find::<Instance>(snapshot, id)?
        && instance.lifecycle != Lifecycle::Deleting
        && instance.state == InstanceState::Running
    {
        let serves = match instance.role {
            Role::ShareMount(share) => Some(share),
            Role::Server | Role::BareMetal => None,
        };
        let spec = InstanceSpec { namespace: instance.namespace, serves };
        entries.entry(instance.host).or_default().insert(EntryKey::Instance(id), Entry::Instance(spec));
    }
    Ok(entries)
}

fn share(snapshot: &dyn Snapshot, id: ShareId) -> Result<HostEntries, DecideError> {
    let mut entries = HostEntries::new();
    if let Some((share, _)) = query::find::<Share>(snapshot, id)? {
        let spec = match share.lifecycle {
            Lifecycle::Deleting => ShareSpec::Erase,
            _ => ShareSpec::Keep(share.initial_owner),
        };
        entries.entry(share.host).or_default().insert(EntryKey::Share(id), Entry::Share(spec));
    }
    Ok(entries)
}

fn subnet(snapshot: &dyn Snapshot, carriers: &Carriers, id: SubnetId) -> Result<HostEntries, DecideError> {
    let mut entries = HostEntries::new();
    if let Some((subnet, _)) = query::find::<Subnet>(snapshot, id)? {
        let (vpc, _) = query::get::<Vpc>(snapshot, subnet.vpc)?;
        let ranges = std::iter::once(IpNet::V4(subnet.cidr)).chain(subnet.ipv6_cidr.map(IpNet::V6));
        for host in carriers.of(vpc.id) {
            let own = entries.entry(host).or_default();
            let key = EntryKey::Endpoint(vpc.segment, subnet.gateway().into());
            own.insert(key, Entry::Endpoint(EndpointSpec::Gateway));
            // What is for an address that nobody has must not follow a wider route out of the VPC.
            own.extend(
                ranges
                    .clone()
                    .map(|net| (EntryKey::Route(vpc.segment, OWN_TABLE, net), Entry::Route(RouteSpec::Blackhole))),
            );
        }
    }
    Ok(entries)
}
