//! Entries of groups, network ACLs and prefix lists: one on each host that may need it.

use std::collections::BTreeSet;

use super::{Carriers, HostEntries};
use crate::host_spec::{Entry, EntryKey};
use crate::id::{HostId, NetworkAclId, PrefixListId, SecurityGroupId};
use crate::model::{NetworkAcl, PrefixList, SecurityGroup};
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::txn::Snapshot;

/// A group's rules, on every host that carries its VPC.
pub(super) fn group(
    snapshot: &dyn Snapshot,
    carriers: &Carriers,
    id: SecurityGroupId,
) -> Result<HostEntries, DecideError> {
    let Some((group, _)) = query::find::<SecurityGroup>(snapshot, id)? else { return Ok(HostEntries::new()) };
    Ok(on(carriers.of(group.vpc), EntryKey::Group(id), &Entry::Group(group.rules)))
}

/// An ACL's rules, on every host that carries its VPC.
pub(super) fn acl(snapshot: &dyn Snapshot, carriers: &Carriers, id: NetworkAclId) -> Result<HostEntries, DecideError> {
    let Some((acl, _)) = query::find::<NetworkAcl>(snapshot, id)? else { return Ok(HostEntries::new()) };
    let rules = acl.rules.into_iter().map(|rule| rule.rule).collect();
    Ok(on(carriers.of(acl.vpc), EntryKey::Acl(id), &Entry::Acl(rules)))
}

/// A prefix list's networks, on every host that carries a VPC with a group that refers to it.
pub(super) fn prefix_list(
    snapshot: &dyn Snapshot,
    carriers: &Carriers,
    id: PrefixListId,
) -> Result<HostEntries, DecideError> {
    let Some((list, _)) = query::find::<PrefixList>(snapshot, id)? else { return Ok(HostEntries::new()) };
    let mut hosts = BTreeSet::new();
    for group in query::index::<SecurityGroupId>(snapshot, &record::groups_of_prefix_list(id))? {
        hosts.extend(carriers.of(query::get::<SecurityGroup>(snapshot, group)?.0.vpc));
    }
    let nets = list.entries.iter().map(|entry| entry.net).collect();
    Ok(on(hosts, EntryKey::PrefixList(id), &Entry::PrefixList(nets)))
}

/// One entry on each of some hosts.
fn on(hosts: BTreeSet<HostId>, key: EntryKey, entry: &Entry) -> HostEntries {
    hosts.into_iter().map(|host| (host, [(key, entry.clone())].into())).collect()
}
