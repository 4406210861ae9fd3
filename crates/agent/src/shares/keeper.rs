//! The thread that keeps shares: ends what should not be served, sees to files, then starts what should be served.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use pintle_core::host_spec::{EntryKey, ShareSpec};
use pintle_core::id::{InstanceId, ShareId};

use super::server::{Job, ShareServer};
use super::{Shared, Standing, Wanted, files, process};
use crate::kernel::{KernelError, NetNs};

/// Below an agent's directory: the files of shares, and what servers are told by.
const FILES: &str = "shares";
const SERVERS: &str = "share-servers";

/// How often is looked whether all that should serve does, while something is open and while nothing is.
const OPEN: Duration = Duration::from_millis(100);
const QUIET: Duration = Duration::from_secs(1);
/// How long a server that has been started may take to listen.
const START: Duration = Duration::from_secs(20);
/// How long is waited before a server that ended is started again, the first time and at most.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_MOST: Duration = Duration::from_secs(30);

pub(super) struct Keeper {
    data_dir: PathBuf,
    server: Box<dyn ShareServer>,
    shared: Arc<Shared>,
    /// Those that were started here, so that their end is noticed.
    children: HashMap<InstanceId, Child>,
    tries: HashMap<InstanceId, Try>,
}

/// The last start of a server that does not yet serve.
struct Try {
    at: Instant,
    /// How long to wait after it for the next.
    wait: Duration,
    /// What became of it.
    trouble: Option<String>,
}

/// Where a job's server is.
enum Place {
    Here(u32),
    /// It runs in a namespace that is no longer the mount target's.
    Elsewhere,
    Nowhere,
}

impl Keeper {
    pub(super) fn new(data_dir: PathBuf, server: Box<dyn ShareServer>, shared: Arc<Shared>) -> Keeper {
        Keeper { data_dir, server, shared, children: HashMap::new(), tries: HashMap::new() }
    }

    pub(super) fn run(mut self, told: &dyn Fn()) {
        let mut seen = 0;
        while let Some((wanted, number)) = self.next(&mut seen) {
            let open = self.settle(&wanted);
            let mut state = self.shared.lock();
            // Something else is wanted by now: what was found out is looked at again before it is told.
            if state.number == number && state.open != open {
                state.open = open;
                drop(state);
                told();
            }
        }
    }

