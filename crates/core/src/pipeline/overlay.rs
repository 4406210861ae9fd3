//! What other hosts send: who may speak for the sender, and who of this host gets it.

use std::net::Ipv4Addr;

use super::fragment::Ports;
use super::frames::{Hop, with_macs};
use super::judge::{Case, Side};
use super::outcome::{Outcome, PathStage, Trace, Verdict};
use super::packet::{Packet, Transport, read_ethernet};
use super::port::{Fate, Loss, outcome, read_packet, refuse_redirect};
use super::route::{check_destination, check_receiver, interface_for};
use super::world::World;
use super::{Pipeline, answer, frames};
use crate::drop_reason::DropReason;
use crate::host_spec::{EndpointSpec, OWN_TABLE, VniEndpoint};
use crate::id::AttachmentId;
use crate::net::{GATEWAY_MAC, Mac};

/// A frame from another host.
struct Received<'a> {
    world: World<'a>,
    segment: u32,
    vtep: Ipv4Addr,
    frame: &'a [u8],
    now: u64,
}

impl Pipeline {
    /// What becomes of a frame that the host `vtep` sends in a segment.
    pub fn from_overlay(&mut self, world: World<'_>, segment: u32, vtep: Ipv4Addr, frame: &[u8], now: u64) -> Outcome {
        let mut trace = Trace::default();
        let result = self.receive(&Received { world, segment, vtep, frame, now }, &mut trace);
        outcome(result, trace)
    }

    fn receive(&mut self, got: &Received<'_>, trace: &mut Trace) -> Result<Fate, Loss> {
        let ethernet = read_ethernet(got.frame, true)?;
        let packet = read_packet(got.frame, ethernet)?;
        trace.say(
            PathStage::Parse,
            format!("{} to {}, protocol {}", packet.source, packet.destination, packet.protocol),
        );
        check_destination(&packet)?;
        let hop = Hop::of(ethernet.destination);
        if !hop.is_forwarded() && !speaks_for(got, ethernet.source) {
            return Err(DropReason::WrongHost.into());
        }
        trace.say(PathStage::Overlay, format!("from host {}, {hop:?}", got.vtep));
        let endpoint = find(got, &packet, hop)?;
        if hop.is_forwarded() && endpoint.is_none_or(|endpoint| endpoint.incoming_from != Some(got.vtep)) {
            return Err(DropReason::WrongHost.into());
        }
        refuse_local(&packet)?;
        let ports = self.fragments.ports(got.segment, &packet, got.now)?;
        // A gateway is played by the sender's own host.
        let endpoint = endpoint.ok_or(DropReason::NotHere)?;
        if let Some(id) = endpoint.port {
            return self.hand_over(got, (&packet, ports), endpoint, id, hop, trace);
        }
        if endpoint.moved {
            // The device that was left may still answer what it got, but gets nothing more.
            let vtep = endpoint.vtep.filter(|vtep| *vtep != got.vtep && !hop.is_forwarded());
            let vtep = vtep.ok_or(DropReason::NotHere)?;
            trace.say(PathStage::Forward, format!("sent on to host {vtep}: it has moved"));
            let on = if hop.is_routed() { Hop::ForwardedRouted } else { Hop::ForwardedSwitched };
            let verdict = Verdict::Tunnelled { vtep, segment: got.segment };
            return Ok((verdict, Some(with_macs(got.frame, on.mac(), None))));
        }
        // Others may learn of a move before this host does: the port is ready, so it gets the packet.
        let id = endpoint.alt_port.ok_or(DropReason::NotHere)?;
        self.hand_over(got, (&packet, ports), endpoint, id, hop, trace)
    }

    fn hand_over(
        &mut self,
        got: &Received<'_>,
        (packet, ports): (&Packet, Ports),
        endpoint: &VniEndpoint,
        id: AttachmentId,
        hop: Hop,
        trace: &mut Trace,
    ) -> Result<Fate, Loss> {
        let port = got.world.port(id).ok_or(DropReason::NotHere)?;
        check_receiver(port, packet)?;
        let case = Case {
            world: got.world,
            now: got.now,
            segment: got.segment,
            packet,
            frame: got.frame,
            sender: None,
            receiver: Some(Side { id, port }),
            ports: ports.flow,
            selector: ports.selector,
        };
        if let Err(refusal) = self.judge(&case, trace) {
            let back = if hop.is_routed() { Hop::Routed.mac() } else { packet.ethernet.source };
            let wanted = refusal.reason == DropReason::TcpSynInConnection && !hop.is_forwarded();
            let numbers = self.challenge(&case).filter(|_| wanted);
            let told = numbers.and_then(|numbers| answer::challenge(packet, (port.mac, back), numbers));
            return Err(Loss { refusal, told });
        }
        self.fragments.remember(got.segment, packet, ports, got.now);
        trace.say(PathStage::Forward, format!("to {} on this host", port.vni));
        let frame = match hop {
            Hop::Switched => got.frame.to_vec(),
            _ => frames::with_macs(got.frame, endpoint.mac, hop.is_routed().then_some(GATEWAY_MAC)),
        };
        Ok((Verdict::Delivered { port: id }, Some(frame)))
    }
}

/// What is answered or dropped on the guest's own host, so that no other ever sends it.
fn refuse_local(packet: &Packet) -> Result<(), DropReason> {
    match packet.transport {
        Transport::Icmp { kind: 133..=137, .. } if packet.is_ipv6() => Err(DropReason::NdNotForwarded),
        _ => refuse_redirect(packet),
    }
}

/// Whether the tunnel's sender is a host that may speak for the source MAC.
fn speaks_for(got: &Received<'_>, mac: Mac) -> bool {
    got.world.location(got.segment, mac).is_some_and(|location| {
        location.vtep.is_some() && (location.vtep == Some(got.vtep) || location.alt_vtep == Some(got.vtep))
    })
}

/// The interface that a frame is for: by its destination address, or by its MAC if it is a router's. `None`: a gateway.
fn find<'a>(got: &Received<'a>, packet: &Packet, hop: Hop) -> Result<Option<&'a VniEndpoint>, DropReason> {
    let mac = packet.ethernet.destination;
    // The sender's host has gone by its route table, and so does this one, to find the same interface.
    let sender = got.world.location(got.segment, packet.ethernet.source);
    let table = sender.filter(|_| hop.is_routed()).map_or(OWN_TABLE, |location| location.route_table);
    let found = interface_for(got.world, (got.segment, table), packet.destination).ok().flatten();
    let gateway = matches!(got.world.endpoint(got.segment, packet.destination), Some(EndpointSpec::Gateway));
    if hop != Hop::Switched {
        return if gateway { Ok(None) } else { found.map(Some).ok_or(DropReason::UnknownSegment) };
    }
    if gateway && mac == GATEWAY_MAC {
        return Ok(None);
    }
    if let Some(endpoint) = found.filter(|endpoint| endpoint.mac == mac) {
        return Ok(Some(endpoint));
    }
    match got.world.vni_with_mac(got.segment, mac) {
        Some((_, endpoint)) => Ok(Some(endpoint)),
        None if found.is_some() || gateway => Err(DropReason::WrongDstMac),
        None => Err(DropReason::UnknownSegment),
    }
}
