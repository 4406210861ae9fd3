//! What would become of a packet: by the reference model from what this host should have, and by the programs in the kernel
//! from what it has. If the two differ, one of model, maps and programs is wrong.
//!
//! The kernel half runs the real program on a made-up frame. That sends nothing and leaves counts behind: of drops, of
//! refusals, of what was forwarded. A flow that it makes is deleted at once, and no live flow is asked in its place.

mod frame;
mod kernel;

use std::net::IpAddr;

use pintle_core::DropReason;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, FloatingIpSpec, PortMode, PortSpec, RouteSpec};
use pintle_core::id::{AttachmentId, VniId};
use pintle_core::net::{GATEWAY_MAC, Mac};
use pintle_core::pipeline::{self, Pipeline, World};
use pintle_core::telemetry::{
    Answer, Entrance, Explanation, Failed, Half, Path, Probe, ProbePayload, RuleRef, StageNote, Verdict,
};

use super::Reconciler;
use crate::desired::Desired;

/// The port that a packet enters this host by.
type Port<'a> = (AttachmentId, &'a PortSpec);

impl Reconciler {
    /// Follows a packet through this host without sending it.
    pub(crate) fn explain(&self, probe: &Probe) -> Answer {
        let Some(desired) = &self.desired else {
            return Answer::Failed(Failed::Because("this host does not know yet what it should have".to_owned()));
        };
        let port = match probe.entrance {
            Entrance::Port(vni) => match port_of(desired, vni) {
                Some(port) => Some(port),
                None => return Answer::Failed(Failed::NotHere(vni)),
            },
            Entrance::Overlay { .. } => None,
        };
        let mut probe = probe.clone();
        let kernel = match port {
            Some(port) => self.machine.follow(port, macs(desired, port.1, &probe), &mut probe),
            None => Half::Unknown(
                "the kernel's programs can't be asked about a packet from another host without sending one".to_owned(),
            ),
        };
        let model = self.by_model(desired, port, &probe).unwrap_or_else(Half::Unknown);
        Answer::Explained(Box::new(Explanation { model, kernel }))
    }

    fn by_model(&self, desired: &Desired, port: Option<Port<'_>>, probe: &Probe) -> Result<Half, String> {
        let world = World::new(desired.entries());
        let limits = pipeline::Limits { flows_per_interface: self.machine.quota as usize, max_flows: usize::MAX };
        // Without flows of its own: it is asked about a first packet.
        let mut model = Pipeline::new(limits);
        let outcome = match (port, &probe.entrance) {
            (Some(port), _) => {
                let frame =
                    frame::frame(macs(desired, port.1, probe), probe.source, probe.destination, &probe.payload)?;
                model.from_port(world, port.0, &frame, 1)
            }
            (None, Entrance::Overlay { vtep, segment, source_mac, destination_mac }) => {
                let macs = (*source_mac, *destination_mac);
                let frame = frame::frame(macs, probe.source, probe.destination, &probe.payload)?;
                model.from_overlay(world, *segment, *vtep, &frame, 1)
            }
            (None, Entrance::Port(vni)) => return Err(format!("{vni} has no port here")),
        };
        let stages = outcome.trace.into_iter().map(note).collect();
        let verdict = verdict(desired, port, probe, outcome.verdict, outcome.frame.as_deref())?;
        Ok(Half::Followed(Path { stages, verdict }))
    }
}

/// The port of an interface; of two, while it moves, the one that speaks.
fn port_of(desired: &Desired, vni: VniId) -> Option<Port<'_>> {
    let of_vni = desired.ports().filter(|(_, spec)| spec.vni == vni);
    of_vni.max_by_key(|(_, spec)| (spec.mode == PortMode::Active, spec.generation))
}

/// The MAC addresses that the guest would write: straight to a neighbour of its own subnet, else to the gateway.
fn macs(desired: &Desired, port: &PortSpec, probe: &Probe) -> (Mac, Mac) {
    let neighbour = match desired.get(&EntryKey::Endpoint(port.segment, probe.destination)) {
        Some(Entry::Endpoint(EndpointSpec::Vni(spec))) if pipeline_in_subnet(port, probe) => Some(spec.mac),
        _ => None,
    };
    (port.mac, neighbour.unwrap_or(GATEWAY_MAC))
}

