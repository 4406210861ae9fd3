//! Rules of network ACLs as people write them: `allow ingress tcp/80 from 10.0.0.0/8 to any`.
//!
//! ```text
//! rule = ("allow" | "deny") ("ingress" | "egress") protocol "from" source ["port" ports] "to" destination
//! ```
//!
//! Protocols and networks are those of [`crate::rule_text`]; "any" is every address of the IP version of the other end, and of
//! IPv4 if that is "any" too: a rule of an ACL speaks of one version.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::policy::{AclAction, Direction, PortRange, ProtocolMatch};

use crate::rule_text::{NetText, ProtocolText, network, ports, protocol_of, short};

/// A rule of a network ACL, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclText {
    /// What it does.
    pub action: AclAction,
    /// Which way, as the subnet sees it.
    pub direction: Direction,
    /// Protocol and destination ports.
    pub protocol: ProtocolMatch,
    /// Source ports.
    pub source_ports: PortRange,
    /// Where it comes from.
    pub source: IpNet,
    /// Where it goes to; of the same version.
    pub destination: IpNet,
}

const FORM: &str = "write it as 'allow ingress tcp/80 from 10.0.0.0/8 to any' or 'deny egress any from any to 10.9.0.0/16', \
                    with 'port 1024-65535' behind the source if its ports matter";

impl FromStr for AclText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (action, direction, protocol, source, source_ports, destination) = match words[..] {
            [action, direction, protocol, "from", source, "to", destination] => {
                (action, direction, protocol, source, None, destination)
            }
            [action, direction, protocol, "from", source, "port", ports, "to", destination] => {
                (action, direction, protocol, source, Some(ports), destination)
            }
            _ => return Err(format!("'{}' is not a rule of a network ACL: {FORM}", short(text))),
        };
        let action = match action {
            "allow" => AclAction::Allow,
            "deny" => AclAction::Deny,
            other => return Err(format!("'{}' is neither 'allow' nor 'deny'", short(other))),
        };
        let direction = match direction {
            "ingress" => Direction::Ingress,
            "egress" => Direction::Egress,
            other => return Err(format!("'{}' is neither 'ingress' nor 'egress'", short(other))),
        };
        let protocol = protocol_of(protocol)?;
        let source_ports = source_ports.map_or(Ok(PortRange::ALL), ports)?;
        if source_ports != PortRange::ALL && !matches!(protocol, ProtocolMatch::Tcp(_) | ProtocolMatch::Udp(_)) {
            return Err(format!("'port' is for tcp and udp: {} has no source ports", ProtocolText(protocol)));
        }
        let (source, destination) = match (source, destination) {
            ("any", "any") if matches!(protocol, ProtocolMatch::Icmpv6(_)) => (ANY6, ANY6),
            ("any", "any") => (ANY4, ANY4),
            ("any", destination) => network(destination).map(|net| (any_like(net), net))?,
            (source, "any") => network(source).map(|net| (net, any_like(net)))?,
            (source, destination) => (network(source)?, network(destination)?),
        };
        Ok(AclText { action, direction, protocol, source_ports, source, destination })
    }
}

/// Every address of IPv4.
const ANY4: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));
/// Every address of IPv6.
const ANY6: IpNet = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0));

fn any_like(net: IpNet) -> IpNet {
    match net {
        IpNet::V4(_) => ANY4,
        IpNet::V6(_) => ANY6,
    }
}

impl fmt::Display for AclText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            AclAction::Allow => "allow",
            AclAction::Deny => "deny",
        };
        // "any" on both sides would be read as IPv4, or as IPv6 for its ICMP.
        let readable = any_like(self.source) == ANY4 || matches!(self.protocol, ProtocolMatch::Icmpv6(_));
        let end = |f: &mut fmt::Formatter<'_>, net: IpNet, other: IpNet| {
            let any = net.prefix_len() == 0 && (other.prefix_len() > 0 || readable);
            if any { f.write_str("any") } else { write!(f, "{}", NetText(net)) }
        };
        write!(f, "{action} {} {} from ", self.direction.label(), ProtocolText(self.protocol))?;
        end(f, self.source, self.destination)?;
        if self.source_ports != PortRange::ALL {
            write!(f, " port {}", self.source_ports)?;
        }
        f.write_str(" to ")?;
        end(f, self.destination, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d15_every_rule_round_trips() {
        let ends = [
            ("any", "any"),
            ("10.0.0.0/8", "any"),
            ("any", "10.0.0.7"),
            ("10.0.0.7", "10.1.0.0/16"),
            ("2001:db8::/32", "any"),
            ("::/0", "::/0"),
        ];
        for action in ["allow", "deny"] {
            for direction in ["ingress", "egress"] {
                for protocol in ["any", "tcp", "udp/53", "icmp/8", "icmpv6/128", "protocol/50"] {
                    for (source, destination) in ends {
                        if protocol.starts_with("icmpv6") && source == "::/0" {
                            continue;
                        }
                        let text = format!("{action} {direction} {protocol} from {source} to {destination}");
                        let rule: AclText = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
                        assert_eq!(rule.to_string(), text);
                    }
                }
            }
        }
        let text = "deny ingress tcp/80-81 from 10.0.0.0/8 port 1024-65535 to any";
        assert_eq!(text.parse::<AclText>().unwrap().to_string(), text);
        let icmp: AclText = "allow egress icmpv6 from any to any".parse().unwrap();
        assert_eq!((icmp.source, icmp.destination), (ANY6, ANY6));
        assert_eq!(icmp.to_string().parse(), Ok(icmp));
    }

    #[test]
    fn what_is_no_rule_is_told_with_what_one_looks_like() {
        for (text, words) in [
            ("", "write it as"),
            ("allow tcp/80 from any to any", "write it as"),
            ("permit ingress tcp from any to any", "'permit' is neither 'allow'"),
            ("allow in tcp from any to any", "'in' is neither 'ingress'"),
            ("allow ingress ssh from any to any", "'ssh' is not a protocol"),
            ("allow ingress icmp from any port 1 to any", "icmp has no source ports"),
            ("allow ingress tcp from 10.0.0.1/8 to any", "10.0.0.0/8"),
            ("allow ingress tcp from web to any", "'web' is not an address"),
        ] {
            let error = text.parse::<AclText>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
