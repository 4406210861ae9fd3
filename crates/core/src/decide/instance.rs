//! Rules of instances: on a host of their zone, with their primary attachment for life, gone only when their host says so.

use std::collections::BTreeMap;

use super::nic::When;
use super::{
    attachment, change_name, departed, flow_log, lent_address, placing, share_mount, step, take_name, vni_policy,
};
use crate::command::{CreateInstance, NewAttachment, NewLaunch, UpdateInstance, VniChoice};
use crate::draft::{Draft, decode_as, encode};
use crate::id::{AttachmentId, InstanceId, ReservationId, VniId};
use crate::instance_profile;
use crate::instance_type::{self, InstanceType};
use crate::lifecycle::Lifecycle;
use crate::limits::{IPS_PER_INTERFACE, MAX_IPS_PER_INTERFACE, NOTES_LENGTH};
use crate::model::{Attachment, FlowLogTarget, Instance, InstanceState, Launch, Namespace, ReservedIp, Role, Vni, Vpc};
use crate::record;
use crate::refusal::{DecideError, Limited, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, mut create: CreateInstance) -> Result<Instance, DecideError> {
    let launch = match create.launch.take() {
        None => None,
        Some(new) => Some((new, ReservationId::new(draft.ids), 0)),
    };
    create_launched(draft, create, launch)
}

/// What an instance is launched from, the launch, and its place in it.
pub(super) type Launched = (Box<NewLaunch>, ReservationId, u32);

pub(super) fn create_launched(
    draft: &mut Draft<'_>,
    create: CreateInstance,
    launch: Option<Launched>,
) -> Result<Instance, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    if draft.by.is_tenant() && create.namespace != Namespace::Made {
        return Err(Refusal::NotPermitted { action: "giving an instance something of its host" }.into());
    }
    check_namespace(&create.namespace)?;
    if create.role == Role::BareMetal && create.primary.is_none() {
        let rule = "a bare metal server has a primary network attachment from the start";
        return Err(Refusal::invalid("primary_network_attachment", "", rule).into());
    }
    vni_policy::check_rate("bandwidth_kbps", create.bandwidth_kbps)?;
    let ips_per_interface = create.ips_per_interface.unwrap_or(IPS_PER_INTERFACE);
    if !(1..=MAX_IPS_PER_INTERFACE).contains(&ips_per_interface) {
        let rule = format!("it must be from 1 to {MAX_IPS_PER_INTERFACE}");
        return Err(Refusal::invalid("ips_per_interface", ips_per_interface, rule).into());
    }
    if let Some((new, ..)) = &launch {
        check_kind(new)?;
        check_notes(&new.notes)?;
    }
    let id = InstanceId::in_order(draft.ids);
    let host = placing::choose(draft, &vpc, &create)?;
    let (launch, new) = match launch {
        None => (None, NewLaunch::default()),
        Some((new, reservation, index)) => (Some((reservation, index)), *new),
    };
    let launch = launch.filter(|_| !new.alone);
    let NewLaunch { kind, image, delete_protected, stop_protected, notes, .. } = new;
    let mut instance = Instance {
        id,
        owner: vpc.owner,
        name: String::new(),
        created_at: draft.now,
        role: create.role,
        style: create.style,
        vpc: vpc.id,
        host: host.id,
        zone: host.zone,
        namespace: create.namespace,
        bandwidth_kbps: create.bandwidth_kbps,
        ips_per_interface,
        kind,
        launch: launch.map(|(reservation, index)| Launch { reservation, index, image }),
        delete_protected,
        stop_protected,
        state: InstanceState::Running,
        told_at: draft.now,
        started_at: draft.now,
        lifecycle: Lifecycle::Pending,
        failure: None,
    };
    // Named before its interfaces are: names that are made up come in that order.
    let scope = name_scope(&instance);
    let named_by_address = create.name.is_none() && instance.launch.is_some();
    if !named_by_address {
        instance.name = take_name::<Instance>(draft, create.name, &scope, SCOPE_WORDS, id)?;
    }
    insert(draft, &instance);
    put_notes(draft, id, notes);
    let mut first = None;
    if let Some(primary) = create.primary {
        first = Some(attachment::create(draft, &instance, with_target(primary), When::First)?.vni);
    }
    for new in create.attachments {
        attachment::create(draft, &instance, with_target(new), When::WithServer)?;
    }
    if named_by_address {
        instance.name = name_by_address(draft, id, &scope, first)?;
        draft.put(&instance);
    }
    Ok(instance)
}

