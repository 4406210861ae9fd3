//! Every route of the native API that tenants may ask, from the server's source: each name in its path, its query and its body once
//! with what is another tenant's and once with what nothing is, by id and by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::asking::{Asking, Case};
use super::fill::{Whose, places};
use super::native_bodies::{bodies, named_in};
use super::world::{Names, server, world};
use crate::client::{Api, text};

/// What a parameter of a path names.
const THINGS: &[(&str, &[&str])] = &[
    ("/instances/{instance}", &["instance", "metal"]),
    ("/floating_ips/{ip}", &["floating", "floating_of_vni"]),
    ("/network_acls/{acl}", &["acl"]),
    ("/prefix_lists/{list}", &["list"]),
    ("/public_gateways/{gateway}", &["gateway"]),
    ("/security_groups/{group}", &["group"]),
    ("/shares/{share}", &["share"]),
    ("/shares/{share}/mount_targets/{target}", &["mount"]),
    ("/subnets/{subnet}", &["subnet"]),
    ("/virtual_network_interfaces/{vni}", &["vni", "attached_vni"]),
    ("/vpcs/{vpc}", &["vpc"]),
];

/// The kinds of things whose names are resolved, and one of each.
const KINDS: &[(&str, &str)] = &[
    ("vpc", "vpc"),
    ("subnet", "subnet"),
    ("virtual_network_interface", "vni"),
    ("instance", "instance"),
    ("security_group", "group"),
    ("network_acl", "acl"),
    ("prefix_list", "list"),
    ("floating_ip", "floating"),
    ("share", "share"),
    ("public_gateway", "gateway"),
];

/// What parameters of queries name of a tenant's; the others name nothing of theirs.
const NAMED: &[(&str, &str)] =
    &[("account", "account"), ("instance", "instance"), ("subnet", "subnet"), ("vni", "vni"), ("vpc", "vpc")];
const PLAIN: &[&str] = &["host", "limit", "region", "start", "wait"];

/// The texts in quotes that follow a beginning in a source.
fn quoted<'a>(source: &'a str, beginning: &str) -> Vec<&'a str> {
    source.split(beginning).skip(1).filter_map(|rest| rest.split('"').nth(1)).collect()
}

/// The routes as the source has them: methods and path.
fn routes() -> Vec<(String, String)> {
    let source = include_str!("../../../src/http/native/mod.rs");
    let (_, router) = source.split_once("fn router()").unwrap();
    let mut all = Vec::new();
    for route in router.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if route.contains(&format!(" {method}(")) || route.contains(&format!(").{method}(")) {
                all.push((method.to_ascii_uppercase(), path.to_owned()));
            }
        }
    }
    assert!(all.len() > 80, "{}", all.len());
    all
}

/// The parts of the API that tenants may ask, as the source has them.
fn for_tenants() -> Vec<&'static str> {
    let source = include_str!("../../../src/http/auth.rs");
    let (_, list) = source.split_once("FOR_TENANTS: &[&str] = &[").unwrap();
    list.split("];").next().unwrap().split('"').skip(1).step_by(2).collect()
}

/// The parameters that queries of the API may have.
fn parameters() -> BTreeSet<String> {
    let sources = [
        include_str!("../../../../dialect/src/native/paging.rs"),
        include_str!("../../../../dialect/src/native/action.rs"),
        include_str!("../../../../dialect/src/native/vni/mod.rs"),
        include_str!("../../../../dialect/src/native/share.rs"),
    ];
    let found = sources.iter().flat_map(|source| [quoted(source, "take("), quoted(source, "take_number(")].concat());
    found.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())).map(str::to_owned).collect()
}

fn paths(path: &str) -> Vec<String> {
    if path == "/resolve/{kind}/{text}" {
        return KINDS.iter().map(|(kind, key)| format!("/resolve/{kind}/{{{key}}}")).collect();
    }
    let mut all = vec![String::new()];
    let mut upto = String::new();
    for part in path.split('/').skip(1) {
        upto = format!("{upto}/{part}");
        let keys = THINGS.iter().find(|(known, _)| *known == upto).map(|(_, keys)| *keys);
        assert!(!part.starts_with('{') || keys.is_some(), "{path}: say in THINGS what {part} names");
        let parts: Vec<String> =
            keys.map_or(vec![part.to_owned()], |keys| keys.iter().map(|key| format!("{{{key}}}")).collect());
        all = all.iter().flat_map(|text| parts.iter().map(move |part| format!("{text}/{part}"))).collect();
    }
    all
}

/// The same template with each of its things by name, where it has one.
fn by_name(template: &str, names: &Names) -> String {
    places(template)
        .iter()
        .filter(|key| names.contains_key(&format!("{key}.name")))
        .fold(template.to_owned(), |text, key| text.replace(&format!("{{{key}}}"), &format!("{{{key}.name}}")))
}

/// What fields a route's body may have, by what the server says of one that it can not have.
async fn fields(api: &Api, method: &str, path: &str) -> Vec<String> {
    let answer = api.call(method.parse().unwrap(), path, Some(json!({ "?": 0 }))).await;
    let said = answer.body["error"]["message"].as_str().unwrap_or_default().to_owned();
    let Some((_, known)) = said.split_once("unknown field") else { return Vec::new() };
    known.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
}

