//! The handle to one host's data plane: what everything else in this crate is reached by.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nix::time::{ClockId, clock_gettime};

use crate::cells::Epochs;
use crate::counters::Counters;
use crate::entry::{
    Endpoint, Entry, GuestConfig, HostSettings, Iface, Location, Port, PrivateAddress, PublicAddress, Route, Vlan,
};
use crate::error::{DatapathError, Result};
use crate::flows::{Flows, Sweep};
use crate::links::{Changed, LinkState, Links};
use crate::maps::{Map, MapName};
use crate::open::{self, Opened};
use crate::pins::Pins;
use crate::programs::{Program, ProgramName, ProgramStats};
use crate::records::Records;
use crate::runner::PacketRunner;
use crate::settings::Settings;
use crate::skel::{Plain, types};
use crate::sweep::Broom;
use crate::table::Table;

/// One host's data plane. It lives in the kernel: dropping this handle changes nothing there.
#[derive(Debug)]
pub struct Datapath {
    pins: Pins,
    maps: Vec<Map>,
    programs: Vec<Program>,
    opened: Opened,
    writes: Arc<AtomicU64>,
    epochs: Epochs,
    /// What is handed over to the program is one sweep's at a time.
    sweeping: Mutex<()>,
}

impl Datapath {
    /// Opens the data plane under `pin_root`, a directory on a BPF file system (for example `/sys/fs/bpf/pintle/<host>`),
    /// and makes what is not there yet. With the same build and sizes pinned already it writes nothing.
    ///
    /// # Errors
    /// When the root is not on a BPF file system, a size is out of range or differs from maps in use, or the kernel refuses.
    pub fn open(pin_root: &Path, settings: &Settings) -> Result<Datapath> {
        let (pins, writes) = (Pins::new(pin_root), Arc::default());
        let loaded = open::open(&pins, settings, &writes)?;
        if loaded.opened != Opened::Reused {
            tracing::info!(root = %pin_root.display(), opened = ?loaded.opened, build = crate::BUILD_ID, "data plane loaded");
        }
        let epochs = Epochs::map(loaded.maps[MapName::Epochs as usize].fd(), &writes)
            .map_err(|source| DatapathError::Map { action: "map into memory", map: MapName::Epochs.text(), source })?;
        // Who had it open before may have died between a write and its count.
        epochs.ports_changed();
        Ok(Datapath {
            pins,
            maps: loaded.maps,
            programs: loaded.programs,
            opened: loaded.opened,
            writes,
            epochs,
            sweeping: Mutex::default(),
        })
    }

