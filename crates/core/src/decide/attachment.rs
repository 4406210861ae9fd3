//! Rules of attachments: one interface, one instance, one zone; the record goes only when the host has let go.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::nic::{self, When};
use super::vni_ip::Room;
use super::{
    change_name, child, efa, flow_log, instance, legal, lent_address, share_mount, step, style, take_name, vni, vni_ip,
    vni_permission,
};
use crate::command::{NewAttachment, Seat, UpdateAttachment, VniChoice};
use crate::draft::Draft;
use crate::id::{AttachmentId, InstanceId};
use crate::lifecycle::Lifecycle;
use crate::model::{Attachment, FlowLogTarget, Instance, InstanceState, MAX_INDEX, Nic, Role, Subnet, Vni, VniUse};
use crate::record;
use crate::refusal::{DecideError, Limited, Refusal};

const SCOPE_WORDS: &str = "their instance";

pub(super) fn attach(
    draft: &mut Draft<'_>,
    instance: InstanceId,
    new: NewAttachment,
) -> Result<Attachment, DecideError> {
    let instance = instance::named(draft, instance)?;
    create(draft, &instance, new, When::Later)
}

pub(super) fn create(
    draft: &mut Draft<'_>,
    instance: &Instance,
    new: NewAttachment,
    when: When,
) -> Result<Attachment, DecideError> {
    instance::refuse_deleting(instance)?;
    child::check_style(instance, &new.vni)?;
    let primary = when == When::First;
    let made = matches!(new.vni, VniChoice::New(_) | VniChoice::Child(_));
    let mut vni = match new.vni {
        VniChoice::Existing(id) => vni_permission::usable(draft, id, VniUse::Attach)?,
        VniChoice::New(create) => vni::create(draft, *create, true, Room::on(instance))?,
        VniChoice::Child(create) => child::create(draft, *create)?,
    };
    vni::refuse_managed(&vni)?;
    if !made {
        child::refuse(&vni, "it can't be attached to anything else")?;
    }
    if let Some(attachment) = vni.attachment {
        let holder: Attachment = draft.follow(attachment)?;
        return Err(Refusal::AlreadyAttached { vni: vni.id, attachment, instance: holder.instance }.into());
    }
    style::check_coming(instance, &vni)?;
    legal::check(draft, &vni, Some(instance.role.target_kind()))?;
    check_speed(new.port_speed)?;
    if !primary && when == When::Later {
        efa::refuse_while_running(instance, &vni)?;
    }
    // One that was attached elsewhere has been moved in two steps, as clients without a word for a move do it: its
    // connections may go on as after one.
    let adopting = vni.generation > 0;
    let binding = Binding { name: new.name, port_speed: new.port_speed, seat: new.seat, nic: new.nic, when, adopting };
    let mut attachment = bind(draft, instance, &mut vni, binding)?;
    vni.attachment = Some(attachment.id);
    step::<Vni>(&mut vni.lifecycle, Lifecycle::Updating, vni.id)?;
    draft.put(&vni);
    // What an instance is launched with is as its subnet says.
    let inherits = made && primary && vni.public_address.is_none() && draft.get::<Subnet>(vni.subnet)?.map_public_ip;
    let asked = lent_address::Asked { exactly: new.own_public_address, inherits };
    lent_address::begin(draft, instance, &mut attachment, &vni, asked)?;
    Ok(attachment)
}

/// What an attachment is beside what it binds.
pub(super) struct Binding {
    pub(super) name: Option<String>,
    pub(super) port_speed: Option<u32>,
    pub(super) seat: Seat,
    pub(super) nic: Nic,
    pub(super) when: When,
    pub(super) adopting: bool,
}

fn check_speed(port_speed: Option<u32>) -> Result<(), Refusal> {
    match port_speed {
        Some(0) => Err(Refusal::invalid("port_speed", 0, "it must be at least 1 megabit per second")),
        _ => Ok(()),
    }
}

