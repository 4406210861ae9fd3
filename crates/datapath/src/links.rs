//! Attaching the programs to devices by pinned tcx links, and finding out what is attached in truth.
//!
//! A pin alone proves nothing: a link that somebody detached by hand, or whose device is gone, keeps its pin. So the
//! question is always put to the device (BPF_PROG_QUERY), and the pin is only where the link is found again.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{DatapathError, Result};
use crate::pins::{Pins, pin_error, remove};
use crate::programs::{Program, ProgramName};
use crate::sys;

/// What attaching had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// Nothing: this build's programs were attached already, and nothing was written.
    Nothing,
    /// A program of another build was exchanged; no packet passed without one.
    Updated,
    /// A program was not attached and now is.
    Attached,
}

/// Whether a device has the programs that it should have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkState {
    /// Attached, this build, nothing before it.
    Ok,
    /// Attached and running the program of another build.
    Outdated,
    /// Attached, and programs of somebody else run before ours and may let packets past it. Their ids, in order.
    Preceded(Vec<u32>),
    /// Not attached: never was, or somebody detached it.
    Missing,
    /// There is no such device in this network namespace.
    NoDevice,
}

/// The links of one data plane.
pub(crate) struct Links<'a> {
    pub(crate) pins: &'a Pins,
    pub(crate) writes: &'a AtomicU64,
}

impl Links<'_> {
    /// Makes sure that `program` is attached to the device, by this build, and pinned.
    pub(crate) fn attach(&self, program: &Program, ifindex: u32) -> Result<Changed> {
        let path = self.pins.link(ifindex, program.name);
        if let Some((link, info)) = self.attached_link(program.name, ifindex)? {
            if info.program_id == program.id {
                return Ok(Changed::Nothing);
            }
            self.writes.fetch_add(1, Ordering::Relaxed);
            sys::update_link(link.as_fd(), program.fd()).map_err(link_error("update", program.name, ifindex))?;
            return Ok(Changed::Updated);
        }
        if path.exists() {
            self.writes.fetch_add(1, Ordering::Relaxed);
            remove(&path)?;
        }
        self.writes.fetch_add(2, Ordering::Relaxed);
        let link = create_or_adopt(program, ifindex).map_err(link_error("attach", program.name, ifindex))?;
        // If pinning fails the link closes here and the program is detached again: nothing is left behind unpinned.
        sys::pin(link.as_fd(), &path).map_err(pin_error("pin", &path))?;
        Ok(Changed::Attached)
    }

    /// Detaches `program` from the device and removes the pin. Returns whether there was one.
    pub(crate) fn detach(&self, program: ProgramName, ifindex: u32) -> Result<bool> {
        let path = self.pins.link(ifindex, program);
        let there = path.exists();
        if there {
            self.writes.fetch_add(1, Ordering::Relaxed);
            detach_pin(&path)?;
        }
        Ok(there)
    }

    /// What the device itself says.
    pub(crate) fn verify(&self, program: &Program, ifindex: u32) -> Result<LinkState> {
        let run = match sys::query(ifindex, program.name.hook()) {
            Ok(run) => run,
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(LinkState::NoDevice),
            Err(error) => return Err(link_error("query", program.name, ifindex)(error)),
        };
        let Some((_, info)) = self.attached_link(program.name, ifindex)? else { return Ok(LinkState::Missing) };
        let Some(place) = run.iter().position(|attached| attached.link_id == info.id) else {
            return Ok(LinkState::Missing);
        };
        if info.program_id != program.id {
            return Ok(LinkState::Outdated);
        }
        if place > 0 {
            return Ok(LinkState::Preceded(run[..place].iter().map(|attached| attached.program_id).collect()));
        }
        Ok(LinkState::Ok)
    }

    /// The pinned link, if it is in force at this very device.
    fn attached_link(&self, program: ProgramName, ifindex: u32) -> Result<Option<(OwnedFd, sys::LinkInfo)>> {
        let path = self.pins.link(ifindex, program);
        let link = match sys::open_pin(&path) {
            Ok(link) => link,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(pin_error("open", &path)(error)),
        };
        let info = sys::link_info(link.as_fd()).map_err(link_error("inspect", program, ifindex))?;
        // An index may be used again, here or in another namespace: only the device can say that the link is its own.
        let run = match sys::query(ifindex, program.hook()) {
            Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
                return Err(link_error("query", program, ifindex)(error));
            }
            run => run.unwrap_or_default(),
        };
        let in_force = info.ifindex == ifindex && run.iter().any(|attached| attached.link_id == info.id);
        Ok(in_force.then_some((link, info)))
    }

    /// Pinned links whose program is none of `current`.
    pub(crate) fn outdated(&self, current: &[Program]) -> Result<usize> {
        let mut count = 0;
        for (ifindex, program, path) in self.pins.pinned_links()? {
            let link = sys::open_pin(&path).map_err(pin_error("open", &path))?;
            let info = sys::link_info(link.as_fd()).map_err(link_error("inspect", program, ifindex))?;
            // Index 0 is a link without a device: it runs nothing.
            count += usize::from(info.ifindex != 0 && current.iter().all(|program| program.id != info.program_id));
        }
        Ok(count)
    }
}

/// Detaches the link pinned at `path`, then removes the pin.
pub(crate) fn detach_pin(path: &Path) -> Result<()> {
    let link = sys::open_pin(path).map_err(pin_error("open", path))?;
    // A link whose device is gone has nothing to detach from.
    match sys::detach_link(link.as_fd()) {
        Err(error) if error.raw_os_error() != Some(libc::ENOLINK) => Err(pin_error("detach", path)(error)),
        _ => remove(path),
    }
}

/// Attaches the program. If it is attached by a link that nobody can find (somebody removed the pin), that link is taken
/// over while it is held open elsewhere, or awaited: the kernel lets go of unpinned links a moment later.
fn create_or_adopt(program: &Program, ifindex: u32) -> io::Result<OwnedFd> {
    const PATIENCE: Duration = Duration::from_millis(500);
    let give_up = Instant::now() + PATIENCE;
    loop {
        match sys::create_link(program.fd(), ifindex, program.name.hook()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && Instant::now() < give_up => {
                let run = sys::query(ifindex, program.name.hook())?;
                let ours = run.iter().find(|attached| attached.program_id == program.id && attached.link_id != 0);
                if let Some(link) = ours.and_then(|ours| sys::link_by_id(ours.link_id).transpose()) {
                    return link;
                }
                thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

fn link_error(action: &'static str, program: ProgramName, ifindex: u32) -> impl FnOnce(io::Error) -> DatapathError {
    move |source| match source.raw_os_error() {
        Some(libc::ENODEV) => DatapathError::NoDevice { ifindex },
        _ => DatapathError::Link { action, program: program.text(), ifindex, source },
    }
}
