//! Flushing the log to the disk now and then, beside the writing: that takes as long as the disk likes.

use std::fs::File;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How often what was written is flushed to the disk.
const FLUSH: Duration = Duration::from_secs(1);

/// The thread that does so.
pub(super) struct Flusher {
    wake: Option<mpsc::SyncSender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Flusher {
    /// Starts the thread that flushes; without one, the file is flushed at the end only.
    pub(super) fn start(file: io::Result<File>) -> Flusher {
        let (wake, woken) = mpsc::sync_channel::<()>(1);
        let started = file.and_then(|file| {
            let flush = move || {
                while woken.recv().is_ok() {
                    thread::sleep(FLUSH);
                    if let Err(error) = file.sync_data() {
                        tracing::error!(%error, "the audit log could not be flushed to the disk");
                    }
                }
            };
            thread::Builder::new().name("pintle-flush".to_owned()).spawn(flush)
        });
        if let Err(error) = &started {
            tracing::error!(%error, "the audit log is flushed to the disk at the end only");
        }
        Flusher { wake: Some(wake), thread: started.ok() }
    }

    /// There is something to flush.
    pub(super) fn wake(&self) {
        // Full: it will be flushed anyway.
        let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        drop(self.wake.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that flushes the audit log had panicked");
        }
    }
}
