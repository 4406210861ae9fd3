//! What a guest sends: the order of the stages from its port to where its packet goes.

use super::flow::{IcmpKind, icmp_kind};
use super::fragment::Ports;
use super::frames::{Hop, with_macs, with_ttl_less};
use super::judge::{Case, Side};
use super::local::Service;
use super::outcome::{Outcome, PathStage, Refusal, Trace, Verdict};
use super::packet::{Content, Ethernet, Packet, Transport, read_ethernet, read_ip};
use super::route::{self, Obstacle, Way};
use super::vlan::{Untagged, untag};
use super::world::World;
use super::{Pipeline, answer, arp, local, sender};
use crate::drop_reason::DropReason;
use crate::host_spec::{PortSpec, VniEndpoint};
use crate::id::AttachmentId;
use crate::net::GATEWAY_MAC;

/// How a packet ends: what became of it, and what leaves.
pub(super) type Fate = (Verdict, Option<Vec<u8>>);

/// A packet that is dropped, and what its sender is told.
pub(super) struct Loss {
    pub(super) refusal: Refusal,
    pub(super) told: Option<Vec<u8>>,
}

impl<R: Into<Refusal>> From<R> for Loss {
    fn from(refusal: R) -> Self {
        Loss { refusal: refusal.into(), told: None }
    }
}

pub(super) fn outcome(result: Result<Fate, Loss>, trace: Trace) -> Outcome {
    let (verdict, frame) = result.unwrap_or_else(|loss| (Verdict::Dropped(loss.refusal), loss.told));
    Outcome { verdict, frame, trace: trace.0 }
}

/// A guest's packet, with what the stages share.
struct Sent<'a> {
    world: World<'a>,
    id: AttachmentId,
    port: &'a PortSpec,
    frame: &'a [u8],
    now: u64,
}

impl Pipeline {
    /// What becomes of a frame that the guest behind a port sends. Of a card's port it may carry the tag of another's VLAN; what
    /// leaves is shown without tags, as the interface that gets it is told.
    ///
    /// `now` is in ticks and never goes back. The frame's checksums are nobody's business here but its receiver's.
    pub fn from_port(&mut self, world: World<'_>, port: AttachmentId, frame: &[u8], now: u64) -> Outcome {
        let mut trace = Trace::default();
        let result = match world.port(port) {
            Some(spec) => match untag(world, port, spec, frame, &mut trace) {
                Ok(Untagged { id, port, frame }) => {
                    self.send(&Sent { world, id, port, frame: &frame, now }, &mut trace)
                }
                Err(reason) => Err(reason.into()),
            },
            None => Err(DropReason::UnknownPort.into()),
        };
        outcome(result, trace)
    }

    fn send(&mut self, sent: &Sent<'_>, trace: &mut Trace) -> Result<Fate, Loss> {
        let port = sent.port;
        let ethernet = read_ethernet(sent.frame, port.subnet6.is_some())?;
        sender::check_port(port, ethernet)?;
        if ethernet.content == Content::Arp {
            trace.say(PathStage::Local, "ARP is answered here");
            return Ok((Verdict::Answered, Some(arp::answer(sent.world, port, sent.frame)?)));
        }
        let packet = read_ip(sent.frame, ethernet)?;
        trace.say(
            PathStage::Parse,
            format!("{} to {}, protocol {}", packet.source, packet.destination, packet.protocol),
        );
        if let Some(service) = local::serve(sent.world, port, &packet, sent.frame) {
            trace.say(PathStage::Local, "neighbour discovery and DHCP are answered here");
            return Ok(match service? {
                Service::Frame(frame) => (Verdict::Answered, Some(frame)),
                Service::Configuration => (Verdict::Answered, None),
            });
        }
        if !sender::asks_gateway(&packet) {
            sender::check_source(port, packet.source)?;
        }
        refuse_redirect(&packet)?;
        let ports = self.fragments.ports(port.segment, &packet, sent.now)?;
        match route::find(sent.world, port, &packet).map_err(|obstacle| tell(sent, &packet, obstacle))? {
            Way::Gateway => {
                trace.say(PathStage::Route, "to the gateway itself");
                let reply = answer::echo_reply(port, &packet, sent.frame).ok_or(DropReason::GatewayNotServed)?;
                Ok((Verdict::Answered, Some(reply)))
            }
            Way::Interface { endpoint, routed } => self.forward_to(sent, &packet, ports, endpoint, routed, trace),
            Way::Public => {
                trace.say(PathStage::Route, "to the public network");
                self.pass(sent, &packet, ports, None, trace)?;
                Ok((Verdict::Public, None))
            }
        }
    }

