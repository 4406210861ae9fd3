//! Rules as people write them: `tcp/22 from 10.0.0.0/8`, `icmp/8 from any`, `any to sg-…`.
//!
//! One line a rule, the same in requests, replies and on the command line. What is written comes back as it was written,
//! but for numbers and names that have a shorter form.
//!
//! ```text
//! rule     = protocol ("from" | "to") remote ["at" network]
//! protocol = "any" | "icmp_tcp_udp" | "tcp"[/ports] | "udp"[/ports] | "icmp"[/type[/code]] | "icmpv6"[/type[/code]] | "protocol/"number
//! ports    = port | port"-"port
//! remote   = "any" | network | group's id or name | prefix list's id | "list:"name
//! network  = address | address"/"length
//! ```

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use pintle_core::id::{PrefixListId, SecurityGroupId};
use pintle_core::policy::{Direction, IcmpMatch, PortRange, ProtocolMatch, Remote};

/// A rule of a security group, as written: groups and prefix lists may be called by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// Which way: "from" is ingress, "to" is egress.
    pub direction: Direction,
    /// Protocol and ports.
    pub protocol: ProtocolMatch,
    /// The other end.
    pub remote: RemoteText,
    /// Only for these addresses of the interface.
    pub local: Option<IpNet>,
}

/// The other end of a rule, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteText {
    /// As the core has it.
    Known(Remote),
    /// A security group, by its name.
    GroupName(String),
    /// A prefix list, by its name.
    PrefixListName(String),
}

impl RuleText {
    /// A rule of the core as it would be written, with ids.
    pub fn of(direction: Direction, protocol: ProtocolMatch, remote: Remote, local: Option<IpNet>) -> Self {
        RuleText { direction, protocol, remote: RemoteText::Known(remote), local }
    }
}

impl RemoteText {
    /// A group by its name, where that can be told from everything else, and by its id otherwise.
    pub fn group(id: SecurityGroupId, name: &str) -> Self {
        let named = RemoteText::GroupName(name.to_owned());
        if remote_of(name).as_ref() == Ok(&named) { named } else { RemoteText::Known(Remote::Group(id)) }
    }

    /// A prefix list, likewise.
    pub fn prefix_list(id: PrefixListId, name: &str) -> Self {
        let named = RemoteText::PrefixListName(name.to_owned());
        let text = format!("list:{name}");
        if remote_of(&text).as_ref() == Ok(&named) { named } else { RemoteText::Known(Remote::PrefixList(id)) }
    }
}

impl FromStr for RuleText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (protocol, way, remote, local) = match words[..] {
            [protocol, way, remote] => (protocol, way, remote, None),
            [protocol, way, remote, "at", local] => (protocol, way, remote, Some(local)),
            _ => {
                return Err(format!(
                    "'{}' is not a rule: write it as 'tcp/22 from 10.0.0.0/8', 'icmp/8 from any' or 'any to sg-…', with \
                     'at ADDRESS' behind it if it is for one address of the interface only",
                    short(text)
                ));
            }
        };
        let direction = match way {
            "from" => Direction::Ingress,
            "to" => Direction::Egress,
            _ => {
                return Err(format!(
                    "'{}' is neither 'from' (what comes to the interface) nor 'to' (what it sends)",
                    short(way)
                ));
            }
        };
        Ok(RuleText {
            direction,
            protocol: protocol_of(protocol)?,
            remote: remote_of(remote)?,
            local: local.map(network).transpose()?,
        })
    }
}

impl fmt::Display for RuleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        write!(f, "{} {way} ", ProtocolText(self.protocol))?;
        match &self.remote {
            RemoteText::Known(Remote::Any) => f.write_str("any"),
            RemoteText::Known(Remote::Net(net)) => write!(f, "{}", NetText(*net)),
            RemoteText::Known(Remote::Group(id)) => write!(f, "{id}"),
            RemoteText::Known(Remote::PrefixList(id)) => write!(f, "{id}"),
            RemoteText::GroupName(name) => f.write_str(name),
            RemoteText::PrefixListName(name) => write!(f, "list:{name}"),
        }?;
        match self.local {
            None => Ok(()),
            Some(local) => write!(f, " at {}", NetText(local)),
        }
    }
}

/// A protocol as rules write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolText(pub ProtocolMatch);

