//! A host that exists only as the values that a look at it would give, for testing plans: it does what a plan says.

mod vlans;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use pintle_core::host_spec::{
    EndpointSpec, Entry, EntryKey, GuestConfig, InstanceSpec, LocationSpec, OWN_TABLE, PortLimits, PortMode, PortNic,
    PortPolicy, PortSpec, RouteSpec, VniEndpoint,
};
use pintle_core::id::{AttachmentId, IdSource, InstanceId, NetworkAclId, SecurityGroupId, VniId};
use pintle_core::model::Namespace;
use pintle_core::net::Mac;
use pintle_datapath::{EndpointKey, HostSettings, Iface, LocationKey, RouteKey, VlanKey};

use super::action::{Mend, Step};
use super::names::{Marks, port_device};
use super::numbers::Numbers;
use super::observed::{GuestDevice, HostDevice, Lead, NamespaceState, Observed, OverlayDevice, PortState, Programs};
use super::plan::{Inputs, OverlayWish, Plan, Scope, plan};
use super::want;
use crate::desired::Desired;
use crate::kernel::addr::Address;
use crate::kernel::link::Ipv6Settings;
use crate::kernel::route::Route;

/// A host made of values.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeHost {
    pub(super) state: Observed,
    next: u32,
}

/// The same for every fake.
pub(super) const OVERLAY: OverlayWish =
    OverlayWish { vtep: std::net::Ipv4Addr::new(192, 0, 2, 1), mtu: 1450, port: 4789 };

/// The name of the device to the public network.
pub(super) const UPLINK: &str = "up0";

/// The same for every fake.
pub(super) const QUOTA: u32 = 1000;

/// What a data plane would call everything that is named in a desired state: the same each time.
pub(super) fn numbers(desired: &Desired) -> Numbers {
    let of = |groups: &[SecurityGroupId]| {
        groups.iter().fold(1, |number: u32, group| number.wrapping_mul(31).wrapping_add(group.bits() as u32))
    };
    let uses = desired.uses();
    Numbers {
        policies: uses.policies().keys().map(|groups| (groups.clone(), of(groups))).collect(),
        identities: uses.identities().map(|groups| (groups.clone(), of(groups))).collect(),
        acls: uses.acls().keys().map(|acl| (*acl, acl.bits() as u32)).collect(),
    }
}

pub(super) fn marks() -> Marks {
    Marks::new("host-00000000000000001".parse().unwrap())
}

impl FakeHost {
    pub(super) fn plan(&self, desired: &Desired, scope: Scope<'_>) -> Plan {
        let realised = self.state.realised();
        let (marks, numbers, observed) = (marks(), numbers(desired), &self.state);
        let inputs = Inputs {
            desired,
            observed,
            realised: &realised,
            numbers: &numbers,
            quota: QUOTA,
            marks: &marks,
            overlay: OVERLAY,
            uplink: Some(UPLINK),
        };
        plan(&inputs, scope)
    }

    /// Plans and does it. How many steps there were.
    pub(super) fn round(&mut self, desired: &Desired, scope: Scope<'_>) -> usize {
        let plan = self.plan(desired, scope);
        plan.actions.iter().for_each(|action| self.step(desired, &action.step));
        plan.actions.len()
    }

    fn index(&mut self) -> u32 {
        self.next += 1;
        // Far from what a test makes up.
        1_000_000 + self.next
    }

