//! Collections: a page of items with where the first and the next page are.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Site;
use crate::problem::Problem;
use crate::view::Page;
use crate::wire::{Params, percent_encode};

/// Items of a page when the client does not say.
const DEFAULT_LIMIT: u64 = 50;
/// The most items that a client may ask for in one page.
const MAX_LIMIT: u64 = 100;

/// Which page of a collection a client asks for, and which filters it asks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// Where the page starts: the `start` of a `next` link.
    pub start: Option<String>,
    /// The most items that it may have, 1 to 100.
    pub limit: usize,
    filters: Vec<(&'static str, String)>,
}

impl Paging {
    /// Takes `start`, `limit` and these filters out of a query, which must have nothing else.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn decode(mut params: Params, filters: &[&'static str]) -> Result<Self, Problem> {
        let start = params.take("start")?;
        let limit = params.take_number("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT) as usize;
        let mut given = Vec::new();
        for name in filters {
            if let Some(value) = params.take(name)? {
                given.push((*name, value));
            }
        }
        params.finish()?;
        Ok(Paging { start, limit, filters: given })
    }

    /// The value of a filter, if the client gave it.
    pub fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Whether a filter by resource group leaves anything.
    pub fn wants_default_group(&self) -> bool {
        self.filter("resource_group.id").is_none_or(|id| id == super::reference::RESOURCE_GROUP)
    }

    /// Whether the client asks for the whole collection, in its own order.
    pub fn is_plain(&self) -> bool {
        self.filters.is_empty()
    }

    fn href(&self, site: &Site, path: &str, start: Option<&str>) -> String {
        let mut href = format!("{}?limit={}", site.href(path), self.limit);
        let start = start.map(|start| ("start", start));
        for (name, value) in self.filters.iter().map(|(name, value)| (*name, value.as_str())).chain(start) {
            href.push_str(&format!("&{name}={}", percent_encode(value)));
        }
        href
    }
}

/// Encodes a page. `path` is the collection's below `/v1/`, `key` the field that holds the items.
pub fn encode<V, T: Serialize>(
    site: &Site,
    path: &str,
    key: &str,
    paging: &Paging,
    page: &Page<V>,
    item: impl Fn(&V) -> T,
) -> Value {
    let mut body = Map::new();
    body.insert("first".to_owned(), json!({ "href": paging.href(site, path, None) }));
    if let Some(next) = &page.next {
        body.insert("next".to_owned(), json!({ "href": paging.href(site, path, Some(next)) }));
    }
    body.insert("limit".to_owned(), json!(paging.limit));
    body.insert("total_count".to_owned(), json!(page.total));
    body.insert(key.to_owned(), page.items.iter().map(|view| json!(item(view))).collect());
    Value::Object(body)
}

/// The parameter that says by which property a collection is sorted.
pub const SORT: &str = "sort";

/// Encodes the page of those items that the filters leave, sorted if the client asks for it by one of these properties.
///
/// A filter is the path of a property that the items show, and leaves those that show that value there.
///
/// # Errors
/// [`Problem::Parameter`] for a property that the collection is not sorted by, or a `start` that is not from here.
pub fn encode_found(
    site: &Site,
    (path, key): (&str, &str),
    paging: &Paging,
    mut items: Vec<Value>,
    sorted_by: &[&str],
) -> Result<Value, Problem> {
    let filters = paging.filters.iter().filter(|(name, _)| *name != SORT);
    for (name, wanted) in filters {
        items.retain(|item| shown(item, name).as_deref() == Some(wanted.as_str()));
    }
    if let Some(sort) = paging.filter(SORT) {
        let (property, descending) = sort.strip_prefix('-').map_or((sort, false), |property| (property, true));
        if !sorted_by.contains(&property) {
            let rule = format!("it must be one of: {}; '-' before it sorts the other way", sorted_by.join(", "));
            return Err(crate::wire::parameter(SORT, Some(sort), rule));
        }
        items.sort_by_cached_key(|item| sort_key(item, property));
        if descending {
            items.reverse();
        }
    }
    let ids: Vec<String> = items.iter().map(|item| shown(item, "id").unwrap_or_default()).collect();
    let Page { items: ids, next, total } = crate::view::of_texts(&ids, paging.start.as_deref(), paging.limit)?;
    items.retain(|item| shown(item, "id").is_some_and(|id| ids.contains(&id)));
    Ok(encode(site, path, key, paging, &Page { items, next, total }, Value::clone))
}

