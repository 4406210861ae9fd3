//! Time and randomness as arguments: real ones in production, seeded ones in simulation.

use std::time::{SystemTime, UNIX_EPOCH};

use pintle_core::id::{IdSource, InOrder};
use pintle_core::model::Timestamp;

/// Tells the time of day for records. Deadlines use tokio's clock, which a simulation can pause.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a clock that was never set: time 0 sorts before everything and breaks nothing.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The system's random source, and its clock for the order of ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds(InOrder);

impl IdSource for SystemIds {
    fn bits(&mut self) -> u64 {
        u64::from_le_bytes(random())
    }

    fn next(&mut self) -> u64 {
        let random = self.bits();
        self.0.next(SystemClock.now(), random)
    }
}

/// Fresh random bytes, for secrets and epochs.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("Linux's getrandom does not fail once the system has booted");
    bytes
}

/// Lower-case hexadecimal digits of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