    /// Waits for something new, or for the next look; `None` at the end.
    fn next(&self, seen: &mut u64) -> Option<(Wanted, u64)> {
        let mut state = self.shared.lock();
        if state.number == *seen && !state.ending {
            let wait = if state.open.is_empty() { QUIET } else { OPEN };
            let waited = self.shared.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        while state.wanted.is_none() && !state.ending {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ending {
            return None;
        }
        *seen = state.number;
        state.wanted.clone().map(|wanted| (wanted, state.number))
    }

    /// Makes what is there what is wanted, as far as that goes at once; what is left.
    fn settle(&mut self, wanted: &Wanted) -> BTreeMap<EntryKey, Standing> {
        let mut open = BTreeMap::new();
        for id in self.unwanted(wanted) {
            let job = self.job(id, ShareId::from_bits(0));
            if let Err(why) = self.end(&job) {
                open.insert(EntryKey::Instance(id), Standing::Failed(why));
            }
        }
        for (id, spec) in &wanted.files {
            let folder = self.files(*id);
            let done = match spec {
                ShareSpec::Keep(owner) => files::keep(&folder, *owner),
                ShareSpec::Erase => files::erase(&folder),
            };
            if let Err(why) = done {
                open.insert(EntryKey::Share(*id), Standing::Failed(why));
            }
        }
        for (id, share) in &wanted.served {
            let job = self.job(*id, *share);
            if let Some(standing) = self.serve(&job) {
                open.insert(EntryKey::Instance(*id), standing);
            }
        }
        open
    }

    fn files(&self, share: ShareId) -> PathBuf {
        self.data_dir.join(FILES).join(share.to_string())
    }

    fn job(&self, instance: InstanceId, share: ShareId) -> Job {
        let folder = self.data_dir.join(SERVERS).join(instance.to_string());
        Job { instance, share, files: self.files(share), folder }
    }

    /// What has, or had, a server and should have none.
    fn unwanted(&self, wanted: &Wanted) -> BTreeSet<InstanceId> {
        let known = folders(&self.data_dir).chain(self.children.keys().copied());
        known.filter(|id| !wanted.served.contains_key(id)).collect()
    }

    /// Sees to it that a job is done; where it stands if it is not.
    fn serve(&mut self, job: &Job) -> Option<Standing> {
        let namespace = match NetNs::open_named(&job.instance.to_string()) {
            Ok(namespace) => namespace,
            // The reconciler makes it, or says why it can't.
            Err(KernelError::NamespaceMissing { .. } | KernelError::NotANamespace { .. }) => {
                return Some(Standing::Pending);
            }
            Err(error) => return Some(Standing::Failed(error.to_string())),
        };
        match self.place(job, &namespace) {
            Place::Here(pid) if process::listens(pid, self.server.port()) => {
                self.tries.remove(&job.instance);
                None
            }
            Place::Here(_) => Some(self.starting(job)),
            Place::Elsewhere => match self.end(job) {
                Ok(()) => Some(self.start(job, &namespace)),
                Err(why) => Some(Standing::Failed(why)),
            },
            Place::Nowhere => Some(self.start(job, &namespace)),
        }
    }

    fn place(&mut self, job: &Job, namespace: &NetNs) -> Place {
        // A child that has ended is taken note of, or it would stay a zombie.
        if let Some(child) = self.children.get_mut(&job.instance)
            && let Ok(Some(status)) = child.try_wait()
        {
            self.children.remove(&job.instance);
            let said = last_words(&job.log());
            let trouble = format!("the share's server has ended ({status}){said}");
            tracing::warn!(instance = %job.instance, share = %job.share, trouble);
            if let Some(tried) = self.tries.get_mut(&job.instance) {
                tried.trouble = Some(trouble);
            }
        }
        let child = self.children.get(&job.instance).map(Child::id);
        let found = child.or_else(|| process::find(&job.pid_file(), &job.config()));
        let Some(pid) = found else { return Place::Nowhere };
        match NetNs::open_pid(pid) {
            Ok(own) if own.is_same_as(namespace) => Place::Here(pid),
            _ => Place::Elsewhere,
        }
    }

    /// Where a job stands whose server runs and does not yet listen.
    fn starting(&self, job: &Job) -> Standing {
        match self.tries.get(&job.instance) {
            Some(tried) if tried.at.elapsed() > START => {
                let said = last_words(&job.log());
                Standing::Failed(format!("the share's server does not listen on port {}{said}", self.server.port()))
            }
            Some(Try { trouble: Some(trouble), .. }) => Standing::Failed(trouble.clone()),
            _ => Standing::Pending,
        }
    }

    fn start(&mut self, job: &Job, namespace: &NetNs) -> Standing {
        let before = self.tries.get(&job.instance);
        if let Some(tried) = before
            && tried.at.elapsed() < tried.wait
        {
            return tried.trouble.clone().map_or(Standing::Pending, Standing::Failed);
        }
        let wait = before.map_or(AGAIN, |tried| (tried.wait * 2).min(AGAIN_AT_MOST));
        let trouble = before.and_then(|tried| tried.trouble.clone());
        let started = self.spawn(job, namespace);
        let trouble = started.as_ref().err().cloned().or(trouble);
        let standing = trouble.clone().map_or(Standing::Pending, Standing::Failed);
        self.tries.insert(job.instance, Try { at: Instant::now(), wait, trouble });
        if let Ok(child) = started {
            tracing::info!(instance = %job.instance, share = %job.share, pid = child.id(), "a share is being served");
            self.children.insert(job.instance, child);
        }
        standing
    }

    /// Starts a server in a mount target's namespace, where it goes on when this process has ended.
    fn spawn(&self, job: &Job, namespace: &NetNs) -> Result<Child, String> {
        let failed = |error: io::Error| format!("the share's server can't be started: {error}");
        fs::create_dir_all(job.memory()).map_err(failed)?;
        let mut command = self.server.prepare(job)?;
        let log = fs::File::options().create(true).append(true).open(job.log()).map_err(failed)?;
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
        // What ends this process by its terminal is not meant for it.
        command.current_dir("/").process_group(0);
        // A child is in the namespace of the thread that makes it.
        namespace.run(|| command.spawn()).map_err(|error| error.to_string())?.map_err(failed)
    }

    /// Ends a job's server, and forgets what it remembers.
    fn end(&mut self, job: &Job) -> Result<(), String> {
        let mut child = self.children.remove(&job.instance);
        let found = child.as_ref().map(Child::id).or_else(|| process::find(&job.pid_file(), &job.config()));
        if let Some(pid) = found {
            let ended = process::end(pid, || drop(child.as_mut().map(Child::try_wait)));
            if ended.is_err() {
                self.children.extend(child.map(|child| (job.instance, child)));
            }
            ended?;
            tracing::info!(instance = %job.instance, pid, "a share is no longer served there");
        }
        self.tries.remove(&job.instance);
        forget(&job.folder).map_err(|error| format!("'{}' can't be removed: {error}", job.folder.display()))
    }
}

/// What has a folder of a server's own.
fn folders(data_dir: &Path) -> impl Iterator<Item = InstanceId> + use<> {
    let entries = fs::read_dir(data_dir.join(SERVERS)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The last line of a log, as the end of a sentence.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    match text.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("; its last words: {}", line.chars().take(300).collect::<String>()),
        None => String::new(),
    }
}

/// Ends every server of an agent's directory. Shares' files stay.
///
/// # Errors
/// The first that could not be ended; the rest is ended all the same.
pub(crate) fn stop_all(data_dir: &Path) -> Result<(), String> {
    let Ok(data_dir) = data_dir.canonicalize() else { return Ok(()) };
    let mut result = Ok(());
    for id in folders(&data_dir) {
        let folder = data_dir.join(SERVERS).join(id.to_string());
        let job = Job { instance: id, share: ShareId::from_bits(0), files: PathBuf::new(), folder };
        let ended = match process::find(&job.pid_file(), &job.config()) {
            Some(pid) => process::end(pid, || ()),
            None => Ok(()),
        };
        let forgotten = ended.and_then(|()| forget(&job.folder).map_err(|error| error.to_string()));
        result = result.and(forgotten);
    }
    result
}
