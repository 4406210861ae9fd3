//! The join token: how a new host knows the server, and the server the new host.

use std::fmt;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{PkiError, read_or_make};
use crate::clock::{hex, random};

const PREFIX: &str = "pintle-join";
const SECRET_BYTES: usize = 32;

/// `pintle-join:<SHA-256 of the authority's certificate>:<secret>`, both in hexadecimal. Its `Display` is the whole
/// token, to be shown to the operator only; its `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    fingerprint: String,
    secret: String,
}

impl JoinToken {
    /// Reads the token from its file, or makes it there.
    ///
    /// # Errors
    /// [`PkiError`] when the file can't be used, or holds the token of another authority.
    pub(super) fn open(path: &Path, ca: &CertificateDer<'_>) -> Result<JoinToken, PkiError> {
        let fingerprint = hex(&Sha256::digest(ca));
        let made = JoinToken { fingerprint, secret: hex(&random::<SECRET_BYTES>()) };
        let text = read_or_make(path, || Ok(format!("{made}\n")))?;
        let problem = |problem: &str| PkiError::Content { path: path.to_owned(), problem: problem.to_owned() };
        let token = JoinToken::parse(text.trim())
            .ok_or_else(|| problem("it does not hold a join token: remove it, and the server makes a new one"))?;
        if token.fingerprint != made.fingerprint {
            return Err(problem(
                "its fingerprint is not that of pki/ca.crt.pem: restore both from the same backup, or remove it and the \
                 server makes a new one",
            ));
        }
        Ok(token)
    }

    fn parse(text: &str) -> Option<JoinToken> {
        let mut parts = text.split(':');
        let (prefix, fingerprint, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let whole = prefix == PREFIX && digits(fingerprint) && digits(secret) && parts.next().is_none();
        whole.then(|| JoinToken { fingerprint: fingerprint.to_owned(), secret: secret.to_owned() })
    }

    /// Whether this is the token's secret; takes the same time however much of it is right.
    pub fn admits(&self, secret: &str) -> bool {
        self.secret.as_bytes().ct_eq(secret.as_bytes()).into()
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}:{}:{}", self.fingerprint, self.secret)
    }
}
impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}:{}:…", self.fingerprint)
    }
}
