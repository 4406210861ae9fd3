//! The join token: what a new host needs to know of its server, in one line of text.

use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "pintle-join:";

/// The right to join, and the fingerprint by which the server is recognised.
///
/// Its text is `pintle-join:<SHA-256 of the authority's certificate in hex>:<secret in hex>`.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// SHA-256 of the certificate authority's certificate in DER.
    pub fingerprint: [u8; 32],
    /// What proves that the holder may join.
    pub secret: String,
}

/// A text that is not a join token. The text is not repeated, since it may hold the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the join token is not valid: {0}; expected 'pintle-join:', 64 hexadecimal digits, ':' and the secret in hexadecimal, \
     as in the server's file 'join-token'"
)]
pub struct InvalidJoinToken(&'static str);

impl FromStr for JoinToken {
    type Err = InvalidJoinToken;
    fn from_str(text: &str) -> Result<Self, InvalidJoinToken> {
        let rest = text.trim().strip_prefix(PREFIX).ok_or(InvalidJoinToken("it begins otherwise"))?;
        let (fingerprint, secret) = rest.split_once(':').ok_or(InvalidJoinToken("it has no secret"))?;
        let fingerprint = hex32(fingerprint).ok_or(InvalidJoinToken("its fingerprint is malformed"))?;
        if secret.len() < 32 || !secret.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidJoinToken("its secret is malformed or has fewer than 32 digits"));
        }
        Ok(JoinToken { fingerprint, secret: secret.to_owned() })
    }
}

fn hex32(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Without the secret, so that no log ever has it.
impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("fingerprint", &hex(&self.fingerprint)).finish_non_exhaustive()
    }
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string can't fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_and_never_shown() {
        let text = format!("pintle-join:{}:{}\n", "ab".repeat(32), "12".repeat(32));
        let token: JoinToken = text.parse().unwrap();
        assert_eq!((token.fingerprint, token.secret.as_str()), ([0xab; 32], "12".repeat(32).as_str()));
        assert!(!format!("{token:?}").contains("1212"), "{token:?}");
    }

    #[test]
    fn what_is_not_a_token_is_refused_without_repeating_it() {
        let secret = "5e".repeat(32);
        for bad in
            ["".into(), format!("pintle:{secret}"), format!("pintle-join:{secret}"), format!("pintle-join:ab:{secret}")]
        {
            let error = bad.parse::<JoinToken>().unwrap_err().to_string();
            assert!(error.contains("join-token") && !error.contains(&secret), "{error}");
        }
    }
}
