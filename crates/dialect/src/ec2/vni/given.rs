//! Addresses and networks that a request gives in lists, by the names that each IP version has for them.

use std::net::IpAddr;

use ipnet::IpNet;
use pintle_core::model::IpFamily;

use crate::ec2::error::{Ec2Error, short};
use crate::ec2::params::Params;

/// The most addresses or prefixes that can be asked for by a count: far beyond what any interface may have.
pub(super) const MOST: u16 = 512;

/// What parameters are called for one IP version.
pub(super) struct Names {
    pub(super) family: IpFamily,
    pub(super) addresses: &'static str,
    pub(super) count: &'static str,
    pub(super) prefixes: &'static str,
    pub(super) prefix_count: &'static str,
}

pub(super) const IPV4: Names = Names {
    family: IpFamily::V4,
    addresses: "PrivateIpAddress",
    count: "SecondaryPrivateIpAddressCount",
    prefixes: "Ipv4Prefix",
    prefix_count: "Ipv4PrefixCount",
};

pub(super) const IPV6: Names = Names {
    family: IpFamily::V6,
    addresses: "Ipv6Addresses",
    count: "Ipv6AddressCount",
    prefixes: "Ipv6Prefix",
    prefix_count: "Ipv6PrefixCount",
};

/// The addresses that are given.
///
/// # Errors
/// `InvalidParameterValue` for what is no address of this IP version.
pub(super) fn addresses(params: &mut Params, names: &Names) -> Result<Vec<IpAddr>, Ec2Error> {
    params.list(names.addresses, |item| {
        let text = item.itself()?;
        let address: Option<IpAddr> = text.parse().ok().filter(|address| IpFamily::from(*address) == names.family);
        let rule = format!("It must be an {} address.", names.family.words());
        address.ok_or_else(|| Ec2Error::value(names.addresses, &short(&text), rule))
    })
}

/// The networks that are given.
///
/// # Errors
/// `InvalidParameterValue` for what is no network of this IP version.
pub(super) fn prefixes(params: &mut Params, names: &Names) -> Result<Vec<IpNet>, Ec2Error> {
    params.list(names.prefixes, |item| {
        let text = item.itself()?;
        let net: Option<IpNet> = text.parse().ok().filter(|net: &IpNet| IpFamily::from(*net) == names.family);
        let rule = format!("It must be an {} network.", names.family.words());
        net.ok_or_else(|| Ec2Error::value(names.prefixes, &short(&text), rule))
    })
}

/// Neither addresses nor networks were asked for.
pub(super) fn nothing(names: &Names) -> Ec2Error {
    Ec2Error::new(
        "MissingParameter",
        format!("The request must contain the parameter {} or {}", names.addresses, names.prefixes),
    )
}
