//! What hosts tell of their data plane, with interfaces and rules called by name.
//!
//! Answers may be older than the store: what has gone since keeps its id and has no name.

mod drops;
mod explain;
mod flows;

pub use drops::encode as encode_drops;
pub use explain::{Explain, Hop, encode as encode_explanation};
pub use flows::encode as encode_flows;

use pintle_core::DecideError;
use pintle_core::id::VniId;
use pintle_core::model::{Host, NetworkAcl, SecurityGroup, Vni};
use pintle_core::query;
use pintle_core::record::Record;
use pintle_core::telemetry::RuleRef;
use pintle_core::txn::Snapshot;
use serde_json::{Value, json};

use super::{Named, network_acl, security_group};
use crate::problem::Problem;
use crate::view::{SecurityGroupView, View, resolve};
use crate::wire::Params;

/// Whose flows or drops a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    vni: Option<String>,
    host: Option<String>,
    limit: u32,
}

/// What a scope stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// One interface.
    Vni(Box<Vni>),
    /// One host.
    Host(Box<Host>),
    /// Every host.
    All,
}

impl Scope {
    /// From a query with at most one of `vni` and `host`, and `limit`: 1 to 10,000, 100 unless said.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn decode(mut params: Params) -> Result<Self, Problem> {
        let (vni, host) = (params.take("vni")?, params.take("host")?);
        let most = u64::from(pintle_core::telemetry::MAX_FLOWS);
        let limit = params.take_number("limit", 1..=most)?.unwrap_or(100) as u32;
        params.finish()?;
        if vni.is_some() && host.is_some() {
            return Err(Problem::Parameter {
                name: "host".to_owned(),
                value: host,
                rule: "only one of 'vni' and 'host' can be given".to_owned(),
            });
        }
        Ok(Scope { vni, host, limit })
    }

    /// The most flows that are to be shown.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// What it stands for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn resolve(&self, snapshot: &dyn Snapshot) -> Result<Asked, Problem> {
        Ok(match (&self.vni, &self.host) {
            (Some(vni), _) => Asked::Vni(Box::new(query::get(snapshot, resolve::<Vni>(snapshot, vni)?)?.0)),
            (None, Some(host)) => Asked::Host(Box::new(query::get(snapshot, resolve::<Host>(snapshot, host)?)?.0)),
            (None, None) => Asked::All,
        })
    }
}

/// An interface by id, with its name if it still exists.
fn vni(snapshot: &dyn Snapshot, id: VniId) -> Result<Value, DecideError> {
    let found = query::find::<Vni>(snapshot, id)?;
    Ok(named(id.to_string(), found.as_ref().map(|(vni, _)| vni.name.as_str())))
}

fn maybe_vni(snapshot: &dyn Snapshot, id: Option<VniId>) -> Result<Value, DecideError> {
    id.map_or(Ok(Value::Null), |id| vni(snapshot, id))
}

fn named(id: String, name: Option<&str>) -> Value {
    json!({ "id": id, "name": name })
}

/// A rule by id, with where it stands and what it says if it still exists.
fn rule(snapshot: &dyn Snapshot, rule: Option<RuleRef>) -> Result<Value, DecideError> {
    Ok(match rule {
        None => Value::Null,
        Some(RuleRef::Group { group, rule }) => {
            let found = found::<SecurityGroup>(snapshot, group)?;
            let text = match &found {
                None => None,
                Some((group, revision)) => {
                    let view = SecurityGroupView::join(snapshot, group.clone(), *revision)?;
                    view.group.rule(rule).map(|rule| security_group::write(&view, rule))
                }
            };
            let place = found.map(|(group, _)| Named::new(&group, &group.name));
            json!({ "id": rule.to_string(), "security_group": place, "rule": text })
        }
        Some(RuleRef::Acl { acl, rule }) => {
            let found = found::<NetworkAcl>(snapshot, acl)?.map(|(acl, _)| acl);
            let text = found.as_ref().and_then(|acl| acl.rule(rule)).map(|rule| network_acl::write(&rule.rule));
            let place = found.map(|acl| Named::new(&acl, &acl.name));
            json!({ "id": rule.to_string(), "network_acl": place, "rule": text })
        }
    })
}

fn found<R: Record>(snapshot: &dyn Snapshot, id: Option<R::Id>) -> Result<Option<(R, u64)>, DecideError> {
    id.map_or(Ok(None), |id| query::find::<R>(snapshot, id))
}

/// A protocol's name, or its number (IANA).
fn protocol(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        other => format!("protocol/{other}"),
    }
}

/// Answers of several hosts in one: who answered, and who could not.
pub fn encode_hosts(answers: Vec<(Host, Result<Value, String>)>) -> Value {
    let (mut hosts, mut missing) = (Vec::new(), Vec::new());
    for (host, answer) in answers {
        let host = Named::new(&host, &host.name);
        match answer {
            Ok(mut answer) => {
                answer["host"] = json!(host);
                hosts.push(answer);
            }
            Err(reason) => missing.push(json!({ "host": host, "reason": reason })),
        }
    }
    json!({ "hosts": hosts, "missing": missing })
}
