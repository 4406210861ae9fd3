//! What every engine must pass.
//!
//! Each public function of the submodules is one promise of [`Store`], shown on fresh stores from the engine's factory.
//! An engine's test file hands that factory to [`contract_suite!`](crate::contract_suite), which makes a test of each. The
//! functions panic when the promise is broken, as tests do.

pub mod concurrency;
pub mod reads;
pub mod transactions;
pub mod watching;

use std::any::Any;
use std::sync::Arc;

use pintle_core::txn::{Compare, Revision, Snapshot, Stored, Txn, Write};

use crate::{Batch, Event, Outcome, Store};

/// A fresh store and whatever has to outlive it, such as its directory.
pub struct Fixture {
    /// The engine under test.
    pub store: Arc<dyn Store>,
    _keep: Box<dyn Any + Send>,
}

impl Fixture {
    /// Wraps a store; `keep` is dropped after it.
    pub fn new(store: impl Store, keep: impl Any + Send) -> Self {
        Fixture { store: Arc::new(store), _keep: Box::new(keep) }
    }

    fn snapshot(&self) -> Box<dyn Snapshot + Send + '_> {
        self.store.snapshot().expect("a snapshot")
    }

    fn get(&self, key: &str) -> Option<Stored> {
        self.snapshot().get(key).expect("a read")
    }

    fn revision(&self) -> Revision {
        self.snapshot().revision()
    }

    async fn commit(&self, compares: Vec<Compare>, writes: Vec<Write>) -> Outcome {
        self.store.commit(Txn { compares, writes }).await.expect("a commit")
    }

    /// Commits what must not conflict.
    async fn write(&self, writes: Vec<Write>) -> Revision {
        committed(self.commit(vec![], writes).await)
    }
}

/// Makes a fresh, empty store.
pub type Make<'a> = &'a (dyn Fn() -> Fixture + Sync);

fn committed(outcome: Outcome) -> Revision {
    match outcome {
        Outcome::Committed { revision } => revision,
        Outcome::Conflict { failed } => panic!("the transaction should have been committed, but {failed:?} failed"),
    }
}

fn put(key: &str, value: impl AsRef<[u8]>) -> Write {
    Write::Put { key: key.to_owned(), value: value.as_ref().to_vec() }
}

fn delete(key: &str) -> Write {
    Write::Delete { key: key.to_owned() }
}

fn absent(key: &str) -> Compare {
    Compare::Absent { key: key.to_owned() }
}

fn unchanged(key: &str, modified: Revision) -> Compare {
    Compare::Unchanged { key: key.to_owned(), modified }
}

fn range_unchanged(prefix: &str, since: Revision) -> Compare {
    Compare::RangeUnchanged { prefix: prefix.to_owned(), since }
}

fn batch(revision: Revision, events: &[(&str, Option<&str>)]) -> Batch {
    let event = |(key, value): &(&str, Option<&str>)| Event {
        key: (*key).to_owned(),
        value: value.map(|value| value.as_bytes().to_vec()),
    };
    Batch { revision, events: events.iter().map(event).collect() }
}

fn keys(list: &[Stored]) -> Vec<&str> {
    list.iter().map(|stored| stored.key.as_str()).collect()
}

/// One test for each promise of the contract, on stores made by `$make`, a `fn() -> Fixture`.
///
/// The calling crate needs `tokio` with its macros.
#[macro_export]
macro_rules! contract_suite {
    ($make:path) => {
        $crate::contract_suite!(@module $make, transactions:
            a_transaction_is_whole_or_not_at_all, absent_holds_only_without_the_key, unchanged_holds_only_at_its_revision,
            range_unchanged_fails_on_a_later_write, range_unchanged_ignores_deletions_and_neighbours,
            range_unchanged_reaches_back_over_a_long_history, the_first_failing_compare_is_named,
            a_check_takes_no_revision, deleting_absent_keys_writes_nothing, invalid_transactions_are_refused,
            revisions_are_dense, an_empty_value_is_a_value, large_values_come_back);
        $crate::contract_suite!(@module $make, reads:
            a_list_is_in_byte_order_from_start_to_limit, a_prefix_ends_where_its_keys_end, a_count_is_of_the_prefix,
            a_snapshot_does_not_move, a_snapshot_keeps_what_was_deleted, snapshots_are_independent);
        $crate::contract_suite!(@module $make, watching:
            a_watch_begins_in_the_past, a_watch_goes_on_live, a_batch_is_one_commit_in_order,
            a_conflict_is_not_an_event, a_watch_ahead_of_the_store_is_refused, compaction_ends_a_watch_of_the_past,
            compaction_keeps_values_and_later_events, a_dropped_wait_takes_nothing, a_long_history_comes_whole,
            a_watch_ends_with_its_store);
        $crate::contract_suite!(@module $make, concurrency:
            watches_never_skip_under_writers, a_counter_counts_every_increment, a_unique_key_has_one_owner,
            a_range_check_admits_one);
    };
    (@module $make:path, $module:ident: $($name:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::suite::$module::$name(&$make).await;
                }
            )+
        }
    };
}
