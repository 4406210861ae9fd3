//! Whether a process lives, and in which network namespace.

use std::fs;

use super::{KernelError, NetNs, Result};

/// A process that lives.
#[derive(Debug)]
pub struct Process {
    /// Its network namespace.
    pub namespace: NetNs,
    /// When it started, in clock ticks since boot. A process id is used again; id and start together are not.
    pub started: u64,
}

/// The process with this id, `None` if it has ended. A zombie has ended.
///
/// # Errors
/// [`KernelError::Privilege`] if its namespace may not be opened.
pub fn inspect(pid: u32) -> Result<Option<Process>> {
    let Some(started) = start_time(pid)? else {
        return Ok(None);
    };
    let namespace = match NetNs::open_pid(pid) {
        Ok(namespace) => namespace,
        Err(KernelError::ProcessGone { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Looked at twice: between the two the id may have passed to another process, and the one asked for has ended then.
    Ok((start_time(pid)? == Some(started)).then_some(Process { namespace, started }))
}

/// Whether the process lives. A zombie does not.
pub fn is_alive(pid: u32) -> Result<bool> {
    Ok(start_time(pid)?.is_some())
}

fn start_time(pid: u32) -> Result<Option<u64>> {
    let what = || format!("read the state of process {pid}");
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => parse_stat(&text).ok_or_else(|| KernelError::Malformed {
            what: what(),
            reason: "/proc/<pid>/stat lacks the state or the start time",
        }),
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => Ok(None),
        Err(e) => Err(KernelError::system(what(), e)),
    }
}

/// The start time (field 22 of `/proc/<pid>/stat`); `Some(None)` if the process is dead or a zombie.
fn parse_stat(text: &str) -> Option<Option<u64>> {
    // The second field is the program's name in brackets, which may itself have brackets and blanks.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" | "x" => Some(None),
        _ => fields.nth(18)?.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_cannot_confuse_the_reader() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20";
        assert_eq!(parse_stat(&format!("9 (evil) Z ) S {rest}\n")), Some(Some(777)));
        assert_eq!(parse_stat(&format!("9 (x) Z {rest}\n")), Some(None));
        assert_eq!(parse_stat("9 (x) S 1 2"), None);
    }
}
