//! The system calls on maps, with the kernel's own error numbers (libbpf-rs hides them, and "full" must be told apart).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use crate::sys::{check, own};

/// What the kernel says of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapInfo {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
}

pub(crate) fn info(map: BorrowedFd<'_>) -> io::Result<MapInfo> {
    let mut info = libbpf_sys::bpf_map_info::default();
    let mut len = size_of::<libbpf_sys::bpf_map_info>() as u32;
    // SAFETY: the kernel writes at most `len` bytes into `info`.
    check(unsafe { libbpf_sys::bpf_map_get_info_by_fd(map.as_raw_fd(), &mut info, &mut len) })?;
    Ok(MapInfo {
        id: info.id,
        kind: info.type_,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
    })
}

/// Whether the map with this id holds constants of a program: a table that the compiler made, which nobody can write.
pub(crate) fn is_constant(id: u32) -> io::Result<bool> {
    // SAFETY: the call takes a number and returns a descriptor.
    let fd = own(unsafe { libbpf_sys::bpf_map_get_fd_by_id(id) })?;
    let mut info = libbpf_sys::bpf_map_info::default();
    let mut len = size_of::<libbpf_sys::bpf_map_info>() as u32;
    // SAFETY: the kernel writes at most `len` bytes into `info`.
    check(unsafe { libbpf_sys::bpf_map_get_info_by_fd(fd.as_raw_fd(), &mut info, &mut len) })?;
    Ok(info.map_flags & libbpf_sys::BPF_F_RDONLY_PROG != 0)
}

/// Reads the value under `key` into `value`, sized by the caller for one value, or one per CPU. `false`: no such entry.
pub(crate) fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
    // SAFETY: the caller's buffers have the map's sizes.
    let result = check(unsafe {
        libbpf_sys::bpf_map_lookup_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_mut_ptr().cast())
    });
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    write(map, key, value, libbpf_sys::BPF_ANY)
}

/// Adds an entry. Returns whether there was none under this key.
pub(crate) fn insert(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<bool> {
    match write(map, key, value, libbpf_sys::BPF_NOEXIST) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

fn write(map: BorrowedFd<'_>, key: &[u8], value: &[u8], flags: u32) -> io::Result<()> {
    // SAFETY: the caller's buffers have the map's sizes.
    let result = unsafe {
        libbpf_sys::bpf_map_update_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_ptr().cast(), flags.into())
    };
    check(result).map(drop)
}

/// Deletes an entry. Returns whether it was there.
pub(crate) fn delete(map: BorrowedFd<'_>, key: &[u8]) -> io::Result<bool> {
    // SAFETY: the caller's buffer has the map's key size.
    match check(unsafe { libbpf_sys::bpf_map_delete_elem(map.as_raw_fd(), key.as_ptr().cast()) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn batch_opts() -> libbpf_sys::bpf_map_batch_opts {
    libbpf_sys::bpf_map_batch_opts { sz: size_of::<libbpf_sys::bpf_map_batch_opts>() as _, ..Default::default() }
}

/// Writes `count` entries whose keys and values stand one behind the other.
pub(crate) fn update_batch(map: BorrowedFd<'_>, keys: &[u8], values: &[u8], mut count: u32) -> io::Result<()> {
    // SAFETY: the caller's buffers hold `count` keys and values of the map's sizes.
    let result = unsafe {
        libbpf_sys::bpf_map_update_batch(
            map.as_raw_fd(),
            keys.as_ptr().cast(),
            values.as_ptr().cast(),
            &mut count,
            &batch_opts(),
        )
    };
    check(result).map(drop)
}

/// Deletes `count` entries; stops with ENOENT at the first that is not there.
pub(crate) fn delete_batch(map: BorrowedFd<'_>, keys: &[u8], mut count: u32) -> io::Result<()> {
    // SAFETY: the caller's buffer holds `count` keys of the map's size.
    let result =
        unsafe { libbpf_sys::bpf_map_delete_batch(map.as_raw_fd(), keys.as_ptr().cast(), &mut count, &batch_opts()) };
    check(result).map(drop)
}

/// Where a walk over a map's entries has got to: opaque, and big enough for every kind of map.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    bytes: Option<[u8; 64]>,
}

/// Reads the next batch of at most `room` entries. Returns how many, and whether they were the last.
pub(crate) fn lookup_batch(
    map: BorrowedFd<'_>,
    cursor: &mut Cursor,
    keys: &mut [u8],
    values: &mut [u8],
    room: u32,
) -> io::Result<(u32, bool)> {
    let mut next = [0_u8; 64];
    let from = cursor.bytes.as_mut().map_or(ptr::null_mut(), |bytes| bytes.as_mut_ptr());
    let mut count = room;
    // SAFETY: the caller sizes `keys` and `values` for `room` entries. The kernel's cursor is a key or a bucket number,
    // and no key here is longer than 64 bytes.
    let result = check(unsafe {
        libbpf_sys::bpf_map_lookup_batch(
            map.as_raw_fd(),
            from.cast(),
            next.as_mut_ptr().cast(),
            keys.as_mut_ptr().cast(),
            values.as_mut_ptr().cast(),
            &mut count,
            &batch_opts(),
        )
    });
    match result {
        Ok(_) => {
            cursor.bytes = Some(next);
            Ok((count, false))
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok((count, true)),
        Err(error) => Err(error),
    }
}
