//! A server's process: known again by what it notes and is told by, asked to end, and made to.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kernel::process::is_alive;

/// How long it has to end when asked to.
const COURTESY: Duration = Duration::from_secs(3);
/// How long it has to be gone after it was killed.
const LAST: Duration = Duration::from_secs(2);
/// How often it is looked whether it has gone.
const LOOK: Duration = Duration::from_millis(20);

/// The process that has noted its id here and has this among its arguments, if it lives. The id alone may be another's by
/// now.
pub(super) fn find(pid_file: &Path, argument: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    is_one(pid, argument).then_some(pid)
}

/// Whether a process lives and has this among its arguments.
pub(super) fn is_one(pid: u32, argument: &Path) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let named = arguments.split(|byte| *byte == 0).any(|one| one == argument.as_os_str().as_encoded_bytes());
    named && is_alive(pid).unwrap_or(false)
}

/// Ends a process. `reap` takes note of its end if it is a child of this one.
pub(super) fn end(pid: u32, mut reap: impl FnMut()) -> Result<(), String> {
    for (signal, patience) in [(Signal::SIGTERM, COURTESY), (Signal::SIGKILL, LAST)] {
        let number = i32::try_from(pid).map_err(|error| error.to_string())?;
        match kill(Pid::from_raw(number), signal) {
            Err(error) if error != Errno::ESRCH => return Err(format!("process {pid} can't be ended: {error}")),
            _ => {}
        }
        let until = Instant::now() + patience;
        while Instant::now() < until {
            reap();
            if !is_alive(pid).map_err(|error| error.to_string())? {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
    }
    Err(format!("process {pid} does not end"))
}

/// Whether somebody listens on a TCP port in the network namespace of a process.
pub(super) fn listens(pid: u32, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|table| {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        text.lines().skip(1).any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let local = fields.next().is_some_and(|local| local.ends_with(&suffix));
            local && fields.nth(1) == Some(LISTEN)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::process::Command;

    #[test]
    fn a_process_is_known_by_its_arguments_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (pid_file, other) = (folder.path().join("pid"), folder.path().join("other"));
        let mut child = Command::new("tail").arg("-f").arg("/dev/null").arg(&other).spawn().unwrap();
        fs::write(&pid_file, format!("{}\n", child.id())).unwrap();
        // Its arguments are those of this program until it has begun.
        let until = Instant::now() + Duration::from_secs(5);
        while find(&pid_file, &other).is_none() && Instant::now() < until {
            thread::sleep(LOOK);
        }
        assert_eq!(find(&pid_file, &other), Some(child.id()));
        assert_eq!(find(&pid_file, &pid_file), None, "another process has the id now");
        end(child.id(), || drop(child.try_wait())).unwrap();
        assert_eq!(find(&pid_file, &other), None);
    }

    #[test]
    fn listening_is_seen_from_outside() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listens(std::process::id(), port));
        drop(listener);
        assert!(!listens(std::process::id(), port));
    }
}
