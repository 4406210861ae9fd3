//! Where route tables lead, as stored: read by whoever shows them and by what hosts are told.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net};

use crate::draft::parse_id;
use crate::id::{InternetGatewayId, RouteTableId, SubnetId, VpcId};
use crate::model::{InternetGateway, PublicGateway, RouteTable, RouteTarget, Subnet, Vni, Vpc, ZoneRoute};
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::txn::Snapshot;

/// The ranges that every route table of a VPC leads to by itself.
pub fn local(vpc: &Vpc) -> impl Iterator<Item = IpNet> + '_ {
    vpc.nets().map(IpNet::V4).chain(vpc.ipv6_nets().map(IpNet::V6))
}

/// The internet gateway of a VPC.
///
/// # Errors
/// When the store can't be read.
pub fn internet_gateway(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<Option<InternetGatewayId>, DecideError> {
    let key = record::internet_gateway_of_key(vpc);
    snapshot.get(&key)?.map(|stored| parse_id(&key, &stored.value)).transpose()
}

/// The id of the route table that a subnet uses.
pub fn table_id_of(vpc: &Vpc, subnet: &Subnet) -> RouteTableId {
    subnet.route_table.unwrap_or(vpc.main_table).table
}

/// The number by which hosts know the routes that a table has for subnets of a zone; `None`: none, everything goes where it
/// would go without a table.
pub fn number_in(vpc: &Vpc, table: &RouteTable, zone: &str) -> Option<u8> {
    let own = table.zone_numbers.get(zone).copied();
    own.or((!vpc.implied_ways).then_some(table.number))
}

/// A table's routes for the subnets of a zone, by network: of several for one, the one with the smallest priority.
pub fn winners<'a>(table: &'a RouteTable, zone: &str) -> BTreeMap<Ipv4Net, &'a ZoneRoute> {
    let mut found: BTreeMap<Ipv4Net, &ZoneRoute> = BTreeMap::new();
    for route in table.zone_routes.iter().filter(|route| route.zone == zone) {
        let best = found.entry(route.net).or_insert(route);
        if route.priority < best.priority {
            *best = route;
        }
    }
    found
}

/// The route table that a subnet uses; `None` where the subnet is gone.
///
/// # Errors
/// When the store can't be read.
pub fn table_of_subnet(
    snapshot: &dyn Snapshot,
    vpc: &Vpc,
    subnet: SubnetId,
) -> Result<Option<RouteTable>, DecideError> {
    let Some((subnet, _)) = query::find::<Subnet>(snapshot, subnet)? else { return Ok(None) };
    Ok(query::find::<RouteTable>(snapshot, table_id_of(vpc, &subnet))?.map(|(table, _)| table))
}

/// Where the longest route leads that holds all of a network; `None`: nowhere, or into the VPC.
pub fn lookup(vpc: &Vpc, table: &RouteTable, net: IpNet) -> Option<RouteTarget> {
    let written = table.routes.iter().map(|route| (route.net, Some(route.to)));
    let all = written.chain(local(vpc).map(|net| (net, None)));
    all.filter(|(range, _)| range.contains(&net)).max_by_key(|(range, _)| range.prefix_len())?.1
}

/// Whether a route's target can take packets now; otherwise the route is a black hole.
///
/// # Errors
/// When the store can't be read.
pub fn is_alive(snapshot: &dyn Snapshot, vpc: VpcId, to: RouteTarget) -> Result<bool, DecideError> {
    Ok(match to {
        RouteTarget::InternetGateway(id) => {
            query::find::<InternetGateway>(snapshot, id)?.is_some_and(|(gateway, _)| gateway.vpc == Some(vpc))
        }
        RouteTarget::PublicGateway(id) => query::find::<PublicGateway>(snapshot, id)?.is_some(),
        RouteTarget::Vni(id) => query::find::<Vni>(snapshot, id)?.is_some_and(|(vni, _)| vni.attachment.is_some()),
    })
}
