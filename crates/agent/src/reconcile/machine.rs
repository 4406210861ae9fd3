//! The host as drivers: sockets, namespaces, data plane, and the numbers that ports have in it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use pintle_core::id::{AttachmentId, HostId, InstanceId};
use pintle_datapath::{Datapath, Settings};

use super::guests::{Guests, NoNamespace};
use super::names::Marks;
use super::observed::{Observed, Place, Realised};
use super::slots::Slots;
use super::sockets::{Sockets, Writes};
use crate::bpffs;
use crate::config::Limits;
use crate::desired::Desired;
use crate::error::AgentError;
use crate::kernel::{NetNs, Netlink, Result};
use crate::underlay::{self, Underlay};

/// What a [`Reconciler`](super::Reconciler) needs to know of its host.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The host's id.
    pub host: HostId,
    /// The underlay address; `None` takes the one that stands out.
    pub vtep: Option<Ipv4Addr>,
    /// UDP port of the tunnels.
    pub vxlan_port: u16,
    /// Where the BPF file system is; mounted if it is not.
    pub bpffs: PathBuf,
    /// How much the data plane has room for.
    pub limits: Limits,
    /// Whether the kernel's grace periods may be short while devices are made or removed: a port then takes 2 ms and not
    /// 30, and every CPU is interrupted some times meanwhile.
    pub expedite: bool,
}

/// The host as drivers.
pub(crate) struct Machine {
    pub(crate) datapath: Datapath,
    pub(crate) marks: Marks,
    pub(crate) overlay_port: u16,
    pub(super) expedite: bool,
    pub(super) guests: Guests,
    pub(super) writes: Writes,
    sockets: Sockets,
    vtep: Option<Ipv4Addr>,
    slot_count: u32,
    slots: Mutex<Slots>,
    /// Where ports are. A copy of what the kernel has, renewed with every look at the whole host.
    realised: Mutex<Realised>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Machine {
    pub(super) fn open(config: &HostConfig) -> std::result::Result<(Self, Underlay), AgentError> {
        let namespace = NetNs::current()?;
        let marks = Marks::new(config.host);
        let guests = Guests::new(namespace.id(), &marks);
        let (sockets, writes) = (Sockets::new(namespace), Writes::default());
        let underlay = sockets.with(&writes, |netlink| underlay::find(netlink, config.vtep))??;
        bpffs::ensure(&config.bpffs)?;
        let sizes = Settings { max_ports: config.limits.max_ports, max_endpoints: config.limits.max_endpoints };
        let datapath = Datapath::open(&bpffs::pin_root(&config.bpffs, config.host), &sizes)?;
        let slot_count = sizes.max_ports;
        let machine = Machine {
            datapath,
            marks,
            overlay_port: config.vxlan_port,
            expedite: config.expedite,
            guests,
            writes,
            sockets,
            vtep: config.vtep,
            slot_count,
            slots: Mutex::new(Slots::new(slot_count)),
            realised: Mutex::default(),
        };
        Ok((machine, underlay))
    }

    pub(crate) fn find_underlay(&self) -> std::result::Result<Underlay, AgentError> {
        self.host(|netlink| underlay::find(netlink, self.vtep))?
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes.get() + self.datapath.writes()
    }

    pub(crate) fn namespace(&self) -> &NetNs {
        self.sockets.namespace()
    }

    /// Lets `work` use a socket of the host's namespace.
    pub(super) fn host<R>(&self, work: impl FnOnce(&mut Netlink) -> R) -> Result<R> {
        self.sockets.with(&self.writes, work)
    }

    /// The namespace of an instance, for a step that needs it.
    pub(super) fn open_guest(&self, desired: &Desired, id: InstanceId) -> std::result::Result<NetNs, String> {
        let spec =
            desired.instance(id).ok_or_else(|| format!("instance {id} is not among what this host should have"))?;
        self.guests.open(id, spec).map_err(|error| match error {
            NoNamespace::Absent => format!("the namespace of instance {id} could not be made"),
            NoNamespace::Unusable(why) => why,
        })
    }

    /// Takes over the numbers that the kernel has.
    pub(super) fn take_stock(&self, desired: &Desired, observed: &Observed) {
        let mut slots = Slots::new(self.slot_count);
        let of_ports = observed.ports.values().filter_map(|port| port.row.as_ref()).map(|row| row.slot);
        of_ports.chain(observed.remnants.values().copied().flatten()).for_each(|slot| slots.occupy(slot));
        *self.slots() = slots;
        *self.realised() = observed.realised();
        self.guests.retain(|id| desired.instance(id).is_some());
    }

    pub(super) fn realised(&self) -> MutexGuard<'_, Realised> {
        locked(&self.realised)
    }

    pub(super) fn realise(&self, id: AttachmentId, place: Place) {
        self.realised().insert(id, place);
    }

    pub(super) fn unrealise(&self, id: AttachmentId) {
        self.realised().remove(&id);
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        locked(&self.slots)
    }

    /// Takes a slot whose counters begin at zero.
    pub(super) fn take_slot(&self) -> std::result::Result<u32, String> {
        let (slot, capacity) = {
            let mut slots = self.slots();
            (slots.take(), slots.capacity())
        };
        let full = || format!("this host has {capacity} ports, which is all there is room for; raise max_ports");
        let slot = slot.ok_or_else(full)?;
        // Also what a packet that was still under way counted for the port that had it before.
        self.datapath.counters().clear(slot).map_err(|error| error.to_string())?;
        Ok(slot)
    }
}
