//! The programs: their names, where they attach, and what the kernel's verifier made of them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::error::{DatapathError, Result};
use crate::sys::{self, Hook};

/// A program of the data plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProgramName {
    /// What a guest sends: tcx ingress of its host-side device.
    FromPort,
    /// What other hosts send: tcx ingress of the VXLAN device.
    FromOverlay,
    /// What the public network sends: tcx ingress of the uplink.
    FromUplink,
    /// What leaves towards a guest: tcx egress of its host-side device.
    ToPort,
    /// What guests have sent, after its queue: tcx ingress of the second end of the shaper's cable.
    ShapedEgress,
    /// What guests get, after its queue: tcx ingress of the first end.
    ShapedIngress,
    /// What enters the queues: tcx egress of both ends.
    ToShaper,
    /// Deletes the flows that have expired. At no device: it is run by [`Datapath::sweep`](crate::Datapath::sweep).
    Sweep,
}

impl ProgramName {
    /// Every program.
    pub const ALL: [ProgramName; 8] = [
        ProgramName::FromPort,
        ProgramName::FromOverlay,
        ProgramName::FromUplink,
        ProgramName::ToPort,
        ProgramName::ShapedEgress,
        ProgramName::ShapedIngress,
        ProgramName::ToShaper,
        ProgramName::Sweep,
    ];
    /// Those that devices run.
    pub(crate) const AT_DEVICES: [ProgramName; 7] = [
        ProgramName::FromPort,
        ProgramName::FromOverlay,
        ProgramName::FromUplink,
        ProgramName::ToPort,
        ProgramName::ShapedEgress,
        ProgramName::ShapedIngress,
        ProgramName::ToShaper,
    ];

    /// The name in C, in the kernel's listings and in pins.
    pub fn text(self) -> &'static str {
        match self {
            ProgramName::FromPort => "from_port",
            ProgramName::FromOverlay => "from_overlay",
            ProgramName::FromUplink => "from_uplink",
            ProgramName::ToPort => "to_port",
            ProgramName::ShapedEgress => "shaped_egress",
            ProgramName::ShapedIngress => "shaped_ingress",
            ProgramName::ToShaper => "to_shaper",
            ProgramName::Sweep => "sweep",
        }
    }

    /// The program at a device whose pin has this name.
    pub(crate) fn from_text(text: &str) -> Option<ProgramName> {
        Self::AT_DEVICES.into_iter().find(|program| program.text() == text)
    }

    /// Where it runs, if at a device at all.
    pub(crate) fn hook(self) -> Hook {
        match self {
            ProgramName::FromPort
            | ProgramName::FromOverlay
            | ProgramName::FromUplink
            | ProgramName::ShapedEgress
            | ProgramName::ShapedIngress
            | ProgramName::Sweep => Hook::Ingress,
            ProgramName::ToPort | ProgramName::ToShaper => Hook::Egress,
        }
    }
}

/// One loaded program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: ProgramName,
    pub(crate) fd: OwnedFd,
    pub(crate) id: u32,
    /// Ids of the maps it uses.
    pub(crate) maps: Vec<u32>,
}

impl Program {
    pub(crate) fn new(name: ProgramName, fd: OwnedFd) -> Result<Program> {
        let (info, maps) = sys::program_info(fd.as_fd()).map_err(program_error("inspect", name))?;
        Ok(Program { name, fd, id: info.id, maps })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn stats(&self) -> Result<ProgramStats> {
        let (info, _) = sys::program_info(self.fd()).map_err(program_error("inspect", self.name))?;
        Ok(ProgramStats {
            name: self.name,
            verified_instructions: info.verified_insns,
            translated_bytes: info.xlated_prog_len,
            compiled_bytes: info.jited_prog_len,
            tag: info.tag,
        })
    }
}

/// What the kernel says of a loaded program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramStats {
    /// The program.
    pub name: ProgramName,
    /// Instructions that the verifier walked, over all paths; its limit is a million.
    pub verified_instructions: u32,
    /// Size of the program as the kernel runs it, in bytes.
    pub translated_bytes: u32,
    /// Size of the machine code, in bytes; 0 when the JIT compiler is off.
    pub compiled_bytes: u32,
    /// The kernel's hash of the instructions.
    pub tag: [u8; 8],
}

pub(crate) fn program_error(action: &'static str, program: ProgramName) -> impl FnOnce(io::Error) -> DatapathError {
    move |source| DatapathError::Program { action, program: program.text(), source }
}
