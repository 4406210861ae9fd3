//! From what should be and what is to what has to be done. Pure: it reads nothing and writes nothing.
//!
//! The same function plans a delta, where it is asked about the entries that were touched, and the whole host, where it
//! is asked about everything: there is one answer to "what is wrong", so a repair can't differ from a first set-up.

mod port;
mod public;
#[cfg(test)]
mod tests;
mod vlan;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, LocationSpec, RouteSpec};
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::net::Mac;
use pintle_datapath::{EndpointKey, HostSettings, LocationKey, RouteKey};

use super::action::{Action, Step};
use super::names::Marks;
use super::numbers::Numbers;
use super::observed::{NamespaceState, Observed, Programs, Realised};
use super::want;
use crate::desired::{Desired, card_of};

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What should be.
    pub desired: &'a Desired,
    /// What is, at least as far as `scope` goes.
    pub observed: &'a Observed,
    /// Where the ports are that packets can be sent to, those outside of the scope too.
    pub realised: &'a Realised,
    /// What the data plane calls the rules and memberships that it has.
    pub numbers: &'a Numbers,
    /// How many flows an interface may open.
    pub quota: u32,
    /// How our devices are told from others.
    pub marks: &'a Marks,
    /// The way to other hosts, as it should be.
    pub overlay: OverlayWish,
    /// The name of the device to the public network, if there is to be one.
    pub uplink: Option<&'a str>,
}

/// The way to other hosts, as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverlayWish {
    /// The underlay address.
    pub vtep: Ipv4Addr,
    /// MTU of the VXLAN device, in bytes.
    pub mtu: u32,
    /// UDP port.
    pub port: u16,
}

/// What is to be planned.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// The whole host.
    All,
    /// These entries.
    Keys(&'a BTreeSet<EntryKey>),
}

/// What has to be done, in the order in which it is to be done, and what can't be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What has to be done.
    pub actions: Vec<Action>,
    /// Entries that can't be realised as things are, and why.
    pub failures: BTreeMap<EntryKey, String>,
}

/// Plans.
pub fn plan(inputs: &Inputs<'_>, scope: Scope<'_>) -> Plan {
    let mut planner = Planner { inputs, plan: Plan::default(), remade: BTreeSet::new() };
    match scope {
        Scope::All => planner.all(),
        // Ports sort before what sends packets to them, so what is made anew is known in time.
        Scope::Keys(keys) => {
            planner.strays();
            planner.keys(keys.iter());
        }
    }
    let mut plan = planner.plan;
    plan.actions.sort_by_key(|action| action.step.stage());
    plan
}

struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    plan: Plan,
    /// Ports whose device or slot will be another: entries that name them must be written again.
    remade: BTreeSet<AttachmentId>,
}

