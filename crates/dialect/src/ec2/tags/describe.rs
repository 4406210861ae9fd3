//! DescribeTags: every tag on its own, in the order of the things' ids.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use pintle_core::query;
use pintle_core::txn::Snapshot;

use super::kinds::kind;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Scan, Work};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation = Operation::read("DescribeTags", "whole: filters, pages", decode);

/// The most tags that a page shows.
const PAGE: usize = 1000;

/// One tag of one thing.
struct Tag {
    id: String,
    key: String,
    value: String,
}

const FILTERS: &[FilterDef<Tag>] = &[
    FilterDef { name: "key", values: |tag, _| vec![tag.key.clone()] },
    FilterDef { name: "resource-id", values: |tag, _| vec![tag.id.clone()] },
    FilterDef { name: "resource-type", values: |tag, _| vec![kind(&tag.id).to_owned()] },
    FilterDef { name: "tag:", values: |tag, key| if tag.key == key { vec![tag.value.clone()] } else { Vec::new() } },
    FilterDef { name: "value", values: |tag, _| vec![tag.value.clone()] },
];

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let limit = params.number("MaxResults", 5..=PAGE)?.unwrap_or(PAGE);
    let from = match params.text("NextToken").filter(|token| !token.is_empty()) {
        Some(token) => open(&token)?,
        None => (String::new(), String::new()),
    };
    let filters = Filters::read(params, FILTERS)?;
    let caller = caller.clone();
    Ok(Work::Scan(Box::new(Listing { filters, limit, from, caller, shown: 0, items: Xml::piece(), next: None })))
}

struct Listing {
    filters: Filters,
    limit: usize,
    /// The thing to go on with, and the key of its tag before which nothing is shown.
    from: (String, String),
    caller: Caller,
    shown: usize,
    items: Xml,
    next: Option<(String, String)>,
}

impl Listing {
    /// Shows the tags of one thing; whether the page is full before its end.
    fn show(&mut self, id: &str, tags: &pintle_core::model::Tags) -> bool {
        for (key, value) in tags.iter() {
            if id == self.from.0 && key < self.from.1.as_str() {
                continue;
            }
            let tag = Tag { id: id.to_owned(), key: key.to_owned(), value: value.to_owned() };
            if !self.filters.pass_untagged(&tag, FILTERS) {
                continue;
            }
            if self.shown == self.limit {
                self.next = Some((tag.id, tag.key));
                return true;
            }
            self.shown += 1;
            self.items.nest("item", |xml| {
                xml.text("resourceId", &tag.id);
                xml.text("resourceType", kind(&tag.id));
                xml.text("key", &tag.key);
                xml.text("value", &tag.value);
            });
        }
        false
    }
}

impl Scan for Listing {
    fn step(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error> {
        // One more than is looked at, to know where to go on.
        let mut found = query::tagged(snapshot, &self.caller.owner(), &self.from.0, most.saturating_add(1))?;
        let rest = if found.len() > most { found.pop() } else { None };
        for (id, tags) in &found {
            if self.show(id, tags) {
                return Ok(true);
            }
        }
        let Some((id, _)) = rest else { return Ok(true) };
        self.from = (id, String::new());
        Ok(false)
    }

    fn write(self: Box<Self>, xml: &mut Xml) {
        xml.set_of_pieces("tagSet", &self.items.into_bytes());
        xml.option("nextToken", self.next.map(|(id, key)| BASE64.encode(format!("{id} {key}"))));
    }
}

fn open(token: &str) -> Result<(String, String), Ec2Error> {
    let text = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once(' '));
    let fits = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match parts {
        Some((id, key)) if fits(id) => Ok((id.to_owned(), key.to_owned())),
        _ => {
            Err(Ec2Error::new("InvalidNextToken", "The specified NextToken is corrupted or not valid for this request"))
        }
    }
}
