//! The system calls on pins, links and programs, each with an owned descriptor and an `io::Error`.

use std::ffi::{CStr, CString, c_int};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Where a program is attached on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Ingress,
    Egress,
}

impl Hook {
    fn number(self) -> libbpf_sys::bpf_attach_type {
        match self {
            Hook::Ingress => libbpf_sys::BPF_TCX_INGRESS,
            Hook::Egress => libbpf_sys::BPF_TCX_EGRESS,
        }
    }
}

/// What the kernel says of a tcx link. `ifindex` is 0 once the device is gone or the link was detached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkInfo {
    pub(crate) id: u32,
    pub(crate) program_id: u32,
    pub(crate) ifindex: u32,
}

/// One program in the run of a hook. `link_id` is 0 for a program attached without a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) program_id: u32,
    pub(crate) link_id: u32,
}

pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}

pub(crate) fn own(result: c_int) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: libbpf has just returned this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

/// Opens what is pinned at `path`, whatever kind it is.
pub(crate) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    // SAFETY: the path is a NUL-terminated string that outlives the call.
    own(unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) })
}

/// Pins a map, program or link.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is a NUL-terminated string that outlives the call.
    check(unsafe { libbpf_sys::bpf_obj_pin(fd.as_raw_fd(), path.as_ptr()) }).map(drop)
}

/// Attaches a program to a device, before any program that is there already.
pub(crate) fn create_link(program: BorrowedFd<'_>, ifindex: u32, hook: Hook) -> io::Result<OwnedFd> {
    let opts = libbpf_sys::bpf_link_create_opts {
        sz: size_of::<libbpf_sys::bpf_link_create_opts>() as _,
        flags: libbpf_sys::BPF_F_BEFORE,
        ..Default::default()
    };
    // SAFETY: the options outlive the call and say their size.
    own(unsafe { libbpf_sys::bpf_link_create(program.as_raw_fd(), ifindex as c_int, hook.number(), &opts) })
}

/// Opens a link by its id. `None`: it is going away.
pub(crate) fn link_by_id(id: u32) -> io::Result<Option<OwnedFd>> {
    // SAFETY: the call takes a number and returns a descriptor.
    match own(unsafe { libbpf_sys::bpf_link_get_fd_by_id(id) }) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        link => link.map(Some),
    }
}

/// Detaches a link before this returns; the last close would do so too, but some time later.
pub(crate) fn detach_link(link: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open.
    check(unsafe { libbpf_sys::bpf_link_detach(link.as_raw_fd()) }).map(drop)
}

/// Exchanges the program of a link; packets see the old or the new one, never none.
pub(crate) fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no options are given, and both descriptors are open.
    check(unsafe { libbpf_sys::bpf_link_update(link.as_raw_fd(), program.as_raw_fd(), ptr::null()) }).map(drop)
}

/// Asks the kernel about a tcx link.
pub(crate) fn link_info(link: BorrowedFd<'_>) -> io::Result<LinkInfo> {
    let mut info = libbpf_sys::bpf_link_info::default();
    let mut len = size_of::<libbpf_sys::bpf_link_info>() as u32;
    // SAFETY: the kernel writes at most `len` bytes into `info`.
    check(unsafe { libbpf_sys::bpf_link_get_info_by_fd(link.as_raw_fd(), &mut info, &mut len) })?;
    // SAFETY: all fields of the union are plain integers; for a tcx link the kernel fills this one.
    let tcx = unsafe { info.__bindgen_anon_1.tcx };
    Ok(LinkInfo { id: info.id, program_id: info.prog_id, ifindex: tcx.ifindex })
}

/// The programs at a hook, in the order in which they run.
pub(crate) fn query(ifindex: u32, hook: Hook) -> io::Result<Vec<Attached>> {
    const MOST: usize = 64; // the kernel's limit per hook (BPF_MPROG_MAX)
    let (mut programs, mut links) = ([0_u32; MOST], [0_u32; MOST]);
    let mut opts = libbpf_sys::bpf_prog_query_opts {
        sz: size_of::<libbpf_sys::bpf_prog_query_opts>() as _,
        prog_ids: programs.as_mut_ptr(),
        link_ids: links.as_mut_ptr(),
        __bindgen_anon_1: libbpf_sys::bpf_prog_query_opts__bindgen_ty_1 { count: MOST as u32 },
        ..Default::default()
    };
    // SAFETY: both arrays have room for `count` entries and outlive the call.
    check(unsafe { libbpf_sys::bpf_prog_query_opts(ifindex as c_int, hook.number(), &mut opts) })?;
    // SAFETY: both fields of the union are the same integer.
    let count = unsafe { opts.__bindgen_anon_1.count } as usize;
    let pairs = programs.iter().zip(&links).take(count);
    Ok(pairs.map(|(program_id, link_id)| Attached { program_id: *program_id, link_id: *link_id }).collect())
}

