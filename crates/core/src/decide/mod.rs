//! Judging commands: a pure function from what is stored and what is asked to one transaction, or a refusal.
//!
//! One file per noun. Nothing here knows an engine, a host's connection or a wire format; whatever a rule relied on is in
//! the transaction's compares, so a decision holds at the moment it is committed or is made again.

mod access_key;
mod account;
mod acl_entries;
mod address;
mod address_prefix;
mod api_key;
mod attachment;
mod child;
mod defaults;
mod departed;
mod dhcp;
mod efa;
mod floating_ip;
mod flow_log;
mod free;
mod host;
mod instance;
mod instances;
mod internet_gateway;
mod ipv6_block;
mod key_policy;
mod legal;
mod lent_address;
mod moving;
mod nat_gateway;
mod network_acl;
mod nic;
mod placing;
mod prefix;
mod prefix_list;
mod public_gateway;
mod public_pool;
mod ranges;
mod region;
mod reserved_ip;
mod route;
mod route_table;
mod rule_quota;
mod rules;
mod security_group;
mod share;
mod share_mount;
mod slots;
mod ssh_key;
mod style;
mod subnet;
mod subnet_ipv6;
mod subnet_reservation;
mod tags;
mod token;
mod vni;
mod vni_ip;
mod vni_permission;
mod vni_policy;
mod vpc;
mod vpc_range;
mod zone_route;

use crate::command::{Command, Reply};
use crate::draft::Draft;
use crate::id::IdSource;
use crate::model::{Owner, Timestamp};
use crate::record::{self, Record};
use crate::refusal::{DecideError, Refusal};
use crate::request::{Request, Unnamed};
use crate::txn::{Snapshot, Txn};
use crate::{lifecycle, name};

/// Judges a command on a snapshot: what to commit, and what to answer once that is committed.
///
/// # Errors
/// [`DecideError::Refused`] when a rule forbids it; nothing is to be written then. The other kinds are failures of the
/// store.
pub fn decide(
    snapshot: &dyn Snapshot,
    now: Timestamp,
    ids: &mut dyn IdSource,
    request: impl Into<Request>,
) -> Result<(Txn, Reply), DecideError> {
    let Request { by, command, tags, token, unnamed } = request.into();
    if by.is_tenant()
        && let Some(action) = command.operators()
    {
        return Err(Refusal::NotPermitted { action }.into());
    }
    let mut draft = Draft::new(snapshot, by, now, ids);
    draft.unnamed = unnamed;
    if let Some(token) = &token
        && let Some(reply) = token::recall(&mut draft, token)?
    {
        return Ok((draft.into_txn(), reply));
    }
    let reply = apply(&mut draft, command)?;
    let (made, gone) = draft.take_kept();
    for made in &made {
        slots::take(&mut draft, made)?;
        self::tags::give(&mut draft, made, &tags)?;
    }
    for gone in &gone {
        slots::give_back(&mut draft, gone)?;
        self::tags::drop(&mut draft, gone)?;
    }
    if let Some(token) = &token {
        token::note(&mut draft, token, &reply);
    }
    Ok((draft.into_txn(), reply))
}

