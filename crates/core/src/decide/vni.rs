//! Rules of interfaces: one subnet for all addresses, a primary address always, deleted only when not attached.

use super::address::{self, For};
use super::legal::More;
use super::vni_ip::Room;
use super::{
    change_name, child, floating_ip, flow_log, legal, lent_address, prefix, route_table, security_group, take_name,
    vni_ip, vni_permission, vni_policy,
};
use crate::command::{CreateVni, IpChoice, UpdateVni};
use crate::draft::Draft;
use crate::id::{SecurityGroupId, VniId};
use crate::lifecycle::Lifecycle;
use crate::model::{FlowLogTarget, IpFamily, Move, ReservedIp, Subnet, Vni, Vpc};
use crate::net::Mac;
use crate::record;
use crate::refusal::{DecideError, Holder, Noun, Refusal};

const SCOPE_WORDS: &str = "their VPC";

/// An interface on its own: it can't go with a target that it does not have.
pub(super) fn create_unbound(draft: &mut Draft<'_>, create: CreateVni) -> Result<Vni, DecideError> {
    if create.auto_delete == Some(true) {
        return Err(auto_delete_unbound());
    }
    self::create(draft, create, false, Room::ALONE)
}

fn auto_delete_unbound() -> DecideError {
    Refusal::invalid("auto_delete", true, "it must be false while the virtual network interface is not attached").into()
}

/// An interface that may have as many addresses as there is room for.
pub(super) fn create(
    draft: &mut Draft<'_>,
    create: CreateVni,
    auto_delete: bool,
    room: Room,
) -> Result<Vni, DecideError> {
    if create.ips.len() + create.prefixes.len() > room.whole() {
        return Err(vni_ip::no_room(None, room.of(IpFamily::V4)));
    }
    security_group::check_description(&create.description)?;
    let subnet: Subnet = subnet_of(draft, &create)?;
    let vpc: Vpc = draft.get(subnet.vpc)?;
    let id = VniId::in_order(draft.ids);
    let name = take_name::<Vni>(draft, create.name, &subnet.vpc.to_string(), SCOPE_WORDS, id)?;
    let mac = take_mac(draft, id)?;
    let security_groups = groups_of(draft, &vpc, create.security_groups)?;
    let mut vni = Vni {
        id,
        owner: subnet.owner.clone(),
        name,
        description: create.description,
        created_at: draft.now,
        vpc: subnet.vpc,
        subnet: subnet.id,
        zone: subnet.zone.clone(),
        mac,
        ips: Vec::with_capacity(1 + create.ips.len()),
        primary_ipv6: None,
        public_address: None,
        keep_primary_ipv6: create.keep_primary_ipv6.unwrap_or(false),
        prefixes: Vec::new(),
        security_groups,
        allow_ip_spoofing: create.allow_ip_spoofing.unwrap_or(false),
        source_dest_check: create.source_dest_check.unwrap_or(true),
        auto_delete: create.auto_delete.unwrap_or(auto_delete),
        enable_infrastructure_nat: create.enable_infrastructure_nat.unwrap_or(true),
        protocol_state_filtering: create.protocol_state_filtering.unwrap_or_default(),
        timeouts: create.timeouts.unwrap_or_default(),
        untracked_open: create.untracked_open.unwrap_or(false),
        limits: create.limits.unwrap_or_default(),
        quarantine: None,
        shadow: None,
        judged: 0,
        policy_version: 1,
        efa: create.efa,
        lifecycle: Lifecycle::Stable,
        generation: 0,
        attachment: None,
        child: false,
        gateway: None,
    };
    vni_policy::check_timeouts(vni.timeouts)?;
    vni_policy::check_limits(vni.limits)?;
    let mut has_ipv6 = false;
    for (position, choice) in std::iter::once(create.primary_ip).chain(create.ips).enumerate() {
        let ip = address::take(draft, &subnet, choice, Some(For { vni: id, mac }))?;
        if position == 0 && ip.address.is_ipv6() {
            let rule = "the primary address is an IPv4 one; IPv6 addresses go beside it";
            return Err(Refusal::invalid("primary_ip", ip.address, rule).into());
        }
        vni_ip::push(&mut vni, &ip);
        has_ipv6 |= ip.address.is_ipv6();
    }
    if subnet.auto_assign_ipv6 && subnet.ipv6_cidr.is_some() && !has_ipv6 && room.of(IpFamily::V6) > 0 {
        let ip = address::take(draft, &subnet, IpChoice::auto(IpFamily::V6), Some(For { vni: id, mac }))?;
        vni_ip::push(&mut vni, &ip);
    }
    for choice in create.prefixes {
        let net = prefix::take(draft, &subnet, choice, id)?;
        vni.prefixes.push(net);
    }
    vni_ip::check_fits(draft, &vni, room, None)?;
    vni_policy::link(draft, id, &[], &vni_policy::named(&vni))?;
    draft.insert(&vni);
    draft.put_raw(format!("{}{id}", record::vnis_of_subnet(vni.subnet)), id.to_string().into_bytes());
    Ok(vni)
}

fn groups_of(
    draft: &mut Draft<'_>,
    vpc: &Vpc,
    given: Vec<SecurityGroupId>,
) -> Result<Vec<SecurityGroupId>, DecideError> {
    if given.is_empty() {
        return Ok(vec![vpc.default_group]);
    }
    vni_policy::check_groups(draft, vpc.id, "security_groups", &given)?;
    Ok(given)
}

