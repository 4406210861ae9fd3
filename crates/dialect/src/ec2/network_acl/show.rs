//! A network ACL as EC2 shows it.

use ipnet::IpNet;
use pintle_core::id::{AclAssociationId, NetworkAclId, SubnetId, VpcId};
use pintle_core::model::{IpFamily, NetworkAcl, Subnet, Tags, Vpc};
use pintle_core::policy::{AclAction, Direction};
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query, record};

use super::protocol::{Part, shown};
use crate::ec2::caller::Caller;
use crate::ec2::describe::{Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::Xml;
use crate::view::View;

/// One entry, as it is shown.
struct Entry {
    egress: bool,
    number: u16,
    protocol: i32,
    part: Part,
    allow: bool,
    net: IpNet,
}

impl Entry {
    /// What stands behind all rules: what they let not pass is dropped.
    fn last(egress: bool, family: IpFamily) -> Entry {
        let (number, net) = match family {
            IpFamily::V4 => (NetworkAcl::LAST_NUMBER + 1, IpNet::V4(ipnet::Ipv4Net::default())),
            IpFamily::V6 => (NetworkAcl::LAST_NUMBER + 2, IpNet::V6(ipnet::Ipv6Net::default())),
        };
        Entry { egress, number, protocol: -1, part: Part::All, allow: false, net }
    }

    fn write(&self, xml: &mut Xml) {
        xml.text("ruleNumber", self.number);
        xml.text("protocol", self.protocol);
        xml.text("ruleAction", self.action());
        xml.text("egress", self.egress);
        match self.net {
            IpNet::V4(net) => xml.text("cidrBlock", net),
            IpNet::V6(net) => xml.text("ipv6CidrBlock", net),
        }
        match self.part {
            Part::All => {}
            Part::Ports(ports) => xml.nest("portRange", |xml| {
                xml.text("from", ports.first);
                xml.text("to", ports.last);
            }),
            Part::Icmp(kind, code) => xml.nest("icmpTypeCode", |xml| {
                xml.text("code", code);
                xml.text("type", kind);
            }),
        }
    }

    fn action(&self) -> &'static str {
        if self.allow { "allow" } else { "deny" }
    }

    fn ports(&self) -> Option<(u16, u16)> {
        if let Part::Ports(ports) = self.part { Some((ports.first, ports.last)) } else { None }
    }

    fn icmp(&self) -> Option<(i32, i32)> {
        if let Part::Icmp(kind, code) = self.part { Some((kind, code)) } else { None }
    }

    /// Its protocol by number, and by name where it has one.
    fn protocol_names(&self) -> Vec<String> {
        let name = match self.protocol {
            1 => Some("icmp"),
            6 => Some("tcp"),
            17 => Some("udp"),
            58 => Some("icmpv6"),
            _ => None,
        };
        name.map(str::to_owned).into_iter().chain([self.protocol.to_string()]).collect()
    }
}

/// A network ACL with its entries and the subnets that have it.
pub(super) struct AclView {
    acl: NetworkAcl,
    entries: Vec<Entry>,
    subnets: Vec<SubnetId>,
}

impl View for AclView {
    type Record = NetworkAcl;
    fn join(snapshot: &dyn Snapshot, acl: NetworkAcl, _: Revision) -> Result<Self, DecideError> {
        let (vpc, _) = query::get::<Vpc>(snapshot, acl.vpc)?;
        let subnets = query::index(snapshot, &record::subnets_of_acl(acl.id))?;
        Ok(AclView { entries: entries(&acl, !vpc.ipv6_cidrs.is_empty()), acl, subnets })
    }
}

/// The entries of an ACL, in and out, with what stands behind them. `ipv6`: whether its VPC has IPv6. What is there for IPv6 in
/// a VPC without it is not shown, unless somebody has put it there.
fn entries(acl: &NetworkAcl, ipv6: bool) -> Vec<Entry> {
    let mut all = Vec::new();
    for direction in [Direction::Egress, Direction::Ingress] {
        let egress = direction == Direction::Egress;
        let mut families = vec![IpFamily::V4];
        for (number, rule) in acl.numbers(direction) {
            if !ipv6 && acl.default && rule.is_first_ipv6() {
                continue;
            }
            let said = &rule.rule;
            let net = if egress { said.destination } else { said.source };
            let (protocol, part) = shown(said.protocol);
            all.push(Entry { egress, number, protocol, part, allow: said.action == AclAction::Allow, net });
            if !families.contains(&net.into()) {
                families.push(net.into());
            }
        }
        if ipv6 && !families.contains(&IpFamily::V6) {
            families.push(IpFamily::V6);
        }
        all.extend(families.into_iter().map(|family| Entry::last(egress, family)));
    }
    all
}

