//! The routes of a table, on every host that carries its VPC.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv6Net};

use super::{Carriers, HostEntries};
use crate::host_spec::{Entry, EntryKey, RouteSpec};
use crate::id::{RouteTableId, SubnetId, VpcId};
use crate::model::{
    FloatingIp, Host, PublicGateway, ReservedIp, Route, RouteAction, RouteTable, RouteTarget, Subnet, Vni, Vpc,
};
use crate::net::EVERYWHERE;
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::routing;
use crate::txn::Snapshot;

/// Where a route leads, before it is known from which host.
#[derive(Clone)]
enum Leads {
    Everywhere(RouteSpec),
    /// To a public gateway on this host, with this address.
    Gateway(Box<Host>, std::net::Ipv4Addr),
}

pub(super) fn table(
    snapshot: &dyn Snapshot,
    carriers: &Carriers,
    id: RouteTableId,
) -> Result<HostEntries, DecideError> {
    let Some((table, _)) = query::find::<RouteTable>(snapshot, id)? else { return Ok(HostEntries::new()) };
    let (vpc, _) = query::get::<Vpc>(snapshot, table.vpc)?;
    let everywhere = everywhere(snapshot, &vpc, &table)?;
    let mut content: Vec<(u8, BTreeMap<IpNet, Leads>)> = Vec::new();
    for (zone, number) in &table.zone_numbers {
        content.push((*number, in_zone(snapshot, &vpc, &table, zone, everywhere.clone())?));
    }
    if !vpc.implied_ways {
        content.push((table.number, everywhere));
    }
    let mut entries = HostEntries::new();
    for host in carriers.of(vpc.id) {
        let own = entries.entry(host).or_default();
        for (number, routes) in &content {
            for (net, leads) in routes {
                let spec = match leads {
                    Leads::Everywhere(spec) => *spec,
                    Leads::Gateway(at, address) => {
                        RouteSpec::Nat { vtep: (at.id != host).then_some(at.vtep), address: *address }
                    }
                };
                own.insert(EntryKey::Route(vpc.segment, *number, *net), Entry::Route(spec));
            }
        }
    }
    Ok(entries)
}

/// Where a table leads in every zone. In a VPC with implied ways out that is where packets would go without it.
fn everywhere(snapshot: &dyn Snapshot, vpc: &Vpc, table: &RouteTable) -> Result<BTreeMap<IpNet, Leads>, DecideError> {
    let local = |net| (net, Leads::Everywhere(RouteSpec::Local));
    if vpc.implied_ways {
        return Ok([EVERYWHERE, IpNet::V6(Ipv6Net::default())].map(local).into());
    }
    let mut leads: BTreeMap<IpNet, Leads> = routing::local(vpc).map(local).collect();
    for route in &table.routes {
        leads.insert(route.net, follow(snapshot, vpc, route)?);
    }
    Ok(leads)
}

/// Where a table leads for the subnets of a zone.
fn in_zone(
    snapshot: &dyn Snapshot,
    vpc: &Vpc,
    table: &RouteTable,
    zone: &str,
    mut leads: BTreeMap<IpNet, Leads>,
) -> Result<BTreeMap<IpNet, Leads>, DecideError> {
    let winners = routing::winners(table, zone);
    for route in winners.values() {
        let spec = match route.action {
            RouteAction::Deliver(hop) => RouteSpec::Via(hop.into()),
            RouteAction::Delegate => RouteSpec::Local,
            RouteAction::Drop | RouteAction::DelegateVpc => RouteSpec::Blackhole,
        };
        leads.insert(route.net.into(), Leads::Everywhere(spec));
    }
    if !winners.values().any(|route| route.action == RouteAction::DelegateVpc) {
        return Ok(leads);
    }
    // What stays within the VPC is for its subnets, and for nothing beside them.
    for id in query::index::<SubnetId>(snapshot, &record::subnets_of_vpc(vpc.id))? {
        let (subnet, _) = query::get::<Subnet>(snapshot, id)?;
        for route in winners.values().filter(|route| route.action == RouteAction::DelegateVpc) {
            let both = [IpNet::V4(route.net), IpNet::V4(subnet.cidr)];
            let Some(common) = both.into_iter().find(|net| both.iter().all(|other| other.contains(net))) else {
                continue;
            };
            let longest = leads.keys().filter(|net| net.contains(&common)).max_by_key(|net| net.prefix_len());
            if longest == Some(&IpNet::V4(route.net)) {
                leads.insert(common, Leads::Everywhere(RouteSpec::Local));
            }
        }
    }
    Ok(leads)
}

fn follow(snapshot: &dyn Snapshot, vpc: &Vpc, route: &Route) -> Result<Leads, DecideError> {
    let nowhere = Leads::Everywhere(RouteSpec::Blackhole);
    Ok(match route.to {
        RouteTarget::InternetGateway(id) if routing::internet_gateway(snapshot, vpc.id)? == Some(id) => {
            Leads::Everywhere(RouteSpec::Public { gateway_vtep: None, gateway: None })
        }
        RouteTarget::InternetGateway(_) => nowhere,
        RouteTarget::PublicGateway(id) => match query::find::<PublicGateway>(snapshot, id)? {
            Some((gateway, _)) if leads_on(snapshot, vpc, &gateway, route.net)? => {
                let (floating, _) = query::get::<FloatingIp>(snapshot, gateway.floating_ip)?;
                Leads::Gateway(Box::new(query::get::<Host>(snapshot, gateway.host)?.0), floating.address)
            }
            _ => nowhere,
        },
        RouteTarget::Vni(id) => match query::find::<Vni>(snapshot, id)? {
            Some((vni, _)) => address(snapshot, &vni, route.net)?.map_or(nowhere, Leads::Everywhere),
            None => nowhere,
        },
    })
}

/// What leads to an interface that gets the packets of a network. While it is not attached nobody has the address.
fn address(snapshot: &dyn Snapshot, vni: &Vni, net: IpNet) -> Result<Option<RouteSpec>, DecideError> {
    let ip = match net {
        IpNet::V4(_) => Some(vni.primary_ip()),
        IpNet::V6(_) => vni.primary_ipv6,
    };
    ip.map(|ip| Ok(RouteSpec::Via(query::get::<ReservedIp>(snapshot, ip)?.0.address))).transpose()
}

/// Whether what a public gateway has translated goes on to the public network: that is for its own subnet's table to say.
fn leads_on(snapshot: &dyn Snapshot, vpc: &Vpc, gateway: &PublicGateway, net: IpNet) -> Result<bool, DecideError> {
    let Some(place) = gateway.place else { return Ok(false) };
    let Some(table) = routing::table_of_subnet(snapshot, vpc, place.subnet)? else { return Ok(false) };
    Ok(match routing::lookup(vpc, &table, net) {
        Some(RouteTarget::InternetGateway(id)) => routing::internet_gateway(snapshot, vpc.id)? == Some(id),
        _ => false,
    })
}

/// Every route table of a VPC that hosts have something of.
pub(super) fn tables(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<Vec<RouteTableId>, DecideError> {
    let Some((vpc, _)) = query::find::<Vpc>(snapshot, vpc)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for id in query::index(snapshot, &record::tables_of_vpc(vpc.id))? {
        let (table, _) = query::get::<RouteTable>(snapshot, id)?;
        if !vpc.implied_ways || !table.zone_numbers.is_empty() {
            found.push(id);
        }
    }
    Ok(found)
}
