//! Bodies of who has shown nothing yet: all of them share what is kept of large ones, one source has only a part of it, and
//! nobody has it for long without sending.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How long the rest of a body may take, however little comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// What gives it a second more when it has come, in bytes.
const SECOND: usize = 64 << 10;
/// So many sources take all there is.
const PARTS: usize = 4;

/// What is kept of bodies that are arriving, in KiB.
pub(super) struct Arriving {
    all: Semaphore,
    part: usize,
    /// What each source may still have; those who have something and those who wait.
    sources: Mutex<BTreeMap<Option<IpAddr>, Weak<Semaphore>>>,
}

/// Room for one body, for as long as this is there.
pub(super) struct Room<'a> {
    /// Until when the next part of the body must have come.
    pub(super) until: Instant,
    _own: OwnedSemaphorePermit,
    _all: SemaphorePermit<'a>,
}

impl Arriving {
    pub(super) const fn new(all: usize) -> Arriving {
        Arriving { all: Semaphore::const_new(all), part: all / PARTS, sources: Mutex::new(BTreeMap::new()) }
    }

    /// Waits until there is room for so many bytes from a source; all whose source is not known are one.
    pub(super) async fn room(&self, source: Option<IpAddr>, bytes: usize) -> Room<'_> {
        let size = bytes.div_ceil(1 << 10).min(self.part) as u32;
        // Of what is the source's own first: who waits for that is in nobody's way.
        let own = self.of(source).acquire_many_owned(size).await.expect("it is never closed");
        let all = self.all.acquire_many(size).await.expect("it is never closed");
        Room { until: Instant::now() + PATIENCE, _own: own, _all: all }
    }

    fn of(&self, source: Option<IpAddr>) -> Arc<Semaphore> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sources.get(&source).and_then(Weak::upgrade) {
            return known;
        }
        sources.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.part));
        sources.insert(source, Arc::downgrade(&own));
        own
    }
}

impl Room<'_> {
    /// So many bytes have come.
    pub(super) fn came(&mut self, bytes: usize) {
        self.until += Duration::from_secs(1).mul_f64(bytes as f64 / SECOND as f64);
    }
}
