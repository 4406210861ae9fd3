//! The words of shares: modes, protocols and encryptions.

use std::collections::BTreeSet;
use std::str::FromStr;

use pintle_core::model::TransitEncryption;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ibm::version::Version;
use crate::problem::Problem;
use crate::wire::{Text, TextForm};

/// What IPsec was called before it was called that.
const FORMERLY_IPSEC: &str = "user_managed";

/// What a mode of encryption is called in a version.
pub(super) fn encryption_label(mode: TransitEncryption, version: &Version) -> &'static str {
    match mode {
        TransitEncryption::Ipsec if !version.names_ipsec() => FORMERLY_IPSEC,
        other => other.label(),
    }
}

/// The mode of encryption that a text means in a version; `field` is the path for errors.
pub(super) fn encryption(text: &str, version: &Version, field: &str) -> Result<TransitEncryption, Problem> {
    let found = TransitEncryption::ALL.into_iter().find(|mode| encryption_label(*mode, version) == text);
    found.ok_or_else(|| {
        let words = TransitEncryption::ALL.map(|mode| format!("'{}'", encryption_label(mode, version)));
        let short: String = text.chars().take(80).collect();
        Problem::field(field, format!("'{short}' is not one of {}", words.join(", ")))
    })
}

/// The modes that a list of texts means, which must be different ones.
pub(super) fn encryptions(texts: &[String], version: &Version) -> Result<BTreeSet<TransitEncryption>, Problem> {
    const FIELD: &str = "allowed_transit_encryption_modes";
    let mut modes = BTreeSet::new();
    for (position, text) in texts.iter().enumerate() {
        let field = format!("{FIELD}[{position}]");
        if !modes.insert(encryption(text, version, &field)?) {
            return Err(Problem::field(field, format!("'{text}' is given more than once")));
        }
    }
    Ok(modes)
}

/// By what access to mount targets is controlled: their interfaces' security groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ibm) struct BySecurityGroup;

impl BySecurityGroup {
    pub(super) const LABEL: &'static str = "security_group";
}
impl FromStr for BySecurityGroup {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == BySecurityGroup::LABEL { Ok(BySecurityGroup) } else { Err(()) }
    }
}
impl TextForm for BySecurityGroup {
    const WORDS: &'static str = "'security_group', the only mode that this server has ('vpc' is deprecated)";
}

/// How shares are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ibm) struct Nfs4;

impl Nfs4 {
    pub(super) const LABEL: &'static str = "nfs4";
}
impl FromStr for Nfs4 {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == Nfs4::LABEL { Ok(Nfs4) } else { Err(()) }
    }
}
impl TextForm for Nfs4 {
    const WORDS: &'static str = "'nfs4', the only access protocol";
}

/// Holds a list of access protocols to the one that there is.
pub(super) fn check_protocols(given: Option<&Vec<Text<Nfs4>>>) -> Result<(), Problem> {
    match given {
        Some(list) if list.len() != 1 => Err(Problem::field("allowed_access_protocols", "it has exactly one: 'nfs4'")),
        _ => Ok(()),
    }
}

/// The texts of user tags, which must be different ones.
pub(super) fn user_tags(texts: Vec<String>) -> Result<BTreeSet<String>, Problem> {
    let count = texts.len();
    let tags: BTreeSet<String> = texts.into_iter().collect();
    if tags.len() < count {
        return Err(Problem::field("user_tags", "a tag is given more than once"));
    }
    Ok(tags)
}

/// The one profile-valued field of requests: by name or href.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ShareProfileIdentity")]
pub(in crate::ibm) struct ProfileIdentity {
    name: Option<String>,
    href: Option<String>,
}

impl ProfileIdentity {
    /// The profile's name.
    pub(super) fn name(self) -> Result<String, Problem> {
        match (self.name, self.href) {
            (Some(name), None) => Ok(name),
            (None, Some(href)) => match href.rsplit_once("/share/profiles/") {
                Some((_, name)) => Ok(name.to_owned()),
                None => Err(Problem::field("profile.href", "it is not the href of a share profile")),
            },
            _ => Err(Problem::field("profile", "it needs either 'name' or 'href'")),
        }
    }
}
