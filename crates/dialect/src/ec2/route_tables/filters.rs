//! The filters of DescribeRouteTables, and the indexes that answer those which name a parent.

use ipnet::IpNet;
use pintle_core::id::{RouteTableId, SubnetId, VpcId};
use pintle_core::model::{RouteTarget, Subnet, Tags};
use pintle_core::txn::Snapshot;
use pintle_core::{query, record};

use super::show::{Leads, RouteView, TableView};
use crate::ec2::caller::Caller;
use crate::ec2::describe::Resource;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::Xml;

type Def = FilterDef<TableView>;

fn networks(view: &TableView, v4: bool) -> Vec<String> {
    let written = view.routes.iter().map(|view| view.net);
    let all = view.local.iter().copied().chain(written);
    all.filter(|net| matches!(net, IpNet::V4(_)) == v4).map(|net| net.to_string()).collect()
}

/// Something of each written route, and of the local ones.
fn of_routes(view: &TableView, local: Option<&str>, show: impl Fn(&RouteView) -> Option<String>) -> Vec<String> {
    view.routes.iter().filter_map(show).chain(local.map(str::to_owned)).collect()
}

const FILTERS: &[Def] = &[
    Def {
        name: "association.main",
        values: |v, _| v.associations.iter().map(|a| a.subnet.is_none().to_string()).collect(),
    },
    Def {
        name: "association.route-table-association-id",
        values: |v, _| v.associations.iter().map(|a| a.id.to_string()).collect(),
    },
    Def {
        name: "association.route-table-id",
        values: |v, _| v.associations.iter().map(|_| v.table.id.to_string()).collect(),
    },
    Def {
        name: "association.subnet-id",
        values: |v, _| v.associations.iter().filter_map(|a| a.subnet).map(|id| id.to_string()).collect(),
    },
    Def { name: "owner-id", values: |v, _| vec![v.table.owner.account.to_string()] },
    Def { name: "route-table-id", values: |v, _| vec![v.table.id.to_string()] },
    Def { name: "route.destination-cidr-block", values: |v, _| networks(v, true) },
    Def { name: "route.destination-ipv6-cidr-block", values: |v, _| networks(v, false) },
    Def {
        name: "route.gateway-id",
        values: |v, _| {
            of_routes(v, Some("local"), |view| match view.leads {
                Leads::To(RouteTarget::InternetGateway(id)) => Some(id.to_string()),
                _ => None,
            })
        },
    },
    Def { name: "route.instance-id", values: |v, _| of_routes(v, None, |view| view.instance.map(|id| id.to_string())) },
    Def {
        name: "route.nat-gateway-id",
        values: |v, _| {
            of_routes(v, None, |view| match view.leads {
                Leads::To(RouteTarget::PublicGateway(id)) => Some(id.to_string()),
                _ => None,
            })
        },
    },
    Def {
        name: "route.origin",
        values: |v, _| of_routes(v, Some("CreateRouteTable"), |_| Some("CreateRoute".to_owned())),
    },
    Def { name: "route.state", values: |v, _| of_routes(v, Some("active"), |view| Some(view.state().to_owned())) },
    Def { name: "vpc-id", values: |v, _| vec![v.table.vpc.to_string()] },
];

impl Resource for TableView {
    const SET: &'static str = "routeTableSet";
    const IDS: &'static str = "RouteTableId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<RouteTableId>>, Ec2Error> {
        for name in ["route-table-id", "association.route-table-id"] {
            if let Some(ids) = filters.exact(name) {
                return Ok(Some(ids.iter().filter_map(|text| text.parse().ok()).collect()));
            }
        }
        let mut tables = Vec::new();
        if let Some(ids) = filters.exact("association.subnet-id") {
            for subnet in ids.iter().filter_map(|text| text.parse::<SubnetId>().ok()) {
                let found = query::find::<Subnet>(snapshot, subnet)?;
                tables.extend(found.and_then(|(subnet, _)| subnet.route_table).map(|own| own.table));
            }
            return Ok(Some(tables));
        }
        if let Some(ids) = filters.exact("vpc-id") {
            for vpc in ids.iter().filter_map(|text| text.parse::<VpcId>().ok()) {
                tables.extend(query::index::<RouteTableId>(snapshot, &record::tables_of_vpc(vpc))?);
            }
            return Ok(Some(tables));
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        self.write_item(xml, caller, tags);
    }
}
