//! Strict decoding and the small texts that both dialects write alike.
//!
//! A field that is unknown, misspelt or of the wrong type is an error that names it: a request is understood whole or not
//! at all.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::model::Timestamp;
use pintle_core::txn::Revision;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::problem::Problem;

/// Decodes a JSON body.
///
/// # Errors
/// [`Problem::Malformed`] when it is not JSON, [`Problem::Field`] when it is JSON of another shape.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        problem(path, error.into_inner())
    })?;
    deserializer.end().map_err(|error| problem(".".to_owned(), error))?;
    Ok(value)
}

fn problem(path: String, error: serde_json::Error) -> Problem {
    let text = error.to_string();
    let detail = text.rsplit_once(" at line ").map_or(text.as_str(), |(detail, _)| detail).to_owned();
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => Problem::Field { field: path, detail, line, column },
        Category::Syntax | Category::Eof | Category::Io => Problem::Malformed { line, column, detail },
    }
}

/// For optional fields that may be left out but not be `null`: in a merge patch (RFC 7396) `null` would mean "remove",
/// and most of what can be patched can't be removed (see [`removable`]).
///
/// # Errors
/// Whatever `T` says of the value.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For fields of a patch that may be `null`, which removes what is there: left out is `None`, `null` is `Some(None)`.
///
/// # Errors
/// Whatever `T` says of the value.
pub fn removable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A value that has a text form, with an error that shows the text and what it should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<T>(pub T);

/// What a [`Text`] should have been, in words.
pub trait TextForm: FromStr {
    /// "'x' is not …".
    const WORDS: &'static str;
}
impl TextForm for Ipv4Addr {
    const WORDS: &'static str = "an IPv4 address such as 10.1.2.3";
}
impl TextForm for IpAddr {
    const WORDS: &'static str = "an address such as 10.1.2.3 or 2001:db8::3";
}
impl TextForm for IpNet {
    const WORDS: &'static str = "a range such as 10.1.2.0/24 or 2001:db8::/64";
}
impl TextForm for Ipv6Net {
    const WORDS: &'static str = "an IPv6 range such as 2001:db8::/64";
}
impl TextForm for Ipv4Net {
    const WORDS: &'static str = "an IPv4 range such as 10.1.2.0/24";
}

impl<'de, T: TextForm> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let short: String = text.chars().take(80).collect();
        text.parse().map(Text).map_err(|_| D::Error::custom(format!("'{short}' is not {}", T::WORDS)))
    }
}

impl<T: TextForm> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::WORDS.into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": T::WORDS })
    }
}

/// A value whose text form has rules of its own, and says itself which one a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<T>(pub T);

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Written).map_err(D::Error::custom)
    }
}

/// A moment as RFC 3339 writes it, in UTC with milliseconds.
pub fn timestamp(moment: Timestamp) -> String {
    // Beyond the year 9999 there is no RFC 3339 text; no clock gives such a moment.
    const LAST: u64 = 253_402_300_799_999;
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(moment.0.min(LAST))).to_string()
}

/// The entity tag (RFC 9110 section 8.8.3) of a record: weak, because what is joined to it may change alone.
pub fn etag(revision: Revision) -> String {
    format!("W/\"{revision}\"")
}

/// The query of a request, taken apart parameter by parameter; what nobody took is an error.
#[derive(Debug, Clone)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// From decoded pairs, in the order of the query.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Params(pairs)
    }

    /// Takes a parameter out.
    ///
    /// # Errors
    /// [`Problem::Parameter`] when it is there more than once.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(position) = self.0.iter().position(|(key, _)| key == name) else { return Ok(None) };
        let (_, value) = self.0.remove(position);
        if self.0.iter().any(|(key, _)| key == name) {
            return Err(parameter(name, Some(&value), "it is given more than once"));
        }
        Ok(Some(value))
    }

    /// Takes a whole number within a range out.
    ///
    /// # Errors
    /// [`Problem::Parameter`] when it is not one, or given twice.
    pub fn take_number(&mut self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let rule = || format!("it must be a whole number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| parameter(name, Some(&text), rule()))
    }

    /// Ends the taking apart.
    ///
    /// # Errors
    /// [`Problem::Parameter`] for a parameter that the operation does not have: a filter that is passed over in silence
    /// would answer another question than the one asked.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, value)) => Err(parameter(name, Some(value), "this operation has no such parameter")),
        }
    }
}

/// Shorthand for [`Problem::Parameter`], with what came from outside cut to a bearable length.
pub fn parameter(name: &str, value: Option<&str>, rule: impl Into<String>) -> Problem {
    let short = |text: &str| text.chars().take(200).collect();
    Problem::Parameter { name: short(name), value: value.map(short), rule: rule.into() }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => write!(out, "%{byte:02X}").expect("writing to a string"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        inner: Vec<Inner>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(default, deserialize_with = "given")]
        address: Option<Text<Ipv4Addr>>,
    }

    fn fails(body: &str) -> Problem {
        decode::<Outer>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_body_that_is_not_json_names_the_place() {
        let Problem::Malformed { line, column, .. } = fails("{\n  \"inner\": [,]\n}") else { panic!() };
        assert_eq!((line, column), (2, 13));
        assert!(matches!(fails(""), Problem::Malformed { .. }));
        assert!(matches!(fails("{} {}"), Problem::Malformed { .. }));
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        let Problem::Field { field, detail, .. } = fails(r#"{"inner": [{}, {"address": "10.0.0.300"}]}"#) else {
            panic!()
        };
        assert_eq!(field, "inner[1].address");
        assert_eq!(detail, "'10.0.0.300' is not an IPv4 address such as 10.1.2.3");
        let unknown = fails(r#"{"inner": [{"adress": "10.0.0.3"}]}"#).to_string();
        assert!(unknown.contains("inner[0].adress") && unknown.contains("unknown field `adress`"), "{unknown}");
        let null = fails(r#"{"inner": [{"address": null}]}"#).to_string();
        assert!(null.contains("inner[0].address"), "{null}");
        let twice = decode::<Outer>(br#"{"inner": [], "inner": []}"#).unwrap_err().to_string();
        assert!(twice.contains("duplicate field `inner`"), "{twice}");
        let good = decode::<Outer>(br#"{"inner": [{"address": "10.0.0.3"}]}"#).unwrap();
        assert_eq!(good.inner[0].address, Some(Text(Ipv4Addr::new(10, 0, 0, 3))));
    }

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        assert_eq!(timestamp(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(Timestamp(1_790_000_000_123)), "2026-09-21T14:13:20.123Z");
        assert_eq!(timestamp(Timestamp(u64::MAX)), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn parameters_are_known_and_come_once() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut params = Params::new(vec![pair("limit", "7"), pair("colour", "red")]);
        assert_eq!(params.take_number("limit", 1..=100).unwrap(), Some(7));
        assert_eq!(params.take("start").unwrap(), None);
        assert!(params.finish().unwrap_err().to_string().contains("'colour'"));
        let mut twice = Params::new(vec![pair("limit", "7"), pair("limit", "8")]);
        assert!(twice.take("limit").unwrap_err().to_string().contains("more than once"));
        for bad in ["0", "101", "-1", "x", "", "1.5"] {
            let error = Params::new(vec![pair("limit", bad)]).take_number("limit", 1..=100).unwrap_err();
            assert!(error.to_string().contains("from 1 to 100"), "{bad}: {error}");
        }
    }

    #[test]
    fn percent_encoding_leaves_only_unreserved_characters() {
        assert_eq!(percent_encode("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(percent_encode("a b/é&"), "a%20b%2F%C3%A9%26");
    }
}
