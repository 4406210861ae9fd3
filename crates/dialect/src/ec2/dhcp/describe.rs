//! DescribeDhcpOptions.

use pintle_core::id::DhcpOptionSetId;
use pintle_core::model::{DhcpOptionSet, Tags};
use pintle_core::txn::Snapshot;

use super::show::{options, write_item};
use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::Operation;
use crate::ec2::xml::Xml;
use crate::view::Plain;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeDhcpOptions", "whole: ids, filters with wildcards, pages", |params, caller| {
        describe::list::<Plain<DhcpOptionSet>>(params, caller, 5)
    });

type Def = FilterDef<Plain<DhcpOptionSet>>;

const FILTERS: &[Def] = &[
    Def { name: "dhcp-options-id", values: |v, _| vec![v.record.id.to_string()] },
    Def { name: "key", values: |v, _| options(&v.record).into_iter().map(|(key, _)| key.to_owned()).collect() },
    Def { name: "owner-id", values: |v, _| vec![v.record.owner.account.to_string()] },
    Def { name: "value", values: |v, _| options(&v.record).into_iter().flat_map(|(_, values)| values).collect() },
];

impl Resource for Plain<DhcpOptionSet> {
    const SET: &'static str = "dhcpOptionsSet";
    const IDS: &'static str = "DhcpOptionsId";
    const FILTERS: &'static [Def] = FILTERS;

    fn candidates(_: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<DhcpOptionSetId>>, Ec2Error> {
        Ok(filters.exact("dhcp-options-id").map(|ids| parsed(&ids)))
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        write_item(xml, &self.record, tags);
    }
}
