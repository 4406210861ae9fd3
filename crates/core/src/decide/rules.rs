//! What a rule of a security group or a network ACL may say.

use ipnet::{IpNet, Ipv6Net};

use crate::command::{NewAclRule, NewRule};
use crate::model::{IpFamily, NetworkAcl};
use crate::policy::{PortRange, ProtocolMatch, Remote};
use crate::refusal::Refusal;

/// Checks what a security group's rule says by itself. `list` is the IP version of the prefix list that it refers to.
pub(super) fn check_rule(rule: &NewRule, list: Option<IpFamily>) -> Result<(), Refusal> {
    check_protocol(rule.protocol)?;
    let mut families = vec![("protocol", protocol_family(rule.protocol))];
    if let Remote::Net(net) = rule.remote {
        check_net("remote", net)?;
        families.push(("remote", Some(net.into())));
    }
    if let Some(net) = rule.local {
        check_net("local", net)?;
        families.push(("local", Some(net.into())));
    }
    families.push(("remote", list));
    one_family(&families)
}

/// Checks what a network ACL's rule says by itself.
pub(super) fn check_acl_rule(rule: &NewAclRule) -> Result<(), Refusal> {
    check_protocol(rule.protocol)?;
    check_net("source", rule.source)?;
    check_net("destination", rule.destination)?;
    check_ports("source_ports", rule.source_ports)?;
    let has_ports = matches!(rule.protocol, ProtocolMatch::Tcp(_) | ProtocolMatch::Udp(_));
    if rule.source_ports != PortRange::ALL && !has_ports {
        return Err(Refusal::invalid("source_ports", rule.source_ports, "only TCP and UDP have ports"));
    }
    if let Some(number) = rule.number
        && !(1..=NetworkAcl::LAST_NUMBER).contains(&number)
    {
        return Err(Refusal::invalid("number", number, format!("it must be from 1 to {}", NetworkAcl::LAST_NUMBER)));
    }
    one_family(&[
        ("protocol", protocol_family(rule.protocol)),
        ("source", Some(rule.source.into())),
        ("destination", Some(rule.destination.into())),
    ])
}

fn check_protocol(protocol: ProtocolMatch) -> Result<(), Refusal> {
    match protocol {
        ProtocolMatch::Tcp(ports) | ProtocolMatch::Udp(ports) => check_ports("ports", ports),
        ProtocolMatch::Any
        | ProtocolMatch::IcmpTcpUdp
        | ProtocolMatch::Icmp(_)
        | ProtocolMatch::Icmpv6(_)
        | ProtocolMatch::Number(_) => Ok(()),
    }
}

fn check_ports(field: &'static str, ports: PortRange) -> Result<(), Refusal> {
    if ports.first > ports.last {
        return Err(Refusal::invalid(field, ports, "the last port must not be below the first"));
    }
    Ok(())
}

/// That a network is written as a network, in its own IP version.
pub(super) fn check_net(field: &'static str, net: IpNet) -> Result<(), Refusal> {
    if net != net.trunc() {
        return Err(Refusal::invalid(field, net, format!("it has host bits set; the network is {}", net.trunc())));
    }
    let mapped = Ipv6Net::new(std::net::Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96).expect("96 is a prefix length");
    match net {
        IpNet::V6(net) if mapped.contains(&net) => Err(Refusal::invalid(
            field,
            net,
            "IPv4 addresses are written as such, not mapped into IPv6 (RFC 4291, 2.5.5.2)",
        )),
        _ => Ok(()),
    }
}

/// Of which IP version a protocol is, if it is of one only.
fn protocol_family(protocol: ProtocolMatch) -> Option<IpFamily> {
    match protocol {
        ProtocolMatch::Icmp(_) | ProtocolMatch::Number(1) => Some(IpFamily::V4),
        ProtocolMatch::Icmpv6(_) | ProtocolMatch::Number(58) => Some(IpFamily::V6),
        ProtocolMatch::Any
        | ProtocolMatch::IcmpTcpUdp
        | ProtocolMatch::Tcp(_)
        | ProtocolMatch::Udp(_)
        | ProtocolMatch::Number(_) => None,
    }
}

fn one_family(fields: &[(&'static str, Option<IpFamily>)]) -> Result<(), Refusal> {
    let mut known = fields.iter().filter_map(|(field, family)| family.map(|family| (*field, family)));
    let Some((first, wanted)) = known.next() else { return Ok(()) };
    match known.find(|(_, family)| *family != wanted) {
        Some((field, family)) => {
            let rule = format!(
                "it is of {}, but '{first}' is of {}: the rule could never match",
                family.words(),
                wanted.words()
            );
            Err(Refusal::invalid(field, family.words(), rule))
        }
        None => Ok(()),
    }
}
