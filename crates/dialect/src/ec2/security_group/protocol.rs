//! Protocols and ports as EC2's rules say them: a name or number, and two numbers that are ports or an ICMP type and code.

use std::borrow::Cow;

use pintle_core::policy::{IcmpMatch, PortRange, ProtocolMatch};

use crate::ec2::error::{Ec2Error, short};

/// A protocol with its ports, as EC2 says it. Two protocols of the core that mean the same are the same here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub(super) protocol: Cow<'static, str>,
    /// First and last port, or ICMP type and code, where -1 is any; `None`: the protocol has none.
    pub(super) ports: Option<(i32, i32)>,
}

impl From<ProtocolMatch> for Traffic {
    fn from(protocol: ProtocolMatch) -> Self {
        let new = |protocol, ports| Traffic { protocol: Cow::Borrowed(protocol), ports };
        let range = |ports: PortRange| Some((ports.first.into(), ports.last.into()));
        let icmp = |which| match which {
            IcmpMatch::Any => Some((-1, -1)),
            IcmpMatch::Type(kind) => Some((kind.into(), -1)),
            IcmpMatch::Code(kind, code) => Some((kind.into(), code.into())),
        };
        match protocol {
            ProtocolMatch::Any => new("-1", None),
            // IBM's, for which EC2 has no word.
            ProtocolMatch::IcmpTcpUdp => new("icmp_tcp_udp", None),
            ProtocolMatch::Tcp(ports) => new("tcp", range(ports)),
            ProtocolMatch::Udp(ports) => new("udp", range(ports)),
            ProtocolMatch::Icmp(which) => new("icmp", icmp(which)),
            ProtocolMatch::Icmpv6(which) => new("icmpv6", icmp(which)),
            ProtocolMatch::Number(1) => new("icmp", Some((-1, -1))),
            ProtocolMatch::Number(6) => new("tcp", range(PortRange::ALL)),
            ProtocolMatch::Number(17) => new("udp", range(PortRange::ALL)),
            ProtocolMatch::Number(58) => new("icmpv6", Some((-1, -1))),
            ProtocolMatch::Number(number) => Traffic { protocol: number.to_string().into(), ports: None },
        }
    }
}

/// The protocol that a request says.
///
/// # Errors
/// `InvalidParameterValue` for a protocol that nobody knows, and for ports that it does not have.
pub(super) fn decode(protocol: &str, from: Option<i32>, to: Option<i32>) -> Result<ProtocolMatch, Ec2Error> {
    Ok(match protocol.to_ascii_lowercase().as_str() {
        "-1" | "all" => ProtocolMatch::Any,
        "tcp" | "6" => ProtocolMatch::Tcp(ports(from, to)?),
        "udp" | "17" => ProtocolMatch::Udp(ports(from, to)?),
        "icmp" | "1" => ProtocolMatch::Icmp(icmp(from, to)?),
        "icmpv6" | "58" => ProtocolMatch::Icmpv6(icmp(from, to)?),
        // Other protocols have no ports: what is said of them means nothing, as in EC2.
        other => match other.parse::<u8>() {
            Ok(number) if number.to_string() == other => ProtocolMatch::Number(number),
            _ => {
                let message = format!("Invalid value '{}' for IP protocol. Unknown protocol.", short(protocol));
                return Err(Ec2Error::new("InvalidParameterValue", message));
            }
        },
    })
}

fn ports(from: Option<i32>, to: Option<i32>) -> Result<PortRange, Ec2Error> {
    let wrong = |message: String| Ec2Error::new("InvalidParameterValue", message);
    let (Some(from), Some(to)) = (from, to) else {
        return Err(wrong(
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.".to_owned(),
        ));
    };
    let port = |port: i32| u16::try_from(port).map_err(|_| wrong(format!("TCP/UDP port ({port}) out of range")));
    let range = PortRange { first: port(from)?, last: port(to)? };
    if range.first > range.last {
        return Err(wrong(format!("Invalid TCP/UDP port range ({from}:{to})")));
    }
    Ok(range)
}

fn icmp(kind: Option<i32>, code: Option<i32>) -> Result<IcmpMatch, Ec2Error> {
    let wrong = |what: &str, value: i32| {
        Ec2Error::new("InvalidParameterValue", format!("ICMP {what} ({value}) out of range; -1 stands for all of them"))
    };
    match (kind.unwrap_or(-1), code.unwrap_or(-1)) {
        (-1, -1) => Ok(IcmpMatch::Any),
        (-1, code) => Err(Ec2Error::new(
            "InvalidParameterValue",
            format!("ICMP code ({code}) can't be specified with all ICMP types (-1)"),
        )),
        (kind, code) => {
            let kind = u8::try_from(kind).map_err(|_| wrong("type", kind))?;
            match code {
                -1 => Ok(IcmpMatch::Type(kind)),
                code => Ok(IcmpMatch::Code(kind, u8::try_from(code).map_err(|_| wrong("code", code))?)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ec2_says_comes_back_as_it_was() {
        for (protocol, from, to) in [
            ("tcp", 22, 22),
            ("tcp", 0, 65535),
            ("udp", 53, 60),
            ("icmp", -1, -1),
            ("icmp", 8, -1),
            ("icmp", 3, 4),
            ("icmpv6", 128, 0),
        ] {
            let traffic = Traffic::from(decode(protocol, Some(from), Some(to)).unwrap());
            assert_eq!(traffic, Traffic { protocol: protocol.into(), ports: Some((from, to)) });
        }
        for (protocol, shown) in [("-1", "-1"), ("all", "-1"), ("50", "50"), ("0", "0")] {
            let traffic = Traffic::from(decode(protocol, Some(7), Some(9)).unwrap());
            assert_eq!(traffic, Traffic { protocol: shown.into(), ports: None }, "ports of {protocol}");
        }
        // Numbers of protocols that have names, whoever says them.
        for (number, name) in [(1, "icmp"), (6, "tcp"), (17, "udp"), (58, "icmpv6")] {
            assert_eq!(Traffic::from(ProtocolMatch::Number(number)).protocol, name);
        }
        assert_eq!(decode("TCP", Some(1), Some(2)), decode("6", Some(1), Some(2)));
    }

    #[test]
    fn what_no_packet_could_match_is_refused() {
        for (protocol, from, to) in [
            ("tcp", None, Some(1)),
            ("tcp", Some(1), None),
            ("udp", Some(-1), Some(-1)),
            ("tcp", Some(2), Some(1)),
            ("tcp", Some(1), Some(65536)),
            ("icmp", Some(-1), Some(0)),
            ("icmp", Some(256), Some(0)),
            ("icmp", Some(8), Some(-2)),
            ("256", None, None),
            ("05", None, None),
            ("sctp4", None, None),
            ("", None, None),
        ] {
            let error = decode(protocol, from, to).unwrap_err();
            assert_eq!(error.code, "InvalidParameterValue", "{protocol} {from:?} {to:?}");
        }
    }
}
