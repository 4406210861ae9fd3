//! The working paper of one decision: reads are remembered as compares, writes are collected and visible to later reads.
//!
//! Because every read that a decision relied on ends up in the transaction, a decision that was overtaken by another
//! commit fails as a whole and is made again on a fresh snapshot; no rule needs a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::id::{HostId, IdSource};
use crate::memo;
use crate::model::{Account, AccountId, Host, Owner, Regions, Timestamp};
use crate::record::{self, Listed, Record};
use crate::refusal::{DecideError, Noun, Refusal};
use crate::request::{Actor, Unnamed};
use crate::txn::{Compare, Snapshot, Txn, Write};

/// Lists inside decisions are bounded by the model (subnets of a VPC, attachments of an instance …), never by this.
const WHOLE: usize = usize::MAX;

/// A record that a decision makes or takes away, as far as what lies beside records asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) noun: Noun,
    /// What the keys of its kind begin with.
    pub(crate) kind: &'static str,
    /// Its id's text.
    pub(crate) id: String,
    pub(crate) owner: Option<Owner>,
    /// Within what it counts towards a quota.
    pub(crate) within: Option<String>,
}

impl Kept {
    fn of<R: Record>(record: &R) -> Self {
        let (owner, within) = (record.owner().cloned(), record.counted_within());
        Kept { noun: R::NOUN, kind: R::KIND, id: record.id().to_string(), owner, within }
    }

    /// The account that it belongs to.
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.owner.as_ref().map(|owner| owner.account)
    }
}

/// A decision in the making.
pub(crate) struct Draft<'a> {
    snapshot: &'a dyn Snapshot,
    /// Who asks.
    pub(crate) by: Actor,
    /// How things without names are called.
    pub(crate) unnamed: Unnamed,
    /// The moment of the decision.
    pub(crate) now: Timestamp,
    /// Where new ids come from.
    pub(crate) ids: &'a mut dyn IdSource,
    compares: BTreeMap<String, Compare>,
    ranges: BTreeMap<String, Compare>,
    writes: BTreeMap<String, Option<Vec<u8>>>,
    inserted: Vec<Kept>,
    removed: Vec<Kept>,
}

