//! Rules of interfaces: one subnet for all addresses, a primary address always, deleted only when not attached.

use super::{address, change_name, take_name};
use crate::command::{CreateVni, IpChoice, UpdateVni};
use crate::draft::Draft;
use crate::id::{ReservedIpId, SubnetId, VniId};
use crate::lifecycle::Lifecycle;
use crate::model::{Move, ReservedIp, Subnet, Vni};
use crate::net::Mac;
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

/// An interface on its own: it can't go with a target that it does not have.
pub(super) fn create_unbound(draft: &mut Draft<'_>, create: CreateVni) -> Result<Vni, DecideError> {
    if create.auto_delete == Some(true) {
        return Err(auto_delete_unbound());
    }
    self::create(draft, create, false)
}

fn auto_delete_unbound() -> DecideError {
    Refusal::invalid("auto_delete", true, "it must be false while the virtual network interface is not attached").into()
}

pub(super) fn create(draft: &mut Draft<'_>, create: CreateVni, auto_delete: bool) -> Result<Vni, DecideError> {
    if create.ips.len() >= crate::model::MAX_IPS {
        return Err(too_many_ips(None));
    }
    let subnet: Subnet = subnet_of(draft, &create)?;
    let id = VniId::new(draft.ids);
    let name = take_name::<Vni>(draft, create.name, &subnet.vpc.to_string(), SCOPE_WORDS, id)?;
    let mut ips = Vec::with_capacity(1 + create.ips.len());
    for choice in std::iter::once(create.primary_ip).chain(create.ips) {
        ips.push(address::take(draft, &subnet, choice, Some(id))?.id);
    }
    let vni = Vni {
        id,
        name,
        created_at: draft.now,
        vpc: subnet.vpc,
        subnet: subnet.id,
        zone: subnet.zone,
        mac: take_mac(draft, id)?,
        ips,
        allow_ip_spoofing: create.allow_ip_spoofing.unwrap_or(false),
        auto_delete: create.auto_delete.unwrap_or(auto_delete),
        enable_infrastructure_nat: create.enable_infrastructure_nat.unwrap_or(true),
        protocol_state_filtering: create.protocol_state_filtering.unwrap_or_default(),
        lifecycle: Lifecycle::Stable,
        generation: 0,
        attachment: None,
    };
    draft.insert(&vni);
    draft.put_raw(format!("{}{id}", record::vnis_of_subnet(vni.subnet)), id.to_string().into_bytes());
    Ok(vni)
}

fn subnet_of(draft: &mut Draft<'_>, create: &CreateVni) -> Result<Subnet, DecideError> {
    let reserved = match create.primary_ip {
        IpChoice::Reserved(ip) => Some(draft.get::<ReservedIp>(ip)?.subnet),
        _ => None,
    };
    match create.subnet.or(reserved) {
        Some(subnet) => draft.get::<Subnet>(subnet),
        None => Err(Refusal::invalid("subnet", "", "it is needed unless primary_ip is an existing reserved IP").into()),
    }
}

fn take_mac(draft: &mut Draft<'_>, id: VniId) -> Result<Mac, DecideError> {
    loop {
        let mac = Mac::local(draft.ids.bits());
        if draft.claim(record::mac_key(mac), &id.to_string())?.is_ok() {
            return Ok(mac);
        }
    }
}

pub(super) fn update(draft: &mut Draft<'_>, id: VniId, update: UpdateVni) -> Result<Vni, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    if let Some(name) = update.name {
        change_name::<Vni>(draft, &vni.name, &name, &vni.vpc.to_string(), SCOPE_WORDS, id)?;
        vni.name = name;
    }
    if let Some(auto_delete) = update.auto_delete {
        if auto_delete && vni.attachment.is_none() {
            return Err(auto_delete_unbound());
        }
        vni.auto_delete = auto_delete;
    }
    if let Some(nat) = update.enable_infrastructure_nat {
        check_nat(nat, vni.attachment.is_some())?;
        vni.enable_infrastructure_nat = nat;
    }
    vni.allow_ip_spoofing = update.allow_ip_spoofing.unwrap_or(vni.allow_ip_spoofing);
    vni.protocol_state_filtering = update.protocol_state_filtering.unwrap_or(vni.protocol_state_filtering);
    draft.put(&vni);
    Ok(vni)
}

