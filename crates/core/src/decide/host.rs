//! Rules of hosts: one name, one underlay address, removed only when nothing runs there.

use super::{attachment, change_name, instance, share};
use crate::command::RegisterHost;
use crate::draft::Draft;
use crate::id::{HostId, InstanceId, PublicGatewayId, ShareId};
use crate::lifecycle::Lifecycle;
use crate::model::{Host, Instance};
use crate::name::validate_zone;
use crate::net::{MIN_GUEST_MTU, VXLAN_OVERHEAD};
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE: &str = "";
const SCOPE_WORDS: &str = "this server";
/// The smallest MTU that IPv4 lets a link have for guests (RFC 791: every host can take 576 bytes), with the overlay's bytes.
const MIN_UNDERLAY_MTU: u16 = MIN_GUEST_MTU + VXLAN_OVERHEAD;

/// Joins a host, or brings its record up to date.
pub(super) fn register(draft: &mut Draft<'_>, register: RegisterHost) -> Result<Host, DecideError> {
    check(&register)?;
    let RegisterHost { id, name, zone, vtep, underlay_mtu, uplink, max_ports } = register;
    let before: Option<Host> = draft.find(id)?;
    match &before {
        Some(before) => change_name::<Host>(draft, &before.name, &name, SCOPE, SCOPE_WORDS, id)?,
        None => {
            crate::name::validate(&name)?;
            draft.claim_name::<Host>(SCOPE, SCOPE_WORDS.to_owned(), &name, id)?;
        }
    }
    if before.as_ref().is_some_and(|before| before.zone != zone)
        && let Some(instance) = draft.first::<InstanceId>(&record::instances_of_host(id))?
    {
        let remedy = "a host's zone can't change while it has instances";
        return Err(in_use(id, Holder::Instance(instance), remedy));
    }
    if before.as_ref().is_some_and(|before| before.zone != zone)
        && let Some(share) = draft.first::<ShareId>(&record::shares_of_host(id))?
    {
        return Err(in_use(id, Holder::Share(share), "a host's zone can't change while it keeps shares"));
    }
    let loses_uplink = before.as_ref().is_some_and(|before| before.uplink.is_some() && uplink.is_none());
    let moves = before.as_ref().is_some_and(|before| before.zone != zone);
    if (loses_uplink || moves)
        && let Some(gateway) = draft.first::<PublicGatewayId>(&record::gateways_of_host(id))?
    {
        let remedy = "a host keeps its zone and its uplink while it has public gateways";
        return Err(in_use(id, Holder::PublicGateway(gateway), remedy));
    }
    if before.as_ref().is_none_or(|before| before.vtep != vtep) {
        if let Err(holder) = draft.claim(record::vtep_key(vtep), &id.to_string())? {
            let rule = format!("it is the underlay address of {holder}; each host needs its own");
            return Err(Refusal::invalid("vtep", vtep, rule).into());
        }
        if let Some(before) = &before {
            draft.delete_raw(record::vtep_key(before.vtep));
        }
    }
    let created_at = before.as_ref().map_or(draft.now, |before| before.created_at);
    let host = Host { id, name, zone, vtep, underlay_mtu, uplink, max_ports, created_at };
    if let Some(before) = before.as_ref().filter(|before| before.zone != host.zone) {
        draft.delete_raw(zone_key(before));
    }
    if before.as_ref().is_none_or(|before| before.zone != host.zone) {
        draft.put_raw(zone_key(&host), id.to_string().into_bytes());
    }
    match before {
        Some(before) if before == host => {}
        Some(_) => draft.put(&host),
        None => draft.insert(&host),
    }
    Ok(host)
}

fn zone_key(host: &Host) -> String {
    format!("{}{}", record::hosts_of_zone(&host.zone), host.id)
}

fn check(register: &RegisterHost) -> Result<(), Refusal> {
    validate_zone(&register.zone)?;
    let vtep = register.vtep;
    if vtep.is_unspecified() || vtep.is_multicast() || vtep.is_broadcast() || vtep.is_loopback() {
        return Err(Refusal::invalid("vtep", vtep, "it must be the host's unicast address on the underlay"));
    }
    if register.underlay_mtu < MIN_UNDERLAY_MTU {
        let rule = format!(
            "the underlay's MTU must be at least {MIN_UNDERLAY_MTU}: {MIN_GUEST_MTU} for guests and {VXLAN_OVERHEAD} for VXLAN"
        );
        return Err(Refusal::invalid("underlay_mtu", register.underlay_mtu, rule));
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: HostId) -> Result<Host, DecideError> {
    let host: Host = draft.get(id)?;
    if let Some(instance) = draft.first::<InstanceId>(&record::instances_of_host(id))? {
        return Err(in_use(id, Holder::Instance(instance), "delete its instances first"));
    }
    if let Some(gateway) = draft.first::<PublicGatewayId>(&record::gateways_of_host(id))? {
        return Err(in_use(id, Holder::PublicGateway(gateway), "delete its public gateways first"));
    }
    if let Some(share) = draft.first::<ShareId>(&record::shares_of_host(id))? {
        return Err(in_use(id, Holder::Share(share), "delete its shares first"));
    }
    draft.delete_raw(record::name_key::<Host>(SCOPE, &host.name));
    draft.delete_raw(record::vtep_key(host.vtep));
    draft.delete_raw(zone_key(&host));
    draft.remove(&host);
    Ok(host)
}

/// Removes a host that will never say again that it has let go of anything: what is being deleted there has gone with it.
pub(super) fn delete_lost(draft: &mut Draft<'_>, id: HostId) -> Result<Host, DecideError> {
    for instance in draft.index::<InstanceId>(&record::instances_of_host(id))? {
        if draft.get::<Instance>(instance)?.lifecycle == Lifecycle::Deleting {
            for attachment in instance::attachments(draft, instance)? {
                attachment::gone(draft, attachment)?;
            }
            instance::gone(draft, instance)?;
        }
    }
    for id in draft.index::<ShareId>(&record::shares_of_host(id))? {
        share::gone(draft, id)?;
    }
    delete(draft, id)
}

fn in_use(id: HostId, holder: Holder, remedy: &'static str) -> DecideError {
    Refusal::InUse { noun: Noun::Host, id: id.to_string(), holder, remedy }.into()
}
