//! Changes that meet: entity tags, and many clients that want the last of something.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::client::{Answer, Api, text};

async fn with_tag(api: &Api, method: Method, path: &str, tag: &str, body: impl Into<Body>) -> Answer {
    let request = Api::request(method, path)
        .header(header::IF_MATCH, tag)
        .header(header::CONTENT_TYPE, "application/merge-patch+json");
    api.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_change_happens_only_to_the_state_that_the_client_has_seen() {
    let api = Api::new();
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let body = json!({ "subnet": { "id": subnet } });
    let created = api.post("/v1/virtual_network_interfaces", body).await;
    let (first, path) = (created.etag(), text(&created.body, "href"));
    assert!(first.starts_with("W/\""));
    assert_eq!(api.get(&path).await.etag(), first);
    let changed = with_tag(&api, Method::PATCH, &path, &first, r#"{"name": "one"}"#).await;
    let second = changed.etag();
    changed.expect(200);
    assert_ne!(first, second);
    let error =
        with_tag(&api, Method::PATCH, &path, &first, r#"{"name": "two"}"#).await.refused(412, "precondition_failed");
    assert!(text(&error, "message").contains(&second));
    with_tag(&api, Method::DELETE, &path, &first, "").await.refused(412, "precondition_failed");
    assert_eq!(api.get(&path).await.expect(200)["name"], "one");
    with_tag(&api, Method::PATCH, &path, "*", r#"{"name": "three"}"#).await.expect(200);
    let now = api.get(&path).await.etag();
    with_tag(&api, Method::DELETE, &path, &now, "").await.expect(202);
    with_tag(&api, Method::PATCH, &path, &now, r#"{"name": "four"}"#).await.refused(404, "not_found");
    let path = format!("/v1/vpcs/{vpc}");
    with_tag(&api, Method::PATCH, &path, "\"0\"", r#"{"name": "navy"}"#).await.refused(412, "precondition_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v04_of_many_who_want_the_last_addresses_as_many_win_as_there_are() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/28", "zone-1").await;
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (api, body) = (api.clone(), json!({ "subnet": { "id": subnet } }));
            tokio::spawn(async move { api.post("/v1/virtual_network_interfaces", body).await })
        })
        .collect();
    let mut addresses = std::collections::BTreeSet::new();
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.status == 201 {
            assert!(addresses.insert(text(&answer.body["primary_ip"], "address")), "an address is given once");
        } else {
            answer.refused(409, "subnet_addresses_exhausted");
        }
    }
    assert_eq!(addresses.len(), 11);
}

/// The document says so: of sixteen who have all seen the same state, one changes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_to_the_same_seen_state_exactly_one_happens() {
    let api = Api::new();
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let path = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "href");
    for round in 0..20 {
        let tag = api.get(&path).await.etag();
        let tasks: Vec<_> = (0..16)
            .map(|client| {
                let (api, path, tag) = (api.clone(), path.clone(), tag.clone());
                let body = json!({ "name": format!("round-{round}-client-{client}") }).to_string();
                tokio::spawn(async move { with_tag(&api, Method::PATCH, &path, &tag, body).await })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            let answer = task.await.unwrap();
            if answer.status == 200 {
                winners.push((answer.etag(), answer.body));
            } else {
                answer.refused(412, "precondition_failed");
            }
        }
        let [(after, winner)] = &winners[..] else { panic!("round {round}: {winners:?}") };
        let now = api.get(&path).await;
        assert_eq!((&now.etag(), &now.body["name"]), (after, &winner["name"]), "round {round}");
        assert_ne!(*after, tag);
    }
}

/// What a patch leaves out stays as another one has just set it, though nobody says which state they have seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_of_one_rule_at_once_all_hold() {
    let api = Api::new();
    let (vpc, _) = api.network("10.1.3.0/24", "zone-1").await;
    let group = api.post("/v1/security_groups", json!({ "vpc": { "id": vpc } })).await.expect(201);
    let acl = api.post("/v1/network_acls", json!({ "vpc": { "id": vpc } })).await.expect(201);
    let rules = |kind: &str, of: &Value| format!("/v1/{kind}/{}/rules", text(of, "id"));
    let of_group = json!({ "direction": "inbound", "protocol": "tcp", "port_min": 1, "port_max": 2 });
    let of_group = api.post(&rules("security_groups", &group), of_group).await.expect(201);
    let of_acl = json!({ "direction": "inbound", "protocol": "any", "action": "allow", "source": "0.0.0.0/0",
        "destination": "0.0.0.0/0" });
    let of_acl = api.post(&rules("network_acls", &acl), of_acl).await.expect(201);
    for round in 1..=20 {
        let net = format!("10.{round}.0.0/16");
        let patches = [
            (&of_group, json!({ "remote": { "cidr_block": net } })),
            (&of_group, json!({ "port_min": 100 + round, "port_max": 200 + round })),
            (&of_acl, json!({ "source": net })),
            (&of_acl, json!({ "destination": net })),
            (&of_acl, json!({ "name": format!("round-{round}") })),
        ];
        let tasks = patches.map(|(rule, body)| {
            let (api, path) = (api.clone(), text(rule, "href"));
            tokio::spawn(async move { api.patch(&path, body).await.expect(200) })
        });
        for task in tasks {
            task.await.unwrap();
        }
        let now = api.get(&text(&of_group, "href")).await.expect(200);
        assert_eq!(now["remote"]["cidr_block"], net, "round {round}: {now}");
        assert_eq!((&now["port_min"], &now["port_max"]), (&json!(100 + round), &json!(200 + round)), "{now}");
        let now = api.get(&text(&of_acl, "href")).await.expect(200);
        assert_eq!((&now["source"], &now["destination"]), (&json!(net), &json!(net)), "round {round}: {now}");
        assert_eq!(now["name"], format!("round-{round}"));
    }
}
