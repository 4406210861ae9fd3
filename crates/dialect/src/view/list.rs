//! Pages of views: of whole collections, and of those that a filter leaves.
//!
//! A page of a whole collection costs what it shows, and a count of what there is. A filter by name costs one look-up per VPC,
//! because names are unique within theirs; one by parent costs the parent's children.

use std::str::FromStr;

use pintle_core::id::VpcId;
use pintle_core::model::{Owner, Vni, Vpc};
use pintle_core::record::{self, Listed, Record, list_prefix, name_key};
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, Refusal, query};

use super::View;

/// A page of views.
#[derive(Debug, Clone)]
pub struct Page<V> {
    /// What the page shows.
    pub items: Vec<V>,
    /// Where the next page starts, if there is one: opaque to clients.
    pub next: Option<String>,
    /// How many items all pages have together.
    pub total: u64,
}

/// A page of all that an owner has of a kind, newest first; `None`: that of who looks.
///
/// # Errors
/// As [`all`].
pub fn own<V: View>(
    snapshot: &dyn Snapshot,
    owner: Option<&Owner>,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<V>, DecideError>
where
    <V::Record as Record>::Id: FromStr,
{
    all(snapshot, &scope_of(snapshot, owner)?, start, limit)
}

/// A page of those that an owner has of a kind and that are not hidden, newest first; `None`: the default owner's. `hidden` is
/// how many are. Costs what it shows, what is hidden between, and a count of what there is.
///
/// # Errors
/// As [`all`].
pub fn own_shown<V: View>(
    snapshot: &dyn Snapshot,
    owner: Option<&Owner>,
    start: Option<&str>,
    limit: usize,
    shown: impl Fn(&V::Record) -> bool,
    hidden: u64,
) -> Result<Page<V>, DecideError>
where
    V::Record: Listed,
    <V::Record as Record>::Id: FromStr,
{
    let scope = scope_of(snapshot, owner)?;
    let mut found = Vec::new();
    let mut from = start.map(ToOwned::to_owned);
    // One more than the page shows: the next page starts there.
    loop {
        let page = query::page::<V::Record>(snapshot, &scope, from.as_deref(), limit)?;
        found.extend(page.items.into_iter().filter(|(record, _)| shown(record)));
        match page.next {
            Some(next) if found.len() <= limit => from = Some(next),
            _ => break,
        }
    }
    let total = query::total::<V::Record>(snapshot, &scope)?;
    let next = found.get(limit).map(|(record, _)| token(record));
    let items = found.into_iter().take(limit).map(|(record, revision)| V::join(snapshot, record, revision));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next, total: total.saturating_sub(hidden) })
}

/// A page of an owner's interfaces that are ones of their own, newest first; `None`: the default owner's.
///
/// # Errors
/// As [`all`].
pub fn own_vnis<V: View<Record = Vni>>(
    snapshot: &dyn Snapshot,
    owner: Option<&Owner>,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<V>, DecideError> {
    let whose = match owner {
        Some(owner) => owner.clone(),
        None => query::owner(snapshot)?,
    };
    let children = snapshot.count(&record::children_of(&whose))?;
    own_shown(snapshot, Some(&whose), start, limit, |vni: &Vni| !vni.child, children)
}

pub(super) fn scope_of(snapshot: &dyn Snapshot, owner: Option<&Owner>) -> Result<String, DecideError> {
    Ok(match owner {
        Some(owner) => owner.scope(),
        None => query::owner(snapshot)?.scope(),
    })
}

/// A page of a whole collection, newest first. `scope` is empty for what is the operator's, or the parent's id for a child
/// collection.
///
/// # Errors
/// [`Refusal::Invalid`] when `start` is not from this collection, or when the store can't be read.
pub fn all<V: View>(
    snapshot: &dyn Snapshot,
    scope: &str,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<V>, DecideError>
where
    <V::Record as Record>::Id: FromStr,
{
    let page = query::page::<V::Record>(snapshot, scope, start, limit)?;
    let items = page.items.into_iter().map(|(record, revision)| V::join(snapshot, record, revision));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        next: page.next,
        total: query::total::<V::Record>(snapshot, scope)?,
    })
}

/// A page of the records with these ids, newest first.
///
/// # Errors
/// As [`all`].
pub fn by_ids<V: View>(
    snapshot: &dyn Snapshot,
    ids: Vec<<V::Record as Record>::Id>,
    start: Option<&str>,
    limit: usize,
) -> Result<Page<V>, DecideError>
where
    V::Record: Listed,
{
    let mut found = ids
        .into_iter()
        .map(|id| query::get::<V::Record>(snapshot, id).map(|(record, revision)| (token(&record), record, revision)))
        .collect::<Result<Vec<_>, DecideError>>()?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let total = found.len() as u64;
    let skip = match start {
        None => 0,
        Some(start) if !is_token(start) => return Err(foreign_start(start).into()),
        Some(start) => found.iter().position(|(token, ..)| token.as_str() >= start).unwrap_or(found.len()),
    };
    let mut rest = found.into_iter().skip(skip);
    let items = rest
        .by_ref()
        .take(limit)
        .map(|(_, record, revision)| V::join(snapshot, record, revision))
        .collect::<Result<_, _>>()?;
    Ok(Page { items, next: rest.next().map(|(token, ..)| token), total })
}

/// Everything that an owner has of a kind, newest first; `None`: the default owner. For filters that no index answers.
///
/// # Errors
/// When the store can't be read.
pub fn every<V: View>(snapshot: &dyn Snapshot, owner: Option<&Owner>) -> Result<Vec<V>, DecideError>
where
    <V::Record as Record>::Id: FromStr,
{
    every_of(snapshot, &scope_of(snapshot, owner)?)
}

