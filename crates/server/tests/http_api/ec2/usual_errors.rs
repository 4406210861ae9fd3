//! What clients do wrong in the usual ways, for every action that there is: a parameter that is not known, one that is left out,
//! an id that is none, an id that nothing has, a key without the right. Each gets EC2's own code, and nothing is done.

use std::collections::{BTreeMap, BTreeSet};

use pintle_dialect::ec2::OPERATIONS;

use super::outcomes;
use crate::foreign::ec2::scene;
use crate::foreign::ec2_forms::forms;
use crate::foreign::fill::{Whose, filled, places};
use crate::foreign::traces::dump;
use crate::foreign::world_ec2::Tenant;

/// Asks, and takes note of what it came to; its code, or `answered`.
async fn ask(who: &Tenant, form: &str) -> String {
    let told = who.ask(form).await;
    outcomes::note(&format!("Action={form}"), told.status, &told.body);
    assert!(told.status < 500, "{form}: {}", told.body);
    let code =
        told.body.split_once("<Code>").and_then(|(_, rest)| rest.split_once('<')).map(|(code, _)| code.to_owned());
    assert_eq!(code.is_none(), told.status == 200, "{form}: {}", told.body);
    code.unwrap_or_else(|| "answered".to_owned())
}

/// Whether a code says that something that was named is not there, or not of this kind.
fn names_nothing(code: &str) -> bool {
    code.ends_with("NotFound") || matches!(code, "InvalidParameterValue" | "InvalidID" | "NatGatewayNotFound")
}

/// The form with one thing called otherwise.
fn with(whose: &Whose, form: &str, key: &str, name: &str) -> String {
    let mut names = whose.own.clone();
    names.insert(key.to_owned(), name.to_owned());
    filled(form, &names)
}

/// The form without one of its parameters.
fn without(form: &str, at: usize) -> String {
    let pairs = form.split('&').enumerate().filter(|(number, _)| *number != at);
    pairs.map(|(_, pair)| pair).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn v05_a13_every_action_says_what_is_wrong_in_the_usual_ways_and_does_nothing() {
    let (api, whose, askers) = scene().await;
    let (own, viewer) = (&askers[0], &askers[1]);
    let before = dump(&api);
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for operation in OPERATIONS {
        let action = operation.name;
        let forms = if forms(action).is_empty() { vec![""] } else { forms(action) };
        for form in forms {
            let whole = filled(form, &whose.own);
            let change = !["Describe", "Get"].iter().any(|beginning| action.starts_with(beginning));
            let dry = if change { "&DryRun=true" } else { "" };
            let request = |form: &str| format!("{action}{}{form}{dry}", if form.is_empty() { "" } else { "&" });
            let mut expect = |what: String, code: String, right: bool| {
                seen.entry(action).or_default().insert(code.clone());
                if !right {
                    wrong.push(format!("{action}&{form}: {what}: {code}"));
                }
            };
            let code = ask(own, &request(&whole)).await;
            expect("as it is".to_owned(), code.clone(), !change || code != "answered");
            // What can't be done for a reason of its own is not asked for more.
            if matches!(code.as_str(), "answered" | "DryRunOperation") {
                let code = ask(own, &format!("{}&Nonsense=1", request(&whole))).await;
                expect("an unknown parameter".to_owned(), code.clone(), code == "UnknownParameter");
                if change {
                    let code = ask(viewer, &request(&whole)).await;
                    expect("without the right".to_owned(), code.clone(), code == "UnauthorizedOperation");
                }
            }
            for key in places(form).iter().filter(|key| !key.contains('.') && *key != "account") {
                let code = ask(own, &request(&with(&whose, form, key, "nonsense"))).await;
                let right = code.ends_with("Malformed") || names_nothing(&code);
                expect(format!("'{key}' is no id"), code, right);
                let code = ask(own, &request(&with(&whose, form, key, &whose.unknown[key]))).await;
                let right = names_nothing(&code);
                expect(format!("'{key}' is nobody's"), code, right);
            }
            for at in 0..whole.split('&').count() {
                let code = ask(own, &request(&without(&whole, at))).await;
                expect(format!("without parameter {at}"), code.clone(), !change || code != "answered");
            }
        }
    }
    assert!(wrong.is_empty(), "{} findings\n{}", wrong.len(), wrong.join("\n"));
    let after = dump(&api);
    let changed: Vec<_> = after.iter().filter(|one| !before.contains(one)).map(|one| &one.key).collect();
    assert!(changed.is_empty() && after.len() == before.len(), "something was changed: {changed:?}");
    let refused =
        |codes: &BTreeSet<String>| codes.iter().any(|code| !matches!(code.as_str(), "answered" | "DryRunOperation"));
    let silent: Vec<_> =
        OPERATIONS.iter().filter(|one| !seen.get(one.name).is_some_and(refused)).map(|one| one.name).collect();
    assert!(silent.is_empty(), "never refused: {silent:?}");
}
