//! What may pass an interface: its groups, quarantine, flush, shadow, timeouts and limits.

use std::collections::BTreeSet;

use super::slots;
use crate::command::GroupsChange;
use crate::draft::Draft;
use crate::id::{SecurityGroupId, VniId, VpcId};
use crate::limits::GROUPS_PER_INTERFACE;
use crate::model::{SecurityGroup, Vni, VniLimits, Vpc};
use crate::policy::FlowTimeouts;
use crate::quota;
use crate::record;
use crate::refusal::{DecideError, Limited, Noun, Refusal};

/// That these groups exist in the VPC, are named once and are not too many.
pub(super) fn check_groups(
    draft: &mut Draft<'_>,
    vpc: VpcId,
    field: &'static str,
    groups: &[SecurityGroupId],
) -> Result<(), DecideError> {
    if groups.len() > GROUPS_PER_INTERFACE {
        let what = format!("field '{field}' names {} security groups", groups.len());
        return Err(Refusal::Limit { of: Limited::GroupsOfVni, what, limit: GROUPS_PER_INTERFACE as u64 }.into());
    }
    for (position, id) in groups.iter().enumerate() {
        if groups[..position].contains(id) {
            return Err(Refusal::invalid(field, id, "it is named twice").into());
        }
        let group: SecurityGroup = draft.get(*id)?;
        if group.vpc != vpc {
            let (noun, id) = (Noun::SecurityGroup, id.to_string());
            return Err(Refusal::OtherVpc { noun, id, vpc: group.vpc, needed: vpc }.into());
        }
    }
    Ok(())
}

/// Every group that an interface names.
pub(super) fn named(vni: &Vni) -> Vec<SecurityGroupId> {
    let more = vni.quarantine.iter().chain(&vni.shadow).flatten();
    let all: BTreeSet<SecurityGroupId> = vni.security_groups.iter().chain(more).copied().collect();
    all.into_iter().collect()
}

/// Far from the limit of a group's interfaces by as many as may come at once, nobody waits for another.
const AT_ONCE: u64 = 100;

/// That a group may apply to one more interface. Its VPC's default one may apply to any number.
fn check_room(draft: &mut Draft<'_>, id: SecurityGroupId) -> Result<(), DecideError> {
    let group: SecurityGroup = draft.follow(id)?;
    let vpc: Vpc = draft.follow(group.vpc)?;
    if vpc.default_group == id {
        return Ok(());
    }
    let Some(limit) = slots::implied_limit(draft, &vpc, &quota::IBM_GROUP_TARGETS)? else { return Ok(()) };
    let members = record::vnis_of_group(id);
    if draft.count_hint(&members)? + AT_ONCE < limit {
        return Ok(());
    }
    draft.count(&members)?;
    if draft.count_hint(&members)? >= limit {
        let what = format!("security group {id} applies to as many interfaces as it may");
        return Err(Refusal::Limit { of: Limited::InterfacesOfGroup, what, limit }.into());
    }
    Ok(())
}

/// Keeps the index by which a group knows who names it.
pub(super) fn link(
    draft: &mut Draft<'_>,
    id: VniId,
    before: &[SecurityGroupId],
    after: &[SecurityGroupId],
) -> Result<(), DecideError> {
    let key = |group: SecurityGroupId| format!("{}{id}", record::vnis_of_group(group));
    for group in before.iter().filter(|group| !after.contains(group)) {
        draft.delete_raw(key(*group));
    }
    for group in after.iter().filter(|group| !before.contains(group)) {
        check_room(draft, *group)?;
        draft.put_raw(key(*group), id.to_string().into_bytes());
    }
    Ok(())
}

/// Counts a change of an interface's own policy.
pub(super) fn count_change(before: &Vni, vni: &mut Vni) {
    let policy = |vni: &Vni| {
        let checks = (vni.allow_ip_spoofing, vni.source_dest_check, vni.protocol_state_filtering);
        let flows = (vni.timeouts, vni.untracked_open, vni.judged);
        (vni.security_groups.clone(), vni.quarantine.clone(), vni.shadow.clone(), checks, flows)
    };
    if policy(before) != policy(vni) {
        vni.policy_version = vni.policy_version.wrapping_add(1);
    }
}

