//! Writing and deleting endpoints, locations and routes, many with one system call. Flows that relied on them learn of it
//! afterwards, by the epochs of their cells.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pintle_core::host_spec::{Entry, EntryKey, OWN_TABLE, RouteSpec};
use pintle_core::net::Mac;
use pintle_datapath::{
    Endpoint, EndpointKey, Entry as Row, Location, LocationKey, Route, RouteKey, RouteTo, Table, cell_of_endpoint,
    cell_of_mac, cell_of_route, cell_of_slot,
};

use super::{Context, Done, text};
use crate::desired::Desired;
use crate::reconcile::action::{Action, Step};
use crate::reconcile::{Machine, want};

impl Machine {
    /// Writes endpoints. One whose port is not there yet is left out: it is written with its port.
    pub(super) fn put_endpoints(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let (realised, numbers) = (self.realised(), self.numbers());
        let wanted = |key: &EndpointKey| -> Option<Endpoint> {
            match context.desired.get(&EntryKey::Endpoint(key.segment, key.addr)) {
                Some(Entry::Endpoint(spec)) => want::endpoint(key, spec, &numbers, |port| realised.get(&port).copied()),
                _ => None,
            }
        };
        let rows: Vec<(usize, EndpointKey, Endpoint)> = actions
            .iter()
            .filter_map(|(number, action)| match &action.step {
                Step::PutEndpoint(key) => Some((*number, *key, wanted(key)?)),
                _ => None,
            })
            .collect();
        drop((realised, numbers));
        let mut cells = BTreeSet::new();
        for (_, key, row) in &rows {
            cells.insert(row.cell);
            if !context.observed.endpoints.contains_key(key) {
                cells.extend(cells_around(context.desired, key.segment, key.addr));
            }
        }
        let done = put(&self.datapath.endpoints(), rows);
        self.raise(cells);
        done
    }

    /// Writes locations.
    pub(super) fn put_locations(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let desired = context.desired;
        let wanted = |key: &LocationKey| match desired.get(&EntryKey::Location(key.segment, Mac(key.mac))) {
            Some(Entry::Location(spec)) => {
                Some(want::location(key, spec, desired.uses().address_of(key.segment, Mac(key.mac))))
            }
            _ => None,
        };
        let rows: Vec<(usize, LocationKey, Location)> = actions
            .iter()
            .filter_map(|(number, action)| match &action.step {
                Step::PutLocation(key) => Some((*number, *key, wanted(key)?)),
                _ => None,
            })
            .collect();
        let cells: BTreeSet<u16> = rows.iter().map(|(_, _, row)| row.cell).collect();
        let done = put(&self.datapath.locations(), rows);
        self.raise(cells);
        done
    }

    /// Writes routes.
    pub(super) fn put_routes(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let desired = context.desired;
        let wanted = |key: &RouteKey| match desired.get(&EntryKey::Route(key.segment, key.table, key.net)) {
            Some(Entry::Route(spec)) => Some(want::route(key, spec)),
            _ => None,
        };
        let rows: Vec<(usize, RouteKey, Route)> = actions
            .iter()
            .filter_map(|(number, action)| match &action.step {
                Step::PutRoute(key) => Some((*number, *key, wanted(key)?)),
                _ => None,
            })
            .collect();
        let mut cells = self.cells_of_routes(context, rows.iter().map(|(_, key, _)| *key));
        cells.extend(rows.iter().map(|(_, _, row)| row.cell));
        let done = put(&self.datapath.routes(), rows);
        self.raise(cells);
        done
    }

