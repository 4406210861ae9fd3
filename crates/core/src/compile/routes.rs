//! The routes of a table, on every host that carries its VPC.

use ipnet::IpNet;

use super::{Carriers, HostEntries};
use crate::host_spec::{Entry, EntryKey, RouteSpec};
use crate::id::{RouteTableId, VpcId};
use crate::model::{FloatingIp, Host, PublicGateway, ReservedIp, Route, RouteTable, RouteTarget, Vni, Vpc};
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::routing;
use crate::txn::Snapshot;

/// Where a route leads, before it is known from which host.
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
    let mut leads: Vec<(IpNet, Leads)> = Vec::with_capacity(table.routes.len() + 2);
    leads.extend(routing::local(&vpc).map(|net| (net, Leads::Everywhere(RouteSpec::Local))));
    for route in &table.routes {
        leads.push((route.net, follow(snapshot, &vpc, route)?));
    }
    let mut entries = HostEntries::new();
    for host in carriers.of(vpc.id) {
        let own = entries.entry(host).or_default();
        for (net, leads) in &leads {
            let spec = match leads {
                Leads::Everywhere(spec) => *spec,
                Leads::Gateway(at, address) => {
                    RouteSpec::Nat { vtep: (at.id != host).then_some(at.vtep), address: *address }
                }
            };
            own.insert(EntryKey::Route(vpc.segment, table.number, *net), Entry::Route(spec));
        }
    }
    Ok(entries)
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

/// Every route table of a VPC.
pub(super) fn tables(snapshot: &dyn Snapshot, vpc: VpcId) -> Result<Vec<RouteTableId>, DecideError> {
    query::index(snapshot, &record::tables_of_vpc(vpc))
}
