//! The bandwidth limits of the host's ports: told to the shaper, and the shaper's cable told to the data plane.
//!
//! A port's entry names its class as soon as the port has a limit, and a class that is not there drops. So classes are made
//! before the entries of existing ports are written; those of ports that are being made, whose slots are not known before,
//! before anybody is told that the port is there. Classes go last, when no entry names them.

use std::collections::BTreeMap;

use pintle_core::host_protocol::DriftReport;
use pintle_core::host_spec::{EntryKey, PortSpec};
use pintle_core::id::AttachmentId;
use pintle_datapath::HostSettings;

use super::Machine;
use super::observed::Place;
use super::plan::Scope;
use crate::desired::Desired;
use crate::kernel::{NetNs, Result};
use crate::reconcile::Marks;
use crate::shaper::{Cable, Member, Shaper, Wanted};

/// What is limited on this host.
#[derive(Debug)]
pub(super) struct Shaping {
    shaper: Shaper,
    /// Speed of the uplink, if it is known.
    link_kbps: Option<u64>,
    /// The ports that are there, with their limits.
    members: BTreeMap<AttachmentId, Member>,
    wanted: Wanted,
    /// Everything in `wanted` is there.
    prepared: bool,
    /// Nothing was noted since everything was as it should be.
    settled: bool,
}

/// Why limits are not kept, by port.
type Unlimited = BTreeMap<AttachmentId, String>;

/// What became of the limits in a round of changes.
#[derive(Debug)]
pub(super) struct Shaped {
    /// Ports whose limits are not kept, and why.
    pub(super) unlimited: Unlimited,
    /// What was different when the round began, for when nobody had asked for a change.
    pub(super) drift: Option<DriftReport>,
}

impl Shaping {
    pub(super) fn new(namespace: &NetNs, marks: &Marks, link_kbps: Option<u64>) -> Result<Self> {
        let shaper = Shaper::new(namespace.try_clone()?, marks.clone())?;
        Ok(Shaping {
            shaper,
            link_kbps,
            members: BTreeMap::new(),
            wanted: Wanted::default(),
            prepared: false,
            settled: false,
        })
    }

    fn note(&mut self, id: AttachmentId, port: Option<(&PortSpec, Place)>) {
        let member = port.map(|(spec, place)| Member {
            slot: place.slot,
            tenant: spec.segment,
            instance: spec.instance,
            limits: spec.limits,
        });
        let before = match member {
            Some(member) => self.members.insert(id, member),
            None => self.members.remove(&id),
        };
        let limited = |member: &Option<Member>| member.is_some_and(|member| member.is_limited());
        if before != member && (limited(&before) || limited(&member)) {
            self.settled = false;
        }
    }

    /// Everything that is limited, and can't be for the same reason.
    fn all_for(&self, why: &str) -> Unlimited {
        let limited = self.members.iter().filter(|(_, member)| member.is_limited());
        limited.map(|(id, _)| (*id, why.to_owned())).collect()
    }
}

impl Machine {
    /// Does `work`, which makes, changes and removes ports, with the queues that their entries name around it.
    pub(super) fn with_queues<R>(&self, desired: &Desired, scope: Scope<'_>, work: impl FnOnce() -> R) -> (R, Shaped) {
        self.note_limits(desired, scope);
        let differed = self.queues_differ();
        let mut unlimited = self.prepare_queues();
        let result = work();
        self.note_limits(desired, scope);
        unlimited.extend(self.prepare_queues());
        let retired = self.retire_queues();
        let failure = retired.err().or_else(|| unlimited.values().next().cloned());
        let drift = differed.then(|| match failure {
            None => told("the queues of limited interfaces are different: restored".to_owned(), true),
            Some(why) => told(format!("the queues of limited interfaces are different: not repaired: {why}"), false),
        });
        (result, Shaped { unlimited, drift })
    }

    /// Takes note of the limits of the ports that are there.
    fn note_limits(&self, desired: &Desired, scope: Scope<'_>) {
        let mut shaping = self.shaping();
        let realised = self.realised();
        let port = |id: &AttachmentId| Some((desired.port(*id)?, *realised.get(id)?));
        match scope {
            Scope::Keys(keys) => {
                let ports = keys.iter().filter_map(|key| if let EntryKey::Port(id) = key { Some(*id) } else { None });
                ports.for_each(|id| shaping.note(id, port(&id)));
            }
            Scope::All => {
                let gone: Vec<AttachmentId> =
                    shaping.members.keys().filter(|id| !realised.contains_key(id)).copied().collect();
                gone.into_iter().for_each(|id| shaping.note(id, None));
                realised.keys().for_each(|id| shaping.note(*id, port(id)));
            }
        }
    }

