//! Running a program on one frame (BPF_PROG_TEST_RUN), for tests and benchmarks: exact bytes in, verdict and bytes out.
//!
//! The kernel executes the program and nothing after it, so a redirect is a verdict here and no packet leaves. Tunnel
//! metadata cannot be given to a test run: `from_overlay` sees every frame as one without a tunnel and drops it. It is
//! tested with real VXLAN packets.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::error::{DatapathError, Result};
use crate::skel::types;
use crate::sys::{self, TestRun};

/// Room that a program may add to a frame.
const GROWTH: usize = 256;

/// What a program decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The next program at the hook decides.
    Next,
    /// Dropped.
    Drop,
    /// Sent to another device, or back.
    Redirect,
    /// Any other result.
    Other(i32),
}

/// What is given to a program beside the frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunInput {
    /// The device that the frame is at, in the calling thread's network namespace. 0 is the loopback device.
    pub ifindex: u32,
    /// The device that the frame came in by; 0 for a frame made on this host.
    pub ingress_ifindex: u32,
    /// The packet's mark.
    pub mark: u32,
    /// For a GSO packet: payload bytes per segment.
    pub gso_size: u32,
    /// How often to run, for timing; 0 is once.
    pub repeat: u32,
}

/// What came out of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutput {
    /// What the program decided.
    pub verdict: Verdict,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Mean duration of one run in nanoseconds.
    pub ns_per_run: u32,
}

/// Runs one program.
#[derive(Debug, Clone, Copy)]
pub struct PacketRunner<'a> {
    program: BorrowedFd<'a>,
    name: &'static str,
}

impl PacketRunner<'_> {
    /// Runs the program on frames one after the other, as they would come: what one leaves in the maps the next finds.
    ///
    /// # Errors
    /// As [`run`](Self::run); the frames after the one that failed are not run.
    pub fn run_all<'f>(&self, frames: impl IntoIterator<Item = (&'f [u8], RunInput)>) -> Result<Vec<RunOutput>> {
        frames.into_iter().map(|(frame, input)| self.run(frame, input)).collect()
    }
}

impl<'a> PacketRunner<'a> {
    pub(crate) fn new(program: BorrowedFd<'a>, name: &'static str) -> Self {
        PacketRunner { program, name }
    }

    pub(crate) fn program(&self) -> BorrowedFd<'a> {
        self.program
    }

    /// Runs the program on a frame of at least 14 bytes.
    ///
    /// # Errors
    /// When the kernel refuses the frame or the context (no such device, for example).
    pub fn run(&self, frame: &[u8], input: RunInput) -> Result<RunOutput> {
        // Zeroed, padding included: the kernel refuses a context with anything set that it does not take.
        let mut context = MaybeUninit::<types::__sk_buff>::zeroed();
        // SAFETY: all fields are integers, pointers and arrays of them, for which zero is valid.
        let fields = unsafe { context.assume_init_mut() };
        fields.ifindex = input.ifindex;
        fields.ingress_ifindex = input.ingress_ifindex;
        fields.mark = input.mark;
        fields.gso_size = input.gso_size;
        let mut output = vec![0; frame.len() + GROWTH];
        // SAFETY: every byte was zeroed above, and assigning integers keeps the padding between them as it is.
        let context = unsafe { std::slice::from_raw_parts(context.as_ptr().cast(), size_of_val(&context)) };
        let run = TestRun { frame, context, output: &mut output, repeat: input.repeat.max(1) };
        let (result, len, ns_per_run) = sys::test_run(self.program, run).map_err(|source| DatapathError::Program {
            action: "run",
            program: self.name,
            source,
        })?;
        output.truncate(len);
        Ok(RunOutput { verdict: verdict(result as i32), frame: output, ns_per_run })
    }
}

/// A program that does nothing: the floor under every measurement.
#[derive(Debug)]
pub struct EmptyProgram(OwnedFd);

impl EmptyProgram {
    /// Loads it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn load() -> Result<EmptyProgram> {
        let loaded = sys::load_empty_program();
        loaded.map(EmptyProgram).map_err(|source| DatapathError::Program { action: "load", program: "nothing", source })
    }

    /// Its runner.
    pub fn runner(&self) -> PacketRunner<'_> {
        PacketRunner::new(self.0.as_fd(), "nothing")
    }
}

/// The kernel's numbers of <linux/pkt_cls.h>.
fn verdict(result: i32) -> Verdict {
    match result {
        -1 => Verdict::Next,
        2 => Verdict::Drop,
        7 => Verdict::Redirect,
        other => Verdict::Other(other),
    }
}
