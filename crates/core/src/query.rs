//! Reading without deciding: one record, or a page of a collection.
//!
//! A page costs what it shows, whatever the collection's size: it walks the list keys, which sort newest first.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::draft::{decode, decode_as, parse_id};
use crate::id::{AclAssociationId, InstanceId, RuleId, SecurityGroupId, VpcId};
use crate::model::{AccountId, IpFamily, Owner, PrefixList, PrefixListEntry, Region, Regions};
use crate::model::{ReservedIp, SecurityGroup, Subnet, Tags, Timestamp, Vni, VniPermission, VniUse};
use crate::quota::{self, Limits};
use crate::record::{self, Record, list_prefix};
use crate::refusal::{DecideError, Noun, Refusal};
use crate::request::Actor;
use crate::txn::{Revision, Snapshot, Stored};

/// A page of a collection.
#[derive(Debug, Clone)]
pub struct Page<R> {
    /// The records with the revision of their last write.
    pub items: Vec<(R, Revision)>,
    /// Where the next page starts, if there is one: opaque to clients.
    pub next: Option<String>,
}

/// The record with this id and the revision of its last write, if it exists for who looks.
///
/// # Errors
/// When the store can't be read or holds something else there.
pub fn find<R: Record>(snapshot: &dyn Snapshot, id: R::Id) -> Result<Option<(R, Revision)>, DecideError> {
    Ok(follow_if_there(snapshot, id)?.filter(|(record, _)| snapshot.seen_by().sees(record)))
}

/// The record with this id and the revision of its last write: what is another tenant's is no different from what does not
/// exist.
///
/// # Errors
/// [`Refusal::NotFound`], or as [`find`].
pub fn get<R: Record>(snapshot: &dyn Snapshot, id: R::Id) -> Result<(R, Revision), DecideError> {
    find(snapshot, id)?.ok_or_else(|| Refusal::NotFound { noun: R::NOUN, id: id.to_string() }.into())
}

/// The record that another one names, whoever looks: what is joined may be of two owners where one of them has permitted
/// it. Not for ids that a request names.
///
/// # Errors
/// As [`get`].
pub fn follow<R: Record>(snapshot: &dyn Snapshot, id: R::Id) -> Result<(R, Revision), DecideError> {
    follow_if_there(snapshot, id)?.ok_or_else(|| Refusal::NotFound { noun: R::NOUN, id: id.to_string() }.into())
}

/// As [`follow`], where it may be gone.
///
/// # Errors
/// When the store can't be read or holds something else there.
pub fn follow_if_there<R: Record>(snapshot: &dyn Snapshot, id: R::Id) -> Result<Option<(R, Revision)>, DecideError> {
    let key = R::key_of(id);
    snapshot.get(&key)?.map(|stored| decoded(&stored)).transpose()
}

/// The record that was read, and the revision of its last write.
///
/// # Errors
/// When it is something else.
pub fn decoded<R: Record>(stored: &Stored) -> Result<(R, Revision), DecideError> {
    Ok((decode(&stored.key, &stored.value)?, stored.modified))
}

/// The owner whose things are meant where none is named: a tenant's own, and for everybody else the default one.
///
/// # Errors
/// As [`find`].
pub fn owner(snapshot: &dyn Snapshot) -> Result<Owner, DecideError> {
    match snapshot.seen_by() {
        Actor::Tenant(owner) => Ok(owner.clone()),
        Actor::System | Actor::Operator => default_owner(snapshot),
    }
}

/// The record with this id, and the revision of its last write, as an actor may see it: what is another tenant's is no
/// different from what does not exist.
///
/// # Errors
/// [`Refusal::NotFound`], or as [`find`].
pub fn get_for<R: Record>(snapshot: &dyn Snapshot, by: &Actor, id: R::Id) -> Result<(R, Revision), DecideError> {
    let found = find::<R>(snapshot, id)?.filter(|(record, _)| by.sees(record));
    found.ok_or_else(|| Refusal::NotFound { noun: R::NOUN, id: id.to_string() }.into())
}

/// A page of a collection, newest first.
///
/// `scope` is the owner's ([`Owner::scope`]) for top-level collections, the parent's id for child collections, and empty for
/// what is the operator's; `start` is the `next` of the page
/// before; `limit` is at least 1.
///
/// # Errors
/// [`Refusal::Invalid`] when `start` is not from this collection; or as [`find`].
pub fn page<R: Record>(
    snapshot: &dyn Snapshot,
    scope: &str,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<R>, DecideError>
where
    R::Id: FromStr,
{
    let prefix = list_prefix::<R>(scope);
    let from = match start {
        None => String::new(),
        Some(token) if token.len() <= 80 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) => {
            format!("{prefix}{}", token.replacen('.', "/", 1))
        }
        Some(token) => {
            return Err(Refusal::invalid("start", token, "it must come from the 'next' of the page before").into());
        }
    };
    let mut keys = snapshot.list(&prefix, &from, limit.saturating_add(1))?;
    let next = (keys.len() > limit)
        .then(|| keys.pop())
        .flatten()
        .map(|stored| stored.key[prefix.len()..].replacen('/', ".", 1));
    let items = keys
        .iter()
        .map(|stored| get(snapshot, parse_id(&stored.key, &stored.value)?))
        .collect::<Result<Vec<_>, DecideError>>()?;
    Ok(Page { items, next })
}

