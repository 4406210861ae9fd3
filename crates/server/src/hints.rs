//! Where decisions look for a subnet's next free address, kept in memory and stored now and then.
//!
//! A [hint](record::is_address_hint) moves on with each address that is given out. Were it only in the store, decisions that
//! are made at the same time would all choose the address after the last committed one, and all but one would be made again.
//! Here it moves on when a decision is made. What is stored may be some addresses behind, so a new server begins as many
//! further on: an address that was just given back still rests before it is given out again.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pintle_core::record;
use pintle_core::request::Actor;
use pintle_core::txn::{ReadError, Revision, Snapshot, Stored, Txn, Write};

/// One of so many values of a hint is stored.
const STORED_EACH: u32 = 8;

/// The hints that are ahead of the store, by their keys.
#[derive(Default)]
pub(crate) struct Hints(Mutex<HashMap<String, Hint>>);

struct Hint {
    value: Vec<u8>,
    /// How many values came since one was stored.
    since: u32,
}

impl Hints {
    /// The snapshot with these hints.
    pub(crate) fn over<'a>(&'a self, snapshot: &'a dyn Snapshot) -> Hinted<'a> {
        Hinted { snapshot, hints: self }
    }

    /// Takes note of where a decision has been, and takes out of its transaction what need not be stored.
    pub(crate) fn learn(&self, txn: &mut Txn) {
        if !txn.writes.iter().any(|write| record::is_address_hint(write.key())) {
            return;
        }
        let mut hints = self.lock();
        txn.writes.retain(|write| {
            if !record::is_address_hint(write.key()) {
                return true;
            }
            match write {
                Write::Put { key, value } => match hints.get_mut(key) {
                    Some(hint) => {
                        hint.value.clone_from(value);
                        hint.since = (hint.since + 1) % STORED_EACH;
                        hint.since == 0
                    }
                    None => {
                        hints.insert(key.clone(), Hint { value: value.clone(), since: 0 });
                        true
                    }
                },
                Write::Delete { key } => {
                    hints.remove(key);
                    true
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Hint>> {
        // Each change is complete in itself, and a hint can't be wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot with the newest hints.
pub(crate) struct Hinted<'a> {
    snapshot: &'a dyn Snapshot,
    hints: &'a Hints,
}

impl Snapshot for Hinted<'_> {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }
    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        if !record::is_address_hint(key) {
            return self.snapshot.get(key);
        }
        let known = self.hints.lock().get(key).map(|hint| hint.value.clone());
        match known {
            Some(value) => Ok(Some(Stored { key: key.to_owned(), value, modified: 0 })),
            None => Ok(self.snapshot.get(key)?.map(|stored| Stored { value: ahead(&stored.value), ..stored })),
        }
    }
    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.snapshot.list(prefix, start, limit)
    }
    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        self.snapshot.count(prefix)
    }
    fn seen_by(&self) -> &Actor {
        self.snapshot.seen_by()
    }
}

/// As far on as the value that was stored can be behind.
fn ahead(value: &[u8]) -> Vec<u8> {
    let address = str::from_utf8(value).ok().and_then(|text| text.parse::<Ipv4Addr>().ok());
    address.map_or_else(
        || value.to_vec(),
        |address| Ipv4Addr::from(u32::from(address).saturating_add(STORED_EACH - 1)).to_string().into_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Write {
        Write::Put { key: key.to_owned(), value: value.as_bytes().to_vec() }
    }

    #[test]
    fn hints_are_learned_at_once_and_stored_now_and_then() {
        let hints = Hints::default();
        let mut stored = Vec::new();
        for number in 0..64 {
            let value = number.to_string();
            let mut txn = Txn { writes: vec![put("address_hint/a", &value), put("vpc/b", "x")], ..Txn::default() };
            hints.learn(&mut txn);
            assert_eq!(txn.writes.last(), Some(&put("vpc/b", "x")), "nothing else is taken out");
            stored.extend((txn.writes.len() == 2).then_some(number));
            assert_eq!(hints.lock()["address_hint/a"].value, value.as_bytes());
        }
        assert_eq!(stored, [0, 8, 16, 24, 32, 40, 48, 56]);
        let delete = || Write::Delete { key: "address_hint/a".to_owned() };
        let mut txn = Txn { writes: vec![delete()], ..Txn::default() };
        hints.learn(&mut txn);
        assert_eq!((txn.writes, hints.lock().len()), (vec![delete()], 0));
    }

    #[test]
    fn a_new_server_begins_behind_what_its_predecessor_can_have_given_out() {
        assert_eq!(ahead(b"10.0.0.5"), b"10.0.0.12");
        assert_eq!(ahead(b"255.255.255.254"), b"255.255.255.255");
        assert_eq!(ahead(b"nonsense"), b"nonsense");
    }
}
