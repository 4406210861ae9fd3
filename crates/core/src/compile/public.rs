//! A VPC's implied ways to the public network: through floating IPs where a host has an uplink, through the zone's public
//! gateway otherwise; and where public gateways translate. A VPC that routes by tables has the ways that those say.

use super::{Carriers, HostEntries};
use crate::host_spec::{Entry, EntryKey, FloatingIpSpec, OWN_TABLE, RouteSpec};
use crate::id::{PublicGatewayId, VpcId};
use crate::model::{FloatingIp, Host, PublicGateway, Vpc};
use crate::net::EVERYWHERE;
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::txn::Snapshot;

/// A public gateway with what it takes to use it.
struct Way {
    gateway: PublicGateway,
    address: std::net::Ipv4Addr,
    host: Host,
}

/// The default route on every host that carries a VPC, and each public gateway's address on the host that translates.
pub(super) fn vpc(snapshot: &dyn Snapshot, carriers: &Carriers, id: VpcId) -> Result<HostEntries, DecideError> {
    let Some((vpc, _)) = query::find::<Vpc>(snapshot, id)? else { return Ok(HostEntries::new()) };
    let mut ways = Vec::new();
    for gateway in query::index::<PublicGatewayId>(snapshot, &record::gateways_of_vpc(id))? {
        let (gateway, _) = query::get::<PublicGateway>(snapshot, gateway)?;
        let (floating, _) = query::get::<FloatingIp>(snapshot, gateway.floating_ip)?;
        let (host, _) = query::get::<Host>(snapshot, gateway.host)?;
        ways.push(Way { gateway, address: floating.address, host });
    }
    let mut entries = HostEntries::new();
    for way in &ways {
        let spec = FloatingIpSpec::Gateway { segment: vpc.segment };
        let key = EntryKey::FloatingIp(way.address.into());
        entries.entry(way.host.id).or_default().insert(key, Entry::FloatingIp(spec));
    }
    if !vpc.implied_ways {
        return Ok(entries);
    }
    for host in carriers.of(id) {
        let (host, _) = query::get::<Host>(snapshot, host)?;
        let way = ways.iter().find(|way| way.gateway.zone == host.zone);
        if way.is_none() && host.uplink.is_none() {
            continue;
        }
        let route = RouteSpec::Public {
            gateway_vtep: way.filter(|way| way.host.id != host.id).map(|way| way.host.vtep),
            gateway: way.map(|way| way.address),
        };
        entries
            .entry(host.id)
            .or_default()
            .insert(EntryKey::Route(vpc.segment, OWN_TABLE, EVERYWHERE), Entry::Route(route));
    }
    Ok(entries)
}
