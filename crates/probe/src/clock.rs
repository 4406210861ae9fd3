//! One clock for all namespaces: `CLOCK_MONOTONIC`, which network namespaces share, so that a time taken at the sender and
//! one taken at the receiver may be subtracted.

use std::io;
use std::ops::{Add, Sub};
use std::time::Duration;

use nix::sys::time::TimeSpec;

/// A packet that waited in a socket's queue for longer than this did not: the wall clock was set in between.
const MAX_QUEUE_AGE: Duration = Duration::from_secs(5);

/// A point in time, in nanoseconds of `CLOCK_MONOTONIC`.
///
/// Unlike [`std::time::Instant`] it can be put into a packet and be slept towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The present.
    pub fn now() -> Self {
        Moment(read(libc::CLOCK_MONOTONIC))
    }

    /// The moment with this count of nanoseconds, for example one from a packet.
    pub const fn from_nanos(nanos: u64) -> Self {
        Moment(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// How long from now until this; zero if it has passed.
    pub fn remaining(self) -> Duration {
        self.since(Moment::now())
    }

    /// Sleeps until this moment, by absolute time: lateness of one sleep is not added to the next.
    pub fn sleep_until(self) {
        let nanos = Duration::from_nanos(self.0);
        let until = timespec(nanos);
        // SAFETY: `until` lives through the call, and no remainder is asked for.
        while unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &until, std::ptr::null_mut()) }
            == libc::EINTR
        {}
    }

    /// The moment of a kernel receive stamp, which is wall-clock time.
    ///
    /// Both clocks are read now, when the packet is a few microseconds old, so a wall clock that is being slewed makes no
    /// visible difference. If it was set in between, the present is the best answer there is.
    pub(crate) fn from_receive_stamp(stamp: TimeSpec) -> Self {
        let (wall, now) = (read(libc::CLOCK_REALTIME), Moment::now());
        let stamp = Duration::from(stamp).as_nanos() as u64;
        match wall.checked_sub(stamp).map(Duration::from_nanos) {
            Some(age) if age < MAX_QUEUE_AGE => now - age,
            _ => now,
        }
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, after: Duration) -> Moment {
        Moment(self.0.saturating_add(after.as_nanos() as u64))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, before: Duration) -> Moment {
        Moment(self.0.saturating_sub(before.as_nanos() as u64))
    }
}

/// A duration in the kernel's form.
pub(crate) fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec { tv_sec: duration.as_secs() as libc::time_t, tv_nsec: duration.subsec_nanos().into() }
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    let result = unsafe { libc::clock_gettime(clock, &mut time) };
    // Both clocks exist on every Linux; the call can only fail for an unknown one.
    assert_eq!(result, 0, "clock_gettime({clock}): {}", io::Error::last_os_error());
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_ends_at_or_after_the_moment() {
        let until = Moment::now() + Duration::from_millis(3);
        until.sleep_until();
        assert!(Moment::now() >= until);
        // A moment that has passed costs nothing.
        Moment::from_nanos(1).sleep_until();
    }

    #[test]
    fn a_receive_stamp_becomes_a_moment_in_the_recent_past() {
        let (age, slack) = (Duration::from_millis(7), Duration::from_millis(1));
        let before = Moment::now();
        let wall = Duration::from_nanos(read(libc::CLOCK_REALTIME));
        let moment = Moment::from_receive_stamp(TimeSpec::from(wall - age)) + age;
        assert!(moment + slack >= before && moment <= Moment::now() + slack);
    }

    #[test]
    fn a_stamp_that_makes_no_sense_means_now() {
        let before = Moment::now();
        assert!(Moment::from_receive_stamp(TimeSpec::from(Duration::from_secs(1))) >= before);
    }
}
