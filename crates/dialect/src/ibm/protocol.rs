//! How rules name directions, protocols, ports and ICMP messages: what security groups and network ACLs have in common.
//!
//! The names depend on the version that a client speaks. Up to 2025-12-08 there are `icmp`, `tcp`, `udp` and `all`, which is
//! those three; from 2025-12-09 on that is called `icmp_tcp_udp`, `any` is every protocol, and the others have names or
//! numbers. A rule that a version has no word for is shown to it by the words of the later one, rather than as something else.

use pintle_core::policy::{Direction, IcmpMatch, PortRange, ProtocolMatch};

use super::version::Version;
use crate::problem::Problem;

/// The version of IP that a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IpVersion {
    /// IPv4: what a rule is for unless it says otherwise.
    V4,
    /// IPv6, which IBM does not have (yet).
    V6,
}

impl IpVersion {
    /// From the wire; `at` is what field paths in errors begin with.
    pub(super) fn decode(text: Option<&str>, at: &str) -> Result<Self, Problem> {
        match text {
            None | Some("ipv4") => Ok(IpVersion::V4),
            Some("ipv6") => Ok(IpVersion::V6),
            Some(_) => Err(Problem::field(format!("{at}ip_version"), "it must be 'ipv4' or 'ipv6'")),
        }
    }

    /// As the wire has it.
    pub(super) fn label(self) -> &'static str {
        match self {
            IpVersion::V4 => "ipv4",
            IpVersion::V6 => "ipv6",
        }
    }
}

/// The direction as the wire spells it.
pub(super) fn direction(text: &str, at: &str) -> Result<Direction, Problem> {
    match text {
        "inbound" => Ok(Direction::Ingress),
        "outbound" => Ok(Direction::Egress),
        _ => Err(Problem::field(format!("{at}direction"), "it must be 'inbound' or 'outbound'")),
    }
}

/// As the wire spells it.
pub(super) fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "inbound",
        Direction::Egress => "outbound",
    }
}

/// Protocols that have names of their own, by IANA's number.
const NAMED: &[(&str, u8)] =
    &[("ah", 51), ("esp", 50), ("gre", 47), ("ip_in_ip", 4), ("l2tp", 115), ("rsvp", 46), ("sctp", 132), ("vrrp", 112)];

/// Numbers that are called by name only.
const BY_NAME_ONLY: [u8; 4] = [1, 6, 17, 58];

/// The ports beside a protocol, as the wire has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) min: Option<u16>,
    pub(super) max: Option<u16>,
}

impl Ports {
    /// What IBM takes a rule without ports for.
    const DEFAULT: PortRange = PortRange { first: 1, last: u16::MAX };

    /// The range; `fields` are the two fields' names, with their path.
    pub(super) fn range(self, fields: (&str, &str)) -> Result<PortRange, Problem> {
        match (self.min, self.max) {
            (None, None) => Ok(Self::DEFAULT),
            (Some(first), Some(last)) if first <= last => Ok(PortRange { first, last }),
            (Some(first), Some(last)) => {
                Err(Problem::field(fields.0, format!("it is {first}, above '{}', which is {last}", fields.1)))
            }
            (Some(_), None) => Err(Problem::field(fields.1, "it is needed where the other end of the range is given")),
            (None, Some(_)) => Err(Problem::field(fields.0, "it is needed where the other end of the range is given")),
        }
    }

    fn given(self) -> bool {
        self.min.is_some() || self.max.is_some()
    }
}

/// A protocol and what of it, as the wire has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) protocol: &'a str,
    /// Destination ports.
    pub(super) ports: Ports,
    /// How those two fields are called.
    pub(super) port_fields: (&'static str, &'static str),
    pub(super) kind: Option<u8>,
    pub(super) code: Option<u8>,
}

