//! Rules of route tables: numbered within their VPC, one of them its main one, used by subnets through associations.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{change_name, route, slots, take_name, zone_route};
use crate::command::CreateRoutingTable;
use crate::draft::{Draft, parse_id};
use crate::id::{InternetGatewayId, PublicGatewayId, RouteAssociationId, RouteTableId, SubnetId, VniId, VpcId};
use crate::limits::ROUTE_TABLES_PER_VPC;
use crate::model::{Owner, Route, RouteAction, RouteAssociation, RouteTable, RouteTarget, Subnet, Vpc};
use crate::quota;
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// Within what names of route tables are unique, in words.
const SCOPE_WORDS: &str = "their VPC";
/// What is told of a VPC whose ways out are implied.
const NO_TABLES: &str = "has implied ways to the public network: floating IPs and the public gateways of its subnets; it has \
                         no internet gateway, and its route tables are IBM's";

/// The main route table of a VPC.
///
/// # Errors
/// [`Refusal::OtherRouting`] when it does not route by tables.
pub(super) fn main_of(vpc: &Vpc) -> Result<RouteAssociation, Refusal> {
    if vpc.implied_ways {
        return Err(Refusal::OtherRouting { vpc: vpc.id, rule: NO_TABLES });
    }
    Ok(vpc.main_table)
}

/// That a VPC's ways out are implied.
pub(super) fn check_implied(vpc: &Vpc) -> Result<(), DecideError> {
    if !vpc.implied_ways {
        let rule = "routes by tables: its public gateways lie in subnets, and routes lead to them";
        return Err(Refusal::OtherRouting { vpc: vpc.id, rule }.into());
    }
    Ok(())
}

pub(super) fn create(draft: &mut Draft<'_>, vpc: VpcId) -> Result<RouteTable, DecideError> {
    let vpc: Vpc = draft.get(vpc)?;
    main_of(&vpc)?;
    let id = RouteTableId::new(draft.ids);
    insert(draft, vpc.owner, vpc.id, id, None)
}

/// The main table of a VPC that is being made.
///
/// Where ways out are implied nobody need know of it, and its id is the VPC's in another form.
pub(super) fn create_main(
    draft: &mut Draft<'_>,
    owner: &Owner,
    vpc: VpcId,
    implied: bool,
) -> Result<RouteAssociation, DecideError> {
    let id = if implied { RouteTableId::first_of(vpc) } else { RouteTableId::new(draft.ids) };
    let table = insert(draft, owner.clone(), vpc, id, None)?;
    let id = if implied { RouteAssociationId::first_of(vpc) } else { RouteAssociationId::new(draft.ids) };
    draft.put_raw(record::route_association_key(id), vpc.to_string().into_bytes());
    Ok(RouteAssociation { id, table: table.id })
}

fn insert(
    draft: &mut Draft<'_>,
    owner: Owner,
    vpc: VpcId,
    id: RouteTableId,
    name: Option<String>,
) -> Result<RouteTable, DecideError> {
    let (number, created_at) = (take_number(draft, vpc, id)?, draft.now);
    let (routes, zone_routes, zone_numbers) = (Vec::new(), Vec::new(), BTreeMap::new());
    let table = RouteTable { id, owner, vpc, name, number, routes, zone_routes, zone_numbers, created_at };
    draft.insert(&table);
    Ok(table)
}

/// A table with a name, as IBM's API makes them, in a VPC of either kind.
pub(super) fn create_named(draft: &mut Draft<'_>, create: CreateRoutingTable) -> Result<RouteTable, DecideError> {
    let vpc: Vpc = draft.get(create.vpc)?;
    if let Some(limit) = slots::implied_limit(draft, &vpc, &quota::IBM_ROUTING_TABLES)?
        && draft.count(&record::tables_of_vpc(vpc.id))? >= limit
    {
        let what = format!("VPC {} has as many route tables as it may have", vpc.id);
        return Err(Refusal::Limit { of: Limited::Things(Noun::RouteTable), what, limit }.into());
    }
    let id = RouteTableId::new(draft.ids);
    let name = take_name::<RouteTable>(draft, create.name, &vpc.id.to_string(), SCOPE_WORDS, id)?;
    let mut table = insert(draft, vpc.owner, vpc.id, id, Some(name))?;
    zone_route::add_all(draft, &mut table, create.routes)?;
    Ok(table)
}

