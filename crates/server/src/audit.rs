//! What must be traceable to the moment it was done: changes of an interface's policy that cut flows that exist.
//!
//! Events of one target in the log, made once the change has been committed, never where it was asked for.

use pintle_core::txn::Revision;
use pintle_core::{Command, Reply};

/// The target of all events in this module.
pub const TARGET: &str = "pintle::audit";

/// Notes a command that has been committed, if it is one of those.
pub(crate) fn committed(command: &Command, reply: &Reply, revision: Revision) {
    let Reply::Vni(vni) = reply else { return };
    let (action, groups) = match command {
        Command::FlushVni(_) => ("flush", &[][..]),
        Command::QuarantineVni(_, groups) => ("quarantine", groups.as_slice()),
        Command::ReleaseVni(_) => ("release", &[][..]),
        _ => return,
    };
    let (id, judged, version) = (vni.id, vni.judged, vni.policy_version);
    tracing::info!(target: TARGET, action, vni = %id, ?groups, judged, version, revision);
}