impl Fields<'_> {
    /// What they mean; `at` is what field paths in errors begin with.
    pub(super) fn decode(self, version: &Version, ip: IpVersion, at: &str) -> Result<ProtocolMatch, Problem> {
        let (min, max) = (format!("{at}{}", self.port_fields.0), format!("{at}{}", self.port_fields.1));
        let ports = || self.ports.range((&min, &max));
        let found = match (self.protocol, version.names_protocols()) {
            ("tcp", _) => ProtocolMatch::Tcp(ports()?),
            ("udp", _) => ProtocolMatch::Udp(ports()?),
            ("icmp", _) if ip == IpVersion::V6 => ProtocolMatch::Icmpv6(self.icmp(at)?),
            ("icmp", _) => ProtocolMatch::Icmp(self.icmp(at)?),
            ("all", false) => ProtocolMatch::IcmpTcpUdp,
            ("icmp_tcp_udp", true) => ProtocolMatch::IcmpTcpUdp,
            ("any", true) => ProtocolMatch::Any,
            (other, true) => individual(other).ok_or_else(|| unknown(at, true))?,
            (_, false) => return Err(unknown(at, false)),
        };
        if self.ports.given() && !matches!(found, ProtocolMatch::Tcp(_) | ProtocolMatch::Udp(_)) {
            let field = if self.ports.min.is_some() { min } else { max };
            return Err(Problem::field(field, format!("protocol '{}' has no ports", self.protocol)));
        }
        if (self.kind, self.code) != (None, None) && !matches!(found, ProtocolMatch::Icmp(_) | ProtocolMatch::Icmpv6(_))
        {
            let field = if self.kind.is_some() { "type" } else { "code" };
            let detail = format!("protocol '{}' has no ICMP type or code", self.protocol);
            return Err(Problem::field(format!("{at}{field}"), detail));
        }
        Ok(found)
    }

    fn icmp(self, at: &str) -> Result<IcmpMatch, Problem> {
        match (self.kind, self.code) {
            (None, None) => Ok(IcmpMatch::Any),
            (Some(kind), None) => Ok(IcmpMatch::Type(kind)),
            (Some(kind), Some(code)) => Ok(IcmpMatch::Code(kind, code)),
            (None, Some(_)) => Err(Problem::field(format!("{at}type"), "it is needed where 'code' is given")),
        }
    }
}

/// What a patch says of a protocol. `Some(None)` takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) protocol: Option<String>,
    pub(super) min: Option<Option<u16>>,
    pub(super) max: Option<Option<u16>>,
    pub(super) port_fields: (&'static str, &'static str),
    pub(super) kind: Option<Option<u8>>,
    pub(super) code: Option<Option<u8>>,
}

impl Patch {
    /// The protocol with what the patch changes of it. Another protocol begins with all its ports and messages.
    pub(super) fn apply(self, old: ProtocolMatch, version: &Version, ip: IpVersion) -> Result<ProtocolMatch, Problem> {
        let untouched = self.protocol.is_none()
            && (self.min, self.max) == (None, None)
            && (self.kind, self.code) == (None, None)
            && matches!((old, ip), (ProtocolMatch::Icmp(_), IpVersion::V4) | (ProtocolMatch::Icmpv6(_), IpVersion::V6))
                == matches!(old, ProtocolMatch::Icmp(_) | ProtocolMatch::Icmpv6(_));
        if untouched {
            return Ok(old);
        }
        let old_name = name(old, version);
        let protocol = self.protocol.as_deref().unwrap_or(&old_name);
        let same = protocol == old_name;
        let (old_ports, old_icmp) = if same { (ports(old), icmp(old)) } else { (None, (None, None)) };
        let fields = Fields {
            protocol,
            ports: Ports {
                min: self.min.unwrap_or(old_ports.map(|ports| ports.first)),
                max: self.max.unwrap_or(old_ports.map(|ports| ports.last)),
            },
            port_fields: self.port_fields,
            kind: self.kind.unwrap_or(old_icmp.0),
            code: self.code.unwrap_or(old_icmp.1),
        };
        fields.decode(version, ip, "")
    }
}

fn individual(name: &str) -> Option<ProtocolMatch> {
    if let Some((_, number)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(ProtocolMatch::Number(*number));
    }
    let digits = name.strip_prefix("number_")?;
    let number: u8 = digits.parse().ok().filter(|number: &u8| number.to_string() == digits)?;
    let called = BY_NAME_ONLY.contains(&number) || NAMED.iter().any(|(_, named)| *named == number);
    (!called).then_some(ProtocolMatch::Number(number))
}

fn unknown(at: &str, names_protocols: bool) -> Problem {
    let known = if names_protocols {
        "it must be one of 'any', 'icmp_tcp_udp', 'icmp', 'tcp', 'udp', 'ah', 'esp', 'gre', 'ip_in_ip', 'l2tp', 'rsvp', 'sctp', \
         'vrrp', or 'number_' and the number of another protocol"
    } else {
        "it must be one of 'all', 'icmp', 'tcp' and 'udp'; there are more from version 2025-12-09 on"
    };
    Problem::field(format!("{at}protocol"), known)
}

/// The name of a protocol, as this version has it.
pub(super) fn name(protocol: ProtocolMatch, version: &Version) -> String {
    match protocol {
        ProtocolMatch::Any => "any".to_owned(),
        ProtocolMatch::IcmpTcpUdp if version.names_protocols() => "icmp_tcp_udp".to_owned(),
        ProtocolMatch::IcmpTcpUdp => "all".to_owned(),
        ProtocolMatch::Tcp(_) => "tcp".to_owned(),
        ProtocolMatch::Udp(_) => "udp".to_owned(),
        ProtocolMatch::Icmp(_) | ProtocolMatch::Icmpv6(_) => "icmp".to_owned(),
        ProtocolMatch::Number(number) => match NAMED.iter().find(|(_, named)| *named == number) {
            Some((name, _)) => (*name).to_owned(),
            None => format!("number_{number}"),
        },
    }
}