    /// Looks again at what the kernel has, with the next step.
    pub(super) fn doubt_queues(&self) {
        let mut shaping = self.shaping();
        shaping.shaper.doubt();
        shaping.settled = false;
    }

    /// Whether queues differ from what they should be.
    fn queues_differ(&self) -> bool {
        let shaping = &mut *self.shaping();
        if shaping.settled {
            return false;
        }
        let members: Vec<Member> = shaping.members.values().copied().collect();
        let found = self.host(|netlink| {
            let wanted = shaping.shaper.wanted(netlink, &members, shaping.link_kbps)?;
            shaping.shaper.differs(netlink, &wanted)
        });
        // What can't be read is found out, and told, by what comes next.
        found.and_then(|found| found).unwrap_or(true)
    }

    /// Makes the queues of all limits that were noted. Gives the ports whose limits are not kept.
    fn prepare_queues(&self) -> Unlimited {
        let shaping = &mut *self.shaping();
        if shaping.settled {
            return Unlimited::new();
        }
        let members: Vec<Member> = shaping.members.values().copied().collect();
        let made = self.host(|netlink| {
            let wanted = shaping.shaper.wanted(netlink, &members, shaping.link_kbps).map_err(|e| e.to_string())?;
            let attach = |cable: Cable| {
                let [first, second] = cable.ends();
                self.datapath.attach_shaper(first, second).map(drop).map_err(|error| error.to_string())
            };
            let cable = shaping.shaper.prepare(netlink, &wanted, attach)?;
            Ok((wanted, cable))
        });
        shaping.prepared = matches!(made, Ok(Ok(_)));
        match made.map_err(|error| error.to_string()).and_then(|made: std::result::Result<_, String>| made) {
            Ok((wanted, cable)) => {
                // Without limits the cable goes, and the data plane forgets it, when no entry names a class any more.
                let told = cable.map_or(Ok(()), |cable| self.tell_cable(Some(cable)));
                let of_slot = |slot: u32| members_in(&shaping.members, slot);
                let mut unlimited: Unlimited =
                    wanted.refused.iter().filter_map(|(slot, why)| Some((of_slot(*slot)?, why.clone()))).collect();
                if let Err(why) = told {
                    unlimited.extend(shaping.all_for(&why));
                }
                shaping.wanted = wanted;
                unlimited
            }
            Err(why) => shaping.all_for(&why),
        }
    }

    /// Removes queues that no port's entry names any more.
    fn retire_queues(&self) -> std::result::Result<(), String> {
        let shaping = &mut *self.shaping();
        if shaping.settled || !shaping.prepared {
            return Ok(());
        }
        let mut unneeded = Vec::new();
        if shaping.wanted.is_empty() {
            let there = self.datapath.host_settings().map_err(|error| error.to_string())?;
            unneeded.extend([there.shaper_ifindex, there.shaper_peer_ifindex].into_iter().flatten());
            self.tell_cable(None)?;
        }
        let retired = self.host(|netlink| shaping.shaper.retire(netlink, &shaping.wanted));
        retired.and_then(|retired| retired).map_err(|error| error.to_string())?;
        for end in unneeded {
            self.datapath.detach(end).map_err(|error| error.to_string())?;
        }
        shaping.settled = shaping.wanted.refused.is_empty();
        Ok(())
    }

    fn tell_cable(&self, cable: Option<Cable>) -> std::result::Result<(), String> {
        let there = self.datapath.host_settings().map_err(|error| error.to_string())?;
        let ends = cable.map(Cable::ends);
        let wanted = HostSettings {
            shaper_ifindex: ends.map(|[first, _]| first),
            shaper_peer_ifindex: ends.map(|[_, second]| second),
            ..there
        };
        if there == wanted {
            return Ok(());
        }
        self.datapath.set_host_settings(&wanted).map_err(|error| error.to_string())
    }
}

fn told(message: String, repaired: bool) -> DriftReport {
    DriftReport { key: None, message, repaired }
}

fn members_in(members: &BTreeMap<AttachmentId, Member>, slot: u32) -> Option<AttachmentId> {
    members.iter().find(|(_, member)| member.slot == slot).map(|(id, _)| *id)
}
