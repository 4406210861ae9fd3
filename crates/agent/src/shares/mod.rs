//! Shares: their files, and the servers that make them reachable at mount targets.
//!
//! Beside the reconciler and on a thread of its own, because a server takes a while to start and to end, and files take a
//! while to remove: no interface waits for that. What is under way is told to the server as pending.
//!
//! Files are removed only because an entry says so; that an entry is missing removes nothing.

mod files;
mod ganesha;
mod keeper;
mod process;
mod server;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use pintle_core::host_protocol::Failure;
use pintle_core::host_spec::{Entry, EntryKey, ShareSpec};
use pintle_core::id::{InstanceId, ShareId};

use crate::desired::{Delta, Desired};

pub(crate) use ganesha::Ganesha;
pub(crate) use keeper::stop_all;
pub(crate) use server::ShareServer;

/// What a host should have of shares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanted {
    /// What serves which share.
    served: BTreeMap<InstanceId, ShareId>,
    files: BTreeMap<ShareId, ShareSpec>,
}

impl Wanted {
    fn of(desired: &Desired) -> Wanted {
        let served = desired.instances().filter_map(|(id, spec)| Some((id, spec.serves?))).collect();
        let files = desired.entries().iter().filter_map(|(key, entry)| match (key, entry) {
            (EntryKey::Share(id), Entry::Share(spec)) => Some((*id, spec.clone())),
            _ => None,
        });
        Wanted { files: files.collect(), served }
    }
}

/// Where something stands that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Pending,
    Failed(String),
}

#[derive(Debug, Default)]
struct State {
    /// Nothing is done before there is a desired state.
    wanted: Option<Wanted>,
    /// Counts what is wanted.
    number: u64,
    /// What is not done.
    open: BTreeMap<EntryKey, Standing>,
    ending: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shares of a host, from outside.
pub(crate) struct Shares {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Shares {
    /// Keeps shares below an agent's directory. `told` is called when what is not done has changed.
    ///
    /// # Errors
    /// When the thread can't be started, or there is no such directory.
    pub(crate) fn start(
        data_dir: &Path,
        server: Box<dyn ShareServer>,
        told: impl Fn() + Send + 'static,
    ) -> io::Result<Shares> {
        let shared = Arc::new(Shared::default());
        // Servers are told the path, and have another working directory.
        let keeper = keeper::Keeper::new(data_dir.canonicalize()?, server, Arc::clone(&shared));
        let thread = thread::Builder::new().name("shares".to_owned()).spawn(move || keeper.run(&told))?;
        Ok(Shares { shared, thread: Some(thread) })
    }

    /// Whether a change is about shares or about what may serve one.
    pub(crate) fn concerned(delta: &Delta) -> bool {
        let ours = |key: &EntryKey| matches!(key, EntryKey::Instance(_) | EntryKey::Share(_));
        delta.put.iter().map(|(key, _)| key).chain(&delta.removed).any(ours)
    }

    /// Takes in what the host should have. What is new in it is pending from now on.
    pub(crate) fn follow(&self, desired: &Desired) {
        let now = Wanted::of(desired);
        let mut state = self.shared.lock();
        let before = state.wanted.clone().unwrap_or_default();
        if state.wanted.as_ref() == Some(&now) {
            return;
        }
        for (id, share) in &now.served {
            if before.served.get(id) != Some(share) {
                state.open.insert(EntryKey::Instance(*id), Standing::Pending);
            }
        }
        for id in before.served.keys().filter(|id| !now.served.contains_key(id)) {
            state.open.insert(EntryKey::Instance(*id), Standing::Pending);
        }
        for (id, spec) in &now.files {
            if before.files.get(id) != Some(spec) {
                state.open.insert(EntryKey::Share(*id), Standing::Pending);
            }
        }
        for id in before.files.keys().filter(|id| !now.files.contains_key(id)) {
            state.open.remove(&EntryKey::Share(*id));
        }
        state.wanted = Some(now);
        state.number += 1;
        self.shared.changed.notify_all();
    }

    /// What is under way.
    pub(crate) fn pending(&self) -> Vec<EntryKey> {
        let state = self.shared.lock();
        state.open.iter().filter(|(_, standing)| **standing == Standing::Pending).map(|(key, _)| *key).collect()
    }

    /// What could not be done.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        let state = self.shared.lock();
        let failure = |(key, standing): (&EntryKey, &Standing)| match standing {
            Standing::Pending => None,
            Standing::Failed(message) => Some(Failure { key: *key, message: message.clone() }),
        };
        state.open.iter().filter_map(failure).collect()
    }
}

impl Drop for Shares {
    /// Servers go on: they serve whether or not an agent runs.
    fn drop(&mut self) {
        self.shared.lock().ending = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the shares' thread ended with a panic");
        }
    }
}
