//! DescribePrefixLists: lists with what is in them, as it was before lists could be managed. EC2 has those of its own services
//! here; Pintle has no such services, so it shows the account's own.

use pintle_core::DecideError;
use pintle_core::id::PrefixListId;
use pintle_core::model::{PrefixList, Tags};
use pintle_core::txn::{Revision, Snapshot};

use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::Operation;
use crate::ec2::xml::Xml;
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribePrefixLists", "the account's lists: ids, filters, pages", |params, caller| {
        describe::list::<WithNetworks>(params, caller, 1)
    });

/// A prefix list that is shown with its networks.
struct WithNetworks(PrefixList);

impl View for WithNetworks {
    type Record = PrefixList;
    fn join(_: &dyn Snapshot, list: PrefixList, _: Revision) -> Result<Self, DecideError> {
        Ok(WithNetworks(list))
    }
}

impl Resource for WithNetworks {
    const SET: &'static str = "prefixListSet";
    const IDS: &'static str = "PrefixListId";
    const FILTERS: &'static [FilterDef<Self>] = &[
        FilterDef { name: "prefix-list-id", values: |list, _| vec![list.0.id.to_string()] },
        FilterDef { name: "prefix-list-name", values: |list, _| vec![list.0.name.clone()] },
    ];

    fn candidates(_: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<PrefixListId>>, Ec2Error> {
        Ok(filters.exact("prefix-list-id").map(|ids| parsed(&ids)))
    }

    fn write(&self, xml: &mut Xml, _: &Caller, _: &Tags) {
        xml.values("cidrSet", self.0.entries.iter().map(|entry| entry.net));
        xml.text("prefixListId", self.0.id);
        xml.text("prefixListName", &self.0.name);
    }
}
