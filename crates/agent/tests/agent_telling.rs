//! What a server asks is answered from the data plane as it is, and changes nothing there.

mod agent_support;

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use agent_support::server::{Peer, Server};
use agent_support::{Guest, Host, SEGMENT, datagram, entries, group, rule};
use pintle_agent::{Config, run};
use pintle_core::DropReason;
use pintle_core::host_protocol::{AgentMessage, ServerMessage};
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, RouteSpec, VniEndpoint};
use pintle_core::id::{RuleId, SecurityGroupId, VniId};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote};
use pintle_core::telemetry::{
    Answer, Drops, Entrance, Explanation, Failed, Flow, FlowEnd, FlowState, Flows, Half, Probe, ProbePayload, Question,
    RuleRef, Verdict,
};
use tokio_util::sync::CancellationToken;

/// A group that lets UDP to port 5000 in.
const STRICT: SecurityGroupId = SecurityGroupId::from_bits(50);

/// Asks, and waits for the answer to this question.
async fn ask(peer: &mut Peer, id: u64, question: Question) -> Answer {
    peer.send(ServerMessage::Ask { id, question }).await;
    loop {
        if let AgentMessage::Answer { id: of, answer } = peer.receive().await
            && of == id
        {
            return answer;
        }
    }
}

async fn flows(peer: &mut Peer, vni: Option<VniId>) -> Flows {
    match ask(peer, 1, Question::Flows { vni, limit: 100 }).await {
        Answer::Flows(flows) => flows,
        other => panic!("{other:?}"),
    }
}

async fn drops(peer: &mut Peer, vni: Option<VniId>) -> Drops {
    match ask(peer, 2, Question::Drops { vni }).await {
        Answer::Drops(drops) => drops,
        other => panic!("{other:?}"),
    }
}

async fn explain(peer: &mut Peer, from: &Guest, to: IpAddr, ports: (u16, u16)) -> Explanation {
    let payload = ProbePayload::Udp { source_port: ports.0, destination_port: ports.1 };
    let probe = Probe { entrance: Entrance::Port(from.spec.vni), source: from.ip(), destination: to, payload };
    match ask(peer, 3, Question::Explain(Box::new(probe))).await {
        Answer::Explained(explanation) => *explanation,
        other => panic!("{other:?}"),
    }
}

/// The verdict that both halves must come to.
fn verdict(explanation: &Explanation) -> &Verdict {
    assert_eq!(explanation.agree(), Some(true), "{explanation:#?}");
    let Half::Followed(path) = &explanation.kernel else { panic!("{explanation:#?}") };
    &path.verdict
}

/// Runs a test with an agent that has these entries.
fn served(host: &Host, entries: Vec<(EntryKey, Entry)>, test: impl AsyncFnOnce(&mut Peer) + Send) {
    host.run(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new("", directory.path().join("agent"), "zone-1");
        (config.name, config.limits) = (Some("host-a".into()), host.config().limits);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            (config.server, config.join) = (server.address(), Some(server.token()));
            let shutdown = CancellationToken::new();
            let agent = tokio::spawn(run(config, shutdown.clone()));
            let mut peer = server.begin(host.id, entries).await;
            test(&mut peer).await;
            shutdown.cancel();
            tokio::time::timeout(Duration::from_secs(5), agent).await.expect("it stops").unwrap().unwrap();
        });
    });
}

#[test]
fn d16_flows_drops_and_the_fate_of_a_packet_are_told_with_their_rules() {
    let host = Host::new(1);
    let (one, two) = (Guest::new(10), Guest::new(11).within(&[STRICT]));
    let mut all = entries(&[&one, &two]);
    let rule_in = rule(500, Direction::Ingress, ProtocolMatch::Udp(PortRange::one(5000)), Remote::Any);
    all.push(group(STRICT, vec![rule_in]));
    served(&host, all, async |peer| {
        assert!(datagram((&one, one.ip()), (&two, two.ip()), 5000));
        assert!(!datagram((&one, one.ip()), (&two, two.ip()), 5001));
        let told = flows(peer, Some(two.spec.vni)).await;
        let [flow] = &told.flows[..] else { panic!("{told:#?}") };
        assert_eq!((flow.opener.vni, flow.acceptor.vni), (Some(one.spec.vni), Some(two.spec.vni)));
        assert_eq!((flow.acceptor.address, flow.acceptor.port, flow.protocol), (two.ip(), 5000, 17));
        assert_eq!((flow.opener.packets, flow.acceptor.packets), (1, 0));
        let strict = RuleRef::Group { group: Some(STRICT), rule: RuleId::from_bits(500) };
        assert_eq!(flow.ingress_rule, Some(strict));
        assert!(flow.egress_rule.is_some() && flow.expires_in_ms <= 30_001 && flow.idle_ms < 5_000, "{flow:?}");
        assert_eq!((told.usage[0].accepted, told.usage[0].quota), (1, 2048));

        let told = drops(peer, Some(two.spec.vni)).await;
        let refused = told.refused.iter().find(|refused| refused.port == 5001).unwrap_or_else(|| panic!("{told:#?}"));
        assert_eq!((refused.source, refused.destination, refused.protocol), (one.ip(), two.ip(), 17));
        assert!(told.totals.iter().any(|total| total.reason == refused.reason && total.packets >= 1), "{told:#?}");

        let before = flows(peer, None).await.held;
        assert_eq!(*verdict(&explain(peer, &one, two.ip(), (40_000, 5000)).await), Verdict::Delivered(two.spec.vni));
        let denied = explain(peer, &one, two.ip(), (40_000, 5001)).await;
        assert!(
            matches!(verdict(&denied), Verdict::Dropped { reason, .. } if *reason == refused.reason),
            "{denied:#?}"
        );
        let nowhere = explain(peer, &one, [10, 9, 9, 9].into(), (40_000, 53)).await;
        assert!(matches!(verdict(&nowhere), Verdict::Dropped { reason: DropReason::NoRoute, .. }), "{nowhere:#?}");
        // A live flow with the same ends goes on, and another source port is asked for.
        let live = explain(peer, &one, two.ip(), (flow.opener.port, 5000)).await;
        assert_eq!(*verdict(&live), Verdict::Delivered(two.spec.vni));
        assert_eq!(flows(peer, None).await.held, before, "what was asked has left no flow");

        let unknown = "eni-0ffffffffffffffff".parse().unwrap();
        let answer = ask(peer, 9, Question::Drops { vni: Some(unknown) }).await;
        assert_eq!(answer, Answer::Failed(Failed::NotHere(unknown)));
    });
}

