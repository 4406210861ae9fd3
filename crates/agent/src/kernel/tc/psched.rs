//! The packet scheduler's clock: in what unit the kernel wants bursts.

use std::fs;

use crate::kernel::{KernelError, Result};

const FILE: &str = "/proc/net/psched";

/// How long a tick of the packet scheduler is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Psched {
    tick_ns: u64,
}

impl Psched {
    /// Asks the kernel.
    ///
    /// # Errors
    /// [`KernelError::System`] if it does not say, [`KernelError::Malformed`] if what it says is no clock.
    pub fn read() -> Result<Self> {
        let what = format!("read {FILE}");
        let text = fs::read_to_string(FILE).map_err(|e| KernelError::system(what.clone(), e))?;
        Self::parse(&text).ok_or(KernelError::Malformed { what, reason: "it has no two numbers that make a tick" })
    }

    /// A tick is the second number of nanoseconds, where the first says how many of them are a microsecond.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(|word| u64::from_str_radix(word, 16).ok());
        let (per_us, tick) = (numbers.next()??, numbers.next()??);
        let tick_ns = tick.checked_mul(1000)?.checked_div(per_us)?;
        (tick_ns > 0).then_some(Psched { tick_ns })
    }

    /// How many ticks `bytes` take at `rate` bytes in a second; as many as fit if that is more.
    pub fn ticks(self, bytes: u64, rate: u64) -> u32 {
        let ns = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        u32::try_from(ns / u128::from(self.tick_ns)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_what_the_kernel_says() {
        let psched = Psched::parse("000003e8 00000040 000f4240 3b9aca00\n").unwrap();
        assert_eq!(psched, Psched { tick_ns: 64 });
        assert_eq!(psched.ticks(1_250_000, 125_000_000), 10_000_000 / 64);
        assert_eq!(psched.ticks(u64::MAX, 1), u32::MAX);
        for bad in ["", "x y", "3e8", "0 40", "3e8 0"] {
            assert_eq!(Psched::parse(bad), None, "{bad:?}");
        }
        assert!(Psched::read().is_ok());
    }
}
