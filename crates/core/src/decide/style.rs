//! An instance has virtual network interfaces or child interfaces, as was decided when it was created, and never both.

use crate::draft::Draft;
use crate::id::InstanceId;
use crate::model::{Instance, InterfaceStyle, Vni};
use crate::refusal::{DecideError, Refusal};

/// That a virtual network interface may come to an instance.
pub(super) fn check_coming(instance: &Instance, vni: &Vni) -> Result<(), Refusal> {
    if vni.child || instance.style == InterfaceStyle::Attachments {
        return Ok(());
    }
    Err(refused(instance, "it has network interfaces of its own, and takes no virtual network interface"))
}

/// That an interface may leave the instance that it is on for another.
pub(super) fn check_moving(draft: &mut Draft<'_>, vni: &Vni, from: InstanceId) -> Result<(), DecideError> {
    if !vni.child {
        return Ok(());
    }
    let instance: Instance = draft.follow(from)?;
    Err(refused(&instance, "its network interfaces stay with it for life").into())
}

fn refused(instance: &Instance, rule: &'static str) -> Refusal {
    Refusal::InterfaceStyle { instance: instance.id, style: instance.style, rule }
}