fn change(
    draft: &mut Draft<'_>,
    id: VniId,
    make: impl FnOnce(&mut Draft<'_>, &mut Vni) -> Result<(), DecideError>,
) -> Result<Vni, DecideError> {
    let before: Vni = draft.get(id)?;
    let mut vni = before.clone();
    make(draft, &mut vni)?;
    if vni != before {
        count_change(&before, &mut vni);
        link(draft, id, &named(&before), &named(&vni))?;
        draft.put(&vni);
    }
    Ok(vni)
}

pub(super) fn change_groups(draft: &mut Draft<'_>, id: VniId, asked: GroupsChange) -> Result<Vni, DecideError> {
    change(draft, id, |draft, vni| {
        match asked {
            GroupsChange::Set(groups) => vni.security_groups = groups,
            GroupsChange::Add(group) if vni.security_groups.contains(&group) => return Ok(()),
            GroupsChange::Add(group) => vni.security_groups.push(group),
            GroupsChange::Remove(group) => {
                let Some(position) = vni.security_groups.iter().position(|other| *other == group) else {
                    return Err(Refusal::NotFound { noun: Noun::SecurityGroup, id: group.to_string() }.into());
                };
                vni.security_groups.remove(position);
            }
        }
        if vni.security_groups.is_empty() {
            let rule = "a virtual network interface always has at least one security group";
            return Err(Refusal::invalid("security_groups", "", rule).into());
        }
        check_groups(draft, vni.vpc, "security_groups", &vni.security_groups)
    })
}

/// Lets only these groups apply, and has flows that exist judged by them.
pub(super) fn quarantine(draft: &mut Draft<'_>, id: VniId, groups: Vec<SecurityGroupId>) -> Result<Vni, DecideError> {
    change(draft, id, |draft, vni| {
        check_groups(draft, vni.vpc, "quarantine", &groups)?;
        if vni.quarantine.as_ref() != Some(&groups) {
            vni.quarantine = Some(groups);
            vni.judged = vni.judged.wrapping_add(1);
        }
        Ok(())
    })
}

/// Ends a quarantine. Flows that only the quarantine's groups permitted end with it.
pub(super) fn release(draft: &mut Draft<'_>, id: VniId) -> Result<Vni, DecideError> {
    change(draft, id, |_, vni| {
        if vni.quarantine.take().is_some() {
            vni.judged = vni.judged.wrapping_add(1);
        }
        Ok(())
    })
}

pub(super) fn flush(draft: &mut Draft<'_>, id: VniId) -> Result<Vni, DecideError> {
    change(draft, id, |_, vni| {
        vni.judged = vni.judged.wrapping_add(1);
        Ok(())
    })
}

pub(super) fn shadow(
    draft: &mut Draft<'_>,
    id: VniId,
    groups: Option<Vec<SecurityGroupId>>,
) -> Result<Vni, DecideError> {
    change(draft, id, |draft, vni| {
        check_groups(draft, vni.vpc, "shadow", groups.as_deref().unwrap_or_default())?;
        vni.shadow = groups;
        Ok(())
    })
}

/// That timeouts are in the ranges that EC2 gives.
pub(super) fn check_timeouts(timeouts: FlowTimeouts) -> Result<(), Refusal> {
    let fields = [
        ("timeouts.tcp_established", timeouts.tcp_established, 60, 432_000),
        ("timeouts.udp_stream", timeouts.udp_stream, 60, 180),
        ("timeouts.udp", timeouts.udp, 30, 60),
    ];
    for (field, value, least, most) in fields {
        if !(least..=most).contains(&value) {
            return Err(Refusal::invalid(field, value, format!("it must be from {least} to {most} seconds")));
        }
    }
    Ok(())
}

/// That limits are ones that a shaper can keep.
pub(super) fn check_limits(limits: VniLimits) -> Result<(), Refusal> {
    check_rate("limits.egress_kbps", limits.egress_kbps)?;
    check_rate("limits.ingress_kbps", limits.ingress_kbps)?;
    if limits.priority > 7 {
        return Err(Refusal::invalid("limits.priority", limits.priority, "it must be from 0 (first) to 7 (last)"));
    }
    Ok(())
}

/// That a rate in kilobits per second is one that lets a full packet through within a quarter of a second.
pub(super) fn check_rate(field: &'static str, kbps: Option<u32>) -> Result<(), Refusal> {
    match kbps {
        Some(rate) if rate < 64 => Err(Refusal::invalid(field, rate, "it must be at least 64 kilobits per second")),
        _ => Ok(()),
    }
}
