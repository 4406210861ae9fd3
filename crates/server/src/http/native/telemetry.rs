//! `/native/v1/flows`, `/native/v1/drops` and `/native/v1/explain`: what hosts see at this moment.

use std::net::Ipv4Addr;

use axum::extract::State;
use axum::http::StatusCode;
use futures::future::join_all;
use pintle_core::DecideError;
use pintle_core::id::HostId;
use pintle_core::model::{Attachment, Host, Move, Vni};
use pintle_core::query;
use pintle_core::record::list_prefix;
use pintle_core::telemetry::{Answer as HostAnswer, Entrance, Explanation, Failed, Half, Probe, Question, Verdict};
use pintle_core::txn::Snapshot;
use pintle_dialect::Problem;
use pintle_dialect::native::telemetry::{self, Asked, Explain, Hop, Scope};
use serde_json::Value;

use super::super::answer::{Answer, Fault, json};
use super::super::app::App;
use super::super::extract::{Body, Query};
use crate::clock::random;
use crate::sessions::AskError;

/// The most hosts that a packet is followed through: its own, and one more.
const MAX_HOPS: usize = 2;
/// Source ports that the server chooses from (RFC 6335: dynamic ports).
const DYNAMIC_PORTS: u16 = 49_152;

pub(super) async fn flows(State(app): State<App>, Query(params): Query) -> Answer {
    let scope = Scope::decode(params)?;
    let limit = scope.limit();
    let answers = ask(&app, &scope, |vni| Question::Flows { vni, limit }).await?;
    let body = encode(&app, answers, |snapshot, answer| match answer {
        HostAnswer::Flows(flows) => Some(telemetry::encode_flows(snapshot, flows)),
        _ => None,
    });
    Ok(json(StatusCode::OK, &body.await?))
}

pub(super) async fn drops(State(app): State<App>, Query(params): Query) -> Answer {
    let scope = Scope::decode(params)?;
    let answers = ask(&app, &scope, |vni| Question::Drops { vni }).await?;
    let body = encode(&app, answers, |snapshot, answer| match answer {
        HostAnswer::Drops(drops) => Some(telemetry::encode_drops(snapshot, drops)),
        _ => None,
    });
    Ok(json(StatusCode::OK, &body.await?))
}

type Answered = (Host, Result<HostAnswer, AskError>);

/// Asks the hosts that a scope stands for. One interface's host must answer; of many hosts, some may be away.
async fn ask(
    app: &App,
    scope: &Scope,
    question: impl Fn(Option<pintle_core::id::VniId>) -> Question,
) -> Result<Vec<Answered>, Fault> {
    let (vni, hosts, every) = app
        .read(|snapshot| {
            Ok(match scope.resolve(snapshot)? {
                Asked::Vni(vni) => (Some(vni.id), hosts_of(snapshot, &vni)?, false),
                Asked::Host(host) => (None, vec![*host], false),
                Asked::All => {
                    let ids = query::index::<HostId>(snapshot, &list_prefix::<Host>(""))?;
                    (None, read_all(snapshot, ids)?, true)
                }
            })
        })
        .await?;
    let asked = hosts.into_iter().map(async |host| {
        let answer = app.sessions.ask(host.id, question(vni)).await;
        (host, answer)
    });
    let answers = join_all(asked).await;
    if !every && let Some(error) = answers.iter().find_map(|(_, answer)| answer.as_ref().err()) {
        return Err(unanswered(*error).into());
    }
    Ok(answers)
}

fn read_all(snapshot: &dyn Snapshot, ids: Vec<HostId>) -> Result<Vec<Host>, DecideError> {
    ids.into_iter().map(|id| query::get::<Host>(snapshot, id).map(|(host, _)| host)).collect()
}

/// The host that speaks for an interface, and the other one while it is being moved.
fn hosts_of(snapshot: &dyn Snapshot, vni: &Vni) -> Result<Vec<Host>, Problem> {
    let attachment = vni.attachment.ok_or(pintle_core::Refusal::NotAttached { vni: vni.id })?;
    let moving = query::find::<Move>(snapshot, vni.id)?.map(|(moving, _)| [moving.from, moving.to]);
    let mut hosts = Vec::new();
    for attachment in std::iter::once(attachment).chain(moving.into_iter().flatten()) {
        let Some((attachment, _)) = query::find::<Attachment>(snapshot, attachment)? else { continue };
        if !hosts.contains(&attachment.host) {
            hosts.push(attachment.host);
        }
    }
    Ok(read_all(snapshot, hosts)?)
}

