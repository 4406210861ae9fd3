//! Rules of EFA interfaces: a network card has one place for them at most, if its instance type has any, and they come and go
//! while their instance is stopped.
//!
//! The place is all there is to them: their packets go the way of every other interface's.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html>

use crate::draft::Draft;
use crate::instance_type::Card;
use crate::model::{Attachment, Instance, InstanceState, Vni};
use crate::refusal::{DecideError, Limited, Noun, Refusal};

/// That a card has a place for one more interface if it is an EFA one; `others` are what the instance has already.
pub(super) fn check_place(
    draft: &mut Draft<'_>,
    instance: &Instance,
    (number, card): (u8, &Card),
    vni: &Vni,
    others: &[Attachment],
) -> Result<(), DecideError> {
    if !vni.efa {
        return Ok(());
    }
    let kind = instance.kind.as_deref().unwrap_or("an instance without a type");
    if !card.efa {
        let rule = format!("network card {number} of {kind} takes no EFA interface (instance {})", instance.id);
        return Err(Refusal::invalid("efa", true, rule).into());
    }
    for other in others.iter().filter(|other| other.card == number && other.vni != vni.id) {
        if draft.follow::<Vni>(other.vni)?.efa {
            let what = format!(
                "EFA interface count 2 exceeds the limit for network card {number} of {kind} (instance {}, which has {})",
                instance.id, other.vni
            );
            return Err(Refusal::Limit { of: Limited::AttachmentsOfInstance, what, limit: 1 }.into());
        }
    }
    Ok(())
}

/// That it may come to an instance, or go from it, as the instance is now.
pub(super) fn refuse_while_running(instance: &Instance, vni: &Vni) -> Result<(), Refusal> {
    if vni.efa && instance.state == InstanceState::Running {
        return Err(Refusal::WrongState {
            noun: Noun::Instance,
            id: instance.id.to_string(),
            state: "running".to_owned(),
            rule: "EFA interfaces are attached and detached while it is stopped; stop it first".to_owned(),
        });
    }
    Ok(())
}
