//! What can go wrong between this crate and the kernel.

use std::io;
use std::path::PathBuf;

/// Why the data plane could not be opened, read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatapathError {
    /// The pin root is not on a BPF file system.
    #[error(
        "pin root {path} is not on a BPF file system: mount one with `mount -t bpf bpf /sys/fs/bpf`, or choose a path below an existing one"
    )]
    NotBpffs {
        /// The pin root asked for.
        path: PathBuf,
    },
    /// A path under the pin root could not be read, created or removed.
    #[error("{action} {path}: {source}")]
    Pin {
        /// What was tried, as a verb.
        action: &'static str,
        /// The path under the pin root.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A pinned map has another size than asked for, and interfaces still use it.
    #[error(
        "map {map} is pinned with {pinned} entries and {wanted} are configured: keep {pinned}, or detach every interface first so that it can be made anew"
    )]
    SizeInUse {
        /// The map's name.
        map: &'static str,
        /// Entries of the pinned map.
        pinned: u32,
        /// Entries that the settings ask for.
        wanted: u32,
    },
    /// A pinned map has the current layout version in its name and another layout in fact.
    #[error(
        "map {map} is pinned with {pinned} and this build needs {wanted} under the same layout version: remove the pins under the pin root"
    )]
    LayoutMismatch {
        /// The map's name.
        map: &'static str,
        /// Kind and sizes of the pinned map.
        pinned: String,
        /// Kind and sizes that this build needs.
        wanted: String,
    },
    /// A size in the settings cannot be used.
    #[error("setting {setting} is {value}: it must be from {min} to {max}")]
    BadSetting {
        /// The field of the settings.
        setting: &'static str,
        /// Its value.
        value: u32,
        /// The smallest permitted value.
        min: u32,
        /// The largest permitted value.
        max: u32,
    },
    /// The kernel refused to load the programs.
    #[error("load the eBPF programs: {source}")]
    Load {
        /// libbpf's report, with the verifier's verdict.
        source: libbpf_rs::Error,
    },
    /// A read or a write of a map failed.
    #[error("{action} in map {map}: {source}")]
    Map {
        /// What was tried.
        action: &'static str,
        /// The map's name.
        map: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A map has no room for another entry.
    #[error(
        "map {map} is full at {max_entries} entries: raise the setting and open the data plane with no interface attached"
    )]
    MapFull {
        /// The map's name.
        map: &'static str,
        /// Its capacity.
        max_entries: u32,
    },
    /// A change of policy does not fit, so nothing of it was written and the old policy stays in force.
    #[error(
        "map {map} has room for {max_entries} entries and the new policy beside the old one needs {need}: nothing was changed; raise the setting and open the data plane with no interface attached, or use fewer rules"
    )]
    NoRoom {
        /// The map's name.
        map: &'static str,
        /// Its capacity.
        max_entries: u32,
        /// Entries that the change needs at its fullest moment.
        need: usize,
    },
    /// A slot outside the counters.
    #[error("counter slot {slot} is outside 1 to {last}")]
    BadSlot {
        /// The slot asked for.
        slot: u32,
        /// The largest slot.
        last: u32,
    },
    /// The value would never be valid, so it is not written.
    #[error("{field} of {entry} is {value}: {rule}")]
    BadEntry {
        /// The field of the entry.
        field: &'static str,
        /// Which entry.
        entry: String,
        /// The field's value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// No device has this index in the current network namespace.
    #[error("no network device has index {ifindex} in this network namespace")]
    NoDevice {
        /// The index asked for.
        ifindex: u32,
    },
    /// A program could not be attached, updated or queried.
    #[error("{action} program {program} at device {ifindex}: {source}")]
    Link {
        /// What was tried.
        action: &'static str,
        /// The program's name.
        program: &'static str,
        /// The device's index.
        ifindex: u32,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Old pins cannot go while a device still runs an old program.
    #[error(
        "{count} links still run programs of an older build: attach every device again before old pins are retired"
    )]
    StillInUse {
        /// How many links.
        count: usize,
    },
    /// A question about a program failed.
    #[error("{action} program {program}: {source}")]
    Program {
        /// What was tried.
        action: &'static str,
        /// The program's name.
        program: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// Result with this crate's error.
pub type Result<T, E = DatapathError> = std::result::Result<T, E>;