async fn cases(api: &Api, names: &Names) -> Vec<Case> {
    let mut all = Vec::new();
    for (method, path) in routes() {
        let first = path.split('/').nth(1).unwrap_or_default();
        if !for_tenants().contains(&first) {
            continue;
        }
        let route = format!("{method} {path}");
        let whole = format!("/native/v1{path}");
        let known = fields(api, &method, &whole.replace(['{', '}'], "x")).await;
        let given = bodies(&route);
        for field in named_in(&route, &known) {
            let covered = given.iter().any(|body| places(&body[&field].to_string()).iter().any(|_| true));
            assert!(covered, "{route}: bodies() names nothing in '{field}'");
        }
        for path in paths(&path) {
            let path = format!("/native/v1{path}");
            for body in given.iter().map(|body| Some(body.to_string())).chain(given.is_empty().then_some(None)) {
                let case = Case { method: method.parse().unwrap(), path: path.clone(), body };
                let name = |text: &String| by_name(text, names);
                all.push(Case { path: name(&case.path), body: case.body.as_ref().map(name), ..case.clone() });
                all.push(case);
            }
            for parameter in parameters() {
                let probe = format!("{}?{parameter}=1", path.replace(['{', '}'], "x"));
                // What shows one thing reads no query.
                if method != "GET"
                    || path.contains('{')
                    || api.get(&probe).await.body.to_string().contains("has no such parameter")
                {
                    continue;
                }
                let key = NAMED.iter().find(|(name, _)| *name == parameter).map(|(_, key)| *key);
                assert!(key.is_some() || PLAIN.contains(&parameter.as_str()), "say in NAMED or PLAIN: {parameter}");
                let Some(key) = key else { continue };
                let path = format!("{path}?{parameter}={{{key}}}");
                for path in [by_name(&path, names), path] {
                    all.push(Case { method: method.parse().unwrap(), path, body: None });
                }
            }
        }
    }
    all
}

#[tokio::test]
async fn p08_no_route_of_the_native_api_tells_a_foreign_name_from_an_unknown_one() {
    let api = server().await;
    let (victim, own) = (api.account().await, api.account().await);
    let mut foreign = world(&api.with_key(Some(&victim), None).await.0, "theirs", 2).await;
    let mut own_names = world(&api.with_key(Some(&own), None).await.0, "myself", 1).await;
    foreign.insert("account".to_owned(), victim);
    own_names.insert("account".to_owned(), own.clone());
    let whose = Whose::new(own_names, foreign);
    let cases = cases(&api, &whose.own).await;
    let mut askers = Vec::new();
    for policies in [None, Some(json!([{ "role": "viewer" }])), Some(json!([]))] {
        askers.push((policies.is_none(), api.with_key(Some(&own), policies).await.0));
    }
    let mut asking = Asking::new(&api, whose);
    for (may_all, asker) in &askers {
        for case in &cases {
            asking.compare(asker, case, *may_all, false).await;
        }
    }
    asking.finish().await;
}

#[tokio::test]
async fn p08_p10_what_is_the_operators_is_refused_to_tenants_before_anything_is_looked_at() {
    let api = server().await;
    let account = api.account().await;
    let (tenant, _) = api.with_key(Some(&account), None).await;
    let victim = api.account().await;
    let (_, key) = api.with_key(Some(&victim), None).await;
    let open = for_tenants();
    let mut asked = 0;
    for (method, path) in routes().into_iter().filter(|(_, path)| !open.contains(&path.split('/').nth(1).unwrap())) {
        let mut said = BTreeSet::new();
        // Somebody's, and nobody's.
        for id in [text(&key, "id"), victim.clone(), "x".to_owned()] {
            let parts = path.split('/').map(|part| if part.starts_with('{') { id.as_str() } else { part });
            let path = format!("/native/v1{}", parts.collect::<Vec<_>>().join("/"));
            let body = (method != "GET").then(|| json!({}));
            let refused: Value = tenant.call(method.parse().unwrap(), &path, body).await.expect(403);
            said.insert((text(&refused["error"], "code"), text(&refused["error"], "message")));
            asked += 1;
        }
        assert_eq!(said.len(), 1, "{method} {path}: {said:?}");
    }
    assert!(asked > 60, "{asked}");
}

#[tokio::test]
async fn p08_a_tenant_is_shown_its_own_interfaces_of_a_host_that_others_are_on_too() {
    let api = server().await;
    let (victim, own) = (api.account().await, api.account().await);
    world(&api.with_key(Some(&victim), None).await.0, "theirs", 2).await;
    let (tenant, _) = api.with_key(Some(&own), None).await;
    let names = world(&tenant, "myself", 1).await;
    let shown = tenant.get(&format!("/native/v1/instances/{}", names["instance"])).await.expect(200);
    let host = text(&shown["host"], "id");
    let listed = tenant.get(&format!("/native/v1/virtual_network_interfaces?host={host}")).await.expect(200);
    let ids: Vec<String> = listed["items"].as_array().unwrap().iter().map(|one| text(one, "id")).collect();
    assert!(ids.contains(&names["attached_vni"]) && listed["total"] == json!(ids.len()), "{listed}");
    for id in ids {
        tenant.get(&format!("/native/v1/virtual_network_interfaces/{id}")).await.expect(200);
    }
}
