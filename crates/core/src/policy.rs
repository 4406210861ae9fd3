//! What a rule can say: the vocabulary that security groups, network ACLs, hosts and the reference model share.
//!
//! Nothing here evaluates: `crate::pipeline` does so as a model, the data plane's programs do so for packets.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::id::{AclRuleId, PrefixListId, RuleId, SecurityGroupId};

/// Which way a packet goes, as the interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// Towards the guest.
    Ingress,
    /// From the guest.
    Egress,
}

/// A range of ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last; not below the first.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: PortRange = PortRange { first: 0, last: u16::MAX };

    /// Just this port.
    pub fn one(port: u16) -> Self {
        PortRange { first: port, last: port }
    }

    /// Whether the port is in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

/// Which protocol, and what of it.
///
/// Numbers are those of IANA's protocol registry. ICMP is a different protocol in each IP version: 1 and 58.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProtocolMatch {
    /// Every protocol.
    Any,
    /// TCP, UDP and ICMP of the packet's IP version, all of each, and no other (IBM's `icmp_tcp_udp`).
    IcmpTcpUdp,
    /// TCP to these ports.
    Tcp(PortRange),
    /// UDP to these ports.
    Udp(PortRange),
    /// ICMP for IPv4; all types, one type, or one type and code.
    Icmp(IcmpMatch),
    /// ICMP for IPv6; the same.
    Icmpv6(IcmpMatch),
    /// Any other protocol, by number; one of those above by its number matches all of it.
    Number(u8),
}

/// Which ICMP messages. A code without a type is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IcmpMatch {
    /// All.
    Any,
    /// All codes of a type.
    Type(u8),
    /// One type and code.
    Code(u8, u8),
}

/// The other end that a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Remote {
    /// Any address of either version.
    Any,
    /// A network; an address is a network of full length.
    Net(IpNet),
    /// The networks of a prefix list.
    PrefixList(PrefixListId),
    /// The interfaces that are members of a group, in the same VPC.
    Group(SecurityGroupId),
}

/// One rule of a security group. Rules only permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id, the same in verdicts, counters and `explain`.
    pub id: RuleId,
    /// Which way.
    pub direction: Direction,
    /// Protocol and ports.
    pub protocol: ProtocolMatch,
    /// The other end.
    pub remote: Remote,
    /// Only for these addresses of the interface; `None`: for all.
    pub local: Option<IpNet>,
}

/// What a network ACL's rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AclAction {
    /// Lets it pass.
    Allow,
    /// Drops it.
    Deny,
}

/// One rule of a network ACL. The first that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclRule {
    /// Its id.
    pub id: AclRuleId,
    /// What it does.
    pub action: AclAction,
    /// Which way, as the subnet sees it: ingress is into the subnet.
    pub direction: Direction,
    /// Protocol and destination ports.
    pub protocol: ProtocolMatch,
    /// Source ports of TCP and UDP; [`PortRange::ALL`] otherwise.
    pub source_ports: PortRange,
    /// Where it comes from.
    pub source: IpNet,
    /// Where it goes to.
    pub destination: IpNet,
}

/// How long idle flows of an interface are remembered, in seconds (EC2's `ConnectionTrackingSpecification`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlowTimeouts {
    /// Established TCP: 60 to 432,000.
    pub tcp_established: u32,
    /// UDP with packets both ways: 60 to 180.
    pub udp_stream: u32,
    /// UDP with packets one way: 30 to 60.
    pub udp: u32,
}

impl Default for FlowTimeouts {
    fn default() -> Self {
        FlowTimeouts { tcp_established: 432_000, udp_stream: 180, udp: 30 }
    }
}

impl Direction {
    /// Lower-case name.
    pub fn label(self) -> &'static str {
        match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}
