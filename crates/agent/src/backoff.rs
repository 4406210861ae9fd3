//! How long to wait before trying again: longer each time, and never at the same moment as everybody else.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Waiting times that double from 100 ms to 10 s; of each, a random part of the upper half is taken.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { next: FIRST }
    }
}

impl Backoff {
    /// The next waiting time; `random` is uniformly distributed.
    pub(crate) fn wait(&mut self, random: u32) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(LONGEST);
        full / 2 + (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Begins again with the shortest.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A random number of the system's; a constant where it has none, which costs only the spreading.
pub(crate) fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r05_waiting_times_double_up_to_a_limit_and_spread() {
        let mut backoff = Backoff::default();
        let shortest: Vec<u128> = (0..9).map(|_| backoff.wait(0).as_millis()).collect();
        assert_eq!(shortest, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.wait(u32::MAX), LONGEST);
        backoff.reset();
        assert_eq!(backoff.wait(u32::MAX), FIRST);
    }
}
