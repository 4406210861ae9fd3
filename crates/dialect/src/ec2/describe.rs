//! Listing a resource: by ids, by filters, in pages.
//!
//! A page costs what it shows: explicit ids and filters that name a parent are answered from indexes; all else walks the
//! collection newest first, a bounded number of records at a time, and stops when the page is full.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use pintle_core::model::Tags;
use pintle_core::query;
use pintle_core::record::Record;
use pintle_core::txn::{Revision, Snapshot};
use sha2::{Digest, Sha256};

use super::caller::Caller;
use super::error::Ec2Error;
use super::filter::{FilterDef, Filters};
use super::ids::Ec2Id;
use super::operation::{Scan, Work};
use super::params::Params;
use super::xml::Xml;
use crate::view::View;

/// The id's type of a resource.
pub type IdOf<V> = <<V as View>::Record as Record>::Id;

/// A resource that can be listed.
pub trait Resource: View + Send + 'static
where
    IdOf<Self>: Ec2Id + FromStr + Ord + Send,
{
    /// The element that holds the items, such as `networkInterfaceSet`.
    const SET: &'static str;
    /// The parameter that lists ids, such as `NetworkInterfaceId`.
    const IDS: &'static str;
    /// Its filters.
    const FILTERS: &'static [FilterDef<Self>];
    /// The most that a page shows, and what it shows unless asked for fewer.
    const PAGE: usize = 1000;

    /// The only ids that can match, where a filter names them or an index finds them; `None`: any.
    ///
    /// # Errors
    /// When the store can't be read.
    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<IdOf<Self>>>, Ec2Error>;

    /// Whether a record is none that clients know of.
    fn hidden(_: &Self::Record) -> bool {
        false
    }

    /// Writes one item.
    fn write(&self, xml: &mut Xml, caller: &Caller, tags: &Tags);
}

/// Reads a request for a list: ids, filters, page; `MaxResults` may be from `least` on.
///
/// # Errors
/// What the client asked wrongly.
pub fn list<V: Resource>(params: &mut Params, caller: &Caller, least: usize) -> Result<Work, Ec2Error>
where
    IdOf<V>: Ec2Id + FromStr + Ord + Send,
{
    let token = params.text("NextToken").filter(|token| !token.is_empty());
    let limit = params.number("MaxResults", least..=V::PAGE)?;
    // All that is left says what is listed, so a token fits the very same list only.
    let query = fingerprint(params, V::SET, caller);
    let ids = params.ids::<IdOf<V>>(V::IDS)?;
    let filters = Filters::read(params, V::FILTERS)?;
    if !ids.is_empty() && (limit.is_some() || token.is_some()) {
        let message = format!("The parameter {} cannot be used with the parameter MaxResults", V::IDS);
        return Err(Ec2Error::combination(message));
    }
    let position = token.map(|token| open_token(&token, &query)).transpose()?;
    let named = !ids.is_empty();
    Ok(Work::Scan(Box::new(Listing::<V> {
        ids: named.then_some(ids),
        finder: None,
        pinned: None,
        must_exist: named,
        filters,
        limit: if named { usize::MAX } else { limit.unwrap_or(V::PAGE) },
        position,
        query,
        caller: caller.clone(),
        shown: 0,
        items: Xml::piece(),
        next: None,
    })))
}

/// Reads a request for a list that EC2 does not cut into pages: ids and filters. `finder` finds the ids of what the request
/// names in another way.
///
/// # Errors
/// What the client asked wrongly.
pub fn whole<V: Resource>(
    params: &mut Params,
    caller: &Caller,
    finder: impl FnOnce(&dyn Snapshot) -> Result<Vec<IdOf<V>>, Ec2Error> + Send + 'static,
) -> Result<Work, Ec2Error>
where
    IdOf<V>: Ec2Id + FromStr + Ord + Send,
{
    let ids = params.ids::<IdOf<V>>(V::IDS)?;
    Ok(Work::Scan(Box::new(Listing::<V> {
        ids: (!ids.is_empty()).then_some(ids),
        finder: Some(Box::new(finder)),
        pinned: None,
        must_exist: false,
        filters: Filters::read(params, V::FILTERS)?,
        limit: usize::MAX,
        position: None,
        query: [0; 8],
        caller: caller.clone(),
        shown: 0,
        items: Xml::piece(),
        next: None,
    })))
}

/// Finds the ids of what a request names by something else.
type Finder<I> = Box<dyn FnOnce(&dyn Snapshot) -> Result<Vec<I>, Ec2Error> + Send>;

struct Listing<V: Resource>
where
    IdOf<V>: Ec2Id + FromStr + Ord + Send,
{
    /// Ids that the client names; those that don't exist are an error.
    ids: Option<Vec<IdOf<V>>>,
    /// Where more such ids come from.
    finder: Option<Finder<IdOf<V>>>,
    /// Ids that the filters leave, and how many of them have been looked at; `None`: not worked out yet, or all records.
    pinned: Option<(Vec<IdOf<V>>, usize)>,
    /// Whether what has a pinned id and does not exist is an error.
    must_exist: bool,
    filters: Filters,
    limit: usize,
    /// Where to go on: an id, or a place in the collection.
    position: Option<String>,
    query: [u8; 8],
    caller: Caller,
    shown: usize,
    items: Xml,
    next: Option<String>,
}