/// Makes the record that binds an interface to an instance, with the interface's next generation.
pub(super) fn bind(
    draft: &mut Draft<'_>,
    instance: &Instance,
    vni: &mut Vni,
    binding: Binding,
) -> Result<Attachment, DecideError> {
    same_place(draft, vni, instance)?;
    vni_ip::check_fits(draft, vni, Room::on(instance), Some(vni.id))?;
    let id = AttachmentId::in_order(draft.ids);
    let Binding { name, port_speed, seat, nic, when, adopting } = binding;
    let name = take_name::<Attachment>(draft, name, &instance.id.to_string(), SCOPE_WORDS, id)?;
    let others = all(draft, instance.id)?;
    nic::check(instance, &others, &nic, when)?;
    let places = nic::places(instance, &nic);
    let seat = take_seat(draft, instance, &others, Wanted { seat, places, vni }, id)?;
    let default_route = others.iter().all(|other| other.lifecycle == Lifecycle::Deleting);
    vni.generation += 1;
    let attachment = Attachment {
        id,
        owner: instance.owner.clone(),
        name,
        created_at: draft.now,
        vni: vni.id,
        vpc: vni.vpc,
        instance: instance.id,
        host: instance.host,
        index: seat.number,
        card: seat.card,
        card_index: seat.index,
        nic,
        primary: when == When::First,
        default_route,
        own_public_address: false,
        generation: vni.generation,
        port_speed,
        adopting,
        lifecycle: match instance.state {
            InstanceState::Running => Lifecycle::Pending,
            InstanceState::Stopped => Lifecycle::Waiting,
        },
        failure: None,
    };
    draft.insert(&attachment);
    draft.put_raw(format!("{}{id}", record::attachments_of_vpc(vni.vpc)), id.to_string().into_bytes());
    draft.put_raw(format!("{}{id}", record::attachments_of_host(instance.host)), id.to_string().into_bytes());
    Ok(attachment)
}

/// Both in one zone; and in one VPC, unless the interface is lent by another account, which is in a VPC of its own.
fn same_place(draft: &mut Draft<'_>, vni: &Vni, instance: &Instance) -> Result<(), DecideError> {
    if vni.vpc != instance.vpc && !vni_permission::permits(draft, vni, &instance.owner, VniUse::Attach)? {
        return Err(Refusal::WrongVpc {
            vni: vni.id,
            vni_vpc: vni.vpc,
            instance: instance.id,
            instance_vpc: instance.vpc,
        }
        .into());
    }
    if vni.zone != instance.zone {
        return Err(Refusal::WrongZone {
            vni: vni.id,
            vni_zone: vni.zone.clone(),
            instance: instance.id,
            instance_zone: instance.zone.clone(),
        }
        .into());
    }
    Ok(())
}

/// A place on an instance that was found to be free.
struct Taken {
    card: u8,
    index: u8,
    /// The number of the guest's device.
    number: u8,
}

/// Where an attachment is to go.
struct Wanted<'a> {
    seat: Seat,
    /// The indexes that its kind may have.
    places: RangeInclusive<u8>,
    /// What is to be there.
    vni: &'a Vni,
}

fn take_seat(
    draft: &mut Draft<'_>,
    instance: &Instance,
    others: &[Attachment],
    wanted: Wanted<'_>,
    id: AttachmentId,
) -> Result<Taken, DecideError> {
    let Wanted { seat: wanted, mut places, vni } = wanted;
    let cards = instance.cards();
    let Some(card) = cards.get(usize::from(wanted.card)) else {
        let rule = format!("instance {} has {} network cards, the first of which is 0", instance.id, cards.len());
        return Err(Refusal::invalid("network_card_index", wanted.card, rule).into());
    };
    efa::check_place(draft, instance, (wanted.card, card), vni, others)?;
    let on_card: BTreeSet<u8> =
        others.iter().filter(|other| other.card == wanted.card).map(|other| other.card_index).collect();
    if on_card.len() >= usize::from(card.interfaces) {
        return Err(full(instance, wanted.card, card.interfaces));
    }
    let index = match wanted.index {
        Some(index) if !places.contains(&index) => {
            let rule = format!("it must be from {} to {}", places.start(), places.end());
            return Err(Refusal::invalid("device_index", index, rule).into());
        }
        Some(index) if on_card.contains(&index) => {
            let rule = format!("instance {} has another interface there", instance.id);
            return Err(Refusal::invalid("device_index", index, rule).into());
        }
        Some(index) => index,
        None => match places.find(|index| !on_card.contains(index)) {
            Some(index) => index,
            None => return Err(full(instance, wanted.card, card.interfaces)),
        },
    };
    // Devices of other cards are numbered from beyond the first card's, so that they are never in the way there.
    let numbers = if wanted.card == 0 { index..=index } else { MAX_INDEX + 1..=u8::MAX };
    for number in numbers {
        if draft.claim(record::attachment_index_key(instance.id, number), &id.to_string())?.is_ok() {
            return Ok(Taken { card: wanted.card, index, number });
        }
    }
    Err(full(instance, wanted.card, card.interfaces))
}