/// The destination ports of a protocol that has them.
pub(super) fn ports(protocol: ProtocolMatch) -> Option<PortRange> {
    match protocol {
        ProtocolMatch::Tcp(ports) | ProtocolMatch::Udp(ports) => Some(ports),
        _ => None,
    }
}

/// The ICMP type and code that a protocol is held to.
pub(super) fn icmp(protocol: ProtocolMatch) -> (Option<u8>, Option<u8>) {
    match protocol {
        ProtocolMatch::Icmp(IcmpMatch::Type(kind)) | ProtocolMatch::Icmpv6(IcmpMatch::Type(kind)) => (Some(kind), None),
        ProtocolMatch::Icmp(IcmpMatch::Code(kind, code)) | ProtocolMatch::Icmpv6(IcmpMatch::Code(kind, code)) => {
            (Some(kind), Some(code))
        }
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ibm::version;
    use crate::wire::Params;

    fn version(date: &str) -> Version {
        let pairs = [("version", date), ("generation", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        version::check(&mut Params::new(pairs.to_vec())).unwrap()
    }

    fn fields(protocol: &str) -> Fields<'_> {
        Fields { protocol, port_fields: ("port_min", "port_max"), ..Fields::default() }
    }

    fn decode(protocol: &str, date: &str) -> Result<ProtocolMatch, String> {
        fields(protocol).decode(&version(date), IpVersion::V4, "").map_err(|problem| problem.to_string())
    }

    #[test]
    fn d05_each_version_has_its_own_names_and_they_round_trip() {
        let (old, new) = ("2025-12-08", "2025-12-09");
        for (name, date) in [("all", old), ("icmp", old), ("tcp", old), ("udp", old)].into_iter().chain(
            ["any", "icmp_tcp_udp", "icmp", "tcp", "udp", "esp", "vrrp", "number_99", "number_0"].map(|n| (n, new)),
        ) {
            assert_eq!(super::name(decode(name, date).unwrap(), &version(date)), name);
        }
        assert_eq!(decode("all", old), decode("icmp_tcp_udp", new), "the same under two names");
        assert_eq!(decode("esp", new), Ok(ProtocolMatch::Number(50)));
        for (name, date) in [("any", old), ("icmp_tcp_udp", old), ("esp", old), ("number_99", old), ("all", new)] {
            assert!(decode(name, date).unwrap_err().contains("'protocol'"), "{name} {date}");
        }
        for name in ["number_50", "number_6", "number_256", "number_07", "number_", "TCP", ""] {
            assert!(decode(name, new).is_err(), "{name}");
        }
    }

    #[test]
    fn ports_and_types_belong_to_their_protocols_and_come_whole() {
        let decode = |fields: Fields<'_>| {
            fields.decode(&version("2026-10-06"), IpVersion::V4, "rules[0].").map_err(|problem| problem.to_string())
        };
        let ports = |min, max| Ports { min, max };
        let all = PortRange { first: 1, last: 65535 };
        assert_eq!(decode(fields("tcp")), Ok(ProtocolMatch::Tcp(all)));
        let some = Fields { ports: ports(Some(22), Some(23)), ..fields("udp") };
        assert_eq!(decode(some), Ok(ProtocolMatch::Udp(PortRange { first: 22, last: 23 })));
        let code = Fields { kind: Some(8), code: Some(0), ..fields("icmp") };
        assert_eq!(decode(code), Ok(ProtocolMatch::Icmp(IcmpMatch::Code(8, 0))));
        for (bad, words) in [
            (Fields { ports: ports(Some(23), Some(22)), ..fields("tcp") }, "'rules[0].port_min': it is 23, above"),
            (Fields { ports: ports(Some(23), None), ..fields("tcp") }, "'rules[0].port_max': it is needed"),
            (Fields { ports: ports(None, Some(23)), ..fields("tcp") }, "'rules[0].port_min': it is needed"),
            (
                Fields { ports: ports(Some(23), Some(23)), ..fields("any") },
                "'rules[0].port_min': protocol 'any' has no ports",
            ),
            (Fields { code: Some(0), ..fields("icmp") }, "'rules[0].type': it is needed"),
            (Fields { kind: Some(0), ..fields("tcp") }, "'rules[0].type': protocol 'tcp' has no ICMP"),
        ] {
            let error = decode(bad).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let v6 = fields("icmp").decode(&version("2026-10-06"), IpVersion::V6, "").unwrap();
        assert_eq!(v6, ProtocolMatch::Icmpv6(IcmpMatch::Any));
    }
}