impl AclView {
    pub(super) fn write_item(&self, xml: &mut Xml, tags: &Tags) {
        let acl = &self.acl;
        xml.text("networkAclId", acl.id);
        xml.text("vpcId", acl.vpc);
        xml.text("default", acl.default);
        xml.set("entrySet", &self.entries, |xml, entry| entry.write(xml));
        xml.set("associationSet", &self.subnets, |xml, subnet| {
            xml.text("networkAclAssociationId", AclAssociationId::of(*subnet, acl.id));
            xml.text("networkAclId", acl.id);
            xml.text("subnetId", subnet);
        });
        xml.tags(tags);
        xml.text("ownerId", acl.owner.account);
    }

    fn each(&self, value: impl Fn(&Entry) -> Option<String>) -> Vec<String> {
        self.entries.iter().filter_map(value).collect()
    }
}

fn net(view: &AclView, v4: bool) -> Vec<String> {
    view.each(|entry| Some(entry.net.to_string()).filter(|_| entry.net.addr().is_ipv4() == v4))
}

type Def = FilterDef<AclView>;

const FILTERS: &[Def] = &[
    Def {
        name: "association.association-id",
        values: |v, _| v.subnets.iter().map(|id| AclAssociationId::of(*id, v.acl.id).to_string()).collect(),
    },
    Def {
        name: "association.network-acl-id",
        values: |v, _| v.subnets.first().map(|_| v.acl.id.to_string()).into_iter().collect(),
    },
    Def { name: "association.subnet-id", values: |v, _| v.subnets.iter().map(ToString::to_string).collect() },
    Def { name: "default", values: |v, _| vec![v.acl.default.to_string()] },
    Def { name: "entry.cidr", values: |v, _| net(v, true) },
    Def { name: "entry.egress", values: |v, _| v.each(|entry| Some(entry.egress.to_string())) },
    Def { name: "entry.icmp.code", values: |v, _| v.each(|entry| entry.icmp().map(|(_, code)| code.to_string())) },
    Def { name: "entry.icmp.type", values: |v, _| v.each(|entry| entry.icmp().map(|(kind, _)| kind.to_string())) },
    Def { name: "entry.ipv6-cidr", values: |v, _| net(v, false) },
    Def {
        name: "entry.port-range.from",
        values: |v, _| v.each(|entry| entry.ports().map(|(from, _)| from.to_string())),
    },
    Def { name: "entry.port-range.to", values: |v, _| v.each(|entry| entry.ports().map(|(_, to)| to.to_string())) },
    Def { name: "entry.protocol", values: |v, _| v.entries.iter().flat_map(Entry::protocol_names).collect() },
    Def { name: "entry.rule-action", values: |v, _| v.each(|entry| Some(entry.action().to_owned())) },
    Def { name: "entry.rule-number", values: |v, _| v.each(|entry| Some(entry.number.to_string())) },
    Def { name: "network-acl-id", values: |v, _| vec![v.acl.id.to_string()] },
    Def { name: "owner-id", values: |v, _| vec![v.acl.owner.account.to_string()] },
    Def { name: "vpc-id", values: |v, _| vec![v.acl.vpc.to_string()] },
];

impl Resource for AclView {
    const SET: &'static str = "networkAclSet";
    const IDS: &'static str = "NetworkAclId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<NetworkAclId>>, Ec2Error> {
        if let Some(ids) = filters.exact("network-acl-id") {
            return Ok(Some(parsed(&ids)));
        }
        if let Some(ids) = filters.exact("association.subnet-id") {
            let mut acls = Vec::new();
            for id in parsed::<SubnetId>(&ids) {
                acls.extend(query::find::<Subnet>(snapshot, id)?.map(|(subnet, _)| subnet.acl));
            }
            return Ok(Some(acls));
        }
        if let Some(ids) = filters.exact("vpc-id") {
            let vpcs: Vec<VpcId> = parsed(&ids);
            return gathered(snapshot, &vpcs, |id| record::acls_of_vpc(*id)).map(Some);
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        self.write_item(xml, tags);
    }
}
