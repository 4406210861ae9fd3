//! Whose a frame is that comes out of a card: the port's that has the card, or the one's that has the VLAN of its tag.

use std::borrow::Cow;

use super::outcome::{PathStage, Trace};
use super::packet::{ETHERNET, be16};
use super::world::World;
use crate::drop_reason::DropReason;
use crate::host_spec::{PortNic, PortSpec};
use crate::id::AttachmentId;

/// The ethertype of a customer's tag (IEEE 802.1Q).
const TAG: u16 = 0x8100;
/// Its length.
const TAG_LEN: usize = 4;
/// Of a tag's first two bytes the VLAN's number; the others are priority and drop eligibility.
const NUMBER: u16 = 0x0fff;

/// A frame without its tag, and the port that it is of.
pub(super) struct Untagged<'a> {
    pub(super) id: AttachmentId,
    pub(super) port: &'a PortSpec,
    pub(super) frame: Cow<'a, [u8]>,
}

/// Takes the tag off a frame that was sent into a card. A second tag stays, and is refused as any port's is.
///
/// # Errors
/// `truncated`, `vlan_not_allowed`.
pub(super) fn untag<'a>(
    world: World<'a>,
    id: AttachmentId,
    port: &'a PortSpec,
    frame: &'a [u8],
    trace: &mut Trace,
) -> Result<Untagged<'a>, DropReason> {
    let trunk = port.nic == PortNic::Card { trunk: true };
    if !trunk || frame.len() < ETHERNET || be16(frame, 12) != TAG {
        return Ok(Untagged { id, port, frame: Cow::Borrowed(frame) });
    }
    if frame.len() < ETHERNET + TAG_LEN {
        return Err(DropReason::Truncated);
    }
    let number = be16(frame, ETHERNET) & NUMBER;
    let (id, port) = world.vlan_port(id, number).ok_or(DropReason::VlanNotAllowed)?;
    trace.say(PathStage::Parse, format!("VLAN {number} of the card: {}", port.vni));
    let frame = [&frame[..12], &frame[12 + TAG_LEN..]].concat();
    Ok(Untagged { id, port, frame: Cow::Owned(frame) })
}