/// A group that lets questions to port 53 out and nothing in.
const CLIENT: SecurityGroupId = SecurityGroupId::from_bits(51);

#[test]
fn d04_flows_that_another_host_told_of_let_answers_in_if_the_policy_permits_the_question() {
    let host = Host::new(1);
    let (mut server, client) = (Guest::new(20), Guest::new(21).within(&[CLIENT]));
    // What the client had asked is behind a router, so that it may be where nobody here looks.
    server.spec.policy.source_dest_check = false;
    let behind: IpAddr = "192.0.2.7".parse().unwrap();
    let mut all = entries(&[&server, &client]);
    let out = rule(510, Direction::Egress, ProtocolMatch::Udp(PortRange::one(53)), Remote::Any);
    all.push(group(CLIENT, vec![out]));
    let delegated: IpAddr = "10.9.0.5".parse().unwrap();
    all.push((EntryKey::Route(SEGMENT, 0, "10.9.0.0/24".parse().unwrap()), Entry::Route(RouteSpec::Via(server.ip()))));
    let far = Guest::new(22);
    let place = VniEndpoint { port: None, vtep: Some([192, 0, 2, 99].into()), ..far.endpoint() };
    all.push((EntryKey::Endpoint(SEGMENT, far.ip()), Entry::Endpoint(EndpointSpec::Vni(place))));
    served(&host, all, async |peer| {
        server.ip_command(&format!("addr add {behind}/32 dev lo"));
        let bind = |guest: &Guest, address: IpAddr, port: u16| {
            let socket = guest.netns().run(|| UdpSocket::bind((address, port)).unwrap()).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            socket
        };
        let asking = bind(&client, client.ip(), 4000);
        let answered_by = |address: IpAddr, port: u16| {
            bind(&server, address, port).send_to(b"answer", (client.ip(), 4000)).unwrap();
            asking.recv(&mut [0; 16]).is_ok()
        };
        let answered = |port| answered_by(behind, port);
        assert!(!answered(53), "nobody here has seen the question");
        let end = |address, port, vni| FlowEnd { address, port, vni, packets: 1, bytes: 60 };
        let flow = |port| Flow {
            segment: SEGMENT,
            protocol: 17,
            opener: end(client.ip(), 4000, Some(client.spec.vni)),
            acceptor: end(behind, port, None),
            state: FlowState::Opening,
            idle_ms: 20,
            expires_in_ms: 29_000,
            egress_rule: None,
            ingress_rule: None,
            open: false,
            translated: None,
        };
        let take_over = |flows| Question::TakeOver { vni: client.spec.vni, flows };
        let told = ask(peer, 20, take_over(vec![flow(53), flow(54)])).await;
        assert_eq!(told, Answer::TakenOver(2));
        // What the old host can't know is not believed: it would open others' gates.
        let made_up = vec![
            Flow { opener: end(client.ip(), 4000, None), ..flow(55) },
            Flow { segment: SEGMENT + 1, ..flow(55) },
            Flow { opener: end(server.ip(), 4000, Some(client.spec.vni)), ..flow(55) },
            Flow { acceptor: end(server.ip(), 55, None), ..flow(55) },
            Flow { acceptor: end(delegated, 55, None), ..flow(55) },
            Flow { opener: end(delegated, 4000, Some(client.spec.vni)), ..flow(55) },
            Flow { opener: end(far.ip(), 4000, Some(client.spec.vni)), ..flow(55) },
            Flow { acceptor: end(behind, 55, Some(client.spec.vni)), ..flow(55) },
        ];
        assert_eq!(ask(peer, 23, take_over(made_up)).await, Answer::TakenOver(0));
        assert!(!answered_by(server.ip(), 55));
        assert!(answered(53), "an answer");
        assert!(!answered(54), "its question would not be permitted");
        assert!(!answered(55) && !answered(56));
        assert_eq!(ask(peer, 21, take_over(vec![flow(53)])).await, Answer::TakenOver(0), "known already");
        // A router's flows are others', as far as none of them is here.
        let through = |address, port| Flow { opener: end(address, 4000, Some(server.spec.vni)), ..flow(port) };
        let flows = vec![through(far.ip(), 58), through(client.ip(), 59), through(delegated, 60)];
        let told = ask(peer, 24, Question::TakeOver { vni: server.spec.vni, flows }).await;
        assert_eq!(told, Answer::TakenOver(2));
        let nobody = VniId::from_bits(1);
        let told = ask(peer, 22, Question::TakeOver { vni: nobody, flows: vec![flow(57)] }).await;
        assert_eq!(told, Answer::Failed(Failed::NotHere(nobody)));
    });
}
