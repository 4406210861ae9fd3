//! Security groups and rules as EC2 shows them.

use std::collections::BTreeMap;

use ipnet::IpNet;
use pintle_core::id::SecurityGroupId;
use pintle_core::model::{SecurityGroup, Tags};
use pintle_core::policy::{Direction, Remote, Rule};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query};

use super::permission::{Peer, Permission, permissions_of};
use super::protocol::Traffic;
use crate::ec2::arn::arn;
use crate::ec2::xml::Xml;
use crate::view::View;

/// A group, with the names of the groups that its rules refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupView {
    pub(super) group: SecurityGroup,
    pub(super) names: BTreeMap<SecurityGroupId, String>,
}

impl View for GroupView {
    type Record = SecurityGroup;
    fn join(snapshot: &dyn Snapshot, group: SecurityGroup, _: Revision) -> Result<Self, DecideError> {
        let mut names = BTreeMap::from([(group.id, group.name.clone())]);
        for rule in &group.rules {
            if let Remote::Group(id) = rule.remote
                && !names.contains_key(&id)
            {
                names.insert(id, query::get::<SecurityGroup>(snapshot, id)?.0.name);
            }
        }
        Ok(GroupView { group, names })
    }
}

impl GroupView {
    pub(super) fn write_item(&self, xml: &mut Xml, tags: &Tags) {
        let group = &self.group;
        xml.text("ownerId", group.owner.account);
        xml.text("groupId", group.id);
        xml.text("groupName", &group.name);
        xml.text("groupDescription", &group.description);
        xml.text("vpcId", group.vpc);
        xml.text("securityGroupArn", arn(&group.owner, "security-group", group.id));
        for (set, direction) in [("ipPermissions", Direction::Ingress), ("ipPermissionsEgress", Direction::Egress)] {
            write_permissions(xml, set, &permissions_of(group, direction), group);
        }
        xml.tags(tags);
    }
}

/// Permissions, gathered by protocol and ports.
pub(super) fn write_permissions(xml: &mut Xml, set: &str, permissions: &[Permission], group: &SecurityGroup) {
    let mut kinds: Vec<Traffic> = Vec::new();
    for permission in permissions {
        let traffic = permission.traffic();
        if !kinds.contains(&traffic) {
            kinds.push(traffic);
        }
    }
    xml.set(set, kinds, |xml, traffic| {
        let all = || permissions.iter().filter(|permission| permission.traffic() == traffic);
        xml.text("ipProtocol", &traffic.protocol);
        xml.option("fromPort", traffic.ports.map(|(from, _)| from));
        xml.option("toPort", traffic.ports.map(|(_, to)| to));
        let groups = all().filter(|one| matches!(one.peer, Peer::Group(_)));
        xml.set("groups", groups, |xml, one| {
            xml.text("userId", group.owner.account);
            xml.text("groupId", one.peer);
            xml.option("description", one.description.as_ref());
        });
        let mut some = |set: &str, field: &str, which: fn(&Peer) -> bool| {
            xml.set(set, all().filter(|one| which(&one.peer)), |xml, one| {
                xml.text(field, one.peer);
                xml.option("description", one.description.as_ref());
            });
        };
        some("ipRanges", "cidrIp", |peer| matches!(peer, Peer::Net(IpNet::V4(_))));
        some("ipv6Ranges", "cidrIpv6", |peer| matches!(peer, Peer::Net(IpNet::V6(_))));
        some("prefixListIds", "prefixListId", |peer| matches!(peer, Peer::List(_)));
    });
}

/// One rule: what all answers show of it.
fn write_rule(xml: &mut Xml, group: &SecurityGroup, rule: &Rule) {
    let Traffic { protocol, ports } = rule.protocol.into();
    let (from, to) = ports.unwrap_or((-1, -1));
    xml.text("securityGroupRuleId", rule.id);
    xml.text("groupId", group.id);
    xml.text("isEgress", rule.direction == Direction::Egress);
    xml.text("ipProtocol", protocol);
    xml.text("fromPort", from);
    xml.text("toPort", to);
    for peer in Peer::of(rule.remote) {
        match peer {
            Peer::Net(IpNet::V4(net)) => xml.text("cidrIpv4", net),
            Peer::Net(IpNet::V6(net)) => xml.text("cidrIpv6", net),
            Peer::List(id) => xml.text("prefixListId", id),
            Peer::Group(_) => {}
        }
    }
    xml.option("description", Some(group.description_of(rule.id)).filter(|text| !text.is_empty()));
}

/// One rule as authorising and describing show it.
pub(super) fn write_rule_item(xml: &mut Xml, group: &SecurityGroup, rule: &Rule, tags: &Tags) {
    write_rule(xml, group, rule);
    xml.text("groupOwnerId", group.owner.account);
    if let Remote::Group(id) = rule.remote {
        xml.nest("referencedGroupInfo", |xml| {
            xml.text("groupId", id);
            xml.text("userId", group.owner.account);
            xml.text("vpcId", group.vpc);
        });
    }
    xml.text("securityGroupRuleArn", arn(&group.owner, "security-group-rule", rule.id));
    xml.tags(tags);
}

/// One rule as revoking shows it.
pub(super) fn write_revoked(xml: &mut Xml, group: &SecurityGroup, rule: &Rule) {
    write_rule(xml, group, rule);
    if let Remote::Group(id) = rule.remote {
        xml.text("referencedGroupId", id);
    }
}
