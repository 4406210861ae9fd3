//! Planning the uplink and the public addresses that are reached by it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use pintle_core::host_spec::{Entry, EntryKey, FloatingIpSpec};
use pintle_datapath::{EndpointKey, HostSettings};

use super::super::action::Step;
use super::super::observed::Programs;
use super::super::want;
use super::{Inputs, Planner};

impl Planner<'_> {
    /// The uplink's program, and what the data plane knows of it. The device itself is the host's own.
    pub(super) fn uplink(&mut self) {
        let observed = self.inputs.observed;
        let device = observed.uplink.device.as_ref();
        let uplink_ifindex = device.map(|device| device.index);
        let there = observed.overlay.settings;
        if device.is_some() && matches!(observed.uplink.programs, Programs::Missing | Programs::Outdated) {
            self.act(None, Step::MendUplink, "the program of the uplink is missing or of another build");
        } else if there != (HostSettings { uplink_ifindex, ..there }) {
            self.act(None, Step::TellUplink, "the data plane has another uplink");
        }
    }

    /// A public address that should lead to something here, or (`None`) should not be here.
    pub(super) fn public(&mut self, address: IpAddr, spec: Option<&FloatingIpSpec>) {
        let Inputs { observed, uplink, .. } = *self.inputs;
        let key = EntryKey::FloatingIp(address);
        let there = observed.public.get(&address);
        let Some(spec) = spec else {
            if there.is_some() {
                self.act(Some(key), Step::DeletePublic(address), format!("entry {key} is not wanted"));
            }
            return;
        };
        let Some(device) = &observed.uplink.device else {
            let why = match uplink {
                Some(name) => format!("the uplink '{name}' is not there, so {address} can't be reached here"),
                None => format!("this host has no uplink, so {address} can't be reached here: give the agent --uplink"),
            };
            self.plan.failures.insert(key, why);
            if there.is_some() {
                self.act(Some(key), Step::DeletePublic(address), format!("entry {key} has no uplink"));
            }
            return;
        };
        let wanted = want::public(address, spec, device);
        let outward = wanted.outward.is_none_or(|(key, row)| observed.private.get(&key) == Some(&row));
        match there {
            None => self.act(Some(key), Step::PutPublic(address), format!("entry {key} is missing")),
            Some(there) if *there != wanted.inward || !outward => {
                self.act(Some(key), Step::PutPublic(address), format!("entry {key} is different"));
            }
            Some(_) => {}
        }
    }

    /// Ways out that no public address of this host has.
    pub(super) fn orphans(&mut self) {
        let Inputs { desired, observed, .. } = *self.inputs;
        let first = EntryKey::FloatingIp(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let outward = |(key, entry): (&EntryKey, &Entry)| match (key, entry, &observed.uplink.device) {
            (EntryKey::FloatingIp(address), Entry::FloatingIp(spec), Some(device)) => {
                want::public(*address, spec, device).outward.map(|(key, _)| key)
            }
            _ => None,
        };
        let wanted: BTreeSet<EndpointKey> = desired.entries().range(first..).filter_map(outward).collect();
        for (row, private) in observed.private.iter().filter(|(row, _)| !wanted.contains(row)) {
            let EndpointKey { segment, addr } = row;
            let text = format!("{addr} in segment {segment} goes out by {}, which is not its own", private.public);
            self.act(None, Step::DeletePrivate(*row), text);
        }
    }
}
