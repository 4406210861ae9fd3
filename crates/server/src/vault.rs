//! Secrets of access keys at rest: sealed with AES-256-GCM by a key that lies beside the store, not in it.

use std::path::Path;

use pintle_core::model::AccessKeyId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::clock::{hex, random};
use crate::pki::{PkiError, read_or_make};

/// Characters of a secret, as AWS's have.
pub const SECRET_LENGTH: usize = 40;

/// Seals and opens secrets.
pub struct Vault(LessSafeKey);

impl Vault {
    /// With the key in this file; a new one is made if there is none.
    ///
    /// # Errors
    /// [`PkiError`] when the file can't be used or holds no key.
    pub fn open(path: &Path) -> Result<Self, PkiError> {
        let text = read_or_make(path, || Ok(format!("{}\n", hex(&random::<32>()))))?;
        let key = key_of(text.trim()).ok_or_else(|| PkiError::Content {
            path: path.to_owned(),
            problem: "it does not hold 64 hexadecimal digits, the key that access keys' secrets are sealed with"
                .to_owned(),
        })?;
        Ok(Vault::new(&key))
    }

    /// With this key.
    pub fn new(key: &[u8; 32]) -> Self {
        Vault(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 keys have 32 bytes")))
    }

    /// Seals a secret: a random nonce, the ciphertext and the tag. It opens for the same access key only.
    pub fn seal(&self, id: AccessKeyId, secret: &str) -> Vec<u8> {
        let nonce = random::<NONCE_LEN>();
        let mut text = secret.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(id.to_string()), &mut text)
            .expect("a secret is short");
        [&nonce[..], &text].concat()
    }

    /// Opens a secret; `None` if it was sealed with another key or for another access key.
    pub fn unseal(&self, id: AccessKeyId, sealed: &[u8]) -> Option<String> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let mut text = text.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(id.to_string()), &mut text).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// A new secret: 40 hexadecimal digits would do; 240 random bits in base 64 without `+` and `/` are easier on shells.
pub fn new_secret() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    random::<SECRET_LENGTH>().iter().map(|byte| char::from(DIGITS[usize::from(byte & 63)])).collect()
}

fn key_of(text: &str) -> Option<[u8; 32]> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_open_for_their_own_key_and_id_only() {
        let vault = Vault::new(&[7; 32]);
        let (id, other) = (AccessKeyId::from_random([1; 10]), AccessKeyId::from_random([2; 10]));
        let secret = new_secret();
        let mut sealed = vault.seal(id, &secret);
        assert!(!String::from_utf8_lossy(&sealed).contains(&secret));
        assert_eq!(vault.unseal(id, &sealed), Some(secret));
        assert_eq!(vault.unseal(other, &sealed), None);
        assert_eq!(Vault::new(&[8; 32]).unseal(id, &sealed), None);
        sealed[20] ^= 1;
        assert_eq!(vault.unseal(id, &sealed), None);
        assert_eq!(vault.unseal(id, &sealed[..5]), None);
    }
}
