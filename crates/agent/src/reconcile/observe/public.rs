//! Reading the uplink, and the public addresses in the data plane.

use std::net::IpAddr;

use pintle_core::host_spec::{Entry, EntryKey, FloatingIpSpec};
use pintle_datapath::EndpointKey;

use super::programs;
use crate::desired::Desired;
use crate::error::AgentError;
use crate::kernel::link;
use crate::reconcile::observed::{Observed, Programs, UplinkDevice, UplinkState};
use crate::reconcile::{Machine, want};

impl Machine {
    /// The device to the public network and its program. A device without an Ethernet address is none.
    pub(super) fn look_at_uplink(&self) -> Result<UplinkState, AgentError> {
        let Some(device) = self.uplink_device()? else { return Ok(UplinkState::default()) };
        let programs = programs(self.datapath.verify_uplink(device.index)?);
        Ok(UplinkState { device: Some(device), programs })
    }

    fn uplink_device(&self) -> Result<Option<UplinkDevice>, AgentError> {
        let Some(name) = &self.uplink else { return Ok(None) };
        let link = self.host(|netlink| link::get_named(netlink, name))??;
        Ok(link.and_then(|link| Some(UplinkDevice { index: link.index, mac: link.mac?, mtu: link.mtu })))
    }

    /// What is there of one public address: the way in, and the ways out that are or should be its own.
    pub(super) fn look_at_public(
        &self,
        desired: &Desired,
        address: IpAddr,
        observed: &mut Observed,
    ) -> Result<(), AgentError> {
        if observed.uplink.device.is_none() {
            observed.uplink = UplinkState { device: self.uplink_device()?, programs: Programs::Attached };
        }
        let inward = self.datapath.public_addresses().get(&address)?;
        let wanted = match desired.get(&EntryKey::FloatingIp(address)) {
            Some(Entry::FloatingIp(FloatingIpSpec::Vni { segment, address, .. })) => {
                Some(EndpointKey { segment: *segment, addr: *address })
            }
            _ => None,
        };
        for key in inward.as_ref().and_then(want::outward_key).into_iter().chain(wanted) {
            observed.private.extend(self.datapath.private_addresses().get(&key)?.map(|row| (key, row)));
        }
        observed.public.extend(inward.map(|row| (address, row)));
        Ok(())
    }
}