fn apply(draft: &mut Draft<'_>, command: Command) -> Result<Reply, DecideError> {
    Ok(match command {
        Command::Batch(commands) => {
            Reply::Batch(commands.into_iter().map(|command| apply(draft, command)).collect::<Result<_, _>>()?)
        }
        Command::ChangeTags(change) => done(tags::change(draft, &change)?),
        Command::SetQuota { account, quota, limit } => done(slots::set(draft, account, &quota, limit)?),
        Command::ForgetTokens => done(token::forget(draft)?),
        Command::ConfigureRegions(regions) => done(region::configure(draft, regions)?),
        Command::ConfigureIpv6Range(range) => done(ipv6_block::configure(draft, range)?),
        Command::EnsureDefaults(owner) => done(defaults::ensure(draft, &owner)?),
        Command::CreateAccessKey(create) => Reply::AccessKey(access_key::create(draft, create)?),
        Command::DeleteAccessKey(id) => Reply::AccessKey(access_key::delete(draft, id)?),
        Command::UpdateFlowLog(id, update) => Reply::FlowLog(flow_log::update(draft, id, update)?),
        Command::AddAddressPrefix(vpc, new) => Reply::AddressPrefix(address_prefix::add(draft, vpc, new)?),
        Command::UpdateAddressPrefix(id, update) => Reply::AddressPrefix(address_prefix::update(draft, id, update)?),
        Command::RemoveAddressPrefix(id) => Reply::AddressPrefix(address_prefix::remove(draft, id)?),
        Command::PlaceSubnet(place) => Reply::Subnet(subnet::place(draft, place)?),
        Command::CreateRoutingTable(create) => Reply::RouteTable(route_table::create_named(draft, create)?),
        Command::RenameRouteTable(id, name) => Reply::RouteTable(route_table::rename(draft, id, name)?),
        Command::AddZoneRoute(table, new) => Reply::RouteTable(zone_route::add(draft, table, new)?),
        Command::UpdateZoneRoute(table, id, update) => Reply::RouteTable(zone_route::update(draft, table, id, update)?),
        Command::RemoveZoneRoute(table, id) => Reply::RouteTable(zone_route::remove(draft, table, id)?),
        Command::CreateSshKey(create) => Reply::SshKey(ssh_key::create(draft, create)?),
        Command::RenameSshKey(id, name) => Reply::SshKey(ssh_key::rename(draft, id, &name)?),
        Command::DeleteSshKey(id) => Reply::SshKey(ssh_key::delete(draft, id)?),
        Command::CreateApiKey(create) => Reply::ApiKey(api_key::create(draft, create)?),
        Command::DeleteApiKey(id) => Reply::ApiKey(api_key::delete(draft, id)?),
        Command::CreatePolicy(key, new) => key_policy::create(draft, key, new)?,
        Command::DeletePolicy(id) => key_policy::delete(draft, id)?,
        Command::CreateAccount(create) => Reply::Account(account::create(draft, create)?),
        Command::CreateVpc(create) => Reply::Vpc(vpc::create(draft, create)?),
        Command::RenameVpc(id, name) => Reply::Vpc(vpc::rename(draft, id, &name)?),
        Command::UpdateVpc(id, update) => Reply::Vpc(vpc::update(draft, id, update)?),
        Command::DeleteVpc(id) => Reply::Vpc(vpc::delete(draft, id)?),
        Command::DeleteBareVpc(id) => Reply::Vpc(vpc::delete_bare(draft, id)?),
        Command::CreateDefaultVpc => Reply::Vpc(defaults::create_vpc(draft)?),
        Command::AddVpcRange(id, range) => vpc_range::add(draft, id, range)?,
        Command::RemoveVpcRange(id) => vpc_range::remove(draft, id)?,
        Command::CreateDhcpOptionSet(create) => Reply::DhcpOptionSet(dhcp::create(draft, create)?),
        Command::DeleteDhcpOptionSet(id) => Reply::DhcpOptionSet(dhcp::delete(draft, id)?),
        Command::AssociateDhcpOptionSet(vpc, set) => Reply::Vpc(dhcp::associate(draft, vpc, set)?),
        Command::CreateDefaultSubnet(zone) => Reply::Subnet(defaults::create_subnet(draft, zone)?),
        Command::AddSubnetRange(id, net) => Reply::Subnet(subnet_ipv6::add(draft, id, net)?),
        Command::RemoveSubnetRange(id) => Reply::Subnet(subnet_ipv6::remove(draft, id)?),
        Command::CreateSubnetReservation(create) => {
            Reply::SubnetReservation(subnet_reservation::create(draft, create)?)
        }
        Command::DeleteSubnetReservation(id) => Reply::SubnetReservation(subnet_reservation::delete(draft, id)?),
        Command::CreateSubnet(create) => Reply::Subnet(subnet::create(draft, create)?),
        Command::RenameSubnet(id, name) => Reply::Subnet(subnet::rename(draft, id, &name)?),
        Command::UpdateSubnet(id, update) => Reply::Subnet(subnet::update(draft, id, update)?),
        Command::DeleteSubnet(id) => Reply::Subnet(subnet::delete(draft, id)?),
        Command::CreateReservedIp(create) => Reply::ReservedIp(reserved_ip::create(draft, create)?),
        Command::UpdateReservedIp(id, update) => Reply::ReservedIp(reserved_ip::update(draft, id, update)?),
        Command::DeleteReservedIp(id) => Reply::ReservedIp(reserved_ip::delete(draft, id)?),
        Command::CreateVni(create) => Reply::Vni(vni::create_unbound(draft, create)?),
        Command::UpdateVni(id, update) => Reply::Vni(vni::update(draft, id, update)?),
        Command::DeleteVni(id) => Reply::Vni(vni::delete(draft, id)?),
        Command::AddVniIp(id, choice) => Reply::ReservedIp(vni_ip::add(draft, id, choice)?),
        Command::RemoveVniIp(id, ip) => Reply::ReservedIp(vni_ip::remove(draft, id, ip)?),
        Command::MoveVniIp(ip, to) => Reply::ReservedIp(vni_ip::hand_over(draft, ip, to)?),
        Command::TakeVniIp(id, address) => Reply::ReservedIp(vni_ip::claim(draft, id, address)?),
        Command::AddVniPrefix(id, choice) => Reply::Prefix(prefix::add(draft, id, choice)?),
        Command::RemoveVniPrefix(id, net) => Reply::Prefix(prefix::remove(draft, id, net)?),
        Command::ChangeVniGroups(id, change) => Reply::Vni(vni_policy::change_groups(draft, id, change)?),
        Command::QuarantineVni(id, groups) => Reply::Vni(vni_policy::quarantine(draft, id, groups)?),
        Command::ReleaseVni(id) => Reply::Vni(vni_policy::release(draft, id)?),
        Command::FlushVni(id) => Reply::Vni(vni_policy::flush(draft, id)?),
        Command::ShadowVni(id, groups) => Reply::Vni(vni_policy::shadow(draft, id, groups)?),
        Command::CreateVniPermission(create) => Reply::VniPermission(vni_permission::create(draft, create)?),
        Command::RevokeVniPermission { id, force } => Reply::VniPermission(vni_permission::revoke(draft, id, force)?),
        Command::CreateSecurityGroup(create) => Reply::SecurityGroup(security_group::create(draft, create)?),
        Command::UpdateSecurityGroup(id, update) => Reply::SecurityGroup(security_group::update(draft, id, update)?),
        Command::DeleteSecurityGroup(id) => Reply::SecurityGroup(security_group::delete(draft, id)?),
        Command::ChangeRules(id, change) => Reply::SecurityGroup(security_group::change_rules(draft, id, change)?),
        Command::CreateNetworkAcl(create) => Reply::NetworkAcl(network_acl::create(draft, create)?),
        Command::RenameNetworkAcl(id, name) => Reply::NetworkAcl(network_acl::rename(draft, id, &name)?),
        Command::DeleteNetworkAcl(id) => Reply::NetworkAcl(network_acl::delete(draft, id)?),
        Command::ChangeAclRules(id, change) => Reply::NetworkAcl(network_acl::change_rules(draft, id, change)?),
        Command::CreatePrefixList(create) => Reply::PrefixList(prefix_list::create(draft, create)?),
        Command::UpdatePrefixList(id, update) => Reply::PrefixList(prefix_list::update(draft, id, update)?),
        Command::RestorePrefixList { id, version, current } => {
            Reply::PrefixList(prefix_list::restore(draft, id, version, current)?)
        }
        Command::DeletePrefixList(id) => Reply::PrefixList(prefix_list::delete(draft, id)?),
        Command::CreateFlowLog(create) => Reply::FlowLog(flow_log::create(draft, create)?),
        Command::DeleteFlowLog(id) => Reply::FlowLog(flow_log::delete(draft, id)?),
        Command::CreatePublicPool(create) => Reply::PublicPool(public_pool::create(draft, create)?),
        Command::DeletePublicPool(id) => Reply::PublicPool(public_pool::delete(draft, id)?),
        Command::CreateFloatingIp(create) => Reply::FloatingIp(floating_ip::create(draft, create)?),
        Command::RenameFloatingIp(id, name) => Reply::FloatingIp(floating_ip::rename(draft, id, &name)?),
        Command::AssociateFloatingIp { id, target, reassociate, displace } => {
            Reply::FloatingIp(floating_ip::associate(draft, id, target, reassociate, displace)?)
        }
        Command::EndAssociation(id) => Reply::FloatingIp(floating_ip::end_association(draft, id)?),
        Command::NameFloatingIpDomain(id, domain) => Reply::FloatingIp(floating_ip::name_domain(draft, id, domain)?),
        Command::ReleaseFloatingIp(id) => Reply::FloatingIp(floating_ip::release(draft, id)?),
        Command::DisassociateFloatingIp(id) => Reply::FloatingIp(floating_ip::disassociate(draft, id)?),
        Command::DeleteFloatingIp(id) => Reply::FloatingIp(floating_ip::delete(draft, id)?),
        Command::CreatePublicGateway(create) => Reply::PublicGateway(public_gateway::create(draft, create)?),
        Command::RenamePublicGateway(id, name) => Reply::PublicGateway(public_gateway::rename(draft, id, &name)?),
        Command::DeletePublicGateway(id) => Reply::PublicGateway(public_gateway::delete(draft, id)?),
        Command::CreateNatGateway(create) => Reply::PublicGateway(nat_gateway::create(draft, create)?),
        Command::CreateInternetGateway => Reply::InternetGateway(internet_gateway::create(draft)?),
        Command::AttachInternetGateway(id, vpc) => Reply::InternetGateway(internet_gateway::attach(draft, id, vpc)?),
        Command::DetachInternetGateway(id, vpc) => Reply::InternetGateway(internet_gateway::detach(draft, id, vpc)?),
        Command::DeleteInternetGateway(id) => Reply::InternetGateway(internet_gateway::delete(draft, id)?),
        Command::CreateRouteTable(vpc) => Reply::RouteTable(route_table::create(draft, vpc)?),
        Command::DeleteRouteTable(id) => Reply::RouteTable(route_table::delete(draft, id)?),
        Command::CreateRoute(table, new) => Reply::RouteTable(route::create(draft, table, new)?),
        Command::ReplaceRoute(table, new) => Reply::RouteTable(route::replace(draft, table, new)?),
        Command::DeleteRoute(table, net) => Reply::RouteTable(route::delete(draft, table, net)?),
        Command::AssociateRouteTable(subnet, table) => {
            Reply::RouteAssociation(route_table::associate(draft, subnet, table)?)
        }
        Command::DisassociateRouteTable(id) => Reply::RouteAssociation(route_table::disassociate(draft, id)?),
        Command::ReplaceRouteAssociation(id, table) => Reply::RouteAssociation(route_table::replace(draft, id, table)?),
        Command::CreateInstance(create) => Reply::Instance(instance::create(draft, create)?),
        Command::CreateInstances(create) => {
            Reply::Batch(instances::create(draft, *create)?.into_iter().map(Reply::Instance).collect())
        }
        Command::ChangeInstances(ids, change) => Reply::InstanceChanges(instances::change(draft, &ids, change)?),
        Command::RenameInstance(id, name) => Reply::Instance(instance::rename(draft, id, &name)?),
        Command::UpdateInstance(id, update) => Reply::Instance(instance::update(draft, id, update)?),
        Command::StartInstance(id) => Reply::Instance(instance::start(draft, id)?),
        Command::StopInstance(id) => Reply::Instance(instance::stop(draft, id)?),
        Command::DeleteInstance(id) => Reply::Instance(instance::delete(draft, id)?),
        Command::Attach(instance, new) => Reply::Attachment(attachment::attach(draft, instance, new)?),
        Command::RenameAttachment(id, name) => Reply::Attachment(attachment::rename(draft, id, &name)?),
        Command::UpdateAttachment(id, update) => Reply::Attachment(attachment::update(draft, id, update)?),
        Command::UpdateChild(id, update) => Reply::Attachment(child::update(draft, id, update)?),
        Command::DeleteChild(id) => Reply::Attachment(child::delete(draft, id)?),
        Command::Detach { attachment, force } => Reply::Attachment(attachment::detach(draft, attachment, force)?),
        Command::DeleteAttachment(id) => Reply::Attachment(attachment::delete(draft, id)?),
        Command::MoveVni { vni, to, nic } => Reply::Move(moving::start(draft, vni, to, nic)?),
        Command::CreateShare(create) => Reply::Share(share::create(draft, *create)?),
        Command::UpdateShare(id, update) => Reply::Share(share::update(draft, id, update)?),
        Command::DeleteShare(id) => Reply::Share(share::delete(draft, id)?),
        Command::CreateMountTarget(share, new) => Reply::Attachment(share_mount::create(draft, share, new)?),
        Command::RenameMountTarget(id, name) => Reply::Attachment(share_mount::rename(draft, id, &name)?),
        Command::DeleteMountTarget(id) => Reply::Attachment(share_mount::delete(draft, id)?),
        Command::RegisterHost(register) => Reply::Host(host::register(draft, register)?),
        Command::DeleteHost(id) => Reply::Host(host::delete(draft, id)?),
        Command::DeleteLostHost(id) => Reply::Host(host::delete_lost(draft, id)?),
        Command::AttachmentRealised(id, generation) => done(attachment::realised(draft, id, generation)?),
        Command::AttachmentFailed(id, generation, why) => done(attachment::failed(draft, id, generation, why)?),
        Command::AttachmentGone(id) => done(attachment::gone(draft, id)?),
        Command::InstanceRealised(id) => done(instance::realised(draft, id)?),
        Command::InstanceStopped(id) => done(instance::stopped(draft, id)?),
        Command::InstanceFailed(id, why) => done(instance::failed(draft, id, why)?),
        Command::InstanceGone(id) => done(instance::gone(draft, id)?),
        Command::ShareRealised(id) => done(share::realised(draft, id)?),
        Command::ShareFailed(id, why) => done(share::failed(draft, id, why)?),
        Command::ShareGone(id) => done(share::gone(draft, id)?),
        Command::AdvanceMove(vni, step) => done(moving::advance(draft, vni, step)?),
        Command::AbortMove(vni, why) => done(moving::abort(draft, vni, why)?),
        Command::EndAdoption(id) => done(attachment::end_adoption(draft, id)?),
    })
}

