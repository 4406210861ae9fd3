//! An internet gateway as EC2 shows it, and its filters.

use pintle_core::id::InternetGatewayId;
use pintle_core::model::{InternetGateway, Tags};
use pintle_core::routing;
use pintle_core::txn::Snapshot;

use crate::ec2::caller::Caller;
use crate::ec2::describe::Resource;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::Xml;
use crate::view::Plain;

/// The state of an attachment. It takes effect at once, and a gateway that is not attached has none.
const ATTACHED: &str = "available";

type Def = FilterDef<Plain<InternetGateway>>;

const FILTERS: &[Def] = &[
    Def {
        name: "attachment.state",
        values: |view, _| view.record.vpc.map(|_| ATTACHED.to_owned()).into_iter().collect(),
    },
    Def { name: "attachment.vpc-id", values: |view, _| view.record.vpc.iter().map(ToString::to_string).collect() },
    Def { name: "internet-gateway-id", values: |view, _| vec![view.record.id.to_string()] },
    Def { name: "owner-id", values: |view, _| vec![view.record.owner.account.to_string()] },
];

impl Resource for Plain<InternetGateway> {
    const SET: &'static str = "internetGatewaySet";
    const IDS: &'static str = "InternetGatewayId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<InternetGatewayId>>, Ec2Error> {
        if let Some(ids) = filters.exact("internet-gateway-id") {
            return Ok(Some(ids.iter().filter_map(|text| text.parse().ok()).collect()));
        }
        let Some(vpcs) = filters.exact("attachment.vpc-id") else { return Ok(None) };
        let mut gateways = Vec::new();
        for vpc in vpcs.iter().filter_map(|text| text.parse().ok()) {
            gateways.extend(routing::internet_gateway(snapshot, vpc)?);
        }
        Ok(Some(gateways))
    }

    fn write(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        write_item(xml, &self.record, caller, tags);
    }
}

pub(super) fn write_item(xml: &mut Xml, gateway: &InternetGateway, caller: &Caller, tags: &Tags) {
    xml.text("internetGatewayId", gateway.id);
    xml.text("ownerId", caller.account);
    xml.set("attachmentSet", gateway.vpc, |xml, vpc| {
        xml.text("vpcId", vpc);
        xml.text("state", ATTACHED);
    });
    xml.tags(tags);
}