    fn step(&mut self, desired: &Desired, step: &Step) {
        match step {
            Step::MakeOverlay(_) => {
                let index = self.index();
                self.state.overlay.device = Some(OverlayDevice { index, wrong: None, mtu: OVERLAY.mtu, up: true });
                self.finish_overlay();
            }
            Step::MendOverlay => {
                if let Some(device) = &mut self.state.overlay.device {
                    (device.mtu, device.up) = (OVERLAY.mtu, true);
                }
                self.finish_overlay();
            }
            Step::TellOverlay => self.tell(),
            Step::MendUplink => {
                self.state.uplink.programs = Programs::Attached;
                self.tell_uplink();
            }
            Step::TellUplink => self.tell_uplink(),
            Step::PutPublic(address) => self.put_public(desired, *address),
            Step::DeletePublic(address) => self.delete_public(*address),
            Step::DeletePrivate(key) => drop(self.state.private.remove(key)),
            Step::RemoveRemnant(index) => drop(self.state.remnants.remove(index)),
            Step::RemoveStrayVlan(key) => drop(self.state.stray_vlans.remove(key)),
            Step::RemoveStray(index) => drop(self.state.strays.remove(index)),
            Step::ClearPort(id) | Step::RemovePort(id) => drop(self.state.ports.remove(id)),
            Step::MakeNamespace(id) | Step::MarkNamespace(id) => {
                self.state.namespaces.insert(*id, NamespaceState::There);
            }
            Step::RemoveNamespace(id) => drop(self.state.namespaces.remove(id)),
            Step::MakePort(id) => self.make_port(desired, *id),
            Step::MakeVlan(id) => self.make_vlan(desired, *id),
            Step::MendPort(id, mends) | Step::MendVlan(id, mends) => {
                mends.iter().for_each(|mend| self.mend(desired, *id, mend))
            }
            Step::Mute(id) => self.mend(desired, *id, &Mend::Row),
            Step::UpdatePrograms(id) => self.mend(desired, *id, &Mend::Programs),
            Step::PutEndpoint(key) => {
                let realised = self.state.realised();
                let Some(Entry::Endpoint(spec)) = desired.get(&EntryKey::Endpoint(key.segment, key.addr)) else {
                    return;
                };
                if let Some(row) = want::endpoint(key, spec, &numbers(desired), |port| realised.get(&port).copied()) {
                    self.state.endpoints.insert(*key, row);
                }
            }
            Step::PutLocation(key) => {
                let Some(Entry::Location(spec)) = desired.get(&EntryKey::Location(key.segment, Mac(key.mac))) else {
                    return;
                };
                let addr = desired.uses().address_of(key.segment, Mac(key.mac));
                self.state.locations.insert(*key, want::location(key, spec, addr));
            }
            Step::PutRoute(key) => {
                let entry = desired.get(&EntryKey::Route(key.segment, key.table, key.net));
                let Some(Entry::Route(spec)) = entry else { return };
                self.state.routes.insert(*key, want::route(key, spec));
            }
            Step::DeleteRoute(key) => drop(self.state.routes.remove(key)),
            Step::DeleteEndpoint(key) => drop(self.state.endpoints.remove(key)),
            Step::DeleteLocation(key) => drop(self.state.locations.remove(key)),
        }
    }

    fn tell_uplink(&mut self) {
        self.state.overlay.settings.uplink_ifindex = self.state.uplink.device.map(|device| device.index);
    }

    fn put_public(&mut self, desired: &Desired, address: IpAddr) {
        let Some(Entry::FloatingIp(spec)) = desired.get(&EntryKey::FloatingIp(address)) else { return };
        let wanted = want::public(address, spec, &self.state.uplink.device.expect("no address without an uplink"));
        self.delete_public(address);
        self.state.private.extend(wanted.outward);
        self.state.public.insert(address, wanted.inward);
    }

    fn delete_public(&mut self, address: IpAddr) {
        if let Some(key) = self.state.public.remove(&address).as_ref().and_then(want::outward_key)
            && self.state.private.get(&key).is_some_and(|row| row.public == address)
        {
            self.state.private.remove(&key);
        }
    }

    fn finish_overlay(&mut self) {
        self.state.overlay.programs = Programs::Attached;
        self.tell();
    }

    fn tell(&mut self) {
        let vxlan_ifindex = self.state.overlay.device.as_ref().map(|device| device.index);
        self.state.overlay.settings =
            HostSettings { vxlan_ifindex, local_vtep: Some(OVERLAY.vtep), ..self.state.overlay.settings };
    }

    fn make_port(&mut self, desired: &Desired, id: AttachmentId) {
        let Some(spec) = desired.port(id) else { return };
        let there = self.state.namespaces.get(&spec.instance);
        assert_ne!(there, Some(&NamespaceState::Absent), "the namespace comes before its ports");
        assert!(!self.state.ports.contains_key(&id), "what stands in the way is removed first");
        let (index, guest, slot) = (self.index(), self.index(), self.index());
        let tap = desired.is_tap(spec.instance);
        let port = PortState {
            device: HostDevice {
                index,
                name: port_device(id),
                generation: spec.generation,
                mtu: want::host_mtu(spec, tap),
                up: true,
                tap,
                vlan: None,
            },
            row: Some(want::port(spec, slot, Lead { tap, card: None })),
            iface: want::iface(spec, slot, &numbers(desired), QUOTA).unwrap(),
            guest_config: want::guest_config(spec),
            programs: Programs::Attached,
            guest: (!tap).then(|| GuestDevice {
                index: guest,
                name: spec.device.clone(),
                mac: spec.mac.0,
                mtu: spec.mtu.into(),
                up: true,
                alias: marks().port(id, spec.generation),
                ipv6: want::ipv6_settings(spec),
                addresses: want::addresses(spec, guest),
                routes: want::default_routes(spec, guest),
            }),
        };
        self.state.ports.insert(id, port);
    }

