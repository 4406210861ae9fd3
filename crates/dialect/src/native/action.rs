//! Attach, detach and move, with what became of them for clients that wait.

use std::collections::BTreeSet;
use std::time::Duration;

use pintle_core::DecideError;
use pintle_core::command::{Command, NewAttachment, VniChoice};
use pintle_core::id::{AttachmentId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Move, Vni};
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::Deserialize;
use serde_json::{Value, json};

use super::attachment::{Shape, nic};
use super::vni::step_label;
use crate::problem::Problem;
use crate::view::{resolve, resolve_within};
use crate::wire::Params;

/// The longest that a client may wait, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 30;

/// How long a client wants to wait: the query parameter `wait`, 0 to 30 seconds, 0 unless said.
///
/// # Errors
/// [`Problem::Parameter`].
pub fn wait(mut params: Params) -> Result<Duration, Problem> {
    let seconds = params.take_number("wait", 0..=MAX_WAIT_SECONDS)?.unwrap_or(0);
    params.finish()?;
    Ok(Duration::from_secs(seconds))
}

/// Body of `…/actions/attach`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    instance: String,
    name: Option<String>,
    port_speed: Option<u32>,
    allowed_vlans: Option<BTreeSet<u16>>,
    vlan: Option<u16>,
    allow_to_float: Option<bool>,
}

impl Attach {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn command(self, snapshot: &dyn Snapshot, vni: &str) -> Result<Command, Problem> {
        let vni = resolve::<Vni>(snapshot, vni)?;
        let instance = in_same_vpc(snapshot, vni, &self.instance)?;
        Ok(Command::Attach(
            instance,
            NewAttachment {
                name: self.name,
                port_speed: self.port_speed,
                nic: nic(self.allowed_vlans, self.vlan, self.allow_to_float, ".")?.unwrap_or_default(),
                ..NewAttachment::of(VniChoice::Existing(vni))
            },
        ))
    }
}

/// An instance by id, or by name in the interface's own VPC: it could be attached to no other.
fn in_same_vpc(snapshot: &dyn Snapshot, vni: VniId, text: &str) -> Result<pintle_core::id::InstanceId, Problem> {
    let (vni, _) = query::get::<Vni>(snapshot, vni)?;
    resolve_within::<Instance>(snapshot, text, Some(vni.vpc))
}

/// Body of `…/actions/detach`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detach {
    #[serde(default)]
    force: bool,
}

impl Detach {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or for an interface that is not attached.
    pub fn command(&self, snapshot: &dyn Snapshot, vni: &str) -> Result<Command, Problem> {
        let (vni, _) = query::get::<Vni>(snapshot, resolve::<Vni>(snapshot, vni)?)?;
        let attachment = vni.attachment.ok_or(pintle_core::Refusal::NotAttached { vni: vni.id })?;
        Ok(Command::Detach { attachment, force: self.force })
    }
}

/// Body of `…/actions/move`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveTo {
    to: String,
    vlan: Option<u16>,
    allow_to_float: Option<bool>,
    #[serde(default = "yes")]
    wait: bool,
}

fn yes() -> bool {
    true
}

impl MoveTo {
    /// Whether the client waits for the end of the move.
    pub fn waits(&self) -> bool {
        self.wait
    }

    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn command(&self, snapshot: &dyn Snapshot, vni: &str) -> Result<Command, Problem> {
        let vni = resolve::<Vni>(snapshot, vni)?;
        let to = in_same_vpc(snapshot, vni, &self.to)?;
        Ok(Command::MoveVni { vni, to, nic: nic(None, self.vlan, self.allow_to_float, ".")? })
    }
}

/// The attachment once its host has realised it or failed to; `None` while neither has happened.
///
/// # Errors
/// [`pintle_core::Refusal::NotFound`] when it is gone, or when the store can't be read.
pub fn attached(snapshot: &dyn Snapshot, id: AttachmentId) -> Result<Option<Attachment>, DecideError> {
    let (attachment, _) = query::get::<Attachment>(snapshot, id)?;
    let settled = match attachment.lifecycle {
        Lifecycle::Stable | Lifecycle::Failed | Lifecycle::Deleting => true,
        // Nothing will happen to it until somebody starts its instance.
        Lifecycle::Waiting | Lifecycle::Suspended => true,
        Lifecycle::Pending | Lifecycle::Updating => false,
    };
    Ok(settled.then_some(attachment))
}

/// Something once the attachment is gone; `None` while its host still has it.
///
/// # Errors
/// When the store can't be read.
pub fn detached(snapshot: &dyn Snapshot, id: AttachmentId) -> Result<Option<()>, DecideError> {
    Ok(query::find::<Attachment>(snapshot, id)?.is_none().then_some(()))
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveOutcome {
    /// The new attachment speaks for the interface.
    Moved,
    /// It was given up before the new side spoke; the interface is where it was.
    Aborted {
        /// Why, if it is still known.
        reason: Option<String>,
    },
}

/// What became of a move; `None` while it is under way.
///
/// # Errors
/// When the store can't be read.
pub fn moved(snapshot: &dyn Snapshot, moving: &Move) -> Result<Option<MoveOutcome>, DecideError> {
    let next = query::find::<Move>(snapshot, moving.vni)?.map(|(now, _)| now);
    if next.as_ref().is_some_and(|now| now.to == moving.to) {
        return Ok(None);
    }
    let to = query::find::<Attachment>(snapshot, moving.to)?.map(|(attachment, _)| attachment);
    // Giving up retires the new attachment with the reason; an attachment that has spoken and is left has none.
    let reason = to.filter(|to| to.lifecycle == Lifecycle::Deleting).and_then(|to| to.failure);
    let vni = query::find::<Vni>(snapshot, moving.vni)?.map(|(vni, _)| vni);
    let stayed = vni.is_some_and(|vni| vni.attachment == Some(moving.from));
    let aborted = stayed || reason.is_some();
    Ok(Some(if aborted { MoveOutcome::Aborted { reason } } else { MoveOutcome::Moved }))
}

/// What was made of an attach that is settled, or still under way.
pub fn encode_attach(attachment: &Attachment, settled: bool) -> Value {
    json!({ "settled": settled, "attachment": Shape::from(attachment) })
}

/// What was made of a detach: without an attachment when it is gone.
pub fn encode_detach(attachment: Option<&Attachment>) -> Value {
    json!({ "settled": attachment.is_none(), "attachment": attachment.map(Shape::from) })
}

/// What was made of a move, and how long that took since the request came.
pub fn encode_move(moving: &Move, outcome: Option<&MoveOutcome>, took: Duration) -> Value {
    let (name, reason) = match outcome {
        None => ("running", None),
        Some(MoveOutcome::Moved) => ("moved", None),
        Some(MoveOutcome::Aborted { reason }) => ("aborted", reason.clone()),
    };
    json!({
        "virtual_network_interface": moving.vni.to_string(),
        "from": moving.from.to_string(),
        "to": moving.to.to_string(),
        "outcome": name,
        "step": outcome.is_none().then(|| step_label(moving.step)),
        "failure": reason,
        "duration_ms": took.as_secs_f64() * 1000.0,
    })
}