/// The subnet that an interface to be made is in.
pub(super) fn subnet_of(draft: &mut Draft<'_>, create: &CreateVni) -> Result<Subnet, DecideError> {
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
        let mac = Mac::local(draft.ids.next());
        if draft.claim(record::mac_key(mac), &id.to_string())?.is_ok() {
            return Ok(mac);
        }
    }
}

pub(super) fn update(draft: &mut Draft<'_>, id: VniId, update: UpdateVni) -> Result<Vni, DecideError> {
    let mut vni: Vni = draft.get(id)?;
    refuse_managed(&vni)?;
    child::check_update(&vni, &update)?;
    let before = vni.clone();
    if let Some(name) = update.name {
        change_name::<Vni>(draft, &vni.name, &name, &vni.vpc.to_string(), SCOPE_WORDS, id)?;
        vni.name = name;
    }
    if let Some(description) = update.description {
        security_group::check_description(&description)?;
        vni.description = description;
    }
    if let Some(auto_delete) = update.auto_delete {
        if auto_delete && vni.attachment.is_none() {
            return Err(auto_delete_unbound());
        }
        vni.auto_delete = auto_delete;
    }
    if let Some(nat) = update.enable_infrastructure_nat {
        vni.enable_infrastructure_nat = nat;
    }
    if let Some(keep) = update.keep_primary_ipv6 {
        if vni.keep_primary_ipv6 && !keep {
            let rule = "a primary IPv6 address that was asked for stays for as long as its interface";
            return Err(Refusal::invalid("keep_primary_ipv6", false, rule).into());
        }
        vni.keep_primary_ipv6 = keep;
    }
    if let Some(public) = update.public_address {
        vni.public_address = Some(public);
        lent_address::change(draft, &vni, public)?;
    }
    vni.allow_ip_spoofing = update.allow_ip_spoofing.unwrap_or(vni.allow_ip_spoofing);
    vni.source_dest_check = update.source_dest_check.unwrap_or(vni.source_dest_check);
    vni.protocol_state_filtering = update.protocol_state_filtering.unwrap_or(vni.protocol_state_filtering);
    vni.timeouts = update.timeouts.unwrap_or(vni.timeouts);
    vni.untracked_open = update.untracked_open.unwrap_or(vni.untracked_open);
    vni.limits = update.limits.unwrap_or(vni.limits);
    vni_policy::check_timeouts(vni.timeouts)?;
    vni_policy::check_limits(vni.limits)?;
    vni_policy::count_change(&before, &mut vni);
    legal::check_here(draft, &vni, More::Nothing, update.manner)?;
    if vni.enable_infrastructure_nat && !before.enable_infrastructure_nat {
        floating_ip::check_one_each(draft, &vni)?;
    }
    draft.put(&vni);
    Ok(vni)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: VniId) -> Result<Vni, DecideError> {
    let vni: Vni = draft.get(id)?;
    refuse_managed(&vni)?;
    child::refuse(&vni, "it goes with its instance, or is deleted as the instance's")?;
    if let Some(attachment) = vni.attachment {
        let (holder, remedy) = (Holder::Attachment(attachment), "detach it first");
        return Err(Refusal::InUse { noun: Noun::Vni, id: id.to_string(), holder, remedy }.into());
    }
    erase(draft, &vni)?;
    Ok(vni)
}

/// Removes an interface with everything that it occupies; its reservations go or stay unbound, as each says, and its
/// floating IPs stay and lead nowhere.
pub(super) fn erase(draft: &mut Draft<'_>, vni: &Vni) -> Result<(), DecideError> {
    route_table::target_changed(draft, vni.id, vni.vpc)?;
    for ip in &vni.ips {
        address::release(draft, *ip)?;
    }
    for net in &vni.prefixes {
        prefix::release(draft, vni, *net);
    }
    vni_permission::drop_all(draft, vni.id)?;
    vni_policy::link(draft, vni.id, &vni_policy::named(vni), &[])?;
    flow_log::erase_of(draft, FlowLogTarget::Vni(vni.id))?;
    draft.delete_raw(record::name_key::<Vni>(&vni.vpc.to_string(), &vni.name));
    draft.delete_raw(record::mac_key(vni.mac));
    child::forget(draft, vni);
    draft.delete_raw(format!("{}{}", record::vnis_of_subnet(vni.subnet), vni.id));
    draft.remove(vni);
    Ok(())
}

/// An interface that belongs to a public gateway is not the user's to change.
pub(super) fn refuse_managed(vni: &Vni) -> Result<(), DecideError> {
    match vni.gateway {
        Some(gateway) => {
            let (id, holder) = (vni.id.to_string(), Holder::PublicGateway(gateway));
            Err(Refusal::InUse { noun: Noun::Vni, id, holder, remedy: "it comes and goes with the gateway" }.into())
        }
        None => Ok(()),
    }
}

/// An interface that is being moved takes no other change of its attachment.
pub(super) fn refuse_while_moving(draft: &mut Draft<'_>, id: VniId) -> Result<(), DecideError> {
    match draft.find::<Move>(id)? {
        Some(moving) => Err(Refusal::Moving { vni: id, from: moving.from, to: moving.to }.into()),
        None => Ok(()),
    }
}
