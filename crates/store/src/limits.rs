//! The rules a transaction must keep before any engine looks at it.
//!
//! They are checked once, here, so that no single transaction can make an engine fail for the others it is grouped
//! with, and so that every engine refuses the same ones.

use std::collections::HashSet;

use pintle_core::txn::{Txn, Write};

use crate::StoreError;

/// The longest key, in bytes of UTF-8. The shortest is 1.
pub const MAX_KEY_BYTES: usize = 1024;
/// The largest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 << 20;
/// The most writes in one transaction.
pub const MAX_WRITES: usize = 100_000;
/// The most bytes of keys and values written by one transaction.
pub const MAX_TXN_BYTES: usize = 64 << 20;

/// Checks the sizes and that no key is written twice.
///
/// # Errors
/// [`StoreError::Invalid`], naming the key and the rule.
pub(crate) fn check(txn: &Txn) -> Result<(), StoreError> {
    if txn.writes.len() > MAX_WRITES {
        return invalid(format!("it has {} writes, and at most {MAX_WRITES} are allowed", txn.writes.len()));
    }
    let mut seen = HashSet::with_capacity(txn.writes.len());
    let mut total = 0;
    for write in &txn.writes {
        total += check_write(write)?;
        if !seen.insert(write.key()) {
            return invalid(format!("the key {:?} is written twice, and once is allowed", write.key()));
        }
    }
    if total > MAX_TXN_BYTES {
        return invalid(format!("its writes have {total} bytes, and at most {MAX_TXN_BYTES} are allowed"));
    }
    Ok(())
}

/// Checks one write and returns its size in bytes.
fn check_write(write: &Write) -> Result<usize, StoreError> {
    let key = write.key();
    if key.is_empty() {
        return invalid("a key is empty, and 1 byte is the least".to_owned());
    }
    if key.len() > MAX_KEY_BYTES {
        let start: String = key.chars().take(40).collect();
        return invalid(format!("the key {start:?}… has {} bytes, and at most {MAX_KEY_BYTES} are allowed", key.len()));
    }
    let size = match write {
        Write::Put { value, .. } => value.len(),
        Write::Delete { .. } => 0,
    };
    if size > MAX_VALUE_BYTES {
        return invalid(format!("the value of {key:?} has {size} bytes, and at most {MAX_VALUE_BYTES} are allowed"));
    }
    Ok(key.len() + size)
}

fn invalid<T>(rule: String) -> Result<T, StoreError> {
    Err(StoreError::Invalid(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, bytes: usize) -> Write {
        Write::Put { key: key.to_owned(), value: vec![0; bytes] }
    }

    fn verdict(writes: Vec<Write>) -> Result<(), StoreError> {
        check(&Txn { compares: vec![], writes })
    }

    #[test]
    fn limits_are_inclusive() {
        assert_eq!(verdict(vec![put(&"k".repeat(MAX_KEY_BYTES), MAX_VALUE_BYTES)]), Ok(()));
        assert!(verdict(vec![put(&"k".repeat(MAX_KEY_BYTES + 1), 0)]).is_err());
        assert!(verdict(vec![put("k", MAX_VALUE_BYTES + 1)]).is_err());
    }

    #[test]
    fn the_whole_transaction_is_limited() {
        let four: Vec<Write> = ["a", "b", "c", "d"].iter().map(|key| put(key, MAX_VALUE_BYTES)).collect();
        let error = verdict(four).expect_err("four full values and their keys are over the limit");
        assert!(error.to_string().contains(&MAX_TXN_BYTES.to_string()), "{error}");
    }

    #[test]
    fn a_put_and_a_delete_of_one_key_are_two_writes() {
        let error = verdict(vec![put("same", 1), Write::Delete { key: "same".to_owned() }]).expect_err("written twice");
        assert!(error.to_string().contains("\"same\""), "{error}");
    }
}
