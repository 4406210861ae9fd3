//! Reading what is there: devices by their marks, guests' namespaces, the data plane's maps and links.
//!
//! A look at everything costs one list of the host's devices, one of each map, and per guest one list each of devices,
//! addresses and routes: about 0.1 ms a port. A look at one entry costs that entry.

mod public;
mod vlans;

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::host_spec::EntryKey;
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_datapath::{EndpointKey, LinkState, LocationKey, Port, RouteKey};

use super::Machine;
use super::guests::NoNamespace;
use super::names::{Mark, port_device};
use super::observed::{
    GuestDevice, HostDevice, NamespaceState, Observed, OverlayDevice, OverlayState, PortState, Programs,
};
use crate::desired::{Desired, card_of};
use crate::error::AgentError;
use crate::kernel::addr::{self, Address};
use crate::kernel::link::{self, DontFragment, Link};
use crate::kernel::route::{self, Route, RouteFilter, TABLE_MAIN};
use crate::kernel::{NetNs, Netlink};
use vlans::FoundVlan;

/// How many guests one thread looks at in a row.
const PIECE: usize = 16;

/// What one guest's namespace holds.
#[derive(Debug, Default)]
struct Guest {
    links: Vec<Link>,
    addresses: Vec<Address>,
    routes: Vec<Route>,
}

impl Machine {
    /// Looks at everything.
    pub(super) fn observe_all(&self, desired: &Desired) -> Result<Observed, AgentError> {
        let links = self.host(link::list)??;
        let mut observed =
            Observed { overlay: self.overlay(&links)?, uplink: self.look_at_uplink()?, ..Observed::default() };
        let mut devices: BTreeMap<AttachmentId, (&Link, u32)> = BTreeMap::new();
        for link in &links {
            match self.mark_of(link) {
                Some(Mark::Port { attachment, generation }) if !devices.contains_key(&attachment) => {
                    devices.insert(attachment, (link, generation));
                }
                Some(Mark::Overlay) if observed.overlay.device.as_ref().is_some_and(|d| d.index == link.index) => {}
                // The shaper looks after its own.
                Some(Mark::Shaper) | None => {}
                Some(_) => drop(observed.strays.insert(link.index, link.name.clone())),
            }
        }
        self.namespaces(desired, &mut observed)?;
        let mut rows: BTreeMap<u32, Port> = self.datapath.ports().entries()?.into_iter().collect();
        let ours: Vec<(AttachmentId, &Link, u32)> = devices.into_iter().map(|(id, (l, g))| (id, l, g)).collect();
        let vlans = self.vlans_of(&links, &rows, self.datapath.vlans().entries()?, &mut observed.stray_vlans);
        self.ports(desired, &ours, &vlans, &mut rows, &mut observed)?;
        let overlay = observed.overlay.device.as_ref().map(|device| device.index);
        let cable = links.iter().filter(|link| self.mark_of(link) == Some(Mark::Shaper)).map(|link| link.index);
        let uplink = observed.uplink.device.map(|device| device.index);
        let others = overlay.into_iter().chain(uplink).chain(cable);
        observed.remnants = self.remnants(&observed.ports, others, rows)?;
        observed.endpoints = self.datapath.endpoints().entries()?.into_iter().collect();
        observed.locations = self.datapath.locations().entries()?.into_iter().collect();
        observed.routes = self.datapath.routes().entries()?.into_iter().collect();
        observed.public = self.datapath.public_addresses().entries()?.into_iter().collect();
        observed.private = self.datapath.private_addresses().entries()?.into_iter().collect();
        Ok(observed)
    }

    /// Looks at these entries.
    pub(super) fn observe_keys(&self, desired: &Desired, keys: &BTreeSet<EntryKey>) -> Result<Observed, AgentError> {
        let mut observed = Observed::default();
        let mut devices: Vec<(AttachmentId, Link, u32)> = Vec::new();
        let mut rows = BTreeMap::new();
        // A VLAN's port is where its card is.
        let cards = keys.iter().filter_map(|key| match key {
            EntryKey::Port(id) => desired.port(*id).and_then(card_of).map(EntryKey::Port),
            _ => None,
        });
        let cards: BTreeSet<EntryKey> = cards.filter(|card| !keys.contains(card)).collect();
        let mut without_device = BTreeSet::new();
        for key in keys.iter().chain(&cards) {
            match key {
                EntryKey::Instance(id) => self.observe_namespace(desired, *id, &mut observed)?,
                EntryKey::Port(id) => {
                    let name = port_device(*id);
                    let Some(link) = self.host(|netlink| link::get_named(netlink, &name))?? else {
                        without_device.insert(*id);
                        continue;
                    };
                    match self.mark_of(&link) {
                        Some(Mark::Port { attachment, generation }) if attachment == *id => {
                            rows.extend(self.datapath.ports().get(&link.index)?.map(|row| (link.index, row)));
                            devices.push((*id, link, generation));
                        }
                        Some(_) => drop(observed.strays.insert(link.index, link.name)),
                        None => {}
                    }
                }
                EntryKey::Endpoint(segment, addr) => {
                    let key = EndpointKey { segment: *segment, addr: *addr };
                    observed.endpoints.extend(self.datapath.endpoints().get(&key)?.map(|row| (key, row)));
                }
                EntryKey::Location(segment, mac) => {
                    let key = LocationKey { segment: *segment, mac: mac.0 };
                    observed.locations.extend(self.datapath.locations().get(&key)?.map(|row| (key, row)));
                }
                EntryKey::Route(segment, table, net) => {
                    let key = RouteKey { segment: *segment, table: *table, net: *net };
                    observed.routes.extend(self.datapath.routes().get(&key)?.map(|row| (key, row)));
                }
                EntryKey::FloatingIp(address) => self.look_at_public(desired, *address, &mut observed)?,
                // Files and servers are seen to elsewhere.
                EntryKey::PrefixList(_) | EntryKey::Group(_) | EntryKey::Acl(_) | EntryKey::Share(_) => {}
            }
        }
        let devices: Vec<_> = devices.iter().map(|(id, link, generation)| (*id, link, *generation)).collect();
        let vlans = self.find_vlans(desired, &without_device, &mut rows)?;
        self.ports(desired, &devices, &vlans, &mut rows, &mut observed)?;
        Ok(observed)
    }

