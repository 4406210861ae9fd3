//! Who may be in a handshake: so many at once, and of one source only a part of them, so that nobody shuts others out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::source_of;

/// The places before the door.
#[derive(Debug, Clone)]
pub(super) struct Doorway {
    places: Arc<Semaphore>,
    per_source: usize,
    sources: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A connection in its handshake; its place is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Visit {
    doorway: Doorway,
    source: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Doorway {
    pub(super) fn new(places: usize, per_source: usize) -> Self {
        let places = Arc::new(Semaphore::new(places.max(1)));
        Doorway { places, per_source: per_source.max(1), sources: Arc::default() }
    }

    /// Waits until there is a place.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        self.places.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Gives a place to a connection; `None` if its source has as many as it may.
    pub(super) fn admit(&self, place: OwnedSemaphorePermit, address: IpAddr) -> Option<Visit> {
        let source = source_of(address);
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sources.entry(source).or_default();
        if *count >= self.per_source {
            return None;
        }
        *count += 1;
        Some(Visit { doorway: self.clone(), source, _place: place })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut sources = self.doorway.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_source_has_only_a_part_of_the_places() {
        let doorway = Doorway::new(4, 2);
        let visit = async |address: &str| doorway.admit(doorway.place().await, address.parse().unwrap());
        let mut greedy = vec![visit("192.0.2.1").await.unwrap(), visit("::ffff:192.0.2.1").await.unwrap()];
        assert!(visit("192.0.2.1").await.is_none() && visit("192.0.2.1").await.is_none());
        let other = visit("2001:db8::1").await.unwrap();
        let _neighbour = visit("2001:db8::2").await.unwrap();
        assert!(doorway.places.try_acquire().is_err(), "all are taken");
        drop(other);
        assert!(visit("2001:db8:0:1::1").await.is_some(), "another network");
        greedy.pop();
        assert!(visit("192.0.2.1").await.is_some());
        drop(greedy);
        assert!(!doorway.sources.lock().unwrap().contains_key(&"192.0.2.1".parse::<IpAddr>().unwrap()));
    }
}