impl<'a> Draft<'a> {
    /// An empty draft on a snapshot.
    pub(crate) fn new(snapshot: &'a dyn Snapshot, by: Actor, now: Timestamp, ids: &'a mut dyn IdSource) -> Self {
        Draft {
            snapshot,
            by,
            unnamed: Unnamed::default(),
            now,
            ids,
            compares: BTreeMap::new(),
            ranges: BTreeMap::new(),
            writes: BTreeMap::new(),
            inserted: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// The transaction that this draft amounts to.
    pub(crate) fn into_txn(self) -> Txn {
        Txn {
            compares: self.compares.into_values().chain(self.ranges.into_values()).collect(),
            writes: self
                .writes
                .into_iter()
                .map(|(key, value)| match value {
                    Some(value) => Write::Put { key, value },
                    None => Write::Delete { key },
                })
                .collect(),
        }
    }

    /// The raw value at a key, relied upon.
    pub(crate) fn raw(&mut self, key: &str) -> Result<Option<Vec<u8>>, DecideError> {
        if let Some(pending) = self.writes.get(key) {
            return Ok(pending.clone());
        }
        let found = self.snapshot.get(key)?;
        let compare = match &found {
            Some(stored) => Compare::Unchanged { key: key.to_owned(), modified: stored.modified },
            None => Compare::Absent { key: key.to_owned() },
        };
        self.compares.insert(key.to_owned(), compare);
        Ok(found.map(|stored| stored.value))
    }

    /// The raw value at a key as a mere hint: nothing breaks when it changes.
    pub(crate) fn hint(&self, key: &str) -> Result<Option<Vec<u8>>, DecideError> {
        match self.writes.get(key) {
            Some(pending) => Ok(pending.clone()),
            None => Ok(self.snapshot.get(key)?.map(|stored| stored.value)),
        }
    }

    /// Up to `limit` keys from `start` within `prefix`, as a hint; pending writes included.
    pub(crate) fn keys_hint(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<String>, DecideError> {
        let start = start.max(prefix);
        let deleted = self.pending(start, prefix).filter(|(_, value)| value.is_none()).count();
        let stored = self.snapshot.list(prefix, start, limit.saturating_add(deleted))?;
        let mut keys: BTreeSet<String> = stored.into_iter().map(|stored| stored.key).collect();
        for (key, value) in self.pending(start, prefix) {
            match value {
                Some(_) => keys.insert(key.clone()),
                None => keys.remove(key),
            };
        }
        // A pending key can lie beyond the last stored one that was read, with unread ones between: it is cut off.
        Ok(keys.into_iter().take(limit).collect())
    }

    /// The record with this id as a mere hint, whoever's it is.
    pub(crate) fn hint_of<R: Record>(&self, id: R::Id) -> Result<Option<R>, DecideError> {
        let key = R::key_of(id);
        self.hint(&key)?.map(|value| decode(&key, &value)).transpose()
    }

    /// Does a part of a decision that may fail: then what it would have written is forgotten, and what it relied on is not.
    pub(crate) fn attempt<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, DecideError>,
    ) -> Result<T, DecideError> {
        let before = (self.writes.clone(), self.inserted.len(), self.removed.len());
        let outcome = part(self);
        if outcome.is_err() {
            self.writes = before.0;
            self.inserted.truncate(before.1);
            self.removed.truncate(before.2);
        }
        outcome
    }

    /// The record with this id, relied upon, if it exists for who asks.
    pub(crate) fn find<R: Record>(&mut self, id: R::Id) -> Result<Option<R>, DecideError> {
        Ok(self.follow_if_there(id)?.filter(|record: &R| self.by.sees(record)))
    }

    /// The record with this id, relied upon.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none, and no different when it is another tenant's.
    pub(crate) fn get<R: Record>(&mut self, id: R::Id) -> Result<R, DecideError> {
        self.find(id)?.ok_or_else(|| Refusal::NotFound { noun: R::NOUN, id: id.to_string() }.into())
    }

    /// The record that another one names, relied upon, whoever asks: what is joined may be of two owners where one of them has
    /// permitted it. Not for ids that a request names.
    pub(crate) fn follow<R: Record>(&mut self, id: R::Id) -> Result<R, DecideError> {
        let found = self.follow_if_there(id)?;
        found.ok_or_else(|| Refusal::NotFound { noun: R::NOUN, id: id.to_string() }.into())
    }

    /// As [`Draft::follow`], where it may be gone.
    pub(crate) fn follow_if_there<R: Record>(&mut self, id: R::Id) -> Result<Option<R>, DecideError> {
        let key = R::key_of(id);
        self.raw(&key)?.map(|value| decode(&key, &value)).transpose()
    }

    /// The server's regions, relied upon.
    pub(crate) fn regions(&mut self) -> Result<Regions, DecideError> {
        let stored = self.raw(record::REGIONS)?;
        stored.map_or_else(|| Ok(Regions::default()), |value| decode_as(record::REGIONS, &value))
    }

    /// Whose a thing is that is part of nothing.
    pub(crate) fn owner_of_new(&mut self) -> Result<Owner, DecideError> {
        match self.by.clone() {
            Actor::Tenant(owner) => self.check_owner(&owner).map(|()| owner),
            Actor::System | Actor::Operator => Ok(Owner::new(AccountId::FIRST, &self.regions()?.default_region().name)),
        }
    }

    /// That there is such an account and such a region.
    pub(crate) fn check_owner(&mut self, owner: &Owner) -> Result<(), DecideError> {
        if self.regions()?.get(&owner.region).is_none() {
            return Err(Refusal::NotFound { noun: Noun::Region, id: owner.region.clone() }.into());
        }
        // The first account is there without a record.
        if owner.account != AccountId::FIRST {
            self.get::<Account>(owner.account)?;
        }
        Ok(())
    }

    /// A host that the request names. Tenants have no names for hosts.
    pub(crate) fn named_host(&mut self, id: HostId) -> Result<Host, DecideError> {
        if self.by.is_tenant() {
            return Err(Refusal::NotFound { noun: Noun::Host, id: id.to_string() }.into());
        }
        self.get(id)
    }

    /// That a zone is one of the owner's region.
    pub(crate) fn check_zone(&mut self, owner: &Owner, zone: &str) -> Result<(), DecideError> {
        crate::name::validate_zone(zone)?;
        let region = self.regions()?.of_zone(zone).name.clone();
        if region != owner.region {
            let rule = format!("it is in region '{region}', not in '{}'", owner.region);
            return Err(Refusal::invalid("zone", zone, rule).into());
        }
        Ok(())
    }

    /// Writes a record that exists already.
    pub(crate) fn put<R: Record>(&mut self, record: &R) {
        self.put_raw(R::key_of(record.id()), encode(record));
    }

    /// Writes a new record and its place in its collection. There is none with its id: ids are drawn, and a clock that was set
    /// back could have one drawn twice.
    pub(crate) fn insert<R: Listed>(&mut self, record: &R) {
        let key = R::key_of(record.id());
        if !self.writes.contains_key(&key) {
            self.compares.entry(key.clone()).or_insert(Compare::Absent { key });
        }
        self.put(record);
        self.put_raw(record.list_key(), record.id().to_string().into_bytes());
        self.inserted.push(Kept::of(record));
    }

    /// Notes that a part of an owner's record is new which has an id and tags of its own, or is gone.
    pub(crate) fn note_part(&mut self, noun: Noun, kind: &'static str, id: String, owner: &Owner, made: bool) {
        let kept = Kept { noun, kind, id, owner: Some(owner.clone()), within: None };
        if made { self.inserted.push(kept) } else { self.removed.push(kept) }
    }

    /// What it has made and taken away, to be dealt with once.
    pub(crate) fn take_kept(&mut self) -> (Vec<Kept>, Vec<Kept>) {
        let (mut inserted, mut removed) = (std::mem::take(&mut self.inserted), std::mem::take(&mut self.removed));
        // What comes and goes within one decision was never there.
        inserted.retain(|made| match removed.iter().position(|gone| gone.id == made.id) {
            Some(at) => {
                removed.remove(at);
                false
            }
            None => true,
        });
        (inserted, removed)
    }

    /// Deletes a record and its place in its collection.
    pub(crate) fn remove<R: Listed>(&mut self, record: &R) {
        self.delete_raw(R::key_of(record.id()));
        self.delete_raw(record.list_key());
        self.removed.push(Kept::of(record));
    }

    /// Writes a raw key.
    pub(crate) fn put_raw(&mut self, key: String, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    /// Deletes a raw key.
    pub(crate) fn delete_raw(&mut self, key: String) {
        self.writes.insert(key, None);
    }

    /// Occupies a key that only one may hold.
    ///
    /// # Errors
    /// Whoever holds it already, for the caller to name.
    pub(crate) fn claim(&mut self, key: String, holder: &str) -> Result<Result<(), String>, DecideError> {
        match self.raw(&key)? {
            Some(other) => Ok(Err(String::from_utf8_lossy(&other).into_owned())),
            None => {
                self.put_raw(key, holder.as_bytes().to_vec());
                Ok(Ok(()))
            }
        }
    }

    /// Occupies a key if nobody holds it. Somebody who does is no more than a hint.
    pub(crate) fn claim_if_free(&mut self, key: String, holder: &str) -> Result<bool, DecideError> {
        if self.hint(&key)?.is_some() {
            return Ok(false);
        }
        if !self.writes.contains_key(&key) {
            self.compares.insert(key.clone(), Compare::Absent { key: key.clone() });
        }
        self.put_raw(key, holder.as_bytes().to_vec());
        Ok(true)
    }

    /// Occupies a name within its scope.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`].
    pub(crate) fn claim_name<R: Record>(
        &mut self,
        scope: &str,
        scope_words: String,
        name: &str,
        id: R::Id,
    ) -> Result<(), DecideError> {
        match self.claim(record::name_key::<R>(scope, name), &id.to_string())? {
            Ok(()) => Ok(()),
            Err(holder) => {
                Err(Refusal::NameTaken { noun: R::NOUN, name: name.to_owned(), holder, scope: scope_words }.into())
            }
        }
    }

    /// What this decision would write from `start` on within `prefix`.
    fn pending<'b>(
        &'b self,
        start: &str,
        prefix: &'b str,
    ) -> impl Iterator<Item = (&'b String, &'b Option<Vec<u8>>)> + use<'b> {
        self.writes.range(start.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The ids in an index, relied upon: an entry that is added before the commit breaks the decision.
    pub(crate) fn index<I: FromStr>(&mut self, prefix: &str) -> Result<Vec<I>, DecideError> {
        self.relied_upon(prefix, WHOLE)
    }

    /// The first entry of an index, relied upon as [`Draft::index`] is, at the cost of one however long the index is.
    pub(crate) fn first<I: FromStr>(&mut self, prefix: &str) -> Result<Option<I>, DecideError> {
        Ok(self.relied_upon(prefix, 1)?.into_iter().next())
    }

    fn relied_upon<I: FromStr>(&mut self, prefix: &str, limit: usize) -> Result<Vec<I>, DecideError> {
        let since = self.snapshot.revision();
        self.ranges.insert(prefix.to_owned(), Compare::RangeUnchanged { prefix: prefix.to_owned(), since });
        let deleted = self.pending(prefix, prefix).filter(|(_, value)| value.is_none()).count();
        let stored = self.snapshot.list(prefix, "", limit.saturating_add(deleted))?;
        let mut entries: BTreeMap<String, Vec<u8>> =
            stored.into_iter().map(|stored| (stored.key, stored.value)).collect();
        for (key, value) in self.pending(prefix, prefix) {
            match value {
                Some(value) => entries.insert(key.clone(), value.clone()),
                None => entries.remove(key),
            };
        }
        entries.iter().take(limit).map(|(key, value)| parse_id(key, value)).collect()
    }

    /// All keys with a prefix and their values as they were before this decision, relied upon as [`Draft::index`] is.
    pub(crate) fn entries(&mut self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, DecideError> {
        let since = self.snapshot.revision();
        self.ranges.insert(prefix.to_owned(), Compare::RangeUnchanged { prefix: prefix.to_owned(), since });
        Ok(self.snapshot.list(prefix, "", WHOLE)?.into_iter().map(|stored| (stored.key, stored.value)).collect())
    }

    /// How many keys began with a prefix before this decision, relied upon: one that is added before the commit breaks it.
    pub(crate) fn count(&mut self, prefix: &str) -> Result<u64, DecideError> {
        let since = self.snapshot.revision();
        self.ranges.insert(prefix.to_owned(), Compare::RangeUnchanged { prefix: prefix.to_owned(), since });
        Ok(self.snapshot.count(prefix)?)
    }

    /// How many keys begin with a prefix, as a hint; what this decision puts there counts as new.
    pub(crate) fn count_hint(&self, prefix: &str) -> Result<u64, DecideError> {
        let mut count = self.snapshot.count(prefix)?;
        for (_, value) in self.pending(prefix, prefix) {
            count = if value.is_some() { count + 1 } else { count.saturating_sub(1) };
        }
        Ok(count)
    }
}

/// Encodes a record for the store.
pub(crate) fn encode<R: serde::Serialize>(record: &R) -> Vec<u8> {
    serde_json::to_vec(record).expect("records have string keys and no failing serializers")
}

/// Decodes a record from the store.
pub(crate) fn decode<R: Record>(key: &str, value: &[u8]) -> Result<R, DecideError> {
    decode_as(key, value)
}

/// Decodes what is no record from the store.
pub(crate) fn decode_as<T: DeserializeOwned + Clone + 'static>(key: &str, value: &[u8]) -> Result<T, DecideError> {
    memo::of(key, value, |value| serde_json::from_slice(value))
        .map_err(|error| DecideError::Corrupt { key: key.to_owned(), detail: error.to_string() })
}

/// Reads the id that an index entry holds.
pub(crate) fn parse_id<I: FromStr>(key: &str, value: &[u8]) -> Result<I, DecideError> {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(|| DecideError::Corrupt {
        key: key.to_owned(),
        detail: format!("'{}' is not an id", String::from_utf8_lossy(value)),
    })
}
