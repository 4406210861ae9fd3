//! Writing and deleting endpoints and locations, many with one system call.

use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::net::Mac;
use pintle_datapath::{Endpoint, EndpointKey, Location, LocationKey};

use super::{Context, Done, text};
use crate::reconcile::action::{Action, Step};
use crate::reconcile::{Machine, want};

impl Machine {
    /// Writes endpoints. One whose port is not there yet is left out: it is written with its port.
    pub(super) fn put_endpoints(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let realised = self.realised();
        let wanted = |key: &EndpointKey| -> Option<Endpoint> {
            match context.desired.get(&EntryKey::Endpoint(key.segment, key.addr)) {
                Some(Entry::Endpoint(spec)) => want::endpoint(spec, |port| realised.get(&port).copied()),
                _ => None,
            }
        };
        let (numbers, rows): (Vec<usize>, Vec<(EndpointKey, Endpoint)>) = actions
            .iter()
            .filter_map(|(number, action)| match &action.step {
                Step::PutEndpoint(key) => Some((*number, (*key, wanted(key)?))),
                _ => None,
            })
            .unzip();
        drop(realised);
        let table = self.datapath.endpoints();
        match table.put_many(&rows) {
            Ok(()) => numbers.into_iter().map(|number| (number, Ok(()))).collect(),
            // One bad entry must not keep the others out.
            Err(_) => rows.iter().zip(numbers).map(|((key, row), n)| (n, text(table.put(key, row)))).collect(),
        }
    }

    /// Writes locations.
    pub(super) fn put_locations(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let wanted = |key: &LocationKey| match context.desired.get(&EntryKey::Location(key.segment, Mac(key.mac))) {
            Some(Entry::Location(spec)) => Some(want::location(spec)),
            _ => None,
        };
        let (numbers, rows): (Vec<usize>, Vec<(LocationKey, Location)>) = actions
            .iter()
            .filter_map(|(number, action)| match &action.step {
                Step::PutLocation(key) => Some((*number, (*key, wanted(key)?))),
                _ => None,
            })
            .unzip();
        let table = self.datapath.locations();
        match table.put_many(&rows) {
            Ok(()) => numbers.into_iter().map(|number| (number, Ok(()))).collect(),
            Err(_) => rows.iter().zip(numbers).map(|((key, row), n)| (n, text(table.put(key, row)))).collect(),
        }
    }

    /// Deletes endpoints and locations.
    pub(super) fn delete_entries(&self, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let (mut endpoints, mut locations) = (Vec::new(), Vec::new());
        for (_, action) in actions {
            match &action.step {
                Step::DeleteEndpoint(key) => endpoints.push(*key),
                Step::DeleteLocation(key) => locations.push(*key),
                _ => {}
            }
        }
        let endpoints = text(self.datapath.endpoints().delete_many(&endpoints));
        let locations = text(self.datapath.locations().delete_many(&locations));
        let of = |action: &Action| match action.step {
            Step::DeleteEndpoint(_) => endpoints.clone(),
            _ => locations.clone(),
        };
        actions.iter().map(|(number, action)| (*number, of(action))).collect()
    }
}
