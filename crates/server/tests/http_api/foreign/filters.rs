//! EC2's filters: by what another tenant's things are called and by what nothing is called, each lists the same: nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pintle_dialect::ec2::{OPERATIONS, Operation, Params};

use super::ec2::{KEYS, asked, caller, scene};
use super::ec2_forms::forms;
use super::fill::filled;
use super::world::Names;
use super::world_ec2::Tenant;

/// Filters by ids of which a tenant of the tests has none.
const BLIND: &[&str] = &[
    // There is none of it here, or it is nobody's.
    " availability-zone-id",
    " image-id",
    " instance.group-id",
    " parent-zone-id",
    " requester-id",
    " reservation-id",
    " zone-id",
    // Groups are used in their own VPC only.
    "DescribeSecurityGroupVpcAssociations ",
    // It is of the account that is permitted, which is a third one.
    "network-interface-permission.aws-account-id",
    // It is told beside that of the first range, which the tests do not take from there.
    "DescribeVpcs ipv6-cidr-block-association.association-id",
];

/// Every text in the dialect's source that could be the name of a filter.
fn vocabulary(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            vocabulary(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let plain = |text: &&str| {
            let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
            text.len() < 80 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(sign)
        };
        found.extend(source.split('"').filter(plain).map(str::to_owned));
    }
}

fn by(base: &str, filter: &str, values: &[&String]) -> String {
    let mut form = form_urlencoded::Serializer::new(base.to_owned());
    form.append_pair("Filter.1.Name", filter);
    for (number, value) in values.iter().enumerate() {
        form.append_pair(&format!("Filter.1.Value.{}", number + 1), value);
    }
    form.finish()
}

/// The filters that an operation has, by asking for each that it could have.
fn filters(operation: &Operation, base: &str, vocabulary: &BTreeSet<String>) -> Vec<String> {
    let takes = |name: &String| {
        let form = by(base, name, &[&"x".to_owned()]);
        let mut params = Params::parse(form.as_bytes()).unwrap();
        let done = (operation.decode)(&mut params, &caller());
        // What is left behind unread is a filter of nothing.
        done.is_ok() && params.finish().is_ok()
    };
    vocabulary.iter().filter(|name| takes(name)).cloned().collect()
}

/// The operations that filter, each with the least that it must be asked with and its filters.
fn all(own: &Names) -> Vec<(&'static str, String, Vec<String>)> {
    let mut words = BTreeSet::new();
    vocabulary(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../dialect/src/ec2"), &mut words);
    let mut found = Vec::new();
    // Every image that is asked for is one: they are nobody's.
    for operation in OPERATIONS.iter().filter(|operation| operation.name != "DescribeImages") {
        let least = |form: &&str| (operation.decode)(&mut Params::parse(form.as_bytes()).unwrap(), &caller()).is_ok();
        let bases: Vec<String> =
            [String::new()].into_iter().chain(forms(operation.name).iter().map(|form| filled(form, own))).collect();
        let Some(base) = bases.iter().map(String::as_str).find(least) else { continue };
        if asked(operation, base).contains_key("Filter") {
            found.push((operation.name, base.to_owned(), filters(operation, base, &words)));
        }
    }
    found
}

#[tokio::test]
async fn p08_a_filter_by_a_foreign_name_lists_nothing_as_by_an_unknown_one() {
    let (api, whose, askers) = scene().await;
    let victim = Tenant::again(&api, KEYS[0]);
    let (foreign, unknown): (Vec<&String>, Vec<&String>) =
        (whose.foreign.values().collect(), whose.unknown.values().collect());
    let (mut blind, mut listed, mut asked) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (action, base, filters) in all(&whose.own) {
        for filter in filters {
            let ask = async |values: &[&String]| {
                let told = askers[0].ask(&format!("{action}&{}", by(&base, &filter, values))).await;
                (told.status, told.headers, told.body)
            };
            let by_foreign = ask(&foreign).await;
            assert_eq!(by_foreign.0, 200, "{action} {filter}: {}", by_foreign.2);
            assert_eq!(by_foreign, ask(&unknown).await, "{action} {filter}");
            assert_eq!(by_foreign, ask(&[&"nothing".to_owned()]).await, "{action} {filter}");
            let shown = foreign.iter().find(|name| by_foreign.2.contains(name.as_str()));
            assert_eq!(shown, None, "{action} {filter}: {}", by_foreign.2);
            if by_foreign.2.contains("<item>") {
                listed.insert(format!("{action} {filter}"));
            }
            asked += 1;
            // It would have been found by its own.
            let called = format!("{action} {filter}");
            if base.is_empty() && filter.ends_with("-id") && !BLIND.iter().any(|part| called.contains(part)) {
                let own = victim.ask(&format!("{action}&{}", by("", &filter, &foreign))).await;
                let nothing = victim.ask(&format!("{action}&{}", by("", &filter, &[&"nothing".to_owned()]))).await;
                if own.body == nothing.body {
                    blind.insert(called);
                }
            }
        }
    }
    assert!(listed.is_empty(), "something is found by {listed:#?}");
    assert!(blind.is_empty(), "nothing of a tenant's is found by {blind:#?}");
    assert!(asked > 250, "{asked}");
}
