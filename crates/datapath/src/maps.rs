//! The maps: their names, their sizes, and the one place through which each is read and written.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libbpf_rs::MapType;
use pintle_core::DropReason;

use crate::cells::EPOCHS;
use crate::error::{DatapathError, Result};
use crate::settings::Settings;
use crate::sweep::SWEPT;
use crate::sys_map::{self, Cursor, MapInfo};

/// Declares the maps: the enum, its list and the names in C, in one order.
macro_rules! maps {
    ($($name:ident $text:literal,)*) => {
        /// A map of the data plane.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[doc(hidden)]
        pub enum MapName { $($name,)* }

        impl MapName {
            /// Every map.
            pub(crate) const ALL: &[MapName] = &[$(MapName::$name,)*];

            /// The name in C.
            pub(crate) fn text(self) -> &'static str {
                match self { $(MapName::$name => $text,)* }
            }
        }
    };
}

maps! {
    Ports "ports", Vlans "vlans", NearPorts "near_ports", Ifaces "ifaces", GuestConfigs "guest_configs", Usages "usages",
    Endpoints "endpoints", Locations "locations", Routes "routes",
    Policies "policies", Locals "locals", Prefixes "prefixes", Identities "identities", Rows "rows", Spans "spans",
    Acls "acls", AclRules "acl_rules", Rules "rules", Names "names", Epochs "epochs",
    Flows "flows", SweptFlows "swept_flows", SweptPorts "swept_ports", Fragments "fragments", Refusals "refusals", Shadows "shadows", MtuEvents "mtu_events",
    Counters "counters", Drops "drops", Lost "lost", Limits "limits", Settings "settings",
    PublicAddrs "public_addrs", PrivateAddrs "private_addrs", Nats "nats", Scratches "scratches",
}

impl MapName {
    /// How many entries it has room for.
    pub(crate) fn entries(self, settings: &Settings) -> u32 {
        /// First fragments that wait for the rest, and refused flows that people may ask for: the oldest give way.
        const RECENT: u32 = 16_384;
        /// Ports that each processor keeps a copy of, as in `src/bpf/types.h`.
        const NEAR_PORTS: u32 = 1024;
        let ports = settings.max_ports;
        match self {
            MapName::Ports | MapName::Vlans | MapName::Ifaces | MapName::GuestConfigs | MapName::Usages => ports,
            MapName::Counters | MapName::Limits => ports,
            MapName::Endpoints | MapName::Locations | MapName::Routes | MapName::Identities => settings.max_endpoints,
            // Each port has a policy and a shadow at most, and may be on its way from one pair to another. As many ACLs,
            // gates for local addresses, and public addresses.
            MapName::Policies | MapName::Locals | MapName::Acls => ports * 4,
            MapName::PublicAddrs | MapName::PrivateAddrs => ports * 4,
            MapName::Prefixes => settings.max_prefixes,
            MapName::Rows | MapName::Spans => settings.max_spans,
            MapName::AclRules => settings.max_acl_rules,
            // The rules of groups below `max_spans`, those of network ACLs above.
            MapName::Rules => settings.max_spans + settings.max_acl_rules,
            MapName::Names => ports * 8 + settings.max_endpoints,
            MapName::Epochs => EPOCHS as u32,
            MapName::Flows | MapName::Nats => settings.max_flows,
            MapName::SweptFlows | MapName::SweptPorts => SWEPT as u32,
            MapName::Fragments | MapName::Refusals | MapName::MtuEvents => RECENT.min(settings.max_flows),
            // Each slot with each pair of verdicts of each direction.
            MapName::Shadows => ports * 8,
            // Every slot with every reason: an insert cannot fail for want of room.
            MapName::Drops => ports * DropReason::ALL.len() as u32,
            MapName::NearPorts => NEAR_PORTS,
            MapName::Lost | MapName::Settings | MapName::Scratches => 1,
        }
    }
}

/// One open map. Every change is counted in `writes`, whether the kernel took it or not.
#[derive(Debug)]
pub(crate) struct Map {
    name: MapName,
    fd: OwnedFd,
    info: MapInfo,
    writes: Arc<AtomicU64>,
}