fn pipeline_in_subnet(port: &PortSpec, probe: &Probe) -> bool {
    match probe.destination {
        std::net::IpAddr::V4(ip) => port.subnet.contains(&ip),
        std::net::IpAddr::V6(ip) => port.subnet6.is_some_and(|net| net.contains(&ip)),
    }
}

fn note(note: pipeline::StageNote) -> StageNote {
    let of_group = note.permitted_by.map(|name| RuleRef::Group { group: Some(name.group), rule: name.rule });
    let of_acl = note.decided_by.map(|name| RuleRef::Acl { acl: Some(name.acl), rule: name.rule });
    StageNote { stage: note.stage.label().to_owned(), text: note.text, rule: of_group.or(of_acl) }
}

fn verdict(
    desired: &Desired,
    port: Option<Port<'_>>,
    probe: &Probe,
    verdict: pipeline::Verdict,
    frame: Option<&[u8]>,
) -> Result<Verdict, String> {
    Ok(match verdict {
        pipeline::Verdict::Delivered { port } => {
            let spec =
                desired.port(port).ok_or_else(|| format!("port {port} is not among what this host should have"))?;
            Verdict::Delivered(spec.vni)
        }
        pipeline::Verdict::Tunnelled { vtep, segment } => {
            let (destination_mac, source_mac) = frame.and_then(leading_macs).ok_or("the model gave no frame")?;
            Verdict::Tunnelled { vtep, segment, source_mac, destination_mac }
        }
        pipeline::Verdict::Answered => Verdict::Answered("the gateway or a service of this host".to_owned()),
        pipeline::Verdict::Public => match port.and_then(|(id, spec)| public_address(desired, id, spec, probe)) {
            Some(public) => Verdict::Public(public),
            None => Verdict::Dropped { reason: DropReason::NoPublicAddress, rule: None },
        },
        pipeline::Verdict::Dropped(refusal) => Verdict::Dropped {
            reason: refusal.reason,
            rule: refusal.rule.map(|name| RuleRef::Acl { acl: Some(name.acl), rule: name.rule }),
        },
    })
}

/// The public address that a port's packets from this source leave with: the NAT gateway's where the route table leads there;
/// its floating IP, itself if it is one that is not translated, else the public gateway's, if that is for the interface.
fn public_address(desired: &Desired, id: AttachmentId, spec: &PortSpec, probe: &Probe) -> Option<IpAddr> {
    let own = desired.entries().iter().find_map(|(key, entry)| match (key, entry) {
        (EntryKey::FloatingIp(public), Entry::FloatingIp(FloatingIpSpec::Vni { port, address, translate, .. })) => {
            let leaves = if *translate { *address } else { *public };
            (*port == id && leaves == probe.source).then_some(*public)
        }
        _ => None,
    });
    let around = desired.routes(spec.segment, spec.route_table).filter(|(net, _)| net.contains(&probe.destination));
    match around.max_by_key(|(net, _)| net.prefix_len()).map(|(_, route)| route) {
        Some(RouteSpec::Nat { address, .. }) => Some((*address).into()),
        Some(RouteSpec::Public { gateway: Some(gateway), .. }) if spec.policy.public_gateway => {
            own.or(Some((*gateway).into()))
        }
        _ => own,
    }
}

/// Destination and source MAC of a frame.
fn leading_macs(frame: &[u8]) -> Option<(Mac, Mac)> {
    Some((Mac(frame.get(..6)?.try_into().ok()?), Mac(frame.get(6..12)?.try_into().ok()?)))
}

/// The payload with another source port, where it has one.
fn with_source_port(payload: &ProbePayload, port: u16) -> Option<ProbePayload> {
    match *payload {
        ProbePayload::Tcp { destination_port, .. } => Some(ProbePayload::Tcp { source_port: port, destination_port }),
        ProbePayload::Udp { destination_port, .. } => Some(ProbePayload::Udp { source_port: port, destination_port }),
        ProbePayload::Icmp { kind, code, .. } => Some(ProbePayload::Icmp { kind, code, identifier: port }),
        ProbePayload::Other(_) => None,
    }
}
