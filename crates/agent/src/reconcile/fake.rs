//! A host that exists only as the values that a look at it would give, for testing plans: it does what a plan says.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use pintle_core::host_spec::{
    EndpointSpec, Entry, EntryKey, InstanceSpec, LocationSpec, PortMode, PortSpec, VniEndpoint,
};
use pintle_core::id::{AttachmentId, IdSource, InstanceId, VniId};
use pintle_core::model::Namespace;
use pintle_core::net::Mac;
use pintle_datapath::{EndpointKey, HostSettings, LocationKey};

use super::action::{Mend, Step};
use super::names::{Marks, port_device};
use super::observed::{GuestDevice, HostDevice, NamespaceState, Observed, OverlayDevice, PortState, Programs};
use super::plan::{Inputs, OverlayWish, Plan, Scope, plan};
use super::want;
use crate::desired::Desired;
use crate::kernel::addr::Address;
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

pub(super) fn marks() -> Marks {
    Marks::new("host-00000000000000001".parse().unwrap())
}

impl FakeHost {
    pub(super) fn plan(&self, desired: &Desired, scope: Scope<'_>) -> Plan {
        let realised = self.state.realised();
        let (marks, observed) = (marks(), &self.state);
        plan(&Inputs { desired, observed, realised: &realised, marks: &marks, overlay: OVERLAY }, scope)
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
            Step::RemoveRemnant(index) => drop(self.state.remnants.remove(index)),
            Step::RemoveStray(index) => drop(self.state.strays.remove(index)),
            Step::ClearPort(id) | Step::RemovePort(id) => drop(self.state.ports.remove(id)),
            Step::MakeNamespace(id) | Step::MarkNamespace(id) => {
                self.state.namespaces.insert(*id, NamespaceState::There);
            }
            Step::RemoveNamespace(id) => drop(self.state.namespaces.remove(id)),
            Step::MakePort(id) => self.make_port(desired, *id),
            Step::MendPort(id, mends) => mends.iter().for_each(|mend| self.mend(desired, *id, mend)),
            Step::Mute(id) => self.mend(desired, *id, &Mend::Row),
            Step::UpdatePrograms(id) => self.mend(desired, *id, &Mend::Programs),
            Step::PutEndpoint(key) => {
                let realised = self.state.realised();
                let Some(Entry::Endpoint(spec)) = desired.get(&EntryKey::Endpoint(key.segment, key.addr)) else {
                    return;
                };
                if let Some(row) = want::endpoint(spec, |port| realised.get(&port).copied()) {
                    self.state.endpoints.insert(*key, row);
                }
            }
            Step::PutLocation(key) => {
                let Some(Entry::Location(spec)) = desired.get(&EntryKey::Location(key.segment, Mac(key.mac))) else {
                    return;
                };
                self.state.locations.insert(*key, want::location(spec));
            }
            Step::DeleteEndpoint(key) => drop(self.state.endpoints.remove(key)),
            Step::DeleteLocation(key) => drop(self.state.locations.remove(key)),
        }
    }

    fn finish_overlay(&mut self) {
        self.state.overlay.programs = Programs::Attached;
        self.tell();
    }

    fn tell(&mut self) {
        let vxlan_ifindex = self.state.overlay.device.as_ref().map(|device| device.index);
        self.state.overlay.settings = HostSettings { vxlan_ifindex, local_vtep: Some(OVERLAY.vtep) };
    }

    fn make_port(&mut self, desired: &Desired, id: AttachmentId) {
        let Some(spec) = desired.port(id) else { return };
        let there = self.state.namespaces.get(&spec.instance);
        assert_ne!(there, Some(&NamespaceState::Absent), "the namespace comes before its ports");
        assert!(!self.state.ports.contains_key(&id), "what stands in the way is removed first");
        let (index, guest, slot) = (self.index(), self.index(), self.index());
        let port = PortState {
            device: HostDevice {
                index,
                name: port_device(id),
                generation: spec.generation,
                mtu: spec.mtu.into(),
                up: true,
            },
            row: Some(want::port(spec, slot)),
            programs: Programs::Attached,
            guest: Some(GuestDevice {
                index: guest,
                name: spec.device.clone(),
                mac: spec.mac.0,
                mtu: spec.mtu.into(),
                up: true,
                alias: marks().port(id, spec.generation),
                addresses: want::addresses(spec, guest),
                routes: want::default_route(spec, guest).into_iter().collect(),
            }),
        };
        self.state.ports.insert(id, port);
    }

    fn mend(&mut self, desired: &Desired, id: AttachmentId, mend: &Mend) {
        let slot = self.index();
        let (Some(spec), Some(port)) = (desired.port(id), self.state.ports.get_mut(&id)) else { return };
        let Some(guest) = &mut port.guest else { return };
        match mend {
            Mend::Row => {
                let slot = port.row.as_ref().map_or(slot, |row| row.slot);
                port.row = Some(want::port(spec, slot));
            }
            Mend::Programs => port.programs = Programs::Attached,
            Mend::HostMtu { .. } => port.device.mtu = spec.mtu.into(),
            Mend::HostAlias => port.device.generation = spec.generation,
            Mend::HostUp => port.device.up = true,
            Mend::GuestAlias => guest.alias = marks().port(id, spec.generation),
            Mend::GuestName { .. } => guest.name.clone_from(&spec.device),
            Mend::GuestMac => guest.mac = spec.mac.0,
            Mend::GuestMtu { .. } => guest.mtu = spec.mtu.into(),
            Mend::GuestUp => guest.up = true,
            Mend::RemoveAddress(address) => remove_address(guest, address),
            Mend::AddAddress(address) if guest.addresses.iter().any(|there| there.net == address.net) => {}
            Mend::AddAddress(address) => guest.addresses.push(*address),
            Mend::RemoveRoute(route) => guest.routes.retain(|there| there != route),
            Mend::AddRoute(route) if guest.routes.contains(route) => {}
            Mend::AddRoute(route) => guest.routes.push(*route),
        }
    }
}

