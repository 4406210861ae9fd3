//! What must hold of all hosts' entries together, whatever the commands were: every way leads to a port.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use pintle_core::compile::HostEntries;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, LocationSpec, PortMode, PortSpec, VniEndpoint};
use pintle_core::host_spec::{FloatingIpSpec, OWN_TABLE, RouteSpec};
use pintle_core::id::{HostId, VniId};
use pintle_core::model::{Host, Move, MoveStep};
use pintle_core::policy::{Remote, Rule};

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
                (EntryKey::Instance(_), Entry::Instance(_)) | (EntryKey::Share(_), Entry::Share(_)) => {}
                (EntryKey::Group(_), Entry::Group(rules)) => all.group(*host, rules),
                (EntryKey::Acl(_), Entry::Acl(_)) | (EntryKey::PrefixList(_), Entry::PrefixList(_)) => {}
                (EntryKey::Route(segment, table, net), Entry::Route(route)) => {
                    all.route(*host, (*segment, *table), *net, route);
                }
                (EntryKey::FloatingIp(_), Entry::FloatingIp(spec)) => all.floating_ip(*host, spec),
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
            Entry::Port(port) => Some((key, &**port)),
            _ => None,
        })
    }

    fn way(&self, host: HostId, segment: u32, address: IpAddr) -> Option<&VniEndpoint> {
        match self.entries.get(&host)?.get(&EntryKey::Endpoint(segment, address))? {
            Entry::Endpoint(EndpointSpec::Vni(endpoint)) => Some(endpoint),
            _ => None,
        }
    }

    /// A port's instance and gateway are on the same host.
    fn port(&self, host: HostId, port: &PortSpec) {
        let own = &self.entries[&host];
        assert!(own.contains_key(&EntryKey::Instance(port.instance)), "{port:?} without its instance");
        let gateway = own.get(&EntryKey::Endpoint(port.segment, port.gateway.into()));
        assert_eq!(gateway, Some(&Entry::Endpoint(EndpointSpec::Gateway)), "{port:?} without its gateway");
        assert!(port.addresses[0].is_ipv4() && !port.addresses.contains(&port.gateway.into()));
        let policy = &port.policy;
        let groups =
            policy.groups.iter().chain(policy.quarantine.iter().flatten()).chain(policy.shadow.iter().flatten());
        for group in groups {
            assert!(own.contains_key(&EntryKey::Group(*group)), "{port:?} without its group {group}");
        }
        let acl = policy.acl.expect("every subnet has an ACL");
        assert!(own.contains_key(&EntryKey::Acl(acl)), "{port:?} without its ACL {acl}");
        assert!(!policy.groups.is_empty() && policy.groups.is_sorted(), "{port:?}");
        for address in port.addresses.iter().filter(|address| address.is_ipv6()) {
            assert!(port.subnet6.is_some_and(|net| IpNet::V6(net).contains(address)), "{port:?}");
        }
    }

    /// What rules refer to is there too.
    fn group(&self, host: HostId, rules: &[Rule]) {
        let own = &self.entries[&host];
        for rule in rules {
            let needed = match rule.remote {
                Remote::Group(group) => EntryKey::Group(group),
                Remote::PrefixList(list) => EntryKey::PrefixList(list),
                Remote::Any | Remote::Net(_) => continue,
            };
            assert!(own.contains_key(&needed), "{rule:?} without {needed} on {host}");
        }
    }

    /// A way to a network leads through an address that there is a way to.
    fn route(&self, host: HostId, (segment, table): (u32, u8), net: IpNet, route: &RouteSpec) {
        let gateway = |vtep: Option<Ipv4Addr>, gateway: Ipv4Addr| {
            let there = vtep.map_or(host, |vtep| self.vteps[&vtep]);
            assert_eq!(there == host, vtep.is_none(), "{route:?} on {host}");
            let spec = Entry::FloatingIp(FloatingIpSpec::Gateway { segment });
            let found = self.entries[&there].get(&EntryKey::FloatingIp(gateway.into()));
            assert_eq!(found, Some(&spec), "{route:?} on {host}");
        };
        match route {
            // A table's leads to an interface that may be attached or not.
            RouteSpec::Via(_) if table != OWN_TABLE => {}
            RouteSpec::Local => assert_ne!(table, OWN_TABLE, "{net} on {host}"),
            RouteSpec::Nat { vtep, address } => {
                assert_ne!(table, OWN_TABLE, "{net} on {host}");
                gateway(*vtep, *address);
            }
            RouteSpec::Via(address) => {
                assert!(self.way(host, segment, *address).is_some(), "{net} on {host}: {route:?} leads nowhere");
            }
            RouteSpec::Public { gateway_vtep, gateway: address } => {
                let Some(address) = address else { return assert_eq!(*gateway_vtep, None) };
                gateway(*gateway_vtep, *address);
            }
            RouteSpec::Blackhole => {}
        }
    }

    /// A public address leads to an address of a port that is there.
    fn floating_ip(&self, host: HostId, spec: &FloatingIpSpec) {
        let FloatingIpSpec::Vni { port, segment, address, .. } = spec else { return };
        let Some(Entry::Port(port)) = self.entries[&host].get(&EntryKey::Port(*port)) else {
            panic!("{spec:?} on {host}: no such port");
        };
        assert!(port.segment == *segment && port.addresses.contains(address), "{spec:?}: {port:?}");
        assert_eq!(port.mode, PortMode::Active, "{spec:?}: {port:?}");
    }

    /// What is sent to an address reaches a port that receives, over at most one host that sends on.
    fn endpoint(&self, host: HostId, segment: u32, address: IpAddr, endpoint: &VniEndpoint) {
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