/// An instance's interface needs infrastructure NAT; other targets may do without.
pub(super) fn check_nat(nat: bool, attached: bool) -> Result<(), DecideError> {
    if attached && !nat {
        let rule = "it must be true while the virtual network interface is attached to an instance";
        return Err(Refusal::invalid("enable_infrastructure_nat", false, rule).into());
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: VniId) -> Result<Vni, DecideError> {
    let vni: Vni = draft.get(id)?;
    if let Some(attachment) = vni.attachment {
        let (holder, remedy) = (Holder::Attachment(attachment), "detach it first");
        return Err(Refusal::InUse { noun: Noun::Vni, id: id.to_string(), holder, remedy }.into());
    }
    erase(draft, &vni)?;
    Ok(vni)
}

/// Removes an interface with everything that it occupies; its reservations go or stay unbound, as each says.
pub(super) fn erase(draft: &mut Draft<'_>, vni: &Vni) -> Result<(), DecideError> {
    for ip in &vni.ips {
        address::release(draft, *ip)?;
    }
    draft.delete_raw(record::name_key::<Vni>(&vni.vpc.to_string(), &vni.name));
    draft.delete_raw(record::mac_key(vni.mac));
    draft.delete_raw(format!("{}{}", record::vnis_of_subnet(vni.subnet), vni.id));
    draft.remove(vni);
    Ok(())
}

pub(super) fn add_ip(draft: &mut Draft<'_>, id: VniId, choice: IpChoice) -> Result<ReservedIp, DecideError> {
    let vni: Vni = draft.get(id)?;
    let subnet: Subnet = draft.get(vni.subnet)?;
    add_ip_in(draft, id, &subnet, choice)
}

/// Adds an address of the given subnet, which must be the interface's.
pub(super) fn add_ip_in(
    draft: &mut Draft<'_>,
    id: VniId,
    subnet: &Subnet,
    choice: IpChoice,
) -> Result<ReservedIp, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    if vni.subnet != subnet.id {
        return Err(other_subnet(&vni, subnet.id));
    }
    if let IpChoice::Reserved(ip) = choice
        && vni.ips.contains(&ip)
    {
        return draft.get(ip);
    }
    if vni.ips.len() >= crate::model::MAX_IPS {
        return Err(too_many_ips(Some(id)));
    }
    let ip = address::take(draft, subnet, choice, Some(id))?;
    vni.ips.push(ip.id);
    draft.put(&vni);
    Ok(ip)
}

fn other_subnet(vni: &Vni, subnet: SubnetId) -> DecideError {
    let rule = format!("all addresses of {} must be in its subnet {}", vni.id, vni.subnet);
    Refusal::invalid("ip", subnet, rule).into()
}

fn too_many_ips(id: Option<VniId>) -> DecideError {
    let what = match id {
        Some(id) => format!("virtual network interface {id} has as many addresses as it may have"),
        None => "field 'ips' names more addresses than a virtual network interface may have".to_owned(),
    };
    Refusal::Limit { what, limit: crate::model::MAX_IPS as u64 }.into()
}

pub(super) fn remove_ip(draft: &mut Draft<'_>, id: VniId, ip: ReservedIpId) -> Result<ReservedIp, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    let Some(position) = vni.ips.iter().position(|other| *other == ip) else {
        return Err(Refusal::NotFound { noun: Noun::ReservedIp, id: ip.to_string() }.into());
    };
    if position == 0 {
        let (holder, remedy) = (Holder::Vni(id), "a primary address stays for as long as its interface");
        return Err(Refusal::InUse { noun: Noun::ReservedIp, id: ip.to_string(), holder, remedy }.into());
    }
    vni.ips.remove(position);
    draft.put(&vni);
    address::release(draft, ip)
}

/// An interface that is being moved takes no other change of its attachment.
pub(super) fn refuse_while_moving(draft: &mut Draft<'_>, id: VniId) -> Result<(), DecideError> {
    match draft.find::<Move>(id)? {
        Some(moving) => Err(Refusal::Moving { vni: id, from: moving.from, to: moving.to }.into()),
        None => Ok(()),
    }
}
