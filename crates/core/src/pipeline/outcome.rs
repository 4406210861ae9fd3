//! What became of a packet, and why: what the differential test compares, and what `explain` shows.

use std::fmt;
use std::net::Ipv4Addr;

use crate::drop_reason::DropReason;
use crate::id::{AclRuleId, AttachmentId, NetworkAclId, RuleId, SecurityGroupId};

/// A packet's fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What became of it.
    pub verdict: Verdict,
    /// What leaves this stage of the network: the packet as its receiver gets it, or the answer to its sender. `None` when
    /// nothing leaves, or when the answer's content is a local service's business (ND, DHCP).
    pub frame: Option<Vec<u8>>,
    /// What each stage said, in order.
    pub trace: Vec<StageNote>,
}

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Given to a port of this host.
    Delivered {
        /// Which.
        port: AttachmentId,
    },
    /// Given to another host.
    Tunnelled {
        /// Which, by its underlay address.
        vtep: Ipv4Addr,
        /// In this segment.
        segment: u32,
    },
    /// Answered by the gateway or a local service of this host.
    Answered,
    /// For the public network: address translation goes on with it.
    Public,
    /// Dropped. If [`Outcome::frame`] is there, the sender was told by it.
    Dropped(Refusal),
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, as counted.
    pub reason: DropReason,
    /// The rule that refused it; only network ACLs have rules that refuse.
    pub rule: Option<AclRuleName>,
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Refusal { reason, rule: None }
    }
}

/// A rule of a network ACL, with the ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclRuleName {
    /// The ACL.
    pub acl: NetworkAclId,
    /// Its rule.
    pub rule: AclRuleId,
}

/// A rule of a security group, with the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupRuleName {
    /// The group.
    pub group: SecurityGroupId,
    /// Its rule.
    pub rule: RuleId,
}

/// The part of the path that says something about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathStage {
    /// Reading the headers.
    Parse,
    /// Whether the sender may send this.
    Sender,
    /// ARP, ND, DHCP.
    Local,
    /// Taking a packet from another host.
    Overlay,
    /// Finding ports for fragments.
    Fragment,
    /// Where it goes.
    Route,
    /// The subnet's network ACL.
    Acl,
    /// The interface's security groups.
    Groups,
    /// The connection it belongs to.
    Flow,
    /// The state of its TCP connection.
    Tcp,
    /// The packet that an ICMP error quotes.
    Related,
    /// The last step.
    Forward,
}

/// What one stage said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageNote {
    /// Which stage.
    pub stage: PathStage,
    /// In words.
    pub text: String,
    /// The rule of a security group that permitted it.
    pub permitted_by: Option<GroupRuleName>,
    /// The rule of a network ACL that decided.
    pub decided_by: Option<AclRuleName>,
}

impl PathStage {
    /// Lower-case name.
    pub fn label(self) -> &'static str {
        match self {
            PathStage::Parse => "parse",
            PathStage::Sender => "sender",
            PathStage::Local => "local",
            PathStage::Overlay => "overlay",
            PathStage::Fragment => "fragment",
            PathStage::Route => "route",
            PathStage::Acl => "acl",
            PathStage::Groups => "groups",
            PathStage::Flow => "flow",
            PathStage::Tcp => "tcp",
            PathStage::Related => "related",
            PathStage::Forward => "forward",
        }
    }
}

impl fmt::Display for StageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.label(), self.text)?;
        if let Some(name) = self.permitted_by {
            write!(f, " ({} of {})", name.rule, name.group)?;
        }
        if let Some(name) = self.decided_by {
            write!(f, " ({} of {})", name.rule, name.acl)?;
        }
        Ok(())
    }
}

/// The notes of a packet that is still on its way.
#[derive(Debug, Default)]
pub(super) struct Trace(pub(super) Vec<StageNote>);

impl Trace {
    pub(super) fn say(&mut self, stage: PathStage, text: impl Into<String>) {
        self.0.push(StageNote { stage, text: text.into(), permitted_by: None, decided_by: None });
    }

    pub(super) fn permitted(&mut self, text: impl Into<String>, name: GroupRuleName) {
        let note =
            StageNote { stage: PathStage::Groups, text: text.into(), permitted_by: Some(name), decided_by: None };
        self.0.push(note);
    }

    pub(super) fn acl(&mut self, text: impl Into<String>, name: Option<AclRuleName>) {
        self.0.push(StageNote { stage: PathStage::Acl, text: text.into(), permitted_by: None, decided_by: name });
    }
}
