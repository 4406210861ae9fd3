//! Running `from_overlay` on a frame: a test run has no tunnel metadata, so a small program of our own sets it and then
//! jumps (tail call) to the real one. What a frame's sender was is the *local* address of metadata that is to be sent.

use std::ffi::CStr;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use pintle_datapath::{RunOutput, Verdict};

/// Where the fields are in `struct __sk_buff` (linux/bpf.h).
const CONTEXT_IFINDEX: usize = 40;
const CONTEXT_CB: usize = 48;
/// What the program returns if it could not jump.
const NO_JUMP: i32 = 99;

/// The programs.
pub struct OverlayRunner {
    program: OwnedFd,
    _jumps: OwnedFd,
    _target: OwnedFd,
}

/// One instruction: opcode, registers (source << 4 | destination), offset, immediate.
fn code(opcode: u8, registers: u8, offset: i16, immediate: i32) -> [u8; 8] {
    let mut bytes = [0; 8];
    (bytes[0], bytes[1]) = (opcode, registers);
    bytes[2..4].copy_from_slice(&offset.to_ne_bytes());
    bytes[4..8].copy_from_slice(&immediate.to_ne_bytes());
    bytes
}

/// cb[0] is the segment, cb[1] the sender's address: both into a tunnel key, then the jump.
fn instructions(jumps: i32) -> Vec<[u8; 8]> {
    let mut program = vec![code(0xbf, 0x16, 0, 0)]; // r6 = r1
    program.extend((1..=6).map(|word| code(0x7a, 0x0a, -8 * word, 0))); // the key at r10 - 48 is 0
    program.extend([
        code(0x61, 0x62, CONTEXT_CB as i16, 0),     // r2 = cb[0]
        code(0x63, 0x2a, -48, 0),                   // tunnel_id = r2
        code(0x61, 0x62, CONTEXT_CB as i16 + 4, 0), // r2 = cb[1]
        code(0x63, 0x2a, -48 + 28, 0),              // local_ipv4 = r2
        code(0xb7, 0x02, 0, 0),                     // r2 = 0
        code(0x63, 0x26, CONTEXT_CB as i16, 0),     // cb[0] = r2
        code(0x63, 0x26, CONTEXT_CB as i16 + 4, 0), // cb[1] = r2
        code(0xbf, 0x61, 0, 0),                     // r1 = r6
        code(0xbf, 0xa2, 0, 0),                     // r2 = r10
        code(0x07, 0x02, 0, -48),                   // r2 -= 48
        code(0xb7, 0x03, 0, 44),                    // r3 = size of the key
        code(0xb7, 0x04, 0, 0),                     // r4 = 0
        code(0x85, 0x00, 0, 21),                    // bpf_skb_set_tunnel_key
        code(0xbf, 0x61, 0, 0),                     // r1 = r6
        code(0x18, 0x12, 0, jumps),                 // r2 = the map of jumps
        code(0, 0, 0, 0),
        code(0xb7, 0x03, 0, 0),       // r3 = 0
        code(0x85, 0x00, 0, 12),      // bpf_tail_call
        code(0xb7, 0x00, 0, NO_JUMP), // r0 = NO_JUMP
        code(0x95, 0x00, 0, 0),       // exit
    ]);
    program
}

fn own(fd: i32) -> OwnedFd {
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: a descriptor that the kernel has just given us and nobody else has.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

impl OverlayRunner {
    /// Makes the programs for the `from_overlay` that is pinned somewhere below this directory.
    pub fn new(pins: &Path) -> OverlayRunner {
        let path = find(pins).expect("from_overlay is pinned");
        let path = std::ffi::CString::new(path.to_string_lossy().as_bytes()).expect("no NUL");
        const NAME: &CStr = c"as_overlay";
        const LICENSE: &CStr = c"MIT OR Apache-2.0";
        // SAFETY: strings are NUL-terminated; absent options are permitted.
        let target = own(unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) });
        // SAFETY: as above.
        let jumps = own(unsafe {
            libbpf_sys::bpf_map_create(libbpf_sys::BPF_MAP_TYPE_PROG_ARRAY, NAME.as_ptr(), 4, 4, 1, std::ptr::null())
        });
        let (key, value) = (0_u32, target.as_raw_fd());
        let program = instructions(jumps.as_raw_fd());
        let mut log = vec![0_u8; 1 << 16];
        let mut options = libbpf_sys::bpf_prog_load_opts {
            sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as _,
            expected_attach_type: libbpf_sys::BPF_TCX_INGRESS,
            log_buf: log.as_mut_ptr().cast(),
            log_size: log.len() as u32,
            log_level: 1,
            ..Default::default()
        };
        // SAFETY: an instruction is 8 bytes and there are as many as said; strings, options and log outlive the call.
        let loaded = unsafe {
            libbpf_sys::bpf_prog_load(
                libbpf_sys::BPF_PROG_TYPE_SCHED_CLS,
                NAME.as_ptr(),
                LICENSE.as_ptr(),
                program.as_ptr().cast(),
                program.len() as _,
                &mut options,
            )
        };
        assert!(loaded >= 0, "{loaded}: {}", String::from_utf8_lossy(&log).trim_end_matches('\0'));
        let program = own(loaded);
        // SAFETY: key and value have the sizes that the map was made with.
        let updated = unsafe {
            libbpf_sys::bpf_map_update_elem(jumps.as_raw_fd(), (&raw const key).cast(), (&raw const value).cast(), 0)
        };
        assert_eq!(updated, 0, "{}", std::io::Error::last_os_error());
        OverlayRunner { program, _jumps: jumps, _target: target }
    }

    /// Runs `from_overlay` on a frame that the host `vtep` sent.
    pub fn run(&self, ifindex: u32, segment: u32, vtep: Ipv4Addr, frame: &[u8]) -> RunOutput {
        let mut context = [0_u8; 80];
        let mut set = |at: usize, value: u32| context[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        set(CONTEXT_IFINDEX, ifindex);
        set(CONTEXT_CB, segment);
        set(CONTEXT_CB + 4, u32::from(vtep));
        let mut output = vec![0; frame.len() + 256];
        let mut options = libbpf_sys::bpf_test_run_opts {
            sz: size_of::<libbpf_sys::bpf_test_run_opts>() as _,
            data_in: frame.as_ptr().cast(),
            data_size_in: frame.len() as u32,
            data_out: output.as_mut_ptr().cast(),
            data_size_out: output.len() as u32,
            ctx_in: context.as_ptr().cast(),
            ctx_size_in: context.len() as u32,
            repeat: 1,
            ..Default::default()
        };
        // SAFETY: every pointer is that of a slice with the length given beside it, and all outlive the call.
        let done = unsafe { libbpf_sys::bpf_prog_test_run_opts(self.program.as_raw_fd(), &mut options) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        output.truncate(options.data_size_out as usize);
        let verdict = match options.retval as i32 {
            2 => Verdict::Drop,
            7 => Verdict::Redirect,
            NO_JUMP => panic!("no jump to from_overlay"),
            other => Verdict::Other(other),
        };
        RunOutput { verdict, frame: output, ns_per_run: options.duration }
    }
}

/// The pin of `from_overlay`.
fn find(directory: &Path) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?;
    entries.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find(&path);
        }
        entry.file_name().to_string_lossy().contains("from_overlay").then_some(path)
    })
}
