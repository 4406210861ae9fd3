//! The fate of one packet, host by host: by the reference model and by the programs in the kernel.

use std::net::IpAddr;

use pintle_core::DecideError;
use pintle_core::model::{Host, IpFamily, ReservedIp, Vni};
use pintle_core::policy::{IcmpMatch, PortRange, ProtocolMatch};
use pintle_core::query;
use pintle_core::telemetry::{Entrance, Explanation, Half, Path, Probe, ProbePayload, Verdict};
use pintle_core::txn::Snapshot;
use serde::Deserialize;
use serde_json::{Value, json};

use super::drops::reason;
use super::{maybe_vni, rule, vni};
use crate::native::Named;
use crate::problem::Problem;
use crate::rule_text::protocol_of;
use crate::view::{ip_at, resolve, resolve_within};
use crate::wire::Text;

/// Body of `POST /native/v1/explain`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// The interface that sends.
    from: String,
    /// An interface, or an address.
    to: String,
    /// As rules write it, with one port: `tcp/443`, `icmp/8`; ICMP echo unless said.
    protocol: Option<String>,
    /// Which of the sender's addresses; its primary one of the version that fits unless said.
    source: Option<Text<IpAddr>>,
    /// Of TCP and UDP; the server chooses one unless said.
    source_port: Option<u16>,
}

/// A packet on a host of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The host.
    pub host: Host,
    /// What it says.
    pub explanation: Explanation,
}

impl Explain {
    /// The sender and its packet, with names looked up. `source_port` is used where none is given.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, addresses that don't fit each other, or a protocol that is
    /// not one packet's.
    pub fn probe(&self, snapshot: &dyn Snapshot, source_port: u16) -> Result<(Vni, Probe), Problem> {
        let (from, _) = query::get::<Vni>(snapshot, resolve::<Vni>(snapshot, &self.from)?)?;
        let destination = match self.to.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => {
                let to = resolve_within::<Vni>(snapshot, &self.to, Some(from.vpc))?;
                let (to, _) = query::get::<Vni>(snapshot, to)?;
                let wanted = self.source.map_or(IpFamily::V4, |Text(source)| IpFamily::from(source));
                primary(snapshot, &to, wanted)?.ok_or_else(|| no_address(&to, wanted, "to"))?
            }
        };
        let family = IpFamily::from(destination);
        let source = match self.source {
            Some(Text(source)) if IpFamily::from(source) == family => source,
            Some(Text(source)) => {
                return Err(Problem::field(
                    "source",
                    format!("{source} and {destination} are of different IP versions"),
                ));
            }
            None => primary(snapshot, &from, family)?.ok_or_else(|| no_address(&from, family, "from"))?,
        };
        let port = self.source_port.unwrap_or(source_port);
        let payload = payload(self.protocol.as_deref(), family, port)?;
        let entrance = Entrance::Port(from.id);
        Ok((from, Probe { entrance, source, destination, payload }))
    }
}

fn primary(snapshot: &dyn Snapshot, vni: &Vni, family: IpFamily) -> Result<Option<IpAddr>, DecideError> {
    let id = match family {
        IpFamily::V4 => Some(vni.primary_ip()),
        IpFamily::V6 => vni.primary_ipv6,
    };
    id.map(|id| query::get::<ReservedIp>(snapshot, id).map(|(ip, _)| ip.address)).transpose()
}

fn no_address(vni: &Vni, family: IpFamily, field: &str) -> Problem {
    Problem::field(field, format!("interface {} ({}) has no {} address", vni.name, vni.id, family.words()))
}

fn payload(text: Option<&str>, family: IpFamily, source_port: u16) -> Result<ProbePayload, Problem> {
    let wrong = |detail: String| Problem::field("protocol", detail);
    let echo = if family == IpFamily::V4 { 8 } else { 128 };
    let Some(text) = text else { return Ok(ProbePayload::Icmp { kind: echo, code: 0, identifier: source_port }) };
    let one = |range: PortRange| {
        let single = (range.first == range.last).then_some(range.first);
        single.ok_or_else(|| wrong("a packet has one destination port: write it as 'tcp/443'".to_owned()))
    };
    let icmp = |what: IcmpMatch| match what {
        IcmpMatch::Any => ProbePayload::Icmp { kind: echo, code: 0, identifier: source_port },
        IcmpMatch::Type(kind) => ProbePayload::Icmp { kind, code: 0, identifier: source_port },
        IcmpMatch::Code(kind, code) => ProbePayload::Icmp { kind, code, identifier: source_port },
    };
    match protocol_of(text).map_err(wrong)? {
        ProtocolMatch::Tcp(ports) => Ok(ProbePayload::Tcp { source_port, destination_port: one(ports)? }),
        ProtocolMatch::Udp(ports) => Ok(ProbePayload::Udp { source_port, destination_port: one(ports)? }),
        ProtocolMatch::Icmp(what) | ProtocolMatch::Icmpv6(what) => Ok(icmp(what)),
        ProtocolMatch::Number(number) => Ok(ProbePayload::Other(number)),
        ProtocolMatch::Any | ProtocolMatch::IcmpTcpUdp => {
            Err(wrong("a packet has one protocol: write it as 'tcp/443', 'udp/53' or 'icmp/8'".to_owned()))
        }
    }
}

