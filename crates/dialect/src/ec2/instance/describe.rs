//! DescribeInstances and DescribeInstanceStatus: those that there are, newest first, then those that have gone lately.

use pintle_core::id::InstanceId;
use pintle_core::model::{DepartedInstance, Instance, Role};

use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Actor, query, record};

use super::filters::{FILTERS, candidates};
use super::show::{InstanceView, write_reservations};
use super::state::State;
use crate::ec2::caller::Caller;
use crate::ec2::describe::{bad_token, fingerprint, in_order, open_token, seal_token};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::Filters;
use crate::ec2::operation::{Operation, Scan, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation = Operation::read(
    "DescribeInstances",
    "whole: ids, filters, pages; terminated ones for an hour; no volumes",
    |params, caller| decode(params, caller, Kind::Instances),
);

pub(in crate::ec2) const STATUS: Operation =
    Operation::read("DescribeInstanceStatus", "what hosts have said of instances; no events", |params, caller| {
        let all = params.flag("IncludeAllInstances")?.unwrap_or(false);
        decode(params, caller, Kind::Status { all })
    });

/// The most instances that a page shows.
const PAGE: usize = 1000;

/// What is shown of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Instances,
    Status { all: bool },
}

fn decode(params: &mut Params, caller: &Caller, kind: Kind) -> Result<Work, Ec2Error> {
    params.flag("IncludeManagedResources")?;
    let token = params.text("NextToken").filter(|token| !token.is_empty());
    let limit = params.number("MaxResults", 5..=PAGE)?;
    let query =
        fingerprint(params, if kind == Kind::Instances { "reservationSet" } else { "instanceStatusSet" }, caller);
    let ids = params.ids::<InstanceId>("InstanceId")?;
    let filters = Filters::read(params, FILTERS)?;
    if !ids.is_empty() && (limit.is_some() || token.is_some()) {
        return Err(Ec2Error::combination("The parameter InstanceId cannot be used with the parameter MaxResults"));
    }
    let place = match token {
        Some(token) => Place::parse(&open_token(&token, &query)?)?,
        None if ids.is_empty() => Place::Left(None),
        None => Place::Named(in_order(ids).into_iter(), true),
    };
    let limit = if matches!(place, Place::Named(..)) { usize::MAX } else { limit.unwrap_or(PAGE) };
    Ok(Work::Scan(Box::new(Listing {
        kind,
        place,
        filters,
        limit,
        query,
        caller: caller.clone(),
        found: Vec::new(),
        next: None,
    })))
}

/// Where a listing goes on.
enum Place {
    /// Behind this id, or at the beginning, of whatever the filters leave.
    Left(Option<InstanceId>),
    /// At the first of these ids, which are in their order; whether each must exist.
    Named(std::vec::IntoIter<InstanceId>, bool),
    /// At this place among those that there are: servers, then bare metal servers, which are instances here as EC2's
    /// `*.metal` ones are.
    Present(Role, Option<String>),
    /// At this place among those that have gone.
    Departed(Option<String>),
}

impl Place {
    fn parse(text: &str) -> Result<Self, Ec2Error> {
        match text.split_once(':') {
            Some(("present", place)) => Ok(Place::Present(Role::Server, given(place))),
            Some(("metal", place)) => Ok(Place::Present(Role::BareMetal, given(place))),
            Some(("departed", place)) => Ok(Place::Departed(given(place))),
            Some(("after", id)) => Ok(Place::Left(Some(id.parse().map_err(|_| bad_token())?))),
            _ => Err(bad_token()),
        }
    }

    /// What [`Place::parse`] reads; `None`: it is no place of a walk.
    fn token(&self) -> Option<String> {
        let (part, place) = match self {
            Place::Left(Some(id)) => return Some(format!("after:{id}")),
            Place::Present(Role::Server, place) => ("present", place),
            Place::Present(Role::BareMetal, place) => ("metal", place),
            Place::Departed(place) => ("departed", place),
            Place::Left(None) | Place::Named(..) | Place::Present(Role::ShareMount(_), _) => return None,
        };
        Some(format!("{part}:{}", place.as_deref().unwrap_or_default()))
    }
}

/// The beginning is written as nothing.
fn given(place: &str) -> Option<String> {
    (!place.is_empty()).then(|| place.to_owned())
}

struct Listing {
    kind: Kind,
    place: Place,
    filters: Filters,
    limit: usize,
    query: [u8; 8],
    caller: Caller,
    found: Vec<InstanceView>,
    next: Option<String>,
}

impl Scan for Listing {
    fn step(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        if let Place::Left(after) = self.place {
            self.place = match candidates(snapshot, &self.filters)? {
                Some(mut ids) => {
                    ids.retain(|id| Some(*id) > after);
                    Place::Named(ids.into_iter(), false)
                }
                None => Place::Present(Role::Server, None),
            };
        }
        match std::mem::replace(&mut self.place, Place::Left(None)) {
            Place::Named(ids, must_exist) => self.named(snapshot, ids, must_exist, most),
            Place::Departed(start) => self.departed(snapshot, start, most),
            Place::Present(role, start) => self.present(snapshot, role, start, most),
            Place::Left(_) => Ok(true),
        }
    }