/// That what is to be joined belongs to one owner. Tenants find nothing that is another's; operators find everything.
fn same_owner(field: &'static str, value: impl ToString, owner: &Owner, needed: &Owner) -> Result<(), Refusal> {
    if owner == needed {
        return Ok(());
    }
    Err(Refusal::invalid(field, value, format!("it belongs to {owner}, and is needed by {needed}")))
}

/// Within what names of top-level things are unique, in words.
const OWNER_WORDS: &str = "their account and region";

fn done((): ()) -> Reply {
    Reply::Done
}

/// The given name checked, or one made up that is free within the scope; claimed either way.
fn take_name<R: Record>(
    draft: &mut Draft<'_>,
    given: Option<String>,
    scope: &str,
    scope_words: &str,
    id: R::Id,
) -> Result<String, DecideError> {
    if let Some(given) = given {
        name::check(R::NOUN, &given)?;
        draft.claim_name::<R>(scope, scope_words.to_owned(), &given, id)?;
        return Ok(given);
    }
    let mut own = (draft.unnamed == Unnamed::ById).then(|| id.to_string());
    loop {
        // Somebody may have given a thing another's id for a name: then words will do.
        let candidate = own.take().unwrap_or_else(|| name::default_name(draft.ids));
        if draft.claim(record::name_key::<R>(scope, &candidate), &id.to_string())?.is_ok() {
            return Ok(candidate);
        }
    }
}

/// Gives one name up for another within the same scope; the same name again is no change.
fn change_name<R: Record>(
    draft: &mut Draft<'_>,
    old: &str,
    new: &str,
    scope: &str,
    scope_words: &str,
    id: R::Id,
) -> Result<(), DecideError> {
    name::check(R::NOUN, new)?;
    if record::name_key::<R>(scope, old) != record::name_key::<R>(scope, new) {
        draft.claim_name::<R>(scope, scope_words.to_owned(), new, id)?;
        draft.delete_raw(record::name_key::<R>(scope, old));
    }
    Ok(())
}

/// A lifecycle step that the rules of the caller have made legal; an illegal one is reported as a state conflict.
fn step<R: Record>(state: &mut lifecycle::Lifecycle, to: lifecycle::Lifecycle, id: R::Id) -> Result<(), DecideError> {
    let from = *state;
    state.step(to).map_err(|error| {
        Refusal::WrongState {
            noun: R::NOUN,
            id: id.to_string(),
            state: from.label().to_owned(),
            rule: error.to_string(),
        }
        .into()
    })
}
