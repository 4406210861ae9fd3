//! Bodies of requests about routing tables and their routes.

use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use pintle_core::command::{Command, CreateRoutingTable, NewZoneRoute, UpdateZoneRoute};
use pintle_core::id::{RouteTableId, VpcId, ZoneRouteId};
use pintle_core::model::RouteAction;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::ibm::identity::ZoneIdentity;
use crate::problem::Problem;
use crate::wire::{Text, TextForm, given};

/// The priority of a route that says none (IBM).
const PRIORITY: u8 = 2;

/// Bodies that have, beside their own fields, those of what a table may be for beside subnets: nothing of that is here.
macro_rules! with_sources {
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub struct $name {
            $($fields)*
            #[serde(default)]
            accept_routes_from: Vec<Value>,
            #[serde(default)]
            advertise_routes_to: Vec<Value>,
            #[serde(default)]
            route_direct_link_ingress: bool,
            #[serde(default)]
            route_internet_ingress: bool,
            #[serde(default)]
            route_transit_gateway_ingress: bool,
            #[serde(default)]
            route_vpc_zone_ingress: bool,
        }

        impl $name {
            fn check_sources(&self) -> Result<(), Problem> {
                let rule = "it must be empty: there are no VPNs to accept routes from, and nothing to advertise them to";
                let lists = [
                    ("accept_routes_from", self.accept_routes_from.is_empty()),
                    ("advertise_routes_to", self.advertise_routes_to.is_empty()),
                ];
                if let Some((name, _)) = lists.into_iter().find(|(_, empty)| !empty) {
                    return Err(Problem::field(name, rule));
                }
                let rule = "it must be false: tables are for what subnets send, and not for what comes from elsewhere";
                let ingress = [
                    ("route_direct_link_ingress", self.route_direct_link_ingress),
                    ("route_internet_ingress", self.route_internet_ingress),
                    ("route_transit_gateway_ingress", self.route_transit_gateway_ingress),
                    ("route_vpc_zone_ingress", self.route_vpc_zone_ingress),
                ];
                match ingress.into_iter().find(|(_, wanted)| *wanted) {
                    Some((name, _)) => Err(Problem::field(name, rule)),
                    None => Ok(()),
                }
            }
        }
    };
}

with_sources! {
    /// Body of `POST /vpcs/{id}/routing_tables`.
    #[schemars(rename = "RoutingTablePrototype")]
    Create {
        name: Option<String>,
        #[serde(default)]
        routes: Vec<CreateRoute>,
    }
}

impl Create {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for sources of traffic that are not here, or for a route that can't be.
    pub fn command(self, vpc: VpcId) -> Result<Command, Problem> {
        self.check_sources()?;
        let routes = self.routes.into_iter().enumerate();
        let routes = routes.map(|(at, route)| route.route(&format!("routes[{at}].")));
        let routes = routes.collect::<Result<_, Problem>>()?;
        Ok(Command::CreateRoutingTable(CreateRoutingTable { vpc, name: self.name, routes }))
    }
}

with_sources! {
    /// Body of `PATCH /vpcs/{id}/routing_tables/{id}`.
    #[schemars(rename = "RoutingTablePatch")]
    Update {
        #[serde(default, deserialize_with = "given")]
        #[schemars(with = "String")]
        name: Option<String>,
    }
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    ///
    /// # Errors
    /// As [`Create::command`].
    pub fn command(self, id: RouteTableId) -> Result<Option<Command>, Problem> {
        self.check_sources()?;
        Ok(self.name.map(|name| Command::RenameRouteTable(id, name)))
    }
}

/// What a route does with packets, as the wire spells it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::ibm) enum Action {
    #[default]
    Deliver,
    Drop,
    Delegate,
    DelegateVpc,
}

impl FromStr for Action {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "deliver" => Ok(Action::Deliver),
            "drop" => Ok(Action::Drop),
            "delegate" => Ok(Action::Delegate),
            "delegate_vpc" => Ok(Action::DelegateVpc),
            _ => Err(()),
        }
    }
}
impl TextForm for Action {
    const WORDS: &'static str = "one of 'delegate', 'delegate_vpc', 'deliver' and 'drop'";
}

/// Where a route delivers to: an address. A VPN gateway's connection can't be named, because there are none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RouteNextHopPrototype")]
pub(in crate::ibm) struct NextHop {
    address: Text<Ipv4Addr>,
}

/// Body of `POST /vpcs/{id}/routing_tables/{id}/routes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RoutePrototype")]
pub struct CreateRoute {
    destination: Text<Ipv4Net>,
    zone: ZoneIdentity,
    action: Option<Text<Action>>,
    #[serde(default)]
    advertise: bool,
    name: Option<String>,
    next_hop: Option<NextHop>,
    priority: Option<u8>,
}

impl CreateRoute {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] for an advertised route, or for one whose next hop and action don't fit.
    pub fn command(self, table: RouteTableId) -> Result<Command, Problem> {
        Ok(Command::AddZoneRoute(table, self.route("")?))
    }

    fn route(self, at: &str) -> Result<NewZoneRoute, Problem> {
        check_advertise(self.advertise, at)?;
        let hop = self.next_hop.map(|NextHop { address: Text(address) }| address);
        let action = match (self.action.map(|Text(action)| action).unwrap_or_default(), hop) {
            (Action::Deliver, Some(hop)) if !hop.is_unspecified() => RouteAction::Deliver(hop),
            (Action::Deliver, _) => {
                let rule = "it is needed, with an address, where the action is 'deliver'";
                return Err(Problem::field(format!("{at}next_hop"), rule));
            }
            (_, Some(hop)) if !hop.is_unspecified() => {
                let rule = "only a route whose action is 'deliver' has one; for others it is 0.0.0.0 or left out";
                return Err(Problem::field(format!("{at}next_hop"), rule));
            }
            (Action::Drop, _) => RouteAction::Drop,
            (Action::Delegate, _) => RouteAction::Delegate,
            (Action::DelegateVpc, _) => RouteAction::DelegateVpc,
        };
        let (Text(net), priority) = (self.destination, self.priority.unwrap_or(PRIORITY));
        Ok(NewZoneRoute { name: self.name, zone: self.zone.0, net, priority, action })
    }
}

fn check_advertise(advertise: bool, at: &str) -> Result<(), Problem> {
    if advertise {
        return Err(Problem::field(
            format!("{at}advertise"),
            "it must be false: there is nothing to advertise routes to",
        ));
    }
    Ok(())
}

/// Body of `PATCH /vpcs/{id}/routing_tables/{id}/routes/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RoutePatch")]
pub struct UpdateRoute {
    #[serde(default)]
    advertise: bool,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "NextHop")]
    next_hop: Option<NextHop>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "u8")]
    priority: Option<u8>,
}

impl UpdateRoute {
    /// What it asks for; `None` when nothing is to change.
    ///
    /// # Errors
    /// [`Problem`] for an advertised route.
    pub fn command(self, table: RouteTableId, id: ZoneRouteId) -> Result<Option<Command>, Problem> {
        check_advertise(self.advertise, "")?;
        let hop = self.next_hop.map(|NextHop { address: Text(address) }| address);
        let update = UpdateZoneRoute { name: self.name, priority: self.priority, hop };
        Ok((update != UpdateZoneRoute::default()).then_some(Command::UpdateZoneRoute(table, id, update)))
    }
}
