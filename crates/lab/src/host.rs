//! One host of the lab: a namespace on the underlay with an agent.

use std::path::{Path, PathBuf};

use crate::process::Process;

/// A host of the lab.
pub struct LabHost {
    /// Its name as a Pintle host: `h1`, `h2` …
    pub name: String,
    /// Its network namespace's name.
    pub namespace: String,
    /// Its underlay address.
    pub vtep: String,
    /// Its agent, unless it has been taken away.
    pub agent: Option<Process>,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: PathBuf,
}

impl LabHost {
    /// Starts the agent.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start_agent(&mut self) -> anyhow::Result<()> {
        self.agent = Some(Process::start(&self.namespace, &self.arguments, &self.log())?);
        Ok(())
    }

    /// `kill -9` of the agent.
    pub fn kill_agent(&mut self) {
        self.agent = None;
    }

    /// Where the agent's log is.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// Removes all that the agent has made.
    pub fn purge(&mut self) {
        self.kill_agent();
        purge(&self.namespace, &self.arguments, &self.log());
    }

    /// The path of its namespace.
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.namespace)
    }
}

/// Removes all that an agent with these arguments has made, which does not run any more.
pub(crate) fn purge(namespace: &str, arguments: &[String], log: &Path) {
    let arguments: Vec<String> = arguments.iter().cloned().chain(["--purge".to_owned()]).collect();
    if let Ok(mut purge) = Process::start(namespace, &arguments, log) {
        for _ in 0..30_000 {
            if !purge.running() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
