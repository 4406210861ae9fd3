//! A route table with the subnets that use it, and its routes zone by zone.
//!
//! EC2's routes hold in every zone and have no ids; here each stands once for each zone in which a subnet uses the table, as
//! IBM's do.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use pintle_core::DecideError;
use pintle_core::id::{SubnetId, ZoneRouteId};
use pintle_core::model::{
    PublicGateway, ReservedIp, RouteAction, RouteTable, RouteTarget, Subnet, Timestamp, Vni, Vpc, ZoneRoute,
};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{limits, query, record, routing};

use super::View;

/// A route table and what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTableView {
    /// The table.
    pub table: RouteTable,
    /// The revision of its last write.
    pub revision: Revision,
    /// Whether subnets that name no table use it.
    pub is_main: bool,
    /// The subnets that use it.
    pub subnets: Vec<Subnet>,
    /// Its IPv4 routes.
    pub routes: Vec<RouteView>,
}

/// A route for the subnets of one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// Its id.
    pub id: ZoneRouteId,
    /// Its name.
    pub name: String,
    /// The zone.
    pub zone: String,
    /// The network.
    pub net: Ipv4Net,
    /// Of those for one network the one with the smallest number counts.
    pub priority: u8,
    /// Where it leads.
    pub leads: Leads,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is one of the table's routes for a zone; otherwise it holds in every zone, and was made by EC2's API.
    pub of_zone: bool,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// To whatever has this address.
    Deliver(Ipv4Addr),
    /// Nowhere.
    Drop,
    /// Where packets would go without it.
    Delegate,
    /// The same, within the VPC.
    DelegateVpc,
}

impl View for RouteTableView {
    type Record = RouteTable;
    fn join(snapshot: &dyn Snapshot, table: RouteTable, revision: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::get::<Vpc>(snapshot, table.vpc)?;
        let mut subnets = Vec::new();
        for id in query::index::<SubnetId>(snapshot, &record::subnets_of_vpc(vpc.id))? {
            let (subnet, _) = query::get::<Subnet>(snapshot, id)?;
            if routing::table_id_of(&vpc, &subnet) == table.id {
                subnets.push(subnet);
            }
        }
        let mut routes: Vec<RouteView> = table.zone_routes.iter().map(RouteView::of_zone).collect();
        let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
        for route in &table.routes {
            let IpNet::V4(net) = route.net else { continue };
            let leads = follow(snapshot, route.to)?;
            routes.extend(zones.iter().map(|zone| RouteView::of_every_zone(&table, zone, net, leads)));
        }
        Ok(RouteTableView { is_main: vpc.main_table.table == table.id, table, revision, subnets, routes })
    }
}

impl RouteView {
    /// A route for a zone.
    pub fn of_zone(route: &ZoneRoute) -> RouteView {
        RouteView {
            id: route.id,
            name: route.name.clone(),
            zone: route.zone.clone(),
            net: route.net,
            priority: route.priority,
            leads: match route.action {
                RouteAction::Deliver(hop) => Leads::Deliver(hop),
                RouteAction::Drop => Leads::Drop,
                RouteAction::Delegate => Leads::Delegate,
                RouteAction::DelegateVpc => Leads::DelegateVpc,
            },
            created_at: route.created_at,
            of_zone: true,
        }
    }

    fn of_every_zone(table: &RouteTable, zone: &str, net: Ipv4Net, leads: Leads) -> RouteView {
        let id = ZoneRouteId::shown(table.id, zone, net);
        RouteView {
            id,
            name: id.to_string(),
            zone: zone.to_owned(),
            net,
            priority: limits::LOWEST_PRIORITY,
            leads,
            created_at: table.created_at,
            of_zone: false,
        }
    }
}

/// What EC2's targets are for IBM: an interface and a NAT gateway are addresses, and to go to the internet gateway is to go as
/// if there were no table, by the floating IP.
fn follow(snapshot: &dyn Snapshot, to: RouteTarget) -> Result<Leads, DecideError> {
    let vni = match to {
        RouteTarget::InternetGateway(_) => return Ok(Leads::Delegate),
        RouteTarget::PublicGateway(id) => {
            query::find::<PublicGateway>(snapshot, id)?.and_then(|(gateway, _)| gateway.place).map(|place| place.vni)
        }
        RouteTarget::Vni(id) => Some(id),
    };
    let Some(vni) = vni else { return Ok(Leads::Drop) };
    let Some((vni, _)) = query::find::<Vni>(snapshot, vni)? else { return Ok(Leads::Drop) };
    Ok(match query::get::<ReservedIp>(snapshot, vni.primary_ip())?.0.address {
        IpAddr::V4(address) => Leads::Deliver(address),
        IpAddr::V6(_) => Leads::Drop,
    })
}
