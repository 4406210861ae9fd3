//! Every action of EC2's API, from the registry of operations: each of its parameters that names something once with what is another
//! tenant's and once with what nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pintle_core::model::Timestamp;
use pintle_dialect::ec2::{Asked, Caller, OPERATIONS, Operation, Params, RegionInfo, Work};

use super::ec2_forms::{FORMS, forms};
use super::ec2_plain::{names_nothing, never_looked_at};
use super::fill::{Whose, choices, filled, places};
use super::traces::{Pairs, dump};
use super::world::{Names, ZONE, server};
use super::world_ec2::{Tenant, Told, world};
use crate::client::Api;
use crate::ec2::first;

pub(super) const KEYS: [&str; 5] = [
    "AKIAIOSFODNN7FOREIGN",
    "AKIAIOSFODNN7MYSELF1",
    "AKIAIOSFODNN7VIEWERS",
    "AKIAIOSFODNN7NETWORK",
    "AKIAIOSFODNN7NOTHING",
];

/// Two tenants with one of everything each, and who asks: keys of the second, the first of which may do all.
pub(crate) async fn scene() -> (Api, Whose, Vec<Tenant>) {
    let api = server().await;
    let (victim, own) = (api.account().await, api.account().await);
    let theirs = Tenant::new(&api, &victim, KEYS[0], None).await;
    let foreign = world(&theirs, &victim, "theirs", 2).await;
    let mut askers = Vec::new();
    for (key, role) in [(KEYS[1], None), (KEYS[2], Some("viewer")), (KEYS[3], Some("operator"))] {
        askers.push(Tenant::new(&api, &own, key, role).await);
    }
    let own = world(&askers[0], &own, "myself", 1).await;
    let whose = Whose::new(own, foreign);
    (api, whose, askers)
}

/// Somebody who asks.
pub(super) fn caller() -> Caller {
    let region = RegionInfo { name: "local".to_owned(), zones: vec![ZONE.to_owned()] };
    Caller {
        account: "123456789012".parse().unwrap(),
        access_key: KEYS[1].to_owned(),
        region: "local".to_owned(),
        regions: Arc::new([region]),
        now: Timestamp(0),
        endpoint: "pintle.test".into(),
    }
}

/// Whether a request would change something.
fn changes(action: &str, form: &str) -> bool {
    let operation = OPERATIONS.iter().find(|operation| operation.name == action).unwrap();
    let work = (operation.decode)(&mut Params::parse(form.as_bytes()).unwrap(), &caller());
    matches!(work, Ok(Work::Change(..)))
}

/// What an operation asks a request for, as far as its decoding comes.
pub(super) fn asked(operation: &Operation, form: &str) -> BTreeMap<String, Asked> {
    let mut params = Params::watched(form.as_bytes()).unwrap();
    let _ = (operation.decode)(&mut params, &caller());
    params.asked().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

/// The parameters of a form by their general names, with what they are given.
fn given(form: &str) -> Vec<(String, &str)> {
    let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let general =
        |name: &str| name.split('.').map(|part| if number(part) { "N" } else { part }).collect::<Vec<_>>().join(".");
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (general(name), value)).collect()
}

/// What is missing from the forms of an operation: parameters that name something and get no name.
fn missing(operation: &Operation, names: &Names) -> Vec<String> {
    let mut all: BTreeMap<String, Asked> = BTreeMap::new();
    let mut named = BTreeSet::new();
    let mut inner = BTreeSet::new();
    for form in forms(operation.name).into_iter().chain([""]) {
        for (name, kind) in asked(operation, &filled(form, names)) {
            let known = all.entry(name).or_insert(kind);
            *known = (*known).max(kind);
        }
        for (name, value) in given(form) {
            for (at, _) in name.match_indices('.') {
                inner.insert(name[..at].to_owned());
            }
            if !places(value).is_empty() {
                named.insert(name);
            }
        }
    }
    all.retain(|name, kind| match kind {
        Asked::Id(_) => !named.contains(name),
        Asked::Text => !named.contains(name) && !names_nothing(operation.name, name),
        Asked::Inner => !inner.contains(name) && !never_looked_at(operation.name, name),
    });
    all.into_iter().map(|(name, kind)| format!("{}: {name} ({kind:?})", operation.name)).collect()
}

