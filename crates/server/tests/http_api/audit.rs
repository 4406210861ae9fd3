//! The audit log: one record for each change and each refusal, written before the answer, and a chain that shows changes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use pintle_server::SystemClock;
use pintle_server::audit::{Audit, Entry, FILE};
use serde_json::{Value, json};

use super::client::{Api, text};

/// The newest records that this query finds, oldest first.
async fn records(api: &Api, query: &str) -> Vec<Value> {
    let body = api.get(&format!("/native/v1/audit{query}")).await.expect(200);
    let mut items = body["items"].as_array().unwrap().clone();
    items.reverse();
    items
}

fn brief(record: &Value) -> String {
    let shown = |field: &str| record[field].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", shown("action"), shown("outcome"), shown("code"))
}

#[tokio::test]
async fn p04_u03_every_change_and_every_refusal_is_one_record_with_who_what_and_outcome() {
    let api = Api::new();
    let (_, subnet) = api.network("10.0.0.0/24", "local-1").await;
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let act = async |action: &str| {
        api.post(&format!("/native/v1/virtual_network_interfaces/{vni}/actions/{action}"), json!({})).await
    };
    act("flush").await.expect(200);
    act("quarantine").await.expect(200);
    act("release").await.expect(200);
    // Refused by a rule, for want of a name, by a condition, for a wrong body.
    api.delete(&format!("/v1/subnets/{subnet}")).await.refused(409, "resource_in_use");
    let nobody = "/native/v1/virtual_network_interfaces/eni-00000000000000001/actions/flush";
    api.post(nobody, json!({})).await.expect(404);
    let path = format!("/v1/virtual_network_interfaces/{vni}");
    let conditional = Api::request(Method::DELETE, &path).header("If-Match", "W/\"1\"").body(Body::empty()).unwrap();
    assert_eq!(api.send(conditional).await.status, 412);
    api.post("/v1/vpcs", json!({ "nonsense": 1 })).await.expect(400);
    // Questions and strangers leave none.
    api.get("/v1/vpcs").await.expect(200);
    let stranger = axum::http::Request::builder().method(Method::POST).uri("/native/v1/vpcs").body(Body::empty());
    assert_eq!(api.send(stranger.unwrap()).await.status, 401);

    let all = records(&api, "").await;
    let briefs: Vec<String> = all.iter().map(brief).collect();
    assert_eq!(
        briefs,
        [
            "vpc.create success -",
            "subnet.create success -",
            "vni.create success -",
            "vni.flush success -",
            "vni.quarantine success -",
            "vni.release success -",
            "subnet.delete failure in_use",
            "POST /native/v1/virtual_network_interfaces/{vni}/actions/flush failure not_found",
            "vni.delete failure changed",
            "POST /v1/vpcs failure bad_field",
        ]
    );
    let flush = &all[3];
    assert_eq!((flush["who"].as_str(), flush["target"].as_str()), (Some("token"), Some(vni.as_str())));
    assert!(flush["revision"].as_u64().is_some() && flush["at"].as_str().unwrap().ends_with('Z'), "{flush}");
    assert_eq!(flush["seq"], 4);
    assert_eq!(all[7]["target"], "eni-00000000000000001");
    let of_vni: Vec<String> = records(&api, &format!("?target={vni}&action=vni")).await.iter().map(brief).collect();
    assert_eq!(of_vni.len(), 5, "{of_vni:?}");
    assert_eq!(records(&api, "?action=vni.flush").await.len(), 1);
    let page = api.get("/native/v1/audit?limit=4").await.expect(200);
    let next = api.get(&format!("/native/v1/audit?limit=100&start={}", text(&page, "next"))).await.expect(200);
    assert_eq!((next["items"].as_array().unwrap().len(), next.get("next")), (6, None));
    api.get("/native/v1/audit?start=x").await.expect(400);
}

#[tokio::test]
async fn k24_p09_a_running_server_finds_what_was_done_to_its_log() {
    let api = Api::new();
    for _ in 0..5 {
        api.post("/v1/vpcs", json!({})).await.expect(201);
    }
    let verify = async || api.get("/native/v1/audit/verify").await.expect(200);
    assert_eq!((verify().await["whole"].clone(), verify().await["records"].clone()), (json!(true), json!(5)));
    let written = fs::read_to_string(api.audit.path()).unwrap();
    let put = |text: &str| fs::write(api.audit.path(), text).unwrap();
    put(&written.replacen("\"seq\":3", "\"seq\":8", 1));
    let report = verify().await;
    assert_eq!((report["whole"].clone(), report["faults"][0]["line"].clone()), (json!(false), json!(3)), "{report}");
    let lines: Vec<&str> = written.split_inclusive('\n').collect();
    put(&lines[..4].concat());
    let report = verify().await;
    assert!(report["faults"][0]["what"].as_str().unwrap().contains("removed from the end"), "{report}");
    // What comes next does not hide it.
    put(&lines[..3].concat());
    api.post("/v1/vpcs", json!({})).await.expect(201);
    let report = verify().await;
    assert_eq!(report["faults"][0]["seq"], 6, "{report}");
}

#[tokio::test]
async fn p04_a_log_goes_on_after_a_crash_and_says_what_it_lost() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Audit::open(folder.path(), Arc::new(SystemClock)).unwrap();
    let entry = |action: &str| Entry { who: "token".into(), action: action.into(), ..Entry::default() };
    let audit = open();
    for action in ["vpc.create", "vni.flush"] {
        audit.record(entry(action)).await.unwrap();
    }
    drop(audit);
    let path = folder.path().join(FILE);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seq\":3,\"at\":\"2026").unwrap();
    let audit = open();
    audit.record(entry("vni.release")).await.unwrap();
    let report = audit.check().unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.records, audit.head().seq), (4, 4));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("audit.repair") && text.contains("19 bytes of a record"), "{text}");
}

#[tokio::test]
async fn p04_nothing_is_changed_while_the_log_cannot_be_written() {
    // A device that is always full.
    let api = Api::prepared(|folder| symlink("/dev/full", folder.join(FILE)).unwrap());
    let count = async || api.get("/native/v1/vpcs").await.expect(200)["total"].as_u64().unwrap();
    api.post("/v1/vpcs", json!({})).await.expect(500);
    assert_eq!(count().await, 1, "the first one was made before that was known");
    api.post("/v1/vpcs", json!({})).await.expect(500);
    api.delete("/v1/vpcs/vpc-00000000000000001").await.expect(500);
    assert_eq!(count().await, 1, "what can't be noted is not done");
}
