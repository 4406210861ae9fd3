//! Elastic IP addresses: Pintle's floating IPs, all of them for VPCs.

pub(super) mod allocate;
pub(super) mod associate;
pub(super) mod attribute;
pub(super) mod describe;
pub(super) mod disassociate;
pub(super) mod move_to_vpc;
pub(super) mod release;
mod show;

use std::net::Ipv4Addr;

use pintle_core::id::FloatingIpId;
use pintle_core::model::FloatingIp;
use pintle_core::txn::Snapshot;
use pintle_core::{Actor, query};

use super::error::Ec2Error;
use super::params::Params;
use crate::view::floating_ip_at;

/// The pool that EC2 names where a client has brought none of its own: Pintle's pools are the operator's.
const POOL: &str = "amazon";

/// How a request names an address.
#[derive(Debug, Clone, Copy)]
enum Named {
    Allocation(FloatingIpId),
    Public(Ipv4Addr),
}

impl Named {
    /// Reads `AllocationId` or `PublicIp`.
    fn read(params: &mut Params) -> Result<Named, Ec2Error> {
        let allocation = params.id("AllocationId")?;
        let public = params.parsed("PublicIp", "an IPv4 address")?;
        match (allocation, public) {
            (Some(id), None) => Ok(Named::Allocation(id)),
            (None, Some(address)) => {
                params.names_otherwise();
                Ok(Named::Public(address))
            }
            (None, None) => {
                let message = "Either public IP or allocation id must be specified";
                Err(Ec2Error::new("MissingParameter", message))
            }
            (Some(_), Some(_)) => {
                let message = "You may specify public IP or allocation id, but not both in the same call";
                Err(Ec2Error::combination(message))
            }
        }
    }

    /// Its allocation; an id is not looked up.
    fn id(self, snapshot: &dyn Snapshot, actor: &Actor) -> Result<FloatingIpId, Ec2Error> {
        match self {
            Named::Allocation(id) => Ok(id),
            Named::Public(address) => Ok(by_address(snapshot, actor, address)?.id),
        }
    }
}

/// The floating IP of who asks that has a public address.
fn by_address(snapshot: &dyn Snapshot, actor: &Actor, address: Ipv4Addr) -> Result<FloatingIp, Ec2Error> {
    let id = floating_ip_at(snapshot, address)?;
    let found = id.map(|id| query::find::<FloatingIp>(snapshot, id)).transpose()?.flatten();
    let own = found.map(|(found, _)| found).filter(|found| actor.sees(found) && !found.lent);
    own.ok_or_else(|| Ec2Error::new("InvalidAddress.NotFound", format!("Address '{address}' not found.")))
}