/// What the kernel says of a program, with the ids of its maps.
pub(crate) fn program_info(program: BorrowedFd<'_>) -> io::Result<(libbpf_sys::bpf_prog_info, Vec<u32>)> {
    const MOST: usize = 64; // the kernel's limit of maps per program (MAX_USED_MAPS)
    let mut maps = [0_u32; MOST];
    let mut info =
        libbpf_sys::bpf_prog_info { nr_map_ids: MOST as u32, map_ids: maps.as_mut_ptr() as u64, ..Default::default() };
    let mut len = size_of::<libbpf_sys::bpf_prog_info>() as u32;
    // SAFETY: the kernel writes at most `len` bytes into `info` and `nr_map_ids` ids into `maps`.
    check(unsafe { libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &mut info, &mut len) })?;
    let count = (info.nr_map_ids as usize).min(MOST);
    Ok((info, maps[..count].to_vec()))
}

/// Arguments of one BPF_PROG_TEST_RUN of a packet program.
pub(crate) struct TestRun<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) context: &'a [u8],
    pub(crate) output: &'a mut [u8],
    pub(crate) repeat: u32,
}

/// Runs a program on a frame. Returns its result, the length of the frame afterwards and the mean duration of a run in ns.
pub(crate) fn test_run(program: BorrowedFd<'_>, run: TestRun<'_>) -> io::Result<(u32, usize, u32)> {
    let mut opts = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as _,
        data_in: run.frame.as_ptr().cast(),
        data_size_in: run.frame.len() as u32,
        data_out: run.output.as_mut_ptr().cast(),
        data_size_out: run.output.len() as u32,
        ctx_in: run.context.as_ptr().cast(),
        ctx_size_in: run.context.len() as u32,
        repeat: run.repeat as c_int,
        ..Default::default()
    };
    // SAFETY: every pointer is that of a slice with the length given beside it, and all outlive the call.
    check(unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &mut opts) })?;
    Ok((opts.retval, opts.data_size_out as usize, opts.duration))
}

/// Runs a program of type "syscall" once on a context, which it may change.
pub(crate) fn run_with_context(program: BorrowedFd<'_>, context: &mut [u8]) -> io::Result<u32> {
    let mut opts = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as _,
        ctx_in: context.as_mut_ptr().cast(),
        ctx_size_in: context.len() as u32,
        ..Default::default()
    };
    // SAFETY: the kernel reads the context and writes it back, at most as many bytes as it was given (for this type of
    // program it writes to where it read from).
    check(unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &mut opts) })?;
    Ok(opts.retval)
}

/// Loads a program that does nothing: the floor under every measurement.
pub(crate) fn load_empty_program() -> io::Result<OwnedFd> {
    // `r0 = 0; exit` in the machine's encoding: opcode, registers, offset, immediate.
    load_packet_program(c"nothing", &[[0xb7, 0, 0, 0, 0, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]])
}

/// Loads a program for packets, of the kind of those that devices run, from its machine code.
pub(crate) fn load_packet_program(name: &CStr, code: &[[u8; 8]]) -> io::Result<OwnedFd> {
    const LICENSE: &CStr = c"MIT OR Apache-2.0";
    let mut opts = libbpf_sys::bpf_prog_load_opts {
        sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as _,
        expected_attach_type: Hook::Ingress.number(),
        ..Default::default()
    };
    // SAFETY: the strings are NUL-terminated; an instruction is 8 bytes (the kernel copies them, so their alignment does
    // not matter); the options say their size; and all outlive the call.
    own(unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_SCHED_CLS,
            name.as_ptr(),
            LICENSE.as_ptr(),
            code.as_ptr().cast(),
            code.len() as _,
            &mut opts,
        )
    })
}