fn unanswered(error: AskError) -> Problem {
    let detail = error.to_string();
    match error {
        AskError::Away(_) | AskError::Left(_) | AskError::Busy(_) => Problem::HostAway { detail },
        AskError::Slow(_) => Problem::HostSlow { detail },
    }
}

/// Why an answer is none.
fn failed(host: &Host, answer: &HostAnswer) -> String {
    match answer {
        HostAnswer::Failed(Failed::NotHere(vni)) => format!("host {} has no port for {vni}", host.name),
        HostAnswer::Failed(Failed::Because(reason)) => format!("host {} can't tell: {reason}", host.name),
        _ => format!("host {} has answered another question", host.name),
    }
}

async fn encode(
    app: &App,
    answers: Vec<Answered>,
    mut encode: impl FnMut(&dyn Snapshot, &HostAnswer) -> Option<Result<Value, DecideError>> + Send,
) -> Result<Value, Fault> {
    app.read(move |snapshot| {
        let mut shown = Vec::new();
        for (host, answer) in answers {
            let value = match answer {
                Err(error) => Err(error.to_string()),
                Ok(answer) => match encode(snapshot, &answer) {
                    Some(value) => Ok(value?),
                    None => Err(failed(&host, &answer)),
                },
            };
            shown.push((host, value));
        }
        Ok(telemetry::encode_hosts(shown))
    })
    .await
}

pub(super) async fn explain(State(app): State<App>, Body(body): Body<Explain>) -> Answer {
    let port = DYNAMIC_PORTS | u16::from_be_bytes(random::<2>());
    let (from, probe, host) = app
        .read(|snapshot| {
            let (from, probe) = body.probe(snapshot, port)?;
            let host = hosts_of(snapshot, &from)?.into_iter().next();
            let host = host.ok_or(pintle_core::Refusal::NotAttached { vni: from.id })?;
            Ok((from, probe, host))
        })
        .await?;
    let mut hops = vec![explained(&app, host, &probe).await?];
    let missing = follow(&app, &probe, &mut hops).await?;
    let read =
        app.read(|snapshot| Ok(telemetry::encode_explanation(snapshot, &from, &probe, &hops, missing.as_deref())?));
    Ok(json(StatusCode::OK, &read.await?))
}

/// Follows a packet from its sender's host to where it ends; comes back with why it could not be, if so.
async fn follow(app: &App, probe: &Probe, hops: &mut Vec<Hop>) -> Result<Option<String>, Fault> {
    while let Some((vtep, entrance)) = hops.last().and_then(onward) {
        if hops.len() == MAX_HOPS {
            return Ok(Some(format!("the packet goes on to {vtep}, which no packet between two interfaces does")));
        }
        let Some(next) = host_at(app, vtep).await? else {
            return Ok(Some(format!("no host has the underlay address {vtep}")));
        };
        match explained(app, next, &Probe { entrance, ..probe.clone() }).await {
            Ok(hop) => hops.push(hop),
            Err(fault) => return Ok(Some(fault.to_string())),
        }
    }
    Ok(None)
}

/// Where the packet goes on to: by the kernel, which is what happens, else by the model.
fn onward(hop: &Hop) -> Option<(Ipv4Addr, Entrance)> {
    let Explanation { model, kernel } = &hop.explanation;
    let verdict = [kernel, model].into_iter().find_map(|half| match half {
        Half::Followed(path) => Some(&path.verdict),
        Half::Unknown(_) => None,
    })?;
    match *verdict {
        Verdict::Tunnelled { vtep, segment, source_mac, destination_mac } => {
            Some((vtep, Entrance::Overlay { vtep: hop.host.vtep, segment, source_mac, destination_mac }))
        }
        _ => None,
    }
}

async fn host_at(app: &App, vtep: Ipv4Addr) -> Result<Option<Host>, Fault> {
    app.read(|snapshot| {
        let hosts = read_all(snapshot, query::index::<HostId>(snapshot, &list_prefix::<Host>(""))?)?;
        Ok(hosts.into_iter().find(|host| host.vtep == vtep))
    })
    .await
}

async fn explained(app: &App, host: Host, probe: &Probe) -> Result<Hop, Problem> {
    let answer = app.sessions.ask(host.id, Question::Explain(Box::new(probe.clone()))).await.map_err(unanswered)?;
    match answer {
        HostAnswer::Explained(explanation) => Ok(Hop { host, explanation: *explanation }),
        other => Err(Problem::HostFailed { detail: failed(&host, &other) }),
    }
}
