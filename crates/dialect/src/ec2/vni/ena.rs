//! What EC2 says of its own network adapter, and Pintle's ports don't have.

use crate::ec2::error::Ec2Error;
use crate::ec2::params::Params;

const WHY: &str = "interfaces are not Elastic Network Adapters";

/// Refuses ENA Express, unless it is to be off.
///
/// # Errors
/// `UnsupportedOperation`.
pub(super) fn refuse_express(params: &mut Params) -> Result<(), Ec2Error> {
    const NAME: &str = "EnaSrdSpecification";
    let asked = params.structure(NAME, |inner| {
        let udp = inner.structure("EnaSrdUdpSpecification", |inner| inner.flag("EnaSrdUdpEnabled"))?.flatten();
        Ok(inner.flag("EnaSrdEnabled")?.unwrap_or(false) || udp.unwrap_or(false))
    })?;
    if asked == Some(true) { Err(Ec2Error::unsupported(NAME, WHY)) } else { Ok(()) }
}

/// Refuses numbers of queues.
///
/// # Errors
/// `UnsupportedOperation`.
pub(super) fn refuse_queues(params: &mut Params) -> Result<(), Ec2Error> {
    let default = params.flag("DefaultEnaQueueCount")?.unwrap_or(false);
    match params.text("EnaQueueCount") {
        Some(_) if !default => Err(Ec2Error::unsupported("EnaQueueCount", WHY)),
        _ => Ok(()),
    }
}
