//! What an interface is attached to: three kinds of target, all of them places on a host that attachments bind interfaces to.
//!
//! Each is an [`Instance`](super::Instance) record with a role, so that one set of rules attaches, moves and realises for all
//! of them, and each API shows the roles that it has a word for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::ShareId;

/// The kinds of target that an interface can be attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TargetKind {
    /// A network attachment of an instance.
    Instance,
    /// A network attachment of a bare metal server.
    BareMetal,
    /// A mount target of a file share.
    ShareMount,
}

impl TargetKind {
    /// All of them.
    pub const ALL: [TargetKind; 3] = [TargetKind::Instance, TargetKind::BareMetal, TargetKind::ShareMount];

    /// In words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            TargetKind::Instance => "an instance",
            TargetKind::BareMetal => "a bare metal server",
            TargetKind::ShareMount => "a share mount target",
        }
    }

    /// Whether protocol state filtering is on where an interface's mode is automatic.
    pub fn filters_state(self) -> bool {
        match self {
            TargetKind::Instance | TargetKind::ShareMount => true,
            TargetKind::BareMetal => false,
        }
    }
}

/// What an instance is to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Role {
    /// A server: a namespace, a container, a virtual machine.
    #[default]
    Server,
    /// A bare metal server: its interfaces are network cards, or VLANs of them.
    BareMetal,
    /// What serves a share at one address; it has exactly one interface, with which it comes and goes.
    ShareMount(ShareId),
}

impl Role {
    /// The kind of target that its attachments are.
    pub fn target_kind(self) -> TargetKind {
        match self {
            Role::Server => TargetKind::Instance,
            Role::BareMetal => TargetKind::BareMetal,
            Role::ShareMount(_) => TargetKind::ShareMount,
        }
    }
}

/// How an instance's interfaces are shown and made; decided when it is created, never both on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum InterfaceStyle {
    /// Virtual network interfaces, bound by attachments.
    #[default]
    Attachments,
    /// Child interfaces, which are nothing without it (IBM VPC's old-style network interfaces).
    Children,
}

impl InterfaceStyle {
    /// What an instance of this style has, in words.
    pub fn words(self) -> &'static str {
        match self {
            InterfaceStyle::Attachments => "network attachments",
            InterfaceStyle::Children => "child network interfaces",
        }
    }
}

/// How an attachment's frames are told from those of others on the same card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nic {
    /// A card of its own. VLANs that other attachments of its server may use on it; 1 to 4094 each, empty except on bare metal.
    Pci {
        /// The VLANs.
        allowed_vlans: BTreeSet<u16>,
    },
    /// A VLAN (IEEE 802.1Q) of a card of its server's that allows it.
    Vlan {
        /// Its number, 1 to 4094.
        id: u16,
        /// Whether it moves to another bare metal server that asks for it by its traffic.
        float: bool,
    },
}

impl Default for Nic {
    fn default() -> Self {
        Nic::Pci { allowed_vlans: BTreeSet::new() }
    }
}
