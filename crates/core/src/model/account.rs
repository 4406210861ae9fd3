//! The account: who things belong to. An account is a tenant, and its things in one region are one owner's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// Id of an [`Account`]: twelve decimal digits, as EC2's are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u64);

/// A text that is not an account's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an account id: expected 12 decimal digits")]
pub struct InvalidAccountId(pub String);

impl AccountId {
    /// The first account: what belongs to nobody in particular belongs to it.
    pub const FIRST: AccountId = AccountId(123_456_789_012);
    /// Ids are below this.
    const END: u64 = 1_000_000_000_000;

    /// An id from random bits.
    pub fn from_bits(bits: u64) -> Self {
        AccountId(bits % Self::END)
    }
}

impl Default for AccountId {
    /// The first account.
    fn default() -> Self {
        AccountId::FIRST
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}
impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for AccountId {
    type Err = InvalidAccountId;
    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        let shaped = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        let number = if shaped { text.parse().ok() } else { None };
        number.map(AccountId).ok_or_else(|| InvalidAccountId(text.chars().take(80).collect()))
    }
}
impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, unique among accounts.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits_both_ways() {
        assert_eq!(AccountId::FIRST.to_string(), "123456789012");
        for good in ["000000000000", "000000000007", "999999999999"] {
            assert_eq!(good.parse::<AccountId>().unwrap().to_string(), good);
        }
        for bad in ["", "1", "12345678901", "1234567890123", "12345678901a", "+12345678901", " 23456789012"] {
            assert!(bad.parse::<AccountId>().unwrap_err().to_string().contains("12 decimal digits"), "{bad}");
        }
        assert_eq!(AccountId::from_bits(u64::MAX).to_string().len(), 12);
    }
}
