//! A prefix list as EC2 shows it.

use pintle_core::id::PrefixListId;
use pintle_core::model::{IpFamily, PrefixList, PrefixListState, Tags};
use pintle_core::txn::Snapshot;
use pintle_core::{Reply, query};

use crate::ec2::arn::arn;
use crate::ec2::caller::Caller;
use crate::ec2::describe::{Resource, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Tell, other_reply};
use crate::ec2::xml::Xml;
use crate::view::Plain;

type Def = FilterDef<Plain<PrefixList>>;

impl Resource for Plain<PrefixList> {
    const SET: &'static str = "prefixListSet";
    const IDS: &'static str = "PrefixListId";
    const FILTERS: &'static [Def] = &[
        Def { name: "owner-id", values: |list, _| vec![list.record.owner.account.to_string()] },
        Def { name: "prefix-list-id", values: |list, _| vec![list.record.id.to_string()] },
        Def { name: "prefix-list-name", values: |list, _| vec![list.record.name.clone()] },
    ];

    fn candidates(_: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<PrefixListId>>, Ec2Error> {
        Ok(filters.exact("prefix-list-id").map(|ids| parsed(&ids)))
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        write_list(xml, &self.record, state(&self.record), tags);
    }
}

/// How far the last change is: nothing takes time.
fn state(list: &PrefixList) -> &'static str {
    match list.state {
        PrefixListState::Created => "create-complete",
        PrefixListState::Modified => "modify-complete",
        PrefixListState::Restored => "restore-complete",
    }
}

fn write_list(xml: &mut Xml, list: &PrefixList, state: &str, tags: &Tags) {
    xml.text("prefixListId", list.id);
    xml.text("addressFamily", family(list.family));
    xml.text("state", state);
    xml.text("prefixListArn", arn(&list.owner, "prefix-list", list.id));
    xml.text("prefixListName", &list.name);
    xml.text("maxEntries", list.max_entries);
    xml.text("version", list.version);
    xml.tags(tags);
    xml.text("ownerId", list.owner.account);
}

/// A version of IP in the words of prefix lists.
pub(super) fn family(family: IpFamily) -> &'static str {
    match family {
        IpFamily::V4 => "IPv4",
        IpFamily::V6 => "IPv6",
    }
}

/// The answer to a change: the list as it is now.
pub(super) fn told() -> Tell {
    Box::new(|snapshot, reply, xml| {
        let Reply::PrefixList(list) = reply else { return Err(other_reply(&reply)) };
        let tags = query::tags(snapshot, &list)?;
        xml.nest("prefixList", |xml| write_list(xml, &list, state(&list), &tags));
        Ok(())
    })
}

/// The answer to its end: the list as it was.
pub(super) fn told_gone() -> Tell {
    Box::new(|_, reply, xml| {
        let Reply::PrefixList(list) = reply else { return Err(other_reply(&reply)) };
        xml.nest("prefixList", |xml| write_list(xml, &list, "delete-complete", &Tags::default()));
        Ok(())
    })
}