impl<V: Resource> Scan for Listing<V>
where
    IdOf<V>: Ec2Id + FromStr + Ord + Send,
{
    fn step(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        if let Some(finder) = self.finder.take() {
            let found = finder(snapshot)?;
            if !found.is_empty() {
                self.ids.get_or_insert_default().extend(found);
            }
        }
        if let Some(ids) = self.ids.take() {
            self.must_exist = true;
            self.pinned = Some((in_order(ids), 0));
            return self.named(snapshot, most);
        }
        if self.pinned.is_none() && !self.by_place() {
            self.pinned = V::candidates(snapshot, &self.filters)?.map(|ids| (in_order(ids), 0));
            if let (Some((ids, at)), Some(position)) = (&mut self.pinned, &self.position) {
                let after: IdOf<V> = position.parse().map_err(|_| bad_token())?;
                *at = ids.partition_point(|id| *id <= after);
            }
        }
        if self.pinned.is_some() { self.named(snapshot, most) } else { self.walk(snapshot, most) }
    }

    fn write(self: Box<Self>, xml: &mut Xml) {
        xml.set_of_pieces(V::SET, &self.items.into_bytes());
        xml.option("nextToken", self.next.map(|position| seal_token(&position, &self.query)));
    }
}

impl<V: Resource> Listing<V>
where
    IdOf<V>: Ec2Id + FromStr + Ord + Send,
{
    /// Whether the position is a place in the collection, which a walk is to go on from.
    fn by_place(&self) -> bool {
        self.position.as_ref().is_some_and(|position| position.contains('.'))
    }

    fn show(&mut self, snapshot: &dyn Snapshot, record: V::Record, revision: Revision) -> Result<(), Ec2Error> {
        let tags = query::tags(snapshot, &record)?;
        // Told from what is there already, before anything is looked up for it.
        if !self.filters.pass_tags(&tags) {
            return Ok(());
        }
        let found = V::join(snapshot, record, revision)?;
        if self.filters.pass(&found, V::FILTERS) {
            self.items.nest("item", |xml| found.write(xml, &self.caller, &tags));
            self.shown += 1;
        }
        Ok(())
    }

    /// Looks at the ids that were named or that filters leave.
    fn named(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        for _ in 0..most {
            let Some((ids, at)) = &mut self.pinned else { return Ok(true) };
            let Some(id) = ids.get(*at).copied() else { return Ok(true) };
            if self.shown == self.limit {
                self.next = at.checked_sub(1).map(|last| ids[last].to_string());
                return Ok(true);
            }
            *at += 1;
            let found = query::find::<V::Record>(snapshot, id)?;
            match found.filter(|(record, _)| self.caller.actor().sees(record) && !V::hidden(record)) {
                Some((record, revision)) => self.show(snapshot, record, revision)?,
                None if self.must_exist => return Err(super::problem::not_found(V::Record::NOUN, &id.to_string())),
                None => {}
            }
        }
        Ok(false)
    }

    /// Looks at the records of the whole collection.
    fn walk(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        let mut left = most;
        while left > 0 {
            // Never more than the page still takes: what does not fit would have been read for nothing.
            let chunk = left.min(self.limit - self.shown);
            let page =
                query::page::<V::Record>(snapshot, &self.caller.owner().scope(), self.position.as_deref(), chunk);
            let page = page.map_err(|error| match error {
                pintle_core::DecideError::Refused(_) => bad_token(),
                other => other.into(),
            })?;
            left -= page.items.len().max(1);
            for (record, revision) in page.items {
                self.show(snapshot, record, revision)?;
            }
            self.position = page.next;
            if self.position.is_none() {
                return Ok(true);
            }
            if self.shown == self.limit {
                self.next.clone_from(&self.position);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The texts that are ids, or whatever is looked for; what is none is nothing's.
pub(super) fn parsed<T: FromStr>(texts: &[&str]) -> Vec<T> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// All ids in the indexes of these parents.
///
/// # Errors
/// When the store can't be read.
pub(super) fn gathered<P, I: FromStr>(
    snapshot: &dyn Snapshot,
    parents: &[P],
    index: impl Fn(&P) -> String,
) -> Result<Vec<I>, Ec2Error> {
    let mut ids = Vec::new();
    for parent in parents {
        ids.extend(query::index::<I>(snapshot, &index(parent))?);
    }
    Ok(ids)
}

pub(super) fn in_order<I: Ord>(mut ids: Vec<I>) -> Vec<I> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

pub(super) fn fingerprint(params: &Params, set: &str, caller: &Caller) -> [u8; 8] {
    let mut hash = Sha256::new();
    let mut feed = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    [set, &caller.account.to_string(), &caller.region].into_iter().for_each(&mut feed);
    for (name, value) in params.iter() {
        feed(name);
        feed(value);
    }
    hash.finalize()[..8].try_into().expect("a SHA-256 has 32 bytes")
}

pub(super) fn seal_token(position: &str, query: &[u8; 8]) -> String {
    BASE64.encode([query, position.as_bytes()].concat())
}

pub(super) fn open_token(token: &str, query: &[u8; 8]) -> Result<String, Ec2Error> {
    let bytes = BASE64.decode(token).map_err(|_| bad_token())?;
    let position = bytes.strip_prefix(query).ok_or_else(bad_token)?;
    String::from_utf8(position.to_vec()).map_err(|_| bad_token())
}

pub(super) fn bad_token() -> Ec2Error {
    Ec2Error::new("InvalidNextToken", "The specified NextToken is corrupted or not valid for this request")
}
