//! An address as EC2 shows it.

use pintle_core::id::{InstanceId, PublicGatewayId, ReservedIpId, VniId};
use pintle_core::model::{Attachment, FloatingIp, FloatingIpTarget, PublicGateway, ReservedIp, Tags, Vni};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query};

use super::POOL;
use crate::ec2::xml::Xml;
use crate::view::View;

/// A floating IP with the interface that it leads to.
pub(super) struct AddressView {
    pub(super) ip: FloatingIp,
    pub(super) led: Option<Led>,
}

/// Where a floating IP leads.
pub(super) struct Led {
    pub(super) vni: Vni,
    pub(super) private: ReservedIp,
    pub(super) instance: Option<InstanceId>,
}

impl View for AddressView {
    type Record = FloatingIp;
    fn join(snapshot: &dyn Snapshot, ip: FloatingIp, _: Revision) -> Result<Self, DecideError> {
        let led = match ip.target {
            Some(FloatingIpTarget::Vni { vni, ip }) => Some(Led::read(snapshot, vni, ip)?),
            Some(FloatingIpTarget::PublicGateway(id)) => Led::of_gateway(snapshot, id)?,
            None => None,
        };
        Ok(AddressView { ip, led })
    }
}

impl Led {
    /// Where a NAT gateway has its own interface; a public gateway of IBM's has none.
    fn of_gateway(snapshot: &dyn Snapshot, id: PublicGatewayId) -> Result<Option<Led>, DecideError> {
        let (gateway, _) = query::follow::<PublicGateway>(snapshot, id)?;
        let Some(place) = gateway.place else { return Ok(None) };
        let (vni, _) = query::follow::<Vni>(snapshot, place.vni)?;
        Led::read(snapshot, vni.id, vni.primary_ip()).map(Some)
    }

    fn read(snapshot: &dyn Snapshot, vni: VniId, ip: ReservedIpId) -> Result<Led, DecideError> {
        let (vni, _) = query::follow::<Vni>(snapshot, vni)?;
        let (private, _) = query::follow::<ReservedIp>(snapshot, ip)?;
        let attachment = vni.attachment.map(|id| query::follow::<Attachment>(snapshot, id)).transpose()?;
        Ok(Led { vni, private, instance: attachment.map(|(attachment, _)| attachment.instance) })
    }
}

impl AddressView {
    /// The instance that it leads to, if it does.
    pub(super) fn instance(&self) -> Option<InstanceId> {
        self.led.as_ref().and_then(|led| led.instance)
    }

    pub(super) fn write_item(&self, xml: &mut Xml, tags: &Tags) {
        let AddressView { ip, led } = self;
        xml.text("publicIp", ip.address);
        xml.text("allocationId", ip.id);
        xml.text("domain", "vpc");
        xml.option("associationId", ip.association);
        // Clients look at these two to see that an address is free: they are there, and empty.
        xml.text("instanceId", self.instance().map(|id| id.to_string()).unwrap_or_default());
        xml.text("networkInterfaceId", led.as_ref().map(|led| led.vni.id.to_string()).unwrap_or_default());
        if let Some(led) = led {
            xml.text("networkInterfaceOwnerId", led.vni.owner.account);
            xml.text("privateIpAddress", led.private.address);
            xml.text("subnetId", led.vni.subnet);
        }
        xml.tags(tags);
        xml.text("publicIpv4Pool", POOL);
        xml.text("networkBorderGroup", &ip.zone);
    }
}