/// How many records a collection has in all. Unlike a page it costs more the more there are.
///
/// # Errors
/// As [`find`].
pub fn total<R: Record>(snapshot: &dyn Snapshot, scope: &str) -> Result<u64, DecideError> {
    Ok(snapshot.count(&list_prefix::<R>(scope))?)
}

/// The server's regions.
///
/// # Errors
/// As [`find`].
pub fn regions(snapshot: &dyn Snapshot) -> Result<Regions, DecideError> {
    let stored = snapshot.get(record::REGIONS)?;
    stored.map_or_else(|| Ok(Regions::default()), |stored| decode_as(record::REGIONS, &stored.value))
}

/// The zones of a region: those that its configuration names and, in the default region, those of hosts that no region
/// names.
///
/// # Errors
/// As [`find`].
pub fn zones(snapshot: &dyn Snapshot, regions: &Regions, region: &Region) -> Result<Vec<String>, DecideError> {
    let mut zones = region.zones.clone();
    let mut start = String::new();
    // From zone to zone, whatever the number of their hosts.
    while let Some(stored) = snapshot.list(record::HOSTS_OF_ZONE, &start, 1)?.pop() {
        let zone = stored.key[record::HOSTS_OF_ZONE.len()..].split('/').next().unwrap_or_default().to_owned();
        start = format!("{}{zone}0", record::HOSTS_OF_ZONE);
        if regions.of_zone(&zone).name == region.name && !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    Ok(zones)
}

/// Whose things are that nobody in particular has made: the first account's, in the default region.
///
/// # Errors
/// As [`find`].
pub fn default_owner(snapshot: &dyn Snapshot) -> Result<Owner, DecideError> {
    Ok(Owner::new(AccountId::FIRST, &regions(snapshot)?.default_region().name))
}

/// The tags of a thing.
///
/// # Errors
/// As [`find`].
pub fn tags<R: Record>(snapshot: &dyn Snapshot, record: &R) -> Result<Tags, DecideError> {
    record.owner().map_or_else(|| Ok(Tags::default()), |owner| tags_of_part(snapshot, owner, record.id()))
}

/// The tags of what has an id and is part of an owner's record, such as a rule of a security group.
///
/// # Errors
/// As [`find`].
pub fn tags_of_part(snapshot: &dyn Snapshot, owner: &Owner, id: impl std::fmt::Display) -> Result<Tags, DecideError> {
    let key = record::tags_key(owner, &id.to_string());
    snapshot.get(&key)?.map_or_else(|| Ok(Tags::default()), |stored| decode_as(&key, &stored.value))
}

/// The tags of an owner's things by their ids, in the order of the ids' texts, from the id `start` on, `limit` things at most.
///
/// # Errors
/// As [`find`].
pub fn tagged(
    snapshot: &dyn Snapshot,
    owner: &Owner,
    start: &str,
    limit: usize,
) -> Result<Vec<(String, Tags)>, DecideError> {
    let prefix = record::tags_of(owner);
    let found = snapshot.list(&prefix, &format!("{prefix}{start}"), limit)?;
    found
        .iter()
        .map(|stored| Ok((stored.key[prefix.len()..].to_owned(), decode_as(&stored.key, &stored.value)?)))
        .collect()
}

/// Whether there are tokens of requests that are too old to come again.
///
/// # Errors
/// When the store can't be read.
pub fn has_old_tokens(snapshot: &dyn Snapshot, now: Timestamp) -> Result<bool, DecideError> {
    let first = snapshot.list(record::TOKENS, "", 1)?;
    Ok(first.first().is_some_and(|token| token.key < record::tokens_to_keep(now)))
}

/// An account's limits.
///
/// # Errors
/// As [`find`].
pub fn limits(snapshot: &dyn Snapshot, account: AccountId) -> Result<Limits, DecideError> {
    let key = quota::limits_key(account);
    snapshot.get(&key)?.map_or_else(|| Ok(Limits::default()), |stored| decode_as(&key, &stored.value))
}

/// What a front end has noted of an instance.
///
/// # Errors
/// As [`find`].
pub fn instance_notes(snapshot: &dyn Snapshot, id: InstanceId) -> Result<BTreeMap<String, String>, DecideError> {
    let key = record::notes_key(id);
    snapshot.get(&key)?.map_or_else(|| Ok(BTreeMap::new()), |stored| decode_as(&key, &stored.value))
}

/// The default VPC of an owner.
///
/// # Errors
/// As [`find`].
pub fn default_vpc(snapshot: &dyn Snapshot, owner: &Owner) -> Result<Option<VpcId>, DecideError> {
    let key = record::default_vpc_key(owner);
    snapshot.get(&key)?.map(|stored| parse_id(&key, &stored.value)).transpose()
}

/// Whether what an owner begins with was made once.
///
/// # Errors
/// When the store can't be read.
pub fn has_begun(snapshot: &dyn Snapshot, owner: &Owner) -> Result<bool, DecideError> {
    Ok(snapshot.get(&record::begun_key(owner))?.is_some())
}

/// All ids in an index.
///
/// # Errors
/// As [`find`].
pub fn index<I: FromStr>(snapshot: &dyn Snapshot, prefix: &str) -> Result<Vec<I>, DecideError> {
    snapshot.list(prefix, "", usize::MAX)?.iter().map(|stored| parse_id(&stored.key, &stored.value)).collect()
}

/// What a prefix list held in a version, the present one or one that is kept; `None`: it is neither.
///
/// # Errors
/// As [`find`].
pub fn prefix_list_version(
    snapshot: &dyn Snapshot,
    list: &PrefixList,
    version: u32,
) -> Result<Option<Vec<PrefixListEntry>>, DecideError> {
    if version == list.version {
        return Ok(Some(list.entries.clone()));
    }
    let key = record::prefix_list_version_key(list.id, version);
    snapshot.get(&key)?.map(|stored| decode_as(&key, &stored.value)).transpose()
}

/// The group that a rule is one of, as an actor may see it.
///
/// # Errors
/// [`Refusal::NotFound`] of the rule, or as [`find`].
pub fn group_of_rule(snapshot: &dyn Snapshot, by: &Actor, rule: RuleId) -> Result<SecurityGroup, DecideError> {
    let absent = || Refusal::NotFound { noun: Noun::SecurityGroupRule, id: rule.to_string() };
    let group = group_id_of_rule(snapshot, rule)?.ok_or_else(absent)?;
    // Not found is the rule that was named, never the group, which nobody has named.
    let found = find::<SecurityGroup>(snapshot, group)?.map(|(group, _)| group);
    found.filter(|group| by.sees(group)).ok_or_else(|| absent().into())
}

/// The id of the group that a rule is of, whoever may see that; `None`: there is no such rule.
///
/// # Errors
/// As [`find`].
pub fn group_id_of_rule(snapshot: &dyn Snapshot, rule: RuleId) -> Result<Option<SecurityGroupId>, DecideError> {
    let key = record::group_of_rule_key(rule);
    snapshot.get(&key)?.map(|stored| parse_id(&key, &stored.value)).transpose()
}

/// The subnet that a bond to a network ACL is of, as an actor may see it; `None`: there is no such bond.
///
/// # Errors
/// As [`find`].
pub fn subnet_of_association(
    snapshot: &dyn Snapshot,
    by: &Actor,
    association: AclAssociationId,
) -> Result<Option<Subnet>, DecideError> {
    let key = record::acl_association_key(association);
    let Some(stored) = snapshot.get(&key)? else { return Ok(None) };
    let found = find::<Subnet>(snapshot, parse_id(&key, &stored.value)?)?;
    Ok(found.map(|(subnet, _)| subnet).filter(|subnet| by.sees(subnet)))
}

/// Whether an interface's owner has permitted another account to use it so. Commands judge it themselves; this is for what is
/// looked up before there is a command.
///
/// # Errors
/// As [`find`].
pub fn permits(snapshot: &dyn Snapshot, vni: &Vni, user: &Owner, to: VniUse) -> Result<bool, DecideError> {
    if user.region != vni.owner.region {
        return Ok(false);
    }
    let key = record::vni_permission_key(vni.id, user.account, to);
    let Some(held) = snapshot.get(&key)? else { return Ok(false) };
    let (permission, _) = follow::<VniPermission>(snapshot, parse_id(&key, &held.value)?)?;
    Ok(!permission.revoked)
}

/// How many IPv4 addresses of a subnet are free; those of delegated networks are not.
///
/// # Errors
/// As [`find`].
pub fn free_addresses(snapshot: &dyn Snapshot, subnet: &Subnet) -> Result<u64, DecideError> {
    let mut taken = snapshot.count(&list_prefix::<ReservedIp>(&subnet.id.to_string()))?;
    if let Some(range) = subnet.ipv6_cidr {
        taken -= snapshot.count(&record::addresses_within(subnet.vpc, range.into()))?;
    }
    taken += 16 * snapshot.count(&record::prefixes_of_subnet(subnet.id, IpFamily::V4))?;
    Ok(subnet.total_addresses().saturating_sub(taken))
}