/// Gives a table a name, or another one.
pub(super) fn rename(draft: &mut Draft<'_>, id: RouteTableId, name: String) -> Result<RouteTable, DecideError> {
    let mut table: RouteTable = draft.get(id)?;
    let scope = table.vpc.to_string();
    match &table.name {
        Some(old) => change_name::<RouteTable>(draft, old, &name, &scope, SCOPE_WORDS, id)?,
        None => drop(take_name::<RouteTable>(draft, Some(name.clone()), &scope, SCOPE_WORDS, id)?),
    }
    table.name = Some(name);
    draft.put(&table);
    Ok(table)
}

/// A number for the routes that a table has for a zone: the highest that nobody has, so that it is in nobody's way.
pub(super) fn take_zone_number(draft: &mut Draft<'_>, vpc: VpcId, id: RouteTableId) -> Result<u8, DecideError> {
    for number in (1..=u8::MAX).rev() {
        if draft.raw(&record::table_number_key(vpc, number))?.is_none()
            && draft.claim(record::zone_number_key(vpc, number), &id.to_string())?.is_ok()
        {
            return Ok(number);
        }
    }
    let what = format!("VPC {vpc} has as many route tables with routes for zones as hosts have numbers for");
    Err(Refusal::Limit { of: Limited::Things(Noun::RouteTable), what, limit: u8::MAX.into() }.into())
}

/// Notes whether a table has routes that stay within the VPC: where those lead depends on its subnets.
pub(super) fn put_delegates(draft: &mut Draft<'_>, table: &RouteTable) {
    let key = format!("{}{}", record::delegating_tables_of_vpc(table.vpc), table.id);
    if table.zone_routes.iter().any(|route| route.action == RouteAction::DelegateVpc) {
        draft.put_raw(key, table.id.to_string().into_bytes());
    } else {
        draft.delete_raw(key);
    }
}

/// The table that a subnet uses from now on; the VPC's main one is that of a subnet that names none.
pub(super) fn assign(draft: &mut Draft<'_>, subnet: &mut Subnet, table: RouteTableId) -> Result<(), DecideError> {
    table_for(draft, table, subnet.vpc)?;
    let vpc: Vpc = draft.get(subnet.vpc)?;
    if crate::routing::table_id_of(&vpc, subnet) == table {
        return Ok(());
    }
    let association =
        (vpc.main_table.table != table).then(|| RouteAssociation { id: RouteAssociationId::new(draft.ids), table });
    set(draft, subnet, association);
    Ok(())
}

/// The lowest number that no other table of the VPC has.
fn take_number(draft: &mut Draft<'_>, vpc: VpcId, id: RouteTableId) -> Result<u8, DecideError> {
    for number in 1..=ROUTE_TABLES_PER_VPC {
        if draft.raw(&record::zone_number_key(vpc, number))?.is_none()
            && draft.claim(record::table_number_key(vpc, number), &id.to_string())?.is_ok()
        {
            return Ok(number);
        }
    }
    let what = format!("VPC {vpc} has as many route tables as it may have");
    Err(Refusal::Limit { of: Limited::Things(Noun::RouteTable), what, limit: ROUTE_TABLES_PER_VPC.into() }.into())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: RouteTableId) -> Result<RouteTable, DecideError> {
    let table: RouteTable = draft.get(id)?;
    let vpc: Vpc = draft.get(table.vpc)?;
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::RouteTable, id: id.to_string(), holder, remedy };
    if vpc.main_table.table == id {
        return Err(in_use(Holder::Vpc(vpc.id), "the main route table goes with its VPC").into());
    }
    if let Some(subnet) = draft.first::<SubnetId>(&record::subnets_of_table(id))? {
        return Err(in_use(Holder::Subnet(subnet), "disassociate its subnets first").into());
    }
    erase(draft, &table);
    Ok(table)
}