impl fmt::Display for ProtocolText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = |f: &mut fmt::Formatter<'_>, name: &str, ports: PortRange| {
            if ports == PortRange::ALL { f.write_str(name) } else { write!(f, "{name}/{ports}") }
        };
        let icmp = |f: &mut fmt::Formatter<'_>, name: &str, what: IcmpMatch| match what {
            IcmpMatch::Any => f.write_str(name),
            IcmpMatch::Type(kind) => write!(f, "{name}/{kind}"),
            IcmpMatch::Code(kind, code) => write!(f, "{name}/{kind}/{code}"),
        };
        match self.0 {
            ProtocolMatch::Any => f.write_str("any"),
            ProtocolMatch::IcmpTcpUdp => f.write_str("icmp_tcp_udp"),
            ProtocolMatch::Tcp(range) => ports(f, "tcp", range),
            ProtocolMatch::Udp(range) => ports(f, "udp", range),
            ProtocolMatch::Icmp(what) => icmp(f, "icmp", what),
            ProtocolMatch::Icmpv6(what) => icmp(f, "icmpv6", what),
            ProtocolMatch::Number(number) => write!(f, "protocol/{number}"),
        }
    }
}

/// A network as rules write it: one of full length is an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetText(pub IpNet);

impl fmt::Display for NetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(f, "{}", self.0.addr())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// The protocol that a text names.
///
/// # Errors
/// The rule that it breaks.
pub fn protocol_of(text: &str) -> Result<ProtocolMatch, String> {
    let (name, rest) = match text.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    };
    match (name, rest) {
        ("any", None) => Ok(ProtocolMatch::Any),
        ("icmp_tcp_udp", None) => Ok(ProtocolMatch::IcmpTcpUdp),
        ("any", Some(_)) => Err("'any' has no ports: name the protocol, such as 'tcp/22'".to_owned()),
        ("tcp", rest) => rest.map_or(Ok(PortRange::ALL), ports).map(ProtocolMatch::Tcp),
        ("udp", rest) => rest.map_or(Ok(PortRange::ALL), ports).map(ProtocolMatch::Udp),
        ("icmp", rest) => rest.map_or(Ok(IcmpMatch::Any), icmp).map(ProtocolMatch::Icmp),
        ("icmpv6", rest) => rest.map_or(Ok(IcmpMatch::Any), icmp).map(ProtocolMatch::Icmpv6),
        ("protocol", Some(number)) => byte(number, "a protocol's number").map(ProtocolMatch::Number),
        _ => Err(format!(
            "'{}' is not a protocol: it is one of any, icmp_tcp_udp, tcp, udp, icmp, icmpv6 and protocol/NUMBER, such as 'tcp/22', \
             'udp/1000-2000', 'icmp/8/0' or 'protocol/50'",
            short(text)
        )),
    }
}

/// A port, or a range of ports.
///
/// # Errors
/// The rule that it breaks.
pub fn ports(text: &str) -> Result<PortRange, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        text.parse::<u16>().map_err(|_| format!("'{}' is not a port: it is a number from 0 to 65535", short(text)))
    };
    let range = PortRange { first: port(first)?, last: port(last)? };
    if range.first > range.last {
        return Err(format!("'{}' is not a range of ports: the first is above the last", short(text)));
    }
    Ok(range)
}

fn icmp(text: &str) -> Result<IcmpMatch, String> {
    match text.split_once('/') {
        None => byte(text, "an ICMP type").map(IcmpMatch::Type),
        Some((kind, code)) => Ok(IcmpMatch::Code(byte(kind, "an ICMP type")?, byte(code, "an ICMP code")?)),
    }
}

fn byte(text: &str, what: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("'{}' is not {what}: it is a number from 0 to 255", short(text)))
}

fn remote_of(text: &str) -> Result<RemoteText, String> {
    if text == "any" {
        return Ok(RemoteText::Known(Remote::Any));
    }
    if text.contains(['.', '/']) || text.matches(':').count() > 1 {
        return network(text).map(|net| RemoteText::Known(Remote::Net(net)));
    }
    if let Some(name) = text.strip_prefix("list:") {
        return match name.parse::<PrefixListId>() {
            Ok(id) => Ok(RemoteText::Known(Remote::PrefixList(id))),
            Err(_) => name_of(name).map(RemoteText::PrefixListName),
        };
    }
    if let Ok(id) = text.parse::<SecurityGroupId>() {
        return Ok(RemoteText::Known(Remote::Group(id)));
    }
    if let Ok(id) = text.parse::<PrefixListId>() {
        return Ok(RemoteText::Known(Remote::PrefixList(id)));
    }
    name_of(text).map(RemoteText::GroupName)
}

