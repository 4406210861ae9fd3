//! Opening the data plane: reuse what is pinned and equal, load and pin the rest.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{MapCore, OpenMapMut};

use crate::error::{DatapathError, Result};
use crate::maps::{Map, MapName, shape};
use crate::pins::{Pins, list, pin_error, remove};
use crate::programs::{Program, ProgramName, program_error};
use crate::settings::Settings;
use crate::skel::PintleSkelBuilder;
use crate::{sys, sys_map};

/// What was found under the pin root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Nothing: maps are empty and no device is attached.
    Fresh,
    /// This very build with its maps: nothing was written.
    Reused,
    /// Another build. Its programs go on forwarding at every device until that device is attached again. If the layout of
    /// a map changed, the new map is empty: fill the maps first, then attach.
    Upgraded,
}

/// Maps and programs, all open and pinned.
pub(crate) struct Loaded {
    pub(crate) maps: Vec<Map>,
    pub(crate) programs: Vec<Program>,
    pub(crate) opened: Opened,
}

/// Opens or makes everything under `pins`. Counts what it writes into `writes`.
pub(crate) fn open(pins: &Pins, settings: &Settings, writes: &Arc<AtomicU64>) -> Result<Loaded> {
    settings.check()?;
    pins.check_file_system()?;
    let found_before = !list(&pins.builds())?.is_empty() || !list(&pins.maps())?.is_empty();
    drop_unused_of_other_sizes(pins, settings, writes)?;

    let kept = pinned_maps(pins, writes)?;
    if let Some(programs) = pinned_programs(pins, &kept)? {
        return Ok(Loaded { maps: kept.into_iter().flatten().collect(), programs, opened: Opened::Reused });
    }
    let programs = load(pins, settings, &kept, writes)?;
    let maps = pinned_maps(pins, writes)?.into_iter().flatten().collect();
    Ok(Loaded { maps, programs, opened: if found_before { Opened::Upgraded } else { Opened::Fresh } })
}