    fn mend(&mut self, desired: &Desired, id: AttachmentId, mend: &Mend) {
        let slot = self.index();
        let (Some(spec), Some(port)) = (desired.port(id), self.state.ports.get_mut(&id)) else { return };
        match mend {
            Mend::Iface => {
                let slot = port.row.as_ref().expect("a port without an entry has nothing to mend").slot;
                port.iface = want::iface(spec, slot, &numbers(desired), QUOTA).unwrap();
            }
            Mend::Row => {
                let slot = port.row.as_ref().map_or(slot, |row| row.slot);
                if port.row.is_none() {
                    // A new slot is filled first.
                    port.iface = want::iface(spec, slot, &numbers(desired), QUOTA).unwrap();
                    port.guest_config = want::guest_config(spec);
                }
                port.row = Some(want::port(spec, slot, port.device.lead()));
            }
            Mend::GuestConfig => port.guest_config = want::guest_config(spec),
            Mend::Programs => port.programs = Programs::Attached,
            Mend::HostMtu { .. } => port.device.mtu = want::host_mtu(spec, port.device.tap),
            Mend::HostAlias => port.device.generation = spec.generation,
            Mend::HostUp => port.device.up = true,
            of_guest => {
                Self::mend_guest(id, spec, port.guest.as_mut().expect("a machine is not ours to mend"), of_guest)
            }
        }
    }

    fn mend_guest(id: AttachmentId, spec: &PortSpec, guest: &mut GuestDevice, mend: &Mend) {
        match mend {
            Mend::GuestAlias => guest.alias = marks().port(id, spec.generation),
            Mend::GuestName { .. } => guest.name.clone_from(&spec.device),
            Mend::GuestMac => guest.mac = spec.mac.0,
            Mend::GuestMtu { .. } => guest.mtu = spec.mtu.into(),
            Mend::GuestIpv6 => guest.ipv6 = Some(Ipv6Settings { disabled: false, accept_ra: false }),
            Mend::GuestUp => guest.up = true,
            Mend::RemoveAddress(address) => remove_address(guest, address),
            Mend::AddAddress(address) if guest.addresses.iter().any(|there| there.net == address.net) => {}
            Mend::AddAddress(address) => guest.addresses.push(*address),
            Mend::RemoveRoute(route) => guest.routes.retain(|there| there != route),
            Mend::AddRoute(route) if guest.routes.contains(route) => {}
            Mend::AddRoute(route) => guest.routes.push(*route),
            _ => unreachable!("{mend} is not the guest's"),
        }
    }
}

/// As the kernel does it: with the address that carries a subnet go the others of the subnet, and the routes.
fn remove_address(guest: &mut GuestDevice, address: &Address) {
    let cascades = want::takes_others_along(guest, address);
    let same = |there: &Address| there.net.trunc() == address.net.trunc();
    guest.addresses.retain(|there| there != address && !(cascades && same(there)));
    if cascades {
        guest.routes.retain(|route| route.destination.addr().is_ipv6());
    }
}

/// Small numbers from a fixed seed: what a test is made of must be the same at each run with the same seed.
pub(super) struct Dice(pub(super) u64);

impl IdSource for Dice {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

impl Dice {
    /// A number below `count`.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        (self.bits() >> 8) % count
    }

    /// Whether one of `count` equally likely things happened.
    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// The id number `number`: the same each time, so that states drawn apart have things in common.
    fn id<T: std::str::FromStr>(prefix: &str, number: u64) -> T
    where
        T::Err: std::fmt::Debug,
    {
        format!("{prefix}-{number:017x}").parse().unwrap()
    }

    fn groups(&mut self) -> Vec<SecurityGroupId> {
        (0..3).filter(|_| self.one_in(2)).map(|number| Self::id("sg", number)).collect::<Vec<_>>()
    }

