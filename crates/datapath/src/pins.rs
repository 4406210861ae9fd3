//! Where things are pinned below the pin root, so that they outlive the process that made them.
//!
//! ```text
//! <root>/maps/<map>_v<layout>              kept over upgrades that do not change the layout
//! <root>/programs/<build>/<program>        one directory per build
//! <root>/links/<ifindex>_<program>         one per attached program
//! ```

use std::path::{Path, PathBuf};
use std::{fs, io};

use nix::sys::statfs::{FsType, statfs};

use crate::error::{DatapathError, Result};
use crate::layout::LAYOUT_VERSION;
use crate::links::detach_pin;
use crate::maps::MapName;
use crate::programs::ProgramName;

/// The build of the programs in this crate: equal sources and compiler give an equal id.
pub const BUILD_ID: &str = env!("PINTLE_DATAPATH_BUILD_ID");

/// BPF_FS_MAGIC of <linux/magic.h>.
pub(crate) const BPF_FS: FsType = FsType(0xcafe_4a11);

/// The paths below one pin root.
#[derive(Debug, Clone)]
pub(crate) struct Pins {
    root: PathBuf,
}

impl Pins {
    pub(crate) fn new(root: &Path) -> Pins {
        Pins { root: root.to_path_buf() }
    }

    pub(crate) fn map(&self, map: MapName) -> PathBuf {
        self.maps().join(format!("{}_v{LAYOUT_VERSION}", map.text()))
    }

    pub(crate) fn maps(&self) -> PathBuf {
        self.root.join("maps")
    }

    pub(crate) fn builds(&self) -> PathBuf {
        self.root.join("programs")
    }

    pub(crate) fn programs(&self) -> PathBuf {
        self.builds().join(BUILD_ID)
    }

    pub(crate) fn program(&self, program: ProgramName) -> PathBuf {
        self.programs().join(program.text())
    }

    pub(crate) fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    pub(crate) fn link(&self, ifindex: u32, program: ProgramName) -> PathBuf {
        self.links().join(format!("{ifindex}_{}", program.text()))
    }

    /// Refuses a root that is not on a BPF file system: `mkdir` would work there, and pinning would fail later.
    pub(crate) fn check_file_system(&self) -> Result<()> {
        let existing = self.root.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        let kind = statfs(existing).map_err(|error| pin_error("look at", existing)(error.into()))?.filesystem_type();
        if kind == BPF_FS { Ok(()) } else { Err(DatapathError::NotBpffs { path: self.root.clone() }) }
    }

    /// Links that are pinned: the device's index, the program, and the path.
    pub(crate) fn pinned_links(&self) -> Result<Vec<(u32, ProgramName, PathBuf)>> {
        let mut links = Vec::new();
        for path in list(&self.links())? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let parts = name
                .split_once('_')
                .and_then(|(ifindex, program)| Some((ifindex.parse().ok()?, ProgramName::from_text(program)?)));
            if let Some((ifindex, program)) = parts {
                links.push((ifindex, program, path));
            }
        }
        links.sort_by_key(|(ifindex, program, _)| (*ifindex, *program));
        Ok(links)
    }
}

/// What is in a directory; nothing when there is none.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => {
            let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
            paths.map_err(pin_error("list", dir))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(pin_error("list", dir)(error)),
    }
}

/// Removes a pin or a directory of pins. What is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(pin_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes everything that was ever pinned under `root`, and `root` itself: links first, so that no device is left with
/// a program whose maps are gone. Packets of guests flow unfiltered by this data plane afterwards, so devices go first.
///
/// # Errors
/// When a pin cannot be removed. A root that does not exist is fine.
pub fn remove_all(root: &Path) -> Result<()> {
    let pins = Pins::new(root);
    for link in list(&pins.links())? {
        detach_pin(&link)?;
    }
    for dir in [pins.links(), pins.builds(), pins.maps()] {
        remove(&dir)?;
    }
    match fs::remove_dir(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(pin_error("remove", root)(error)),
        _ => Ok(()),
    }
}

/// Makes the error of a failed action on a path.
pub(crate) fn pin_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DatapathError {
    let path = path.to_path_buf();
    move |source| DatapathError::Pin { action, path, source }
}
