//! Rules of routes: each network once in a table, the VPC's own ranges never, targets of the same VPC.

use ipnet::IpNet;

use super::route_table::{has_gateways, main_of, position, routes_changed, target_key};
use crate::command::{NewRoute, TargetChoice};
use crate::draft::Draft;
use crate::id::{AttachmentId, InstanceId, RouteTableId, SubnetId};
use crate::limits::ROUTES_PER_TABLE;
use crate::model::{
    Attachment, Instance, InternetGateway, PublicGateway, Route, RouteTable, RouteTarget, Subnet, Vni, Vpc,
};
use crate::record;
use crate::refusal::{DecideError, Limited, Noun, Refusal};
use crate::routing::local;

pub(super) fn create(draft: &mut Draft<'_>, table: RouteTableId, new: NewRoute) -> Result<RouteTable, DecideError> {
    let (mut table, net, to) = read(draft, table, new)?;
    if position(&table, net).is_ok() {
        return Err(Refusal::RouteExists { table: table.id, net }.into());
    }
    if table.routes.len() >= ROUTES_PER_TABLE {
        let what = format!("route table {} has as many routes as it may have", table.id);
        return Err(Refusal::Limit { of: Limited::RoutesOfTable, what, limit: ROUTES_PER_TABLE as u64 }.into());
    }
    set(draft, &mut table, net, Some(to))?;
    Ok(table)
}

pub(super) fn replace(draft: &mut Draft<'_>, table: RouteTableId, new: NewRoute) -> Result<RouteTable, DecideError> {
    let (mut table, net, to) = read(draft, table, new)?;
    if position(&table, net).is_err() {
        return Err(Refusal::NoSuchRoute { table: table.id, net }.into());
    }
    set(draft, &mut table, net, Some(to))?;
    Ok(table)
}

pub(super) fn delete(draft: &mut Draft<'_>, table: RouteTableId, net: IpNet) -> Result<RouteTable, DecideError> {
    let mut table: RouteTable = draft.get(table)?;
    let net = net.trunc();
    if local(&draft.get(table.vpc)?).any(|own| own == net) {
        let rule = format!("it is the local route of VPC {}, which every route table has", table.vpc);
        return Err(Refusal::invalid("destination", net, rule).into());
    }
    if position(&table, net).is_err() {
        return Err(Refusal::NoSuchRoute { table: table.id, net }.into());
    }
    set(draft, &mut table, net, None)?;
    Ok(table)
}

/// Writes a table with or without a route to a network, and what refers to its target.
pub(super) fn set(
    draft: &mut Draft<'_>,
    table: &mut RouteTable,
    net: IpNet,
    to: Option<RouteTarget>,
) -> Result<(), DecideError> {
    let old = match (position(table, net), to) {
        (Ok(at), Some(to)) => Some(std::mem::replace(&mut table.routes[at], Route { net, to })),
        (Ok(at), None) => Some(table.routes.remove(at)),
        (Err(at), Some(to)) => {
            table.routes.insert(at, Route { net, to });
            None
        }
        (Err(_), None) => None,
    };
    if let Some(old) = old
        && !table.routes.iter().any(|route| route.to == old.to)
    {
        draft.delete_raw(target_key(table.id, old.to));
    }
    if let Some(to) = to {
        draft.put_raw(target_key(table.id, to), table.id.to_string().into_bytes());
    }
    draft.put(table);
    // Public gateways in subnets of this table go on by it.
    if has_gateways(draft, table.vpc)? {
        routes_changed(draft, table.vpc);
    }
    Ok(())
}

fn read(
    draft: &mut Draft<'_>,
    table: RouteTableId,
    new: NewRoute,
) -> Result<(RouteTable, IpNet, RouteTarget), DecideError> {
    let table: RouteTable = draft.get(table)?;
    let vpc: Vpc = draft.get(table.vpc)?;
    main_of(&vpc)?;
    let net = new.net.trunc();
    check_net(net)?;
    let to = target(draft, &vpc, new.to)?;
    if let Some(range) = local(&vpc).find(|range| range.contains(&net)) {
        check_inside(draft, &vpc, (range, net), to)?;
    }
    if let (RouteTarget::PublicGateway(_), IpNet::V6(_)) = (to, net) {
        return Err(Refusal::invalid("destination", net, "public gateways translate IPv4 only").into());
    }
    if let (RouteTarget::Vni(vni), IpNet::V6(_)) = (to, net)
        && draft.get::<Vni>(vni)?.primary_ipv6.is_none()
    {
        return Err(Refusal::invalid("target", vni, "it has no IPv6 address to send packets to").into());
    }
    Ok((table, net, to))
}

