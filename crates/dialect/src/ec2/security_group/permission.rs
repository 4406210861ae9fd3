//! Permissions: what requests say of rules, what a group's rules are as EC2 says it, and which of them are the same.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::command::NewRule;
use pintle_core::id::{PrefixListId, SecurityGroupId};
use pintle_core::model::SecurityGroup;
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote, Rule};
use pintle_core::txn::Snapshot;

use super::protocol::{self, Traffic};
use super::target::Called;
use super::text::rule_description;
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::params::Params;

/// The other end of a rule, as EC2 knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A network of either IP version.
    Net(IpNet),
    /// The members of a group.
    Group(SecurityGroupId),
    /// The networks of a prefix list.
    List(PrefixListId),
}

impl Peer {
    /// Every address of IPv4.
    pub(super) const ALL_V4: Peer = Peer::Net(IpNet::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::UNSPECIFIED, 0)));
    /// Every address of IPv6.
    pub(super) const ALL_V6: Peer = Peer::Net(IpNet::V6(Ipv6Net::new_assert(std::net::Ipv6Addr::UNSPECIFIED, 0)));

    /// What a rule of the core is for, for EC2: "any address" is a network of each version.
    pub(super) fn of(remote: Remote) -> Vec<Peer> {
        match remote {
            Remote::Any => vec![Peer::ALL_V4, Peer::ALL_V6],
            Remote::Net(net) => vec![Peer::Net(net)],
            Remote::Group(id) => vec![Peer::Group(id)],
            Remote::PrefixList(id) => vec![Peer::List(id)],
        }
    }

    /// For a rule of the core.
    pub(super) fn remote(self) -> Remote {
        match self {
            Peer::Net(net) => Remote::Net(net),
            Peer::Group(id) => Remote::Group(id),
            Peer::List(id) => Remote::PrefixList(id),
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Peer::Net(net) => net.fmt(f),
            Peer::Group(id) => id.fmt(f),
            Peer::List(id) => id.fmt(f),
        }
    }
}

/// One thing that is permitted to one other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) protocol: ProtocolMatch,
    pub(super) peer: Peer,
    /// What it is for; `None`: the request does not say.
    pub(super) description: Option<String>,
}

impl Permission {
    /// What is permitted.
    pub(super) fn traffic(&self) -> Traffic {
        self.protocol.into()
    }

    /// Whether a rule of a group permits just this, perhaps beside the same to the other IP version.
    pub(super) fn is_in(&self, rule: &Rule, direction: Direction) -> bool {
        rule.direction == direction
            && rule.local.is_none()
            && Traffic::from(rule.protocol) == self.traffic()
            && Peer::of(rule.remote).contains(&self.peer)
    }

    /// Whether two permit the same.
    pub(super) fn is(&self, other: &Permission) -> bool {
        self.peer == other.peer && self.traffic() == other.traffic()
    }

    /// As a rule to be made.
    pub(super) fn rule(self, direction: Direction) -> NewRule {
        let Permission { protocol, peer, description } = self;
        NewRule { direction, protocol, remote: peer.remote(), local: None, description }
    }
}

/// EC2's words for a permission in the message of a duplicate, which scripts read.
impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Traffic { protocol, ports } = self.traffic();
        let protocol = if protocol == "-1" { "ALL".to_owned() } else { protocol.to_uppercase() };
        write!(f, "peer: {}, {protocol}", self.peer)?;
        match ports {
            Some((from, to)) if protocol.starts_with("ICMP") => write!(f, ", type: {from}, code: {to}")?,
            Some((from, to)) => write!(f, ", from port: {from}, to port: {to}")?,
            None => {}
        }
        write!(f, ", ALLOW")
    }
}

/// Permissions of a group as EC2 shows them, in the order of its rules.
pub(super) fn permissions_of(group: &SecurityGroup, direction: Direction) -> Vec<Permission> {
    let rules = group.rules.iter().filter(|rule| rule.direction == direction);
    rules
        .flat_map(|rule| {
            let description = Some(group.description_of(rule.id).to_owned()).filter(|text| !text.is_empty());
            let each = move |peer| Permission { protocol: rule.protocol, peer, description: description.clone() };
            Peer::of(rule.remote).into_iter().map(each)
        })
        .collect()
}

/// A permission as a request says it, before names of groups are looked up.
#[derive(Debug, Clone)]
pub(super) struct Said {
    protocol: ProtocolMatch,
    peer: SaidPeer,
    description: Option<String>,
}

#[derive(Debug, Clone)]
enum SaidPeer {
    Known(Peer),
    Group(Called),
}

impl Said {
    fn new(protocol: ProtocolMatch, peer: SaidPeer) -> Said {
        Said { protocol, peer, description: None }
    }

    /// With the group's id, if it is called by its name.
    ///
    /// # Errors
    /// `InvalidGroup.NotFound`.
    pub(super) fn resolve(
        self,
        snapshot: &dyn Snapshot,
        caller: &Caller,
        group: &SecurityGroup,
    ) -> Result<Permission, Ec2Error> {
        let peer = match self.peer {
            SaidPeer::Known(peer) => peer,
            SaidPeer::Group(called) => Peer::Group(called.id_in(snapshot, caller, group.vpc)?),
        };
        Ok(Permission { protocol: self.protocol, peer, description: self.description })
    }
}

/// Reads what a request says of rules: `IpPermissions`, or one in the old parameters. Empty: neither.
///
/// # Errors
/// What the client asked wrongly.
pub(super) fn read(params: &mut Params, caller: &Caller) -> Result<Vec<Said>, Ec2Error> {
    let listed = params.list("IpPermissions", |item| permission(item, caller))?;
    let old = old_parameters(params, caller)?;
    if !listed.is_empty() && !old.is_empty() {
        return Err(Ec2Error::combination(
            "The parameter IpPermissions cannot be used with CidrIp, IpProtocol or SourceSecurityGroupName",
        ));
    }
    Ok(listed.into_iter().flatten().chain(old).collect())
}

