//! Rules of bare metal servers' network cards: a few cards that come and go while the server rests, and VLANs of them.
//!
//! They are IBM VPC's. A VLAN is allowed by one card of its server at most, so its number tells which card its frames are on.

use std::collections::BTreeSet;

use super::attachment;
use crate::draft::Draft;
use crate::lifecycle::Lifecycle;
use crate::limits::{CARDS_OF_BARE_METAL, VLAN_IDS};
use crate::model::{Attachment, Instance, InstanceState, Nic, Role};
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// When an attachment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// With its server, as the first one.
    First,
    /// With its server.
    WithServer,
    /// On a server that is there.
    Later,
}

/// That a server may have one more attachment of this kind, beside the others that it has.
pub(super) fn check(instance: &Instance, others: &[Attachment], nic: &Nic, when: When) -> Result<(), Refusal> {
    if instance.role != Role::BareMetal {
        return match nic {
            Nic::Pci { allowed_vlans } if allowed_vlans.is_empty() => Ok(()),
            Nic::Pci { allowed_vlans } => Err(Refusal::invalid("allowed_vlans", list(allowed_vlans), NO_VLANS)),
            Nic::Vlan { id, .. } => Err(Refusal::invalid("vlan", id, NO_VLANS)),
        };
    }
    match nic {
        Nic::Pci { allowed_vlans } => {
            if when == When::Later {
                rests(instance)?;
            }
            let cards = others.iter().filter(|other| is_card(other)).count();
            if cards >= usize::from(CARDS_OF_BARE_METAL) {
                let what = format!("bare metal server {} has as many network cards as it may have", instance.id);
                let (of, limit) = (Limited::AttachmentsOfInstance, CARDS_OF_BARE_METAL.into());
                return Err(Refusal::Limit { of, what, limit });
            }
            check_allowed(allowed_vlans, others)
        }
        Nic::Vlan { .. } if when == When::First => {
            let rule = "the primary network attachment of a bare metal server is a card: 'pci'";
            Err(Refusal::invalid("interface_type", "vlan", rule))
        }
        Nic::Vlan { id, .. } => check_vlan(instance, others, *id),
    }
}

const NO_VLANS: &str = "only bare metal servers have VLANs";

/// That a card may come to a server, or go.
fn rests(instance: &Instance) -> Result<(), Refusal> {
    if instance.state == InstanceState::Stopped {
        return Ok(());
    }
    Err(Refusal::WrongState {
        noun: Noun::BareMetalServer,
        id: instance.id.to_string(),
        state: "running".to_owned(),
        rule: "attachments of interface type 'pci' come and go while it is stopped only; stop it first".to_owned(),
    })
}

fn is_card(attachment: &Attachment) -> bool {
    matches!(attachment.nic, Nic::Pci { .. })
}

/// Whether an attachment is a card that allows a VLAN.
fn allows(attachment: &Attachment, vlan: u16) -> bool {
    let there = attachment.lifecycle != Lifecycle::Deleting;
    there && matches!(&attachment.nic, Nic::Pci { allowed_vlans } if allowed_vlans.contains(&vlan))
}

/// The attachment that uses a VLAN; one that is on its way out does so until its host has let go.
fn user_of(all: &[Attachment], vlan: u16) -> Option<&Attachment> {
    all.iter().find(|other| matches!(other.nic, Nic::Vlan { id, .. } if id == vlan))
}

/// That a card may allow these VLANs beside what the server's other cards allow.
fn check_allowed(allowed: &BTreeSet<u16>, others: &[Attachment]) -> Result<(), Refusal> {
    for vlan in allowed {
        check_number("allowed_vlans", *vlan)?;
        if let Some(other) = others.iter().find(|other| allows(other, *vlan)) {
            let rule = format!("{} of the same server allows it, and a VLAN is on one card only", other.id);
            return Err(Refusal::invalid("allowed_vlans", vlan, rule));
        }
    }
    Ok(())
}

fn check_number(field: &'static str, vlan: u16) -> Result<(), Refusal> {
    if VLAN_IDS.contains(&vlan) {
        return Ok(());
    }
    let rule = format!("a VLAN's number is from {} to {}", VLAN_IDS.start(), VLAN_IDS.end());
    Err(Refusal::invalid(field, vlan, rule))
}

fn check_vlan(instance: &Instance, others: &[Attachment], vlan: u16) -> Result<(), Refusal> {
    check_number("vlan", vlan)?;
    if !others.iter().any(|other| allows(other, vlan)) {
        let rule = format!(
            "no attachment of interface type 'pci' of bare metal server {} has it in its allowed_vlans",
            instance.id
        );
        return Err(Refusal::invalid("vlan", vlan, rule));
    }
    match user_of(others, vlan) {
        None => Ok(()),
        Some(user) => Err(Refusal::invalid("vlan", vlan, format!("{} uses it", user.id))),
    }
}

