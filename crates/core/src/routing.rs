//! Where route tables lead, as stored: read by whoever shows them and by what hosts are told.

use ipnet::IpNet;

use crate::draft::parse_id;
use crate::id::{InternetGatewayId, RouteTableId, SubnetId, VpcId};
use crate::model::{InternetGateway, PublicGateway, RouteTable, RouteTarget, Subnet, Vni, Vpc};
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

/// The id of the route table that a subnet uses; `None` where the VPC does not route by tables.
pub fn table_id_of(vpc: &Vpc, subnet: &Subnet) -> Option<RouteTableId> {
    let main = vpc.main_table?;
    Some(subnet.route_table.unwrap_or(main).table)
}

/// The route table that a subnet uses; `None` where the VPC does not route by tables, or the subnet is gone.
///
/// # Errors
/// When the store can't be read.
pub fn table_of_subnet(
    snapshot: &dyn Snapshot,
    vpc: &Vpc,
    subnet: SubnetId,
) -> Result<Option<RouteTable>, DecideError> {
    let Some((subnet, _)) = query::find::<Subnet>(snapshot, subnet)? else { return Ok(None) };
    let Some(id) = table_id_of(vpc, &subnet) else { return Ok(None) };
    Ok(query::find::<RouteTable>(snapshot, id)?.map(|(table, _)| table))
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
