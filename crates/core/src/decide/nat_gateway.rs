//! Rules of public gateways that lie in a subnet, in VPCs that route by tables (EC2's NAT gateways).

use super::public_gateway::{choose_host, use_floating_ip};
use super::vni_ip::Room;
use super::{internet_gateway, route_table, take_name, vni};
use crate::command::{CreateNatGateway, CreateVni, IpChoice};
use crate::draft::Draft;
use crate::id::PublicGatewayId;
use crate::limits::NAT_GATEWAYS_PER_ZONE;
use crate::model::{FloatingIp, GatewayPlace, PublicGateway, Subnet, Vni, Vpc};
use crate::record;
use crate::refusal::{DecideError, Limited, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateNatGateway) -> Result<PublicGateway, DecideError> {
    let subnet: Subnet = draft.get(create.subnet)?;
    let vpc: Vpc = draft.get(subnet.vpc)?;
    route_table::main_of(&vpc)?;
    internet_gateway::check_reachable(draft, vpc.id)?;
    let id = PublicGatewayId::new(draft.ids);
    let in_zone = format!("{}{}/", record::gateways_of_vpc(vpc.id), subnet.zone);
    if draft.count(&in_zone)? >= NAT_GATEWAYS_PER_ZONE {
        let what = format!("VPC {} has as many public gateways in zone '{}' as it may have", vpc.id, subnet.zone);
        return Err(
            Refusal::Limit { of: Limited::Things(Noun::PublicGateway), what, limit: NAT_GATEWAYS_PER_ZONE }.into()
        );
    }
    let host = choose_host(draft, None, &subnet.zone)?;
    let name = take_name::<PublicGateway>(draft, None, &vpc.id.to_string(), "their VPC", id)?;
    let floating: FloatingIp = draft.get(create.floating_ip)?;
    use_floating_ip(draft, floating, &subnet.owner, &subnet.zone, id)?;
    let vni = own_interface(draft, &subnet, create.address.map(Into::into), id)?;
    let gateway = PublicGateway {
        id,
        owner: vpc.owner,
        name,
        created_at: draft.now,
        vpc: vpc.id,
        zone: subnet.zone,
        floating_ip: create.floating_ip,
        owns_floating_ip: false,
        host,
        place: Some(GatewayPlace { subnet: subnet.id, vni: vni.id }),
    };
    draft.insert(&gateway);
    draft.put_raw(format!("{in_zone}{id}"), id.to_string().into_bytes());
    draft.put_raw(format!("{}{id}", record::gateways_of_host(host)), id.to_string().into_bytes());
    route_table::routes_changed(draft, vpc.id);
    Ok(gateway)
}

/// The interface that holds the gateway's private address.
fn own_interface(
    draft: &mut Draft<'_>,
    subnet: &Subnet,
    address: Option<std::net::IpAddr>,
    gateway: PublicGatewayId,
) -> Result<Vni, DecideError> {
    let exactly = |address| IpChoice::Address { address, name: None, auto_delete: true };
    let create = CreateVni {
        subnet: Some(subnet.id),
        description: format!("Interface for NAT Gateway {gateway}"),
        primary_ip: address.map_or_else(IpChoice::default, exactly),
        source_dest_check: Some(false),
        ..CreateVni::default()
    };
    let mut vni = vni::create(draft, create, false, Room::ALONE)?;
    vni.gateway = Some(gateway);
    draft.put(&vni);
    Ok(vni)
}

/// Takes away what a gateway has by lying in a subnet.
pub(super) fn withdraw(draft: &mut Draft<'_>, gateway: &PublicGateway, place: GatewayPlace) -> Result<(), DecideError> {
    let vni: Vni = draft.get(place.vni)?;
    vni::erase(draft, &vni)?;
    let in_zone = format!("{}{}/", record::gateways_of_vpc(gateway.vpc), gateway.zone);
    draft.delete_raw(format!("{in_zone}{}", gateway.id));
    route_table::routes_changed(draft, gateway.vpc);
    Ok(())
}
