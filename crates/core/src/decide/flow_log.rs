//! Rules of flow logs: of something that exists, each configuration once, and gone with what they watch.

use std::collections::BTreeSet;

use super::legal::{self, More};
use super::{change_name, take_name};
use crate::command::{CreateFlowLog, UpdateFlowLog};
use crate::draft::Draft;
use crate::id::{FlowLogId, VpcId};
use crate::legality::{self, Limit, Manner, Property};
use crate::limits::FLOW_LOGS_PER_TARGET;
use crate::model::{Attachment, FlowDestination, FlowField, FlowLog, FlowLogTarget, Instance, Owner, Subnet, Vni, Vpc};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// The longest name of a destination, and of whom to write there as, in characters: that of the longest name of a file in a
/// bucket (S3), which is longer than those of roles.
const NAME_LENGTH: usize = 1024;
/// Within what names of flow logs are unique, in words.
const SCOPE_WORDS: &str = "the VPC of what they watch";
/// The times that one record may cover, in seconds (EC2).
const INTERVALS: [u16; 2] = [60, 600];

pub(super) fn create(draft: &mut Draft<'_>, create: CreateFlowLog) -> Result<FlowLog, DecideError> {
    let target = create.target;
    let (owner, vpc) = watched(draft, target)?;
    check_fields(&create.fields)?;
    check_destination(&create.destination)?;
    if !INTERVALS.contains(&create.interval) {
        return Err(Refusal::invalid("interval", create.interval, "it must be 60 or 600 seconds").into());
    }
    let others = draft.index::<FlowLogId>(&record::flow_logs_of(target))?;
    if let (Some(_), Some(other)) = (&create.collector, others.first()) {
        let (noun, holder) = (Noun::FlowLogTarget, Holder::FlowLog(*other));
        let remedy = "what is watched has one flow log collector; delete that one first";
        return Err(Refusal::InUse { noun, id: target.to_string(), holder, remedy }.into());
    }
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
    let CreateFlowLog { target, traffic, destination, fields, interval, files, collector } = create;
    let active = collector.as_ref().is_none_or(|collector| collector.active);
    let name = match collector {
        None => None,
        Some(collector) => Some(take_name::<FlowLog>(draft, collector.name, &vpc.to_string(), SCOPE_WORDS, id)?),
    };
    let log = FlowLog { id, owner, created_at, name, active, target, traffic, destination, fields, interval, files };
    draft.insert(&log);
    draft.put_raw(format!("{}{id}", record::flow_logs_of(target)), id.to_string().into_bytes());
    Ok(log)
}

/// Whose a thing is that is to be watched, and its VPC.
fn watched(draft: &mut Draft<'_>, target: FlowLogTarget) -> Result<(Owner, VpcId), DecideError> {
    Ok(match target {
        FlowLogTarget::Vpc(id) => (draft.get::<Vpc>(id)?.owner, id),
        FlowLogTarget::Subnet(id) => {
            let subnet: Subnet = draft.get(id)?;
            (subnet.owner, subnet.vpc)
        }
        FlowLogTarget::Vni(id) => {
            let vni: Vni = draft.get(id)?;
            legal::check_here(draft, &vni, More::FlowLog, Manner::PerAddress)?;
            (vni.owner, vni.vpc)
        }
        FlowLogTarget::Instance(id) => {
            let instance: Instance = draft.get(id)?;
            check_kind(&instance, target)?;
            (instance.owner, instance.vpc)
        }
        FlowLogTarget::Attachment(id) => {
            let attachment: Attachment = draft.get(id)?;
            let instance: Instance = draft.get(attachment.instance)?;
            check_kind(&instance, target)?;
            (instance.owner, attachment.vpc)
        }
    })
}

/// That flow logs watch servers of this kind: the same rule as for their interfaces.
fn check_kind(instance: &Instance, target: FlowLogTarget) -> Result<(), Refusal> {
    let kind = instance.role.target_kind();
    match legality::limit(Property::FlowLogs, Some(kind)) {
        Limit::None => {
            let rule = format!("it belongs to {}, whose traffic flow logs do not record", kind.words());
            Err(Refusal::invalid("target", target, rule))
        }
        _ => Ok(()),
    }
}

/// Changes a flow log.
pub(super) fn update(draft: &mut Draft<'_>, id: FlowLogId, update: UpdateFlowLog) -> Result<FlowLog, DecideError> {
    let mut log: FlowLog = draft.get(id)?;
    if let Some(name) = update.name {
        let scope = watched_vpc(draft, log.target)?.to_string();
        match &log.name {
            Some(old) => change_name::<FlowLog>(draft, old, &name, &scope, SCOPE_WORDS, id)?,
            None => drop(take_name::<FlowLog>(draft, Some(name.clone()), &scope, SCOPE_WORDS, id)?),
        }
        log.name = Some(name);
    }
    log.active = update.active.unwrap_or(log.active);
    draft.put(&log);
    Ok(log)
}

/// The VPC of what a flow log watches, which is there for as long as the log.
fn watched_vpc(draft: &mut Draft<'_>, target: FlowLogTarget) -> Result<VpcId, DecideError> {
    Ok(match target {
        FlowLogTarget::Vpc(id) => id,
        FlowLogTarget::Subnet(id) => draft.follow::<Subnet>(id)?.vpc,
        FlowLogTarget::Vni(id) => draft.follow::<Vni>(id)?.vpc,
        FlowLogTarget::Instance(id) => draft.follow::<Instance>(id)?.vpc,
        FlowLogTarget::Attachment(id) => draft.follow::<Attachment>(id)?.vpc,
    })
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
    erase(draft, &log)?;
    Ok(log)
}

fn erase(draft: &mut Draft<'_>, log: &FlowLog) -> Result<(), DecideError> {
    if let Some(name) = &log.name {
        let scope = watched_vpc(draft, log.target)?.to_string();
        draft.delete_raw(record::name_key::<FlowLog>(&scope, name));
    }
    draft.delete_raw(format!("{}{}", record::flow_logs_of(log.target), log.id));
    draft.remove(log);
    Ok(())
}

/// Removes the flow logs of something that goes.
pub(super) fn erase_of(draft: &mut Draft<'_>, target: FlowLogTarget) -> Result<(), DecideError> {
    for id in draft.index::<FlowLogId>(&record::flow_logs_of(target))? {
        let log: FlowLog = draft.follow(id)?;
        erase(draft, &log)?;
    }
    Ok(())
}
