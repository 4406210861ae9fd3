//! The kernel's side: a host's entries in the maps of the real data plane, and frames through its programs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use pintle_core::DropReason;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, PortMode, PortNic, PortSpec, RouteSpec, VniEndpoint};
use pintle_core::id::AttachmentId;
use pintle_core::net::{GATEWAY_MAC, Mac};
use pintle_datapath::{
    AclTables, Datapath, Endpoint, EndpointFlags, EndpointKey, Entry as TableEntry, HostSettings, Iface, IfaceFlags,
    Location, LocationKey, PolicyTables, Port, PortFlags, ProgramName, Route, RouteKey, RouteTo, RunInput, RunOutput,
    Table, Vlan, VlanKey, Wanted, cell_of_endpoint, cell_of_mac, cell_of_route, cell_of_slot, ticks, vlan_port,
};

use super::overlay::OverlayRunner;
use super::scene::Scene;

/// The data plane and what was written to it.
pub struct Kernel {
    pub datapath: Datapath,
    policies: PolicyTables,
    acls: AclTables,
    devices: Vec<u32>,
    vxlan: u32,
    overlay: OverlayRunner,
    ifaces: BTreeMap<u32, Iface>,
    endpoints: BTreeMap<EndpointKey, Endpoint>,
    locations: BTreeMap<LocationKey, Location>,
    routes: BTreeMap<RouteKey, Route>,
    ports: BTreeMap<u32, Port>,
    vlans: BTreeMap<VlanKey, Vlan>,
    /// What the maps know the ports of the scene by.
    numbers: BTreeMap<AttachmentId, u32>,
    offset: Option<u32>,
    /// Flows that an interface may open.
    pub quota: u32,
    /// Every disagreement is to be told with the reason that the programs had, which takes time for each packet.
    pub thorough: bool,
}

/// The slot of a port of the scene.
pub fn slot_of(port: AttachmentId) -> u32 {
    port.bits() as u32
}

impl Kernel {
    /// `devices`: one for each slot, from 1 on.
    pub fn new(datapath: Datapath, devices: Vec<u32>, vxlan: u32, overlay: OverlayRunner) -> Kernel {
        let policies = PolicyTables::open(&datapath).expect("the maps can be read");
        let acls = AclTables::open(&datapath).expect("the maps can be read");
        Kernel {
            datapath,
            policies,
            acls,
            devices,
            vxlan,
            overlay,
            ifaces: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            locations: BTreeMap::new(),
            routes: BTreeMap::new(),
            ports: BTreeMap::new(),
            vlans: BTreeMap::new(),
            numbers: BTreeMap::new(),
            offset: None,
            quota: 1_000_000,
            thorough: false,
        }
    }

    fn device(&self, port: AttachmentId) -> u32 {
        self.devices[slot_of(port) as usize - 1]
    }

    /// Writes what differs from what the scene wants, and raises the cells of it.
    pub fn apply(&mut self, scene: &Scene) {
        let (policies, identities) = scene.group_sets();
        let mut wanted = Wanted { policies, identities, ..Wanted::default() };
        let mut acls = BTreeMap::new();
        for (key, entry) in &scene.entries {
            match (key, entry) {
                (EntryKey::Group(id), Entry::Group(rules)) => {
                    drop(wanted.groups.insert(*id, Arc::from(rules.as_slice())))
                }
                (EntryKey::PrefixList(id), Entry::PrefixList(nets)) => {
                    wanted.prefix_lists.insert(*id, Arc::from(nets.as_slice()));
                }
                (EntryKey::Acl(id), Entry::Acl(rules)) => drop(acls.insert(*id, Arc::from(rules.as_slice()))),
                _ => {}
            }
        }
        let rules = self.policies.apply(&self.datapath, &wanted).expect("the policies fit").writes;
        let lists = self.acls.apply(&self.datapath, &acls).expect("the ACLs fit").writes;
        let mut cells = self.write_entries(scene);
        if rules + lists > 0 {
            cells.extend(self.ports.values().map(|port| cell_of_slot(port.slot)));
        }
        cells.into_iter().for_each(|cell| self.datapath.epochs().raise(cell));
        self.policies.retire(&self.datapath, &wanted).expect("the kernel takes it");
        self.acls.retire(&self.datapath, &acls).expect("the kernel takes it");
    }

