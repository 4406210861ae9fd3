//! The engine: commands under contention, conditions, and waiting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Plane, Seeded, check_addresses};
use pintle_core::command::{CreateVni, CreateVpc};
use pintle_core::model::{ReservedIp, Vni};
use pintle_core::record::lists_of;
use pintle_core::txn::{Revision, Snapshot, Txn};
use pintle_core::{Command, query};
use pintle_server::{Engine, EngineError, SystemClock};
use pintle_store::{BoxFuture, MemoryStore, Outcome, SqliteSettings, SqliteStore, Store, StoreError, Watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b17_many_at_once_in_one_subnet_get_an_address_each() {
    let directory = tempfile::tempdir().expect("a directory");
    let sqlite = SqliteStore::open(&directory.path().join("store.db"), SqliteSettings::default()).expect("opened");
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::default()), Arc::new(sqlite)];
    for store in stores {
        let plane = Arc::new(Plane::over(store, 1));
        let vpc = plane.vpc().await;
        let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
        let tasks = (0..64).map(|_| {
            let plane = plane.clone();
            tokio::spawn(async move { plane.vni(subnet).await })
        });
        let made: Vec<_> = futures::future::join_all(tasks).await;
        assert!(made.iter().all(Result::is_ok));
        let addresses: BTreeSet<_> =
            plane.all::<ReservedIp>().into_iter().filter(|ip| ip.bound_to.is_some()).map(|ip| ip.address).collect();
        assert_eq!(addresses.len(), 64);
        check_addresses(&plane, "after 64 at once");
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_commit_that_it_waits_for() {
    let plane = Plane::new(2);
    let engine = plane.engine.clone();
    let look = |snapshot: &dyn Snapshot| Ok((snapshot.count(&lists_of::<pintle_core::model::Vpc>())? > 0).then_some(7));
    let waiting = tokio::spawn(async move { engine.wait(Duration::from_secs(60), look).await });
    tokio::task::yield_now().await;
    plane.vpc().await;
    assert_eq!(waiting.await.expect("no panic").expect("no error"), Some(7));
    let found = plane.engine.wait(Duration::from_secs(60), look).await.expect("no error");
    assert_eq!(found, Some(7), "what is there already is found at once");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_nothing_ends_with_its_time() {
    let plane = Plane::new(3);
    let found = plane.engine.wait(Duration::from_secs(30), |_| Ok(None::<()>)).await.expect("no error");
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_changes_nothing() {
    let plane = Plane::new(4);
    let before = plane.revision();
    let done = plane.engine.execute_if(Command::CreateVpc(CreateVpc::default()), |_| Ok(false)).await;
    assert!(matches!(done, Ok(None)));
    assert_eq!(plane.revision(), before);
}

#[tokio::test]
async fn the_revision_of_a_command_is_that_of_its_record() {
    let plane = Plane::new(5);
    let vpc = plane.vpc().await;
    let subnet = Some(plane.subnet(vpc, "10.0.0.0/24").await);
    let create = Command::CreateVni(CreateVni { subnet, ..CreateVni::default() });
    let (reply, revision) = plane.engine.execute_at(create).await.expect("created");
    let pintle_core::Reply::Vni(vni) = reply else { panic!("{reply:?}") };
    let read = plane.engine.read(|snapshot| query::get::<Vni>(snapshot, vni.id)).await.expect("read");
    assert_eq!(read, (vni, revision));
}

/// A store in which somebody else is always faster.
struct AlwaysOvertaken {
    inner: MemoryStore,
    tries: AtomicU32,
}

impl Store for AlwaysOvertaken {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send + '_>, StoreError> {
        self.inner.snapshot()
    }
    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let failed = txn.compares.into_iter().next().expect("a decision relies on something");
        Box::pin(async move { Ok(Outcome::Conflict { failed }) })
    }
    fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        self.inner.watch(after)
    }
    fn compact(&self, keep_after: Revision) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.compact(keep_after)
    }
}

#[tokio::test]
async fn a_command_that_is_always_overtaken_is_given_up_and_says_so() {
    let store = Arc::new(AlwaysOvertaken { inner: MemoryStore::default(), tries: AtomicU32::new(0) });
    let engine = Engine::new(store.clone(), Arc::new(SystemClock), Box::new(Seeded(6)));
    let error = engine.execute(Command::CreateVpc(CreateVpc::default())).await.expect_err("given up");
    assert!(matches!(error, EngineError::Busy { attempts: 64 }), "{error}");
    assert!(error.to_string().contains("send it again"), "{error}");
    assert_eq!(store.tries.load(Ordering::Relaxed), 64);
}
