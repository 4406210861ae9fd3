//! A paced stream of UDP probes to an [`Echo`](crate::echo::Echo): the ruler for outages, a millisecond long and longer.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket};

use crate::clock::Moment;
use crate::datagram;
use crate::echo::{MAX_DATAGRAM, Probe};
use crate::error::{ProbeError, Result};
use crate::gaps::{Answered, GapReport, Sent, analyse};
use crate::namespace::Namespace;
use crate::random::Random;
use crate::sys;
use crate::worker::{Stop, Worker};

/// A stream ends by itself after this many packets: over an hour at one a millisecond.
pub const MAX_PACKETS: usize = 1 << 22;

/// For how long after it was sent a packet may still be answered before a report counts it as lost.
pub const ANSWER_WAIT: Duration = Duration::from_millis(250);

/// The shortest interval: what the threads of a small machine keep up with.
pub const MIN_INTERVAL: Duration = Duration::from_micros(100);

/// A place in a stream, for the ends of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The number that the next packet gets.
    pub seq: u64,
    /// When the mark was made.
    pub at: Moment,
}

/// A running stream; dropping it ends it.
#[derive(Debug)]
pub struct Stream {
    id: u64,
    interval: Duration,
    sent: Arc<Mutex<Vec<Sent>>>,
    answers: Arc<Mutex<Vec<Answered>>>,
    _sender: Worker<()>,
    _receiver: Worker<()>,
}

impl Stream {
    /// Sends a probe to UDP `port` of `dst` every `interval` from now on.
    ///
    /// The sender follows an absolute schedule. Times that it misses are left out rather than made up for: a burst after a
    /// pause would test something else. A packet that the kernel refuses, for example for want of a route, counts as
    /// sent and lost.
    ///
    /// # Errors
    /// [`ProbeError::Invalid`] for an interval below [`MIN_INTERVAL`]; [`ProbeError::Namespace`]; [`ProbeError::System`].
    pub fn start(ns: &Namespace, dst: impl Into<IpAddr>, port: u16, interval: Duration) -> Result<Stream> {
        if interval < MIN_INTERVAL {
            let rule = "a stream sends at most one packet in 100 µs";
            return Err(ProbeError::Invalid { field: "interval", value: format!("{interval:?}"), rule });
        }
        let to = SocketAddr::new(dst.into(), port);
        let socket = ns
            .run(|| datagram::udp_of(Domain::for_address(to), 0))?
            .map_err(ProbeError::system("open a UDP socket"))?;
        let receiving = socket.try_clone().map_err(ProbeError::system("duplicate a UDP socket"))?;
        let id = unique_id();
        let (sent, answers) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let list = answers.clone();
        let receiver = Worker::start("probe-answers", move |stop| receive_all(&receiving, id, &list, stop))?;
        let list = sent.clone();
        let sender = Worker::start("probe-stream", move |stop| send_all(&socket, to, id, interval, &list, stop))?;
        Ok(Stream { id, interval, sent, answers, _sender: sender, _receiver: receiver })
    }

    /// The stream's id, by which an [`Echo`](crate::echo::Echo) knows its packets.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The pacing.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The present place: packets sent from now on come after it.
    pub fn mark(&self) -> Mark {
        Mark { seq: lock(&self.sent).len() as u64, at: Moment::now() }
    }

    /// How many answers have come, duplicates included.
    pub fn answers(&self) -> u64 {
        lock(&self.answers).len() as u64
    }

    /// Waits until a packet sent after this call was answered; `None` if none was within `timeout`.
    pub fn wait_answered(&self, timeout: Duration) -> Option<Answered> {
        let (from, until) = (self.mark().seq, Moment::now() + timeout);
        let mut seen = 0;
        loop {
            {
                let answers = lock(&self.answers);
                if let Some(answer) = answers[seen..].iter().find(|answer| answer.seq >= from) {
                    return Some(answer.clone());
                }
                seen = answers.len();
            }
            if Moment::now() >= until {
                return None;
            }
            until.min(Moment::now() + self.interval.min(Duration::from_millis(1))).sleep_until();
        }
    }

    /// Judges the packets sent between two marks.
    ///
    /// If some are unanswered, waits until [`ANSWER_WAIT`] after `to`, so that what is still on the way is not called lost.
    pub fn report(&self, from: Mark, to: Mark) -> GapReport {
        let report = self.analyse(from, to);
        let settled = to.at + ANSWER_WAIT;
        if report.lost == 0 || Moment::now() >= settled {
            return report;
        }
        settled.sleep_until();
        self.analyse(from, to)
    }

    fn analyse(&self, from: Mark, to: Mark) -> GapReport {
        let sent = lock(&self.sent);
        let end = (to.seq as usize).min(sent.len());
        let sent = sent[(from.seq as usize).min(end)..end].to_vec();
        let answers: Vec<_> = {
            let all = lock(&self.answers);
            all.iter().filter(|answer| (from.seq..to.seq).contains(&answer.seq)).cloned().collect()
        };
        analyse(from.seq, &sent, &answers, self.interval)
    }
}

/// Differs between streams of one process, and all but surely between processes.
fn unique_id() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    Random::new(Moment::now().as_nanos() ^ u64::from(std::process::id()).rotate_left(40)).next().wrapping_add(count)
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    // A push is all that ever happens under the lock, so a list left by a panicking thread is sound.
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_all(socket: &Socket, to: SocketAddr, id: u64, interval: Duration, sent: &Mutex<Vec<Sent>>, stop: &Stop) {
    sys::be_prompt();
    let to = SockAddr::from(to);
    let mut slot = Moment::now();
    for seq in 0..MAX_PACKETS as u64 {
        stop.sleep_until(slot);
        if stop.requested() {
            return;
        }
        let now = Moment::now();
        lock(sent).push(Sent { at: now, late: now.since(slot) });
        let probe = Probe { stream: id, seq, sent: now };
        // A refusal is the network's state at this moment, and the missing answer tells it.
        let _ = socket.send_to(&probe.encode(), &to);
        let missed = now.since(slot).as_nanos() / interval.as_nanos();
        // Below the count of nanoseconds in MAX_RUNTIME over those in MIN_INTERVAL, so it fits.
        slot = slot + interval * (missed as u32 + 1);
    }
}

fn receive_all(socket: &Socket, id: u64, answers: &Mutex<Vec<Answered>>, stop: &Stop) {
    sys::be_prompt();
    // One byte more than an answer has, so that a longer datagram is not taken for one.
    let mut buffer = [0; MAX_DATAGRAM + 1];
    let mut names: Vec<Arc<str>> = Vec::new();
    while !stop.requested() {
        let Ok(Some(arrival)) = datagram::receive_until(socket, &mut buffer, stop.next_look()) else { continue };
        let Some((probe, held, name)) = Probe::decode_answer(&buffer[..arrival.len]) else { continue };
        if probe.stream != id {
            continue;
        }
        let known = names.iter().find(|known| ***known == *name).cloned();
        let responder = known.unwrap_or_else(|| {
            let new: Arc<str> = name.into();
            names.push(new.clone());
            new
        });
        let mut answers = lock(answers);
        // Twice as many as there are packets: only a network that multiplies them gets there.
        if answers.len() < 2 * MAX_PACKETS {
            answers.push(Answered { seq: probe.seq, at: arrival.at, held, responder });
        }
    }
}
