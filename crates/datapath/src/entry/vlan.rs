//! A VLAN of a card that a port uses.

use super::Entry;
use super::port::{MAX_VLAN, number_of_vlan};
use crate::error::{DatapathError, Result};
use crate::maps::MapName;
use crate::skel::types;

/// How long the text of an attachment's id may be, in bytes.
const ATTACHMENT_TEXT: usize = 32;

/// What a VLAN is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VlanKey {
    /// Index of the card's device.
    pub ifindex: u32,
    /// The VLAN (IEEE 802.1Q), 1 to 4094.
    pub vlan: u16,
}

/// A VLAN of a card that a port uses. The card's own port must be a [trunk](crate::PortFlags::TRUNK).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vlan {
    /// The port's number: the key of its [`Port`](crate::Port).
    pub port: u32,
    /// Generation of the attachment; carried for its owner, not read by the programs, like the next.
    pub generation: u32,
    /// The attachment's id text, at most 32 bytes; longer text is cut.
    pub attachment: String,
}

impl Entry for Vlan {
    type Key = VlanKey;
    type RawKey = types::vlan_key;
    type RawValue = types::vlan;
    const MAP: MapName = MapName::Vlans;

    fn raw_key(key: &VlanKey) -> types::vlan_key {
        types::vlan_key { ifindex: key.ifindex, vlan: key.vlan.into() }
    }

    fn key_from_raw(raw: &types::vlan_key) -> VlanKey {
        VlanKey { ifindex: raw.ifindex, vlan: raw.vlan as u16 }
    }

    fn raw_value(&self) -> types::vlan {
        let mut attachment = [0; ATTACHMENT_TEXT];
        let text = self.attachment.as_bytes();
        let len = text.len().min(attachment.len());
        attachment[..len].copy_from_slice(&text[..len]);
        types::vlan { port: self.port, generation: self.generation, attachment }
    }

    fn from_raw(raw: &types::vlan) -> Vlan {
        let text = raw.attachment.split(|byte| *byte == 0).next().unwrap_or_default();
        Vlan { port: raw.port, generation: raw.generation, attachment: String::from_utf8_lossy(text).into_owned() }
    }

    fn check(&self, key: &VlanKey) -> Result<()> {
        let bad = |field, value: u32, rule| {
            let entry = format!("VLAN {} of device {}", key.vlan, key.ifindex);
            Err(DatapathError::BadEntry { field, entry, value: value.to_string(), rule })
        };
        if key.ifindex == 0 {
            return bad("ifindex", key.ifindex, "device indexes start at 1");
        }
        if key.vlan == 0 || key.vlan > MAX_VLAN {
            return bad("vlan", key.vlan.into(), "a VLAN's number is 1 to 4094 (IEEE 802.1Q)");
        }
        if number_of_vlan(self.port) != Some(key.vlan) {
            return bad("port", self.port, "the port's number must say the same VLAN");
        }
        Ok(())
    }
}
