//! Processes of the lab: the real binary in a given namespace, killed with the lab.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A process of the lab.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// The binary under test: `PINTLE_BIN`, or the one built beside the running test.
///
/// # Errors
/// When it is not there, with the command that builds it.
pub fn pintle_binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("PINTLE_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let profile = own.ancestors().find(|path| path.ends_with("debug") || path.ends_with("release"));
    let path = profile.map(|folder| folder.join("pintle")).filter(|path| path.exists());
    path.with_context(|| format!("no 'pintle' beside {}: run 'cargo build -p pintle' first", own.display()))
}

impl Process {
    /// Starts the binary in a named namespace; its output is appended to `log`.
    ///
    /// # Errors
    /// When the namespace can't be entered or the binary not started.
    pub fn start(namespace: &str, arguments: &[String], log: &Path) -> anyhow::Result<Process> {
        let namespace = File::open(Path::new("/run/netns").join(namespace))?;
        let output = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(pintle_binary()?);
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // SAFETY: between fork and exec only async-signal-safe system calls are made: setns and prctl.
        unsafe {
            command.pre_exec(move || {
                if libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) != 0
                    || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0
                {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().context("the pintle binary can't be started")?;
        Ok(Process { child, log: log.to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits until it has ended by itself.
    ///
    /// # Errors
    /// When it has not ended within 10 s; it is killed then.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        // SAFETY: kill has no memory effects; the pid is our own child's, not yet waited for.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        bail!("the process did not end within 10 s of SIGTERM:\n{}", self.log_tail())
    }

    /// Whether it still runs.
    pub fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