/// That an attachment may leave a server that stays: a card only while the server rests, and while nobody uses its VLANs.
/// `force` is for servers whose host is away: they can't be stopped.
pub(super) fn check_leaving(draft: &mut Draft<'_>, attachment: &Attachment, force: bool) -> Result<(), DecideError> {
    let instance: Instance = draft.follow(attachment.instance)?;
    let Nic::Pci { allowed_vlans } = &attachment.nic else { return Ok(()) };
    if instance.role != Role::BareMetal || attachment.lifecycle == Lifecycle::Deleting {
        return Ok(());
    }
    if let Some(user) = user_among(draft, attachment, allowed_vlans)? {
        let (noun, id) = (Noun::Attachment, attachment.id.to_string());
        let remedy = "detach what uses a VLAN of it first";
        return Err(Refusal::InUse { noun, id, holder: Holder::Attachment(user.id), remedy }.into());
    }
    if !force {
        rests(&instance)?;
    }
    Ok(())
}

/// That an interface may move away: a card of a bare metal server stays with its server while that runs, and a move is for
/// what runs.
pub(super) fn refuse_moving(draft: &mut Draft<'_>, from: &Attachment) -> Result<(), DecideError> {
    let instance: Instance = draft.follow(from.instance)?;
    if instance.role != Role::BareMetal || !is_card(from) {
        return Ok(());
    }
    Err(Refusal::WrongState {
        noun: Noun::Attachment,
        id: from.id.to_string(),
        state: "of interface type 'pci'".to_owned(),
        rule:
            "a bare metal server's card can't be moved; stop the server, detach the interface and attach it elsewhere"
                .to_owned(),
    }
    .into())
}

/// An attachment of the same server that uses one of these VLANs.
fn user_among(
    draft: &mut Draft<'_>,
    card: &Attachment,
    vlans: &BTreeSet<u16>,
) -> Result<Option<Attachment>, DecideError> {
    let all = attachment::all(draft, card.instance)?;
    Ok(vlans.iter().find_map(|vlan| user_of(&all, *vlan)).cloned())
}

/// Lets a card allow these VLANs and no others; those in use must be among them.
pub(super) fn allow(
    draft: &mut Draft<'_>,
    attachment: &mut Attachment,
    vlans: BTreeSet<u16>,
) -> Result<(), DecideError> {
    let instance: Instance = draft.follow(attachment.instance)?;
    let Nic::Pci { allowed_vlans } = &attachment.nic else {
        let rule = "an attachment of interface type 'vlan' has none";
        return Err(Refusal::invalid("allowed_vlans", list(&vlans), rule).into());
    };
    if instance.role != Role::BareMetal && !vlans.is_empty() {
        return Err(Refusal::invalid("allowed_vlans", list(&vlans), NO_VLANS).into());
    }
    let all = attachment::all(draft, attachment.instance)?;
    let others: Vec<Attachment> = all.into_iter().filter(|other| other.id != attachment.id).collect();
    check_allowed(&vlans, &others)?;
    for vlan in allowed_vlans.difference(&vlans) {
        if let Some(user) = user_of(&others, *vlan) {
            let rule = format!("it must have {vlan} too, which {} uses", user.id);
            return Err(Refusal::invalid("allowed_vlans", list(&vlans), rule).into());
        }
    }
    attachment.nic = Nic::Pci { allowed_vlans: vlans };
    Ok(())
}

/// What an interface that moves becomes on another server: what was asked for; else, on a bare metal server, the VLAN that it
/// has, and a card of its own anywhere else.
pub(super) fn after_move(from: &Attachment, to: &Instance, asked: Option<Nic>) -> Result<Nic, Refusal> {
    match (asked, to.role, &from.nic) {
        (Some(nic), ..) => Ok(nic),
        (None, Role::BareMetal, vlan @ Nic::Vlan { .. }) => Ok(vlan.clone()),
        (None, Role::BareMetal, Nic::Pci { .. }) => {
            let rule = "say which VLAN the interface is to have on a bare metal server: cards come while it is stopped";
            Err(Refusal::invalid("vlan", "", rule))
        }
        (None, Role::Server | Role::ShareMount(_), _) => Ok(Nic::default()),
    }
}

/// Where on a server's list of devices an attachment goes: cards first, VLANs behind them.
pub(super) fn places(instance: &Instance, nic: &Nic) -> std::ops::RangeInclusive<u8> {
    match (instance.role, nic) {
        (Role::BareMetal, Nic::Pci { .. }) => 0..=CARDS_OF_BARE_METAL - 1,
        (Role::BareMetal, Nic::Vlan { .. }) => CARDS_OF_BARE_METAL..=crate::model::MAX_INDEX,
        _ => 0..=crate::model::MAX_INDEX,
    }
}

fn list(vlans: &BTreeSet<u16>) -> String {
    vlans.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