/// What an item shows at the path of a property, as a text.
fn shown(item: &Value, path: &str) -> Option<String> {
    match path.split('.').try_fold(item, |found, name| found.get(name))? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Addresses sort as numbers, all else as texts; moments are written so that their texts sort.
fn sort_key(item: &Value, property: &str) -> (Option<std::net::IpAddr>, String) {
    let text = shown(item, property).unwrap_or_default();
    (text.parse().ok(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_carry_limit_and_filters_and_the_last_page_has_no_next() {
        let site = Site::new("http://h:1/", "local");
        let pairs = vec![("limit".to_owned(), "2".to_owned()), ("name".to_owned(), "a b".to_owned())];
        let paging = Paging::decode(Params::new(pairs), &["name"]).unwrap();
        let mut page = Page { items: vec![1, 2], next: Some("tok".to_owned()), total: 3 };
        let body = encode(&site, "things", "things", &paging, &page, |n| *n);
        assert_eq!(body["first"]["href"], "http://h:1/v1/things?limit=2&name=a%20b");
        assert_eq!(body["next"]["href"], "http://h:1/v1/things?limit=2&name=a%20b&start=tok");
        assert_eq!((&body["limit"], &body["total_count"], &body["things"]), (&json!(2), &json!(3), &json!([1, 2])));
        page.next = None;
        assert!(encode(&site, "things", "things", &paging, &page, |n| *n).get("next").is_none());
    }

    #[test]
    fn limits_are_1_to_100_and_50_unless_said() {
        let decode = |limit: Option<&str>| {
            let pairs = limit.map(|limit| ("limit".to_owned(), limit.to_owned()));
            Paging::decode(Params::new(pairs.into_iter().collect()), &[]).map(|paging| paging.limit)
        };
        assert_eq!(decode(None).unwrap(), 50);
        assert_eq!((decode(Some("1")).unwrap(), decode(Some("100")).unwrap()), (1, 100));
        assert!(decode(Some("0")).is_err() && decode(Some("101")).is_err() && decode(Some("many")).is_err());
    }

    fn found(query: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let site = Site::new("http://h:1", "local");
        let item = |id: &str, name: &str, address: &str, target: Option<&str>| match target {
            None => json!({ "id": id, "name": name, "address": address }),
            Some(target) => json!({ "id": id, "name": name, "address": address, "target": { "id": target } }),
        };
        let items = vec![
            item("1", "b", "10.0.0.10", Some("x")),
            item("2", "a", "10.0.0.9", None),
            item("3", "c", "10.0.0.2", Some("x")),
        ];
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let paging = Paging::decode(Params::new(pairs), &["sort", "target.id", "name"]).unwrap();
        let body = encode_found(&site, ("things", "things"), &paging, items, &["name", "address"]);
        let body = body.map_err(|problem| problem.to_string())?;
        Ok(body["things"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn filters_are_paths_of_what_is_shown_and_sorts_go_both_ways() {
        assert_eq!(found(&[]).unwrap(), ["1", "2", "3"]);
        assert_eq!(found(&[("sort", "name")]).unwrap(), ["2", "1", "3"]);
        assert_eq!(found(&[("sort", "-name")]).unwrap(), ["3", "1", "2"]);
        assert_eq!(found(&[("sort", "address")]).unwrap(), ["3", "2", "1"], "as numbers");
        assert_eq!(found(&[("target.id", "x"), ("sort", "-address")]).unwrap(), ["1", "3"]);
        assert_eq!(found(&[("target.id", "y")]).unwrap(), Vec::<String>::new());
        assert_eq!(found(&[("sort", "name"), ("limit", "2"), ("start", "1")]).unwrap(), ["1", "3"]);
        assert!(found(&[("sort", "colour")]).unwrap_err().contains("name, address"));
        assert!(found(&[("start", "9")]).unwrap_err().contains("'next'"));
    }
}
