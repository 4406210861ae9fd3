//! The kernel's half: the program that the port runs, on a frame that nobody sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use pintle_core::DropReason;
use pintle_core::host_spec::PortNic;
use pintle_core::net::Mac;
use pintle_core::telemetry::{Half, Path, Probe, ProbePayload, RuleRef, StageNote, Verdict};
use pintle_datapath::{DatapathError, Flow, FlowKey, ProgramName, RunInput, RunOutput, Verdict as Ran};

use super::super::Machine;
use super::{Port, frame, leading_macs, with_source_port};

/// How often a frame is sent through before it is given up to tell its drop from those of live packets.
const TRIES: usize = 4;

/// Source ports that are tried in place of one that a live flow has: of the dynamic range (RFC 6335).
const OTHER_PORTS: std::ops::RangeInclusive<u16> = 65_400..=65_500;

impl Machine {
    /// Follows a packet through the program of a port. `probe` gets another source port if a live flow has its own.
    pub(super) fn follow(&self, port: Port<'_>, macs: (Mac, Mac), probe: &mut Probe) -> Half {
        self.try_to_follow(port, macs, probe).unwrap_or_else(Half::Unknown)
    }

    fn try_to_follow(&self, port: Port<'_>, macs: (Mac, Mac), probe: &mut Probe) -> Result<Half, String> {
        let (id, spec) = port;
        let place = self.realised().get(&id).copied().ok_or_else(|| format!("port {id} is not there"))?;
        let failed = |error: DatapathError| format!("the kernel can't be asked: {error}");
        let mut stages = Vec::new();
        let key = self.unused(spec.segment, probe, &mut stages).map_err(failed)?;
        let frame = frame::frame(macs, probe.source, probe.destination, &probe.payload)?;
        let (ifindex, frame) = match spec.nic {
            PortNic::Card { .. } => (place.index, frame),
            PortNic::Vlan { card, id } => {
                let card = self.realised().get(&card).copied().ok_or_else(|| format!("port {card} is not there"))?;
                (card.index, frame::tagged(&frame, id))
            }
        };
        let input = RunInput { ifindex, ..RunInput::default() };
        let mut suspects: Option<BTreeSet<Drop>> = None;
        for _ in 0..TRIES {
            let before = self.dropped().map_err(failed)?;
            let ran = self.datapath.runner(ProgramName::FromPort).run(&frame, input).map_err(failed)?;
            let made = self.datapath.flows().get(&key).map_err(failed)?;
            if let Some(flow) = made {
                self.datapath.flows().delete(&key).map_err(failed)?;
                stages.extend(self.rules_of(&flow));
                return self.forwarded(&key, probe, &ran, stages);
            }
            let after = self.dropped().map_err(failed)?;
            let grown = after.into_iter().filter(|(drop, count)| before.get(drop) != Some(count));
            let grown: BTreeSet<Drop> = grown.map(|(drop, _)| drop).collect();
            if grown.is_empty() {
                return match ran.verdict {
                    Ran::Redirect => {
                        Ok(path(stages, Verdict::Answered("the gateway or a service of this host".into())))
                    }
                    other => Err(format!("the program said {other:?} and counted nothing")),
                };
            }
            // What live packets are dropped for does not grow at every try.
            let left = suspects.map_or(grown.clone(), |before| &before & &grown);
            if let (1, Some((slot, reason))) = (left.len(), left.first().copied()) {
                let rule = self.refused_by(spec.segment, slot, probe, reason).map_err(failed)?;
                return Ok(path(stages, Verdict::Dropped { reason, rule }));
            }
            suspects = Some(left);
        }
        Err("live packets are dropped meanwhile: its own drop can't be told from theirs".to_owned())
    }

    /// The key of the flow that the probe will make. A live flow is left alone: another source port is taken then.
    fn unused(&self, segment: u32, probe: &mut Probe, stages: &mut Vec<StageNote>) -> Result<FlowKey, DatapathError> {
        let key = flow_key(segment, probe);
        if self.datapath.flows().get(&key)?.is_none() {
            return Ok(key);
        }
        for port in OTHER_PORTS {
            let Some(payload) = with_source_port(&probe.payload, port) else { break };
            let other = Probe { payload, ..probe.clone() };
            let key = flow_key(segment, &other);
            if self.datapath.flows().get(&key)?.is_none() {
                let text = format!("a live flow has these ends: asked with source port {port} instead");
                stages.push(StageNote { stage: "flow".to_owned(), text, rule: None });
                *probe = other;
                return Ok(key);
            }
        }
        // Nothing can be put in its place. What follows deletes it only if it is there: it must not be.
        Err(DatapathError::BadEntry {
            field: "protocol",
            entry: format!("packet from {} to {}", probe.source, probe.destination),
            value: key.protocol.to_string(),
            rule: "a live flow has these ends, and asking would end it",
        })
    }

    fn dropped(&self) -> Result<BTreeMap<Drop, u64>, DatapathError> {
        let drops = self.datapath.counters().drops()?;
        Ok(drops.into_iter().map(|drops| ((drops.slot, drops.reason), drops.packets)).collect())
    }

