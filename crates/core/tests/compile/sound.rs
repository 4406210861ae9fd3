//! What must hold of all hosts' entries together, whatever the commands were: every way leads to a port.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use pintle_core::compile::HostEntries;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, LocationSpec, PortMode, PortSpec, VniEndpoint};
use pintle_core::id::{HostId, VniId};
use pintle_core::model::{Host, Move, MoveStep};

use crate::common::Store;

/// Checks the entries of every host against each other and against the store that they come from.
#[track_caller]
pub(crate) fn check(store: &Store, entries: &HostEntries) {
    let vteps: BTreeMap<Ipv4Addr, HostId> = store.records::<Host>().iter().map(|host| (host.vtep, host.id)).collect();
    let all = Sound { entries, vteps };
    for (host, own) in entries {
        for (key, entry) in own {
            match (key, entry) {
                (EntryKey::Port(_), Entry::Port(port)) => all.port(*host, port),
                (EntryKey::Endpoint(segment, address), Entry::Endpoint(EndpointSpec::Vni(endpoint))) => {
                    all.endpoint(*host, *segment, *address, endpoint);
                }
                (EntryKey::Location(segment, mac), Entry::Location(location)) => {
                    all.location(*host, |port| port.segment == *segment && port.mac == *mac, location);
                }
                (EntryKey::Instance(_), Entry::Instance(_)) => {}
                (EntryKey::Endpoint(..), Entry::Endpoint(EndpointSpec::Gateway)) => {}
                (key, entry) => panic!("{key} is not the key of {entry:?}"),
            }
        }
    }
    all.speakers(&store.records::<Move>());
}

struct Sound<'a> {
    entries: &'a HostEntries,
    vteps: BTreeMap<Ipv4Addr, HostId>,
}

impl Sound<'_> {
    fn ports(&self, host: HostId) -> impl Iterator<Item = (&EntryKey, &PortSpec)> {
        self.entries.get(&host).into_iter().flatten().filter_map(|(key, entry)| match entry {
            Entry::Port(port) => Some((key, port)),
            _ => None,
        })
    }

    fn way(&self, host: HostId, segment: u32, address: Ipv4Addr) -> Option<&VniEndpoint> {
        match self.entries.get(&host)?.get(&EntryKey::Endpoint(segment, address))? {
            Entry::Endpoint(EndpointSpec::Vni(endpoint)) => Some(endpoint),
            _ => None,
        }
    }

    /// A port's instance and gateway are on the same host.
    fn port(&self, host: HostId, port: &PortSpec) {
        let own = &self.entries[&host];
        assert!(own.contains_key(&EntryKey::Instance(port.instance)), "{port:?} without its instance");
        let gateway = own.get(&EntryKey::Endpoint(port.segment, port.gateway));
        assert_eq!(gateway, Some(&Entry::Endpoint(EndpointSpec::Gateway)), "{port:?} without its gateway");
        assert!(!port.addresses.is_empty() && !port.addresses.contains(&port.gateway));
    }

    /// What is sent to an address reaches a port that receives, over at most one host that sends on.
    fn endpoint(&self, host: HostId, segment: u32, address: Ipv4Addr, endpoint: &VniEndpoint) {
        let text = format!("{address} on {host}: {endpoint:?}");
        assert_ne!(endpoint.port.is_some(), endpoint.vtep.is_some(), "{text}");
        for (id, modes) in [
            (endpoint.port, [PortMode::Active, PortMode::Active]),
            (endpoint.alt_port, [PortMode::Prepared, PortMode::Active]),
        ] {
            let Some(id) = id else { continue };
            let Some(Entry::Port(port)) = self.entries[&host].get(&EntryKey::Port(id)) else {
                panic!("{text}: there is no port {id}");
            };
            assert!(modes.contains(&port.mode), "{text}: {port:?}");
            assert!(port.mac == endpoint.mac && port.segment == segment && port.addresses.contains(&address), "{text}");
        }
        assert!(endpoint.alt_port.is_none() || endpoint.alt_port != endpoint.port, "{text}");
        let Some(vtep) = endpoint.vtep else { return };
        let there = self.vteps[&vtep];
        assert_ne!(there, host, "{text}: to itself");
        let next = self.way(there, segment, address).unwrap_or_else(|| panic!("{text}: unknown there"));
        if next.port.is_none() {
            assert!(next.moved, "{text}: neither delivered nor sent on there: {next:?}");
            let last = self.way(self.vteps[&next.vtep.unwrap()], segment, address).unwrap();
            assert!(last.port.is_some(), "{text}: sent on to nowhere: {last:?}");
            assert_eq!(last.incoming_from, Some(vtep), "{text}: what is sent on is not expected: {last:?}");
        }
    }

    /// Only hosts that have a port for a MAC may speak for it: nobody who was left, nobody who was given up.
    fn location(&self, host: HostId, is_it: impl Fn(&PortSpec) -> bool, location: &LocationSpec) {
        assert!(location.vtep.is_some() || self.ports(host).any(|(_, port)| is_it(port)), "{location:?} is not here");
        assert!(location.vtep.is_none() || location.vtep != location.alt_vtep, "{location:?}");
        for vtep in [location.vtep, location.alt_vtep].into_iter().flatten() {
            let there = self.vteps[&vtep];
            assert_ne!(there, host, "{location:?}: through a tunnel from itself");
            assert!(self.ports(there).any(|(_, port)| is_it(port)), "{location:?} on {host}: no port on {there}");
        }
    }

    /// An interface has one port that speaks, two only while a move is open or drains; and whoever speaks is accepted.
    fn speakers(&self, moves: &[Move]) {
        let mut speakers = BTreeMap::<VniId, usize>::new();
        for host in self.entries.keys() {
            for (_, port) in self.ports(*host).filter(|(_, port)| port.mode == PortMode::Active) {
                *speakers.entry(port.vni).or_default() += 1;
                self.accepted(*host, port);
            }
        }
        for (vni, count) in speakers {
            let open =
                moves.iter().any(|moving| moving.vni == vni && matches!(moving.step, MoveStep::Open | MoveStep::Drain));
            assert!(count == 1 || open && count == 2, "{vni} has {count} ports that speak; move open: {open}");
        }
    }

    fn accepted(&self, from: HostId, port: &PortSpec) {
        let key = EntryKey::Location(port.segment, port.mac);
        for (host, own) in self.entries.iter().filter(|(host, _)| **host != from) {
            let Some(Entry::Location(location)) = own.get(&key) else { continue };
            let accepted =
                [location.vtep, location.alt_vtep].into_iter().flatten().any(|vtep| self.vteps[&vtep] == from);
            assert!(accepted, "{port:?} speaks on {from} but {host} has {location:?}");
        }
    }
}
