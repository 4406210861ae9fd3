//! Rules of reserved IPs: bound ones and the subnet's own can't be given back.

use super::{address, change_name};
use crate::command::{CreateReservedIp, IpChoice, UpdateReservedIp};
use crate::draft::Draft;
use crate::id::ReservedIpId;
use crate::model::{IpFamily, ReservedBy, ReservedIp, Subnet};
use crate::refusal::{DecideError, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateReservedIp) -> Result<ReservedIp, DecideError> {
    let subnet: Subnet = draft.get(create.subnet)?;
    let (name, auto_delete) = (create.name, create.auto_delete);
    let choice = match create.address {
        Some(address) => IpChoice::Address { address, name, auto_delete },
        None => IpChoice::Auto { family: IpFamily::V4, name, auto_delete },
    };
    if let Some(target) = create.target {
        return super::vni_ip::add_in(draft, target, &subnet, choice);
    }
    if auto_delete {
        let rule =
            "a reservation that is bound to nothing would go at once; bind it to a target or leave auto_delete false";
        return Err(Refusal::invalid("auto_delete", true, rule).into());
    }
    address::take(draft, &subnet, choice, None)
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: ReservedIpId,
    update: UpdateReservedIp,
) -> Result<ReservedIp, DecideError> {
    let mut ip = users(draft, id)?;
    if let Some(name) = update.name {
        change_name::<ReservedIp>(draft, &ip.name, &name, &ip.subnet.to_string(), "their subnet", id)?;
        ip.name = name;
    }
    if let Some(auto_delete) = update.auto_delete {
        if auto_delete && ip.bound_to.is_none() {
            let rule = "it must be false while the reserved IP is bound to nothing";
            return Err(Refusal::invalid("auto_delete", true, rule).into());
        }
        ip.auto_delete = auto_delete;
    }
    draft.put(&ip);
    Ok(ip)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: ReservedIpId) -> Result<ReservedIp, DecideError> {
    let ip = users(draft, id)?;
    if let Some(holder) = address::holder(&ip) {
        let remedy = "remove it from the interface first";
        return Err(Refusal::InUse { noun: Noun::ReservedIp, id: id.to_string(), holder, remedy }.into());
    }
    address::forget(draft, &ip);
    Ok(ip)
}

fn users(draft: &mut Draft<'_>, id: ReservedIpId) -> Result<ReservedIp, DecideError> {
    let ip: ReservedIp = draft.get(id)?;
    if ip.reserved_by == ReservedBy::Provider {
        return Err(Refusal::WrongState {
            noun: Noun::ReservedIp,
            id: id.to_string(),
            state: "owned by the provider".to_owned(),
            rule: "the addresses with a fixed role in their subnet can't be changed or deleted".to_owned(),
        }
        .into());
    }
    Ok(ip)
}
