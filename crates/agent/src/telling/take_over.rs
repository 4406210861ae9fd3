//! Flows of an interface that moves here, as its old host has told them: answers that are under way need no rule.

use pintle_core::id::VniId;
use pintle_core::telemetry::{Answer, Flow, FlowState};
use pintle_datapath::{DatapathError, FlowKey, FlowState as State, KnownFlow};

use super::{TICK_NS, Teller, answered, because};

const TCP: u8 = 6;
const UDP: u8 = 17;

impl Teller {
    /// Makes flows of an interface known here that are not.
    pub(crate) fn take_over(&self, vni: VniId, flows: &[Flow]) -> Answer {
        answered(self.interfaces(Some(vni)).and_then(|_| {
            let taken = self.insert(vni, flows).map_err(|error| because(&error))?;
            Ok(Answer::TakenOver(taken))
        }))
    }

    fn insert(&self, vni: VniId, flows: &[Flow]) -> Result<u32, DatapathError> {
        let clock = self.datapath.clock()?;
        let mut taken = 0;
        for flow in flows.iter().filter(|flow| flow.opener.vni == Some(vni) || flow.acceptor.vni == Some(vni)) {
            if let Some(known) = known(flow, clock) {
                taken += u32::from(self.datapath.flows().take_over(&known)?);
            }
        }
        Ok(taken)
    }
}

/// What is taken over of a flow. Nothing of one that is judged packet by packet, that a public address stands for, which has
/// a place of its own, or that is over.
fn known(flow: &Flow, clock: u32) -> Option<KnownFlow> {
    if flow.open || flow.translated.is_some() {
        return None;
    }
    let state = match (flow.protocol, flow.state) {
        (_, FlowState::TimeWait | FlowState::Closed) => return None,
        (TCP, FlowState::Opening) => State::OPENING,
        (TCP, FlowState::Established) => State::ESTABLISHED,
        (TCP, FlowState::Closing) => State::CLOSING,
        (UDP, FlowState::Opening) => State::ONE_WAY,
        (UDP, _) => State::BOTH_WAYS,
        (1 | 58, _) => State::MESSAGES,
        _ => State::OTHER,
    };
    let opener = (flow.opener.address, flow.opener.port);
    let key = FlowKey::between(flow.segment, flow.protocol, opener, (flow.acceptor.address, flow.acceptor.port));
    let idle = (flow.idle_ms * 1_000_000 / TICK_NS).min(u64::from(u32::MAX / 2)) as u32;
    Some(KnownFlow { key, opener: usize::from(key.ends[0] != opener), state, seen: clock.wrapping_sub(idle) })
}
