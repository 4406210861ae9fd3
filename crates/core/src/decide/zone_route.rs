//! Rules of routes for the subnets of one zone: of several for a network the one with the smallest number counts, and no two
//! have the same one.

use std::collections::BTreeSet;

use super::route::check_net;
use super::route_table::{put_delegates, routes_changed, take_zone_number};
use crate::command::{NewZoneRoute, UpdateZoneRoute};
use crate::draft::Draft;
use crate::id::{RouteTableId, SubnetId, ZoneRouteId};
use crate::limits::{LOWEST_PRIORITY, PREFIX_LENGTHS_PER_TABLE, ZONE_ROUTES_PER_TABLE};
use crate::model::{RouteAction, RouteTable, Subnet, Vpc, ZoneRoute};
use crate::record;
use crate::refusal::{DecideError, Limited, Noun, Refusal};
use crate::{name, routing};

const SCOPE_WORDS: &str = "their route table";

/// Adds a route.
pub(super) fn add(draft: &mut Draft<'_>, table: RouteTableId, new: NewZoneRoute) -> Result<RouteTable, DecideError> {
    let mut table: RouteTable = draft.get(table)?;
    insert(draft, &mut table, new)?;
    write(draft, &table);
    Ok(table)
}

/// Adds routes to a table that nothing uses yet.
pub(super) fn add_all(
    draft: &mut Draft<'_>,
    table: &mut RouteTable,
    routes: Vec<NewZoneRoute>,
) -> Result<(), DecideError> {
    for new in routes {
        insert(draft, table, new)?;
    }
    write(draft, table);
    Ok(())
}

fn insert(draft: &mut Draft<'_>, table: &mut RouteTable, new: NewZoneRoute) -> Result<(), DecideError> {
    let NewZoneRoute { name, zone, net, priority, action } = new;
    draft.check_zone(&table.owner, &zone)?;
    if net != net.trunc() {
        let rule = format!("it has host bits set; the network is {}", net.trunc());
        return Err(Refusal::invalid("destination", net, rule).into());
    }
    check_net(net.into())?;
    if table.zone_routes.len() >= ZONE_ROUTES_PER_TABLE {
        let what = format!("route table {} has as many routes as it may have", table.id);
        return Err(Refusal::Limit { of: Limited::RoutesOfTable, what, limit: ZONE_ROUTES_PER_TABLE as u64 }.into());
    }
    let lengths: BTreeSet<u8> = table.zone_routes.iter().map(|route| route.net.prefix_len()).collect();
    if !lengths.contains(&net.prefix_len()) && lengths.len() >= PREFIX_LENGTHS_PER_TABLE {
        let what =
            format!("the routes of route table {} have as many different prefix lengths as they may have", table.id);
        return Err(Refusal::Limit { of: Limited::PrefixLengths, what, limit: PREFIX_LENGTHS_PER_TABLE as u64 }.into());
    }
    let id = ZoneRouteId::new(draft.ids);
    let name = match name {
        Some(name) => {
            name::check(Noun::Route, &name)?;
            check_name(table, id, &name)?;
            name
        }
        None => loop {
            let name = name::default_name(draft.ids);
            if check_name(table, id, &name).is_ok() {
                break name;
            }
        },
    };
    let route = ZoneRoute { id, name, zone, net, priority, action, created_at: draft.now };
    check(draft, table, &route)?;
    if !table.zone_numbers.contains_key(&route.zone) {
        let number = take_zone_number(draft, table.vpc, table.id)?;
        table.zone_numbers.insert(route.zone.clone(), number);
        ports_changed(draft, table, &route.zone)?;
    }
    table.zone_routes.push(route);
    Ok(())
}

fn check_name(table: &RouteTable, id: ZoneRouteId, name: &str) -> Result<(), Refusal> {
    match table.zone_routes.iter().find(|other| other.name == name && other.id != id) {
        None => Ok(()),
        Some(other) => Err(Refusal::NameTaken {
            noun: Noun::Route,
            name: name.to_owned(),
            holder: other.id.to_string(),
            scope: SCOPE_WORDS.to_owned(),
        }),
    }
}