/// A packet's way as replies show it. `missing` is why the way could not be followed further.
///
/// # Errors
/// When the store can't be read.
pub fn encode(
    snapshot: &dyn Snapshot,
    from: &Vni,
    probe: &Probe,
    hops: &[Hop],
    missing: Option<&str>,
) -> Result<Value, DecideError> {
    let receiver = match ip_at(snapshot, from.vpc, probe.destination)? {
        None => None,
        Some(id) => query::find::<ReservedIp>(snapshot, id)?.and_then(|(ip, _)| ip.bound_to),
    };
    let shown = hops.iter().map(|hop| encode_hop(snapshot, hop)).collect::<Result<Vec<_>, _>>()?;
    let last = hops.last().map(|hop| &hop.explanation);
    let verdict = last.and_then(|last| [&last.model, &last.kernel].into_iter().find_map(followed));
    let permitted = verdict.map(|path| !matches!(path.verdict, Verdict::Dropped { .. }));
    // Only a way that was followed to its end is a permitted one.
    let permitted = if missing.is_some() && permitted == Some(true) { None } else { permitted };
    Ok(json!({
        "from": Named::new(from, &from.name),
        "to": maybe_vni(snapshot, receiver)?,
        "source": probe.source.to_string(),
        "destination": probe.destination.to_string(),
        "packet": encode_payload(probe.payload),
        "hops": shown,
        "permitted": permitted,
        "agree": hops.iter().map(|hop| hop.explanation.agree()).reduce(both).flatten(),
        "missing": missing,
    }))
}

fn both(one: Option<bool>, two: Option<bool>) -> Option<bool> {
    match (one, two) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn followed(half: &Half) -> Option<&Path> {
    match half {
        Half::Followed(path) => Some(path),
        Half::Unknown(_) => None,
    }
}

fn encode_payload(payload: ProbePayload) -> Value {
    match payload {
        ProbePayload::Tcp { source_port, destination_port } => {
            json!({ "protocol": "tcp", "source_port": source_port, "destination_port": destination_port })
        }
        ProbePayload::Udp { source_port, destination_port } => {
            json!({ "protocol": "udp", "source_port": source_port, "destination_port": destination_port })
        }
        ProbePayload::Icmp { kind, code, identifier } => {
            json!({ "protocol": "icmp", "type": kind, "code": code, "identifier": identifier })
        }
        ProbePayload::Other(number) => json!({ "protocol": super::protocol(number) }),
    }
}

fn encode_hop(snapshot: &dyn Snapshot, hop: &Hop) -> Result<Value, DecideError> {
    Ok(json!({
        "host": Named::new(&hop.host, &hop.host.name),
        "model": encode_half(snapshot, &hop.explanation.model)?,
        "kernel": encode_half(snapshot, &hop.explanation.kernel)?,
        "agree": hop.explanation.agree(),
    }))
}

fn encode_half(snapshot: &dyn Snapshot, half: &Half) -> Result<Value, DecideError> {
    let path = match half {
        Half::Unknown(reason) => return Ok(json!({ "unknown": reason })),
        Half::Followed(path) => path,
    };
    let stages = path
        .stages
        .iter()
        .map(|note| Ok(json!({ "stage": note.stage, "text": note.text, "rule": rule(snapshot, note.rule)? })))
        .collect::<Result<Vec<Value>, DecideError>>()?;
    Ok(json!({ "stages": stages, "verdict": encode_verdict(snapshot, &path.verdict)? }))
}

fn encode_verdict(snapshot: &dyn Snapshot, verdict: &Verdict) -> Result<Value, DecideError> {
    Ok(match verdict {
        Verdict::Delivered(id) => json!({ "kind": "delivered", "virtual_network_interface": vni(snapshot, *id)? }),
        Verdict::Tunnelled { vtep, segment, .. } => {
            json!({ "kind": "tunnelled", "vtep": vtep.to_string(), "segment": segment })
        }
        Verdict::Public(address) => json!({ "kind": "public", "address": address.to_string() }),
        Verdict::Answered(what) => json!({ "kind": "answered", "text": what }),
        Verdict::Dropped { reason: why, rule: by } => {
            json!({ "kind": "dropped", "reason": reason(*why), "rule": rule(snapshot, *by)? })
        }
    })
}