/// As [`every`], of a child collection.
///
/// # Errors
/// As [`every`].
pub fn every_of<V: View>(snapshot: &dyn Snapshot, scope: &str) -> Result<Vec<V>, DecideError>
where
    <V::Record as Record>::Id: FromStr,
{
    let ids = query::index::<<V::Record as Record>::Id>(snapshot, &list_prefix::<V::Record>(scope))?;
    ids.into_iter().map(|id| V::read(snapshot, id)).collect()
}

/// A record's place in its collection, as a page's `next` names it.
fn token<R: Listed>(record: &R) -> String {
    let key = record.list_key();
    key[list_prefix::<R>(&record.list_scope()).len()..].replacen('/', ".", 1)
}

/// Whether a text could be a place in a collection: twelve hexadecimal digits of time, a dot, and an id.
fn is_token(text: &str) -> bool {
    text.split_once('.').is_some_and(|(time, id)| {
        time.len() == 12 && time.bytes().all(|b| b.is_ascii_hexdigit()) && id.contains('-') && id.len() <= 60
    })
}

fn foreign_start(start: &str) -> Refusal {
    Refusal::invalid("start", start, "it must come from the 'next' of the page before")
}

/// A page of ids in the order given; a page starts at the id that the token names.
///
/// # Errors
/// [`Refusal::Invalid`] when `start` is none of them.
pub fn of_ids<I: FromStr + PartialEq + Copy + ToString>(
    ids: &[I],
    start: Option<&str>,
    limit: usize,
) -> Result<Page<I>, Refusal> {
    of_slice(ids, start, limit)
}

/// As [`of_ids`], of what is told apart by its text.
///
/// # Errors
/// As [`of_ids`].
pub fn of_texts(texts: &[String], start: Option<&str>, limit: usize) -> Result<Page<String>, Refusal> {
    of_slice(texts, start, limit)
}

fn of_slice<T: Clone + ToString>(all: &[T], start: Option<&str>, limit: usize) -> Result<Page<T>, Refusal> {
    let skip = match start {
        None => 0,
        Some(start) => all.iter().position(|item| item.to_string() == start).ok_or_else(|| foreign_start(start))?,
    };
    let items: Vec<T> = all.iter().skip(skip).take(limit).cloned().collect();
    let next = all.get(skip + items.len()).map(ToString::to_string);
    Ok(Page { items, next, total: all.len() as u64 })
}

/// Where a name is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// On the whole server, for kinds whose names are unique there.
    Server,
    /// Among an owner's things, for kinds whose names are unique there.
    Owner,
    /// In every VPC of an owner, for kinds whose names are unique within theirs.
    EveryVpc,
    /// In one VPC.
    Vpc(VpcId),
}

/// The ids of an owner's records with this name; `None`: those of who looks.
///
/// # Errors
/// When the store can't be read.
pub fn by_name<R: Record>(
    snapshot: &dyn Snapshot,
    owner: Option<&Owner>,
    name: &str,
    scope: Scope,
) -> Result<Vec<R::Id>, DecideError>
where
    R::Id: FromStr,
{
    // A name that breaks the rule of names is nobody's, and must not reach into the layout of keys.
    if pintle_core::name::check(R::NOUN, name).is_err() {
        return Ok(Vec::new());
    }
    let scopes = match scope {
        Scope::Server => vec![String::new()],
        Scope::Owner => vec![scope_of(snapshot, owner)?],
        Scope::Vpc(vpc) if query::find::<Vpc>(snapshot, vpc)?.is_none() => Vec::new(),
        Scope::Vpc(vpc) => vec![vpc.to_string()],
        Scope::EveryVpc => {
            let vpcs = list_prefix::<Vpc>(&scope_of(snapshot, owner)?);
            query::index::<VpcId>(snapshot, &vpcs)?.iter().map(ToString::to_string).collect()
        }
    };
    let mut found = Vec::new();
    for scope in scopes {
        let key = name_key::<R>(&scope, name);
        if let Some(stored) = snapshot.get(&key)? {
            let id = std::str::from_utf8(&stored.value).ok().and_then(|text| text.parse().ok());
            found.push(id.ok_or_else(|| DecideError::Corrupt { key, detail: "it does not hold an id".to_owned() })?);
        }
    }
    Ok(found)
}

/// The ids of a VPC's children of one kind, in no particular order.
///
/// # Errors
/// When the store can't be read.
pub fn child_ids<R>(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<Vec<R::Id>, DecideError>
where
    R: ChildOfVpc,
    R::Id: FromStr,
{
    // Whose VPC it is decides, so that another tenant's is as empty as one that does not exist.
    if query::find::<Vpc>(snapshot, vpc)?.is_none() {
        return Ok(Vec::new());
    }
    query::index(snapshot, &R::index(vpc))
}

/// A kind of record that has an index by VPC.
pub trait ChildOfVpc: Record {
    /// What the index keys of one VPC begin with.
    fn index(vpc: VpcId) -> String;
}
impl ChildOfVpc for pintle_core::model::Subnet {
    fn index(vpc: VpcId) -> String {
        record::subnets_of_vpc(vpc)
    }
}
impl ChildOfVpc for pintle_core::model::Instance {
    fn index(vpc: VpcId) -> String {
        record::instances_of_vpc(vpc)
    }
}
impl ChildOfVpc for pintle_core::model::SecurityGroup {
    fn index(vpc: VpcId) -> String {
        record::groups_of_vpc(vpc)
    }
}
impl ChildOfVpc for pintle_core::model::NetworkAcl {
    fn index(vpc: VpcId) -> String {
        record::acls_of_vpc(vpc)
    }
}
impl ChildOfVpc for pintle_core::model::PublicGateway {
    fn index(vpc: VpcId) -> String {
        record::gateways_of_vpc(vpc)
    }
}
