//! Telling the public network that addresses are here now, and telling it again: nothing says whether it was heard.
//!
//! Neighbours go on sending to the host where an address was until they hear otherwise, so each address that arrives is
//! announced at once and some times more, ever further apart. One that leaves meanwhile is not announced again: by then
//! another host speaks for it.
//!
//! A host without its server, or that goes by its journal for want of it, announces nothing: an address that has moved on
//! meanwhile would come back to it.

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
    /// What is here is so by the last word that was heard of the server: nothing is announced.
    Hold,
    /// The server stands behind what is here, but for what it says in this time.
    Release(Duration),
}

/// How long a server that goes on from what a host has may take to say what has gone meanwhile.
const HEARING: Duration = Duration::from_secs(1);

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

    /// The server does not stand behind what is here: what comes waits until it does.
    pub(super) fn hold(&self) {
        self.say(Word::Hold);
    }

    /// The server stands behind what is here; `more`: it may yet say what has gone meanwhile.
    pub(super) fn release(&self, more: bool) {
        self.say(Word::Release(if more { HEARING } else { Duration::ZERO }));
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
    let mut courses = Courses::default();
    loop {
        let word = match courses.next() {
            Some(due) => heard.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match word {
            Ok(word) => courses.hear(word, Instant::now()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // What waits to be heard comes first: it may be that an address has gone.
        for (address, device, mac) in courses.due(Instant::now()) {
            let told = Announcer::open(namespace, device).and_then(|on| on.announce(address, mac));
            if let Err(error) = told {
                tracing::warn!(%address, %error, "a public address can't be announced; its neighbours may be late");
            }
        }
    }
}

/// The addresses that are being announced.
#[derive(Default)]
struct Courses {
    courses: BTreeMap<IpAddr, Course>,
    /// The server does not stand behind them: they wait until it does.
    held: bool,
}

impl Courses {
    fn hear(&mut self, word: Word, now: Instant) {
        match word {
            Word::Here { address, device, mac } => {
                self.courses.insert(address, Course { device, mac, since: now, told: 0 });
            }
            Word::Gone(address) => drop(self.courses.remove(&address)),
            Word::Hold => self.held = true,
            Word::Release(after) => {
                if std::mem::take(&mut self.held) {
                    self.courses.values_mut().for_each(|course| course.since = now + after);
                }
            }
        }
    }

    /// When the next announcement is due.
    fn next(&self) -> Option<Instant> {
        self.courses.values().map(Course::due).min().filter(|_| !self.held)
    }

    /// What is to be announced now, on which device and with which hardware address.
    fn due(&mut self, now: Instant) -> Vec<(IpAddr, u32, MacBytes)> {
        let mut due = Vec::new();
        for (address, course) in self.courses.iter_mut().filter(|(_, course)| !self.held && course.due() <= now) {
            course.told += 1;
            due.push((*address, course.device, course.mac));
        }
        self.courses.retain(|_, course| course.told < AFTER_MS.len());
        due
    }
}

impl Course {
    /// When it is to be announced next.
    fn due(&self) -> Instant {
        self.since + Duration::from_millis(AFTER_MS[self.told.min(AFTER_MS.len() - 1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
    const HERE: Word = Word::Here { address: ADDRESS, device: 3, mac: [2; 6] };

    /// How often something is announced in these milliseconds from `start` on.
    fn announced(courses: &mut Courses, start: Instant, within: std::ops::Range<u64>) -> usize {
        within.map(|ms| courses.due(start + Duration::from_millis(ms)).len()).sum()
    }

    #[test]
    fn an_address_that_comes_is_announced_seven_times_and_one_that_goes_no_more() {
        let (mut courses, start) = (Courses::default(), Instant::now());
        courses.hear(HERE, start);
        assert_eq!(announced(&mut courses, start, 0..5_000), AFTER_MS.len());
        assert_eq!(courses.next(), None);
        courses.hear(HERE, start);
        assert_eq!(announced(&mut courses, start, 0..100), 2);
        courses.hear(Word::Gone(ADDRESS), start);
        assert_eq!(announced(&mut courses, start, 100..5_000), 0);
    }

    #[test]
    fn f16_a_host_that_knows_addresses_by_its_journal_only_announces_none_until_its_server_stands_behind_them() {
        let (mut courses, start) = (Courses::default(), Instant::now());
        courses.hear(Word::Hold, start);
        courses.hear(HERE, start);
        assert_eq!((announced(&mut courses, start, 0..60_000), courses.next()), (0, None));
        let later = start + Duration::from_secs(60);
        courses.hear(Word::Release(HEARING), later);
        assert_eq!(announced(&mut courses, later, 0..1_000), 0, "the server may yet say that it has gone");
        assert_eq!(announced(&mut courses, later, 1_000..10_000), AFTER_MS.len());
        // Nothing is said twice because the server is heard again.
        courses.hear(Word::Release(HEARING), later);
        assert_eq!(courses.next(), None);
        courses.hear(Word::Hold, later);
        courses.hear(HERE, later);
        courses.hear(Word::Gone(ADDRESS), later);
        courses.hear(Word::Release(HEARING), later);
        assert_eq!(courses.next(), None, "it has gone");
        // A whole state has been applied: nothing more is to come.
        courses.hear(Word::Hold, later);
        courses.hear(HERE, later);
        courses.hear(Word::Release(Duration::ZERO), later);
        assert_eq!(announced(&mut courses, later, 0..100), 2);
    }
}