/// That all attachments of an instance fit its type, and the addresses of their interfaces.
pub(super) fn check_all_fit(draft: &mut Draft<'_>, instance: &Instance) -> Result<(), DecideError> {
    let all = all(draft, instance.id)?;
    for attachment in &all {
        let on_card = all.iter().filter(|other| other.card == attachment.card).count();
        let card = instance.cards().get(usize::from(attachment.card));
        let room = card.map_or(0, |card| card.interfaces);
        if on_card > usize::from(room) {
            return Err(full(instance, attachment.card, room));
        }
        let vni: Vni = draft.follow(attachment.vni)?;
        if let Some(card) = card {
            efa::check_place(draft, instance, (attachment.card, card), &vni, &all)?;
        }
        vni_ip::check_fits(draft, &vni, Room::on(instance), Some(vni.id))?;
    }
    Ok(())
}

fn full(instance: &Instance, card: u8, limit: u8) -> DecideError {
    let count = usize::from(limit) + 1;
    let of = match (instance.role, instance.kind.as_deref()) {
        (Role::Server, Some(kind)) => kind,
        (Role::Server, None) => "instances without a type",
        (Role::BareMetal, _) => "bare metal servers",
        (Role::ShareMount(_), _) => "share mount targets",
    };
    let place = if instance.cards().len() > 1 { format!(" on network card {card}") } else { String::new() };
    let what =
        format!("Interface count {count} exceeds the limit for {of}{place} (network attachments of {})", instance.id);
    Refusal::Limit { of: Limited::AttachmentsOfInstance, what, limit: limit.into() }.into()
}

pub(super) fn rename(draft: &mut Draft<'_>, id: AttachmentId, name: &str) -> Result<Attachment, DecideError> {
    update(draft, id, UpdateAttachment { name: Some(name.to_owned()), ..UpdateAttachment::default() })
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: AttachmentId,
    update: UpdateAttachment,
) -> Result<Attachment, DecideError> {
    let mut attachment: Attachment = draft.get(id)?;
    share_mount::refuse_changing(draft, &attachment)?;
    if let Some(name) = update.name {
        let scope = attachment.instance.to_string();
        change_name::<Attachment>(draft, &attachment.name, &name, &scope, SCOPE_WORDS, id)?;
        attachment.name = name;
    }
    if let Some(port_speed) = update.port_speed {
        check_speed(port_speed)?;
        attachment.port_speed = port_speed;
    }
    if let Some(vlans) = update.allowed_vlans {
        nic::allow(draft, &mut attachment, vlans)?;
    }
    draft.put(&attachment);
    Ok(attachment)
}

/// The moment after a move in which connections that began elsewhere are taken in is over. While the move still runs it is
/// not: a report that comes too early is ignored.
pub(super) fn end_adoption(draft: &mut Draft<'_>, id: AttachmentId) -> Result<(), DecideError> {
    let Some(mut attachment) = draft.find::<Attachment>(id)?.filter(|attachment| attachment.adopting) else {
        return Ok(());
    };
    if draft.find::<crate::model::Move>(attachment.vni)?.is_none_or(|moving| moving.to != id) {
        attachment.adopting = false;
        draft.put(&attachment);
    }
    Ok(())
}

