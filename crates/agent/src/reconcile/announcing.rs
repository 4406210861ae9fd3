//! Telling the public network that addresses are here now, and telling it again: nothing says whether it was heard.
//!
//! Neighbours go on sending to the host where an address was until they hear otherwise, so each address that arrives is
//! announced at once and some times more, ever further apart. One that leaves meanwhile is not announced again: by then
//! another host speaks for it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::kernel::announce::Announcer;
use crate::kernel::link::MacBytes;
use crate::kernel::{KernelError, NetNs};

/// When an address is announced, in milliseconds after it came: the second time soon enough that a loss costs no second,
/// the last when a busy network has settled.
const AFTER_MS: [u64; 7] = [0, 50, 150, 350, 750, 1_500, 3_000];

/// What the thread is told.
enum Word {
    /// An address is here now, at this device with this hardware address.
    Here { address: IpAddr, device: u32, mac: MacBytes },
    /// It is here no more.
    Gone(IpAddr),
}

/// An address that is being announced.
struct Course {
    device: u32,
    mac: MacBytes,
    since: Instant,
    told: usize,
}

/// Announces public addresses until it is dropped.
#[derive(Debug)]
pub(super) struct Announcing {
    words: Option<Sender<Word>>,
    thread: Option<JoinHandle<()>>,
}

impl Announcing {
    /// Starts the thread that sends; the devices are those of `namespace`.
    ///
    /// # Errors
    /// [`KernelError::System`] when the thread can't be started, or the namespace not be shared with it.
    pub(super) fn spawn(namespace: &NetNs) -> Result<Self, KernelError> {
        let failed = |source| KernelError::System { what: "start the thread that announces addresses".into(), source };
        let (words, heard) = channel();
        let namespace = namespace.try_clone()?;
        let run = move || keep(&namespace, &heard);
        let thread = thread::Builder::new().name("announcing".to_owned()).spawn(run).map_err(failed)?;
        Ok(Announcing { words: Some(words), thread: Some(thread) })
    }

    /// Announces an address from now on.
    pub(super) fn here(&self, address: IpAddr, device: u32, mac: MacBytes) {
        self.say(Word::Here { address, device, mac });
    }

    /// Announces an address no more.
    pub(super) fn gone(&self, address: IpAddr) {
        self.say(Word::Gone(address));
    }

    fn say(&self, word: Word) {
        // The thread ends only when this does.
        if let Some(words) = &self.words {
            let _ = words.send(word);
        }
    }
}

impl Drop for Announcing {
    fn drop(&mut self) {
        drop(self.words.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that announces addresses ended with a panic");
        }
    }
}

fn keep(namespace: &NetNs, heard: &Receiver<Word>) {
    let mut courses: BTreeMap<IpAddr, Course> = BTreeMap::new();
    loop {
        let word = match courses.values().map(Course::due).min() {
            Some(due) => heard.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match word {
            Ok(Word::Here { address, device, mac }) => {
                courses.insert(address, Course { device, mac, since: Instant::now(), told: 0 });
            }
            Ok(Word::Gone(address)) => drop(courses.remove(&address)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // What waits to be heard comes first: it may be that an address has gone.
        let now = Instant::now();
        for (address, course) in courses.iter_mut().filter(|(_, course)| course.due() <= now) {
            course.told += 1;
            let told = Announcer::open(namespace, course.device).and_then(|on| on.announce(*address, course.mac));
            if let Err(error) = told {
                tracing::warn!(%address, %error, "a public address can't be announced; its neighbours may be late");
            }
        }
        courses.retain(|_, course| course.told < AFTER_MS.len());
    }
}

impl Course {
    /// When it is to be announced next.
    fn due(&self) -> Instant {
        self.since + Duration::from_millis(AFTER_MS[self.told.min(AFTER_MS.len() - 1)])
    }
}