    fn write(self: Box<Self>, xml: &mut Xml) {
        match self.kind {
            Kind::Instances => write_reservations(xml, &self.found, &self.caller, Some("reservationSet")),
            Kind::Status { .. } => {
                xml.set("instanceStatusSet", &self.found, |xml, view| write_status(xml, view, &self.caller));
            }
        }
        xml.option("nextToken", self.next.map(|place| seal_token(&place, &self.query)));
    }
}

impl Listing {
    fn take(&mut self, view: InstanceView) {
        let wanted = match self.kind {
            Kind::Instances => true,
            Kind::Status { all } => all || view.state() == State::Running,
        };
        if wanted && self.filters.pass_tags(&view.tags) && self.filters.pass(&view, FILTERS) {
            self.found.push(view);
        }
    }

    fn named(
        &mut self,
        snapshot: &dyn Snapshot,
        mut ids: std::vec::IntoIter<InstanceId>,
        must_exist: bool,
        most: usize,
    ) -> Result<bool, Ec2Error> {
        for _ in 0..most {
            let Some(id) = ids.next() else { return Ok(true) };
            match find(snapshot, &self.caller, id)? {
                Some(view) => self.take(view),
                None if must_exist => return Err(not_found(Noun::Instance, &id.to_string())),
                None => {}
            }
            if self.found.len() >= self.limit && !ids.as_slice().is_empty() {
                self.next = Place::Left(Some(id)).token();
                return Ok(true);
            }
        }
        self.place = Place::Named(ids, must_exist);
        Ok(false)
    }

    fn present(
        &mut self,
        snapshot: &dyn Snapshot,
        role: Role,
        start: Option<String>,
        most: usize,
    ) -> Result<bool, Ec2Error> {
        let chunk = most.min(self.limit - self.found.len());
        let scope = record::instances_in(&self.caller.owner().scope(), role);
        let page = query::page::<Instance>(snapshot, &scope, start.as_deref(), chunk);
        let page = page.map_err(token_or)?;
        for (instance, revision) in page.items {
            let view = InstanceView::of(snapshot, instance, revision)?;
            self.take(view);
        }
        let full = self.found.len() >= self.limit;
        let next = match (page.next, role) {
            (Some(place), _) => Place::Present(role, Some(place)),
            (None, Role::Server) => Place::Present(Role::BareMetal, None),
            (None, Role::BareMetal | Role::ShareMount(_)) => Place::Departed(None),
        };
        if full {
            self.next = next.token()
        } else {
            self.place = next
        }
        Ok(full)
    }

    fn departed(&mut self, snapshot: &dyn Snapshot, start: Option<String>, most: usize) -> Result<bool, Ec2Error> {
        let chunk = most.min(self.limit - self.found.len());
        let page = query::page::<DepartedInstance>(snapshot, &self.caller.owner().scope(), start.as_deref(), chunk);
        let page = page.map_err(token_or)?;
        let mut forgotten = false;
        for (departed, _) in page.items {
            // The newest come first: all after one that is forgotten are forgotten too.
            forgotten |= !departed.remembered(self.caller.now);
            if !forgotten {
                self.take(InstanceView::gone(departed));
            }
        }
        let full = self.found.len() >= self.limit;
        match page.next.filter(|_| !forgotten) {
            Some(next) if full => self.next = Some(format!("departed:{next}")),
            Some(next) => {
                self.place = Place::Departed(Some(next));
                return Ok(false);
            }
            None => {}
        }
        Ok(true)
    }
}

fn token_or(error: pintle_core::DecideError) -> Ec2Error {
    match error {
        pintle_core::DecideError::Refused(_) => bad_token(),
        other => other.into(),
    }
}

/// What serves a share is no instance to anybody.
fn shown(instance: &Instance, by: &Actor) -> bool {
    by.sees(instance) && !matches!(instance.role, Role::ShareMount(_))
}

/// An instance of the caller's, be it gone.
pub(super) fn find(snapshot: &dyn Snapshot, caller: &Caller, id: InstanceId) -> Result<Option<InstanceView>, Ec2Error> {
    let by = caller.actor();
    if let Some((instance, revision)) = query::find::<Instance>(snapshot, id)?.filter(|(found, _)| shown(found, &by)) {
        return Ok(Some(InstanceView::of(snapshot, instance, revision)?));
    }
    let departed = query::find::<DepartedInstance>(snapshot, id)?.map(|(departed, _)| departed);
    let shown = departed.filter(|departed| by.sees(departed) && departed.remembered(caller.now));
    Ok(shown.map(InstanceView::gone))
}

fn write_status(xml: &mut Xml, view: &InstanceView, caller: &Caller) {
    let summary = match (view.state(), &view.instance.failure) {
        (_, Some(_)) => ("impaired", "failed"),
        (State::Running, None) => ("ok", "passed"),
        (State::Pending, None) => ("initializing", "initializing"),
        (_, None) => ("not-applicable", ""),
    };
    xml.text("instanceId", view.instance.id);
    xml.text("availabilityZone", &view.instance.zone);
    xml.text("availabilityZoneId", caller.zone_id(&view.instance.zone));
    view.state().write(xml, "instanceState");
    for name in ["systemStatus", "instanceStatus"] {
        xml.nest(name, |xml| {
            xml.text("status", summary.0);
            if !summary.1.is_empty() {
                xml.set("details", [summary.1], |xml, status| {
                    xml.text("name", "reachability");
                    xml.text("status", status);
                });
            }
        });
    }
    xml.nest("operator", |xml| xml.text("managed", false));
}
