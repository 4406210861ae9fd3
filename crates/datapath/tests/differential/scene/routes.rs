//! The routes of a scene: the VPC's own, and its tables'.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pintle_core::host_spec::{Entry, EntryKey, OWN_TABLE, RouteSpec};

use super::super::random::Random;
use super::{Guest, Scene, net};

/// What tables may have routes to: other subnets, what is outside, and everything.
const TABLE_NETS: [&str; 8] = [
    "10.0.1.0/24",
    "10.0.2.0/24",
    "172.16.0.0/12",
    "172.20.0.0/16",
    "0.0.0.0/0",
    "2001:db8:2::/64",
    "2001:db9::/32",
    "::/0",
];

impl Scene {
    /// Delegated prefixes, nowhere, and the routes of its tables.
    pub(super) fn add_routes(&mut self, random: &mut Random, segment: u32) {
        let members: Vec<usize> = (0..self.guests.len()).filter(|n| self.guests[*n].segment == segment).collect();
        for (place, text) in
            ["10.0.1.128/28", "10.0.2.192/28", "172.16.5.0/28", "2001:db8:1:0:aaaa::/80"].iter().enumerate()
        {
            if members.is_empty() || !random.chance(25) {
                continue;
            }
            let number = random.pick(&members);
            let via = self.guests[number].addresses.iter().copied().find(|ip| ip.is_ipv6() == (place == 3));
            let Some(via) = via else { continue };
            self.entries.insert(EntryKey::Route(segment, OWN_TABLE, net(text)), Entry::Route(RouteSpec::Via(via)));
            self.guests[number].prefixes.push(net(text));
            if let Some(port) = self.port_mut(number) {
                port.prefixes.push(net(text));
            }
        }
        if random.chance(30) {
            let key = EntryKey::Route(segment, OWN_TABLE, net("172.16.0.0/16"));
            self.entries.insert(key, Entry::Route(RouteSpec::Blackhole));
        }
        let own: BTreeSet<u8> = [1, 2].map(|subnet| self.tables[&(segment, subnet)]).into();
        for table in own.into_iter().filter(|table| *table != OWN_TABLE) {
            for text in ["10.0.0.0/16", "2001:db8::/32"] {
                self.entries.insert(EntryKey::Route(segment, table, net(text)), Entry::Route(RouteSpec::Local));
            }
            for text in TABLE_NETS {
                if random.chance(60) {
                    self.change_route(random, segment, table, text);
                }
            }
        }
    }

    /// Lets a route of a table lead somewhere else, or takes it away. Routers forward what is not theirs, others do not.
    fn change_route(&mut self, random: &mut Random, segment: u32, table: u8, text: &str) {
        let key = EntryKey::Route(segment, table, net(text));
        let anybody = random.chance(15);
        let via: Vec<IpAddr> = self
            .guests
            .iter()
            .filter(|guest| guest.segment == segment && (self.may_forward(guest) || anybody))
            .flat_map(|guest| guest.addresses.iter().copied())
            .filter(|address| address.is_ipv4() == net(text).addr().is_ipv4())
            .collect();
        let spec = match random.below(10) {
            0..=3 if !via.is_empty() => RouteSpec::Via(random.pick(&via)),
            // Of nobody, by now.
            4 if net(text).addr().is_ipv4() => RouteSpec::Via([10, 0, 1, 99].into()),
            5 => RouteSpec::Blackhole,
            6 => RouteSpec::Local,
            _ => {
                self.entries.remove(&key);
                return;
            }
        };
        self.entries.insert(key, Entry::Route(spec));
    }

    /// Whether a guest forwards what is not its own, as far as this host knows.
    fn may_forward(&self, guest: &Guest) -> bool {
        match self.entries.get(&EntryKey::Port(guest.port())) {
            Some(Entry::Port(port)) => !port.policy.source_dest_check,
            _ => true,
        }
    }

    /// A route of one of the tables is another, or a subnet has another table.
    pub(super) fn change_routing(&mut self, random: &mut Random, segment: u32) {
        let subnet = random.between(1, 2) as u8;
        let table = self.tables[&(segment, subnet)];
        if table == OWN_TABLE {
            return;
        }
        if random.chance(70) {
            let text = random.pick(&TABLE_NETS);
            return self.change_route(random, segment, table, text);
        }
        let other = 3 - table;
        self.tables.insert((segment, subnet), other);
        for number in 0..self.guests.len() {
            let guest = &mut self.guests[number];
            if (guest.segment, guest.subnet) != (segment, subnet) {
                continue;
            }
            guest.table = other;
            let key = EntryKey::Location(segment, guest.mac);
            if let Some(Entry::Location(location)) = self.entries.get_mut(&key) {
                location.route_table = other;
            }
            if let Some(port) = self.port_mut(number) {
                port.route_table = other;
            }
        }
    }
}
