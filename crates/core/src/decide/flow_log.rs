//! Rules of flow logs: of something that exists, each configuration once, and gone with what they watch.

use std::collections::BTreeSet;

use crate::command::CreateFlowLog;
use crate::draft::Draft;
use crate::id::FlowLogId;
use crate::limits::FLOW_LOGS_PER_TARGET;
use crate::model::{FlowDestination, FlowField, FlowLog, FlowLogTarget, Subnet, Vni, Vpc};
use crate::record;
use crate::refusal::{DecideError, Limited, Noun, Refusal};

/// The longest name of a destination, and of whom to write there as, in characters: that of the longest name of a file in a
/// bucket (S3), which is longer than those of roles.
const NAME_LENGTH: usize = 1024;
/// The times that one record may cover, in seconds (EC2).
const INTERVALS: [u16; 2] = [60, 600];

pub(super) fn create(draft: &mut Draft<'_>, create: CreateFlowLog) -> Result<FlowLog, DecideError> {
    let target = create.target;
    let owner = match target {
        FlowLogTarget::Vpc(id) => draft.get::<Vpc>(id)?.owner,
        FlowLogTarget::Subnet(id) => draft.get::<Subnet>(id)?.owner,
        FlowLogTarget::Vni(id) => draft.get::<Vni>(id)?.owner,
    };
    check_fields(&create.fields)?;
    check_destination(&create.destination)?;
    if !INTERVALS.contains(&create.interval) {
        return Err(Refusal::invalid("interval", create.interval, "it must be 60 or 600 seconds").into());
    }
    let others = draft.index::<FlowLogId>(&record::flow_logs_of(target))?;
    for id in &others {
        if create.is(&draft.get(*id)?) {
            return Err(Refusal::AlreadyExists { noun: Noun::FlowLog, id: id.to_string() }.into());
        }
    }
    if others.len() >= FLOW_LOGS_PER_TARGET {
        let (of, what) = (Limited::Things(Noun::FlowLog), format!("{target} has as many flow logs as it may have"));
        return Err(Refusal::Limit { of, what, limit: FLOW_LOGS_PER_TARGET as u64 }.into());
    }
    let (id, created_at) = (FlowLogId::new(draft.ids), draft.now);
    let CreateFlowLog { target, traffic, destination, fields, interval, files } = create;
    let log = FlowLog { id, owner, created_at, target, traffic, destination, fields, interval, files };
    draft.insert(&log);
    draft.put_raw(format!("{}{id}", record::flow_logs_of(target)), id.to_string().into_bytes());
    Ok(log)
}

fn check_fields(fields: &[FlowField]) -> Result<(), Refusal> {
    if fields.is_empty() {
        return Err(Refusal::invalid("fields", "", "a record has at least one field"));
    }
    let mut seen = BTreeSet::new();
    match fields.iter().find(|field| !seen.insert(**field)) {
        Some(twice) => Err(Refusal::invalid("fields", twice.name(), "it is named twice")),
        None => Ok(()),
    }
}

fn check_destination(destination: &FlowDestination) -> Result<(), Refusal> {
    let FlowDestination { kind: _, name, role, cross_account_role } = destination;
    let all = [Some(name), role.as_ref(), cross_account_role.as_ref()];
    for text in all.into_iter().flatten() {
        if text.is_empty() || text.chars().count() > NAME_LENGTH || text.chars().any(char::is_control) {
            let rule = format!("it has 1 to {NAME_LENGTH} characters, none of them a control character");
            return Err(Refusal::invalid("destination", text, rule));
        }
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: FlowLogId) -> Result<FlowLog, DecideError> {
    let log: FlowLog = draft.get(id)?;
    erase(draft, &log);
    Ok(log)
}

fn erase(draft: &mut Draft<'_>, log: &FlowLog) {
    draft.delete_raw(format!("{}{}", record::flow_logs_of(log.target), log.id));
    draft.remove(log);
}

/// Removes the flow logs of something that goes.
pub(super) fn erase_of(draft: &mut Draft<'_>, target: FlowLogTarget) -> Result<(), DecideError> {
    for id in draft.index::<FlowLogId>(&record::flow_logs_of(target))? {
        let log: FlowLog = draft.get(id)?;
        erase(draft, &log);
    }
    Ok(())
}
