//! A machine to itself: its own network, `/run`, `/var/lib` and BPF file system, so that tests meet neither each other nor a Pintle
//! that runs here.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The machine's underlay address, of the range for documentation.
pub(crate) const VTEP: &str = "192.0.2.1";

/// A machine, kept by a process that sleeps in it; all of it ends with that.
pub(crate) struct Machine {
    keeper: Child,
    folder: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let script = format!(
            "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mount -t bpf bpf /sys/fs/bpf && ip link set lo up \
             && ip addr add {VTEP}/32 dev lo && echo ready && exec sleep 600"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--net", "sh", "-c", &script]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        end_with_us(&mut command);
        let mut keeper = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the machine could not be made");
        Machine { keeper, folder: tempfile::Builder::new().prefix("plt-cli-").tempdir().unwrap() }
    }

    /// A folder of this machine's own; also where its temporary files go.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command in the machine.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.keeper.id().to_string(), "--mount", "--net", "--", program]);
        command.env("TMPDIR", self.folder()).stdin(Stdio::null());
        for variable in ["PINTLE_LOG", "PINTLE_URL", "PINTLE_TOKEN_FILE", "PINTLE_DATA_DIR", "PINTLE_JOIN"] {
            command.env_remove(variable);
        }
        end_with_us(&mut command);
        command
    }

    /// Runs `pintle` with the words of a line.
    pub(crate) fn pintle(&self, line: &str) -> Said {
        Said::of(self.command(BINARY).args(line.split_whitespace()).output().unwrap())
    }

    /// Starts `pintle`, with what it says in a file.
    pub(crate) fn start(&self, line: &str) -> Running {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Not in the temporary folder, which tests look into.
        let log = std::env::temp_dir().join(format!("plt-cli-{}-{count}.log", std::process::id()));
        let file = fs::File::create(&log).unwrap();
        let mut command = self.command(BINARY);
        command.args(line.split_whitespace()).stdout(file.try_clone().unwrap()).stderr(file);
        Running { child: command.spawn().unwrap(), log }
    }

    /// Starts `pintle up` and waits until it says that it is up.
    pub(crate) fn up(&self) -> Running {
        let data = self.folder().join("data");
        let running = self.start(&format!("up --data-dir {} --name here --vtep {VTEP}", data.display()));
        running.wait_for("pintle is up");
        running
    }

    /// What the demo and servers must not leave: namespaces, pins, notes, files.
    pub(crate) fn leftovers(&self) -> String {
        let script = "ls -A /run/netns; ls -A /run/pintle; find /sys/fs/bpf -mindepth 2; ls -A \"$TMPDIR\"";
        let said = Said::of(self.command("sh").args(["-c", script]).output().unwrap());
        said.out.trim().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_pintle");

/// A `pintle` that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn wait_for(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "'{words}' was not said:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: kill has no memory effects; the pid is our own child's (nsenter becomes it), not yet waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Waits for its end: exit code (`None` after a signal) and what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), self.log());
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.log);
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Said {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed, given that it went well and complained of nothing.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The JSON that it printed, given that it went well.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.well()).unwrap()
    }

    /// That it refused, with an exit code and these words, in one line and not as a dump of JSON.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "'{word}' is not in: {}", self.err);
        }
        assert!(!self.err.contains(['{', '}']), "{}", self.err);
        assert!(code == 2 || self.err.trim().lines().count() == 1, "{}", self.err);
    }
}

/// Whatever happens to the test, nothing that it started outlives it. And it hears signals, whatever the tests were
/// started from: a shell has what it puts in the background ignore Ctrl-C.
fn end_with_us(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe system calls are made: sigaction (by signal) and prctl.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGTERM] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}