    /// The rule of a network ACL that refused the probe.
    fn refused_by(
        &self,
        segment: u32,
        slot: u32,
        probe: &Probe,
        reason: DropReason,
    ) -> Result<Option<RuleRef>, DatapathError> {
        let refusals = self.datapath.records().refusals()?;
        let ours = refusals.iter().find(|refusal| {
            (refusal.segment, refusal.slot, refusal.reason) == (segment, slot, reason)
                && (refusal.source, refusal.destination) == (probe.source, probe.destination)
        });
        let number = ours.map_or(0, |refusal| refusal.rule);
        Ok(self.rules().named(&BTreeSet::from([number])).get(&number).copied())
    }

    /// What the flow says of the gates that it passed.
    fn rules_of(&self, flow: &Flow) -> Vec<StageNote> {
        let gates = [("egress", flow.rule_egress), ("ingress", flow.rule_ingress)];
        let rules = self.rules().named(&gates.iter().map(|(_, number)| *number).collect());
        let note = |(stage, number): (&str, u32)| {
            let rule = rules.get(&number).copied()?;
            Some(StageNote { stage: stage.to_owned(), text: "permitted".to_owned(), rule: Some(rule) })
        };
        gates.into_iter().filter_map(note).collect()
    }

    /// Where a packet went that made a flow: as its receiver's entry says.
    fn forwarded(&self, key: &FlowKey, probe: &Probe, ran: &RunOutput, stages: Vec<StageNote>) -> Result<Half, String> {
        let failed = |error: DatapathError| format!("the kernel can't be asked: {error}");
        let found = self.receiver(key.segment, probe.destination).map_err(failed)?;
        let (destination_mac, source_mac) = leading_macs(&ran.frame).ok_or("the program gave no frame")?;
        match found {
            Some(Receiver::Port(index)) => {
                let row = self.datapath.ports().get(&index).map_err(failed)?;
                let vni = row.and_then(|row| row.vni.parse().ok()).ok_or("the receiver's port has gone meanwhile")?;
                Ok(path(stages, Verdict::Delivered(vni)))
            }
            Some(Receiver::Host(vtep)) => {
                let segment = key.segment;
                Ok(path(stages, Verdict::Tunnelled { vtep, segment, source_mac, destination_mac }))
            }
            Some(Receiver::Public(relay)) => {
                let own = self.datapath.public_addresses().get(&probe.source).map_err(failed)?.is_some();
                let source = ipv4_source(&ran.frame).ok_or("the program gave no IPv4 packet")?;
                // Another host's gateway translates after this one.
                let relayed = relay.filter(|_| source == probe.source && !own);
                Ok(path(stages, Verdict::Public(relayed.unwrap_or(source))))
            }
            None => Err("it was forwarded, and where to is not known".to_owned()),
        }
    }

    /// Where the data plane sends packets for an address: by its endpoint, or its route's.
    fn receiver(&self, segment: u32, addr: IpAddr) -> Result<Option<Receiver>, DatapathError> {
        use pintle_datapath::{EndpointKey, RouteTo};
        let endpoint = |addr| self.datapath.endpoints().get(&EndpointKey { segment, addr });
        let row = match endpoint(addr)? {
            Some(row) => Some(row),
            None => {
                let routes = self.datapath.routes().entries()?.into_iter();
                let holding = routes.filter(|(key, _)| key.segment == segment && key.net.contains(&addr));
                match holding.max_by_key(|(key, _)| key.net.prefix_len()).map(|(_, route)| route.to) {
                    Some(RouteTo::Via(via)) => endpoint(via)?,
                    Some(RouteTo::Public { gateway_vtep, gateway }) => {
                        return Ok(Some(Receiver::Public(gateway_vtep.and(gateway))));
                    }
                    _ => None,
                }
            }
        };
        Ok(row.and_then(|row| row.ifindex.map(Receiver::Port).or(row.vtep.map(Receiver::Host))))
    }
}

/// The slot where packets are dropped, the sender's or the receiver's, and why.
type Drop = (u32, DropReason);

enum Receiver {
    Port(u32),
    Host(Ipv4Addr),
    /// The public network, with the address that another host's gateway gives to what it sends on, if there is one.
    Public(Option<IpAddr>),
}

/// The source address of a frame that holds an IPv4 packet.
fn ipv4_source(frame: &[u8]) -> Option<IpAddr> {
    let is_ipv4 = frame.get(12..14)? == [8, 0];
    let source: [u8; 4] = frame.get(26..30)?.try_into().ok()?;
    is_ipv4.then(|| IpAddr::from(source))
}

fn path(stages: Vec<StageNote>, verdict: Verdict) -> Half {
    Half::Followed(Path { stages, verdict })
}

/// The key of the flow that a first packet makes (see "Flows" in docs/data-plane.md).
fn flow_key(segment: u32, probe: &Probe) -> FlowKey {
    let (protocol, ports) = match probe.payload {
        ProbePayload::Tcp { source_port, destination_port } => (6, (source_port, destination_port)),
        ProbePayload::Udp { source_port, destination_port } => (17, (source_port, destination_port)),
        ProbePayload::Icmp { kind, code, identifier } => {
            let message = u16::from(kind) << 8 | u16::from(code);
            let (protocol, query) = match probe.source {
                IpAddr::V4(_) => (1, matches!((kind, code), (8 | 13 | 17, 0))),
                IpAddr::V6(_) => (58, (kind, code) == (128, 0)),
            };
            (protocol, (if query { identifier } else { 0 }, message))
        }
        ProbePayload::Other(protocol) => (protocol, (0, 0)),
    };
    FlowKey::between(segment, protocol, (probe.source, ports.0), (probe.destination, ports.1))
}