    fn forward_to(
        &mut self,
        sent: &Sent<'_>,
        packet: &Packet,
        ports: Ports,
        endpoint: &VniEndpoint,
        routed: bool,
        trace: &mut Trace,
    ) -> Result<Fate, Loss> {
        trace.say(PathStage::Route, format!("to {}, {}", endpoint.mac, if routed { "routed" } else { "switched" }));
        if endpoint.port.is_none() && endpoint.vtep.is_none() {
            return Err(DropReason::NoRoute.into());
        }
        route::check_size(sent.port, endpoint, packet).map_err(|obstacle| tell(sent, packet, obstacle))?;
        if let Some(id) = endpoint.port {
            let port = sent.world.port(id).ok_or(DropReason::NoRoute)?;
            route::check_receiver(port, packet)?;
            self.pass(sent, packet, ports, Some(Side { id, port }), trace)?;
            trace.say(PathStage::Forward, format!("to {} on this host", port.vni));
            let frame = if routed {
                with_ttl_less(with_macs(sent.frame, endpoint.mac, Some(GATEWAY_MAC)), packet)
            } else {
                sent.frame.to_vec()
            };
            return Ok((Verdict::Delivered { port: id }, Some(frame)));
        }
        let vtep = endpoint.vtep.ok_or(DropReason::NoRoute)?;
        self.pass(sent, packet, ports, None, trace)?;
        trace.say(PathStage::Forward, format!("to host {vtep}"));
        let frame = if routed {
            with_ttl_less(with_macs(sent.frame, Hop::Routed.mac(), None), packet)
        } else {
            sent.frame.to_vec()
        };
        Ok((Verdict::Tunnelled { vtep, segment: sent.port.segment }, Some(frame)))
    }

    /// The policy; and a first fragment that it permits is remembered.
    fn pass(
        &mut self,
        sent: &Sent<'_>,
        packet: &Packet,
        ports: Ports,
        receiver: Option<Side<'_>>,
        trace: &mut Trace,
    ) -> Result<(), Loss> {
        let case = Case {
            world: sent.world,
            now: sent.now,
            segment: sent.port.segment,
            packet,
            frame: sent.frame,
            sender: Some(Side { id: sent.id, port: sent.port }),
            receiver,
            ports: ports.flow,
            selector: ports.selector,
        };
        if let Err(refusal) = self.judge(&case, trace) {
            let macs = (packet.ethernet.destination, sent.port.mac);
            let numbers = self.challenge(&case).filter(|_| refusal.reason == DropReason::TcpSynInConnection);
            return Err(Loss { refusal, told: numbers.and_then(|numbers| answer::challenge(packet, macs, numbers)) });
        }
        self.fragments.remember(sent.port.segment, packet, ports, sent.now);
        Ok(())
    }
}

/// A guest never redirects others.
pub(super) fn refuse_redirect(packet: &Packet) -> Result<(), DropReason> {
    match packet.transport {
        Transport::Icmp { kind, .. } if icmp_kind(packet.is_ipv6(), kind) == IcmpKind::Redirect => {
            Err(DropReason::IcmpRedirect)
        }
        _ => Ok(()),
    }
}

fn tell(sent: &Sent<'_>, packet: &Packet, obstacle: Obstacle) -> Loss {
    let told = obstacle.tell.and_then(|tell| answer::error(sent.port, packet, sent.frame, tell));
    Loss { refusal: obstacle.reason.into(), told }
}

/// Used by both directions: an IP packet or nothing.
pub(super) fn read_packet(frame: &[u8], ethernet: Ethernet) -> Result<Packet, DropReason> {
    match ethernet.content {
        Content::Arp => Err(DropReason::ArpNotForwarded),
        _ => read_ip(frame, ethernet),
    }
}
