//! The in-memory engine keeps the contract.

use pintle_store::MemoryStore;
use pintle_store::suite::Fixture;

fn memory() -> Fixture {
    Fixture::new(MemoryStore::default(), ())
}

pintle_store::contract_suite!(super::memory);