pub(super) fn detach(draft: &mut Draft<'_>, id: AttachmentId, force: bool) -> Result<Attachment, DecideError> {
    let attachment = may_end(draft, id, force)?;
    keep_interface(draft, &attachment)?;
    let retired = retire(draft, attachment)?;
    if force {
        gone(draft, id)?;
    }
    Ok(retired)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: AttachmentId) -> Result<Attachment, DecideError> {
    let attachment = may_end(draft, id, false)?;
    let mut vni: Vni = draft.follow(attachment.vni)?;
    // Once it is on its way out, whatever is said of `auto_delete` comes too late.
    if vni.attachment == Some(id) && vni.auto_delete && attachment.lifecycle != Lifecycle::Deleting {
        step::<Vni>(&mut vni.lifecycle, Lifecycle::Deleting, vni.id)?;
        draft.put(&vni);
    }
    retire(draft, attachment)
}

/// The attachment with this id, if it can end while its instance stays.
fn may_end(draft: &mut Draft<'_>, id: AttachmentId, force: bool) -> Result<Attachment, DecideError> {
    let attachment = to_end(draft, id)?;
    share_mount::refuse_detaching(draft, &attachment)?;
    if attachment.primary {
        return Err(Refusal::PrimaryAttachment { attachment: id, instance: attachment.instance }.into());
    }
    if let Some(vni) = draft.follow_if_there::<Vni>(attachment.vni)? {
        child::refuse(&vni, "it can't be detached; delete it as the instance's instead")?;
        if !force {
            efa::refuse_while_running(&draft.follow(attachment.instance)?, &vni)?;
        }
    }
    vni::refuse_while_moving(draft, attachment.vni)?;
    nic::check_leaving(draft, &attachment, force)?;
    Ok(attachment)
}

/// The attachment with this id, if its instance or its interface is of who asks: either may end it.
fn to_end(draft: &mut Draft<'_>, id: AttachmentId) -> Result<Attachment, DecideError> {
    if let Some(attachment) = draft.follow_if_there::<Attachment>(id)?
        && draft.find::<Vni>(attachment.vni)?.is_some()
    {
        return Ok(attachment);
    }
    draft.get(id)
}