    fn policy(&mut self) -> PortPolicy {
        PortPolicy {
            groups: self.groups(),
            acl: self.one_in(3).then(|| Self::id::<NetworkAclId>("acl", 1)),
            allow_ip_spoofing: self.one_in(4),
            source_dest_check: !self.one_in(4),
            state_filtering: self.one_in(2),
            quarantine: self.one_in(6).then(|| self.groups()),
            shadow: self.one_in(6).then(|| self.groups()),
            judged: self.below(2) as u32,
            version: self.below(3) as u32,
            ..PortPolicy::default()
        }
    }

    fn port(&mut self, number: u64) -> PortSpec {
        let address = |last: u64| Ipv4Addr::new(10, 0, 0, last as u8);
        let address6 = |last: u64| Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, last as u16);
        let mut addresses: Vec<IpAddr> = vec![address(10 + number).into()];
        addresses.extend((0..self.below(3)).map(|extra| IpAddr::from(address(100 + 10 * number + extra))));
        let subnet6 = self.one_in(2).then(|| "2001:db8:0:7::/64".parse().unwrap());
        if subnet6.is_some() {
            addresses.extend((0..self.below(3)).map(|extra| IpAddr::from(address6(100 + 10 * number + extra))));
        }
        PortSpec {
            vni: Self::id::<VniId>("eni", number),
            instance: Self::id("i", number / 2),
            segment: 7,
            mac: Mac::local(number),
            addresses,
            prefixes: if self.one_in(3) { vec!["10.8.0.0/28".parse().unwrap()] } else { Vec::new() },
            subnet: "10.0.0.0/24".parse().unwrap(),
            subnet6,
            gateway: address(1),
            mtu: if self.one_in(4) { 1400 } else { 1450 },
            device: format!("eth{}", number % 2),
            default_route: number.is_multiple_of(2),
            mode: [PortMode::Prepared, PortMode::Active, PortMode::Fenced][self.below(3) as usize],
            generation: self.below(3) as u32,
            policy: self.policy(),
            limits: PortLimits::default(),
            guest_config: GuestConfig::default(),
            route_table: self.below(3) as u8,
            nic: PortNic::default(),
        }
    }

    /// A desired state.
    pub(super) fn desired(&mut self) -> Desired {
        let mut entries: BTreeMap<EntryKey, Entry> = BTreeMap::new();
        for number in 0..6 {
            if self.one_in(3) {
                continue;
            }
            let (port, id) = (self.port(number), Self::id::<AttachmentId>("eni-attach", number));
            // The same each time: an instance is what it was made as.
            let namespace = if number / 2 == 2 { Namespace::Tap { owner: None } } else { Namespace::Made };
            entries
                .insert(EntryKey::Instance(port.instance), Entry::Instance(InstanceSpec { namespace, serves: None }));
            let vtep = self.one_in(3).then_some(std::net::Ipv4Addr::new(192, 0, 2, 9));
            for address in &port.addresses {
                let spec = VniEndpoint {
                    mac: port.mac,
                    port: vtep.is_none().then_some(id),
                    alt_port: vtep.is_some().then_some(id).filter(|_| self.one_in(2)),
                    vtep,
                    incoming_from: None,
                    moved: false,
                    mtu: 1450,
                    generation: port.generation,
                    groups: port.policy.groups.clone(),
                };
                entries.insert(EntryKey::Endpoint(7, *address), Entry::Endpoint(EndpointSpec::Vni(spec)));
            }
            let location = LocationSpec { vtep, alt_vtep: None, route_table: port.route_table };
            entries.insert(EntryKey::Location(7, port.mac), Entry::Location(location));
            for net in &port.prefixes {
                entries.insert(EntryKey::Route(7, OWN_TABLE, *net), Entry::Route(RouteSpec::Via(port.addresses[0])));
            }
            entries.insert(EntryKey::Port(id), Entry::Port(Box::new(port)));
        }
        self.share_cards(&mut entries);
        if self.one_in(2) {
            entries.insert(EntryKey::Route(7, OWN_TABLE, IpNet::default()), Entry::Route(RouteSpec::Blackhole));
            entries.insert(EntryKey::Route(7, 3, IpNet::default()), Entry::Route(RouteSpec::Local));
        }
        entries.insert(EntryKey::Endpoint(7, IpAddr::from([10, 0, 0, 1])), Entry::Endpoint(EndpointSpec::Gateway));
        Desired::new(1, entries)
    }

    /// A host that was right and then had all kinds of things done to it.
    pub(super) fn damage(&mut self, host: &mut FakeHost) {
        for port in host.state.ports.values_mut() {
            self.damage_port(port);
            if self.one_in(6) {
                port.device.generation += 1;
            }
        }
        let state = &mut host.state;
        state.ports.retain(|_, _| !self.one_in(6));
        for state in state.namespaces.values_mut() {
            match self.below(6) {
                0 => *state = NamespaceState::Absent,
                1 => *state = NamespaceState::Unmarked,
                _ => {}
            }
        }
        // A namespace that has gone took the guests' devices, and the host's with them.
        let gone = |id: &InstanceId| state.namespaces.get(id) == Some(&NamespaceState::Absent);
        let instance_of = |id: &AttachmentId| {
            let number = u64::from_str_radix(&id.to_string()[11..], 16).unwrap();
            Self::id::<InstanceId>("i", number / 2)
        };
        state.ports.retain(|id, _| !gone(&instance_of(id)));
        for index in 0..self.below(3) as u32 {
            state.remnants.insert(10 + index, self.one_in(2).then_some(index + 1));
            state.strays.insert(20 + index, format!("pt{index}"));
            state.stray_vlans.insert(VlanKey { ifindex: 30 + index, vlan: 7 });
        }
        state.endpoints.retain(|_, _| !self.one_in(4));
        state.endpoints.values_mut().filter(|_| self.one_in(4)).for_each(|row| row.mtu += 1);
        state.locations.retain(|_, _| !self.one_in(4));
        let extra = EndpointKey { segment: 9, addr: IpAddr::from([10, 9, 9, 9]) };
        if let Some(row) = state.endpoints.values().next().copied() {
            state.endpoints.insert(extra, row);
        }
        state.routes.retain(|_, _| !self.one_in(4));
        state.routes.values_mut().filter(|_| self.one_in(4)).for_each(|row| row.cell ^= 1);
        let extra = RouteKey { segment: 9, table: 1, net: "10.9.0.0/16".parse().unwrap() };
        state.routes.insert(extra, want::route(&extra, &RouteSpec::Blackhole));
        state.locations.insert(LocationKey { segment: 9, mac: [2; 6] }, Default::default());
        match self.below(5) {
            0 => state.overlay.device = None,
            1 => state.overlay.device.iter_mut().for_each(|device| device.mtu = 1000),
            2 => state.overlay.programs = Programs::Outdated,
            3 => state.overlay.settings = HostSettings::default(),
            _ => {}
        }
    }

    fn damage_port(&mut self, port: &mut PortState) {
        let programs = [Programs::Missing, Programs::Outdated, Programs::Attached, Programs::Attached];
        port.programs = programs[self.below(4) as usize].clone();
        if self.one_in(5) {
            port.row = None;
        } else if let Some(row) = port.row.as_mut().filter(|_| self.one_in(4)) {
            row.flags.0 ^= 3;
        }
        if self.one_in(4) {
            port.iface = Iface::default();
        }
        if self.one_in(4) {
            port.guest_config.lease += 1;
        }
        if self.one_in(8) {
            port.guest = None;
        }
        if self.one_in(8) {
            port.device.tap = !port.device.tap;
        }
        self.damage_device(&mut port.device);
        let Some(guest) = &mut port.guest else { return };
        guest.up = !self.one_in(5);
        if self.one_in(4) {
            guest.mtu = 900;
        }
        if self.one_in(4) {
            guest.name = "renamed".into();
        }
        guest.addresses.retain(|_| !self.one_in(4));
        guest.routes.retain(|_| !self.one_in(4));
        if self.one_in(3) {
            let nets = ["10.0.0.77/24", "10.8.0.1/32", "2001:db8::77/64", "fe80::77/64"];
            let net: IpNet = nets[self.below(4) as usize].parse().unwrap();
            guest.addresses.push(Address { device: guest.index, net, prefix_route: self.one_in(2) });
        }
        if self.one_in(4) {
            let gateway = IpAddr::from([10, 0, 0, 2]);
            guest.routes.push(Route::new(Ipv4Net::default().into(), Some(gateway), guest.index));
        }
        if self.one_in(4) {
            guest.ipv6 = None;
        }
    }
}