fn erase(draft: &mut Draft<'_>, table: &RouteTable) {
    for route in &table.routes {
        draft.delete_raw(target_key(table.id, route.to));
    }
    draft.delete_raw(record::table_number_key(table.vpc, table.number));
    for number in table.zone_numbers.values() {
        draft.delete_raw(record::zone_number_key(table.vpc, *number));
    }
    draft.delete_raw(format!("{}{}", record::delegating_tables_of_vpc(table.vpc), table.id));
    if let Some(name) = &table.name {
        draft.delete_raw(record::name_key::<RouteTable>(&table.vpc.to_string(), name));
    }
    draft.remove(table);
}

/// Removes all route tables of a VPC that is being deleted: its main one, as others are in the way of that.
///
/// # Errors
/// [`Refusal::InUse`] while it has others, or an internet gateway.
pub(super) fn erase_of(draft: &mut Draft<'_>, vpc: &Vpc) -> Result<(), DecideError> {
    let main = vpc.main_table;
    let in_use = |holder, remedy| Refusal::InUse { noun: Noun::Vpc, id: vpc.id.to_string(), holder, remedy };
    let key = record::internet_gateway_of_key(vpc.id);
    if let Some(held) = draft.raw(&key)? {
        let gateway: InternetGatewayId = parse_id(&key, &held)?;
        return Err(in_use(Holder::InternetGateway(gateway), "detach its internet gateway first").into());
    }
    for table in draft.index::<RouteTableId>(&record::tables_of_vpc(vpc.id))? {
        if table != main.table {
            return Err(in_use(Holder::RouteTable(table), "delete its route tables first").into());
        }
        let table: RouteTable = draft.get(table)?;
        erase(draft, &table);
    }
    draft.delete_raw(record::route_association_key(main.id));
    draft.delete_raw(record::routes_of_vpc_key(vpc.id));
    Ok(())
}

/// The table of a VPC, for one of its subnets.
fn table_for(draft: &mut Draft<'_>, id: RouteTableId, vpc: VpcId) -> Result<RouteTable, DecideError> {
    let table: RouteTable = draft.get(id)?;
    if table.vpc != vpc {
        let (noun, id) = (Noun::RouteTable, id.to_string());
        return Err(Refusal::OtherVpc { noun, id, vpc: table.vpc, needed: vpc }.into());
    }
    Ok(table)
}

pub(super) fn associate(
    draft: &mut Draft<'_>,
    subnet: SubnetId,
    table: RouteTableId,
) -> Result<RouteAssociation, DecideError> {
    let mut subnet: Subnet = draft.get(subnet)?;
    main_of(&draft.get(subnet.vpc)?)?;
    table_for(draft, table, subnet.vpc)?;
    match subnet.route_table {
        Some(now) if now.table == table => Ok(now),
        Some(now) => {
            let (noun, id, holder) = (Noun::Subnet, subnet.id.to_string(), Holder::RouteTable(now.table));
            Err(Refusal::InUse { noun, id, holder, remedy: "replace or end that association" }.into())
        }
        None => {
            let association = RouteAssociation { id: RouteAssociationId::new(draft.ids), table };
            set(draft, &mut subnet, Some(association));
            Ok(association)
        }
    }
}

/// Writes which table a subnet uses.
fn set(draft: &mut Draft<'_>, subnet: &mut Subnet, association: Option<RouteAssociation>) {
    unlink(draft, subnet);
    if let Some(RouteAssociation { id, table }) = association {
        let value = subnet.id.to_string().into_bytes();
        draft.put_raw(record::route_association_key(id), value.clone());
        draft.put_raw(format!("{}{}", record::subnets_of_table(table), subnet.id), value);
    }
    subnet.route_table = association;
    draft.put(subnet);
    draft.put_raw(record::ports_of_subnet_key(subnet.id), draft.now.0.to_string().into_bytes());
    // Public gateways in it go on by another table.
    routes_changed(draft, subnet.vpc);
}

/// Takes away what is written of a subnet's association beside its record.
pub(super) fn unlink(draft: &mut Draft<'_>, subnet: &Subnet) {
    if let Some(now) = subnet.route_table {
        draft.delete_raw(record::route_association_key(now.id));
        draft.delete_raw(format!("{}{}", record::subnets_of_table(now.table), subnet.id));
    }
}