    /// What was found under the pin root.
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// How many entries, links and pins were written or deleted through this handle, failed attempts included.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The ports, by device index.
    pub fn ports(&self) -> Table<'_, Port> {
        Table::counted(self.map(MapName::Ports), &self.epochs)
    }

    /// The VLANs of cards that ports use.
    pub fn vlans(&self) -> Table<'_, Vlan> {
        self.table()
    }

    /// What may pass the ports' interfaces, by slot. Every slot has an entry; all zeros lets nothing pass.
    pub fn ifaces(&self) -> Table<'_, Iface> {
        self.table()
    }

    /// The public addresses of this host.
    pub fn public_addresses(&self) -> Table<'_, PublicAddress> {
        Table::new(self.map(MapName::PublicAddrs))
    }

    /// The floating IPs of interfaces' addresses, by segment and address.
    pub fn private_addresses(&self) -> Table<'_, PrivateAddress> {
        Table::new(self.map(MapName::PrivateAddrs))
    }

    /// How many ports of public gateways are in use on this host.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn gateway_ports_in_use(&self) -> Result<u64> {
        let mut count = 0;
        self.map(MapName::Nats).for_each(|_, _| count += 1)?;
        Ok(count)
    }

    /// What guests are told that ask by DHCP or for routers, by slot.
    pub fn guest_configs(&self) -> Table<'_, GuestConfig> {
        self.table()
    }

    /// The endpoints, by segment and address.
    pub fn endpoints(&self) -> Table<'_, Endpoint> {
        self.table()
    }

    /// The locations, by segment and MAC address.
    pub fn locations(&self) -> Table<'_, Location> {
        self.table()
    }

    /// The routes, by segment and network.
    pub fn routes(&self) -> Table<'_, Route> {
        self.table()
    }

    /// The epochs: raise an entry's cell after each write of it.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The connections that are remembered.
    pub fn flows(&self) -> Flows<'_> {
        Flows { flows: self.map(MapName::Flows), usages: self.map(MapName::Usages) }
    }

    /// What the programs have noted for people.
    pub fn records(&self) -> Records<'_> {
        Records {
            refusals: self.map(MapName::Refusals),
            mtu_events: self.map(MapName::MtuEvents),
            shadows: self.map(MapName::Shadows),
        }
    }

    /// Deletes the flows that have expired, some hundred at a time: packets go on meanwhile, and whatever else wants the
    /// processor. If the table is nearly full then, connections that are over go too, whoever has them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sweep(&self) -> Result<Sweep> {
        let mut swept = self.run_sweep(0, false)?;
        if swept.left() > self.flows().room() / 4 * 3 {
            swept.deleted += self.run_sweep(0, true)?.deleted;
        }
        Broom::sweep_fragments(self.map(MapName::Fragments), self.clock()?)?;
        Ok(swept)
    }

    /// As [`sweep`](Self::sweep); beside that, flows of an interface that has gone forget it, and end if no other interface
    /// of this host has them. For a slot that is to be used again.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sweep_slot(&self, slot: u32) -> Result<Sweep> {
        let sweep = self.run_sweep(slot, false)?;
        // The program gives nothing back for a slot that flows forget: what they counted ends here.
        self.map(MapName::Usages).update(&slot.to_ne_bytes(), types::usage::default().bytes())?;
        Ok(sweep)
    }

    fn run_sweep(&self, slot: u32, full: bool) -> Result<Sweep> {
        let broom = Broom {
            program: self.program(ProgramName::Sweep),
            flows: [self.map(MapName::Flows), self.map(MapName::SweptFlows)],
            ports: [self.map(MapName::Nats), self.map(MapName::SweptPorts)],
        };
        let _alone = self.sweeping.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        broom.sweep(slot, full)
    }

    /// Traffic and drops.
    pub fn counters(&self) -> Counters<'_> {
        Counters {
            counters: self.map(MapName::Counters),
            drops: self.map(MapName::Drops),
            lost: self.map(MapName::Lost),
            limits: self.map(MapName::Limits),
        }
    }

    /// The host's own side of the overlay.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn host_settings(&self) -> Result<HostSettings> {
        let value = self.map(MapName::Settings).lookup(&0_u32.to_ne_bytes())?.unwrap_or_default();
        Ok(types::host_settings::from_bytes(&value).map(|raw| HostSettings::from_raw(&raw)).unwrap_or_default())
    }

    /// Sets the host's own side of the overlay; packets see it at once.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_host_settings(&self, settings: &HostSettings) -> Result<()> {
        self.map(MapName::Settings).update(&0_u32.to_ne_bytes(), settings.raw().bytes())
    }

    /// The programs' clock: ticks of 2^20 ns (CLOCK_MONOTONIC), modulo 2^32, which is 52 days.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn clock(&self) -> Result<u32> {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
        let ns = now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64;
        Ok(self.host_settings()?.clock_offset.wrapping_add((ns >> 20) as u32))
    }

    /// Lets the programs' clock run ahead by so many ticks of 2^20 ns more: for tests of timeouts.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn advance_clock(&self, ticks: u32) -> Result<()> {
        let settings = self.host_settings()?;
        let clock_offset = settings.clock_offset.wrapping_add(ticks);
        self.set_host_settings(&HostSettings { clock_offset, ..settings })
    }

    /// Attaches `to_port` and `from_port` to a guest's host-side device, pinned, and before any other program there. The
    /// device is of the calling thread's network namespace. Its port must be written before its link goes up.
    ///
    /// # Errors
    /// When there is no such device, or the kernel refuses.
    pub fn attach_port(&self, ifindex: u32) -> Result<Changed> {
        let guard = self.links().attach(self.program(ProgramName::ToPort), ifindex)?;
        Ok(guard.max(self.links().attach(self.program(ProgramName::FromPort), ifindex)?))
    }

    /// Attaches `from_overlay` to the collect-metadata VXLAN device, as [`attach_port`](Self::attach_port) does.
    ///
    /// # Errors
    /// When there is no such device, or the kernel refuses.
    pub fn attach_overlay(&self, ifindex: u32) -> Result<Changed> {
        self.links().attach(self.program(ProgramName::FromOverlay), ifindex)
    }

    /// Attaches the programs of the shaper to both ends of its cable, as [`attach_port`](Self::attach_port) does: `first` is the
    /// end that what guests send leaves by.
    ///
    /// # Errors
    /// When there is no such device, or the kernel refuses.
    pub fn attach_shaper(&self, first: u32, second: u32) -> Result<Changed> {
        let mut changed = Changed::Nothing;
        for (ifindex, arrival) in [(first, ProgramName::ShapedIngress), (second, ProgramName::ShapedEgress)] {
            for program in [ProgramName::ToShaper, arrival] {
                changed = changed.max(self.links().attach(self.program(program), ifindex)?);
            }
        }
        Ok(changed)
    }

    /// Attaches `from_uplink` to the device to the public network, as [`attach_port`](Self::attach_port) does. What is for no
    /// public address of [`public_addresses`](Self::public_addresses) passes it.
    ///
    /// # Errors
    /// When there is no such device, or the kernel refuses.
    pub fn attach_uplink(&self, ifindex: u32) -> Result<Changed> {
        self.links().attach(self.program(ProgramName::FromUplink), ifindex)
    }

    /// Asks the uplink whether it has the program it should have.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn verify_uplink(&self, ifindex: u32) -> Result<LinkState> {
        self.links().verify(self.program(ProgramName::FromUplink), ifindex)
    }

    /// Detaches whatever is pinned for this device, which may be gone. Returns whether anything was.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn detach(&self, ifindex: u32) -> Result<bool> {
        let mut any = false;
        for program in ProgramName::AT_DEVICES {
            any |= self.links().detach(program, ifindex)?;
        }
        Ok(any)
    }

    /// Asks a guest's device whether it has the programs it should have; the worse answer of the two.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn verify_port(&self, ifindex: u32) -> Result<LinkState> {
        let guard = self.links().verify(self.program(ProgramName::ToPort), ifindex)?;
        Ok(guard.max(self.links().verify(self.program(ProgramName::FromPort), ifindex)?))
    }

    /// Asks the VXLAN device whether it has the program it should have.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn verify_overlay(&self, ifindex: u32) -> Result<LinkState> {
        self.links().verify(self.program(ProgramName::FromOverlay), ifindex)
    }

    /// The links that are pinned, by device index; whether they are in force is for `verify_*` to say.
    ///
    /// # Errors
    /// When the pins cannot be listed.
    pub fn pinned_links(&self) -> Result<Vec<(u32, ProgramName)>> {
        Ok(self.pins.pinned_links()?.into_iter().map(|(ifindex, program, _)| (ifindex, program)).collect())
    }

    /// Removes the pins of older builds and layouts, after an upgrade. Returns how many.
    ///
    /// # Errors
    /// When a device still runs an older program, or a pin cannot be removed.
    pub fn retire_old(&self) -> Result<u32> {
        let count = self.links().outdated(&self.programs)?;
        if count > 0 {
            return Err(crate::DatapathError::StillInUse { count });
        }
        open::remove_old(&self.pins, &self.writes)
    }

    /// What the kernel says of each program.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn program_stats(&self) -> Result<Vec<ProgramStats>> {
        self.programs.iter().map(Program::stats).collect()
    }

    /// Runs one of the programs on frames, without a network.
    pub fn runner(&self, program: ProgramName) -> PacketRunner<'_> {
        PacketRunner::new(self.program(program).fd(), program.text())
    }

    fn links(&self) -> Links<'_> {
        Links { pins: &self.pins, writes: &self.writes }
    }

    /// The map of these entries.
    pub(crate) fn table<E: Entry>(&self) -> Table<'_, E> {
        Table::new(self.map(E::MAP))
    }

    pub(crate) fn map(&self, name: MapName) -> &Map {
        // `open` fills both lists in the order of the enums.
        &self.maps[name as usize]
    }

    fn program(&self, name: ProgramName) -> &Program {
        &self.programs[name as usize]
    }
}
