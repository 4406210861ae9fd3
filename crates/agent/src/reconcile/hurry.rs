//! Short grace periods while devices are made or removed.
//!
//! The kernel waits for an RCU grace period each time a program is attached to a device, with its lock on all devices
//! held: about 12 ms each, two for a port, one port after the other. "Expedited" grace periods take some 50 µs, at the
//! price of interrupting every CPU. The switch is the kernel's own (`/sys/kernel/rcu_expedited`)
//! and is turned back when the work is done. One that was on is left on, unless a mark says that an agent turned it on
//! and was killed before it could turn it back.
//! Where it can't be written everything still works, only slower. So it does for an agent whose neighbour on the same
//! machine turns it back.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

const SWITCH: &str = "/sys/kernel/rcu_expedited";
/// There while an agent has the switch on; like the switch it lasts until the machine starts again.
const MARK: &str = "/run/pintle-rcu-expedited";

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
            state.1 = turn_on(Path::new(SWITCH), Path::new(MARK));
        }
        state.0 += 1;
        Hurry(())
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        let mut state = AT_WORK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.0 -= 1;
        if state.0 == 0 && std::mem::take(&mut state.1) {
            turn_off(Path::new(SWITCH), Path::new(MARK));
        }
    }
}

/// Turns the switch back if an agent was killed before it could.
pub(super) fn recover() {
    let state = AT_WORK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if state.0 == 0 && Path::new(MARK).exists() {
        turn_off(Path::new(SWITCH), Path::new(MARK));
    }
}

/// Turns the switch on; whether it is to be turned off afterwards.
fn turn_on(switch: &Path, mark: &Path) -> bool {
    if fs::read_to_string(switch).is_ok_and(|value| value.trim() == "0") {
        // Marked first: between the two only the mark could be left, which does no harm.
        let marked = fs::write(mark, "");
        if let Err(error) = marked {
            tracing::debug!(%error, "{MARK} can't be written; an agent that is killed leaves {SWITCH} on");
        }
        return fs::write(switch, "1").is_ok();
    }
    mark.exists()
}

fn turn_off(switch: &Path, mark: &Path) {
    match fs::write(switch, "0") {
        Ok(()) => drop(fs::remove_file(mark)),
        Err(error) => tracing::warn!(%error, "{SWITCH} could not be turned off again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_on_stays_on_and_what_a_killed_agent_left_on_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let (switch, mark) = (directory.path().join("switch"), directory.path().join("mark"));
        let value = || fs::read_to_string(&switch).unwrap();
        fs::write(&switch, "1").unwrap();
        assert!(!turn_on(&switch, &mark), "somebody else's");
        fs::write(&switch, "0\n").unwrap();
        assert!(turn_on(&switch, &mark) && value() == "1");
        // Killed here. The next one finds it on, and knows whose it is.
        assert!(turn_on(&switch, &mark));
        turn_off(&switch, &mark);
        assert_eq!((value().as_str(), mark.exists()), ("0", false));
    }
}