const PORTS: std::ops::RangeInclusive<i32> = -1..=65_535;

fn permission(item: &mut Params, caller: &Caller) -> Result<Vec<Said>, Ec2Error> {
    let protocol = item.required_text("IpProtocol")?;
    let (from, to) = (item.number("FromPort", PORTS)?, item.number("ToPort", PORTS)?);
    let protocol = protocol::decode(&protocol, from, to)?;
    let mut peers = item.list("IpRanges", |range| {
        Ok((SaidPeer::Known(Peer::Net(v4(&range.required_text("CidrIp")?)?)), description(range)?))
    })?;
    peers.extend(item.list("Ipv6Ranges", |range| {
        Ok((SaidPeer::Known(Peer::Net(v6(&range.required_text("CidrIpv6")?)?)), description(range)?))
    })?);
    peers.extend(item.list("PrefixListIds", |list| {
        Ok((SaidPeer::Known(Peer::List(list.required_id("PrefixListId")?)), description(list)?))
    })?);
    peers.extend(item.list("Groups", |pair| Ok((SaidPeer::Group(pair_of(pair, caller)?), description(pair)?)))?);
    if peers.is_empty() {
        return Err(Ec2Error::new(
            "MissingParameter",
            "A permission must contain at least one of IpRanges, Ipv6Ranges, PrefixListIds and Groups",
        ));
    }
    Ok(peers.into_iter().map(|(peer, description)| Said { description, ..Said::new(protocol, peer) }).collect())
}

fn description(params: &mut Params) -> Result<Option<String>, Ec2Error> {
    params.text("Description").map(rule_description).transpose()
}

/// A group as a permission names it. What else describes say of it comes back with it, and means nothing.
fn pair_of(pair: &mut Params, caller: &Caller) -> Result<Called, Ec2Error> {
    for echoed in ["VpcId", "VpcPeeringConnectionId", "PeeringStatus"] {
        pair.text(echoed);
    }
    let account = pair.text("UserId").filter(|account| !account.is_empty());
    let name = pair.text("GroupName").filter(|name| !name.is_empty());
    let called = match (pair.id("GroupId")?, name) {
        (Some(id), _) => Called::Id(id),
        (None, Some(name)) => Called::by_name(pair, name),
        (None, None) => return Err(Ec2Error::missing("GroupId")),
    };
    own_account(account.as_deref(), caller)?;
    Ok(called)
}

/// Accounts know nothing of each other's groups.
fn own_account(account: Option<&str>, caller: &Caller) -> Result<(), Ec2Error> {
    match account {
        Some(other) if other != caller.account.to_string() => {
            let message = format!("You do not have access to security groups of account {}", short(other));
            Err(Ec2Error::new("InvalidGroup.NotFound", message))
        }
        _ => Ok(()),
    }
}

/// The parameters from before `IpPermissions`: one permission, or everything from a group's members.
fn old_parameters(params: &mut Params, caller: &Caller) -> Result<Vec<Said>, Ec2Error> {
    let protocol = params.text("IpProtocol").filter(|text| !text.is_empty());
    let (from, to) = (params.number("FromPort", PORTS)?, params.number("ToPort", PORTS)?);
    let cidr = params.text("CidrIp").filter(|text| !text.is_empty());
    let group = params.text("SourceSecurityGroupName").filter(|text| !text.is_empty());
    own_account(params.text("SourceSecurityGroupOwnerId").filter(|text| !text.is_empty()).as_deref(), caller)?;
    let ports = from.is_some() || to.is_some();
    match (protocol, cidr, group) {
        (None, None, None) if ports => Err(Ec2Error::missing("IpProtocol")),
        (None, None, None) => Ok(Vec::new()),
        (None, None, Some(name)) if !ports => {
            let all = [
                ProtocolMatch::Tcp(PortRange::ALL),
                ProtocolMatch::Udp(PortRange::ALL),
                protocol::decode("icmp", None, None)?,
            ];
            let group = SaidPeer::Group(Called::by_name(params, name));
            Ok(all.map(|protocol| Said::new(protocol, group.clone())).into())
        }
        (Some(protocol), Some(cidr), None) => {
            let net = if cidr.contains(':') { v6(&cidr)? } else { v4(&cidr)? };
            Ok(vec![Said::new(protocol::decode(&protocol, from, to)?, SaidPeer::Known(Peer::Net(net)))])
        }
        (None, Some(_), None) => Err(Ec2Error::missing("IpProtocol")),
        (Some(_), None, None) => Err(Ec2Error::missing("CidrIp")),
        (_, _, Some(_)) => Err(Ec2Error::combination(
            "The parameter SourceSecurityGroupName cannot be used with CidrIp, IpProtocol, FromPort or ToPort",
        )),
    }
}

/// A network of IPv4, without the bits behind its prefix, as EC2 stores it.
pub(super) fn v4(text: &str) -> Result<IpNet, Ec2Error> {
    text.parse::<Ipv4Net>().map(|net| IpNet::V4(net.trunc())).map_err(|_| malformed(text))
}

/// A network of IPv6, likewise.
pub(super) fn v6(text: &str) -> Result<IpNet, Ec2Error> {
    text.parse::<Ipv6Net>().map(|net| IpNet::V6(net.trunc())).map_err(|_| malformed(text))
}

fn malformed(text: &str) -> Ec2Error {
    Ec2Error::new("InvalidParameterValue", format!("CIDR block {} is malformed", short(text)))
}
