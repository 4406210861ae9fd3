//! The control plane behind the doors: desired state follows the store, and the store follows the hosts.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::engine::{Engine, EngineError};
use crate::fatal::vital;
use crate::projector::Follower;
use crate::reconcile::Reconciler;
use crate::sessions::Sessions;

/// The running projector and reconciler. A panic in one of them ends the process: see `fatal`. Dropping it stops them at once; what they had not yet done follows from the
/// store and the hosts' reports when they are started again.
#[derive(Debug)]
pub struct Control {
    follower: JoinHandle<()>,
    reconciler: JoinHandle<()>,
}

impl Control {
    /// Works out desired state, after which agents are served, and keeps it and the records up to date. Must be called
    /// within a tokio runtime, once for a table of sessions.
    ///
    /// # Errors
    /// When the store can't be read, or holds a record that can't be understood.
    pub fn start(engine: Arc<Engine>, sessions: Arc<Sessions>) -> Result<Control, EngineError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let follower = Follower::start(engine.clone(), sessions.clone(), sender)?;
        let reconciler = Reconciler::new(engine, sessions, receiver);
        let follower = tokio::spawn(vital("projector", follower.run()));
        let reconciler = tokio::spawn(vital("reconciler", reconciler.run()));
        Ok(Control { follower, reconciler })
    }

    /// Stops both and waits until they have let go of the store.
    pub async fn stop(mut self) {
        self.abort();
        // Both were aborted: their ends carry no news.
        let _ = (&mut self.follower).await;
        let _ = (&mut self.reconciler).await;
    }

    fn abort(&self) {
        self.follower.abort();
        self.reconciler.abort();
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.abort();
    }
}