impl Map {
    /// Takes an open descriptor of the map.
    pub(crate) fn new(name: MapName, fd: OwnedFd, writes: &Arc<AtomicU64>) -> Result<Map> {
        let info = sys_map::info(fd.as_fd()).map_err(|source| map_error(name, "inspect", 0, source))?;
        Ok(Map { name, fd, info, writes: Arc::clone(writes) })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn id(&self) -> u32 {
        self.info.id
    }

    pub(crate) fn key_size(&self) -> usize {
        self.info.key_size as usize
    }

    pub(crate) fn max_entries(&self) -> u32 {
        self.info.max_entries
    }

    /// Kind and sizes, for comparing a pinned map with the one this build needs.
    pub(crate) fn shape(&self) -> String {
        shape(MapType::from(self.info.kind), self.info.key_size, self.info.value_size)
    }

    pub(crate) fn update(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.count(1);
        sys_map::update(self.fd(), key, value).map_err(|error| self.error("write an entry", error))
    }

    /// Adds an entry. Returns whether there was none under this key.
    pub(crate) fn insert(&self, key: &[u8], value: &[u8]) -> Result<bool> {
        self.count(1);
        sys_map::insert(self.fd(), key, value).map_err(|error| self.error("write an entry", error))
    }

    /// Deletes one entry. Returns whether it was there.
    pub(crate) fn delete(&self, key: &[u8]) -> Result<bool> {
        self.count(1);
        sys_map::delete(self.fd(), key).map_err(|error| self.error("delete an entry", error))
    }

    /// As [`delete`](Self::delete), for what is no state of the data plane and counts as no change of it.
    pub(crate) fn forget(&self, key: &[u8]) -> Result<bool> {
        sys_map::delete(self.fd(), key).map_err(|error| self.error("delete an entry", error))
    }

    pub(crate) fn update_batch(&self, keys: &[u8], values: &[u8], count: usize) -> Result<()> {
        self.count(count);
        self.hand_over(keys, values, count)
    }

    /// As [`update_batch`](Self::update_batch), for what is no state of the data plane and counts as no change of it.
    pub(crate) fn hand_over(&self, keys: &[u8], values: &[u8], count: usize) -> Result<()> {
        sys_map::update_batch(self.fd(), keys, values, count as u32).map_err(|error| self.error("write entries", error))
    }

    /// Deletes entries, those that are there.
    pub(crate) fn delete_batch(&self, keys: &[u8], count: usize) -> Result<()> {
        self.count(count);
        match sys_map::delete_batch(self.fd(), keys, count as u32) {
            // The kernel stops at the first key that is missing, so that batch is done one by one.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                let one_by_one = keys.chunks_exact(self.info.key_size as usize);
                one_by_one.into_iter().try_for_each(|key| sys_map::delete(self.fd(), key).map(drop))
            }
            result => result,
        }
        .map_err(|error| self.error("delete entries", error))
    }

    /// The value, or for a per-CPU map the values of all CPUs one behind the other, each in a multiple of 8 bytes.
    pub(crate) fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut value = vec![0; self.stride()?];
        let found =
            sys_map::lookup(self.fd(), key, &mut value).map_err(|error| self.error("look up an entry", error))?;
        Ok(found.then_some(value))
    }

    /// Calls `each` with every key and value (as [`lookup`](Self::lookup) gives it), in the map's order.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&[u8], &[u8])) -> Result<()> {
        self.for_each_while(|key, value| {
            each(key, value);
            true
        })
    }

    /// As [`for_each`](Self::for_each), until `each` returns `false`.
    pub(crate) fn for_each_while(&self, mut each: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        let (key_size, value_size) = (self.info.key_size as usize, self.stride()?);
        self.for_each_batch(1024, |keys, values| {
            let mut pairs = keys.chunks_exact(key_size).zip(values.chunks_exact(value_size));
            Ok(pairs.all(|(key, value)| each(key, value)))
        })
    }

    /// Calls `each` with keys and values, one behind the other, of about `most` entries at a time, until it returns `false`.
    pub(crate) fn for_each_batch(&self, most: u32, mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>) -> Result<()> {
        let (key_size, value_size) = (self.info.key_size as usize, self.stride()?);
        let mut room = self.max_entries().clamp(1, most);
        let mut cursor = Cursor::default();
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        loop {
            keys.resize(key_size * room as usize, 0);
            values.resize(value_size * room as usize, 0);
            match sys_map::lookup_batch(self.fd(), &mut cursor, &mut keys, &mut values, room) {
                Ok((count, last)) => {
                    let count = count as usize;
                    let more = count == 0 || each(&keys[..key_size * count], &values[..value_size * count])?;
                    if last || !more {
                        return Ok(());
                    }
                }
                // One bucket holds more than fits: ask again for the same bucket with more room.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => room *= 2,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error("read the entries", error)),
            }
        }
    }

    /// Bytes that one value takes when it is read or written.
    pub(crate) fn stride(&self) -> Result<usize> {
        let size = self.info.value_size as usize;
        if !MapType::from(self.info.kind).is_percpu() {
            return Ok(size);
        }
        let cpus = libbpf_rs::num_possible_cpus();
        let cpus = cpus.map_err(|error| self.error("count the CPUs", io::Error::other(error.to_string())))?;
        Ok(size.next_multiple_of(8) * cpus)
    }

    fn count(&self, entries: usize) {
        self.writes.fetch_add(entries as u64, Ordering::Relaxed);
    }

    fn error(&self, action: &'static str, source: io::Error) -> DatapathError {
        map_error(self.name, action, self.max_entries(), source)
    }
}

fn map_error(name: MapName, action: &'static str, max_entries: u32, source: io::Error) -> DatapathError {
    match source.raw_os_error() {
        Some(libc::E2BIG | libc::ENOSPC) => DatapathError::MapFull { map: name.text(), max_entries },
        _ => DatapathError::Map { action, map: name.text(), source },
    }
}

/// Kind and sizes of a map as text.
pub(crate) fn shape(kind: MapType, key_size: u32, value_size: u32) -> String {
    format!("{kind:?} of {key_size}-byte keys and {value_size}-byte values")
}
