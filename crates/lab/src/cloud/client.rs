//! A client's process: in the server's namespace, with an environment of its own.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, bail};

/// The repository's folder, where clients are installed (below `target`) and their scripts are.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program and what it is started with.
pub struct Client {
    command: Command,
    namespace: PathBuf,
}

impl Client {
    /// A program in a named namespace, with an empty environment and this folder as its home. A relative path is meant below
    /// the folder of the clients that are written in Python.
    pub(crate) fn new(program: impl Into<PathBuf>, namespace: &str, home: &Path) -> Client {
        let bin = repository().join("target/aws/bin");
        let mut command = Command::new(bin.join(program.into()));
        let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        command.env_clear().env("PATH", path).env("HOME", home).env("LANG", "C.UTF-8").env("AWS_PAGER", "");
        // Clients look for credentials and a region of the machine they run on.
        command.env("AWS_EC2_METADATA_DISABLED", "true").current_dir(home);
        Client { command, namespace: Path::new("/run/netns").join(namespace) }
    }

    /// Sets a variable of its environment.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Client {
        self.command.env(name, value);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Client {
        self.command.args(arguments);
        self
    }

    /// The command, which starts in the namespace and ends with the thread that has started it.
    ///
    /// # Errors
    /// When the namespace or the program is not there.
    pub(crate) fn prepare(&mut self) -> anyhow::Result<&mut Command> {
        let program = Path::new(self.command.get_program());
        if program.is_absolute() && !program.exists() {
            bail!("{} is missing: run scripts/setup-clients.sh", program.display());
        }
        let namespace = File::open(&self.namespace)?;
        // SAFETY: between fork and exec only async-signal-safe system calls are made: setns and prctl.
        unsafe {
            self.command.pre_exec(move || {
                if libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) != 0
                    || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0
                {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Ok(&mut self.command)
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn output(&mut self) -> anyhow::Result<Output> {
        self.prepare()?.output().context("the client can't be run")
    }

    /// Runs it; what it printed.
    ///
    /// # Errors
    /// When it can't be run, or fails: with what it said.
    pub fn run(&mut self) -> anyhow::Result<String> {
        let output = self.output()?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            let arguments: Vec<_> = self.command.get_args().map(OsStr::to_string_lossy).collect();
            bail!("{} ({}):\n{out}\n{err}", arguments.join(" "), output.status);
        }
        Ok(out.into_owned())
    }
}