#[tokio::test]
async fn p08_every_parameter_of_ec2s_api_that_names_something_is_asked_with_foreign_names() {
    let api = server().await;
    let account = api.account().await;
    let names = world(&Tenant::new(&api, &account, KEYS[1], None).await, &account, "myself", 1).await;
    let left: Vec<String> = OPERATIONS.iter().flat_map(|operation| missing(operation, &names)).collect();
    assert!(left.is_empty(), "say in FORMS, or that they name nothing:\n{}", left.join("\n"));
    let ids = |operation: &&Operation| {
        let forms = forms(operation.name).into_iter();
        let asked: BTreeMap<_, _> = forms.flat_map(|form| asked(operation, &filled(form, &names))).collect();
        asked.values().filter(|kind| matches!(kind, Asked::Id(_))).count()
    };
    let counted: usize = OPERATIONS.iter().map(ids).sum();
    assert!(counted > 140, "operations ask for ids: {counted}");
    for (action, _) in FORMS {
        assert!(OPERATIONS.iter().any(|operation| operation.name == *action), "there is no {action}");
    }
}

/// Whether nothing was found.
fn refused(told: &Told, may_all: bool) -> bool {
    let found = |code: &str| told.body.contains(&format!("<Code>{code}</Code>"));
    let absent =
        told.body.contains("NotFound</Code>") || told.body.contains(".NotFound") || found("NatGatewayNotFound");
    // The address of a stranger's interface is none of one's own.
    let elsewhere = told.body.contains("is not assigned to interface");
    absent || elsewhere || !may_all && found("UnauthorizedOperation")
}

#[tokio::test]
async fn p08_no_action_of_ec2s_api_tells_a_foreign_name_from_an_unknown_one() {
    let (api, whose, askers) = scene().await;
    let before = dump(&api);
    let (mut pairs, mut found) = (Pairs::default(), Vec::new());
    for (number, asker) in askers.iter().enumerate() {
        for (action, forms) in FORMS.iter().map(|(action, _)| (*action, forms(action))) {
            // What only reads is not looked for when it is not to be done.
            let dry = |form: &&str| changes(action, &filled(form, &whose.own)).then(|| format!("{form}&DryRun=true"));
            for form in forms.iter().flat_map(|form| [Some((*form).to_owned()), dry(form)]).flatten() {
                let keys = places(&form);
                for strangers in choices(&keys) {
                    let mut told = Vec::new();
                    for theirs in [&whose.foreign, &whose.unknown] {
                        told.push(asker.ask(&format!("{action}&{}", whose.fill(&form, &strangers, theirs))).await);
                    }
                    let what = format!("{action}&{form} with {strangers:?} of a stranger");
                    let [one, other] = [0, 1].map(|at: usize| {
                        (told[at].status, whose.blank(&format!("{}{}", told[at].headers, told[at].body), &strangers))
                    });
                    if one != other {
                        found.push(format!("Action {what}:\n  foreign {one:?}\n  unknown {other:?}"));
                    } else if !refused(&told[0], number == 0) {
                        found.push(format!("Action {what}: not refused as what does not exist: {one:?}"));
                    }
                    pairs.add(&what, [told[0].request.clone(), told[1].request.clone()], &strangers);
                }
            }
        }
    }
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n"));
    assert_eq!(dump(&api), before, "something was changed");
    pairs.left_the_same(&api, &whose).await;
}

#[tokio::test]
async fn p08_whether_an_account_exists_is_not_told_by_permitting_it_something() {
    let (_, whose, askers) = scene().await;
    let form = "NetworkInterfaceId={vni}&AwsAccountId={account}&Permission=INSTANCE-ATTACH";
    let mut said = Vec::new();
    for theirs in [&whose.foreign, &whose.unknown] {
        let form = whose.fill(form, &["account"], theirs);
        let told = askers[0].ask(&format!("CreateNetworkInterfacePermission&{form}")).await;
        assert_eq!(told.status, 200, "{}", told.body);
        let id = first(&told.body, "networkInterfacePermissionId");
        said.push(whose.blank(&told.body.replace(&id, "(permission)"), &["account"]));
    }
    assert_eq!(said[0], said[1]);
}

#[tokio::test]
async fn p08_a_token_of_another_tenants_request_is_nobodys() {
    let (_, whose, askers) = scene().await;
    let form = "CreateNetworkInterface&SubnetId={subnet}&ClientToken=once";
    let made = askers[0].ask(&whose.fill(form, &[], &whose.own)).await;
    let again = askers[0].ask(&whose.fill(form, &[], &whose.own)).await;
    assert_eq!((made.status, again.status), (200, 200), "{}", again.body);
    let of = |told: &Told| first(&told.body, "networkInterfaceId");
    assert_eq!(of(&made), of(&again), "one's own request has come again");
    let other = Tenant::again(&askers[0].api, KEYS[0]);
    let theirs = other.ask(&filled(form, &whose.foreign)).await;
    assert_eq!(theirs.status, 200, "{}", theirs.body);
    assert_ne!(of(&made), of(&theirs));
}
