//! The file that records are written to: those of one call go out with one system call.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pintle_dialect::wire::timestamp;

use super::chain::{Links, NOTHING, append};
use super::{AuditError, Entry, Head, Outcome};
use crate::clock::Clock;

/// How much of the end of a file is read to find its last record: many times what the longest one takes.
const TAIL: u64 = 1 << 20;

/// The most records that wait for a file that takes none: nothing is changed meanwhile, but things are looked at and refused.
const MOST_MISSED: usize = 10_000;
/// The most records in one write, so that some get in when there is a little room again.
const AT_ONCE: usize = 256;

/// The file, and where its chain has got to.
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    length: u64,
    head: Head,
    clock: Arc<dyn Clock>,
    /// What could not be written.
    missed: Vec<Entry>,
    /// How many more there were.
    lost: usize,
}

impl Writer {
    /// Opens the file, or makes it, and mends its end.
    pub(super) fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Writer, AuditError> {
        let failed =
            |what| move |error: io::Error| AuditError { path: path.to_owned(), what, reason: error.to_string() };
        let open = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let mut file = open.map_err(failed("opened"))?;
        let end = End::read(&mut file).map_err(failed("read"))?;
        if !end.notes.is_empty() {
            file.set_len(end.length).map_err(failed("written"))?;
        }
        let head = Head { seq: end.seq, hash: end.hash };
        let mut writer =
            Writer { path: path.to_owned(), file, length: end.length, head, clock, missed: Vec::new(), lost: 0 };
        for note in end.notes {
            tracing::warn!(path = %path.display(), "the audit log: {note}");
            let outcome = Outcome::Failure { code: "torn".to_owned(), reason: note };
            let (who, action) = ("pintle".to_owned(), "audit.repair".to_owned());
            writer.write(&[Entry { who, action, outcome, ..Entry::default() }]).map_err(failed("written"))?;
        }
        Ok(writer)
    }

    /// The newest record, and how long the file is with it.
    pub(super) fn tip(&self) -> (Head, u64) {
        (self.head.clone(), self.length)
    }

    /// Another handle of the file, to flush it by.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Flushes the file to the disk.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// How many records wait to be written.
    pub(super) fn missed(&self) -> usize {
        self.missed.len()
    }

    /// Writes what was missed and these, as far as there is room; if that fails, the rest is missed. Of more than can be kept the
    /// number is.
    pub(super) fn take(&mut self, entries: Vec<Entry>) -> Result<(), AuditError> {
        // More than can be kept may yet be written: there may be room on the disk again.
        let full = self.missed.len() + entries.len() > MOST_MISSED;
        let tried = if full { self.catch_up() } else { Ok(()) };
        let room = MOST_MISSED.saturating_sub(self.missed.len());
        self.lost += entries.len().saturating_sub(room);
        self.missed.extend(entries.into_iter().take(room));
        tried.and_then(|()| self.catch_up()).map_err(|error| AuditError {
            path: self.path.clone(),
            what: "written",
            reason: error.to_string(),
        })
    }

    fn catch_up(&mut self) -> io::Result<()> {
        let mut missed = std::mem::take(&mut self.missed);
        while !missed.is_empty() {
            let count = missed.len().min(AT_ONCE);
            if let Err(error) = self.write(&missed[..count]) {
                self.missed = missed;
                return Err(error);
            }
            missed.drain(..count);
        }
        if self.lost > 0 {
            let reason = format!("{} records came while none could be written and too many waited", self.lost);
            let outcome = Outcome::Failure { code: "lost".to_owned(), reason };
            let (who, action) = ("pintle".to_owned(), "audit.lose".to_owned());
            self.write(&[Entry { who, action, outcome, ..Entry::default() }])?;
            self.lost = 0;
        }
        Ok(())
    }

    /// Writes records, all or none.
    fn write(&mut self, entries: &[Entry]) -> io::Result<()> {
        let at = timestamp(self.clock.now());
        let (mut lines, mut head) = (Vec::new(), self.head.clone());
        for entry in entries {
            head = append(&mut lines, &head, &at, entry)?;
        }
        if let Err(error) = self.file.write_all(&lines) {
            // A part of them may be there. If it stays, the next start finds it.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += lines.len() as u64;
        self.head = head;
        Ok(())
    }
}

/// How a file ends.
struct End {
    length: u64,
    seq: u64,
    hash: String,
    /// What was found and what is done about it.
    notes: Vec<String>,
}

impl End {
    fn read(file: &mut File) -> io::Result<End> {
        let size = file.metadata()?.len();
        let from = size.saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.take(size - from).read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = (tail.len() - whole) as u64;
        let mut notes = Vec::new();
        if torn > 0 {
            notes.push(format!("{torn} bytes of a record that a crash had torn were removed from its end"));
        }
        tail.truncate(whole);
        let last = tail.strip_suffix(b"\n").map(|lines| {
            let begin = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            serde_json::from_slice::<Links>(&lines[begin..])
        });
        let (seq, hash) = match last {
            None => (0, NOTHING.to_owned()),
            Some(Ok(links)) => (links.seq, links.hash),
            Some(Err(_)) => {
                notes.push("its last record can't be read: a new chain begins behind it".to_owned());
                (0, NOTHING.to_owned())
            }
        };
        Ok(End { length: size - torn, seq, hash, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::verify;
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn p04_what_could_not_be_written_is_written_before_what_comes_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::FILE);
        let entry = |action: &str| vec![Entry { action: action.to_owned(), ..Entry::default() }];
        let mut writer = Writer::open(&path, Arc::new(SystemClock)).unwrap();
        writer.take(entry("one")).unwrap();
        // As on a full disk: every write is refused.
        let file = std::mem::replace(&mut writer.file, File::open(&path).unwrap());
        writer.take(entry("two")).unwrap_err();
        writer.take(Vec::new()).unwrap_err();
        writer.file = file;
        writer.take(entry("three")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let at = |action: &str| text.find(&format!("\"action\":\"{action}\"")).unwrap();
        assert!(at("one") < at("two") && at("two") < at("three"), "{text}");
        let report = verify(text.as_bytes()).unwrap();
        assert!(report.is_whole() && report.records == 3, "{report:?}");
    }

    #[test]
    fn p04_a_file_that_takes_nothing_for_long_costs_only_so_much_and_how_many_were_lost_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::FILE);
        let mut writer = Writer::open(&path, Arc::new(SystemClock)).unwrap();
        let file = std::mem::replace(&mut writer.file, File::open("/dev/null").unwrap());
        for _ in 0..MOST_MISSED / 100 + 3 {
            writer.take(vec![Entry::default(); 100]).unwrap_err();
        }
        assert_eq!((writer.missed(), writer.lost), (MOST_MISSED, 300));
        writer.file = file;
        writer.take(vec![Entry { action: "last".to_owned(), ..Entry::default() }]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let report = verify(text.as_bytes()).unwrap();
        assert!(report.is_whole() && report.records == MOST_MISSED as u64 + 2, "{report:?}");
        assert!(text.contains("audit.lose") && text.contains("300 records"), "{}", &text[text.len() - 500..]);
        assert!(text.lines().last().unwrap().contains("\"last\""), "the first that came when there was room again");
        writer.take(Vec::new()).unwrap();
        assert_eq!((writer.missed(), writer.lost), (0, 0));
    }
}
