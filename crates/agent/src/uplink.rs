//! The uplink: the device to the public network, which the host's administrator sets up and names.
//!
//! It may have addresses and traffic of the host's own. Only packets for public addresses of this host are taken from it.

use crate::error::AgentError;
use crate::kernel::{Netlink, link};

/// Checks that there is such a device and that ARP can be answered on it.
///
/// # Errors
/// [`AgentError::Config`] with the name and the rule.
pub(crate) fn require(netlink: &mut Netlink, name: &str) -> Result<(), AgentError> {
    match link::get_named(netlink, name)? {
        None => Err(AgentError::Config(format!("there is no device '{name}' for --uplink on this host"))),
        Some(link) if link.loopback || link.mac.is_none() => {
            Err(AgentError::Config(format!("device '{name}' can't be the uplink: it must be an Ethernet device")))
        }
        Some(_) => Ok(()),
    }
}
