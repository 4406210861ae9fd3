//! What a server asks a host about its data plane, and what the host answers: flows, drops, and the fate of one packet.
//!
//! Questions change nothing, but for one: a host is given the flows of an interface that moves to it, as its old host has
//! told them. Everything is named as the control plane names it (interfaces, rules, addresses); which device
//! or slot that is on the host stays there. Moments are told as ages, because hosts and server have different clocks.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::drop_reason::DropReason;
use crate::id::{AclRuleId, NetworkAclId, RuleId, SecurityGroupId, VniId};
use crate::net::Mac;
use crate::policy::Direction;

/// The most flows that one answer may hold: well below the largest frame.
pub const MAX_FLOWS: u32 = 10_000;

/// What a server asks a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// The flows that are alive → [`Answer::Flows`].
    Flows {
        /// Only those that this interface is an end of; `None`: all of the host.
        vni: Option<VniId>,
        /// The most that the answer may hold, the busiest first; at most [`MAX_FLOWS`].
        limit: u32,
    },
    /// What was dropped since the data plane was made → [`Answer::Drops`].
    Drops {
        /// Only at this interface; `None`: everything on the host.
        vni: Option<VniId>,
    },
    /// What would become of a packet → [`Answer::Explained`].
    Explain(Box<Probe>),
    /// To know these flows of an interface that has a port there from now on, if it does not know them; the interface's
    /// policy is asked with their next packets → [`Answer::TakenOver`].
    TakeOver {
        /// The interface.
        vni: VniId,
        /// Its flows, as another host sees them; at most [`MAX_FLOWS`].
        flows: Vec<Flow>,
    },
}

/// What a host answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Flows`].
    Flows(Flows),
    /// To [`Question::Drops`].
    Drops(Drops),
    /// To [`Question::Explain`].
    Explained(Box<Explanation>),
    /// To [`Question::TakeOver`]: how many of them were not known.
    TakenOver(u32),
    /// It can't be answered.
    Failed(Failed),
}

/// Why a question can't be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failed {
    /// The interface has no port on this host.
    NotHere(VniId),
    /// Something else, for a person.
    Because(String),
}

/// A rule of a policy, with where it stands if that is still known: a rule may be gone that a flow came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RuleRef {
    /// A rule of a security group.
    Group {
        /// The group.
        group: Option<SecurityGroupId>,
        /// The rule.
        rule: RuleId,
    },
    /// A rule of a network ACL.
    Acl {
        /// The ACL.
        acl: Option<NetworkAclId>,
        /// The rule.
        rule: AclRuleId,
    },
}

/// The flows of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// The busiest first (packets of both directions).
    pub flows: Vec<Flow>,
    /// How many there are that match the question, shown or not.
    pub matching: u64,
    /// How many the host's table holds altogether.
    pub held: u64,
    /// How many it can hold.
    pub capacity: u64,
    /// How many each interface of the question has, the most first.
    pub usage: Vec<FlowUsage>,
}

/// How many flows an interface has on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowUsage {
    /// The interface.
    pub vni: VniId,
    /// That it opened.
    pub opened: u32,
    /// That others opened to it.
    pub accepted: u32,
    /// Connections that are over and still remembered: in neither of those.
    #[serde(default)]
    pub over: u32,
    /// How many it may open; others may open twice as many to it, and as many may be over.
    pub quota: u32,
}

/// One end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowEnd {
    /// Its address.
    pub address: IpAddr,
    /// Its port; of ICMP queries the identifier, on both ends; 0 for other protocols.
    pub port: u16,
    /// The interface, if it has a port on this host.
    pub vni: Option<VniId>,
    /// Packets that it sent.
    pub packets: u64,
    /// Bytes that it sent, as frames on a wire.
    pub bytes: u64,
}

/// A flow, as one host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// The segment of its VPC.
    pub segment: u32,
    /// IANA's protocol number.
    pub protocol: u8,
    /// The end that opened it.
    pub opener: FlowEnd,
    /// The other end.
    pub acceptor: FlowEnd,
    /// In what state it is.
    pub state: FlowState,
    /// Milliseconds since its last packet.
    pub idle_ms: u64,
    /// Milliseconds until it is forgotten, if no packet comes.
    pub expires_in_ms: u64,
    /// The rule that let it out of the opener's gate, if that is on this host.
    pub egress_rule: Option<RuleRef>,
    /// The rule that let it into the acceptor's gate, if that is on this host.
    pub ingress_rule: Option<RuleRef>,
    /// Whether it is untracked (EC2): it lives only as long as the rules that permit it.
    pub open: bool,
    /// The public address and port that it is translated to, if it is; port 0: the port is kept.
    pub translated: Option<(Ipv4Addr, u16)>,
}

