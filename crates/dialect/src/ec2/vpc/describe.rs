//! DescribeVpcs.

use pintle_core::id::{DhcpOptionSetId, VpcId};
use pintle_core::model::{Tags, Vpc};
use pintle_core::record;
use pintle_core::txn::Snapshot;

use super::show::{dhcp_options_id, pool, write_item};
use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::Operation;
use crate::ec2::xml::Xml;
use crate::view::Plain;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeVpcs", "whole: ids, filters with wildcards, pages", |params, caller| {
        describe::list::<Plain<Vpc>>(params, caller, 5)
    });

type Def = FilterDef<Plain<Vpc>>;

fn primary(view: &Plain<Vpc>, _: &str) -> Vec<String> {
    view.record.nets().take(1).map(|net| net.to_string()).collect()
}

fn state_of<N>(ranges: &[N]) -> Vec<String> {
    ranges.first().map(|_| "associated".to_owned()).into_iter().collect()
}

const FILTERS: &[Def] = &[
    Def { name: "cidr", values: primary },
    Def { name: "cidr-block", values: primary },
    Def { name: "cidrBlock", values: primary },
    Def {
        name: "cidr-block-association.association-id",
        values: |v, _| v.record.cidrs.iter().map(|range| range.id.to_string()).collect(),
    },
    Def {
        name: "cidr-block-association.cidr-block",
        values: |v, _| v.record.nets().map(|net| net.to_string()).collect(),
    },
    Def { name: "cidr-block-association.state", values: |v, _| state_of(&v.record.cidrs) },
    Def { name: "dhcp-options-id", values: |v, _| vec![dhcp_options_id(&v.record)] },
    Def { name: "dhcpOptionsId", values: |v, _| vec![dhcp_options_id(&v.record)] },
    Def {
        name: "ipv6-cidr-block-association.association-id",
        values: |v, _| v.record.ipv6_cidrs.iter().map(|range| range.id.to_string()).collect(),
    },
    Def {
        name: "ipv6-cidr-block-association.ipv6-cidr-block",
        values: |v, _| v.record.ipv6_nets().map(|net| net.to_string()).collect(),
    },
    Def {
        name: "ipv6-cidr-block-association.ipv6-pool",
        values: |v, _| v.record.ipv6_cidrs.iter().filter_map(pool).map(str::to_owned).collect(),
    },
    Def { name: "ipv6-cidr-block-association.state", values: |v, _| state_of(&v.record.ipv6_cidrs) },
    Def { name: "is-default", values: |v, _| vec![v.record.default.to_string()] },
    Def { name: "isDefault", values: |v, _| vec![v.record.default.to_string()] },
    Def { name: "owner-id", values: |v, _| vec![v.record.owner.account.to_string()] },
    Def { name: "state", values: |_, _| vec!["available".to_owned()] },
    Def { name: "vpc-id", values: |v, _| vec![v.record.id.to_string()] },
];

impl Resource for Plain<Vpc> {
    const SET: &'static str = "vpcSet";
    const IDS: &'static str = "VpcId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<VpcId>>, Ec2Error> {
        if let Some(ids) = filters.exact("vpc-id") {
            return Ok(Some(parsed(&ids)));
        }
        // VPCs without a set are in no index.
        if let Some(ids) = filters.exact("dhcp-options-id").filter(|ids| ids.iter().all(|id| id.starts_with("dopt-"))) {
            let sets: Vec<DhcpOptionSetId> = parsed(&ids);
            return gathered(snapshot, &sets, |set| record::vpcs_of_dhcp_set(*set)).map(Some);
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, caller: &Caller, tags: &Tags) {
        write_item(xml, &self.record, caller, tags);
    }
}
