//! Rules of route tables: numbered within their VPC, one of them its main one, used by subnets through associations.

use ipnet::IpNet;

use super::route;
use crate::draft::{Draft, parse_id};
use crate::id::{InternetGatewayId, PublicGatewayId, RouteAssociationId, RouteTableId, SubnetId, VniId, VpcId};
use crate::limits::ROUTE_TABLES_PER_VPC;
use crate::model::{Owner, Route, RouteAssociation, RouteTable, RouteTarget, Subnet, Vpc};
use crate::record;
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

/// What is told of a VPC whose ways out are implied.
const NO_TABLES: &str = "has implied ways to the public network: floating IPs and the public gateways of its subnets; it has \
                         neither route tables nor an internet gateway";

/// The main route table of a VPC.
///
/// # Errors
/// [`Refusal::OtherRouting`] when it does not route by tables.
pub(super) fn main_of(vpc: &Vpc) -> Result<RouteAssociation, DecideError> {
    vpc.main_table.ok_or_else(|| Refusal::OtherRouting { vpc: vpc.id, rule: NO_TABLES }.into())
}

/// That a VPC's ways out are implied.
pub(super) fn check_implied(vpc: &Vpc) -> Result<(), DecideError> {
    if vpc.main_table.is_some() {
        let rule = "routes by tables: its public gateways lie in subnets, and routes lead to them";
        return Err(Refusal::OtherRouting { vpc: vpc.id, rule }.into());
    }
    Ok(())
}

pub(super) fn create(draft: &mut Draft<'_>, vpc: VpcId) -> Result<RouteTable, DecideError> {
    let vpc: Vpc = draft.get(vpc)?;
    main_of(&vpc)?;
    insert(draft, vpc.owner, vpc.id)
}

/// The main table of a VPC that is being made.
pub(super) fn create_main(draft: &mut Draft<'_>, owner: &Owner, vpc: VpcId) -> Result<RouteAssociation, DecideError> {
    let table = insert(draft, owner.clone(), vpc)?;
    let id = RouteAssociationId::new(draft.ids);
    draft.put_raw(record::route_association_key(id), vpc.to_string().into_bytes());
    Ok(RouteAssociation { id, table: table.id })
}

fn insert(draft: &mut Draft<'_>, owner: Owner, vpc: VpcId) -> Result<RouteTable, DecideError> {
    let id = RouteTableId::new(draft.ids);
    let number = take_number(draft, vpc, id)?;
    let table = RouteTable { id, owner, vpc, number, routes: Vec::new(), created_at: draft.now };
    draft.insert(&table);
    Ok(table)
}

/// The lowest number that no other table of the VPC has.
fn take_number(draft: &mut Draft<'_>, vpc: VpcId, id: RouteTableId) -> Result<u8, DecideError> {
    for number in 1..=ROUTE_TABLES_PER_VPC {
        if draft.claim(record::table_number_key(vpc, number), &id.to_string())?.is_ok() {
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
    if main_of(&vpc)?.table == id {
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
    draft.remove(table);
}

/// Removes all route tables of a VPC that is being deleted: its main one, as others are in the way of that.
///
/// # Errors
/// [`Refusal::InUse`] while it has others, or an internet gateway.
pub(super) fn erase_of(draft: &mut Draft<'_>, vpc: &Vpc) -> Result<(), DecideError> {
    let Some(main) = vpc.main_table else { return Ok(()) };
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
            vpc.main_table = Some(association);
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
