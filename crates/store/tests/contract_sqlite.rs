//! The SQLite engine keeps the contract.

use pintle_store::suite::Fixture;
use pintle_store::{SqliteSettings, SqliteStore};

fn sqlite() -> Fixture {
    let directory = tempfile::tempdir().expect("temporary directory");
    let store = SqliteStore::open(&directory.path().join("store.db"), SqliteSettings::default()).expect("open");
    Fixture::new(store, directory)
}

pintle_store::contract_suite!(super::sqlite);
