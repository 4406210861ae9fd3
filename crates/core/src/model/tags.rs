//! Tags: a few words of a user's own on a thing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// The tags of one thing: 50 at most, keys of 1 to 128 characters, values of 0 to 256; keys that begin with `aws:` are
/// nobody's to set (EC2, "Tag restrictions").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The most that one thing may have.
    pub const MOST: usize = 50;
    const KEY: usize = 128;
    const VALUE: usize = 256;

    /// Tags with these keys and values.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when a key comes twice, or a key or value is not allowed; [`Refusal::TooManyTags`].
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut tags = BTreeMap::new();
        for (key, value) in pairs {
            check(&key, &value)?;
            if tags.contains_key(&key) {
                return Err(Refusal::invalid("tag", key, "a key is given once at most"));
            }
            tags.insert(key, value);
        }
        Tags(tags).counted()
    }

    fn counted(self) -> Result<Self, Refusal> {
        if self.0.len() > Self::MOST { Err(Refusal::TooManyTags { limit: Self::MOST }) } else { Ok(self) }
    }

    /// These with others added; where a key is in both, the other's value.
    ///
    /// # Errors
    /// [`Refusal::TooManyTags`].
    pub fn with(mut self, others: &Tags) -> Result<Self, Refusal> {
        self.0.extend(others.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        self.counted()
    }

    /// Takes one away: that with this key and, if there is one, with this value.
    pub fn remove(&mut self, key: &str, value: Option<&str>) {
        if self.0.get(key).is_some_and(|present| value.is_none_or(|value| value == present)) {
            self.0.remove(key);
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Key and value of each, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check(key: &str, value: &str) -> Result<(), Refusal> {
    let length = key.chars().count();
    if length == 0 || length > Tags::KEY {
        return Err(Refusal::invalid("tag key", key, format!("it must have 1 to {} characters", Tags::KEY)));
    }
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(Refusal::invalid("tag key", key, "keys that begin with 'aws:' are reserved"));
    }
    if value.chars().count() > Tags::VALUE {
        return Err(Refusal::invalid("tag value", value, format!("it must have {} characters at most", Tags::VALUE)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Result<Tags, Refusal> {
        Tags::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn keys_and_values_have_their_limits() {
        let long = "ä".repeat(128);
        assert_eq!(tags(&[(&long, &"v".repeat(256))]).unwrap().get(&long).map(str::len), Some(256));
        for bad in [("", ""), (&"k".repeat(129), ""), ("k", &"v".repeat(257)), ("aws:x", "1"), ("AWS:x", "1")] {
            assert!(matches!(tags(&[bad]), Err(Refusal::Invalid { .. })), "{bad:?}");
        }
        assert!(tags(&[("k", "1"), ("k", "2")]).is_err());
        // Not a boundary of characters where the prefix would end.
        assert!(tags(&[("awsä", "1")]).is_ok());
    }

    #[test]
    fn fifty_are_the_most_however_they_come() {
        let fifty: Vec<_> = (0..50).map(|n| (n.to_string(), String::new())).collect();
        let full = Tags::new(fifty.clone()).unwrap();
        assert!(full.clone().with(&tags(&[("7", "again")]).unwrap()).is_ok());
        assert!(matches!(full.with(&tags(&[("new", "")]).unwrap()), Err(Refusal::TooManyTags { limit: 50 })));
    }

    #[test]
    fn a_tag_is_removed_by_key_or_by_key_and_value() {
        let mut some = tags(&[("a", "1"), ("b", "2")]).unwrap();
        some.remove("a", Some("other"));
        some.remove("b", Some("2"));
        some.remove("c", None);
        assert_eq!(some.iter().collect::<Vec<_>>(), [("a", "1")]);
        some.remove("a", None);
        assert!(some.is_empty());
    }
}
