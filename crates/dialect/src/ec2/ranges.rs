//! Ranges in requests: EC2 takes the network of whatever address is given, and has sizes of its own.

use ipnet::{Ipv4Net, Ipv6Net};

use super::caller::Caller;
use super::error::{Ec2Error, short};
use super::params::Params;

/// The code for a VPC's range of a wrong size.
pub(super) const VPC: &str = "InvalidVpc.Range";
/// The code for a subnet's range of a wrong size.
pub(super) const SUBNET: &str = "InvalidSubnet.Range";

/// An IPv4 range of a VPC or a subnet, /16 to /28; `code` is for one of another size.
pub(super) fn ipv4(params: &mut Params, name: &str, code: &'static str) -> Result<Option<Ipv4Net>, Ec2Error> {
    let Some(net): Option<Ipv4Net> = params.parsed(name, NETWORK)? else { return Ok(None) };
    if !(16..=28).contains(&net.prefix_len()) {
        let message = format!("The CIDR '{net}' is invalid. Its size must be from /16 to /28.");
        return Err(Ec2Error::new(code, message));
    }
    Ok(Some(net.trunc()))
}

/// An IPv6 range of a subnet.
pub(super) fn ipv6(params: &mut Params, name: &str) -> Result<Option<Ipv6Net>, Ec2Error> {
    let net: Option<Ipv6Net> = params.parsed(name, "an IPv6 network such as 2001:db8::/64")?;
    Ok(net.map(|net| net.trunc()))
}

const NETWORK: &str = "an IPv4 network such as 10.0.0.0/16";

/// Holds the place from which a provided IPv6 range would be announced to the only one that there is: the region.
pub(super) fn border_group(params: &mut Params, caller: &Caller, provided: bool) -> Result<(), Ec2Error> {
    match params.text("Ipv6CidrBlockNetworkBorderGroup") {
        None => Ok(()),
        Some(_) if !provided => Err(Ec2Error::combination(
            "The parameter Ipv6CidrBlockNetworkBorderGroup needs AmazonProvidedIpv6CidrBlock to be true",
        )),
        Some(group) if group == caller.region => Ok(()),
        Some(group) => {
            let rule = format!("The only network border group is {}.", short(&caller.region));
            Err(Ec2Error::value("Ipv6CidrBlockNetworkBorderGroup", &group, rule))
        }
    }
}

/// Whether the public network could know a range: unique local addresses (RFC 4193) it does not.
pub(super) fn attribute(net: Ipv6Net) -> &'static str {
    if net.network().octets()[0] & 0xfe == 0xfc { "private" } else { "public" }
}