/// Writes a new record with its places in the indexes.
pub(super) fn insert(draft: &mut Draft<'_>, instance: &Instance) {
    let Instance { id, host, .. } = *instance;
    draft.insert(instance);
    draft.put_raw(vpc_key(instance), id.to_string().into_bytes());
    draft.put_raw(format!("{}{id}", record::instances_of_host(host)), id.to_string().into_bytes());
}

/// The key of an instance in the index of its VPC.
fn vpc_key(instance: &Instance) -> String {
    let index = match instance.role {
        Role::Server | Role::BareMetal => record::instances_of_vpc(instance.vpc),
        Role::ShareMount(_) => record::mounts_of_vpc(instance.vpc),
    };
    format!("{index}{}", instance.id)
}

/// Within what an instance's name is unique: a share's mount targets have names of their own.
pub(super) fn name_scope(instance: &Instance) -> String {
    match instance.role {
        Role::Server | Role::BareMetal => instance.vpc.to_string(),
        Role::ShareMount(share) => share.to_string(),
    }
}

/// An instance that a request names. What serves a share is none to its users.
pub(super) fn named(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    let instance: Instance = draft.get(id)?;
    match instance.role {
        Role::Server | Role::BareMetal => Ok(instance),
        Role::ShareMount(_) => Err(Refusal::NotFound { noun: Noun::Instance, id: id.to_string() }.into()),
    }
}

/// The name of an instance that was launched without one: as EC2 calls hosts, after the primary address. If somebody has
/// that name already, one that is made up.
fn name_by_address(
    draft: &mut Draft<'_>,
    id: InstanceId,
    scope: &str,
    first: Option<VniId>,
) -> Result<String, DecideError> {
    if let Some(first) = first {
        let ip = draft.get::<Vni>(first)?.primary_ip();
        let name = format!("ip-{}", draft.get::<ReservedIp>(ip)?.address.to_string().replace('.', "-"));
        if draft.claim(record::name_key::<Instance>(scope, &name), &id.to_string())?.is_ok() {
            return Ok(name);
        }
    }
    take_name::<Instance>(draft, None, scope, SCOPE_WORDS, id)
}

fn check_kind(new: &NewLaunch) -> Result<(), Refusal> {
    let kind = new.kind.as_deref();
    match kind {
        None if new.alone => Ok(()),
        Some(kind) if new.alone => {
            let rule = "there is no instance profile of this name";
            instance_profile::find(kind).map(drop).ok_or_else(|| Refusal::invalid("profile", kind, rule))
        }
        kind => instance_type(kind.unwrap_or_default()).map(drop),
    }
}

fn instance_type(name: &str) -> Result<&'static InstanceType, Refusal> {
    instance_type::find(name)
        .ok_or_else(|| Refusal::invalid("instance_type", name, "there is no instance type of this name"))
}

fn check_notes(notes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let length: usize = notes.values().map(String::len).sum();
    if length > NOTES_LENGTH {
        let what = format!("what is to be kept with an instance has {length} bytes");
        return Err(Refusal::Limit { of: Limited::NotesOfInstance, what, limit: NOTES_LENGTH as u64 });
    }
    Ok(())
}

fn put_notes(draft: &mut Draft<'_>, id: InstanceId, notes: BTreeMap<String, String>) {
    let key = record::notes_key(id);
    if notes.is_empty() { draft.delete_raw(key) } else { draft.put_raw(key, encode(&notes)) }
}

/// An interface made with its target goes with its target, unless said otherwise.
fn with_target(mut new: NewAttachment) -> NewAttachment {
    if let VniChoice::New(create) = &mut new.vni {
        create.auto_delete.get_or_insert(true);
    }
    new
}

fn check_namespace(namespace: &Namespace) -> Result<(), DecideError> {
    match namespace {
        Namespace::Path(path) if !path.starts_with('/') || path.len() > 4096 || path.contains('\0') => {
            let rule = "it must be the absolute path of a network namespace's file, such as /run/netns/web";
            Err(Refusal::invalid("namespace.path", path, rule).into())
        }
        // The kernel's "no user": the taps would be everybody's.
        Namespace::Tap { owner: Some(u32::MAX) } => {
            let rule = "it must be the id of a user, from 0 to 4294967294";
            Err(Refusal::invalid("namespace.tap.owner", u32::MAX, rule).into())
        }
        Namespace::Pid(0) => Err(Refusal::invalid("namespace.pid", 0, "it must be the id of a running process").into()),
        _ => Ok(()),
    }
}

