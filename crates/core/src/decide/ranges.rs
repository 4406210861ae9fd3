//! Ranges that guests can have addresses from: written as networks, of a usable size, unicast, and apart from each other.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::id::VpcId;
use crate::refusal::{Holder, Limited, Refusal};

/// Whether two ranges have an address in common.
pub(super) fn overlap(a: impl Into<IpNet>, b: impl Into<IpNet>) -> bool {
    let (a, b): (IpNet, IpNet) = (a.into(), b.into());
    a.contains(&b) || b.contains(&a)
}

/// Checks the IPv4 ranges of a VPC.
pub(super) fn check_all(vpc: VpcId, cidrs: &[Ipv4Net]) -> Result<(), Refusal> {
    for cidr in cidrs {
        check("cidrs", *cidr)?;
    }
    check_apart(vpc, cidrs.iter().map(|cidr| (*cidr).into()))
}

/// Checks the IPv6 ranges of a VPC.
pub(super) fn check_all_ipv6(vpc: VpcId, cidrs: &[Ipv6Net]) -> Result<(), Refusal> {
    if cidrs.len() > crate::limits::IPV6_RANGES_PER_VPC {
        let what = format!("field 'ipv6_cidrs' names {} ranges", cidrs.len());
        return Err(Refusal::Limit { of: Limited::Ranges, what, limit: crate::limits::IPV6_RANGES_PER_VPC as u64 });
    }
    for cidr in cidrs {
        check_ipv6("ipv6_cidrs", *cidr, 16..=64)?;
    }
    check_apart(vpc, cidrs.iter().map(|cidr| (*cidr).into()))
}

fn check_apart(vpc: VpcId, cidrs: impl Iterator<Item = IpNet>) -> Result<(), Refusal> {
    let mut before: Vec<IpNet> = Vec::new();
    for cidr in cidrs {
        if let Some(other) = before.iter().find(|other| overlap(**other, cidr)) {
            return Err(Refusal::CidrOverlap { cidr, other: *other, holder: Holder::Vpc(vpc) });
        }
        before.push(cidr);
    }
    Ok(())
}

fn check_host_bits(field: &'static str, net: IpNet) -> Result<(), Refusal> {
    if net != net.trunc() {
        return Err(Refusal::invalid(field, net, format!("it has host bits set; the network is {}", net.trunc())));
    }
    Ok(())
}

/// A range for guests: no host bits, a usable size, unicast.
pub(super) fn check(field: &'static str, cidr: Ipv4Net) -> Result<(), Refusal> {
    check_host_bits(field, cidr.into())?;
    if !(8..=29).contains(&cidr.prefix_len()) {
        return Err(Refusal::invalid(field, cidr, "the prefix length must be from /8 to /29"));
    }
    check_unicast(field, cidr)
}

/// A range of IPv4 addresses that a host can have.
pub(super) fn check_unicast(field: &'static str, cidr: Ipv4Net) -> Result<(), Refusal> {
    check_host_bits(field, cidr.into())?;
    let unusable = [
        ("0.0.0.0/8", "this network"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/3", "multicast and reserved"),
    ];
    for (text, what) in unusable {
        let range: Ipv4Net = text.parse().expect("a literal range");
        if overlap(range, cidr) {
            return Err(Refusal::invalid(field, cidr, format!("it overlaps {text} ({what}), which guests can't use")));
        }
    }
    Ok(())
}

/// A range of IPv6 addresses for guests: global unicast (RFC 4291) or unique local (RFC 4193), of a length given.
pub(super) fn check_ipv6(
    field: &'static str,
    cidr: Ipv6Net,
    lengths: std::ops::RangeInclusive<u8>,
) -> Result<(), Refusal> {
    check_host_bits(field, cidr.into())?;
    if !lengths.contains(&cidr.prefix_len()) {
        let rule = match (lengths.start(), lengths.end()) {
            (least, most) if least == most => format!("the prefix length must be /{least}"),
            (least, most) => format!("the prefix length must be from /{least} to /{most}"),
        };
        return Err(Refusal::invalid(field, cidr, rule));
    }
    let usable = ["2000::/3", "fc00::/7"].map(|text| text.parse::<Ipv6Net>().expect("a literal range"));
    if !usable.iter().any(|range| range.contains(&cidr)) {
        return Err(Refusal::invalid(
            field,
            cidr,
            "it must lie in 2000::/3 (global unicast) or fc00::/7 (unique local)",
        ));
    }
    Ok(())
}
