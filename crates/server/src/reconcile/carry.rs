//! Carrying what an interface's old host knows of its connections to the new one, before and after the new side speaks.
//!
//! Without that an answer to the new side would need a rule, since nobody there has seen the question. It is tried for a
//! short time only: a move does not fail and does not wait for it, and TCP is taken up in its middle anyway.

use std::time::Duration;

use pintle_core::id::{HostId, VniId};
use pintle_core::telemetry::{Answer, MAX_FLOWS, Question};

use crate::sessions::Sessions;

/// How long it may take altogether. Questions are answered in a few milliseconds, unless the flow table is huge.
const PATIENCE: Duration = Duration::from_millis(100);

/// Tells the new host of the flows that the old one has.
pub(super) async fn flows(sessions: &Sessions, vni: VniId, from: HostId, to: HostId) {
    let carried = async {
        let told = sessions.ask(from, Question::Flows { vni: Some(vni), limit: MAX_FLOWS }).await;
        let Ok(Answer::Flows(told)) = told else { return Err(format!("the old host's flows are not known: {told:?}")) };
        if told.flows.is_empty() {
            return Ok((0, 0));
        }
        let count = told.flows.len();
        match sessions.ask(to, Question::TakeOver { vni, flows: told.flows }).await {
            Ok(Answer::TakenOver(taken)) => Ok((count, taken)),
            other => Err(format!("the new host has not taken over {count} flows: {other:?}")),
        }
    };
    match tokio::time::timeout(PATIENCE, carried).await {
        Ok(Ok((told, taken))) => tracing::debug!(%vni, %from, %to, told, taken, "flows carried"),
        Ok(Err(why)) => tracing::debug!(%vni, %from, %to, why, "flows not carried"),
        Err(_) => tracing::debug!(%vni, %from, %to, "flows not carried within {PATIENCE:?}"),
    }
}
