//! Names within a VPC, as EC2 makes them up.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html>

use std::net::IpAddr;

use pintle_core::model::Vpc;

/// The domain that names in a VPC end with: its DHCP options' one, or the region's.
pub(in crate::ec2) fn domain(given: Option<&str>, region: &str) -> String {
    match (given, region) {
        (Some(domain), _) => domain.to_owned(),
        (None, "us-east-1") => "ec2.internal".to_owned(),
        (None, region) => format!("{region}.compute.internal"),
    }
}

/// The name of a private IPv4 address, such as `ip-10-0-0-5.ec2.internal`; none in a VPC that gives none.
pub(in crate::ec2) fn of_address(address: IpAddr, vpc: &Vpc) -> Option<String> {
    let IpAddr::V4(address) = address else { return None };
    let [a, b, c, d] = address.octets();
    let domain = domain(vpc.dhcp.domain.as_deref(), &vpc.owner.region);
    (vpc.dns_support && vpc.dns_hostnames).then(|| format!("ip-{a}-{b}-{c}-{d}.{domain}"))
}
