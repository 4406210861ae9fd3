//! Finding records.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Which records are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those about this, as target or related to it: an id.
    pub target: Option<String>,
    /// Those with this action, or with any of this kind: `vni.flush`, or `vni`.
    pub action: Option<String>,
    /// Those that somebody should be alerted of, only.
    pub alerts: bool,
    /// Those with a lower number than this.
    pub before: Option<u64>,
    /// The most records.
    pub limit: usize,
}

/// Records that were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The newest first.
    pub records: Vec<Value>,
    /// There are older ones.
    pub more: bool,
}

/// What a record is chosen by.
#[derive(Deserialize)]
struct Chosen {
    seq: u64,
    action: String,
    target: Option<String>,
    #[serde(default)]
    related: Vec<String>,
    alert: Option<IgnoredAny>,
}

impl Filter {
    fn takes(&self, record: &Chosen) -> bool {
        let kind = |action: &str| {
            record.action.strip_prefix(action).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let about = |id: &String| record.target.as_ref() == Some(id) || record.related.contains(id);
        (!self.alerts || record.alert.is_some())
            && self.before.is_none_or(|before| record.seq < before)
            && self.action.as_deref().is_none_or(kind)
            && self.target.as_ref().is_none_or(about)
    }
}

/// Reads the whole log and gives the newest records that the filter takes. A line that is no record is left out: to find
/// those is [`verify`](super::verify())'s.
pub(super) fn find(path: &Path, filter: &Filter) -> io::Result<Found> {
    let mut lines = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut kept, mut more) = (VecDeque::new(), false);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !serde_json::from_slice::<Chosen>(&line).is_ok_and(|record| filter.takes(&record)) {
            continue;
        }
        kept.push_back(line.clone());
        if kept.len() > filter.limit {
            kept.pop_front();
            more = true;
        }
    }
    let records = kept.iter().rev().filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Ok(Found { records, more })
}
