//! What an interface could be attached to as it is, and what keeps it from the rest.

use pintle_core::DecideError;
use pintle_core::id::{FloatingIpId, FlowLogId};
use pintle_core::legality::{self, Conflict, Manner, Traits};
use pintle_core::model::{FloatingIp, FlowLogTarget, TargetKind, Vni};
use pintle_core::txn::Snapshot;
use pintle_core::{query, record};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct Shape {
    target: &'static str,
    attachable: bool,
    /// Whether packets would have to fit the state of their connection there.
    state_filtering: bool,
    conflicts: Vec<ConflictShape>,
}

#[derive(Serialize)]
struct ConflictShape {
    field: &'static str,
    value: String,
    rule: &'static str,
}

/// The kinds of target, each with what of the interface it does not bear.
///
/// # Errors
/// When the store can't be read.
pub fn encode_targets(snapshot: &dyn Snapshot, vni: &Vni) -> Result<Value, DecideError> {
    let mut floating_ips = 0;
    for id in query::index::<FloatingIpId>(snapshot, &record::floating_ips_of_vni(vni.id))? {
        floating_ips += usize::from(!query::get::<FloatingIp>(snapshot, id)?.0.lent);
    }
    let logs = record::flow_logs_of(FlowLogTarget::Vni(vni.id));
    let flow_logs = query::index::<FlowLogId>(snapshot, &logs)?.len();
    let traits = Traits::of(vni, floating_ips, flow_logs);
    let all = TargetKind::ALL.map(|kind| {
        let found = legality::conflicts(Some(kind), &traits, Manner::PerAddress);
        Shape {
            target: label(kind),
            attachable: found.is_empty(),
            state_filtering: vni.protocol_state_filtering.filters_on(kind),
            conflicts: found.iter().map(shape).collect(),
        }
    });
    Ok(json!({ "id": vni.id.to_string(), "items": all }))
}

fn label(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Instance => "instance",
        TargetKind::BareMetal => "bare_metal_server",
        TargetKind::ShareMount => "share_mount_target",
    }
}

fn shape(conflict: &Conflict) -> ConflictShape {
    ConflictShape { field: conflict.property.name(), value: conflict.value.clone(), rule: conflict.limit.words() }
}
