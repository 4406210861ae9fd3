//! A route table as EC2 shows it: with the local route, with the state of each route, and with what uses it.

use ipnet::IpNet;
use pintle_core::id::{InstanceId, RouteAssociationId, SubnetId};
use pintle_core::model::{Attachment, ReservedIp, Route, RouteAction, RouteTable, RouteTarget, Subnet, Tags, Vni, Vpc};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query, record, routing};

use crate::ec2::caller::Caller;
use crate::ec2::xml::Xml;
use crate::view::{View, ip_at};

/// A route table with what is looked up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ec2) struct TableView {
    pub(super) table: RouteTable,
    /// The VPC's own ranges.
    pub(super) local: Vec<IpNet>,
    pub(super) routes: Vec<RouteView>,
    pub(super) associations: Vec<AssociationView>,
}

/// A route and what can be said of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteView {
    pub(super) net: IpNet,
    pub(super) leads: Leads,
    pub(super) alive: bool,
    /// The instance that the target interface is attached to.
    pub(super) instance: Option<InstanceId>,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// To this.
    To(RouteTarget),
    /// Where packets would go without it, which EC2 only knows of the VPC's own ranges.
    Local,
    /// Nowhere; EC2 has no word for that but for a target that is gone.
    Nowhere,
}

/// What uses a route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AssociationView {
    pub(super) id: RouteAssociationId,
    /// `None`: all subnets of the VPC that have no association of their own.
    pub(super) subnet: Option<SubnetId>,
}

impl View for TableView {
    type Record = RouteTable;
    fn join(snapshot: &dyn Snapshot, table: RouteTable, _: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::get::<Vpc>(snapshot, table.vpc)?;
        let main = Some(vpc.main_table).filter(|main| main.table == table.id);
        let mut associations: Vec<AssociationView> =
            main.into_iter().map(|main| AssociationView { id: main.id, subnet: None }).collect();
        for subnet in query::index::<SubnetId>(snapshot, &record::subnets_of_table(table.id))? {
            let (subnet, _) = query::get::<Subnet>(snapshot, subnet)?;
            let own = subnet.route_table.map(|own| AssociationView { id: own.id, subnet: Some(subnet.id) });
            associations.extend(own);
        }
        let routes = table.routes.iter().map(|route| RouteView::join(snapshot, &table, *route));
        let mut routes: Vec<RouteView> = routes.collect::<Result<_, DecideError>>()?;
        routes.extend(RouteView::of_zones(snapshot, &table)?);
        Ok(TableView { local: routing::local(&vpc).collect(), routes, associations, table })
    }
}

impl RouteView {
    fn join(snapshot: &dyn Snapshot, table: &RouteTable, route: Route) -> Result<Self, DecideError> {
        let alive = routing::is_alive(snapshot, table.vpc, route.to)?;
        let instance = match route.to {
            RouteTarget::Vni(vni) => {
                match query::follow_if_there::<Vni>(snapshot, vni)?.and_then(|(vni, _)| vni.attachment) {
                    Some(id) => {
                        query::follow_if_there::<Attachment>(snapshot, id)?.map(|(attachment, _)| attachment.instance)
                    }
                    None => None,
                }
            }
            RouteTarget::InternetGateway(_) | RouteTarget::PublicGateway(_) => None,
        };
        Ok(RouteView { net: route.net, leads: Leads::To(route.to), alive, instance })
    }

    /// The table's routes for zones (IBM's). EC2 has one route for a network: the table's own, or else that of the first zone.
    fn of_zones(snapshot: &dyn Snapshot, table: &RouteTable) -> Result<Vec<RouteView>, DecideError> {
        let mut found: Vec<RouteView> = Vec::new();
        for zone in table.zone_numbers.keys() {
            for (net, route) in routing::winners(table, zone) {
                let net = IpNet::V4(net);
                if found.iter().any(|view| view.net == net) || table.routes.iter().any(|own| own.net == net) {
                    continue;
                }
                found.push(match route.action {
                    RouteAction::Deliver(hop) => match ip_at(snapshot, table.vpc, hop.into())? {
                        Some(ip) => match query::get::<ReservedIp>(snapshot, ip)?.0.bound_to {
                            Some(vni) => RouteView::join(snapshot, table, Route { net, to: RouteTarget::Vni(vni) })?,
                            None => RouteView { net, leads: Leads::Nowhere, alive: false, instance: None },
                        },
                        None => RouteView { net, leads: Leads::Nowhere, alive: false, instance: None },
                    },
                    RouteAction::Drop => RouteView { net, leads: Leads::Nowhere, alive: false, instance: None },
                    RouteAction::Delegate | RouteAction::DelegateVpc => {
                        RouteView { net, leads: Leads::Local, alive: true, instance: None }
                    }
                });
            }
        }
        Ok(found)
    }

    pub(super) fn state(&self) -> &'static str {
        if self.alive { "active" } else { "blackhole" }
    }
}

impl TableView {
    pub(super) fn write_item(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        xml.text("routeTableId", self.table.id);
        xml.text("vpcId", self.table.vpc);
        xml.text("ownerId", caller.account);
        let local = self.local.iter().map(|net| (*net, None));
        let written = self.routes.iter().map(|view| (view.net, Some(view)));
        xml.set("routeSet", local.chain(written), |xml, (net, view)| write_route(xml, net, view, caller));
        xml.set("associationSet", &self.associations, |xml, association| {
            xml.text("routeTableAssociationId", association.id);
            xml.text("routeTableId", self.table.id);
            xml.option("subnetId", association.subnet);
            xml.text("main", association.subnet.is_none());
            write_associated(xml);
        });
        xml.empty("propagatingVgwSet");
        xml.tags(tags);
    }
}

/// One route; without a view the local one.
fn write_route(xml: &mut Xml, net: IpNet, view: Option<&RouteView>, caller: &Caller) {
    match net {
        IpNet::V4(_) => xml.text("destinationCidrBlock", net),
        IpNet::V6(_) => xml.text("destinationIpv6CidrBlock", net),
    }
    let Some(view) = view else {
        xml.text("gatewayId", "local");
        xml.text("state", "active");
        return xml.text("origin", "CreateRouteTable");
    };
    match view.leads {
        Leads::To(RouteTarget::InternetGateway(id)) => xml.text("gatewayId", id),
        Leads::To(RouteTarget::PublicGateway(id)) => xml.text("natGatewayId", id),
        Leads::Local => xml.text("gatewayId", "local"),
        Leads::Nowhere => {}
        Leads::To(RouteTarget::Vni(id)) => {
            if let Some(instance) = view.instance {
                xml.text("instanceId", instance);
                xml.text("instanceOwnerId", caller.account);
            }
            xml.text("networkInterfaceId", id);
        }
    }
    xml.text("state", view.state());
    xml.text("origin", "CreateRoute");
}

/// An association takes effect at once.
pub(super) fn write_associated(xml: &mut Xml) {
    xml.nest("associationState", |xml| xml.text("state", "associated"));
}
