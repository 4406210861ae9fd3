//! A NAT gateway as EC2 shows it, and its filters. A public gateway of a VPC whose ways out are implied is one too: it lies in
//! no subnet, and has no private address.

use pintle_core::id::{PublicGatewayId, VniId, VpcId};
use pintle_core::model::{FloatingIp, PublicGateway, ReservedIp, Tags, Vni};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query, record};

use crate::ec2::caller::Caller;
use crate::ec2::describe::Resource;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::Xml;
use crate::view::View;

/// It translates as soon as it is there, and is gone when it is deleted.
const STATE: &str = "available";

/// A NAT gateway with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ec2) struct NatView {
    gateway: PublicGateway,
    public: FloatingIp,
    /// Its own interface, and its private address there.
    private: Option<(VniId, ReservedIp)>,
}

impl View for NatView {
    type Record = PublicGateway;
    fn join(snapshot: &dyn Snapshot, gateway: PublicGateway, _: Revision) -> Result<Self, DecideError> {
        let (public, _) = query::get::<FloatingIp>(snapshot, gateway.floating_ip)?;
        let private = match gateway.place {
            Some(place) => {
                let (vni, _) = query::get::<Vni>(snapshot, place.vni)?;
                Some((vni.id, query::get::<ReservedIp>(snapshot, vni.primary_ip())?.0))
            }
            None => None,
        };
        Ok(NatView { gateway, public, private })
    }
}

impl NatView {
    pub(super) fn write_item(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        let gateway = &self.gateway;
        xml.text("natGatewayId", gateway.id);
        xml.option("subnetId", gateway.place.map(|place| place.subnet));
        xml.text("vpcId", gateway.vpc);
        xml.text("state", STATE);
        xml.time("createTime", gateway.created_at);
        xml.text("connectivityType", "public");
        xml.set("natGatewayAddressSet", [&self.public], |xml, public| {
            xml.text("allocationId", public.id);
            if let Some((vni, ip)) = &self.private {
                xml.text("networkInterfaceId", vni);
                xml.text("privateIp", ip.address);
            }
            xml.text("publicIp", public.address);
            xml.option("associationId", public.association);
            xml.text("isPrimary", true);
            xml.text("status", "succeeded");
            xml.text("availabilityZone", &gateway.zone);
            xml.text("availabilityZoneId", caller.zone_id(&gateway.zone));
        });
        xml.tags(tags);
    }
}

type Def = FilterDef<NatView>;

const FILTERS: &[Def] = &[
    Def { name: "nat-gateway-id", values: |view, _| vec![view.gateway.id.to_string()] },
    Def { name: "state", values: |_, _| vec![STATE.to_owned()] },
    Def {
        name: "subnet-id",
        values: |view, _| view.gateway.place.map(|place| place.subnet.to_string()).into_iter().collect(),
    },
    Def { name: "vpc-id", values: |view, _| vec![view.gateway.vpc.to_string()] },
];

impl Resource for NatView {
    const SET: &'static str = "natGatewaySet";
    const IDS: &'static str = "NatGatewayId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<PublicGatewayId>>, Ec2Error> {
        if let Some(ids) = filters.exact("nat-gateway-id") {
            return Ok(Some(ids.iter().filter_map(|text| text.parse().ok()).collect()));
        }
        let Some(vpcs) = filters.exact("vpc-id") else { return Ok(None) };
        let mut gateways = Vec::new();
        for vpc in vpcs.iter().filter_map(|text| text.parse::<VpcId>().ok()) {
            gateways.extend(query::index::<PublicGatewayId>(snapshot, &record::gateways_of_vpc(vpc))?);
        }
        Ok(Some(gateways))
    }

    fn write(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        self.write_item(xml, caller, tags);
    }
}
