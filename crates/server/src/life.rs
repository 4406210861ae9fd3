//! The life of an interface as events in the log: provision, allocate, program, operate, detach, delete.
//!
//! One target and one set of fields for all steps, so that the life of one interface is one search for its id. The events
//! are made where the step has become true (a commit, a host's report), never where it was asked for.

use pintle_core::host_spec::EntryKey;
use pintle_core::id::{AttachmentId, HostId, VniId};
use pintle_core::model::Vni;

/// The target of all events in this module.
pub const TARGET: &str = "pintle::life";

/// The interface exists and has its addresses and its MAC.
pub(crate) fn provisioned(vni: &Vni) {
    let Vni { id, mac, subnet, .. } = vni;
    tracing::info!(target: TARGET, step = "provision", vni = %id, name = vni.name, %subnet);
    tracing::info!(target: TARGET, step = "allocate", vni = %id, %mac, primary_ip = %vni.primary_ip(), ips = vni.ips.len());
}

/// Its host has applied its port.
pub(crate) fn programmed(vni: VniId, attachment: AttachmentId, host: HostId) {
    let key = EntryKey::Port(attachment);
    tracing::info!(target: TARGET, step = "program", %vni, %attachment, %host, %key);
}

/// It is attached: peers are told of it.
pub(crate) fn operating(vni: VniId, attachment: AttachmentId, host: HostId) {
    tracing::info!(target: TARGET, step = "operate", %vni, %attachment, %host);
}

/// It is being taken from its host.
pub(crate) fn detached(vni: VniId, attachment: AttachmentId, host: HostId) {
    tracing::info!(target: TARGET, step = "detach", %vni, %attachment, %host);
}

/// It is gone and its addresses are free.
pub(crate) fn deleted(vni: VniId) {
    tracing::info!(target: TARGET, step = "delete", %vni);
}
