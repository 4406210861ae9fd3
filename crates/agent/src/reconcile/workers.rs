//! Doing many independent things on a few threads.
//!
//! The threads end with the work. They belong to the namespace of the thread that asked, as every new thread does.

use std::sync::Mutex;
use std::thread;

/// The most threads at work: the kernel takes changes of devices one at a time, so more gain nothing.
const MOST: usize = 8;

/// Calls `work` with pieces of at most `size` of the items, on several threads if there are several pieces. Gives the
/// results in no order.
pub(crate) fn in_pieces<T: Sync, R: Send>(items: &[T], size: usize, work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let threads = items.len().div_ceil(size).min(thread::available_parallelism().map_or(2, usize::from).clamp(2, MOST));
    if threads <= 1 {
        return items.chunks(size).flat_map(work).collect();
    }
    let pieces = Mutex::new(items.chunks(size));
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let one = || {
        loop {
            let piece = pieces.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
            let Some(piece) = piece else { break };
            let done = work(piece);
            results.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(done);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Without another thread this one does it all.
            let _ = thread::Builder::new().name("reconcile".to_owned()).spawn_scoped(scope, one);
        }
        one();
    });
    results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for count in [0, 1, 7, 8, 100] {
            let items: Vec<usize> = (0..count).collect();
            let mut results = in_pieces(&items, 8, |piece| piece.to_vec());
            results.sort_unstable();
            assert_eq!(results, items);
        }
    }
}
