//! Short grace periods while devices are made or removed.
//!
//! The kernel waits for an RCU grace period each time a program is attached to a device, with its lock on all devices
//! held: about 12 ms each, two for a port, one port after the other. "Expedited" grace periods take some 50 µs, at the
//! price of interrupting every CPU. The switch is the kernel's own (`/sys/kernel/rcu_expedited`)
//! and is turned back when the work is done. One that was on is left on.
//! Where it can't be written everything still works, only slower.

use std::fs;
use std::sync::Mutex;

const SWITCH: &str = "/sys/kernel/rcu_expedited";

/// How many are at work in this process, and whether the first of them turned the switch on.
static AT_WORK: Mutex<(usize, bool)> = Mutex::new((0, false));

/// Grace periods are short as long as one of these lives.
#[derive(Debug)]
pub(super) struct Hurry(());

impl Hurry {
    /// Begins.
    pub(super) fn begin() -> Self {
        let mut state = AT_WORK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if state.0 == 0 {
            let off = fs::read_to_string(SWITCH).is_ok_and(|value| value.trim() == "0");
            state.1 = off && fs::write(SWITCH, "1").is_ok();
        }
        state.0 += 1;
        Hurry(())
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        let mut state = AT_WORK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.0 -= 1;
        if state.0 == 0
            && std::mem::take(&mut state.1)
            && let Err(error) = fs::write(SWITCH, "0")
        {
            tracing::warn!(%error, "{SWITCH} could not be turned off again");
        }
    }
}
