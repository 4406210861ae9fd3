//! What a look-up finds beside its command, for the answer.

use std::sync::{Arc, Mutex, PoisonError};

/// Kept from the look-up for the answer. A look-up that is done again finds it again: the last one counts.
#[derive(Debug)]
pub(super) struct Found<T>(Arc<Mutex<Option<T>>>);

impl<T> Found<T> {
    pub(super) fn new() -> Self {
        Found(Arc::default())
    }

    /// Keeps it, in the place of what was found before.
    pub(super) fn keep(&self, found: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }

    /// What was found last; `None` before anything was looked up.
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Found(Arc::clone(&self.0))
    }
}