/// Detaching means to keep the interface, even if its instance is deleted before the host has let go.
fn keep_interface(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<(), DecideError> {
    if let Some(mut vni) = draft.follow_if_there::<Vni>(attachment.vni)?
        && vni.attachment == Some(attachment.id)
        && vni.auto_delete
        && attachment.lifecycle != Lifecycle::Deleting
    {
        vni.auto_delete = false;
        draft.put(&vni);
    }
    Ok(())
}

/// Puts an attachment on its way out; the host's word that nothing is left ends it. The default route goes to the next.
pub(super) fn retire(draft: &mut Draft<'_>, mut attachment: Attachment) -> Result<Attachment, DecideError> {
    step::<Attachment>(&mut attachment.lifecycle, Lifecycle::Deleting, attachment.id)?;
    attachment.failure = None;
    lent_address::end(draft, &attachment)?;
    if std::mem::take(&mut attachment.default_route)
        && let Some(mut heir) = all(draft, attachment.instance)?
            .into_iter()
            .find(|other| other.lifecycle != Lifecycle::Deleting && other.id != attachment.id)
    {
        heir.default_route = true;
        draft.put(&heir);
    }
    draft.put(&attachment);
    Ok(attachment)
}

/// The attachments of an instance, in order of their index.
pub(super) fn all(draft: &mut Draft<'_>, instance: InstanceId) -> Result<Vec<Attachment>, DecideError> {
    instance::attachments(draft, instance)?.into_iter().map(|id| draft.follow(id)).collect()
}

/// The host has realised it. A report about an older generation is about something that is no more: ignored.
pub(super) fn realised(draft: &mut Draft<'_>, id: AttachmentId, generation: u32) -> Result<(), DecideError> {
    let Some(mut attachment) = current(draft, id, generation)? else { return Ok(()) };
    if attachment.lifecycle == Lifecycle::Stable || !attachment.lifecycle.may_become(Lifecycle::Stable) {
        return Ok(());
    }
    attachment.failure = None;
    step::<Attachment>(&mut attachment.lifecycle, Lifecycle::Stable, id)?;
    draft.put(&attachment);
    settle_vni(draft, &attachment, Lifecycle::Stable)
}

/// The host could not realise it: said so, and tried again by the host; a later success clears it.
pub(super) fn failed(draft: &mut Draft<'_>, id: AttachmentId, generation: u32, why: String) -> Result<(), DecideError> {
    let Some(mut attachment) = current(draft, id, generation)? else { return Ok(()) };
    if attachment.lifecycle == Lifecycle::Deleting || attachment.failure.as_ref() == Some(&why) {
        return Ok(());
    }
    step::<Attachment>(&mut attachment.lifecycle, Lifecycle::Failed, id)?;
    attachment.failure = Some(why);
    draft.put(&attachment);
    settle_vni(draft, &attachment, Lifecycle::Failed)
}

/// The attachment that a report is about, if it is of this generation and its instance has not been stopped meanwhile.
fn current(draft: &mut Draft<'_>, id: AttachmentId, generation: u32) -> Result<Option<Attachment>, DecideError> {
    let Some(attachment) = draft.find::<Attachment>(id)?.filter(|attachment| attachment.generation == generation)
    else {
        return Ok(None);
    };
    let instance: Instance = draft.get(attachment.instance)?;
    Ok((instance.state == InstanceState::Running).then_some(attachment))
}

/// The interface shows the state of the attachment that speaks for it.
fn settle_vni(draft: &mut Draft<'_>, attachment: &Attachment, to: Lifecycle) -> Result<(), DecideError> {
    let mut vni: Vni = draft.get(attachment.vni)?;
    let moving = draft.find::<crate::model::Move>(vni.id)?.is_some();
    if vni.attachment == Some(attachment.id) && !moving && vni.lifecycle.may_become(to) {
        step::<Vni>(&mut vni.lifecycle, to, vni.id)?;
        draft.put(&vni);
    }
    Ok(())
}

/// The host has nothing of it any more: the record goes, and with it an interface that goes with its target.
pub(super) fn gone(draft: &mut Draft<'_>, id: AttachmentId) -> Result<(), DecideError> {
    let Some(attachment) = draft.follow_if_there::<Attachment>(id)? else { return Ok(()) };
    if attachment.lifecycle != Lifecycle::Deleting {
        return Ok(());
    }
    flow_log::erase_of(draft, FlowLogTarget::Attachment(id))?;
    erase(draft, &attachment);
    // A mount target is gone as a whole: its host says so of its attachment only once what served there has ended.
    share_mount::gone(draft, &attachment)?;
    // An interface that has moved on can be deleted before the host that it left has let go.
    let Some(mut vni) = draft.follow_if_there::<Vni>(attachment.vni)? else { return Ok(()) };
    if vni.attachment == Some(id) {
        vni.attachment = None;
        let with_target = vni.child || vni.auto_delete && instance_goes(draft, &attachment)?;
        if with_target || vni.lifecycle == Lifecycle::Deleting {
            return vni::erase(draft, &vni);
        }
        vni.auto_delete = false;
        step::<Vni>(&mut vni.lifecycle, Lifecycle::Stable, vni.id)?;
        draft.put(&vni);
    }
    Ok(())
}

fn instance_goes(draft: &mut Draft<'_>, attachment: &Attachment) -> Result<bool, DecideError> {
    let instance = draft.follow_if_there::<Instance>(attachment.instance)?;
    Ok(instance.is_none_or(|instance| instance.lifecycle == Lifecycle::Deleting))
}

/// Removes the record with everything that it occupies.
pub(super) fn erase(draft: &mut Draft<'_>, attachment: &Attachment) {
    let Attachment { id, instance, .. } = *attachment;
    draft.delete_raw(record::name_key::<Attachment>(&instance.to_string(), &attachment.name));
    draft.delete_raw(record::attachment_index_key(instance, attachment.index));
    draft.delete_raw(format!("{}{id}", record::attachments_of_vpc(attachment.vpc)));
    draft.delete_raw(format!("{}{id}", record::attachments_of_host(attachment.host)));
    draft.remove(attachment);
}
