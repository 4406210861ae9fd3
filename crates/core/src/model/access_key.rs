//! The access key: what a client of the EC2 API signs its requests with, and whose requests they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AccountId, Policy, Timestamp};

/// The public part of an access key: 20 characters of `A`–`Z` and `0`–`9`, those that Pintle makes begin with `AKIA`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId([u8; 20]);

/// A text that is not an access key's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an access key id: expected 20 characters of A-Z and 0-9, such as AKIAIOSFODNN7EXAMPLE")]
pub struct InvalidAccessKeyId(pub String);

impl AccessKeyId {
    /// An id from 80 random bits: `AKIA` and 16 digits of RFC 4648's base 32.
    pub fn from_random(random: [u8; 10]) -> Self {
        let bits = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut text = *b"AKIA0000000000000000";
        for (place, digit) in text[4..].iter_mut().enumerate() {
            *digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(bits >> (5 * place)) as usize & 31];
        }
        AccessKeyId(text)
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}
impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for AccessKeyId {
    type Err = InvalidAccessKeyId;
    fn from_str(text: &str) -> Result<Self, InvalidAccessKeyId> {
        let bytes: Option<[u8; 20]> = text.as_bytes().try_into().ok();
        let shaped = bytes.filter(|bytes| bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
        shaped.map(AccessKeyId).ok_or_else(|| InvalidAccessKeyId(text.chars().take(80).collect()))
    }
}
impl Serialize for AccessKeyId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for AccessKeyId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id.
    pub id: AccessKeyId,
    /// The account that its requests are made by.
    pub account: AccountId,
    /// Its secret, sealed with a key that is not in the store.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// What it may do; `None`: all that its account may. From its first policy on it may only do what its policies say.
    #[serde(default)]
    pub policies: Option<Vec<Policy>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_twenty_characters_both_ways() {
        for random in [[0; 10], [255; 10], [7; 10]] {
            let id = AccessKeyId::from_random(random);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert!(id.to_string().starts_with("AKIA"));
        }
        for bad in
            ["", "AKIA", "AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLEX", "akiaiosfodnn7example", "AKIAIOSFODNN7EXAMP/E"]
        {
            assert!(bad.parse::<AccessKeyId>().is_err(), "{bad}");
        }
    }
}
