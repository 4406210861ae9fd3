//! A reserved IP with the interface that it is bound to.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use pintle_core::DecideError;
use pintle_core::id::{FloatingIpId, ReservedIpId, SshKeyId, VpcId};
use pintle_core::model::{Owner, ReservedIp, Vni};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{query, record};

use super::{ChildView, View};

/// A reserved IP and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedIpView {
    /// The reserved IP.
    pub ip: ReservedIp,
    /// The revision of its last write.
    pub revision: Revision,
    /// The interface that it is bound to.
    pub target: Option<Vni>,
    /// Where that is, if it is a child interface.
    pub child: Option<ChildView>,
}

impl View for ReservedIpView {
    type Record = ReservedIp;
    fn join(snapshot: &dyn Snapshot, ip: ReservedIp, revision: Revision) -> Result<Self, DecideError> {
        let target = ip.bound_to.map(|vni| query::follow::<Vni>(snapshot, vni)).transpose()?.map(|(vni, _)| vni);
        let child = target.as_ref().map(|vni| ChildView::of(snapshot, vni)).transpose()?.flatten();
        Ok(ReservedIpView { ip, revision, target, child })
    }
}

/// The reservation of an address in a VPC, if somebody has it.
///
/// # Errors
/// When the store can't be read.
pub fn ip_at(snapshot: &dyn Snapshot, vpc: VpcId, address: IpAddr) -> Result<Option<ReservedIpId>, DecideError> {
    held(snapshot, record::address_key(vpc, address))
}

/// The floating IP that has a public address, if one has.
///
/// # Errors
/// When the store can't be read.
pub fn floating_ip_at(snapshot: &dyn Snapshot, address: Ipv4Addr) -> Result<Option<FloatingIpId>, DecideError> {
    held(snapshot, record::public_address_key(address))
}

/// The SSH key of an owner that has this fingerprint.
///
/// # Errors
/// When the store can't be read.
pub fn ssh_key_with(
    snapshot: &dyn Snapshot,
    owner: &Owner,
    fingerprint: &str,
) -> Result<Option<SshKeyId>, DecideError> {
    // What is no fingerprint must not reach into the layout of keys.
    if fingerprint.contains("//") || fingerprint.len() > 100 {
        return Ok(None);
    }
    held(snapshot, record::ssh_key_of_key(owner, fingerprint))
}

/// The id of whatever holds a key.
fn held<I: FromStr>(snapshot: &dyn Snapshot, key: String) -> Result<Option<I>, DecideError> {
    let Some(stored) = snapshot.get(&key)? else { return Ok(None) };
    let id = std::str::from_utf8(&stored.value).ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| DecideError::Corrupt { key, detail: "it does not hold an id".to_owned() })
}