/// Maps of this layout that are pinned, in the order of [`MapName::ALL`].
fn pinned_maps(pins: &Pins, writes: &Arc<AtomicU64>) -> Result<Vec<Option<Map>>> {
    let open = |name: MapName| {
        let path = pins.map(name);
        match sys::open_pin(&path) {
            Ok(fd) => Map::new(name, fd, writes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(pin_error("open", &path)(error)),
        }
    };
    MapName::ALL.iter().copied().map(open).collect()
}

/// Maps cannot grow. While no guest's device uses them they are made anew; afterwards the difference is the caller's to
/// solve. The VXLAN device's program does not count: it is there as long as the host is, delivers to nobody without ports,
/// and is exchanged when it is attached again.
fn drop_unused_of_other_sizes(pins: &Pins, settings: &Settings, writes: &Arc<AtomicU64>) -> Result<()> {
    let mut differs = false;
    for (name, map) in MapName::ALL.iter().copied().zip(pinned_maps(pins, writes)?) {
        let Some(map) = map else { continue };
        let (pinned, wanted) = (map.max_entries(), name.entries(settings));
        if pinned != wanted {
            if pins
                .pinned_links()?
                .iter()
                .any(|(_, program, _)| !matches!(program, ProgramName::FromOverlay | ProgramName::FromUplink))
            {
                return Err(DatapathError::SizeInUse { map: name.text(), pinned, wanted });
            }
            differs = true;
        }
    }
    if differs {
        for dir in [pins.builds(), pins.maps()] {
            writes.fetch_add(1, Ordering::Relaxed);
            remove(&dir)?;
        }
    }
    Ok(())
}

/// The programs of this build, if all are pinned and use exactly the maps that are pinned.
fn pinned_programs(pins: &Pins, maps: &[Option<Map>]) -> Result<Option<Vec<Program>>> {
    let map_ids: Vec<u32> = maps.iter().flatten().map(Map::id).collect();
    if map_ids.len() < maps.len() {
        return Ok(None);
    }
    let mut programs = Vec::new();
    for name in ProgramName::ALL {
        let path = pins.program(name);
        if !path.exists() {
            return Ok(None);
        }
        let program = Program::new(name, sys::open_pin(&path).map_err(pin_error("open", &path))?)?;
        for id in program.maps.iter().filter(|id| !map_ids.contains(id)) {
            // The compiler's constants are of the program itself, which is of this very build.
            if !sys_map::is_constant(*id).map_err(program_error("inspect the maps of", name))? {
                return Ok(None);
            }
        }
        programs.push(program);
    }
    Ok(Some(programs))
}

/// Loads the programs of this build with the maps that were kept, and pins what is new.
fn load(pins: &Pins, settings: &Settings, kept: &[Option<Map>], writes: &AtomicU64) -> Result<Vec<Program>> {
    let mut storage = MaybeUninit::uninit();
    let failed = |source| DatapathError::Load { source };
    let mut skel = PintleSkelBuilder::default().open(&mut storage).map_err(failed)?;
    for (name, kept) in MapName::ALL.iter().copied().zip(kept) {
        let mut map = find_map(skel.open_object_mut().maps_mut(), name);
        map.set_max_entries(name.entries(settings)).map_err(failed)?;
        if let Some(kept) = kept {
            let (pinned, wanted) = (kept.shape(), shape(map.map_type(), map.key_size(), map.value_size()));
            if pinned != wanted {
                return Err(DatapathError::LayoutMismatch { map: name.text(), pinned, wanted });
            }
            map.reuse_fd(kept.fd()).map_err(failed)?;
        }
    }
    let skel = skel.load().map_err(failed)?;

    // A half-pinned directory of this build is what a crash left behind.
    writes.fetch_add(1, Ordering::Relaxed);
    remove(&pins.programs())?;
    for dir in [pins.maps(), pins.programs(), pins.links()] {
        fs::create_dir_all(&dir).map_err(pin_error("create", &dir))?;
    }
    for (name, _) in MapName::ALL.iter().copied().zip(kept).filter(|(_, kept)| kept.is_none()) {
        let map = skel.object().maps().find(|map| map.name() == name.text()).expect("the skeleton has every map");
        let path = pins.map(name);
        writes.fetch_add(1, Ordering::Relaxed);
        sys::pin(map.as_fd(), &path).map_err(pin_error("pin", &path))?;
    }
    let mut programs = Vec::new();
    for name in ProgramName::ALL {
        let path = pins.program(name);
        let loaded = skel.object().progs().find(|program| program.name() == name.text());
        let fd = loaded.expect("the skeleton has every program").as_fd().try_clone_to_owned();
        let program = Program::new(name, fd.map_err(program_error("keep open", name))?)?;
        writes.fetch_add(1, Ordering::Relaxed);
        sys::pin(program.fd(), &path).map_err(pin_error("pin", &path))?;
        programs.push(program);
    }
    Ok(programs)
}

/// Loads the programs with the smallest maps and lets them go again: whether this kernel takes them at all.
pub(crate) fn try_load() -> Result<()> {
    let settings = Settings::SMALLEST;
    let mut storage = MaybeUninit::uninit();
    let failed = |source| DatapathError::Load { source };
    let mut skel = PintleSkelBuilder::default().open(&mut storage).map_err(failed)?;
    for name in MapName::ALL.iter().copied() {
        find_map(skel.open_object_mut().maps_mut(), name).set_max_entries(name.entries(&settings)).map_err(failed)?;
    }
    skel.load().map(drop).map_err(failed)
}

fn find_map<'a>(mut maps: impl Iterator<Item = OpenMapMut<'a>>, name: MapName) -> OpenMapMut<'a> {
    maps.find(|map| map.name() == name.text()).expect("the skeleton has every map")
}

/// Removes pins of other builds and layouts. Only right once no link runs one of those programs.
pub(crate) fn remove_old(pins: &Pins, writes: &AtomicU64) -> Result<u32> {
    let current: Vec<_> = MapName::ALL.iter().copied().map(|name| pins.map(name)).collect();
    let builds = list(&pins.builds())?.into_iter().filter(|path| *path != pins.programs());
    let maps = list(&pins.maps())?.into_iter().filter(|path| !current.contains(path));
    let mut removed = 0;
    for path in builds.chain(maps) {
        writes.fetch_add(1, Ordering::Relaxed);
        remove(&path)?;
        removed += 1;
    }
    Ok(removed)
}
