//! Protocols as entries of network ACLs say them: by number, with a range of ports or an ICMP type and code beside.

use pintle_core::model::IpFamily;
use pintle_core::policy::{IcmpMatch, PortRange, ProtocolMatch};

use crate::ec2::error::{Ec2Error, short};
use crate::ec2::params::Params;

/// What of a protocol an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// These ports.
    Ports(PortRange),
    /// This ICMP type and code; -1 is any.
    Icmp(i32, i32),
}

/// A protocol's number, -1 for all, and what of it.
pub(super) fn shown(protocol: ProtocolMatch) -> (i32, Part) {
    let icmp = |which| match which {
        IcmpMatch::Any => Part::Icmp(-1, -1),
        IcmpMatch::Type(kind) => Part::Icmp(kind.into(), -1),
        IcmpMatch::Code(kind, code) => Part::Icmp(kind.into(), code.into()),
    };
    match protocol {
        // IBM's three protocols in one, for which EC2 has no number: the nearest that is not less.
        ProtocolMatch::Any | ProtocolMatch::IcmpTcpUdp => (-1, Part::All),
        ProtocolMatch::Tcp(ports) => (6, Part::Ports(ports)),
        ProtocolMatch::Udp(ports) => (17, Part::Ports(ports)),
        ProtocolMatch::Icmp(which) => (1, icmp(which)),
        ProtocolMatch::Icmpv6(which) => (58, icmp(which)),
        ProtocolMatch::Number(number @ (6 | 17)) => (number.into(), Part::Ports(PortRange::ALL)),
        ProtocolMatch::Number(number @ (1 | 58)) => (number.into(), Part::Icmp(-1, -1)),
        ProtocolMatch::Number(number) => (number.into(), Part::All),
    }
}

/// The protocol that a request says, for entries of an IP version.
///
/// # Errors
/// `InvalidParameterValue` for a protocol that nobody knows, or ports that it does not have; `MissingParameter`.
pub(super) fn read(params: &mut Params, family: IpFamily) -> Result<ProtocolMatch, Ec2Error> {
    let text = params.required_text("Protocol")?;
    let ports = params.structure("PortRange", |range| Ok((port(range, "From")?, port(range, "To")?)))?;
    let icmp = params.structure("Icmp", |icmp| {
        let mut number = |name: &str| Ok::<_, Ec2Error>(icmp.number(name, -1..=255)?.unwrap_or(-1));
        Ok((number("Type")?, number("Code")?))
    })?;
    let number = match text.to_ascii_lowercase().as_str() {
        "all" => -1,
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "icmpv6" => 58,
        other => other.parse::<i32>().ok().filter(|number| (-1..=255).contains(number)).ok_or_else(|| {
            let message = format!("Invalid value '{}' for IP protocol. Unknown protocol.", short(&text));
            Ec2Error::new("InvalidParameterValue", message)
        })?,
    };
    match (number, family) {
        (-1, _) => Ok(ProtocolMatch::Any),
        (6, _) => Ok(ProtocolMatch::Tcp(range(ports)?)),
        (17, _) => Ok(ProtocolMatch::Udp(range(ports)?)),
        (1, IpFamily::V4) => Ok(ProtocolMatch::Icmp(icmp_match(icmp)?)),
        (58, IpFamily::V6) => Ok(ProtocolMatch::Icmpv6(icmp_match(icmp)?)),
        // The other version's ICMP: its packets are none of that, so there are no types, and no packets either.
        (1 | 58, _) => Err(Ec2Error::value("Protocol", &text, "ICMP is of IPv4, and ICMPv6 of IPv6.")),
        (number, _) => Ok(ProtocolMatch::Number(number.unsigned_abs() as u8)),
    }
}

fn port(range: &mut Params, name: &str) -> Result<i32, Ec2Error> {
    range.number(name, -1..=65_535)?.ok_or_else(|| Ec2Error::missing(&format!("PortRange.{name}")))
}

fn range(ports: Option<(i32, i32)>) -> Result<PortRange, Ec2Error> {
    let Some((first, last)) = ports else { return Err(Ec2Error::missing("PortRange")) };
    let port = |port: i32| {
        let message = format!("TCP/UDP port ({port}) out of range");
        u16::try_from(port).map_err(|_| Ec2Error::new("InvalidParameterValue", message))
    };
    let range = PortRange { first: port(first)?, last: port(last)? };
    if range.first > range.last {
        let message = format!("Invalid TCP/UDP port range ({first}:{last})");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    Ok(range)
}

fn icmp_match(icmp: Option<(i32, i32)>) -> Result<IcmpMatch, Ec2Error> {
    match icmp {
        None => Err(Ec2Error::missing("Icmp")),
        Some((-1, -1)) => Ok(IcmpMatch::Any),
        Some((-1, code)) => {
            let message = format!("ICMP code ({code}) can't be specified with all ICMP types (-1)");
            Err(Ec2Error::new("InvalidParameterValue", message))
        }
        // Both are known to be at most 255.
        Some((kind, -1)) => Ok(IcmpMatch::Type(kind as u8)),
        Some((kind, code)) => Ok(IcmpMatch::Code(kind as u8, code as u8)),
    }
}