/// The state of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FlowState {
    /// TCP: not yet established. Others: packets one way only.
    Opening,
    /// TCP: established. Others: packets both ways.
    Established,
    /// TCP: one end has said that it sends no more.
    Closing,
    /// TCP: both ends have, and that is acknowledged.
    TimeWait,
    /// TCP: ended by a reset.
    Closed,
}

impl FlowState {
    /// Short snake_case name.
    pub fn label(self) -> &'static str {
        match self {
            FlowState::Opening => "opening",
            FlowState::Established => "established",
            FlowState::Closing => "closing",
            FlowState::TimeWait => "time_wait",
            FlowState::Closed => "closed",
        }
    }
}

/// What a host has dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    /// By interface and reason, the most first. Complete.
    pub totals: Vec<DropTotal>,
    /// The latest refused flows, the latest first. Of many, some may be missing: the totals are what counts.
    pub refused: Vec<RefusedFlow>,
    /// Packets that were too big for their path, the latest first (row K12).
    pub too_big: Vec<MtuEvent>,
    /// What the shadow policies would have said.
    pub shadow: Vec<ShadowCount>,
}

/// How much was dropped at an interface for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropTotal {
    /// The interface; `None`: the host itself (overlay, unknown device).
    pub vni: Option<VniId>,
    /// Why.
    #[serde(with = "reason")]
    pub reason: DropReason,
    /// How many packets.
    pub packets: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// A flow that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFlow {
    /// The segment.
    pub segment: u32,
    /// The interface whose gate refused, if it is on this host still.
    pub vni: Option<VniId>,
    /// From where.
    pub source: IpAddr,
    /// To where.
    pub destination: IpAddr,
    /// IANA's protocol number.
    pub protocol: u8,
    /// TCP, UDP: the destination port. ICMP: type × 256 + code. Others: 0.
    pub port: u16,
    /// Why.
    #[serde(with = "reason")]
    pub reason: DropReason,
    /// The rule that denied it: of a network ACL; security groups have none that deny.
    pub rule: Option<RuleRef>,
    /// How many packets.
    pub packets: u64,
    /// Milliseconds since the first.
    pub first_ms_ago: u64,
    /// Milliseconds since the last.
    pub last_ms_ago: u64,
    /// The version of the interface's policy that refused it.
    pub policy_version: u32,
}

/// Packets from one address to another that were too big for their path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtuEvent {
    /// The segment.
    pub segment: u32,
    /// From where.
    pub source: IpAddr,
    /// To where.
    pub destination: IpAddr,
    /// How many packets.
    pub packets: u64,
    /// The largest, in bytes of IP packet.
    pub largest: u32,
    /// What the path takes, in bytes of IP packet.
    pub mtu: u32,
    /// Milliseconds since the last.
    pub last_ms_ago: u64,
}

/// How often a shadow policy would have said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowCount {
    /// The interface.
    pub vni: VniId,
    /// Which of its gates.
    pub direction: Direction,
    /// What the policy in force said.
    pub permitted: bool,
    /// What the shadow policy would have said.
    pub would_permit: bool,
    /// Of how many new flows.
    pub flows: u64,
}

/// A packet to be followed without being sent: the first of a flow (of TCP, a SYN).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Where it enters this host.
    pub entrance: Entrance,
    /// Its source address.
    pub source: IpAddr,
    /// Its destination address; of the same version.
    pub destination: IpAddr,
    /// What it is.
    pub payload: ProbePayload,
}

/// Where a packet enters a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entrance {
    /// From the guest of this interface, which has its port here.
    Port(VniId),
    /// From another host.
    Overlay {
        /// The other host.
        vtep: Ipv4Addr,
        /// The segment.
        segment: u32,
        /// The inner frame's source MAC.
        source_mac: Mac,
        /// The inner frame's destination MAC.
        destination_mac: Mac,
    },
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbePayload {
    /// A TCP segment with SYN alone.
    Tcp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
    },
    /// A UDP datagram without data.
    Udp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
    },
    /// A message of ICMP for the packet's IP version.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// The identifier, for queries.
        identifier: u16,
    },
    /// Another protocol, by IANA's number, without data.
    Other(u8),
}

