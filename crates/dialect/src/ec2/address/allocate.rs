//! AllocateAddress.

use std::net::Ipv4Addr;

use pintle_core::command::CreateFloatingIp;
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply};

use super::POOL;
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "AllocateAddress",
    "from the zones' public pools; a network border group is a zone, or the region for any zone of it",
    decode,
);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    match params.text("Domain").as_deref() {
        None | Some("vpc") => {}
        Some(other) => return Err(Ec2Error::value("Domain", other, "It must be vpc.")),
    }
    check_pool(params)?;
    let address: Option<Ipv4Addr> = params.parsed("Address", "an IPv4 address")?;
    let group = params.text("NetworkBorderGroup").filter(|group| !group.is_empty());
    params.tagged("elastic-ip", Noun::FloatingIp)?;
    let zone = group.filter(|group| *group != caller.region);
    let command = Command::CreateFloatingIp(CreateFloatingIp { name: None, zone, address, target: None });
    Ok(Work::change(command, |_, reply, xml| {
        let Reply::FloatingIp(made) = reply else { return Err(other_reply(&reply)) };
        xml.text("publicIp", made.address);
        xml.text("allocationId", made.id);
        xml.text("publicIpv4Pool", POOL);
        xml.text("networkBorderGroup", &made.zone);
        xml.text("domain", "vpc");
        Ok(())
    }))
}

/// Pools are the operator's: clients have no names for them.
fn check_pool(params: &mut Params) -> Result<(), Ec2Error> {
    match params.text("PublicIpv4Pool").as_deref() {
        None | Some("" | POOL) => {}
        Some(other) => {
            let message = format!("The pool ID '{}' does not exist", short(other));
            return Err(Ec2Error::new("InvalidPublicIpv4PoolID.NotFound", message));
        }
    }
    if params.text("CustomerOwnedIpv4Pool").is_some() {
        return Err(Ec2Error::unsupported("CustomerOwnedIpv4Pool", "there are no Outposts"));
    }
    if params.text("IpamPoolId").is_some() {
        return Err(Ec2Error::unsupported("IpamPoolId", "there is no IPAM"));
    }
    Ok(())
}
