//! The client's end: an ordinary TCP connection that must not notice anything but a pause.

use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;

use super::script::{Listener, Side, message};
use super::wire::{read_now, write_now};
use crate::clock::Moment;
use crate::sys;
use crate::worker::Stop;

/// A request is sent this often, whether or not the earlier ones have been answered: requests that go on during a move are what
/// makes TCP find the loss soon, and put data into both directions' queues.
const INTERVAL: Duration = Duration::from_millis(2);

/// Requests without an answer at which the client waits instead.
const MAX_OPEN: u64 = 64;

/// What the client has seen.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) exchanges: u64,
    pub(super) bytes: u64,
    pub(super) broken: Option<String>,
    longest: Duration,
    /// When the last answer was complete; the pause that is under way counts from then, unless the session is over.
    last: Moment,
}

impl Progress {
    pub(super) fn new() -> Self {
        Progress { exchanges: 0, bytes: 0, broken: None, longest: Duration::ZERO, last: Moment::now() }
    }

    /// The longest time between two answers.
    pub(super) fn longest_pause(&self) -> Duration {
        match self.broken {
            None => self.longest.max(Moment::now().since(self.last)),
            Some(_) => self.longest,
        }
    }

    /// The session is over; the first reason that is told stays.
    pub(super) fn fail(&mut self, reason: String) {
        self.broken.get_or_insert(reason);
    }

    fn heard(&mut self, len: usize, completed: u64) {
        self.bytes += len as u64;
        if completed > 0 {
            let now = Moment::now();
            self.longest = self.longest.max(now.since(self.last));
            self.last = now;
            self.exchanges += completed;
        }
    }
}

/// Connects, from the calling thread's namespace.
pub(super) fn connect(address: SocketAddrV4, timeout: Duration) -> io::Result<Socket> {
    let stream = TcpStream::connect_timeout(&address.into(), timeout)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream.into())
}

/// Sends requests and judges the answers until asked to stop, or until the session breaks.
pub(super) fn exchange(socket: &Socket, progress: &Mutex<Progress>, stop: &Stop) {
    if let Err(error) = exchange_all(socket, progress, stop) {
        lock(progress).fail(error.to_string());
    }
}

fn exchange_all(socket: &Socket, progress: &Mutex<Progress>, stop: &Stop) -> io::Result<()> {
    let mut answers = Listener::new(Side::Answer);
    let (mut next_seq, mut next_at) = (0, Moment::now());
    let mut pending = Vec::new();
    let mut buffer = [0; 4096];
    while !stop.requested() {
        let now = Moment::now();
        if now >= next_at {
            if next_seq - answers.heard() < MAX_OPEN {
                pending.extend(message(Side::Request, next_seq));
                next_seq += 1;
            }
            next_at = now + INTERVAL;
        }
        write_now(socket, &mut pending)?;
        if !sys::wait_readable(socket, next_at)? {
            continue;
        }
        let Some(len) = read_now(socket, &mut buffer)? else { continue };
        if len == 0 {
            return Err(io::Error::other("the server's end closed the connection"));
        }
        let completed = answers.hear(&buffer[..len]).map_err(io::Error::other)?;
        lock(progress).heard(len, completed);
    }
    Ok(())
}

/// What was seen so far.
pub(super) fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    // A panic while it was held would be one of the arithmetic above, which leaves numbers that are still numbers.
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
