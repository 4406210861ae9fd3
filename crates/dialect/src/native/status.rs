//! The server at a glance.

use std::time::Duration;

use pintle_core::DecideError;
use pintle_core::model::{Host, Instance, Subnet, Vni, Vpc};
use pintle_core::record::{all_mount_targets, list_prefix, lists_of};
use pintle_core::txn::{Revision, Snapshot};
use serde_json::{Value, json};

/// What the store tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    revision: Revision,
    vpcs: u64,
    subnets: u64,
    vnis: u64,
    instances: u64,
    hosts: u64,
}

impl Counts {
    /// Counts what there is.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn read(snapshot: &dyn Snapshot) -> Result<Self, DecideError> {
        Ok(Counts {
            revision: snapshot.revision(),
            vpcs: snapshot.count(&lists_of::<Vpc>())?,
            subnets: snapshot.count(&lists_of::<Subnet>())?,
            vnis: snapshot.count(&lists_of::<Vni>())?,
            instances: snapshot.count(&lists_of::<Instance>())? - snapshot.count(&all_mount_targets())?,
            hosts: snapshot.count(&list_prefix::<Host>(""))?,
        })
    }
}

/// The status as the reply shows it.
pub fn encode(counts: &Counts, version: &str, region: &str, uptime: Duration, connected_hosts: usize) -> Value {
    json!({
        "version": version,
        "region": region,
        "revision": counts.revision,
        "uptime_seconds": uptime.as_secs(),
        "connected_hosts": connected_hosts,
        "counts": {
            "vpcs": counts.vpcs,
            "subnets": counts.subnets,
            "virtual_network_interfaces": counts.vnis,
            "instances": counts.instances,
            "hosts": counts.hosts,
        },
    })
}
