//! The uplink's program, and public addresses: written, announced, and forgotten.
//!
//! Flows have their public address written into them, so whoever changes one raises the cells of the routes to the public
//! network: the next packet of each flow is then translated as it should be by now.

use std::net::IpAddr;

use pintle_core::host_spec::{Entry, EntryKey, OWN_TABLE, RouteSpec};
use pintle_datapath::{EndpointKey, HostSettings, PublicAddress, RouteKey, cell_of_route};

use super::{Context, Done, text};
use crate::desired::Desired;
use crate::reconcile::{Machine, want};

impl Machine {
    /// Attaches the uplink's program, and tells the data plane of the device.
    pub(super) fn mend_uplink(&self, context: &Context<'_>) -> Done {
        if let Some(device) = &context.observed.uplink.device {
            text(self.datapath.attach_uplink(device.index))?;
        }
        self.tell_uplink(context)
    }

    /// Tells the data plane of the uplink, or that there is none.
    pub(super) fn tell_uplink(&self, context: &Context<'_>) -> Done {
        let there = text(self.datapath.host_settings())?;
        let uplink_ifindex = context.observed.uplink.device.as_ref().map(|device| device.index);
        let wanted = HostSettings { uplink_ifindex, ..there };
        if there != wanted {
            text(self.datapath.set_host_settings(&wanted))?;
        }
        Ok(())
    }

    /// Writes what a public address leads to, the way out before the way in, and announces it.
    pub(super) fn put_public(&self, context: &Context<'_>, address: IpAddr) -> Done {
        let (Some(Entry::FloatingIp(spec)), Some(device)) =
            (context.desired.get(&EntryKey::FloatingIp(address)), &context.observed.uplink.device)
        else {
            return Err(format!("public address {address} is no longer wanted, or the uplink has gone"));
        };
        let wanted = want::public(address, spec, device);
        let before = text(self.datapath.public_addresses().get(&address))?;
        let old = before.as_ref().and_then(want::outward_key);
        if let Some(old) = old.filter(|old| wanted.outward.is_none_or(|(key, _)| key != *old)) {
            self.forget_outward(&old, address)?;
        }
        if let Some((key, row)) = &wanted.outward {
            text(self.datapath.private_addresses().put(key, row))?;
        }
        if before.as_ref() != Some(&wanted.inward) {
            text(self.datapath.public_addresses().put(&address, &wanted.inward))?;
        }
        self.raise_public(context.desired, before.as_ref());
        self.raise_public(context.desired, Some(&wanted.inward));
        self.announcing.here(address, device.index, device.mac);
        Ok(())
    }

    /// Forgets a public address. It answers no more, and what went out by it does so no longer.
    pub(super) fn delete_public(&self, context: &Context<'_>, address: IpAddr) -> Done {
        self.announcing.gone(address);
        let Some(before) = text(self.datapath.public_addresses().get(&address))? else { return Ok(()) };
        text(self.datapath.public_addresses().delete(&address))?;
        if let Some(key) = want::outward_key(&before) {
            self.forget_outward(&key, address)?;
        }
        self.raise_public(context.desired, Some(&before));
        Ok(())
    }

    /// Removes a way out that belongs to no public address.
    pub(super) fn delete_private(&self, context: &Context<'_>, key: &EndpointKey) -> Done {
        text(self.datapath.private_addresses().delete(key))?;
        self.raise(public_cells(context.desired, Some(key.segment)));
        Ok(())
    }

    /// Removes the way out by an address, unless it is another's by now.
    fn forget_outward(&self, key: &EndpointKey, address: IpAddr) -> Done {
        let there = text(self.datapath.private_addresses().get(key))?;
        if there.is_some_and(|row| row.public == address) {
            text(self.datapath.private_addresses().delete(key))?;
        }
        Ok(())
    }

    fn raise_public(&self, desired: &Desired, changed: Option<&PublicAddress>) {
        match changed {
            Some(PublicAddress::Interface { segment, .. }) => self.raise(public_cells(desired, Some(*segment))),
            // Its VPC is not written there; a host has few gateways.
            Some(PublicAddress::Gateway { .. }) => self.raise(public_cells(desired, None)),
            None => {}
        }
    }
}

/// The cells of the routes to the public network, of one segment or of all.
fn public_cells(desired: &Desired, of: Option<u32>) -> Vec<u16> {
    let first = EntryKey::Route(of.unwrap_or(0), OWN_TABLE, ipnet::IpNet::default());
    let routes = desired.entries().range(first..).map_while(|(key, entry)| match *key {
        EntryKey::Route(segment, table, net) if of.is_none_or(|of| of == segment) => {
            Some((RouteKey { segment, table, net }, entry))
        }
        _ => None,
    });
    let leads_out = |entry: &Entry| matches!(entry, Entry::Route(RouteSpec::Public { .. } | RouteSpec::Nat { .. }));
    routes.filter(|(_, entry)| leads_out(entry)).map(|(key, _)| cell_of_route(&key)).collect()
}