impl Planner<'_> {
    fn all(&mut self) {
        let Inputs { desired, observed, .. } = *self.inputs;
        self.overlay();
        self.uplink();
        self.strays();
        self.keys(desired.entries().keys());
        let unwanted = |key: &EntryKey| desired.get(key).is_none();
        let instances = observed.namespaces.keys().map(|id| EntryKey::Instance(*id));
        let ports = observed.ports.keys().map(|id| EntryKey::Port(*id));
        let endpoints = observed.endpoints.keys().map(|key| EntryKey::Endpoint(key.segment, key.addr));
        let locations = observed.locations.keys().map(|key| EntryKey::Location(key.segment, Mac(key.mac)));
        let routes = observed.routes.keys().map(|key| EntryKey::Route(key.segment, key.table, key.net));
        let public = observed.public.keys().map(|address| EntryKey::FloatingIp(*address));
        let all = instances.chain(ports).chain(endpoints).chain(locations).chain(routes).chain(public);
        let unwanted: Vec<EntryKey> = all.filter(unwanted).collect();
        unwanted.iter().for_each(|key| self.key(key));
        self.orphans();
    }

    /// In their order, but ports before those that use VLANs of their cards.
    fn keys<'k>(&mut self, keys: impl Iterator<Item = &'k EntryKey> + Clone) {
        let rank = |key: &EntryKey| match key {
            EntryKey::Port(id) if self.inputs.desired.port(*id).and_then(card_of).is_some() => 1,
            EntryKey::Endpoint(..) | EntryKey::FloatingIp(_) | EntryKey::Location(..) | EntryKey::Route(..) => 2,
            EntryKey::Instance(_) | EntryKey::PrefixList(_) | EntryKey::Group(_) | EntryKey::Acl(_) => 0,
            EntryKey::Port(_) | EntryKey::Share(_) => 0,
        };
        for now in 0..=2 {
            keys.clone().filter(|key| rank(key) == now).for_each(|key| self.key(key));
        }
    }

    fn act(&mut self, key: Option<EntryKey>, step: Step, difference: impl Into<String>) {
        self.plan.actions.push(Action { step, key, difference: difference.into() });
    }

    fn key(&mut self, key: &EntryKey) {
        match (key, self.inputs.desired.get(key)) {
            (EntryKey::Instance(id), entry) => self.instance(*id, entry.is_some()),
            (EntryKey::Port(id), _) => self.port(*id),
            (EntryKey::Endpoint(segment, addr), Some(Entry::Endpoint(spec))) => {
                self.endpoint(EndpointKey { segment: *segment, addr: *addr }, spec);
            }
            (EntryKey::Endpoint(segment, addr), _) => {
                let row = EndpointKey { segment: *segment, addr: *addr };
                if self.inputs.observed.endpoints.contains_key(&row) {
                    self.act(Some(*key), Step::DeleteEndpoint(row), format!("entry {key} is not wanted"));
                }
            }
            (EntryKey::Location(segment, mac), Some(Entry::Location(spec))) => {
                self.location(*key, LocationKey { segment: *segment, mac: mac.0 }, spec);
            }
            (EntryKey::Route(segment, table, net), Some(Entry::Route(spec))) => {
                self.route(*key, RouteKey { segment: *segment, table: *table, net: *net }, spec);
            }
            (EntryKey::Route(segment, table, net), _) => {
                let row = RouteKey { segment: *segment, table: *table, net: *net };
                if self.inputs.observed.routes.contains_key(&row) {
                    self.act(Some(*key), Step::DeleteRoute(row), format!("entry {key} is not wanted"));
                }
            }
            // Rules are written before: a plan names the numbers that they have then.
            (EntryKey::PrefixList(_) | EntryKey::Group(_) | EntryKey::Acl(_), _) => {}
            (EntryKey::Share(_), _) => {}
            (EntryKey::FloatingIp(address), Some(Entry::FloatingIp(spec))) => self.public(*address, Some(spec)),
            (EntryKey::FloatingIp(address), _) => self.public(*address, None),
            (EntryKey::Location(segment, mac), _) => {
                let row = LocationKey { segment: *segment, mac: mac.0 };
                if self.inputs.observed.locations.contains_key(&row) {
                    self.act(Some(*key), Step::DeleteLocation(row), format!("entry {key} is not wanted"));
                }
            }
        }
    }

    fn overlay(&mut self) {
        let Inputs { observed, overlay: wish, .. } = *self.inputs;
        let device = observed.overlay.device.as_ref();
        let settings = HostSettings {
            vxlan_ifindex: device.map(|device| device.index),
            local_vtep: Some(wish.vtep),
            ..observed.overlay.settings
        };
        match device {
            None => self.act(None, Step::MakeOverlay(None), "the VXLAN device is missing"),
            Some(device) => match &device.wrong {
                Some(wrong) => self.act(None, Step::MakeOverlay(Some(device.index)), wrong.clone()),
                None if device.mtu != wish.mtu => {
                    let text = format!("the VXLAN device has MTU {} instead of {}", device.mtu, wish.mtu);
                    self.act(None, Step::MendOverlay, text);
                }
                None if matches!(observed.overlay.programs, Programs::Missing | Programs::Outdated) => {
                    self.act(None, Step::MendOverlay, "the program of the VXLAN device is missing or of another build");
                }
                None if !device.up => self.act(None, Step::MendOverlay, "the VXLAN device is down"),
                None if observed.overlay.settings != settings => {
                    self.act(None, Step::TellOverlay, "the data plane has other settings of the overlay");
                }
                None => {}
            },
        }
    }

    fn strays(&mut self) {
        for (index, name) in &self.inputs.observed.strays {
            let text = format!("device '{name}' carries this host's mark and belongs to nothing");
            self.act(None, Step::RemoveStray(*index), text);
        }
        for key in &self.inputs.observed.stray_vlans {
            let text = format!("the data plane has VLAN {} of device {}, which is no port's", key.vlan, key.ifindex);
            self.act(None, Step::RemoveStrayVlan(*key), text);
        }
        for index in self.inputs.observed.remnants.keys() {
            let text = format!("the data plane has entries for device {index}, which is not there");
            self.act(None, Step::RemoveRemnant(*index), text);
        }
    }

    fn instance(&mut self, id: InstanceId, wanted: bool) {
        let key = EntryKey::Instance(id);
        match (wanted, self.inputs.observed.namespaces.get(&id)) {
            (true, Some(NamespaceState::Absent)) => {
                self.act(Some(key), Step::MakeNamespace(id), format!("the namespace of {id} is missing"));
            }
            (true, Some(NamespaceState::Unmarked)) => {
                self.act(Some(key), Step::MarkNamespace(id), format!("the namespace of {id} is not marked"));
            }
            (true, Some(NamespaceState::Unusable(why))) => {
                self.plan.failures.insert(key, why.clone());
            }
            (false, Some(NamespaceState::There | NamespaceState::Unmarked)) => {
                self.act(Some(key), Step::RemoveNamespace(id), format!("the namespace of {id} is not wanted"));
            }
            (true, Some(NamespaceState::There) | None) | (false, _) => {}
        }
    }

    fn endpoint(&mut self, row: EndpointKey, spec: &EndpointSpec) {
        let Inputs { observed, realised, numbers, .. } = *self.inputs;
        let key = EntryKey::Endpoint(row.segment, row.addr);
        let there = observed.endpoints.get(&row);
        let names_remade = match spec {
            EndpointSpec::Gateway => false,
            EndpointSpec::Vni(spec) => {
                [spec.port, spec.alt_port].into_iter().flatten().any(|port| self.remade.contains(&port))
            }
        };
        if let EndpointSpec::Vni(spec) = spec
            && !spec.groups.is_empty()
            && !numbers.identities.contains_key(&spec.groups)
        {
            // It is no member of anything until then.
            self.plan.failures.insert(key, "its memberships are not in the data plane".to_owned());
        }
        let wanted = want::endpoint(&row, spec, numbers, |port| realised.get(&port).copied());
        match (wanted, there) {
            (_, None) if names_remade => self.act(Some(key), Step::PutEndpoint(row), format!("entry {key} is missing")),
            (Some(_), None) => self.act(Some(key), Step::PutEndpoint(row), format!("entry {key} is missing")),
            _ if names_remade => self.act(Some(key), Step::PutEndpoint(row), format!("entry {key} names a new device")),
            (Some(wanted), Some(there)) if wanted != *there => {
                self.act(Some(key), Step::PutEndpoint(row), format!("entry {key} is different"));
            }
            // It waits for its port. Until then the old entry stands, unless it leads nowhere.
            (None, Some(there)) => {
                let alive = |index: u32| realised.values().any(|place| place.index == index);
                if there.ifindex.is_some_and(|index| !alive(index)) {
                    self.act(Some(key), Step::DeleteEndpoint(row), format!("entry {key} names a device that is gone"));
                }
            }
            _ => {}
        }
    }

    fn location(&mut self, key: EntryKey, row: LocationKey, spec: &LocationSpec) {
        let Inputs { desired, observed, .. } = *self.inputs;
        let addr = desired.uses().address_of(row.segment, Mac(row.mac));
        match observed.locations.get(&row) {
            None => self.act(Some(key), Step::PutLocation(row), format!("entry {key} is missing")),
            Some(there) if want::location(&row, spec, addr) != *there => {
                self.act(Some(key), Step::PutLocation(row), format!("entry {key} is different"));
            }
            Some(_) => {}
        }
    }

    fn route(&mut self, key: EntryKey, row: RouteKey, spec: &RouteSpec) {
        match self.inputs.observed.routes.get(&row) {
            None => self.act(Some(key), Step::PutRoute(row), format!("entry {key} is missing")),
            Some(there) if want::route(&row, spec) != *there => {
                self.act(Some(key), Step::PutRoute(row), format!("entry {key} is different"));
            }
            Some(_) => {}
        }
    }
}
