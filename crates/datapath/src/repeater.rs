//! Measuring programs on packets that must not be the same each time, or that they change: a small program in front of the
//! measured one, for benchmarks only.
//!
//! The kernel's test run gives a program the same packet again and again. That is no measure of a flow's first packet,
//! which is one only once; and a program that rewrites what it gets would meet its own work the second time. The repeater
//! writes the frame's head anew before each run, with two bytes of it counted up if asked, and then goes on as the
//! measured program, by a tail call: the very program that devices run. What the repeater itself costs is measured in
//! front of one that does nothing, and taken off.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use crate::error::{DatapathError, Result};
use crate::runner::PacketRunner;
use crate::sys;

/// How much of a frame is written anew: all headers that the programs change.
const HEAD: usize = 64;
/// Head and number: the one value of the repeater's map.
const VALUE: usize = HEAD + 8;

/// One instruction in the machine's encoding: opcode, registers, offset, immediate.
fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> [u8; 8] {
    let [o0, o1] = offset.to_le_bytes();
    let [v0, v1, v2, v3] = value.to_le_bytes();
    [code, to | from << 4, o0, o1, v0, v1, v2, v3]
}

/// Gives a program packets that it has not seen. The frames must have 64 bytes or more.
#[derive(Debug)]
pub struct Repeater {
    program: OwnedFd,
    value: OwnedFd,
    // The tail call finds the measured program there.
    _next: OwnedFd,
}

impl Repeater {
    /// Puts a repeater in front of a program. `counted`: where in the frame the two bytes are that differ each time.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn before(measured: PacketRunner<'_>, counted: Option<u16>) -> Result<Repeater> {
        Repeater::load(measured.program(), counted).map_err(|source| DatapathError::Program {
            action: "load",
            program: "repeater",
            source,
        })
    }

    fn load(measured: BorrowedFd<'_>, counted: Option<u16>) -> io::Result<Repeater> {
        let value = map(libbpf_sys::BPF_MAP_TYPE_ARRAY, VALUE)?;
        let next = map(libbpf_sys::BPF_MAP_TYPE_PROG_ARRAY, 4)?;
        let (zero, program) = (0_u32, measured.as_raw_fd());
        // SAFETY: key and value are four bytes, as the map was made for, and outlive the call.
        sys::check(unsafe {
            libbpf_sys::bpf_map_update_elem(
                next.as_raw_fd(),
                ptr::from_ref(&zero).cast(),
                ptr::from_ref(&program).cast(),
                0,
            )
        })?;
        let code = code(value.as_raw_fd(), next.as_raw_fd(), counted);
        Ok(Repeater { program: sys::load_packet_program(c"repeater", &code)?, value, _next: next })
    }

    /// Sets the frame's head, and the number that the first run counts up from.
    ///
    /// # Errors
    /// When the frame is too short, or the kernel refuses.
    pub fn set(&self, frame: &[u8], number: u16) -> Result<()> {
        let refused = |source| DatapathError::Program { action: "prepare", program: "repeater", source };
        let head = frame.get(..HEAD).ok_or_else(|| refused(io::ErrorKind::InvalidInput.into()))?;
        let value = [head, &u64::from(number).to_ne_bytes()].concat();
        let zero = 0_u32;
        // SAFETY: the key has four bytes and the value VALUE, as the map was made for; both outlive the call.
        sys::check(unsafe {
            libbpf_sys::bpf_map_update_elem(
                self.value.as_raw_fd(),
                ptr::from_ref(&zero).cast(),
                value.as_ptr().cast(),
                0,
            )
        })
        .map_err(refused)?;
        Ok(())
    }

    /// Runs the repeater, and behind it what it stands in front of.
    pub fn runner(&self) -> PacketRunner<'_> {
        PacketRunner::new(self.program.as_fd(), "repeater")
    }
}

/// A map of one value.
fn map(kind: libbpf_sys::bpf_map_type, value: usize) -> io::Result<OwnedFd> {
    const NAME: &CStr = c"repeater";
    // SAFETY: the name is NUL-terminated and outlives the call; no options are given.
    sys::own(unsafe { libbpf_sys::bpf_map_create(kind, NAME.as_ptr(), 4, value as u32, 1, ptr::null()) })
}

fn code(value: i32, next: i32, counted: Option<u16>) -> Vec<[u8; 8]> {
    const STORE_BYTES: i32 = libbpf_sys::BPF_FUNC_skb_store_bytes as i32;
    const TAIL_CALL: i32 = libbpf_sys::BPF_FUNC_tail_call as i32;
    let mut code = vec![
        instruction(0xbf, 6, 1, 0, 0),     // r6 = context
        instruction(0x18, 7, 2, 0, value), // r7 = the value's address
        instruction(0, 0, 0, 0, 0),
    ];
    if let Some(at) = counted {
        code.extend([
            instruction(0x79, 1, 7, HEAD as i16, 0), // r1 = the number
            instruction(0x07, 1, 0, 0, 1),           // + 1
            instruction(0x7b, 7, 1, HEAD as i16, 0),
            instruction(0xdc, 1, 0, 0, 16), // in network byte order
            instruction(0x6b, 7, 1, at as i16, 0),
        ]);
    }
    code.extend([
        instruction(0xbf, 1, 6, 0, 0), // bpf_skb_store_bytes(context, 0, value, HEAD, 0)
        instruction(0xb7, 2, 0, 0, 0),
        instruction(0xbf, 3, 7, 0, 0),
        instruction(0xb7, 4, 0, 0, HEAD as i32),
        instruction(0xb7, 5, 0, 0, 0),
        instruction(0x85, 0, 0, 0, STORE_BYTES),
        instruction(0xbf, 1, 6, 0, 0), // bpf_tail_call(context, next, 0)
        instruction(0x18, 2, 1, 0, next),
        instruction(0, 0, 0, 0, 0),
        instruction(0xb7, 3, 0, 0, 0),
        instruction(0x85, 0, 0, 0, TAIL_CALL),
        instruction(0xb7, 0, 0, 0, -1), // never got here, or there is no such program
        instruction(0x95, 0, 0, 0, 0),
    ]);
    code
}
