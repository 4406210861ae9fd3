//! `/keys`: SSH keys, kept for the instances that name them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use pintle_core::command::{Command, CreateSshKey};
use pintle_core::id::SshKeyId;
use pintle_core::model::{SshKey, SshKeyKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::identity::{ResourceGroupIdentity, check_resource_group};
use super::reference::Reference;
use super::{Site, collection};
use crate::problem::Problem;
use crate::view::{Page, Plain};
use crate::wire::{given, timestamp};

/// The URL of a key.
pub fn href(site: &Site, id: SshKeyId) -> String {
    site.href(format_args!("keys/{id}"))
}

/// The CRN of a key: a regional resource.
pub fn crn(site: &Site, key: &SshKey) -> String {
    site.crn(&key.owner, &site.region, "key", key.id)
}

/// Body of `POST /keys`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeyPrototype")]
pub struct Create {
    name: Option<String>,
    public_key: String,
    r#type: Option<String>,
    resource_group: Option<ResourceGroupIdentity>,
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for what is no public key of the type it says, or for another resource group.
    pub fn command(self) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        let kind = match self.r#type.as_deref() {
            None | Some("rsa") => SshKeyKind::Rsa,
            Some("ed25519") => SshKeyKind::Ed25519,
            Some(_) => return Err(Problem::field("type", "it must be 'rsa' or 'ed25519'")),
        };
        let parsed = parse(&self.public_key, kind).map_err(|detail| Problem::field("public_key", detail))?;
        let Parsed { public_key, length, fingerprint } = parsed;
        Ok(Command::CreateSshKey(CreateSshKey { name: self.name, kind, length, public_key, fingerprint }))
    }
}

struct Parsed {
    /// The name of its algorithm and its base64, without a comment.
    public_key: String,
    length: u32,
    fingerprint: String,
}

fn algorithm(kind: SshKeyKind) -> &'static str {
    match kind {
        SshKeyKind::Rsa => "ssh-rsa",
        SshKeyKind::Ed25519 => "ssh-ed25519",
    }
}

/// Reads a line as OpenSSH writes it, whose base64 holds the fields of RFC 4253, 6.6 or RFC 8709, 4.
fn parse(text: &str, kind: SshKeyKind) -> Result<Parsed, String> {
    let wanted = algorithm(kind);
    let mut words = text.split_whitespace();
    let (Some(name), Some(base64)) = (words.next(), words.next()) else {
        return Err(format!("it must be '{wanted}', a space and the key in base64"));
    };
    if name != wanted {
        let short: String = name.chars().take(40).collect();
        return Err(format!("it is of the algorithm '{short}', and its type asks for '{wanted}'"));
    }
    let blob = STANDARD.decode(base64).map_err(|_| "its second word is not base64".to_owned())?;
    let whole = || format!("its base64 is not a key of the algorithm '{wanted}'");
    let (inner, rest) = field(&blob).ok_or_else(whole)?;
    if inner != wanted.as_bytes() {
        return Err(whole());
    }
    let length = match kind {
        SshKeyKind::Rsa => {
            let (exponent, rest) = field(rest).ok_or_else(whole)?;
            let (modulus, rest) = field(rest).ok_or_else(whole)?;
            if exponent.is_empty() || !rest.is_empty() {
                return Err(whole());
            }
            bits(modulus)
        }
        SshKeyKind::Ed25519 => {
            let (point, rest) = field(rest).ok_or_else(whole)?;
            if point.len() != 32 || !rest.is_empty() {
                return Err(whole());
            }
            256
        }
    };
    if kind == SshKeyKind::Rsa && ![2048, 4096].contains(&length) {
        return Err(format!("it has {length} bits; RSA keys have 2048 or 4096"));
    }
    let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob)));
    Ok(Parsed { public_key: format!("{name} {base64}"), length, fingerprint })
}

/// The first field of a blob and what follows: four bytes of length, and so many bytes (RFC 4251, 5).
fn field(blob: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// How many bits a number has.
fn bits(number: &[u8]) -> u32 {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let number = &number[start..];
    number.first().map_or(0, |first| number.len() as u32 * 8 - first.leading_zeros())
}

/// Body of `PATCH /keys/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeyPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: SshKeyId) -> Option<Command> {
        self.name.map(|name| Command::RenameSshKey(id, name))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub(in crate::ibm) struct Shape<'a> {
    id: String,
    crn: String,
    href: String,
    name: &'a str,
    created_at: String,
    r#type: &'static str,
    length: u32,
    public_key: &'a str,
    fingerprint: &'a str,
    resource_group: Reference,
}

/// The key as replies show it.
pub fn encode(site: &Site, key: &SshKey) -> Value {
    json!(Shape {
        id: key.id.to_string(),
        crn: crn(site, key),
        href: href(site, key.id),
        name: &key.name,
        created_at: timestamp(key.created_at),
        r#type: match key.kind {
            SshKeyKind::Rsa => "rsa",
            SshKeyKind::Ed25519 => "ed25519",
        },
        length: key.length,
        public_key: &key.public_key,
        fingerprint: &key.fingerprint,
        resource_group: Reference::resource_group(site),
    })
}

/// A page of keys.
pub fn encode_page(site: &Site, paging: &collection::Paging, page: &Page<Plain<SshKey>>) -> Value {
    collection::encode(site, "keys", "keys", paging, page, |view| encode(site, &view.record))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen -t ed25519`; its fingerprint is what `ssh-keygen -lf` says.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDq1QVKlYnkaJJoQHVHdPaf5LqbuMg2ePEvVhoshIm3B somebody@somewhere";

    fn made(text: &str, kind: SshKeyKind) -> Result<Parsed, String> {
        parse(text, kind)
    }

    #[test]
    fn keys_are_read_whole_and_told_apart_by_their_fingerprint() {
        let key = made(ED25519, SshKeyKind::Ed25519).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((key.length, key.fingerprint.as_str()), (256, "SHA256:aWpWbsQbVkBdexuE5WTrWMavmkjlRxPwUhFG3LuvO5g"));
        assert_eq!(key.public_key.split(' ').count(), 2, "without the comment");
        for (text, words) in [
            ("", "a space and the key"),
            ("ssh-ed25519", "a space and the key"),
            ("ssh-ed25519 ???", "not base64"),
            ("ssh-dss AAAA", "'ssh-dss'"),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "not a key"),
            ("ssh-ed25519 /////w==", "not a key"),
        ] {
            let error = made(text, SshKeyKind::Ed25519).err().unwrap();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!(made(ED25519, SshKeyKind::Rsa).err().unwrap().contains("asks for 'ssh-rsa'"));
    }

    #[test]
    fn rsa_keys_have_the_length_of_their_modulus() {
        let blob = |modulus: &[u8]| {
            let fields: [&[u8]; 3] = [b"ssh-rsa", &[1, 0, 1], modulus];
            let bytes = fields.iter().flat_map(|field| [&(field.len() as u32).to_be_bytes()[..], *field].concat());
            format!("ssh-rsa {}", STANDARD.encode(bytes.collect::<Vec<u8>>()))
        };
        let long = [vec![0, 0x80], vec![1; 255]].concat();
        assert_eq!(made(&blob(&long), SshKeyKind::Rsa).map(|key| key.length), Ok(2048));
        assert!(made(&blob(&[0x80; 128]), SshKeyKind::Rsa).err().unwrap().contains("1024 bits"));
    }
}
