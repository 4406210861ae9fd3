//! Access tokens: what an API key is exchanged for. JSON web tokens (RFC 7519), because clients read in them until when they are
//! good; signed with HMAC-SHA256 (RFC 7518, 3.2) by a key that never leaves the server, because only the server checks them.

use std::path::Path;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pintle_core::id::ApiKeyId;
use pintle_core::model::{AccountId, ApiKey, KeyDigest, Timestamp};
use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::{hex, random};
use crate::pki::{PkiError, read_or_make};

/// How long a token is good, in seconds, as IBM's are.
const GOOD_FOR: u64 = 3600;
/// What the secrets of API keys have as many of as IBM's: 44 characters, 264 random bits.
const SECRET_LENGTH: usize = 44;

/// Issues and checks access tokens.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

/// A token that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it was issued, in seconds since 1970.
    pub from: u64,
    /// Until when it is good.
    pub until: u64,
}

/// What a token says. `bss` is where IBM's tokens have the account.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: ApiKeyId,
    iat: u64,
    exp: u64,
    account: Bss,
    scope: String,
    grant_type: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Bss {
    bss: AccountId,
}

impl Tokens {
    /// With the key in this file; a new one is made if there is none.
    ///
    /// # Errors
    /// [`PkiError`] when the file can't be used or holds no key.
    pub fn open(path: &Path) -> Result<Self, PkiError> {
        let text = read_or_make(path, || Ok(format!("{}\n", hex(&random::<32>()))))?;
        let key = text.trim();
        if key.len() < 64 {
            let problem = "it does not hold 64 characters, the key that access tokens are signed with".to_owned();
            return Err(PkiError::Content { path: path.to_owned(), problem });
        }
        Ok(Tokens::new(key.as_bytes()))
    }

    /// With this key, which is not empty.
    pub fn new(key: &[u8]) -> Self {
        // There is one such choice in a process, and this is the only one that this library makes.
        let _ = PROVIDER.install_default();
        let mut validation = Validation::new(Algorithm::HS256);
        // By the server's own clock, below.
        validation.validate_exp = false;
        let signing = EncodingKey::from_secret(key).expect("the key is not empty");
        let checking = DecodingKey::from_secret(key).expect("the key is not empty");
        Tokens { signing, checking, validation }
    }

    /// A token for whoever has shown a key's secret; `issuer` is the server's URL.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn issue(&self, key: &ApiKey, issuer: &str, now: Timestamp) -> Result<Issued, String> {
        let from = now.0 / 1000;
        let until = from + GOOD_FOR;
        let claims = Claims {
            iss: format!("{issuer}/identity"),
            sub: key.id,
            iat: from,
            exp: until,
            account: Bss { bss: key.account },
            scope: "ibm openid".to_owned(),
            grant_type: "urn:ibm:params:oauth:grant-type:apikey".to_owned(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing);
        token.map(|token| Issued { token, from, until }).map_err(|error| error.to_string())
    }

    /// The key that a token was issued for; `None` if it is none of ours or no longer good.
    pub fn check(&self, token: &str, now: Timestamp) -> Option<ApiKeyId> {
        let read = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation).ok()?;
        (now.0 / 1000 < read.claims.exp).then_some(read.claims.sub)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// A new secret of an API key.
pub fn new_secret() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    random::<SECRET_LENGTH>().iter().map(|byte| char::from(DIGITS[usize::from(byte & 63)])).collect()
}

/// What a key's secret is known by.
pub fn digest(secret: &str) -> KeyDigest {
    KeyDigest(Sha256::digest(secret).into())
}

/// HMAC-SHA256 by ring.
struct Hmac(hmac::Key);

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hmac::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hmac::new(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

impl Hmac {
    fn new(algorithm: Algorithm, key: &[u8]) -> JwtResult<Hmac> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Ok(Hmac(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }
}

impl Signer<Vec<u8>> for Hmac {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}
impl JwtSigner for Hmac {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
impl Verifier<Vec<u8>> for Hmac {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, given).map_err(|_| signature::Error::new())
    }
}
impl JwtVerifier for Hmac {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn p11_a_token_is_good_for_an_hour_and_only_as_it_was_issued() {
        let tokens = Tokens::new(&[7; 64]);
        let key = ApiKey {
            id: ApiKeyId::from_bits(1),
            account: AccountId::FIRST,
            name: "ci".to_owned(),
            digest: digest("secret").to_string(),
            created_at: Timestamp(0),
            policies: Vec::new(),
        };
        let now = Timestamp(1_790_000_000_999);
        let Issued { token, from, until } = tokens.issue(&key, "http://h", now).unwrap();
        assert_eq!((from, until), (1_790_000_000, 1_790_003_600));
        assert_eq!(tokens.check(&token, now), Some(key.id));
        assert_eq!(tokens.check(&token, Timestamp(1_790_003_599_999)), Some(key.id));
        assert_eq!(tokens.check(&token, Timestamp(1_790_003_600_000)), None);
        assert_eq!(Tokens::new(&[8; 64]).check(&token, now), None);
        let parts: Vec<&str> = token.split('.').collect();
        // {"alg":"none"} and {"alg":"RS256"}: whatever the header says, it is HS256 or nothing.
        for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJSUzI1NiJ9"] {
            assert_eq!(tokens.check(&format!("{header}.{}.{}", parts[1], parts[2]), now), None);
            assert_eq!(tokens.check(&format!("{header}.{}.", parts[1]), now), None);
        }
        for bad in ["", ".", "..", "a.b.c", &token[1..], &token[..token.len() - 1], &format!("{token}A")] {
            assert_eq!(tokens.check(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn p11_the_key_is_made_once_and_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access-tokens.key");
        Tokens::open(&path).unwrap();
        let first = std::fs::read(&path).unwrap();
        Tokens::open(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(Tokens::open(&path).is_err());
        let secrets = [new_secret(), new_secret()];
        assert!(secrets[0] != secrets[1] && secrets[0].len() == 44 && digest(&secrets[0]) != digest(&secrets[1]));
    }
}