    /// Deletes endpoints, locations and routes.
    pub(super) fn delete_entries(&self, context: &Context<'_>, actions: &[(usize, &Action)]) -> Vec<(usize, Done)> {
        let (mut endpoints, mut locations, mut routes) = (Vec::new(), Vec::new(), Vec::new());
        let mut cells = BTreeSet::new();
        for (_, action) in actions {
            match &action.step {
                Step::DeleteEndpoint(key) => {
                    cells.insert(cell_of_endpoint(key.segment, key.addr));
                    endpoints.push(*key);
                }
                Step::DeleteLocation(key) => {
                    cells.insert(cell_of_mac(key.segment, key.mac));
                    locations.push(*key);
                }
                Step::DeleteRoute(key) => {
                    cells.insert(cell_of_route(key));
                    routes.push(*key);
                }
                _ => {}
            }
        }
        cells.extend(self.cells_of_routes(context, routes.iter().copied()));
        let endpoints = text(self.datapath.endpoints().delete_many(&endpoints));
        let locations = text(self.datapath.locations().delete_many(&locations));
        let routes = text(self.datapath.routes().delete_many(&routes));
        self.raise(cells);
        let of = |action: &Action| match action.step {
            Step::DeleteEndpoint(_) => endpoints.clone(),
            Step::DeleteLocation(_) => locations.clone(),
            _ => routes.clone(),
        };
        actions.iter().map(|(number, action)| (*number, of(action))).collect()
    }

    /// The cells of what was found by other means until these routes were changed, or by what they led to: of the VPC's own
    /// routes those around them, of a route table's everybody whose packets go by it.
    fn cells_of_routes(&self, context: &Context<'_>, keys: impl Iterator<Item = RouteKey>) -> BTreeSet<u16> {
        let desired = context.desired;
        let (mut cells, mut tables) = (BTreeSet::new(), BTreeSet::new());
        for key in keys {
            if let Some(Route { to: RouteTo::Via(hop), .. }) = context.observed.routes.get(&key) {
                cells.insert(cell_of_endpoint(key.segment, *hop));
            }
            if key.table == OWN_TABLE {
                cells.extend(cells_around(desired, key.segment, key.net.addr()));
            } else {
                tables.insert((key.segment, key.table));
            }
        }
        let realised = self.realised();
        for (segment, table) in tables {
            let ports = desired.ports().filter(|(_, spec)| (spec.segment, spec.route_table) == (segment, table));
            cells.extend(ports.filter_map(|(id, _)| realised.get(&id)).map(|place| cell_of_slot(place.slot)));
            let locations = desired.locations(segment).filter(|(_, spec)| spec.route_table == table);
            cells.extend(locations.map(|(mac, _)| cell_of_mac(segment, mac.0)));
        }
        cells
    }

    /// Tells flows that something in these cells has changed, after it was written.
    pub(super) fn raise(&self, cells: impl IntoIterator<Item = u16>) {
        let epochs = self.datapath.epochs();
        cells.into_iter().for_each(|cell| epochs.raise(cell));
    }
}

/// Writes rows, all at once if the kernel takes them all.
fn put<E: Row>(table: &Table<'_, E>, rows: Vec<(usize, E::Key, E)>) -> Vec<(usize, Done)> {
    let (numbers, rows): (Vec<usize>, Vec<(E::Key, E)>) =
        rows.into_iter().map(|(number, key, row)| (number, (key, row))).unzip();
    match table.put_many(&rows) {
        Ok(()) => numbers.into_iter().map(|number| (number, Ok(()))).collect(),
        // One bad entry must not keep the others out.
        Err(_) => rows.iter().zip(numbers).map(|((key, row), n)| (n, text(table.put(key, row)))).collect(),
    }
}

/// The cells of what the VPC's own routes that hold an address lead to: what is found for it was found by one of them, or
/// will be.
fn cells_around(desired: &Desired, segment: u32, addr: IpAddr) -> Vec<u16> {
    if desired.routes(segment, OWN_TABLE).next().is_none() {
        return Vec::new();
    }
    let longest = if addr.is_ipv4() { 32 } else { 128 };
    let nets = (0..=longest).filter_map(|length| Some(ipnet::IpNet::new(addr, length).ok()?.trunc()));
    let known = nets.filter_map(|net| match desired.get(&EntryKey::Route(segment, OWN_TABLE, net)) {
        Some(Entry::Route(spec)) => Some((net, spec)),
        _ => None,
    });
    let mut cells = Vec::new();
    for (net, spec) in known {
        cells.push(cell_of_route(&RouteKey::own(segment, net)));
        if let RouteSpec::Via(hop) = spec {
            cells.push(cell_of_endpoint(segment, *hop));
        }
    }
    cells
}
