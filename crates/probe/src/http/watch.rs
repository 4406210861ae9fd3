//! A client that asks again and again, each time over a fresh connection, and remembers who answered when.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::client::get_here;
use crate::clock::Moment;
use crate::error::Result;
use crate::namespace::Namespace;
use crate::stats::Summary;
use crate::worker::{Stop, Worker};

/// A watch ends by itself after this many requests.
pub const MAX_ATTEMPTS: usize = 1 << 20;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// From the beginning of connecting to the end of the answer.
    pub latency: Duration,
    /// Who answered: the body, without "hello from ".
    pub by: String,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Moment,
    /// Its answer, or why there was none.
    pub result: std::result::Result<Success, String>,
}

/// A run of consecutive requests that the same server answered, or that all failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who answered; `None` for failures.
    pub by: Option<String>,
    /// When the first request of the run began.
    pub from: Moment,
    /// When the last one began.
    pub until: Moment,
    /// How many there are.
    pub count: usize,
}

/// A running client; dropping it ends it, at the latest when the request under way has timed out.
#[derive(Debug)]
pub struct Watch {
    attempts: Arc<Mutex<Vec<Attempt>>>,
    _worker: Worker<()>,
}

impl Watch {
    /// Asks the server at `addr` every `interval`, from inside the namespace, giving each request `timeout`.
    ///
    /// A request that takes longer than the interval delays the next: there is one at a time.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`](crate::ProbeError::Namespace).
    pub fn start(ns: &Namespace, addr: SocketAddrV4, interval: Duration, timeout: Duration) -> Result<Watch> {
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let list = attempts.clone();
        let worker = Worker::start_in(ns, move |stop| ask_all(addr, interval, timeout, &list, stop))?;
        Ok(Watch { attempts, _worker: worker })
    }

    /// All requests so far, in order.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who answered when: the requests as runs of the same result.
    pub fn turns(&self) -> Vec<Turn> {
        turns(&self.attempts())
    }

    /// The latencies of the answered requests; `None` if there are none.
    pub fn latency(&self) -> Option<Summary> {
        let attempts = self.attempts();
        let answered = attempts.iter().filter_map(|attempt| attempt.result.as_ref().ok());
        Summary::of(&answered.map(|success| success.latency).collect::<Vec<_>>())
    }
}

fn ask_all(addr: SocketAddrV4, interval: Duration, timeout: Duration, list: &Mutex<Vec<Attempt>>, stop: &Stop) {
    let mut next = Moment::now();
    for _ in 0..MAX_ATTEMPTS {
        stop.sleep_until(next);
        if stop.requested() {
            return;
        }
        let at = Moment::now();
        let answer = get_here(addr, timeout).map_err(|error| error.to_string());
        let latency = Moment::now().since(at);
        let result = answer.map(|body| Success { latency, by: who(&body).to_owned() });
        list.lock().unwrap_or_else(PoisonError::into_inner).push(Attempt { at, result });
        next = (next + interval).max(Moment::now());
    }
}

fn who(body: &str) -> &str {
    let body = body.trim_end();
    body.strip_prefix("hello from ").unwrap_or(body)
}

fn turns(attempts: &[Attempt]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for attempt in attempts {
        let by = attempt.result.as_ref().ok().map(|success| success.by.clone());
        match turns.last_mut().filter(|turn| turn.by == by) {
            Some(turn) => {
                turn.until = attempt.at;
                turn.count += 1;
            }
            None => turns.push(Turn { by, from: attempt.at, until: attempt.at, count: 1 }),
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_turns() {
        let attempt = |ms: u64, by: Option<&str>| Attempt {
            at: Moment::from_nanos(ms * 1_000_000),
            result: by.map(|by| Success { latency: Duration::ZERO, by: by.into() }).ok_or("refused".into()),
        };
        let list = [attempt(0, Some("a")), attempt(1, Some("a")), attempt(2, None), attempt(3, Some("b"))];
        let seen: Vec<_> = turns(&list).into_iter().map(|turn| (turn.by, turn.count)).collect();
        assert_eq!(seen, [(Some("a".into()), 2), (None, 1), (Some("b".into()), 1)]);
        assert_eq!(turns(&list)[0].until, attempt(1, None).at);
        assert_eq!(who("hello from blue\n"), "blue");
    }
}
