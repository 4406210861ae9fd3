//! Cells and their epochs: how flows learn that something they relied on has changed.
//!
//! Each port, endpoint, location and route has a cell, a number of 16 bits. A flow holds the sum of the epochs of the two
//! cells it was decided by; whoever changes an entry raises its cell's epoch *after* the write, and every flow of that cell
//! is decided again at its next packet. Two entries in one cell cost a needless decision and nothing else.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::entry::RouteKey;

/// How many cells there are.
const CELLS: usize = 1 << 16;
/// One epoch for each cell, one that counts the changes of all, and one that counts those of the ports (see
/// `src/bpf/epoch.h`).
pub(crate) const EPOCHS: usize = CELLS + 2;
/// The kernel rounds the elements of an array map up to 8 bytes; in front of each stands the number.
const STRIDE: usize = 8;

/// The cell of a port, by its slot.
pub fn cell_of_slot(slot: u32) -> u16 {
    slot as u16
}

/// The cell of an endpoint. The same on every host and in every build.
pub fn cell_of_endpoint(segment: u32, addr: IpAddr) -> u16 {
    match addr {
        IpAddr::V4(addr) => hash(1, segment, &addr.octets()),
        IpAddr::V6(addr) => hash(2, segment, &addr.octets()),
    }
}

/// The cell of a location, by its segment and MAC address.
pub fn cell_of_mac(segment: u32, mac: [u8; 6]) -> u16 {
    hash(3, segment, &mac)
}

/// The cell of a route.
pub fn cell_of_route(key: &RouteKey) -> u16 {
    let length = key.net.prefix_len();
    let bytes = match key.net.network() {
        IpAddr::V4(addr) => [&[key.table, length][..], &addr.octets()].concat(),
        IpAddr::V6(addr) => [&[key.table, length][..], &addr.octets()].concat(),
    };
    hash(if key.net.addr().is_ipv4() { 4 } else { 5 }, key.segment, &bytes)
}

/// FNV-1a, folded to 16 bits (as its authors advise for fewer bits than it has).
fn hash(kind: u8, segment: u32, bytes: &[u8]) -> u16 {
    let all = [kind].into_iter().chain(segment.to_le_bytes()).chain(bytes.iter().copied());
    let hash = all.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 16) as u16 ^ hash as u16
}

/// The epochs, shared with the programs by memory mapping: raising one is one atomic addition and no system call.
#[derive(Debug)]
pub struct Epochs {
    memory: NonNull<u8>,
    writes: Arc<AtomicU64>,
}

// SAFETY: the memory is a shared mapping that lives as long as this value and is only touched by atomic operations.
unsafe impl Send for Epochs {}
// SAFETY: as above.
unsafe impl Sync for Epochs {}

impl Epochs {
    /// Maps the array into memory.
    pub(crate) fn map(map: BorrowedFd<'_>, writes: &Arc<AtomicU64>) -> io::Result<Epochs> {
        // SAFETY: a new mapping of an open map, whose size is checked by the kernel; nothing is mapped over.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                EPOCHS * STRIDE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Epochs { memory, writes: Arc::clone(writes) })
    }

    /// Raises a cell's epoch: call it after the write that the flows are to see.
    ///
    /// The count of all changes goes first: a program that has read the entry before the write and the cell after it finds
    /// that the count has changed, and does not believe its own decision for longer than one packet.
    pub fn raise(&self, cell: u16) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.epoch(CELLS).fetch_add(1, Ordering::SeqCst);
        self.epoch(usize::from(cell)).fetch_add(1, Ordering::SeqCst);
    }

    /// The ports have changed: no program believes a copy that it made before this call.
    pub(crate) fn ports_changed(&self) {
        self.epoch(CELLS + 1).fetch_add(1, Ordering::SeqCst);
    }

    /// How often the cell was raised, modulo 2^32.
    pub fn get(&self, cell: u16) -> u32 {
        self.epoch(usize::from(cell)).load(Ordering::Acquire)
    }

    fn epoch(&self, cell: usize) -> &AtomicU32 {
        // SAFETY: the index is below EPOCHS, so the number lies in the mapping, at a multiple of 8 bytes from a page's start.
        unsafe { self.memory.add(cell * STRIDE).cast().as_ref() }
    }
}

impl Drop for Epochs {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `map` with this length, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), EPOCHS * STRIDE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_stable_and_spread() {
        assert_eq!(cell_of_slot(7), 7);
        let cell = |n: u32| cell_of_endpoint(100, IpAddr::V4((0x0a00_0000 + n).into()));
        assert_eq!(cell(1), cell(1));
        let cells: std::collections::BTreeSet<u16> = (0..1000).map(cell).collect();
        assert!(cells.len() > 950, "{} cells of 1000 addresses", cells.len());
        assert_ne!(cell_of_endpoint(1, IpAddr::V4([10, 0, 0, 1].into())), cell_of_endpoint(2, [10, 0, 0, 1].into()));
    }
}
