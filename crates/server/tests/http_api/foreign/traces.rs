//! What requests leave behind: nothing in the store, and in the audit log the same for what is another tenant's as for what
//! nothing is.

use std::collections::BTreeMap;

use pintle_core::txn::Stored;
use pintle_store::Store;
use serde_json::Value;

use super::fill::Whose;
use crate::client::{Answer, Api};

/// All that the store holds.
pub(crate) fn dump(api: &Api) -> Vec<Stored> {
    api.store.snapshot().unwrap().list("", "", usize::MAX).unwrap()
}

/// Requests that came in pairs, one for what is another tenant's and one for what nothing is.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<Pair>);

#[derive(Debug)]
struct Pair {
    what: String,
    requests: [String; 2],
    strangers: Vec<String>,
}

impl Pairs {
    pub(super) fn add(&mut self, what: &str, requests: [String; 2], strangers: &[&str]) {
        let strangers = strangers.iter().map(|key| (*key).to_owned()).collect();
        self.0.push(Pair { what: what.to_owned(), requests, strangers });
    }

    /// Checks that both requests of each pair have left the same records.
    pub(super) async fn left_the_same(&self, api: &Api, whose: &Whose) {
        // Records of looks are written by the by.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for line in std::fs::read_to_string(api.audit.path()).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            records.entry(record["request"].as_str().unwrap_or_default().to_owned()).or_default().push(record);
        }
        assert!(!self.0.is_empty());
        let mut noted = 0;
        for pair in &self.0 {
            let strangers: Vec<&str> = pair.strangers.iter().map(String::as_str).collect();
            let [foreign, unknown] = pair.requests.each_ref().map(|request| {
                let found = records.get(request).map(Vec::as_slice).unwrap_or_default();
                noted += found.len();
                found.iter().map(|record| whose.blank(&said(record), &strangers)).collect::<Vec<_>>()
            });
            assert_eq!(foreign, unknown, "the audit records of {}", pair.what);
        }
        assert!(noted > self.0.len() / 4, "requests leave records: {noted} of {}", self.0.len());
    }
}

/// What a record says, without what is of its one request.
fn said(record: &Value) -> String {
    let mut record = record.clone();
    for one in ["seq", "at", "request", "hash", "previous"] {
        record.as_object_mut().unwrap().remove(one);
    }
    record.to_string()
}

/// The id of the request that was answered so.
pub(super) fn request_of(answer: &Answer) -> String {
    answer.headers["x-request-id"].to_str().unwrap().to_owned()
}