fn name_of(text: &str) -> Result<String, String> {
    pintle_core::name::validate(text).map(|()| text.to_owned()).map_err(|_| {
        format!(
            "'{}' is not the other end of a rule: it is any, an address, a range such as 10.0.0.0/8, a security group's \
             id or name, a prefix list's id, or 'list:' and a prefix list's name",
            short(text)
        )
    })
}

/// A network without host bits, or an address.
///
/// # Errors
/// The rule that it breaks.
pub fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(address.into());
    }
    let net: IpNet = text.parse().map_err(|_| {
        format!("'{}' is not an address or a range such as 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32", short(text))
    })?;
    if net.addr() == net.network() {
        Ok(net)
    } else {
        Err(format!("'{net}' has bits set behind its prefix; the range that it is in is {}", net.trunc()))
    }
}

/// What came from outside, cut to a length that a message can bear.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d05_every_rule_round_trips() {
        let protocols = [
            "any",
            "icmp_tcp_udp",
            "tcp",
            "tcp/22",
            "tcp/0",
            "udp/1000-2000",
            "udp/65535",
            "icmp",
            "icmp/8",
            "icmp/3/4",
            "icmpv6",
            "icmpv6/128",
            "icmpv6/1/0",
            "protocol/50",
            "protocol/0",
        ];
        let remotes = [
            "any",
            "10.0.0.0/8",
            "10.0.0.7",
            "0.0.0.0/0",
            "2001:db8::/32",
            "2001:db8::7",
            "::/0",
            "sg-00000000000000001",
            "pl-00000000000000001",
            "web",
            "list:offices",
        ];
        for protocol in protocols {
            for way in ["from", "to"] {
                for remote in remotes {
                    for local in ["", " at 10.0.1.10", " at 2001:db8:1::/64"] {
                        let text = format!("{protocol} {way} {remote}{local}");
                        let rule: RuleText = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
                        assert_eq!(rule.to_string(), text);
                        assert_eq!(rule.to_string().parse(), Ok(rule));
                    }
                }
            }
        }
    }

    #[test]
    fn a_name_that_could_be_something_else_is_not_written() {
        let (group, list) = ("sg-00000000000000001".parse().unwrap(), "pl-00000000000000001".parse().unwrap());
        assert_eq!(RemoteText::group(group, "web"), RemoteText::GroupName("web".to_owned()));
        for name in ["any", "sg-00000000000000002", "pl-00000000000000002"] {
            assert_eq!(RemoteText::group(group, name), RemoteText::Known(Remote::Group(group)), "{name}");
        }
        assert_eq!(RemoteText::prefix_list(list, "any"), RemoteText::PrefixListName("any".to_owned()));
        let other = RemoteText::prefix_list(list, "pl-00000000000000002");
        assert_eq!(other, RemoteText::Known(Remote::PrefixList(list)));
    }

    #[test]
    fn longer_forms_become_the_short_one() {
        for (long, short) in [
            ("tcp/0-65535 from any", "tcp from any"),
            ("tcp/22-22 from 10.0.0.7/32", "tcp/22 from 10.0.0.7"),
            ("  udp/53   to\t2001:DB8:0::7/128 ", "udp/53 to 2001:db8::7"),
            ("any from list:pl-00000000000000001", "any from pl-00000000000000001"),
        ] {
            assert_eq!(long.parse::<RuleText>().unwrap().to_string(), short);
        }
    }

    #[test]
    fn what_is_no_rule_is_told_with_what_one_looks_like() {
        for (text, words) in [
            ("", "write it as"),
            ("tcp/22", "write it as"),
            ("tcp/22 from", "write it as"),
            ("tcp/22 from any for 10.0.0.1", "write it as"),
            ("tcp/22 over any", "neither 'from'"),
            ("ssh from any", "'ssh' is not a protocol"),
            ("any/22 from any", "'any' has no ports"),
            ("tcp/65536 from any", "'65536' is not a port"),
            ("tcp/ from any", "'' is not a port"),
            ("tcp/20-10 from any", "the first is above the last"),
            ("icmp/256 from any", "'256' is not an ICMP type"),
            ("icmp/8/x from any", "'x' is not an ICMP code"),
            ("protocol/256 from any", "'256' is not a protocol's number"),
            ("protocol from any", "'protocol' is not a protocol"),
            ("tcp/22 from 10.0.0.7/8", "the range that it is in is 10.0.0.0/8"),
            ("tcp/22 from 10.0.0.300", "is not an address or a range"),
            ("tcp/22 from 2001:db8::g", "is not an address or a range"),
            ("tcp/22 from Web_1", "is not the other end of a rule"),
            ("tcp/22 from any at web", "'web' is not an address or a range"),
        ] {
            let error = text.parse::<RuleText>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
