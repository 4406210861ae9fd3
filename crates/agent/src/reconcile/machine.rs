//! The host as drivers: sockets, namespaces, data plane, and the numbers that ports have in it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use pintle_core::host_spec::EntryKey;
use pintle_core::id::{AttachmentId, HostId, InstanceId};
use pintle_datapath::{Datapath, Settings};

use super::announcing::Announcing;
use super::flows::{FlowKeeper, forget};
use super::guests::{Guests, NoNamespace};
use super::names::Marks;
use super::numbers::Numbers;
use super::observed::{Observed, Place, Realised};
use super::rules::{Followed, Rules};
use super::shaping::Shaping;
use super::slots::Slots;
use super::sockets::{Sockets, Writes};
use crate::bpffs;
use crate::config::Limits;
use crate::desired::Desired;
use crate::error::AgentError;
use crate::kernel::{NetNs, Netlink, Result};
use crate::telling::Teller;
use crate::underlay::{self, Underlay};
use crate::uplink;

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
    /// Speed of the link to other hosts in kilobits (1,000 bits) per second, which limited interfaces then share; `None`:
    /// it is never full.
    pub link_kbps: Option<u64>,
    /// The device to the public network, by name; `None`: there is none.
    pub uplink: Option<String>,
}

/// The host as drivers.
pub(crate) struct Machine {
    pub(crate) datapath: Arc<Datapath>,
    pub(crate) marks: Marks,
    pub(crate) overlay_port: u16,
    pub(super) expedite: bool,
    pub(super) guests: Guests,
    pub(super) writes: Writes,
    /// The name of the device to the public network.
    pub(super) uplink: Option<String>,
    /// Tells that network which addresses are here.
    pub(super) announcing: Announcing,
    sockets: Sockets,
    vtep: Option<Ipv4Addr>,
    /// How many flows an interface may open.
    pub(super) quota: u32,
    slots: Arc<Mutex<Slots>>,
    /// The rules and memberships in the data plane.
    rules: Arc<Mutex<Rules>>,
    /// Bandwidth limits, and the queues that keep them.
    shaping: Mutex<Shaping>,
    /// Raised when a round of changes begins, and when it ends: odd in between.
    changes: AtomicU64,
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
        if let Some(name) = &config.uplink {
            sockets.with(&writes, |netlink| uplink::require(netlink, name))??;
        }
        let announcing = Announcing::spawn(sockets.namespace())?;
        bpffs::ensure(&config.bpffs)?;
        let limits = config.limits;
        let sizes = Settings {
            max_ports: limits.max_ports,
            max_endpoints: limits.max_endpoints,
            max_flows: limits.max_flows,
            max_prefixes: limits.max_prefixes,
            ..Settings::default()
        };
        let datapath = Arc::new(Datapath::open(&bpffs::pin_root(&config.bpffs, config.host), &sizes)?);
        let rules = Arc::new(Mutex::new(Rules::read(&datapath)?));
        let shaping = Mutex::new(Shaping::new(sockets.namespace(), &marks, config.link_kbps)?);
        let machine = Machine {
            datapath,
            marks,
            overlay_port: config.vxlan_port,
            expedite: config.expedite,
            guests,
            writes,
            uplink: config.uplink.clone(),
            announcing,
            sockets,
            vtep: config.vtep,
            quota: limits.flow_quota(),
            slots: Arc::new(Mutex::new(Slots::new(sizes.max_ports))),
            rules,
            shaping,
            changes: AtomicU64::new(0),
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

    /// How often rounds of changes have begun and ended: odd while there is one.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Does a round of changes.
    pub(super) fn changing<R>(&self, round: impl FnOnce() -> R) -> R {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let result = round();
        self.changes.fetch_add(1, Ordering::SeqCst);
        result
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
            NoNamespace::Machine => format!("instance {id} is a virtual machine, which has no namespace"),
            NoNamespace::Unusable(why) => why,
        })
    }

    /// Takes over the numbers that the kernel has.
    pub(super) fn take_stock(&self, desired: &Desired, observed: &Observed) {
        let of_ports = observed.ports.values().filter_map(|port| port.row.as_ref()).map(|row| row.slot);
        self.slots().replace(of_ports.chain(observed.remnants.values().copied().flatten()));
        *self.realised() = observed.realised();
        self.guests.retain(|id| desired.instance(id).is_some());
    }

    pub(super) fn shaping(&self) -> MutexGuard<'_, Shaping> {
        locked(&self.shaping)
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

    /// The rules and memberships in the data plane.
    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        locked(&self.rules)
    }

    /// What the data plane calls them.
    pub(super) fn numbers(&self) -> Arc<Numbers> {
        self.rules().numbers()
    }

    /// Reads the rules in the data plane back, if it is time to. Whether it did.
    pub(super) fn look_at_rules_again(&self) -> std::result::Result<bool, AgentError> {
        self.rules().look_again(&self.datapath)
    }

    /// Writes rules and memberships, before what names them.
    pub(super) fn follow_rules(&self, desired: &Desired, keys: Option<&BTreeSet<EntryKey>>) -> Followed {
        self.rules().follow(&self.datapath, desired, keys)
    }

    /// Removes rules and memberships that nobody names any more.
    pub(super) fn retire_rules(&self, desired: &Desired) {
        self.rules().retire(&self.datapath, desired);
    }

    /// What answers questions, for other threads.
    pub(super) fn teller(&self) -> Teller {
        Teller::new(Arc::clone(&self.datapath), Arc::clone(&self.rules))
    }

    /// What looks after the flow table, for a thread of its own.
    pub(crate) fn flow_keeper(&self) -> FlowKeeper {
        FlowKeeper::new(Arc::clone(&self.datapath), Arc::clone(&self.slots), self.uplink.is_some())
    }

    /// Takes a slot whose counters begin at zero.
    pub(super) fn take_slot(&self) -> std::result::Result<u32, String> {
        let (slot, capacity) = {
            let mut slots = self.slots();
            (slots.take(), slots.capacity())
        };
        let full = || format!("this host has {capacity} ports, which is all there is room for; raise max_ports");
        let slot = slot.ok_or_else(full)?;
        // Flows of a port that was there before, an earlier agent's perhaps.
        forget(&self.datapath, slot).map_err(|error| error.to_string())?;
        // Also what a packet that was still under way counted for the port that had it before.
        self.datapath.counters().clear(slot).map_err(|error| error.to_string())?;
        Ok(slot)
    }
}
