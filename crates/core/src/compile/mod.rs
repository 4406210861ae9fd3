//! From what is stored to what hosts should have.
//!
//! Desired state is worked out per *subject* (an interface, an instance, a subnet), never per host or per world: a change
//! to one interface costs the entries of that interface, on the hosts that carry its VPC. The caller remembers what a
//! subject's entries were and sends the difference.

mod interface;

use std::collections::{BTreeMap, BTreeSet};

use crate::draft::decode;
use crate::host_spec::{EndpointSpec, Entry, EntryKey, InstanceSpec};
use crate::id::{AttachmentId, HostId, InstanceId, SubnetId, VniId, VpcId};
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, Host, Instance, InstanceState, Move, Subnet, Vni, Vpc};
use crate::query;
use crate::record::{self, Record};
use crate::refusal::DecideError;
use crate::txn::Snapshot;

pub use interface::interface;

/// The entries of one subject, by host.
pub type HostEntries = BTreeMap<HostId, BTreeMap<EntryKey, Entry>>;

/// Something whose entries are worked out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An instance.
    Instance(InstanceId),
    /// A subnet's gateway.
    Subnet(SubnetId),
    /// An interface with its attachments and its move.
    Vni(VniId),
}

/// What a changed key means for desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The subject must be worked out again.
    Subject(Subject),
    /// A host's own record changed: everything in the VPCs that it carries must be worked out again.
    Host(HostId),
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
        Attachment::KIND => match value {
            Some(value) => Some(Subject::Vni(decode::<Attachment>(key, value)?.vni)),
            // An attachment's end is always a change of its interface or of its move, in the same commit, or leaves
            // the entries as they are because a deleting attachment has none.
            None => None,
        },
        Host::KIND => return Ok(id.parse().ok().map(Effect::Host)),
        _ => None,
    };
    Ok(subject.map(Effect::Subject))
}

/// Which hosts carry which VPCs: where endpoints of a VPC are needed.
///
/// A host carries a VPC while it has an attachment of one of the VPC's interfaces that is not on its way out.
#[derive(Debug, Clone, Default)]
pub struct Carriers {
    by_attachment: BTreeMap<AttachmentId, (HostId, VpcId)>,
    hosts: BTreeMap<VpcId, BTreeMap<HostId, usize>>,
}

impl Carriers {
    /// Takes an attachment's present state into account; whether a host has begun or ceased to carry a VPC by it.
    pub fn update(&mut self, id: AttachmentId, attachment: Option<&Attachment>) -> bool {
        let now = attachment
            .filter(|attachment| attachment.lifecycle != Lifecycle::Deleting)
            .map(|attachment| (attachment.host, attachment.vpc));
        let before = match now {
            Some(now) => self.by_attachment.insert(id, now),
            None => self.by_attachment.remove(&id),
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
        self.by_attachment.get(&id).map(|(_, vpc)| *vpc)
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

/// Works out the entries of a subject; none when it no longer exists.
///
/// # Errors
/// When the store can't be read.
pub fn subject(snapshot: &dyn Snapshot, carriers: &Carriers, subject: Subject) -> Result<HostEntries, DecideError> {
    match subject {
        Subject::Instance(id) => instance(snapshot, id),
        Subject::Subnet(id) => subnet(snapshot, carriers, id),
        Subject::Vni(id) => interface(snapshot, carriers, id),
    }
}

/// Every subject of a VPC that has entries on hosts by their carrying it.
///
/// # Errors
/// When the store can't be read.
pub fn subjects_of_vpc(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<BTreeSet<Subject>, DecideError> {
    let mut subjects: BTreeSet<Subject> =
        query::index::<SubnetId>(snapshot, &record::subnets_of_vpc(vpc))?.into_iter().map(Subject::Subnet).collect();
    for id in query::index::<AttachmentId>(snapshot, &record::attachments_of_vpc(vpc))? {
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
        let spec = InstanceSpec { namespace: instance.namespace };
        entries.entry(instance.host).or_default().insert(EntryKey::Instance(id), Entry::Instance(spec));
    }
    Ok(entries)
}

fn subnet(snapshot: &dyn Snapshot, carriers: &Carriers, id: SubnetId) -> Result<HostEntries, DecideError> {
    let mut entries = HostEntries::new();
    if let Some((subnet, _)) = query::find::<Subnet>(snapshot, id)? {
        let (vpc, _) = query::get::<Vpc>(snapshot, subnet.vpc)?;
        for host in carriers.of(vpc.id) {
            let key = EntryKey::Endpoint(vpc.segment, subnet.gateway());
            entries.entry(host).or_default().insert(key, Entry::Endpoint(EndpointSpec::Gateway));
        }
    }
    Ok(entries)
}
