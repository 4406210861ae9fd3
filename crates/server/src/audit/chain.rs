//! Records as lines, and whether lines are a chain.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Alert, Entry, Head, Outcome};

/// The hash "before" the first record.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What stands between what a record's hash is of and the hash.
const SEAL: &str = ",\"hash\":\"";
/// The most faults that a report names.
const MAX_FAULTS: usize = 100;

/// A record as it stands in the file, without its own hash.
#[derive(Debug, Serialize)]
struct Line<'a> {
    seq: u64,
    at: &'a str,
    who: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol_state_filtering_mode: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    related: &'a [String],
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    previous: &'a str,
}

/// What a chain is checked by.
#[derive(Debug, Deserialize)]
pub(super) struct Links {
    pub(super) seq: u64,
    pub(super) previous: String,
    pub(super) hash: String,
}

/// Adds a record behind the newest one to `lines`, which is the newest one then.
pub(super) fn append(lines: &mut Vec<u8>, head: &Head, at: &str, entry: &Entry) -> io::Result<Head> {
    let (outcome, revision, code, reason) = match &entry.outcome {
        Outcome::Success(revision) => ("success", (*revision > 0).then_some(*revision), None, None),
        Outcome::Failure { code, reason } => ("failure", None, Some(code.as_str()), Some(reason.as_str())),
    };
    let line = Line {
        seq: head.seq + 1,
        at,
        who: &entry.who,
        source: entry.source.as_deref(),
        request: &entry.request,
        action: &entry.action,
        event: entry.event.as_deref(),
        alert: entry.marks.alert,
        protocol_state_filtering_mode: entry.marks.filtering_mode,
        target: entry.target.as_deref(),
        related: &entry.related,
        outcome,
        revision,
        code,
        reason,
        previous: &head.hash,
    };
    let mut text = serde_json::to_string(&line)?;
    text.pop();
    let hash = hash(text.as_bytes());
    lines.extend_from_slice(text.as_bytes());
    lines.extend_from_slice(SEAL.as_bytes());
    lines.extend_from_slice(hash.as_bytes());
    lines.extend_from_slice(b"\"}\n");
    Ok(Head { seq: line.seq, hash })
}