    /// Returns the cells of what has changed.
    fn write_entries(&mut self, scene: &Scene) -> BTreeSet<u16> {
        let (mut ifaces, mut endpoints, mut locations) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut routes, mut ports, mut vlans) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        self.numbers.clear();
        for slot in 1..=self.devices.len() as u32 {
            ifaces.insert(slot, Iface::default());
        }
        for (key, entry) in &scene.entries {
            match (key, entry) {
                (EntryKey::Port(id), Entry::Port(spec)) => {
                    ifaces.insert(slot_of(*id), self.iface(spec));
                    let mut row = port(slot_of(*id), spec);
                    let number = match spec.nic {
                        PortNic::Card { .. } => self.device(*id),
                        PortNic::Vlan { card, id: vlan } => {
                            let (card, number) = (self.device(card), vlan_port(vlan, row.slot));
                            row.card = Some(card);
                            let attachment = id.to_string();
                            let entry = Vlan { port: number, generation: 1, attachment };
                            vlans.insert(VlanKey { ifindex: card, vlan }, entry);
                            number
                        }
                    };
                    self.numbers.insert(*id, number);
                    ports.insert(number, row);
                }
                (EntryKey::Endpoint(segment, addr), Entry::Endpoint(spec)) => {
                    let key = EndpointKey { segment: *segment, addr: *addr };
                    endpoints.insert(key, self.endpoint(key, spec));
                }
                (EntryKey::Location(segment, mac), Entry::Location(spec)) => {
                    let key = LocationKey { segment: *segment, mac: mac.0 };
                    let addr = primary(scene, *segment, *mac);
                    let cell = cell_of_mac(*segment, mac.0);
                    let (vtep, alt_vtep, table) = (spec.vtep, spec.alt_vtep, spec.route_table);
                    locations.insert(key, Location { vtep, alt_vtep, addr, table, cell });
                }
                (EntryKey::Route(segment, table, net), Entry::Route(spec)) => {
                    let to = match *spec {
                        RouteSpec::Via(address) => RouteTo::Via(address),
                        RouteSpec::Blackhole => RouteTo::Blackhole,
                        RouteSpec::Local => RouteTo::Local,
                        RouteSpec::Nat { vtep, address } => RouteTo::Nat { vtep, address },
                        RouteSpec::Public { gateway_vtep, gateway } => {
                            RouteTo::Public { gateway_vtep, gateway: gateway.map(IpAddr::V4) }
                        }
                    };
                    let key = RouteKey { segment: *segment, table: *table, net: *net };
                    routes.insert(key, Route::new(&key, to));
                }
                _ => {}
            }
        }
        let mut cells = BTreeSet::new();
        for slot in sync(self.datapath.ifaces(), &mut self.ifaces, ifaces) {
            cells.insert(cell_of_slot(slot));
        }
        for key in sync(self.datapath.endpoints(), &mut self.endpoints, endpoints) {
            cells.insert(cell_of_endpoint(key.segment, key.addr));
        }
        for key in sync(self.datapath.locations(), &mut self.locations, locations) {
            cells.insert(cell_of_mac(key.segment, key.mac));
        }
        let before = self.routes.clone();
        for key in sync(self.datapath.routes(), &mut self.routes, routes) {
            cells.insert(cell_of_route(&key));
            if let Some(Route { to: RouteTo::Via(hop), .. }) = before.get(&key) {
                cells.insert(cell_of_endpoint(key.segment, *hop));
            }
            let uses = |segment: u32, table: u8| key.table != 0 && (segment, table) == (key.segment, key.table);
            let ports = self.ports.values().filter(|port| uses(port.segment, port.table));
            cells.extend(ports.map(|port| cell_of_slot(port.slot)));
            let locations = self.locations.iter().filter(|(at, location)| uses(at.segment, location.table));
            cells.extend(locations.map(|(at, _)| cell_of_mac(at.segment, at.mac)));
        }
        sync(self.datapath.vlans(), &mut self.vlans, vlans);
        let before = self.ports.clone();
        for device in sync(self.datapath.ports(), &mut self.ports, ports) {
            let changed = [before.get(&device), self.ports.get(&device)];
            cells.extend(changed.into_iter().flatten().map(|port| cell_of_slot(port.slot)));
        }
        cells
    }

    fn iface(&self, spec: &PortSpec) -> Iface {
        let policy = &spec.policy;
        let mut flags = IfaceFlags::NONE;
        for (on, flag) in [
            (policy.state_filtering, IfaceFlags::STATE_FILTERING),
            (policy.source_dest_check, IfaceFlags::SOURCE_DEST_CHECK),
            (policy.untracked_open, IfaceFlags::UNTRACKED_OPEN),
            (policy.adopting, IfaceFlags::ADOPTING),
        ] {
            flags = if on { flags.with(flag) } else { flags };
        }
        Iface {
            policy: self.policies.policy(pintle_core::pipeline::policy::groups(spec)).expect("it was applied"),
            acl: policy.acl.map_or(0, |id| self.acls.acl(id).unwrap_or(self.acls.closed())),
            flags,
            judged: policy.judged,
            quota: self.quota,
            tcp_established: ticks(policy.timeouts.tcp_established),
            udp_stream: ticks(policy.timeouts.udp_stream),
            udp: ticks(policy.timeouts.udp),
            mac: spec.mac.0,
            gateway_mac: GATEWAY_MAC.0,
            ..Iface::default()
        }
    }

    fn endpoint(&self, key: EndpointKey, spec: &EndpointSpec) -> Endpoint {
        let cell = cell_of_endpoint(key.segment, key.addr);
        let (mac, gateway_mac) = (GATEWAY_MAC.0, GATEWAY_MAC.0);
        match spec {
            EndpointSpec::Gateway => {
                Endpoint { flags: EndpointFlags::GATEWAY, mac, gateway_mac, cell, ..Endpoint::default() }
            }
            EndpointSpec::Vni(VniEndpoint { mac, port, vtep, mtu, groups, .. }) => Endpoint {
                ifindex: port.map(|id| self.numbers[&id]),
                slot: port.map_or(0, slot_of),
                vtep: *vtep,
                identity: self.policies.identity(groups).expect("it was applied"),
                mac: mac.0,
                gateway_mac,
                mtu: *mtu,
                cell,
                ..Endpoint::default()
            },
        }
    }

    /// Makes the programs' clock show this tick.
    fn set_clock(&mut self, now: u64) {
        let offset = (now as u32).wrapping_sub(coarse_ticks());
        if self.offset != Some(offset) {
            let settings = HostSettings {
                vxlan_ifindex: Some(self.vxlan),
                local_vtep: Some(Ipv4Addr::new(192, 0, 2, 1)),
                clock_offset: offset,
                ..HostSettings::default()
            };
            self.datapath.set_host_settings(&settings).expect("the kernel takes it");
            self.offset = Some(offset);
        }
    }

    /// Runs `from_port` for a frame of a port.
    pub fn run_port(&mut self, port: AttachmentId, frame: &[u8], now: u64) -> RunOutput {
        self.set_clock(now);
        let input = RunInput { ifindex: self.device(port), ..RunInput::default() };
        let run = self.datapath.runner(ProgramName::FromPort).run(frame, input);
        run.unwrap_or_else(|error| panic!("{error:?} for {} bytes {}", frame.len(), super::case::hex(frame)))
    }

    /// Runs `from_overlay` for a frame of another host.
    pub fn run_overlay(&mut self, segment: u32, vtep: Ipv4Addr, frame: &[u8], now: u64) -> RunOutput {
        self.set_clock(now);
        self.overlay.run(self.vxlan, segment, vtep, frame)
    }

    /// Deletes what has expired.
    pub fn sweep(&mut self, now: u64) {
        self.set_clock(now);
        self.datapath.sweep().expect("the program runs");
    }

    /// Packets dropped for a reason, by whatever interface.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        let slots = 0..=self.devices.len() as u32;
        slots.map(|slot| self.datapath.counters().dropped(slot, reason).expect("the map can be read")).sum()
    }

    /// Drops by their reasons' labels.
    pub fn drops(&self) -> BTreeMap<&'static str, u64> {
        DropReason::ALL.iter().map(|reason| (reason.label(), self.dropped(*reason))).collect()
    }

    /// Packets delivered to a port.
    pub fn received(&self, port: AttachmentId) -> u64 {
        self.datapath.counters().traffic(slot_of(port)).expect("the map can be read").rx_packets
    }

    /// The rule with a number of the data plane's.
    pub fn rule(&self, number: u32) -> Option<pintle_core::id::RuleId> {
        self.policies.rule(number)
    }
}

