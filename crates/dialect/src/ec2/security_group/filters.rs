//! The filters of DescribeSecurityGroups, and the indexes that answer those which name a parent.

use ipnet::IpNet;
use pintle_core::id::{SecurityGroupId, VpcId};
use pintle_core::model::Tags;
use pintle_core::policy::Direction::{self, Egress, Ingress};
use pintle_core::record;
use pintle_core::txn::Snapshot;

use super::permission::{Peer, Permission, permissions_of};
use super::show::GroupView;
use crate::ec2::caller::Caller;
use crate::ec2::describe::{Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::Xml;

type Def = FilterDef<GroupView>;

/// What a direction's permissions have for a filter.
fn each(view: &GroupView, direction: Direction, value: impl Fn(&Permission) -> Option<String>) -> Vec<String> {
    permissions_of(&view.group, direction).iter().filter_map(value).collect()
}

fn net(view: &GroupView, direction: Direction, v4: bool) -> Vec<String> {
    each(view, direction, |one| match one.peer {
        Peer::Net(IpNet::V4(net)) if v4 => Some(net.to_string()),
        Peer::Net(IpNet::V6(net)) if !v4 => Some(net.to_string()),
        _ => None,
    })
}

fn port(view: &GroupView, direction: Direction, first: bool) -> Vec<String> {
    each(view, direction, |one| one.traffic().ports.map(|(from, to)| if first { from } else { to }.to_string()))
}

fn groups(view: &GroupView, direction: Direction, show: impl Fn(SecurityGroupId) -> String) -> Vec<String> {
    each(view, direction, |one| if let Peer::Group(id) = one.peer { Some(show(id)) } else { None })
}

fn name(view: &GroupView, id: SecurityGroupId) -> String {
    view.names.get(&id).cloned().unwrap_or_default()
}

fn lists(view: &GroupView, direction: Direction) -> Vec<String> {
    each(view, direction, |one| if let Peer::List(id) = one.peer { Some(id.to_string()) } else { None })
}

fn protocols(view: &GroupView, direction: Direction) -> Vec<String> {
    each(view, direction, |one| Some(one.traffic().protocol.into_owned()))
}

fn accounts(view: &GroupView, direction: Direction) -> Vec<String> {
    groups(view, direction, |_| view.group.owner.account.to_string())
}

const FILTERS: &[Def] = &[
    Def { name: "description", values: |v, _| vec![v.group.description.clone()] },
    Def { name: "egress.ip-permission.cidr", values: |v, _| net(v, Egress, true) },
    Def { name: "egress.ip-permission.from-port", values: |v, _| port(v, Egress, true) },
    Def { name: "egress.ip-permission.group-id", values: |v, _| groups(v, Egress, |id| id.to_string()) },
    Def { name: "egress.ip-permission.group-name", values: |v, _| groups(v, Egress, |id| name(v, id)) },
    Def { name: "egress.ip-permission.ipv6-cidr", values: |v, _| net(v, Egress, false) },
    Def { name: "egress.ip-permission.prefix-list-id", values: |v, _| lists(v, Egress) },
    Def { name: "egress.ip-permission.protocol", values: |v, _| protocols(v, Egress) },
    Def { name: "egress.ip-permission.to-port", values: |v, _| port(v, Egress, false) },
    Def { name: "egress.ip-permission.user-id", values: |v, _| accounts(v, Egress) },
    Def { name: "group-id", values: |v, _| vec![v.group.id.to_string()] },
    Def { name: "group-name", values: |v, _| vec![v.group.name.clone()] },
    Def { name: "ip-permission.cidr", values: |v, _| net(v, Ingress, true) },
    Def { name: "ip-permission.from-port", values: |v, _| port(v, Ingress, true) },
    Def { name: "ip-permission.group-id", values: |v, _| groups(v, Ingress, |id| id.to_string()) },
    Def { name: "ip-permission.group-name", values: |v, _| groups(v, Ingress, |id| name(v, id)) },
    Def { name: "ip-permission.ipv6-cidr", values: |v, _| net(v, Ingress, false) },
    Def { name: "ip-permission.prefix-list-id", values: |v, _| lists(v, Ingress) },
    Def { name: "ip-permission.protocol", values: |v, _| protocols(v, Ingress) },
    Def { name: "ip-permission.to-port", values: |v, _| port(v, Ingress, false) },
    Def { name: "ip-permission.user-id", values: |v, _| accounts(v, Ingress) },
    Def { name: "owner-id", values: |v, _| vec![v.group.owner.account.to_string()] },
    Def { name: "vpc-id", values: |v, _| vec![v.group.vpc.to_string()] },
];

impl Resource for GroupView {
    const SET: &'static str = "securityGroupInfo";
    const IDS: &'static str = "GroupId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<SecurityGroupId>>, Ec2Error> {
        if let Some(ids) = filters.exact("group-id") {
            return Ok(Some(parsed(&ids)));
        }
        if let Some(ids) = filters.exact("vpc-id") {
            let vpcs: Vec<VpcId> = parsed(&ids);
            return gathered(snapshot, &vpcs, |id| record::groups_of_vpc(*id)).map(Some);
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        self.write_item(xml, tags);
    }
}
