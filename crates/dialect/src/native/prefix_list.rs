//! Prefix lists.

use std::str::FromStr;

use ipnet::IpNet;
use pintle_core::command::{Command, CreatePrefixList, UpdatePrefixList};
use pintle_core::id::PrefixListId;
use pintle_core::model::{IpFamily, PrefixList, PrefixListEntry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rule_text::network;
use crate::wire::{Written, given, timestamp};

/// A network as rules write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network(pub(super) IpNet);

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        network(text).map(Network)
    }
}

/// A version of IP, as requests and replies write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family(pub(super) IpFamily);

impl FromStr for Family {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ipv4" => Ok(Family(IpFamily::V4)),
            "ipv6" => Ok(Family(IpFamily::V6)),
            _ => Err("it must be 'ipv4' or 'ipv6'".to_owned()),
        }
    }
}

impl Family {
    pub(super) fn label(self) -> &'static str {
        match self.0 {
            IpFamily::V4 => "ipv4",
            IpFamily::V6 => "ipv6",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryFields {
    network: Written<Network>,
    #[serde(default)]
    description: String,
}

fn entries(fields: Vec<EntryFields>) -> Vec<PrefixListEntry> {
    let entry = |EntryFields { network: Written(Network(net)), description }| PrefixListEntry { net, description };
    fields.into_iter().map(entry).collect()
}

/// Body of `POST /native/v1/prefix_lists`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: Option<String>,
    family: Option<Written<Family>>,
    max_entries: u32,
    #[serde(default)]
    entries: Vec<EntryFields>,
}

impl Create {
    /// What it asks for.
    pub fn command(self) -> Command {
        let entries = entries(self.entries);
        let first = entries.first().map_or(IpFamily::V4, |entry| IpFamily::from(entry.net));
        let family = self.family.map_or(first, |Written(Family(family))| family);
        let (name, max_entries) = (self.name, self.max_entries);
        Command::CreatePrefixList(CreatePrefixList { name, family, max_entries, entries })
    }
}

/// Body of `PATCH /native/v1/prefix_lists/{list}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    current_version: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    max_entries: Option<u32>,
    #[serde(default)]
    add: Vec<EntryFields>,
    #[serde(default)]
    remove: Vec<Written<Network>>,
}

impl Update {
    /// What it asks for.
    pub fn command(self, id: PrefixListId) -> Command {
        Command::UpdatePrefixList(
            id,
            UpdatePrefixList {
                current_version: self.current_version,
                name: self.name,
                max_entries: self.max_entries,
                add: entries(self.add),
                remove: self.remove.into_iter().map(|Written(Network(net))| net).collect(),
            },
        )
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    family: &'static str,
    max_entries: u32,
    version: u32,
    created_at: String,
    entries: Vec<EntryShape>,
}

#[derive(Serialize)]
struct EntryShape {
    network: String,
    description: String,
}

/// The prefix list as replies show it.
pub fn encode(list: &PrefixList) -> Value {
    json!(Shape {
        id: list.id.to_string(),
        name: list.name.clone(),
        family: Family(list.family).label(),
        max_entries: list.max_entries,
        version: list.version,
        created_at: timestamp(list.created_at),
        entries: list
            .entries
            .iter()
            .map(|entry| EntryShape { network: entry.net.to_string(), description: entry.description.clone() })
            .collect(),
    })
}