    /// Whose a device is. In our group, but not with our mark: its maker ended before it could say what it is for.
    fn mark_of(&self, link: &Link) -> Option<Mark> {
        match link.alias.as_deref() {
            Some(alias) => self.marks.read(alias),
            None => (link.group == self.marks.group()).then_some(Mark::Unknown),
        }
    }

    fn overlay(&self, links: &[Link]) -> Result<OverlayState, AgentError> {
        let settings = self.datapath.host_settings()?;
        let ours = |link: &&Link| self.mark_of(link) == Some(Mark::Overlay);
        let Some(link) = links.iter().find(ours) else {
            return Ok(OverlayState { settings, ..OverlayState::default() });
        };
        let programs = programs(self.datapath.verify_overlay(link.index)?);
        let device = OverlayDevice { index: link.index, wrong: self.wrong_overlay(link), mtu: link.mtu, up: link.up };
        Ok(OverlayState { device: Some(device), programs, settings })
    }

    fn wrong_overlay(&self, link: &Link) -> Option<String> {
        let name = self.marks.overlay_device();
        let port = self.overlay_port;
        let reason = match link.vxlan {
            _ if link.name != name => format!("is not named '{name}'"),
            None => "is no VXLAN device".to_owned(),
            Some(settings) if settings.port != port => format!("uses UDP port {} instead of {port}", settings.port),
            Some(settings) if !settings.external => "is not in collect-metadata mode".to_owned(),
            Some(settings) if settings.learning => "learns addresses from what it receives".to_owned(),
            Some(settings) if settings.dont_fragment == DontFragment::Inherit => {
                "copies the don't-fragment bit of guests".to_owned()
            }
            Some(_) => return None,
        };
        Some(format!("device '{}' {reason}", link.name))
    }

    fn namespaces(&self, desired: &Desired, observed: &mut Observed) -> Result<(), AgentError> {
        for (id, _) in desired.instances() {
            self.observe_namespace(desired, id, observed)?;
        }
        for id in self.guests.made()? {
            observed.namespaces.entry(id).or_insert(NamespaceState::There);
        }
        Ok(())
    }

    fn observe_namespace(&self, desired: &Desired, id: InstanceId, observed: &mut Observed) -> Result<(), AgentError> {
        let state = match desired.instance(id) {
            Some(spec) => match self.guests.open(id, spec) {
                Err(NoNamespace::Absent) => NamespaceState::Absent,
                Err(NoNamespace::Machine) => return Ok(()),
                Err(NoNamespace::Unusable(why)) => NamespaceState::Unusable(why),
                Ok(namespace) => {
                    let made = spec.namespace == pintle_core::model::Namespace::Made;
                    if made && !self.guests.is_marked(id, &namespace)? {
                        NamespaceState::Unmarked
                    } else {
                        NamespaceState::There
                    }
                }
            },
            // Not wanted: of interest only if it was made here.
            None => match NetNs::open_named(&id.to_string()) {
                Ok(namespace) if self.guests.is_marked(id, &namespace)? => NamespaceState::There,
                _ => return Ok(()),
            },
        };
        observed.namespaces.insert(id, state);
        Ok(())
    }