pub(super) fn rename(draft: &mut Draft<'_>, id: InstanceId, name: &str) -> Result<Instance, DecideError> {
    update(draft, id, UpdateInstance { name: Some(name.to_owned()), ..UpdateInstance::default() })
}

pub(super) fn update(draft: &mut Draft<'_>, id: InstanceId, update: UpdateInstance) -> Result<Instance, DecideError> {
    let mut instance = named(draft, id)?;
    let before = instance.clone();
    if let Some(name) = update.name {
        change_name::<Instance>(draft, &instance.name, &name, &name_scope(&instance), SCOPE_WORDS, id)?;
        instance.name = name;
    }
    if let Some(bandwidth) = update.bandwidth_kbps {
        vni_policy::check_rate("bandwidth_kbps", bandwidth)?;
        instance.bandwidth_kbps = bandwidth;
    }
    if let Some(kind) = update.kind {
        change_type(draft, &mut instance, kind)?;
    }
    instance.delete_protected = update.delete_protected.unwrap_or(instance.delete_protected);
    instance.stop_protected = update.stop_protected.unwrap_or(instance.stop_protected);
    if !update.notes.is_empty() {
        change_notes(draft, id, update.notes)?;
    }
    let shown = |instance: &Instance| (instance.name.clone(), instance.bandwidth_kbps);
    if shown(&before) != shown(&instance) {
        draft.put_raw(record::ports_of_instance_key(id), draft.now.0.to_string().into_bytes());
    }
    draft.put(&instance);
    Ok(instance)
}

/// Another type, which must have room for what is attached.
fn change_type(draft: &mut Draft<'_>, instance: &mut Instance, kind: String) -> Result<(), DecideError> {
    instance_type(&kind)?;
    if instance.role != Role::Server {
        return Err(Refusal::invalid("instance_type", kind, "only servers have one").into());
    }
    if instance.state != InstanceState::Stopped || instance.lifecycle != Lifecycle::Waiting {
        let state = if instance.lifecycle == Lifecycle::Deleting { "deleting" } else { "running" };
        let rule = "its type can be changed while it is stopped only; stop it first".to_owned();
        let (noun, id) = (Noun::Instance, instance.id.to_string());
        return Err(Refusal::WrongState { noun, id, state: state.to_owned(), rule }.into());
    }
    instance.kind = Some(kind);
    attachment::check_all_fit(draft, instance)
}

fn change_notes(
    draft: &mut Draft<'_>,
    id: InstanceId,
    changes: BTreeMap<String, Option<String>>,
) -> Result<(), DecideError> {
    let key = record::notes_key(id);
    let before = draft.raw(&key)?;
    let mut notes: BTreeMap<String, String> =
        before.map(|value| decode_as(&key, &value)).transpose()?.unwrap_or_default();
    for (name, text) in changes {
        match text {
            Some(text) => drop(notes.insert(name, text)),
            None => drop(notes.remove(&name)),
        }
    }
    check_notes(&notes)?;
    put_notes(draft, id, notes);
    Ok(())
}

pub(super) fn start(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    set_state(draft, id, InstanceState::Running)
}

pub(super) fn stop(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    set_state(draft, id, InstanceState::Stopped)
}

fn set_state(draft: &mut Draft<'_>, id: InstanceId, state: InstanceState) -> Result<Instance, DecideError> {
    let mut instance = named(draft, id)?;
    refuse_deleting(&instance)?;
    if instance.state == state {
        return Ok(instance);
    }
    if state == InstanceState::Stopped && instance.stop_protected {
        return Err(Refusal::Protected { instance: id, what: "stopped" }.into());
    }
    instance.state = state;
    instance.told_at = draft.now;
    if state == InstanceState::Running {
        instance.started_at = draft.now;
    }
    let theirs = match state {
        InstanceState::Running => Lifecycle::Pending,
        InstanceState::Stopped => Lifecycle::Waiting,
    };
    // Until its host has done it; one that no host has realised yet stays pending.
    if instance.lifecycle.may_become(Lifecycle::Updating) {
        step::<Instance>(&mut instance.lifecycle, Lifecycle::Updating, id)?;
    }
    instance.failure = None;
    draft.put(&instance);
    for attachment in attachments(draft, id)? {
        let mut attachment: Attachment = draft.get(attachment)?;
        if attachment.lifecycle != Lifecycle::Deleting {
            super::vni::refuse_while_moving(draft, attachment.vni)?;
            step::<Attachment>(&mut attachment.lifecycle, theirs, attachment.id)?;
            attachment.failure = None;
            draft.put(&attachment);
            match state {
                InstanceState::Running => lent_address::resume(draft, &attachment)?,
                InstanceState::Stopped => lent_address::end(draft, &attachment)?,
            }
        }
    }
    Ok(instance)
}

