//! Drops: totals by reason, the latest refused flows, packets too big for their path, and shadow verdicts.

use pintle_core::telemetry::{DropTotal, Drops, MtuEvent, RefusedFlow, ShadowCount};
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, DropReason};
use serde_json::{Value, json};

use super::{maybe_vni, protocol, rule, vni};

/// One host's drops as replies show them.
///
/// # Errors
/// When the store can't be read.
pub fn encode(snapshot: &dyn Snapshot, drops: &Drops) -> Result<Value, DecideError> {
    Ok(json!({
        "totals": each(&drops.totals, |total| encode_total(snapshot, total))?,
        "refused": each(&drops.refused, |flow| encode_refused(snapshot, flow))?,
        "too_big": each(&drops.too_big, |event| Ok(encode_too_big(event)))?,
        "shadow": each(&drops.shadow, |count| encode_shadow(snapshot, count))?,
    }))
}

fn each<T>(items: &[T], encode: impl Fn(&T) -> Result<Value, DecideError>) -> Result<Vec<Value>, DecideError> {
    items.iter().map(encode).collect()
}

/// A reason with its stage and what it means.
pub(super) fn reason(reason: DropReason) -> Value {
    json!({ "code": reason.label(), "stage": reason.stage().label(), "text": reason.text() })
}

fn encode_total(snapshot: &dyn Snapshot, total: &DropTotal) -> Result<Value, DecideError> {
    Ok(json!({
        "virtual_network_interface": maybe_vni(snapshot, total.vni)?,
        "reason": reason(total.reason),
        "packets": total.packets,
        "bytes": total.bytes,
    }))
}

fn encode_refused(snapshot: &dyn Snapshot, flow: &RefusedFlow) -> Result<Value, DecideError> {
    let icmp = matches!(flow.protocol, 1 | 58);
    Ok(json!({
        "segment": flow.segment,
        "virtual_network_interface": maybe_vni(snapshot, flow.vni)?,
        "source": flow.source.to_string(),
        "destination": flow.destination.to_string(),
        "protocol": protocol(flow.protocol),
        "port": (!icmp).then_some(flow.port),
        "icmp_type": icmp.then_some(flow.port >> 8),
        "icmp_code": icmp.then_some(flow.port & 0xff),
        "reason": reason(flow.reason),
        "rule": rule(snapshot, flow.rule)?,
        "packets": flow.packets,
        "first_ms_ago": flow.first_ms_ago,
        "last_ms_ago": flow.last_ms_ago,
        "policy_version": flow.policy_version,
    }))
}

fn encode_too_big(event: &MtuEvent) -> Value {
    json!({
        "segment": event.segment,
        "source": event.source.to_string(),
        "destination": event.destination.to_string(),
        "packets": event.packets,
        "largest": event.largest,
        "mtu": event.mtu,
        "last_ms_ago": event.last_ms_ago,
    })
}

fn encode_shadow(snapshot: &dyn Snapshot, count: &ShadowCount) -> Result<Value, DecideError> {
    Ok(json!({
        "virtual_network_interface": vni(snapshot, count.vni)?,
        "direction": count.direction.label(),
        "permitted": count.permitted,
        "would_permit": count.would_permit,
        "flows": count.flows,
    }))
}
