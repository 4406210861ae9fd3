//! The handle to one host's data plane: what everything else in this crate is reached by.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::Counters;
use crate::entry::{Endpoint, HostSettings, Location, Port};
use crate::error::Result;
use crate::links::{Changed, LinkState, Links};
use crate::maps::{Map, MapName};
use crate::open::{self, Opened};
use crate::pins::Pins;
use crate::programs::{Program, ProgramName, ProgramStats};
use crate::runner::PacketRunner;
use crate::settings::Settings;
use crate::skel::{Plain, types};
use crate::table::Table;

/// One host's data plane. It lives in the kernel: dropping this handle changes nothing there.
#[derive(Debug)]
pub struct Datapath {
    pins: Pins,
    maps: Vec<Map>,
    programs: Vec<Program>,
    opened: Opened,
    writes: Arc<AtomicU64>,
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
        Ok(Datapath { pins, maps: loaded.maps, programs: loaded.programs, opened: loaded.opened, writes })
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
        Table::new(self.map(MapName::Ports))
    }

    /// The endpoints, by segment and address.
    pub fn endpoints(&self) -> Table<'_, Endpoint> {
        Table::new(self.map(MapName::Endpoints))
    }

    /// The locations, by segment and MAC address.
    pub fn locations(&self) -> Table<'_, Location> {
        Table::new(self.map(MapName::Locations))
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

    /// Detaches whatever is pinned for this device, which may be gone. Returns whether anything was.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn detach(&self, ifindex: u32) -> Result<bool> {
        let mut any = false;
        for program in ProgramName::ALL {
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

    fn map(&self, name: MapName) -> &Map {
        // `open` fills both lists in the order of the enums.
        &self.maps[name as usize]
    }

    fn program(&self, name: ProgramName) -> &Program {
        &self.programs[name as usize]
    }
}
