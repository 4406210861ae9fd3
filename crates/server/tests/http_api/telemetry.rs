//! What hosts are asked: flows, drops and the fate of a packet, and who can't be asked.

use std::time::{Duration, Instant};

use pintle_core::DropReason;
use pintle_core::host_protocol::{AgentMessage, Hello, PROTOCOL_VERSION, ServerMessage};
use pintle_core::id::{HostId, VniId};
use pintle_core::net::Mac;
use pintle_core::telemetry::{
    Answer as Told, DropTotal, Drops, Entrance, Explanation, Failed, Flow, FlowEnd, FlowState, FlowUsage, Flows, Half,
    Path, Probe, ProbePayload, Question, RuleRef, StageNote, Verdict,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::client::{Answer, Api, text};

/// A host's agent that answers questions, and nothing else.
fn agent(
    api: &Api,
    host: HostId,
    number: u8,
    answer: impl Fn(Question) -> Option<Told> + Send + 'static,
) -> JoinHandle<()> {
    let hello = Hello {
        version: PROTOCOL_VERSION,
        host,
        name: format!("host-{number}"),
        zone: "zone-1".into(),
        vtep: [192, 0, 2, number].into(),
        underlay_mtu: 1500,
        uplink: None,
        max_ports: 4096,
        resume: None,
    };
    let (mut link, mut outbox, _) = api.sessions.open(&hello);
    tokio::spawn(async move {
        loop {
            let ServerMessage::Ask { id, question } = outbox.next().await else { continue };
            if let Some(answer) = answer(question) {
                link.take(AgentMessage::Answer { id, answer }).unwrap();
            }
        }
    })
}

struct Scene {
    api: Api,
    hosts: [HostId; 2],
    vpc: String,
    subnet: String,
    vnis: [String; 2],
}

/// Two hosts, an instance on each, and an attached interface in each: `one` and `two`.
async fn scene() -> Scene {
    let api = Api::new();
    let hosts = [api.host(1, "zone-1").await, api.host(2, "zone-1").await];
    let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let mut vnis = Vec::new();
    for (name, host, address) in [("one", "host-1", "10.1.2.11"), ("two", "host-2", "10.1.2.12")] {
        api.post("/native/v1/instances", json!({ "name": name, "vpc": vpc, "host": host })).await.expect(201);
        let body = json!({ "name": name, "subnet": { "id": subnet }, "primary_ip": { "address": address } });
        vnis.push(text(&api.vni(body).await, "id"));
        let attach = format!("/native/v1/virtual_network_interfaces/{name}/actions/attach");
        api.post(&attach, json!({ "instance": name })).await.expect(202);
    }
    api.hosts_obey().await;
    Scene { api, hosts, vpc, subnet, vnis: vnis.try_into().unwrap() }
}

fn refused(answer: Answer, status: u16, code: &str) -> String {
    let body = answer.expect(status);
    assert_eq!(body["error"]["code"], code, "{body}");
    text(&body["error"], "message")
}

fn end(address: [u8; 4], port: u16, vni: Option<VniId>) -> FlowEnd {
    FlowEnd { address: address.into(), port, vni, packets: 7, bytes: 700 }
}

#[tokio::test]
async fn flows_come_from_the_host_of_the_interface_with_names_and_rules() {
    let Scene { api, hosts, vpc, vnis, .. } = scene().await;
    let group = api.get(&format!("/native/v1/security_groups?vpc={vpc}")).await.expect(200)["items"][0].clone();
    let rule = RuleRef::Group {
        group: Some(text(&group, "id").parse().unwrap()),
        rule: text(&group["rules"][0], "id").parse().unwrap(),
    };
    let id: VniId = vnis[0].parse().unwrap();
    let agent = agent(&api, hosts[0], 1, move |question| {
        assert_eq!(question, Question::Flows { vni: Some(id), limit: 5 });
        let flow = Flow {
            segment: 1,
            protocol: 6,
            opener: end([10, 1, 2, 11], 40_000, Some(id)),
            acceptor: end([10, 1, 2, 12], 443, None),
            state: FlowState::Established,
            idle_ms: 3,
            expires_in_ms: 5,
            egress_rule: Some(rule),
            ingress_rule: None,
            open: false,
            translated: None,
        };
        let usage = vec![FlowUsage { vni: id, opened: 1, accepted: 0, over: 0, quota: 1000 }];
        Some(Told::Flows(Flows { flows: vec![flow], matching: 1, held: 9, capacity: 4096, usage }))
    });
    let body = api.get("/native/v1/flows?vni=one&limit=5").await.expect(200);
    let host = &body["hosts"][0];
    assert_eq!((&host["host"]["name"], &host["held"]), (&json!("host-1"), &json!(9)));
    let flow = &host["flows"][0];
    assert_eq!((&flow["protocol"], &flow["state"]), (&json!("tcp"), &json!("established")));
    assert_eq!(flow["opener"]["virtual_network_interface"], json!({ "id": vnis[0], "name": "one" }));
    assert_eq!(flow["egress_rule"]["security_group"]["name"], group["name"]);
    assert_eq!(flow["egress_rule"]["rule"], group["rules"][0]["rule"]);
    assert_eq!(host["usage"][0]["quota"], 1000);
    agent.abort();
}

#[tokio::test]
async fn a_host_that_is_away_or_slow_is_named_in_time() {
    let Scene { api, hosts, vnis, .. } = scene().await;
    let error = refused(api.get("/native/v1/flows?vni=one").await, 503, "host_away");
    assert!(error.contains(&hosts[0].to_string()) && error.contains("not connected"), "{error}");
    let silent = agent(&api, hosts[0], 1, |_| None);
    let began = Instant::now();
    let error = refused(api.get("/native/v1/flows?vni=one").await, 504, "host_slow");
    assert!(error.contains("has not answered within 2 s"), "{error}");
    assert!((Duration::from_millis(1900)..Duration::from_secs(4)).contains(&began.elapsed()));
    silent.abort();
    let asking = api.clone();
    let leaves = agent(&api, hosts[0], 1, |_| None);
    let asked = tokio::spawn(async move { asking.get("/native/v1/drops?host=host-1").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    leaves.abort();
    let error = refused(asked.await.unwrap(), 503, "host_away");
    assert!(error.contains("went away before it answered"), "{error}");

    let id: VniId = vnis[1].parse().unwrap();
    let other = agent(&api, hosts[1], 2, move |_| Some(Told::Failed(Failed::NotHere(id))));
    let body = api.get("/native/v1/drops").await.expect(200);
    let reasons: Vec<String> = body["missing"].as_array().unwrap().iter().map(|host| text(host, "reason")).collect();
    assert!(reasons.iter().any(|reason| reason.contains("not connected")), "{body}");
    assert!(reasons.iter().any(|reason| reason.contains("has no port for eni-")), "{body}");
    other.abort();
    refused(api.get("/native/v1/flows?vni=nobody").await, 404, "not_found");
    refused(api.get("/native/v1/flows?vni=one&host=host-1").await, 400, "bad_parameter");
    refused(api.get("/native/v1/flows?limit=0").await, 400, "bad_parameter");
}

#[tokio::test]
async fn drops_are_told_with_their_reason_in_words() {
    let Scene { api, hosts, vnis, .. } = scene().await;
    let id: VniId = vnis[0].parse().unwrap();
    let agents = [0, 1].map(|position| {
        agent(&api, hosts[position], position as u8 + 1, move |question| {
            assert_eq!(question, Question::Drops { vni: None });
            let total = DropTotal { vni: Some(id), reason: DropReason::SpoofedSrcIp, packets: 3, bytes: 180 };
            Some(Told::Drops(Drops { totals: vec![total], ..Drops::default() }))
        })
    });
    let body = api.get("/native/v1/drops").await.expect(200);
    assert_eq!((body["hosts"].as_array().unwrap().len(), &body["missing"]), (2, &json!([])));
    let total = &body["hosts"][0]["totals"][0];
    assert_eq!((&total["reason"]["code"], &total["packets"]), (&json!("spoofed_src_ip"), &json!(3)));
    assert_eq!(total["virtual_network_interface"]["name"], "one");
    assert!(text(&total["reason"], "text").contains("source IP"));
    agents.iter().for_each(JoinHandle::abort);
}

fn followed(stage: &str, verdict: Verdict) -> Half {
    let note = StageNote { stage: stage.to_owned(), text: "as told".to_owned(), rule: None };
    Half::Followed(Path { stages: vec![note], verdict })
}

fn both(half: &Half) -> Option<Told> {
    Some(Told::Explained(Box::new(Explanation { model: half.clone(), kernel: half.clone() })))
}

/// Asks both hosts: the first tunnels to the second, which comes to this verdict.
async fn explained(scene: &Scene, verdict: Verdict, body: Value) -> Value {
    let (api, hosts) = (&scene.api, scene.hosts);
    let (source_mac, destination_mac) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let first: VniId = scene.vnis[0].parse().unwrap();
    let one = agent(api, hosts[0], 1, move |question| {
        let Question::Explain(probe) = question else { panic!("{question:?}") };
        assert_eq!(probe.entrance, Entrance::Port(first));
        let vtep = [192, 0, 2, 2].into();
        both(&followed("route", Verdict::Tunnelled { vtep, segment: 7, source_mac, destination_mac }))
    });
    let two = agent(api, hosts[1], 2, move |question| {
        let Question::Explain(probe) = question else { panic!("{question:?}") };
        let Probe { entrance, source, destination, payload } = *probe;
        let vtep = [192, 0, 2, 1].into();
        assert_eq!(entrance, Entrance::Overlay { vtep, segment: 7, source_mac, destination_mac });
        assert_eq!((source.to_string(), destination.to_string()), ("10.1.2.11".to_owned(), "10.1.2.12".to_owned()));
        assert!(matches!(payload, ProbePayload::Tcp { destination_port: 443, source_port: 49152.. }), "{payload:?}");
        both(&followed("ingress", verdict.clone()))
    });
    let body = api.post("/native/v1/explain", body).await.expect(200);
    one.abort();
    two.abort();
    body
}

#[tokio::test]
async fn d16_a_packet_is_followed_from_host_to_host() {
    let scene = scene().await;
    let second: VniId = scene.vnis[1].parse().unwrap();
    let body =
        explained(&scene, Verdict::Delivered(second), json!({ "from": "one", "to": "two", "protocol": "tcp/443" }))
            .await;
    assert_eq!((&body["permitted"], &body["agree"], &body["missing"]), (&json!(true), &json!(true), &Value::Null));
    let hosts: Vec<String> = body["hops"].as_array().unwrap().iter().map(|hop| text(&hop["host"], "name")).collect();
    assert_eq!(hosts, ["host-1", "host-2"]);
    assert_eq!(body["hops"][1]["kernel"]["verdict"]["virtual_network_interface"]["name"], "two");
    assert_eq!((&body["from"]["name"], &body["to"]["name"]), (&json!("one"), &json!("two")));

    let denied = Verdict::Dropped { reason: DropReason::NotHere, rule: None };
    let body = explained(&scene, denied, json!({ "from": "one", "to": "10.1.2.12", "protocol": "tcp/443" })).await;
    assert_eq!(body["permitted"], false);
    assert_eq!(body["hops"][1]["model"]["verdict"]["reason"]["code"], "not_here");
}

#[tokio::test]
async fn what_can_not_be_explained_is_told_with_the_field() {
    let Scene { api, hosts, subnet, .. } = scene().await;
    api.vni(json!({ "name": "loose", "subnet": { "id": subnet } })).await;
    let explain = async |body: Value| api.post("/native/v1/explain", body).await;
    for (body, words) in [
        (json!({ "from": "one", "to": "two", "protocol": "tcp" }), "one destination port"),
        (json!({ "from": "one", "to": "two", "protocol": "any" }), "one protocol"),
        (json!({ "from": "one", "to": "two", "protocol": "ssh" }), "'ssh' is not a protocol"),
        (json!({ "from": "one", "to": "2001:db8::1" }), "has no IPv6 address"),
        (json!({ "from": "one", "to": "10.1.2.12", "source": "2001:db8::1" }), "different IP versions"),
    ] {
        let error = refused(explain(body).await, 400, "bad_field");
        assert!(error.contains(words), "{error}");
    }
    refused(explain(json!({ "from": "nobody", "to": "two" })).await, 404, "not_found");
    refused(explain(json!({ "from": "loose", "to": "two" })).await, 409, "not_attached");
    let (source_mac, destination_mac) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let agent = agent(&api, hosts[0], 1, move |_| {
        let vtep = [192, 0, 2, 2].into();
        both(&followed("route", Verdict::Tunnelled { vtep, segment: 7, source_mac, destination_mac }))
    });
    let body = explain(json!({ "from": "one", "to": "two" })).await.expect(200);
    assert!(text(&body, "missing").contains("not connected"), "{body}");
    assert_eq!(body["permitted"], Value::Null, "a way that was not followed to its end is no permission");
    agent.abort();
}
