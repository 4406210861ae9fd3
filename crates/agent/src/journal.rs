//! The last known desired state on disk, so that repairs go on while the server is out of reach.
//!
//! A log of lines: one with the whole state, then one for each change, so that writing costs what changed. A change is
//! written before it is made, hence what is on disk is never behind what is in the kernel. It is written for a crash of
//! the agent, not of the machine: after that nothing of ours is in the kernel either, and an older state does no harm.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::txn::Revision;
use serde::{Deserialize, Serialize};

use crate::desired::{Delta, Desired};
use crate::error::AgentError;

/// The log is written anew when it has grown to twice the whole state and this many bytes.
const SLACK: u64 = 1 << 20;

/// One line.
#[derive(Serialize, Deserialize)]
enum Line {
    /// The whole state.
    Whole { epoch: String, revision: Revision, entries: Vec<(EntryKey, Entry)> },
    /// A change of it.
    Change { revision: Revision, put: Vec<(EntryKey, Entry)>, removed: Vec<EntryKey> },
}

/// The log.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: Option<File>,
    whole: u64,
    length: u64,
}

/// What a log says.
pub(crate) struct Saved {
    pub(crate) epoch: String,
    pub(crate) desired: Desired,
}

impl Journal {
    /// The log below `data_dir`, which may not be there yet.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Journal { path: data_dir.join("desired.log"), file: None, whole: 0, length: 0 }
    }

    /// Reads the log. `None` if there is none or its beginning is unreadable; a torn end is left out.
    pub(crate) fn load(&self) -> Result<Option<Saved>, AgentError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AgentError::file("read", &self.path)(error)),
        };
        let mut saved: Option<Saved> = None;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(AgentError::file("read", &self.path))?;
            let Ok(line) = serde_json::from_slice(&line) else { break };
            match (line, &mut saved) {
                (Line::Whole { epoch, revision, entries }, saved) => {
                    *saved = Some(Saved { epoch, desired: Desired::new(revision, entries) });
                }
                (Line::Change { revision, put, removed }, Some(saved)) => {
                    saved.desired.apply(revision, Delta { put, removed });
                }
                (Line::Change { .. }, None) => return Ok(None),
            }
        }
        Ok(saved)
    }

    /// Replaces the log by the whole state. If that fails there is no log any more.
    pub(crate) fn replace(&mut self, epoch: &str, desired: &Desired) -> Result<(), AgentError> {
        self.write_whole(epoch, desired).inspect_err(|_| self.discard())
    }

    fn write_whole(&mut self, epoch: &str, desired: &Desired) -> Result<(), AgentError> {
        let unfinished = self.path.with_extension("new");
        let failed = |path: &Path| AgentError::file("write", path);
        let entries = desired.entries().iter().map(|(key, entry)| (*key, entry.clone())).collect();
        let line = Line::Whole { epoch: epoch.to_owned(), revision: desired.revision(), entries };
        let options = || File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
        let mut writer = BufWriter::new(options().map_err(failed(&unfinished))?);
        serde_json::to_writer(&mut writer, &line)
            .map_err(io::Error::from)
            .and_then(|()| writer.write_all(b"\n"))
            .map_err(failed(&unfinished))?;
        let file = writer.into_inner().map_err(|error| failed(&unfinished)(error.into_error()))?;
        fs::rename(&unfinished, &self.path).map_err(failed(&self.path))?;
        self.whole = file.metadata().map_err(failed(&self.path))?.len();
        self.length = self.whole;
        self.file = Some(file);
        Ok(())
    }

    /// Takes the log away: one that lacks a change would, after a restart without the server, bring back what is no more.
    fn discard(&mut self) {
        self.file = None;
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "an outdated desired state stays on disk");
        }
    }

    /// Adds a change. `false` if the log should be replaced instead, because it has become long or was never begun. If
    /// writing fails there is no log any more.
    pub(crate) fn append(&mut self, revision: Revision, delta: &Delta) -> Result<bool, AgentError> {
        let Some(file) = self.file.as_mut().filter(|_| self.length < 2 * self.whole + SLACK) else { return Ok(false) };
        let line = Line::Change { revision, put: delta.put.clone(), removed: delta.removed.clone() };
        let failed = || AgentError::file("write", &self.path);
        let mut bytes = serde_json::to_vec(&line).map_err(|error| failed()(error.into()))?;
        bytes.push(b'\n');
        self.length += bytes.len() as u64;
        let written = file.write_all(&bytes).map_err(failed());
        written.inspect_err(|_| self.discard()).map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pintle_core::host_spec::LocationSpec;

    fn entry(number: u32) -> (EntryKey, Entry) {
        let mac = pintle_core::net::Mac::local(number.into());
        let spec = LocationSpec { vtep: Some(number.into()), alt_vtep: None, route_table: 0 };
        (EntryKey::Location(1, mac), Entry::Location(spec))
    }

    #[test]
    fn i13_what_was_written_is_read_back_and_a_torn_end_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(directory.path());
        assert!(journal.load().unwrap().is_none());
        let mut desired = Desired::new(3, [entry(1), entry(2)]);
        let delta = Delta { put: vec![entry(3)], removed: vec![entry(1).0] };
        assert!(!journal.append(4, &delta).unwrap(), "a log begins with the whole state");
        journal.replace("epoch", &desired).unwrap();
        assert!(journal.append(4, &delta).unwrap());
        desired.apply(4, delta);
        let saved = Journal::new(directory.path()).load().unwrap().unwrap();
        assert_eq!((saved.epoch.as_str(), &saved.desired), ("epoch", &desired));
        let path = directory.path().join("desired.log");
        let mut text = fs::read(&path).unwrap();
        text.extend(b"{\"Change\":{\"revision\":5,");
        fs::write(&path, text).unwrap();
        assert_eq!(journal.load().unwrap().unwrap().desired, desired);
    }

    #[test]
    fn i13_a_log_that_could_not_be_written_is_no_longer_believed() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(directory.path());
        journal.replace("epoch", &Desired::new(3, [entry(1)])).unwrap();
        let delta = Delta { put: vec![entry(2)], removed: Vec::new() };
        // As on a full disk: from here on every write is refused.
        journal.file = Some(File::open(&journal.path).unwrap());
        journal.append(4, &delta).unwrap_err();
        assert!(journal.load().unwrap().is_none(), "it would show a state that is no more");
        assert!(!journal.append(5, &delta).unwrap(), "it begins anew with the whole state");

        journal.replace("epoch", &Desired::new(5, [entry(1)])).unwrap();
        fs::create_dir(directory.path().join("desired.new")).unwrap();
        journal.replace("epoch", &Desired::new(6, [entry(2)])).unwrap_err();
        assert!(journal.load().unwrap().is_none() && !journal.append(7, &delta).unwrap());
    }
}
