//! A host's entries, with the questions that the stages ask of them. Nothing is indexed: lookups are as plain as the text.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::host_spec::{EndpointSpec, Entry, EntryKey, LocationSpec, PortNic, PortSpec, RouteSpec, VniEndpoint};
use crate::id::{AttachmentId, NetworkAclId, PrefixListId, SecurityGroupId};
use crate::net::Mac;
use crate::policy::{AclRule, Rule};

/// What a host has been told.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    entries: &'a BTreeMap<EntryKey, Entry>,
}

impl<'a> World<'a> {
    /// The world of these entries.
    pub fn new(entries: &'a BTreeMap<EntryKey, Entry>) -> Self {
        World { entries }
    }

    /// A port of this host.
    pub fn port(self, id: AttachmentId) -> Option<&'a PortSpec> {
        match self.entries.get(&EntryKey::Port(id)) {
            Some(Entry::Port(port)) => Some(port),
            _ => None,
        }
    }

    /// The port that uses this VLAN of a card.
    pub fn vlan_port(self, card: AttachmentId, id: u16) -> Option<(AttachmentId, &'a PortSpec)> {
        self.entries.iter().find_map(|(key, entry)| match (key, entry) {
            (EntryKey::Port(port), Entry::Port(spec)) => {
                (spec.nic == PortNic::Vlan { card, id }).then_some((*port, &**spec))
            }
            _ => None,
        })
    }

    /// What is known of an address.
    pub fn endpoint(self, segment: u32, address: IpAddr) -> Option<&'a EndpointSpec> {
        match self.entries.get(&EntryKey::Endpoint(segment, address)) {
            Some(Entry::Endpoint(endpoint)) => Some(endpoint),
            _ => None,
        }
    }

    /// The interface with an address.
    pub fn vni_endpoint(self, segment: u32, address: IpAddr) -> Option<&'a VniEndpoint> {
        match self.endpoint(segment, address) {
            Some(EndpointSpec::Vni(endpoint)) => Some(endpoint),
            _ => None,
        }
    }

    /// An interface by its MAC: the endpoint of its lowest address. Only what has a location is known by its MAC.
    pub fn vni_with_mac(self, segment: u32, mac: Mac) -> Option<(IpAddr, &'a VniEndpoint)> {
        self.location(segment, mac)?;
        let lowest = EntryKey::Endpoint(segment, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.entries.range(lowest..).find_map(|(key, entry)| match (key, entry) {
            (EntryKey::Endpoint(of, address), Entry::Endpoint(EndpointSpec::Vni(endpoint))) => {
                (*of == segment && endpoint.mac == mac).then_some((*address, endpoint))
            }
            _ => None,
        })
    }

    /// Who may speak for a MAC.
    pub fn location(self, segment: u32, mac: Mac) -> Option<&'a LocationSpec> {
        match self.entries.get(&EntryKey::Location(segment, mac)) {
            Some(Entry::Location(location)) => Some(location),
            _ => None,
        }
    }

    /// The route of a table, or of the VPC itself, with the longest network that holds the address.
    pub fn route(self, segment: u32, table: u8, address: IpAddr) -> Option<(IpNet, &'a RouteSpec)> {
        let routes = self.entries.iter().filter_map(|(key, entry)| match (key, entry) {
            (EntryKey::Route(of, number, net), Entry::Route(route)) if (*of, *number) == (segment, table) => {
                Some((*net, route))
            }
            _ => None,
        });
        routes.filter(|(net, _)| net.contains(&address)).max_by_key(|(net, _)| net.prefix_len())
    }

    /// The rules of a group.
    pub fn group(self, id: SecurityGroupId) -> Option<&'a [Rule]> {
        match self.entries.get(&EntryKey::Group(id)) {
            Some(Entry::Group(rules)) => Some(rules),
            _ => None,
        }
    }

    /// The networks of a prefix list.
    pub fn prefix_list(self, id: PrefixListId) -> Option<&'a [IpNet]> {
        match self.entries.get(&EntryKey::PrefixList(id)) {
            Some(Entry::PrefixList(nets)) => Some(nets),
            _ => None,
        }
    }

    /// The rules of a network ACL.
    pub fn acl(self, id: NetworkAclId) -> Option<&'a [AclRule]> {
        match self.entries.get(&EntryKey::Acl(id)) {
            Some(Entry::Acl(rules)) => Some(rules),
            _ => None,
        }
    }
}

/// Whether an address is in the port's own subnet.
pub(super) fn in_subnet(port: &PortSpec, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => port.subnet.contains(&address),
        IpAddr::V6(address) => port.subnet6.is_some_and(|net| net.contains(&address)),
    }
}

/// Whether an address is the port's own: one of its addresses, or in a network that is delegated to it.
pub(super) fn owns(port: &PortSpec, address: IpAddr) -> bool {
    port.addresses.contains(&address) || port.prefixes.iter().any(|net| net.contains(&address))
}