/// The host has nothing of a stopped instance any more.
pub(super) fn stopped(draft: &mut Draft<'_>, id: InstanceId) -> Result<(), DecideError> {
    let Some(mut instance) = draft.find::<Instance>(id)? else { return Ok(()) };
    let known = instance.lifecycle == Lifecycle::Waiting;
    if !known && instance.state == InstanceState::Stopped && instance.lifecycle.may_become(Lifecycle::Waiting) {
        step::<Instance>(&mut instance.lifecycle, Lifecycle::Waiting, id)?;
        draft.put(&instance);
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    let instance = named(draft, id)?;
    retire(draft, instance)
}

/// Puts an instance and its attachments on their way out.
pub(super) fn retire(draft: &mut Draft<'_>, mut instance: Instance) -> Result<Instance, DecideError> {
    let id = instance.id;
    if instance.delete_protected && instance.lifecycle != Lifecycle::Deleting {
        return Err(Refusal::Protected { instance: id, what: "deleted" }.into());
    }
    if instance.lifecycle != Lifecycle::Deleting {
        instance.told_at = draft.now;
    }
    for attachment in attachments(draft, id)? {
        let attachment: Attachment = draft.get(attachment)?;
        if attachment.lifecycle != Lifecycle::Deleting {
            super::vni::refuse_while_moving(draft, attachment.vni)?;
            attachment::retire(draft, attachment)?;
        }
    }
    step::<Instance>(&mut instance.lifecycle, Lifecycle::Deleting, id)?;
    draft.put(&instance);
    Ok(instance)
}

pub(super) fn realised(draft: &mut Draft<'_>, id: InstanceId) -> Result<(), DecideError> {
    let Some(mut instance) = draft.find::<Instance>(id)? else { return Ok(()) };
    let known = instance.lifecycle == Lifecycle::Stable;
    if !known && instance.lifecycle.may_become(Lifecycle::Stable) && instance.state == InstanceState::Running {
        instance.failure = None;
        step::<Instance>(&mut instance.lifecycle, Lifecycle::Stable, id)?;
        draft.put(&instance);
    }
    Ok(())
}

pub(super) fn failed(draft: &mut Draft<'_>, id: InstanceId, why: String) -> Result<(), DecideError> {
    let Some(mut instance) = draft.find::<Instance>(id)? else { return Ok(()) };
    let known = instance.failure.as_ref() == Some(&why);
    if !known && instance.lifecycle.may_become(Lifecycle::Failed) && instance.state == InstanceState::Running {
        step::<Instance>(&mut instance.lifecycle, Lifecycle::Failed, id)?;
        instance.failure = Some(why);
        draft.put(&instance);
    }
    Ok(())
}

/// The host has nothing of it any more; its record goes once its attachments' have gone.
pub(super) fn gone(draft: &mut Draft<'_>, id: InstanceId) -> Result<(), DecideError> {
    let Some(instance) = draft.find::<Instance>(id)? else { return Ok(()) };
    if instance.lifecycle != Lifecycle::Deleting || !attachments(draft, id)?.is_empty() {
        return Ok(());
    }
    draft.delete_raw(record::name_key::<Instance>(&name_scope(&instance), &instance.name));
    share_mount::release(draft, &instance);
    draft.delete_raw(vpc_key(&instance));
    draft.delete_raw(format!("{}{id}", record::instances_of_host(instance.host)));
    draft.delete_raw(record::ports_of_instance_key(id));
    draft.delete_raw(record::notes_key(id));
    flow_log::erase_of(draft, FlowLogTarget::Instance(id))?;
    if instance.launch.is_some() {
        departed::remember(draft, instance.clone())?;
    }
    draft.remove(&instance);
    Ok(())
}

pub(super) fn attachments(draft: &mut Draft<'_>, id: InstanceId) -> Result<Vec<AttachmentId>, DecideError> {
    draft.index(&record::attachments_of_instance(id))
}

pub(super) fn refuse_deleting(instance: &Instance) -> Result<(), DecideError> {
    if instance.lifecycle != Lifecycle::Deleting {
        return Ok(());
    }
    Err(Refusal::WrongState {
        noun: Noun::Instance,
        id: instance.id.to_string(),
        state: Lifecycle::Deleting.label().to_owned(),
        rule: "an instance that is being deleted takes no change".to_owned(),
    }
    .into())
}