/// Ranges that no router forwards: link-local and multicast ones.
pub(super) fn check_net(net: IpNet) -> Result<(), Refusal> {
    let unrouted: [IpNet; 4] =
        ["169.254.0.0/16", "224.0.0.0/3", "fe80::/10", "ff00::/8"].map(|text| text.parse().expect("it is a network"));
    match unrouted.iter().find(|range| range.contains(&net)) {
        Some(range) => Err(Refusal::invalid("destination", net, format!("packets for {range} are not routed"))),
        None => Ok(()),
    }
}

/// Inside the VPC a route is for all of a subnet, and leads to an interface that stands in between.
fn check_inside(
    draft: &mut Draft<'_>,
    vpc: &Vpc,
    (range, net): (IpNet, IpNet),
    to: RouteTarget,
) -> Result<(), DecideError> {
    if range == net {
        return Err(Refusal::invalid("destination", net, "the local route of a VPC is in every table and stays").into());
    }
    if !matches!(to, RouteTarget::Vni(_)) {
        let rule = format!("it is more specific than {range}, a range of the VPC: such a route leads to an interface");
        return Err(Refusal::invalid("destination", net, rule).into());
    }
    for subnet in draft.index::<SubnetId>(&record::subnets_of_vpc(vpc.id))? {
        let subnet: Subnet = draft.get(subnet)?;
        if IpNet::V4(subnet.cidr) == net || subnet.ipv6_cidr.map(IpNet::V6) == Some(net) {
            return Ok(());
        }
    }
    let rule =
        format!("it is more specific than {range}, a range of the VPC: such a route is for the range of a subnet");
    Err(Refusal::invalid("destination", net, rule).into())
}

fn target(draft: &mut Draft<'_>, vpc: &Vpc, choice: TargetChoice) -> Result<RouteTarget, DecideError> {
    let (noun, id, of) = match choice {
        TargetChoice::InternetGateway(id) => {
            let gateway: InternetGateway = draft.get(id)?;
            let Some(of) = gateway.vpc else {
                return Err(Refusal::GatewayNotAttached { gateway: id, vpc: vpc.id }.into());
            };
            (Noun::InternetGateway, RouteTarget::InternetGateway(id), of)
        }
        TargetChoice::PublicGateway(id) => {
            (Noun::PublicGateway, RouteTarget::PublicGateway(id), draft.get::<PublicGateway>(id)?.vpc)
        }
        TargetChoice::Vni(id) => {
            let vni: Vni = draft.get(id)?;
            if let Some(gateway) = vni.gateway {
                let rule = format!("it belongs to public gateway {gateway}; let the route lead to that");
                return Err(Refusal::invalid("target", id, rule).into());
            }
            (Noun::Vni, RouteTarget::Vni(id), vni.vpc)
        }
        TargetChoice::Instance(id) => {
            let vpc = draft.get::<Instance>(id)?.vpc;
            (Noun::Instance, RouteTarget::Vni(primary(draft, id)?), vpc)
        }
    };
    if of != vpc.id {
        return Err(Refusal::OtherVpc { noun, id: id.to_string(), vpc: of, needed: vpc.id }.into());
    }
    Ok(id)
}

/// The primary interface of an instance.
fn primary(draft: &mut Draft<'_>, id: InstanceId) -> Result<crate::id::VniId, DecideError> {
    for attachment in draft.index::<AttachmentId>(&record::attachments_of_instance(id))? {
        let attachment: Attachment = draft.get(attachment)?;
        if attachment.primary {
            return Ok(attachment.vni);
        }
    }
    Err(Refusal::invalid("target", id, "it has no primary network interface").into())
}
