//! Another region of one's own account: what is elsewhere is no different from what is nowhere.

use pintle_dialect::ibm::openapi;

use super::asking::Asking;
use super::ec2::KEYS;
use super::ec2_forms::{FORMS, forms};
use super::fill::{Whose, places};
use super::ibm::cases;
use super::traces::dump;
use super::world::{ELSEWHERE, Names, server, world};
use super::world_ec2::{self, Tenant};

#[tokio::test]
async fn p08_ids_of_another_region_are_unknown_to_ibms_api() {
    let api = server().await;
    let (tenant, _) = api.with_key(Some(&api.account().await), None).await;
    let names = world(&tenant, "theirs", 2).await;
    let document = api.get("/v1/openapi.json").await.expect(200);
    let operations = openapi::operations();
    let cases: Vec<_> = operations.iter().flat_map(|operation| cases(operation, &document, &names)).collect();
    let mut asking = Asking::new(&api, Whose::new(Names::new(), names));
    for case in cases.iter().filter(|case| case.names_something()) {
        asking.compare_in(ELSEWHERE, &tenant, case).await;
    }
    asking.finish().await;
}

#[tokio::test]
async fn p08_ids_of_another_region_are_unknown_to_ec2s_api() {
    let api = server().await;
    let account = api.account().await;
    let tenant = Tenant::new(&api, &account, KEYS[0], None).await;
    let mut names = world_ec2::world(&tenant, &account, "theirs", 2).await;
    // The account is the same everywhere, and so are the names that it may give again.
    names.retain(|key, _| key != "account" && !key.ends_with(".name"));
    let whose = Whose::new(Names::new(), names);
    let before = dump(&api);
    for (action, form) in FORMS.iter().flat_map(|(action, _)| forms(action).into_iter().map(move |form| (action, form)))
    {
        let keys = places(form);
        let strangers: Vec<&str> = keys.iter().map(String::as_str).collect();
        if strangers.iter().any(|key| !whose.foreign.contains_key(*key)) {
            continue;
        }
        let mut said = Vec::new();
        for theirs in [&whose.foreign, &whose.unknown] {
            let form = format!("{action}&{}", whose.fill(form, &strangers, theirs));
            let told = tenant.ask_in(ELSEWHERE, &form).await;
            said.push((told.status, whose.blank(&format!("{}{}", told.headers, told.body), &strangers)));
        }
        assert_eq!(said[0], said[1], "{action}&{form}");
        assert_eq!(said[0].0, 400, "{action}&{form}: {}", said[0].1);
    }
    assert_eq!(dump(&api), before, "something was changed");
}