fn port(slot: u32, spec: &PortSpec) -> Port {
    let mut flags = PortFlags::NONE;
    if spec.mode == PortMode::Active {
        flags = flags.with(PortFlags::ACTIVE);
    }
    if spec.policy.allow_ip_spoofing {
        flags = flags.with(PortFlags::ALLOW_IP_SPOOFING);
    }
    if spec.nic == (PortNic::Card { trunk: true }) {
        flags = flags.with(PortFlags::TRUNK);
    }
    Port {
        segment: spec.segment,
        slot,
        primary_ip: spec.addresses[0],
        gateway_ip: spec.gateway,
        prefix_len: spec.subnet.prefix_len(),
        subnet6: spec.subnet6,
        table: spec.route_table,
        mac: spec.mac.0,
        gateway_mac: GATEWAY_MAC.0,
        mtu: spec.mtu,
        card: None,
        flags,
        generation: spec.generation,
        vni: spec.vni.to_string(),
    }
}

/// The primary address of the interface with this MAC.
fn primary(scene: &Scene, segment: u32, mac: Mac) -> Option<IpAddr> {
    let guest = scene.guests.iter().find(|guest| guest.segment == segment && guest.mac == mac)?;
    guest.addresses.first().copied()
}

/// Makes a table hold what is wanted; returns the keys that changed.
fn sync<E: TableEntry>(table: Table<'_, E>, have: &mut BTreeMap<E::Key, E>, want: BTreeMap<E::Key, E>) -> Vec<E::Key> {
    let mut changed = Vec::new();
    for (key, entry) in &want {
        if have.get(key) != Some(entry) {
            table.put(key, entry).expect("the kernel takes it");
            changed.push(*key);
        }
    }
    for key in have.keys().filter(|key| !want.contains_key(key)) {
        table.delete(key).expect("the kernel takes it");
        changed.push(*key);
    }
    *have = want;
    changed
}

/// The clock that the programs read, in ticks.
fn coarse_ticks() -> u32 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    ((time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64) >> 20) as u32
}
