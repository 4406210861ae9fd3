//! The floor of an eBPF data plane, for benchmarks: programs that hand packets on and do nothing else.
//!
//! What Pintle costs is the difference to this, on one host and across two. Nothing in the product uses it; it lives here
//! because this crate is the only home of C.

use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};

use libbpf_rs::skel::{OpenSkel, SkelBuilder};

use crate::error::{DatapathError, Result};
use crate::sys::{self, Hook};

#[allow(clippy::all, clippy::undocumented_unsafe_blocks, unreachable_pub, unused_qualifications, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/floor.skel.rs"));
}

/// What is done with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Into the namespace behind the device `to`.
    Deliver {
        /// Index of a veth's end on the host.
        to: u32,
    },
    /// Through the collect-metadata VXLAN device `through` to another host.
    Encapsulate {
        /// Index of the VXLAN device.
        through: u32,
        /// VXLAN network identifier, 1 to 2^24 - 1.
        segment: u32,
        /// The other host's underlay address.
        remote: Ipv4Addr,
    },
    /// Out of the tunnel, if the segment is this one, into the namespace behind the device `to`.
    Decapsulate {
        /// Index of a veth's end on the host.
        to: u32,
        /// VXLAN network identifier, 1 to 2^24 - 1.
        segment: u32,
    },
}

/// A program at a device; detached when dropped.
#[derive(Debug)]
pub struct Attached {
    _link: OwnedFd,
}

impl Floor {
    /// Attaches it to the packets that enter through the device with this index, in the caller's network namespace.
    ///
    /// # Errors
    /// [`DatapathError`] when the program can't be loaded or attached.
    pub fn attach(self, ifindex: u32) -> Result<Attached> {
        let failed = |source| DatapathError::Load { source };
        let mut storage = MaybeUninit::uninit();
        let mut skel = generated::FloorSkelBuilder::default().open(&mut storage).map_err(failed)?;
        let data = skel.maps.rodata_data.as_deref_mut().expect("the program has constants");
        match self {
            Floor::Deliver { to } => data.way = to,
            Floor::Encapsulate { through, segment, remote } => {
                (data.way, data.segment, data.remote) = (through, segment, remote.into());
            }
            Floor::Decapsulate { to, segment } => (data.way, data.segment) = (to, segment),
        }
        let skel = skel.load().map_err(failed)?;
        let (program, fd) = match self {
            Floor::Deliver { .. } => ("floor_deliver", skel.progs.floor_deliver.as_fd()),
            Floor::Encapsulate { .. } => ("floor_encapsulate", skel.progs.floor_encapsulate.as_fd()),
            Floor::Decapsulate { .. } => ("floor_decapsulate", skel.progs.floor_decapsulate.as_fd()),
        };
        let link = sys::create_link(fd, ifindex, Hook::Ingress).map_err(|source| DatapathError::Link {
            action: "attach",
            program,
            ifindex,
            source,
        })?;
        Ok(Attached { _link: link })
    }
}