/// What must hold of a route among its table's.
fn check(draft: &mut Draft<'_>, table: &RouteTable, route: &ZoneRoute) -> Result<(), DecideError> {
    if route.priority > LOWEST_PRIORITY {
        let rule = format!("it must be from 0 to {LOWEST_PRIORITY}");
        return Err(Refusal::invalid("priority", route.priority, rule).into());
    }
    let same = |other: &&ZoneRoute| {
        other.id != route.id
            && (other.net, other.priority, other.zone.as_str()) == (route.net, route.priority, route.zone.as_str())
    };
    if let Some(other) = table.zone_routes.iter().find(same) {
        let rule = format!(
            "route {} in the same zone is for {} with the same priority; packets are not shared out between routes",
            other.id, other.net
        );
        return Err(Refusal::invalid("priority", route.priority, rule).into());
    }
    let RouteAction::Deliver(hop) = route.action else { return Ok(()) };
    for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(table.vpc))? {
        let subnet: Subnet = draft.get(subnet)?;
        if subnet.zone == route.zone && subnet.cidr.contains(&hop) {
            return Ok(());
        }
    }
    let rule = format!("it must be an address of a subnet of VPC {} in zone '{}'", table.vpc, route.zone);
    Err(Refusal::invalid("next_hop", hop, rule).into())
}

/// Changes a route of a table.
pub(super) fn update(
    draft: &mut Draft<'_>,
    table: RouteTableId,
    id: ZoneRouteId,
    update: UpdateZoneRoute,
) -> Result<RouteTable, DecideError> {
    let mut table: RouteTable = draft.get(table)?;
    let at = position(&table, id)?;
    let mut route = table.zone_routes[at].clone();
    if let Some(name) = update.name {
        name::check(Noun::Route, &name)?;
        check_name(&table, id, &name)?;
        route.name = name;
    }
    route.priority = update.priority.unwrap_or(route.priority);
    if let Some(hop) = update.hop {
        if !matches!(route.action, RouteAction::Deliver(_)) {
            return Err(Refusal::invalid("next_hop", hop, "only a route that delivers has a next hop").into());
        }
        route.action = RouteAction::Deliver(hop);
    }
    check(draft, &table, &route)?;
    table.zone_routes[at] = route;
    write(draft, &table);
    Ok(table)
}

/// Removes a route from a table.
pub(super) fn remove(draft: &mut Draft<'_>, table: RouteTableId, id: ZoneRouteId) -> Result<RouteTable, DecideError> {
    let mut table: RouteTable = draft.get(table)?;
    let gone = table.zone_routes.remove(position(&table, id)?);
    if !table.zone_routes.iter().any(|route| route.zone == gone.zone)
        && let Some(number) = table.zone_numbers.remove(&gone.zone)
    {
        draft.delete_raw(record::zone_number_key(table.vpc, number));
        ports_changed(draft, &table, &gone.zone)?;
    }
    write(draft, &table);
    Ok(table)
}

fn position(table: &RouteTable, id: ZoneRouteId) -> Result<usize, Refusal> {
    let at = table.zone_routes.iter().position(|route| route.id == id);
    at.ok_or_else(|| Refusal::NotFound { noun: Noun::Route, id: id.to_string() })
}

fn write(draft: &mut Draft<'_>, table: &RouteTable) {
    draft.put(table);
    put_delegates(draft, table);
}

/// The subnets of a zone that use a table know its routes by another number from now on.
fn ports_changed(draft: &mut Draft<'_>, table: &RouteTable, zone: &str) -> Result<(), DecideError> {
    let vpc: Vpc = draft.follow(table.vpc)?;
    for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(table.vpc))? {
        let subnet: Subnet = draft.get(subnet)?;
        if subnet.zone == zone && routing::table_id_of(&vpc, &subnet) == table.id {
            draft.put_raw(record::ports_of_subnet_key(subnet.id), draft.now.0.to_string().into_bytes());
        }
    }
    Ok(())
}

/// A subnet comes or goes: what is within its VPC changes, and with it where routes lead that stay within.
pub(super) fn subnets_changed(draft: &mut Draft<'_>, vpc: crate::id::VpcId) -> Result<(), DecideError> {
    if draft.first::<RouteTableId>(&record::delegating_tables_of_vpc(vpc))?.is_some() {
        routes_changed(draft, vpc);
    }
    Ok(())
}
