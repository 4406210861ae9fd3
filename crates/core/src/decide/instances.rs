//! Several instances in one decision: launched together, started, stopped or deleted together.

use super::{departed, instance};
use crate::command::{CreateInstances, InstanceChange, InstancesChange};
use crate::draft::Draft;
use crate::id::{InstanceId, ReservationId};
use crate::limits::LAUNCHED_AT_ONCE;
use crate::model::Instance;
use crate::refusal::{DecideError, Noun, Refusal};

/// Launches as many as there is room for, if that is enough.
pub(super) fn create(draft: &mut Draft<'_>, create: CreateInstances) -> Result<Vec<Instance>, DecideError> {
    let CreateInstances { mut each, least, most } = create;
    if most == 0 || most > LAUNCHED_AT_ONCE {
        return Err(Refusal::invalid("most", most, format!("it must be from 1 to {LAUNCHED_AT_ONCE}")).into());
    }
    if least == 0 || least > most {
        return Err(Refusal::invalid("least", least, format!("it must be from 1 to {most}, the most")).into());
    }
    let Some(new) = each.launch.take() else {
        return Err(Refusal::invalid("launch", "", "what is launched together needs a type").into());
    };
    let reservation = ReservationId::new(draft.ids);
    let mut made = Vec::new();
    for index in 0..most {
        let launch = Some((new.clone(), reservation, index));
        let one = each.clone();
        if index < least {
            made.push(instance::create_launched(draft, one, launch)?);
            continue;
        }
        match draft.attempt(|draft| instance::create_launched(draft, one, launch)) {
            Ok(one) => made.push(one),
            Err(DecideError::Refused(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(made)
}

/// Changes all of them or none.
pub(super) fn change(
    draft: &mut Draft<'_>,
    ids: &[InstanceId],
    change: InstancesChange,
) -> Result<Vec<InstanceChange>, DecideError> {
    let mut changes: Vec<InstanceChange> = Vec::with_capacity(ids.len());
    for id in ids {
        if changes.iter().any(|known| known.after.id == *id) {
            continue;
        }
        let Some(before) = draft.find::<Instance>(*id)? else {
            let gone = departed::find(draft, *id)?;
            changes.push(left_alone(gone, *id, change)?);
            continue;
        };
        let after = match change {
            InstancesChange::Start => instance::start(draft, *id)?,
            InstancesChange::Stop => instance::stop(draft, *id)?,
            InstancesChange::Delete => instance::delete(draft, *id)?,
        };
        changes.push(InstanceChange { before, after, departed: false });
    }
    Ok(changes)
}

/// What has gone can only go.
fn left_alone(gone: Option<Instance>, id: InstanceId, change: InstancesChange) -> Result<InstanceChange, Refusal> {
    let noun = Noun::Instance;
    let Some(gone) = gone else { return Err(Refusal::NotFound { noun, id: id.to_string() }) };
    let rule = match change {
        InstancesChange::Delete => {
            return Ok(InstanceChange { before: gone.clone(), after: gone, departed: true });
        }
        InstancesChange::Start => "it is not in a state from which it can be started",
        InstancesChange::Stop => "it is not in a state from which it can be stopped",
    };
    Err(Refusal::WrongState { noun, id: id.to_string(), state: "deleted".to_owned(), rule: rule.to_owned() })
}