/// What uses a route table.
enum User {
    Subnet(Box<Subnet>),
    Vpc(Box<Vpc>),
}

fn user(draft: &mut Draft<'_>, id: RouteAssociationId) -> Result<User, DecideError> {
    let unknown = || DecideError::from(Refusal::NotFound { noun: Noun::RouteAssociation, id: id.to_string() });
    let key = record::route_association_key(id);
    let holder = draft.raw(&key)?.ok_or_else(unknown)?;
    if let Ok(subnet) = parse_id::<SubnetId>(&key, &holder) {
        return draft.find(subnet)?.map(|subnet| User::Subnet(Box::new(subnet))).ok_or_else(unknown);
    }
    let vpc: VpcId = parse_id(&key, &holder)?;
    draft.find(vpc)?.map(|vpc| User::Vpc(Box::new(vpc))).ok_or_else(unknown)
}

pub(super) fn disassociate(draft: &mut Draft<'_>, id: RouteAssociationId) -> Result<RouteAssociation, DecideError> {
    match user(draft, id)? {
        User::Vpc(vpc) => {
            let rule = "it is that of the VPC's main route table, which can only be replaced";
            Err(Refusal::invalid("association", vpc.id, rule).into())
        }
        User::Subnet(mut subnet) => {
            let before = subnet.route_table;
            set(draft, &mut subnet, None);
            before.ok_or_else(|| Refusal::NotFound { noun: Noun::RouteAssociation, id: id.to_string() }.into())
        }
    }
}

pub(super) fn replace(
    draft: &mut Draft<'_>,
    id: RouteAssociationId,
    table: RouteTableId,
) -> Result<RouteAssociation, DecideError> {
    let association = RouteAssociation { id: RouteAssociationId::new(draft.ids), table };
    match user(draft, id)? {
        User::Subnet(mut subnet) => {
            table_for(draft, table, subnet.vpc)?;
            set(draft, &mut subnet, Some(association));
        }
        User::Vpc(mut vpc) => {
            table_for(draft, table, vpc.id)?;
            vpc.main_table = association;
            draft.delete_raw(record::route_association_key(id));
            draft.put_raw(record::route_association_key(association.id), vpc.id.to_string().into_bytes());
            draft.put(&*vpc);
            draft.put_raw(record::ports_of_vpc_key(vpc.id), draft.now.0.to_string().into_bytes());
            routes_changed(draft, vpc.id);
        }
    }
    Ok(association)
}

/// Something changed that routes of a VPC depend on, and that is in none of its tables.
pub(super) fn routes_changed(draft: &mut Draft<'_>, vpc: VpcId) {
    draft.put_raw(record::routes_of_vpc_key(vpc), draft.now.0.to_string().into_bytes());
}

/// The key of a table in the index of a target of its routes.
pub(super) fn target_key(table: RouteTableId, to: RouteTarget) -> String {
    format!("{}{table}", record::tables_of_target(to))
}

/// An interface goes, or its addresses change: routes that lead to it lead elsewhere.
pub(super) fn target_changed(draft: &mut Draft<'_>, vni: VniId, vpc: VpcId) -> Result<(), DecideError> {
    if draft.first::<RouteTableId>(&record::tables_of_target(vni))?.is_some() {
        routes_changed(draft, vpc);
    }
    Ok(())
}

/// Writes a route into a table, whatever it had for that network.
pub(super) fn put_route(
    draft: &mut Draft<'_>,
    table: RouteTableId,
    net: IpNet,
    to: RouteTarget,
) -> Result<(), DecideError> {
    let mut table: RouteTable = draft.get(table)?;
    route::set(draft, &mut table, net, Some(to))?;
    Ok(())
}

/// Whether a VPC has public gateways, whose ways on depend on every table.
pub(super) fn has_gateways(draft: &mut Draft<'_>, vpc: VpcId) -> Result<bool, DecideError> {
    Ok(draft.first::<PublicGatewayId>(&record::gateways_of_vpc(vpc))?.is_some())
}

/// The route of a table to a network.
pub(super) fn position(table: &RouteTable, net: IpNet) -> Result<usize, usize> {
    table.routes.binary_search_by_key(&net, |route: &Route| route.net)
}
