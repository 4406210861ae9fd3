//! Prints how many transactions per second the SQLite engine makes durable, alone and with 16 at once.
//!
//! Each transaction puts 10 values of 300 bytes. The store is in the directory given as the first argument, or in the
//! system's temporary directory; what counts is the disk it is on. Run with `--release`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pintle_core::txn::{Txn, Write};
use pintle_store::{Outcome, SqliteSettings, SqliteStore, Store, StoreError};

const RUN: Duration = Duration::from_secs(4);
const PUTS: u64 = 10;
const VALUE_BYTES: usize = 300;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    for committers in [1, 16] {
        let directory = tempfile::tempdir_in(&parent)?;
        let store = SqliteStore::open(&directory.path().join("store.db"), SqliteSettings::default())?;
        let mut latencies = measure(Arc::new(store), committers).await?;
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        println!(
            "{committers:>2} committers: {:>6.0} commits/s, median {:?}, p99 {:?}",
            latencies.len() as f64 / RUN.as_secs_f64(),
            at(50),
            at(99)
        );
    }
    Ok(())
}

/// Commits for [`RUN`] and returns how long each commit took.
async fn measure(store: Arc<SqliteStore>, committers: u64) -> Result<Vec<Duration>, StoreError> {
    let end = Instant::now() + RUN;
    let mut tasks = tokio::task::JoinSet::new();
    for committer in 0..committers {
        let store = store.clone();
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut n = 0;
            while Instant::now() < end {
                let begun = Instant::now();
                match store.commit(txn(committer, n)).await? {
                    Outcome::Committed { .. } => latencies.push(begun.elapsed()),
                    Outcome::Conflict { .. } => {}
                }
                n += 1;
            }
            Ok::<_, StoreError>(latencies)
        });
    }
    let mut all = Vec::new();
    for latencies in tasks.join_all().await {
        all.extend(latencies?);
    }
    Ok(all)
}

/// Ten keys that no other transaction writes, spread like ids are.
fn txn(committer: u64, n: u64) -> Txn {
    let put = |part: u64| {
        let spread = (n * PUTS + part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Write::Put { key: format!("vni/eni-{spread:016x}{committer:x}"), value: vec![part as u8; VALUE_BYTES] }
    };
    Txn { compares: Vec::new(), writes: (0..PUTS).map(put).collect() }
}
