//! DescribeSubnets.

use pintle_core::id::{SubnetId, VpcId};
use pintle_core::model::Tags;
use pintle_core::record;
use pintle_core::txn::Snapshot;

use super::show::{SubnetItem, association_id, hostname_type};
use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::Operation;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeSubnets", "whole: ids, filters with wildcards, pages", |params, caller| {
        describe::list::<SubnetItem>(params, caller, 5)
    });

type Def = FilterDef<SubnetItem>;
type Values = fn(&SubnetItem, &str) -> Vec<String>;

const ZONE: Values = |v, _| vec![v.subnet.zone.clone()];
const ZONE_ID: Values = |v, _| vec![v.zone_id.clone()];
const CIDR: Values = |v, _| vec![v.subnet.cidr.to_string()];
const DEFAULT: Values = |v, _| vec![v.subnet.default.to_string()];
const NO: Values = |_, _| vec!["false".to_owned()];
/// Of what no subnet has.
const NOTHING: Values = |_, _| Vec::new();

const FILTERS: &[Def] = &[
    Def { name: "availability-zone", values: ZONE },
    Def { name: "availabilityZone", values: ZONE },
    Def { name: "availability-zone-id", values: ZONE_ID },
    Def { name: "availabilityZoneId", values: ZONE_ID },
    Def { name: "available-ip-address-count", values: |v, _| vec![v.free.to_string()] },
    Def { name: "cidr", values: CIDR },
    Def { name: "cidr-block", values: CIDR },
    Def { name: "cidrBlock", values: CIDR },
    Def { name: "customer-owned-ipv4-pool", values: NOTHING },
    Def { name: "default-for-az", values: DEFAULT },
    Def { name: "defaultForAz", values: DEFAULT },
    Def { name: "enable-dns64", values: NO },
    Def { name: "enable-lni-at-device-index", values: NOTHING },
    Def {
        name: "ipv6-cidr-block-association.association-id",
        values: |v, _| v.subnet.ipv6_cidr.map(|_| association_id(&v.subnet).to_string()).into_iter().collect(),
    },
    Def {
        name: "ipv6-cidr-block-association.ipv6-cidr-block",
        values: |v, _| v.subnet.ipv6_cidr.map(|net| net.to_string()).into_iter().collect(),
    },
    Def {
        name: "ipv6-cidr-block-association.state",
        values: |v, _| v.subnet.ipv6_cidr.map(|_| "associated".to_owned()).into_iter().collect(),
    },
    Def { name: "ipv6-native", values: NO },
    Def { name: "map-customer-owned-ip-on-launch", values: NO },
    Def { name: "map-public-ip-on-launch", values: |v, _| vec![v.subnet.map_public_ip.to_string()] },
    Def { name: "outpost-arn", values: NOTHING },
    Def { name: "owner-id", values: |v, _| vec![v.subnet.owner.account.to_string()] },
    Def {
        name: "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
        values: |v, _| vec![v.subnet.resource_name_a.to_string()],
    },
    Def {
        name: "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
        values: |v, _| vec![v.subnet.resource_name_aaaa.to_string()],
    },
    Def {
        name: "private-dns-name-options-on-launch.hostname-type",
        values: |v, _| vec![hostname_type(&v.subnet).to_owned()],
    },
    Def { name: "state", values: |_, _| vec!["available".to_owned()] },
    Def { name: "subnet-arn", values: |v, _| vec![v.arn()] },
    Def { name: "subnet-id", values: |v, _| vec![v.subnet.id.to_string()] },
    Def { name: "vpc-id", values: |v, _| vec![v.subnet.vpc.to_string()] },
];

impl Resource for SubnetItem {
    const SET: &'static str = "subnetSet";
    const IDS: &'static str = "SubnetId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<SubnetId>>, Ec2Error> {
        if let Some(ids) = filters.exact("subnet-id") {
            return Ok(Some(parsed(&ids)));
        }
        if let Some(ids) = filters.exact("vpc-id") {
            let vpcs: Vec<VpcId> = parsed(&ids);
            return gathered(snapshot, &vpcs, |vpc| record::subnets_of_vpc(*vpc)).map(Some);
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        self.write_item(xml, tags);
    }
}
