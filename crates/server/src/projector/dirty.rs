//! From what a commit wrote to what must be worked out again.

use std::collections::BTreeSet;

use pintle_core::compile::{
    Carriers, Effect, PortsOf, Subject, effect, subjects_of_ports, subjects_of_routes, subjects_of_vpc,
};
use pintle_core::id::{AttachmentId, HostId, InstanceId, PublicGatewayId, ShareId, VniId, VpcId};
use pintle_core::model::{Attachment, Host, Instance, Move, PublicGateway, Share};
use pintle_core::query;
use pintle_core::record::Record;
use pintle_core::refusal::DecideError;
use pintle_core::txn::Snapshot;
use pintle_store::Event;

/// What some commits touched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// To be worked out again.
    pub subjects: BTreeSet<Subject>,
    /// Attachments whose record was written or deleted.
    pub attachments: BTreeSet<AttachmentId>,
    /// Instances whose record was written or deleted.
    pub instances: BTreeSet<InstanceId>,
    /// Shares whose record was written or deleted.
    pub shares: BTreeSet<ShareId>,
    /// Interfaces whose move was written or has ended.
    pub moves: BTreeSet<VniId>,
    /// Hosts whose record was written or deleted.
    pub hosts: BTreeSet<HostId>,
    /// Public gateways whose record was written or deleted.
    pub gateways: BTreeSet<PublicGatewayId>,
    /// Whose ports show something that was written.
    ports: BTreeSet<PortsOf>,
    /// VPCs whose route tables depend on something that was written.
    routes: BTreeSet<VpcId>,
    /// VPCs in which everything must be worked out again. Kept here so that nothing is lost when [`Dirty::widen`] fails
    /// half-way and is tried again.
    vpcs: BTreeSet<VpcId>,
}

impl Dirty {
    /// Notes what an event touches.
    ///
    /// # Errors
    /// When a record can't be decoded.
    pub fn note(&mut self, event: &Event) -> Result<(), DecideError> {
        match effect(&event.key, event.value.as_deref())? {
            Some(Effect::Subject(subject)) => {
                self.subjects.insert(subject);
            }
            Some(Effect::Ports(of)) => {
                self.ports.insert(of);
            }
            Some(Effect::Routes(vpc)) => {
                self.routes.insert(vpc);
            }
            Some(Effect::Host(host)) => {
                self.hosts.insert(host);
            }
            None => {}
        }
        match event.key.split_once('/') {
            Some((Attachment::KIND, id)) => self.attachments.extend(id.parse::<AttachmentId>()),
            Some((Instance::KIND, id)) => self.instances.extend(id.parse::<InstanceId>()),
            Some((Share::KIND, id)) => self.shares.extend(id.parse::<ShareId>()),
            Some((Move::KIND, id)) => self.moves.extend(id.parse::<VniId>()),
            Some((PublicGateway::KIND, id)) => self.gateways.extend(id.parse::<PublicGatewayId>()),
            _ => {}
        }
        Ok(())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Dirty::default()
    }

    /// Brings `carriers` up to date with a snapshot and adds the subjects that follow from that: all of a VPC's when a
    /// host begins or ceases to carry it, and all of a host's VPCs' when the host itself has changed; and those whose
    /// ports show something that was written.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn widen(&mut self, snapshot: &dyn Snapshot, carriers: &mut Carriers) -> Result<(), DecideError> {
        for id in &self.attachments {
            let now = query::find::<Attachment>(snapshot, *id)?.map(|(attachment, _)| attachment);
            let before = carriers.vpc_by(*id);
            if carriers.update(*id, now.as_ref()) {
                self.vpcs.extend(before.into_iter().chain(now.map(|attachment| attachment.vpc)));
            }
        }
        for id in &self.gateways {
            let now = query::find::<PublicGateway>(snapshot, *id)?.map(|(gateway, _)| gateway);
            let before = carriers.vpc_by_gateway(*id);
            if carriers.update_gateway(*id, now.as_ref()) {
                self.vpcs.extend(before.into_iter().chain(now.map(|gateway| gateway.vpc)));
            }
        }
        for of in &self.ports {
            self.subjects.extend(subjects_of_ports(snapshot, *of)?);
        }
        for vpc in &self.routes {
            self.subjects.extend(subjects_of_routes(snapshot, *vpc)?);
        }
        for host in &self.hosts {
            if query::find::<Host>(snapshot, *host)?.is_some() {
                self.vpcs.extend(carriers.vpcs(*host));
            }
        }
        for vpc in &self.vpcs {
            self.subjects.extend(subjects_of_vpc(snapshot, *vpc)?);
        }
        Ok(())
    }
}