/// SHA-256 (FIPS 180-4) in hexadecimal digits.
fn hash(bytes: &[u8]) -> String {
    crate::clock::hex(&Sha256::digest(bytes))
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The line of the file, from 1.
    pub line: u64,
    /// The record's number, if it can be read.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many lines were read.
    pub records: u64,
    /// Number and hash of the last record; 0 if there is none.
    pub last: (u64, String),
    /// What is wrong, from the beginning on, at most a hundred.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether the log is as it was written.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks that the lines are records that follow each other, from the first one on, each as it was written.
///
/// # Errors
/// When they can't be read.
pub fn verify(mut lines: impl BufRead) -> io::Result<Report> {
    let mut report = Report { records: 0, last: (0, NOTHING.to_owned()), faults: Vec::new() };
    // The hash of the record before: as it says itself, and as it should be.
    let mut before = (NOTHING.to_owned(), NOTHING.to_owned());
    let mut line = Vec::new();
    while report.faults.len() < MAX_FAULTS {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        report.records += 1;
        let number = report.records;
        let mut fault = |seq, what: String| report.faults.push(Fault { line: number, seq, what });
        let Some(content) = line.strip_suffix(b"\n") else {
            fault(None, "it has no end: the record is torn".to_owned());
            continue;
        };
        let Ok(links) = serde_json::from_slice::<Links>(content) else {
            fault(None, "it is no record".to_owned());
            // What follows is judged by what the broken one should have been.
            report.last.0 += 1;
            before = (String::new(), String::new());
            continue;
        };
        let expected = report.last.0 + 1;
        let computed = sealed(content).map(hash).unwrap_or_default();
        let follows = before.0.is_empty() || [&before.0, &before.1].contains(&&links.previous);
        if computed != links.hash {
            fault(Some(links.seq), "it was changed: its hash is not that of what it says".to_owned());
        } else if links.seq != expected {
            let what = match links.seq > expected {
                true => format!("record {expected} should stand here: it was removed or moved"),
                false => format!("record {expected} should stand here: records were moved or repeated"),
            };
            fault(Some(links.seq), what);
        } else if !follows {
            fault(Some(links.seq), "the record before it is not the one that was there".to_owned());
        }
        // The number of one that was changed may be what was changed.
        report.last = (if computed == links.hash { links.seq } else { expected }, links.hash.clone());
        before = (links.hash, computed);
    }
    Ok(report)
}

/// What a record's hash is of.
fn sealed(content: &[u8]) -> Option<&[u8]> {
    let seal = content.len().checked_sub(SEAL.len() + NOTHING.len() + 2)?;
    content[seal..].starts_with(SEAL.as_bytes()).then_some(&content[..seal])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(records: usize) -> Vec<u8> {
        let (mut lines, mut head) = (Vec::new(), Head { seq: 0, hash: NOTHING.to_owned() });
        for number in 0..records {
            let outcome = match number % 2 {
                0 => Outcome::Success(number as u64),
                _ => Outcome::Failure { code: "not_found".to_owned(), reason: "a \"quoted\"\nreason".to_owned() },
            };
            let target = Some(format!("eni-{number:017x}"));
            let entry = Entry { who: "token".into(), action: "vni.flush".into(), target, outcome, ..Entry::default() };
            head = append(&mut lines, &head, "2026-01-01T00:00:00Z", &entry).unwrap();
        }
        lines
    }

    fn lines(log: &[u8]) -> Vec<Vec<u8>> {
        log.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn p09_a_log_as_it_was_written_is_whole() {
        for records in [0, 1, 7] {
            let report = verify(&log(records)[..]).unwrap();
            assert_eq!((report.records, report.last.0, report.faults), (records as u64, records as u64, Vec::new()));
        }
    }

    #[test]
    fn p09_k24_any_flipped_byte_is_found_and_its_record_named() {
        let log = log(3);
        for at in 0..log.len() {
            let mut flipped = log.clone();
            flipped[at] ^= 1;
            let line = log[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let report = verify(&flipped[..]).unwrap();
            assert!(!report.is_whole(), "byte {at}");
            assert_eq!(report.faults[0].line, line, "byte {at}: {:?}", report.faults);
            if log[at] != b'\n' {
                assert_eq!(report.faults.len(), 1, "byte {at}: only that one is named: {:?}", report.faults);
            }
        }
    }

    #[test]
    fn p09_k24_removed_and_reordered_records_are_named() {
        let all = lines(&log(5));
        let without = |at: usize| [&all[..at], &all[at + 1..]].concat().concat();
        for removed in 0..4 {
            let report = verify(&without(removed)[..]).unwrap();
            let fault = &report.faults[0];
            assert_eq!((fault.line, fault.seq), (removed as u64 + 1, Some(removed as u64 + 2)));
            assert!(fault.what.contains(&format!("record {} should stand here", removed + 1)), "{fault:?}");
        }
        assert!(verify(&without(4)[..]).unwrap().is_whole(), "nothing follows the last one: see `Report::last`");
        let mut swapped = all.clone();
        swapped.swap(1, 2);
        let report = verify(&swapped.concat()[..]).unwrap();
        assert_eq!((report.faults[0].line, report.faults[0].seq), (2, Some(3)), "{report:?}");
        // A record of another log with the right number.
        let mut foreign = Vec::new();
        let entry = Entry { who: "somebody else".into(), ..Entry::default() };
        append(&mut foreign, &Head { seq: 1, hash: NOTHING.to_owned() }, "now", &entry).unwrap();
        let mixed = [&all[..1], &[foreign], &all[2..]].concat();
        let report = verify(&mixed.concat()[..]).unwrap();
        assert_eq!(report.faults[0].seq, Some(2), "{report:?}");
        let torn = &log(2)[..];
        assert_eq!(verify(&torn[..torn.len() - 5]).unwrap().faults[0].line, 2);
    }
}