/// As the kernel does it: with the address that carries a subnet go the others of the subnet, and the routes.
fn remove_address(guest: &mut GuestDevice, address: &Address) {
    let same = |there: &Address| there.net.trunc() == address.net.trunc();
    let first = guest.addresses.iter().find(|there| same(there)) == Some(address);
    guest.addresses.retain(|there| there != address && !(first && same(there)));
    if first && address.net.prefix_len() < 32 {
        guest.routes.clear();
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

    fn port(&mut self, number: u64) -> PortSpec {
        let address = |last: u64| std::net::Ipv4Addr::new(10, 0, 0, last as u8);
        let mut addresses = vec![address(10 + number)];
        addresses.extend((0..self.below(3)).map(|extra| address(100 + 10 * number + extra)));
        PortSpec {
            vni: Self::id::<VniId>("eni", number),
            instance: Self::id("i", number / 2),
            segment: 7,
            mac: Mac::local(number),
            addresses,
            prefix_len: 24,
            gateway: address(1),
            mtu: if self.one_in(4) { 1400 } else { 1450 },
            device: format!("eth{}", number % 2),
            default_route: number.is_multiple_of(2),
            allow_ip_spoofing: self.one_in(4),
            mode: [PortMode::Prepared, PortMode::Active, PortMode::Fenced][self.below(3) as usize],
            generation: self.below(3) as u32,
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
            entries.insert(
                EntryKey::Instance(port.instance),
                Entry::Instance(InstanceSpec { namespace: Namespace::Made }),
            );
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
                };
                entries.insert(EntryKey::Endpoint(7, *address), Entry::Endpoint(EndpointSpec::Vni(spec)));
            }
            let location = LocationSpec { vtep, alt_vtep: None };
            entries.insert(EntryKey::Location(7, port.mac), Entry::Location(location));
            entries.insert(EntryKey::Port(id), Entry::Port(port));
        }
        entries.insert(EntryKey::Endpoint(7, [10, 0, 0, 1].into()), Entry::Endpoint(EndpointSpec::Gateway));
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
        }
        state.endpoints.retain(|_, _| !self.one_in(4));
        state.endpoints.values_mut().filter(|_| self.one_in(4)).for_each(|row| row.mtu += 1);
        state.locations.retain(|_, _| !self.one_in(4));
        let extra = EndpointKey { segment: 9, addr: [10, 9, 9, 9].into() };
        if let Some(row) = state.endpoints.values().next().copied() {
            state.endpoints.insert(extra, row);
        }
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
        if self.one_in(8) {
            port.guest = None;
        }
        let Some(guest) = &mut port.guest else { return };
        (guest.up, port.device.up) = (!self.one_in(5), !self.one_in(5));
        if self.one_in(4) {
            guest.mtu = 900;
        }
        if self.one_in(4) {
            guest.name = "renamed".into();
        }
        guest.addresses.retain(|_| !self.one_in(4));
        guest.routes.retain(|_| !self.one_in(4));
        if self.one_in(3) {
            let net: Ipv4Net = if self.one_in(2) { "10.0.0.77/24" } else { "10.8.0.1/32" }.parse().unwrap();
            guest.addresses.push(Address { device: guest.index, net, prefix_route: self.one_in(2) });
        }
        if self.one_in(4) {
            guest.routes.push(Route::new(Ipv4Net::default(), Some([10, 0, 0, 2].into()), guest.index));
        }
    }
}
