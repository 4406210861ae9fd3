//! Rules of instances: on a host of their zone, with their primary attachment for life, gone only when their host says so.

use super::{attachment, change_name, step, take_name, vni_policy};
use crate::command::{CreateInstance, NewAttachment, UpdateInstance, VniChoice};
use crate::draft::Draft;
use crate::id::{AttachmentId, HostId, InstanceId};
use crate::lifecycle::Lifecycle;
use crate::limits::{IPS_PER_INTERFACE, MAX_IPS_PER_INTERFACE};
use crate::model::{Attachment, Host, Instance, InstanceState, Namespace, Vpc};
use crate::record::{self, list_prefix};
use crate::refusal::{DecideError, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateInstance) -> Result<Instance, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    if draft.by.is_tenant() && create.namespace != Namespace::Made {
        return Err(Refusal::NotPermitted { action: "giving an instance something of its host" }.into());
    }
    check_namespace(&create.namespace)?;
    vni_policy::check_rate("bandwidth_kbps", create.bandwidth_kbps)?;
    let ips_per_interface = create.ips_per_interface.unwrap_or(IPS_PER_INTERFACE);
    if !(1..=MAX_IPS_PER_INTERFACE).contains(&ips_per_interface) {
        let rule = format!("it must be from 1 to {MAX_IPS_PER_INTERFACE}");
        return Err(Refusal::invalid("ips_per_interface", ips_per_interface, rule).into());
    }
    let host = choose_host(draft, &vpc, &create)?;
    let id = InstanceId::new(draft.ids);
    let name = take_name::<Instance>(draft, create.name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let instance = Instance {
        id,
        owner: vpc.owner,
        name,
        created_at: draft.now,
        vpc: vpc.id,
        host: host.id,
        zone: host.zone,
        namespace: create.namespace,
        bandwidth_kbps: create.bandwidth_kbps,
        ips_per_interface,
        state: InstanceState::Running,
        lifecycle: Lifecycle::Pending,
        failure: None,
    };
    draft.insert(&instance);
    draft.put_raw(format!("{}{id}", record::instances_of_vpc(vpc.id)), id.to_string().into_bytes());
    draft.put_raw(format!("{}{id}", record::instances_of_host(host.id)), id.to_string().into_bytes());
    if let Some(primary) = create.primary {
        attachment::create(draft, &instance, with_target(primary), true)?;
    }
    for new in create.attachments {
        attachment::create(draft, &instance, with_target(new), false)?;
    }
    Ok(instance)
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

fn choose_host(draft: &mut Draft<'_>, vpc: &Vpc, create: &CreateInstance) -> Result<Host, DecideError> {
    if let Some(id) = create.host {
        let host = draft.named_host(id)?;
        draft.check_zone(&vpc.owner, &host.zone)?;
        if let Some(zone) = &create.zone
            && *zone != host.zone
        {
            let rule = format!("host {id} is in zone '{}'", host.zone);
            return Err(Refusal::invalid("zone", zone, rule).into());
        }
        return Ok(host);
    }
    let Some(zone) = &create.zone else {
        return Err(Refusal::invalid("zone", "", "it is needed when no host is named").into());
    };
    draft.check_zone(&vpc.owner, zone)?;
    let mut best: Option<(u64, Host)> = None;
    for id in draft.index::<HostId>(&list_prefix::<Host>(""))? {
        let host: Host = draft.get(id)?;
        let load = draft.count_hint(&record::instances_of_host(id))?;
        if host.zone == *zone && best.as_ref().is_none_or(|(least, _)| load < *least) {
            best = Some((load, host));
        }
    }
    best.map(|(_, host)| host).ok_or_else(|| Refusal::NoHost { zone: zone.clone() }.into())
}

pub(super) fn rename(draft: &mut Draft<'_>, id: InstanceId, name: &str) -> Result<Instance, DecideError> {
    update(draft, id, UpdateInstance { name: Some(name.to_owned()), ..UpdateInstance::default() })
}

pub(super) fn update(draft: &mut Draft<'_>, id: InstanceId, update: UpdateInstance) -> Result<Instance, DecideError> {
    let mut instance: Instance = draft.get(id)?;
    let before = instance.clone();
    if let Some(name) = update.name {
        change_name::<Instance>(draft, &instance.name, &name, &instance.vpc.to_string(), SCOPE_WORDS, id)?;
        instance.name = name;
    }
    if let Some(bandwidth) = update.bandwidth_kbps {
        vni_policy::check_rate("bandwidth_kbps", bandwidth)?;
        instance.bandwidth_kbps = bandwidth;
    }
    let shown = |instance: &Instance| (instance.name.clone(), instance.bandwidth_kbps);
    if shown(&before) != shown(&instance) {
        draft.put_raw(record::ports_of_instance_key(id), draft.now.0.to_string().into_bytes());
    }
    draft.put(&instance);
    Ok(instance)
}

pub(super) fn start(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    set_state(draft, id, InstanceState::Running)
}

pub(super) fn stop(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    set_state(draft, id, InstanceState::Stopped)
}

fn set_state(draft: &mut Draft<'_>, id: InstanceId, state: InstanceState) -> Result<Instance, DecideError> {
    let mut instance: Instance = draft.get(id)?;
    refuse_deleting(&instance)?;
    if instance.state == state {
        return Ok(instance);
    }
    instance.state = state;
    let (own, theirs) = match state {
        InstanceState::Running => (Lifecycle::Updating, Lifecycle::Pending),
        InstanceState::Stopped => (Lifecycle::Waiting, Lifecycle::Waiting),
    };
    if instance.lifecycle.may_become(own) {
        step::<Instance>(&mut instance.lifecycle, own, id)?;
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
        }
    }
    Ok(instance)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: InstanceId) -> Result<Instance, DecideError> {
    let mut instance: Instance = draft.get(id)?;
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
    draft.delete_raw(record::name_key::<Instance>(&instance.vpc.to_string(), &instance.name));
    draft.delete_raw(format!("{}{id}", record::instances_of_vpc(instance.vpc)));
    draft.delete_raw(format!("{}{id}", record::instances_of_host(instance.host)));
    draft.delete_raw(record::ports_of_instance_key(id));
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