/// What would become of a packet on this host, by the reference model and by the programs in the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// By [`crate::pipeline`], from what the host should have.
    pub model: Half,
    /// By the programs in the kernel, from what their maps hold; without effect on live flows.
    pub kernel: Half,
}

impl Explanation {
    /// Whether both come to the same verdict; `None` when one of them is missing.
    pub fn agree(&self) -> Option<bool> {
        match (&self.model, &self.kernel) {
            (Half::Followed(model), Half::Followed(kernel)) => Some(model.verdict.same_as(&kernel.verdict)),
            _ => None,
        }
    }
}

/// One of the two ways to follow a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Half {
    /// It was followed to its end on this host.
    Followed(Path),
    /// It could not be, for this reason.
    Unknown(String),
}

/// A packet's way through one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The stages that it passed, in order. The kernel's programs tell only what their maps say afterwards.
    pub stages: Vec<StageNote>,
    /// Its end.
    pub verdict: Verdict,
}

/// What a stage of the packet path found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageNote {
    /// The stage, in snake_case: `parse`, `anti_spoof`, `route`, `egress_acl`, `egress`, `ingress_acl`, `ingress` …
    pub stage: String,
    /// What it found, for a person.
    pub text: String,
    /// The rule that decided, if one did.
    pub rule: Option<RuleRef>,
}

/// The end of a packet on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Handed to the guest of this interface.
    Delivered(VniId),
    /// Sent to another host.
    Tunnelled {
        /// The host.
        vtep: Ipv4Addr,
        /// The segment.
        segment: u32,
        /// The inner frame's source MAC.
        source_mac: Mac,
        /// The inner frame's destination MAC.
        destination_mac: Mac,
    },
    /// Sent to the public network, from this public address.
    Public(IpAddr),
    /// Answered on this host: what answered, for a person.
    Answered(String),
    /// Dropped.
    Dropped {
        /// Why.
        #[serde(with = "reason")]
        reason: DropReason,
        /// The rule that denied it; `None`: none permitted it, or no rule was asked.
        rule: Option<RuleRef>,
    },
}

impl Verdict {
    /// Whether it is the same end; texts for people and the rule beside a reason do not count.
    pub fn same_as(&self, other: &Verdict) -> bool {
        match (self, other) {
            (Verdict::Answered(_), Verdict::Answered(_)) => true,
            (Verdict::Dropped { reason: one, .. }, Verdict::Dropped { reason: two, .. }) => one == two,
            (one, two) => one == two,
        }
    }
}

/// Drop reasons by their label, as they stand everywhere else.
mod reason {
    use super::{Deserialize, Deserializer, DropReason, Serializer};

    pub(super) fn serialize<S: Serializer>(reason: &DropReason, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(reason.label())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<DropReason, D::Error> {
        let label = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let known = DropReason::ALL.iter().find(|reason| reason.label() == label);
        known.copied().ok_or_else(|| serde::de::Error::custom(format!("'{label}' is not a drop reason")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(reason: DropReason) -> Verdict {
        Verdict::Dropped { reason, rule: None }
    }

    #[test]
    fn reasons_travel_by_label_and_unknown_ones_are_named() {
        let text = serde_json::to_string(&dropped(DropReason::NoRoute)).unwrap();
        assert!(text.contains("\"no_route\""), "{text}");
        assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), dropped(DropReason::NoRoute));
        let error = serde_json::from_str::<Verdict>(&text.replace("no_route", "bad_luck")).unwrap_err().to_string();
        assert!(error.contains("'bad_luck' is not a drop reason"), "{error}");
    }

    #[test]
    fn verdicts_are_compared_by_what_happens_to_the_packet() {
        let rule = RuleRef::Acl { acl: None, rule: "acl-rule-00000000000000001".parse().unwrap() };
        let denied = Verdict::Dropped { reason: DropReason::NoRoute, rule: Some(rule) };
        assert!(denied.same_as(&dropped(DropReason::NoRoute)));
        assert!(!denied.same_as(&dropped(DropReason::TooBig)));
        assert!(Verdict::Answered("ARP".to_owned()).same_as(&Verdict::Answered("the gateway".to_owned())));
        let path = |verdict| Half::Followed(Path { stages: Vec::new(), verdict });
        let explained = |kernel| Explanation { model: path(denied.clone()), kernel };
        assert_eq!(explained(path(dropped(DropReason::NoRoute))).agree(), Some(true));
        assert_eq!(explained(path(dropped(DropReason::TooBig))).agree(), Some(false));
        assert_eq!(explained(Half::Unknown("no such device".to_owned())).agree(), None);
    }
}
