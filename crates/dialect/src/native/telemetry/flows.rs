//! Flows.

use pintle_core::DecideError;
use pintle_core::telemetry::{Flow, FlowEnd, Flows};
use pintle_core::txn::Snapshot;
use serde_json::{Value, json};

use super::{maybe_vni, protocol, rule, vni};

/// One host's flows as replies show them.
///
/// # Errors
/// When the store can't be read.
pub fn encode(snapshot: &dyn Snapshot, answer: &Flows) -> Result<Value, DecideError> {
    let flows = answer.flows.iter().map(|flow| encode_flow(snapshot, flow)).collect::<Result<Vec<_>, _>>()?;
    let usage = |usage: &pintle_core::telemetry::FlowUsage| -> Result<Value, DecideError> {
        Ok(json!({
            "virtual_network_interface": vni(snapshot, usage.vni)?,
            "opened": usage.opened,
            "accepted": usage.accepted,
            "over": usage.over,
            "quota": usage.quota,
        }))
    };
    let usage = answer.usage.iter().map(usage).collect::<Result<Vec<_>, DecideError>>()?;
    Ok(json!({
        "flows": flows,
        "matching": answer.matching,
        "held": answer.held,
        "capacity": answer.capacity,
        "usage": usage,
    }))
}

fn encode_flow(snapshot: &dyn Snapshot, flow: &Flow) -> Result<Value, DecideError> {
    Ok(json!({
        "segment": flow.segment,
        "protocol": protocol(flow.protocol),
        "opener": encode_end(snapshot, &flow.opener)?,
        "acceptor": encode_end(snapshot, &flow.acceptor)?,
        "state": flow.state.label(),
        "idle_ms": flow.idle_ms,
        "expires_in_ms": flow.expires_in_ms,
        "egress_rule": rule(snapshot, flow.egress_rule)?,
        "ingress_rule": rule(snapshot, flow.ingress_rule)?,
        "open": flow.open,
        "translated": flow.translated.map(|(address, port)| json!({ "address": address.to_string(), "port": port })),
    }))
}

fn encode_end(snapshot: &dyn Snapshot, end: &FlowEnd) -> Result<Value, DecideError> {
    Ok(json!({
        "address": end.address.to_string(),
        "port": end.port,
        "virtual_network_interface": maybe_vni(snapshot, end.vni)?,
        "packets": end.packets,
        "bytes": end.bytes,
    }))
}
