//! Holds interfaces to what each kind of target bears: the rules of [`crate::legality`], asked wherever one could be broken.

use crate::draft::Draft;
use crate::id::{FloatingIpId, FlowLogId};
use crate::legality::{self, Limit, Manner, Property, Traits};
use crate::model::{Attachment, FloatingIp, FlowLogTarget, Instance, Move, TargetKind, Vni};
use crate::record;
use crate::refusal::{DecideError, Refusal};

/// What an interface is about to get that is no part of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Nothing,
    FloatingIp,
    FlowLog,
}

/// That an interface, as it is now to be, may be on a kind of target (`None`: attached to nothing).
pub(super) fn check(draft: &mut Draft<'_>, vni: &Vni, on: Option<TargetKind>) -> Result<(), DecideError> {
    check_with(draft, vni, on, More::Nothing, Manner::PerAddress)
}

fn check_with(
    draft: &mut Draft<'_>,
    vni: &Vni,
    on: Option<TargetKind>,
    more: More,
    manner: Manner,
) -> Result<(), DecideError> {
    // Only what a limit asks about is looked for: on an instance, most of it is left alone.
    let bound = |property| match legality::limit(property, on) {
        Limit::Any => false,
        Limit::OneIfTranslated => manner == Manner::PerInterface && vni.enable_infrastructure_nat,
        _ => true,
    };
    let mut floating_ips: Vec<String> = Vec::new();
    if bound(Property::FloatingIps) {
        floating_ips.extend(self::floating_ips(draft, vni)?.iter().map(|floating| floating.id.to_string()));
        floating_ips.extend((more == More::FloatingIp).then(|| ONE_MORE.to_owned()));
    }
    let mut flow_logs: Vec<String> = Vec::new();
    if bound(Property::FlowLogs) {
        let found = draft.index::<FlowLogId>(&record::flow_logs_of(FlowLogTarget::Vni(vni.id)))?;
        flow_logs.extend(found.iter().map(ToString::to_string));
        flow_logs.extend((more == More::FlowLog).then(|| ONE_MORE.to_owned()));
    }
    let traits = Traits::of(vni, floating_ips.len(), flow_logs.len());
    let Some(mut conflict) = legality::conflicts(on, &traits, manner).into_iter().next() else { return Ok(()) };
    match conflict.property {
        Property::FloatingIps => conflict.value = floating_ips.join(", "),
        Property::FlowLogs => conflict.value = flow_logs.join(", "),
        _ => {}
    }
    Err(Refusal::NotOnTarget { vni: vni.id, conflict: Box::new(conflict) }.into())
}

/// What a refusal calls the thing that was asked for, beside those that are there.
const ONE_MORE: &str = "one more";

/// That an interface, as it is now to be, may stay where it is, and may be where it is going.
pub(super) fn check_here(draft: &mut Draft<'_>, vni: &Vni, more: More, manner: Manner) -> Result<(), DecideError> {
    let Some(attachment) = vni.attachment else { return check_with(draft, vni, None, more, manner) };
    let next = draft.find::<Move>(vni.id)?.map(|moving| moving.to);
    for attachment in [Some(attachment), next].into_iter().flatten() {
        let attachment: Attachment = draft.follow(attachment)?;
        let instance: Instance = draft.follow(attachment.instance)?;
        check_with(draft, vni, Some(instance.role.target_kind()), more, manner)?;
    }
    Ok(())
}

/// The floating IPs that lead to an interface, those that are lent to its instance aside.
pub(super) fn floating_ips(draft: &mut Draft<'_>, vni: &Vni) -> Result<Vec<FloatingIp>, DecideError> {
    let mut found = Vec::new();
    for id in draft.index::<FloatingIpId>(&record::floating_ips_of_vni(vni.id))? {
        // It may be of another owner, whom this one has permitted to lead it here.
        let floating: FloatingIp = draft.follow(id)?;
        if !floating.lent {
            found.push(floating);
        }
    }
    Ok(found)
}
