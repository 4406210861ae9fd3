//! What must hold of what lies beside records: tags, slots of quotas, tokens.

use std::collections::BTreeSet;

use super::Store;

/// What the keys begin with that are looked at here.
const BESIDE: &[&str] = &["tags/", "slot/", "slot_of/", "token/", "config/quotas/"];

/// Whether a key is looked at here.
pub(crate) fn covers(key: &str) -> bool {
    BESIDE.iter().any(|beginning| key.starts_with(beginning))
}

/// Nothing is left behind by what is gone, and nothing holds two slots.
#[track_caller]
pub(crate) fn check(store: &Store) {
    let content = store.content();
    let records: BTreeSet<&str> = content
        .keys()
        .filter(|key| !covers(key) && key.split('/').count() == 2)
        .filter_map(|key| key.split('/').nth(1))
        .collect();
    let mut holders = BTreeSet::new();
    for (key, value) in &content {
        let last = key.rsplit('/').next().unwrap();
        if key.starts_with("tags/") {
            assert!(records.contains(last), "'{key}' was left behind");
        } else if key.starts_with("slot/") {
            let holder = std::str::from_utf8(value).unwrap();
            assert!(records.contains(holder), "'{key}' was left behind by {holder}");
            assert!(holders.insert(holder.to_owned()), "{holder} holds two slots");
        }
    }
    for key in content.keys().filter_map(|key| key.strip_prefix("slot_of/")) {
        assert!(holders.contains(key), "it is noted which slot {key} holds, and it holds none");
    }
}