    /// Puts together the ports that have these devices or VLANs, taking their entries out of `rows`. A namespace that can't be read
    /// is one that can't be used: to take it for an empty one would be to make its ports anew.
    fn ports(
        &self,
        desired: &Desired,
        devices: &[(AttachmentId, &Link, u32)],
        vlans: &[FoundVlan],
        rows: &mut BTreeMap<u32, Port>,
        observed: &mut Observed,
    ) -> Result<(), AgentError> {
        let instances: BTreeSet<InstanceId> =
            devices.iter().filter_map(|(id, ..)| Some(desired.port(*id)?.instance)).collect();
        let instances: Vec<InstanceId> = instances.into_iter().collect();
        let guests: BTreeMap<InstanceId, Result<Guest, String>> =
            super::workers::in_pieces(&instances, PIECE, |piece| {
                piece.iter().map(|id| (*id, self.guest(desired, *id))).collect::<Vec<_>>()
            })
            .into_iter()
            .collect();
        for (id, guest) in &guests {
            if let Err(why) = guest {
                observed.namespaces.insert(*id, NamespaceState::Unusable(why.clone()));
            }
        }
        for (id, link, generation) in devices {
            let instance = desired.port(*id).map(|spec| spec.instance);
            let guest = instance.and_then(|instance| guests.get(&instance)?.as_ref().ok()?.device_of(link));
            let device = HostDevice {
                index: link.index,
                name: link.name.clone(),
                generation: *generation,
                mtu: link.mtu,
                up: link.up,
                tap: is_tap(link),
                vlan: None,
            };
            let programs = programs(self.datapath.verify_port(link.index)?);
            observed.ports.insert(*id, self.port_of(device, rows, programs, guest)?);
        }
        for vlan in vlans {
            // Its programs are its card's.
            let port = self.port_of(vlan.device(), rows, Programs::Attached, None)?;
            observed.ports.insert(vlan.id, port);
        }
        Ok(())
    }

    /// A port with this device, and what the data plane has for it.
    fn port_of(
        &self,
        device: HostDevice,
        rows: &mut BTreeMap<u32, Port>,
        programs: Programs,
        guest: Option<GuestDevice>,
    ) -> Result<PortState, AgentError> {
        let row = rows.remove(&device.index);
        let (iface, guest_config) = match &row {
            Some(row) => (
                self.datapath.ifaces().get(&row.slot)?.unwrap_or_default(),
                self.datapath.guest_configs().get(&row.slot)?.unwrap_or_default(),
            ),
            None => Default::default(),
        };
        Ok(PortState { device, row, iface, guest_config, programs, guest })
    }

    /// What an instance's namespace holds; nothing if there is none to look into.
    fn guest(&self, desired: &Desired, id: InstanceId) -> Result<Guest, String> {
        let Some(namespace) = desired.instance(id).and_then(|spec| self.guests.open(id, spec).ok()) else {
            return Ok(Guest::default());
        };
        let read = self.guests.with(&self.writes, id, &namespace, Guest::read);
        read.and_then(|guest| guest).map_err(|error| {
            // The next look begins with a socket of its own.
            self.guests.forget(id);
            format!("instance {id}: its namespace can't be read: {error}")
        })
    }

    /// Entries and pinned programs of devices that are not there.
    fn remnants(
        &self,
        ports: &BTreeMap<AttachmentId, PortState>,
        others: impl Iterator<Item = u32>,
        rows: BTreeMap<u32, Port>,
    ) -> Result<BTreeMap<u32, Option<u32>>, AgentError> {
        let mut remnants: BTreeMap<u32, Option<u32>> =
            rows.into_iter().map(|(index, row)| (index, Some(row.slot))).collect();
        let known: BTreeSet<u32> = ports.values().map(|port| port.device.index).chain(others).collect();
        for (index, _) in self.datapath.pinned_links()? {
            if !known.contains(&index) {
                remnants.entry(index).or_default();
            }
        }
        Ok(remnants)
    }
}

impl Guest {
    fn read(netlink: &mut Netlink) -> crate::kernel::Result<Guest> {
        let links = link::list(netlink)?;
        let addresses = addr::list(netlink, None)?;
        let routes = route::list(netlink, &RouteFilter { table: Some(TABLE_MAIN), ..RouteFilter::default() })?;
        Ok(Guest { links, addresses, routes })
    }

    /// The other end of a host-side device, known by the two naming each other: nothing that a guest can change.
    fn device_of(&self, host: &Link) -> Option<GuestDevice> {
        let pair = |link: &&Link| Some(link.index) == host.peer && link.peer == Some(host.index);
        let link = self.links.iter().find(pair).filter(|link| link.kind.as_deref() == Some("veth"))?;
        let of_link = |address: &&Address| address.device == link.index;
        let default = |route: &&Route| route.device == link.index && route.destination.prefix_len() == 0;
        Some(GuestDevice {
            index: link.index,
            name: link.name.clone(),
            mac: link.mac.unwrap_or_default(),
            mtu: link.mtu,
            up: link.up,
            alias: link.alias.clone().unwrap_or_default(),
            ipv6: link.ipv6,
            addresses: self.addresses.iter().filter(of_link).copied().collect(),
            routes: self.routes.iter().filter(default).copied().collect(),
        })
    }
}

fn is_tap(link: &Link) -> bool {
    link.kind.as_deref() == Some("tun")
}

fn programs(state: LinkState) -> Programs {
    match state {
        LinkState::Ok => Programs::Attached,
        LinkState::Outdated => Programs::Outdated,
        LinkState::Preceded(ids) => Programs::Preceded(ids),
        LinkState::Missing | LinkState::NoDevice => Programs::Missing,
    }
}
