//! Rules of moves: the interface is never without one side that can speak for it, and never stays with two.

use super::attachment::{self, Binding};
use super::nic::{self, When};
use super::{child, efa, instance, legal, share_mount, step, style, vni};
use crate::command::{Seat, VniChoice};
use crate::draft::Draft;
use crate::id::{InstanceId, VniId};
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, InstanceState, Move, MoveStep, Nic, Vni};
use crate::record::Record;
use crate::refusal::{DecideError, Noun, Refusal};

pub(super) fn start(draft: &mut Draft<'_>, id: VniId, to: InstanceId, nic: Option<Nic>) -> Result<Move, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    child::refuse(&vni, "it can't be moved")?;
    let Some(from) = vni.attachment else { return Err(Refusal::NotAttached { vni: id }.into()) };
    vni::refuse_while_moving(draft, id)?;
    let from: Attachment = draft.follow(from)?;
    share_mount::refuse_detaching(draft, &from)?;
    if from.primary {
        return Err(Refusal::PrimaryAttachment { attachment: from.id, instance: from.instance }.into());
    }
    if from.instance == to {
        return Err(Refusal::AlreadyAttached { vni: id, attachment: from.id, instance: to }.into());
    }
    if from.lifecycle == Lifecycle::Deleting {
        return Err(wrong_state(Noun::Attachment, from.id, from.lifecycle.label(), "it is being detached already"));
    }
    let target = instance::named(draft, to)?;
    efa::refuse_while_running(&target, &vni)?;
    instance::refuse_deleting(&target)?;
    child::check_style(&target, &VniChoice::Existing(id))?;
    if target.state != InstanceState::Running {
        return Err(wrong_state(
            Noun::Instance,
            to,
            "stopped",
            "an interface can only be moved to a running instance; start it first",
        ));
    }
    style::check_moving(draft, &vni, from.instance)?;
    style::check_coming(&target, &vni)?;
    legal::check(draft, &vni, Some(target.role.target_kind()))?;
    let seat = Seat::default();
    nic::refuse_moving(draft, &from)?;
    let nic = nic::after_move(&from, &target, nic)?;
    let when = When::Later;
    let binding = Binding { name: None, port_speed: from.port_speed, seat, nic, when, adopting: true };
    let new = attachment::bind(draft, &target, &mut vni, binding)?;
    step::<Vni>(&mut vni.lifecycle, Lifecycle::Updating, id)?;
    draft.put(&vni);
    let moving =
        Move { vni: id, vpc: vni.vpc, from: from.id, to: new.id, step: MoveStep::Prepare, started_at: draft.now };
    draft.put(&moving);
    Ok(moving)
}

fn wrong_state(noun: Noun, id: impl ToString, state: &str, rule: &str) -> DecideError {
    Refusal::WrongState { noun, id: id.to_string(), state: state.to_owned(), rule: rule.to_owned() }.into()
}

/// From this step on to the next. A report about an earlier step is late, not wrong: ignored.
pub(super) fn advance(draft: &mut Draft<'_>, id: VniId, from: MoveStep) -> Result<(), DecideError> {
    let Some(mut moving) = draft.find::<Move>(id)?.filter(|moving| moving.step == from) else { return Ok(()) };
    if let Some(next) = from.next() {
        moving.step = next;
        draft.put(&moving);
        return Ok(());
    }
    let mut vni: Vni = draft.get(id)?;
    let old: Option<Attachment> = draft.find(moving.from)?;
    let new: Attachment = draft.get(moving.to)?;
    draft.delete_raw(Move::key_of(id));
    if let Some(old) = old {
        attachment::retire(draft, old)?;
    }
    vni.attachment = Some(new.id);
    step::<Vni>(&mut vni.lifecycle, shown(&new), id)?;
    draft.put(&vni);
    Ok(())
}

/// What an interface shows of the attachment that speaks for it once no move is under way.
fn shown(attachment: &Attachment) -> Lifecycle {
    match attachment.lifecycle {
        Lifecycle::Failed => Lifecycle::Failed,
        Lifecycle::Pending => Lifecycle::Updating,
        _ => Lifecycle::Stable,
    }
}

/// Gives a move up while the old side has never stopped. If the new side has begun to speak already, every other host
/// refuses it again from then on.
pub(super) fn abort(draft: &mut Draft<'_>, id: VniId, why: String) -> Result<(), DecideError> {
    let Some(moving) = draft.find::<Move>(id)?.filter(|moving| moving.step < MoveStep::Drain) else {
        return Ok(());
    };
    draft.delete_raw(Move::key_of(id));
    if let Some(mut new) = draft.find::<Attachment>(moving.to)? {
        new = attachment::retire(draft, new)?;
        new.failure = Some(why);
        draft.put(&new);
    }
    let mut vni: Vni = draft.get(id)?;
    let old: Attachment = draft.get(moving.from)?;
    step::<Vni>(&mut vni.lifecycle, shown(&old), id)?;
    draft.put(&vni);
    Ok(())
}
