//! A whole agent against a scripted server: joining, sessions, resuming, drift, and doing without a server.

mod agent_support;

use std::path::Path;
use std::time::Duration;

use agent_support::server::{Peer, Server};
use agent_support::{GATEWAY, Guest, Host, entries};
use pintle_agent::{AgentError, Config, Identity, run};
use pintle_core::host_protocol::{AgentMessage, Applied, Hello, ServerMessage};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// An agent at work.
struct Agent {
    task: JoinHandle<Result<(), AgentError>>,
    shutdown: CancellationToken,
}

impl Agent {
    fn start(config: Config) -> Self {
        let shutdown = CancellationToken::new();
        Agent { task: tokio::spawn(run(config, shutdown.clone())), shutdown }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.task).await.expect("it stops").unwrap().unwrap();
    }
}

/// Runs a test with a runtime of its own inside a host.
fn inside(host: &Host, test: impl AsyncFnOnce(Config) + Send) {
    host.run(|| {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new("", directory.path().join("agent"), "zone-1");
        (config.name, config.sweep) = (Some("host-a".into()), Duration::from_millis(500));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(test(config));
    });
}

async fn hello(peer: &mut Peer) -> Hello {
    let AgentMessage::Hello(hello) = peer.receive().await else { panic!("no greeting") };
    hello
}

/// Waits until a revision has been applied; gives the drift reported meanwhile.
async fn applied(peer: &mut Peer, wanted: u64) -> (Applied, Vec<String>) {
    let mut drift = Vec::new();
    loop {
        match peer.receive().await {
            AgentMessage::Applied(applied) if applied.revision >= wanted => return (applied, drift),
            AgentMessage::Drift(reports) => drift.extend(reports.into_iter().map(|report| report.message)),
            _ => {}
        }
    }
}

async fn welcome(peer: &mut Peer, epoch: &str, resumed: bool) {
    peer.send(ServerMessage::Welcome { epoch: epoch.into(), resumed }).await;
}

async fn snapshot(peer: &mut Peer, revision: u64, guests: &[&Guest]) {
    let mut entries = entries(guests);
    let rest = entries.split_off(entries.len() / 2);
    peer.send(ServerMessage::Snapshot { revision, entries, last: false }).await;
    peer.send(ServerMessage::Snapshot { revision, entries: rest, last: true }).await;
}

#[test]
fn p10_a_host_joins_serves_and_resumes() {
    let host = Host::new(1);
    let (one, two) = (Guest::new(80), Guest::new(81));
    inside(&host, async |mut config: Config| {
        let server = Server::start().await;
        (config.server, config.join) = (server.address(), Some(server.token()));
        let agent = Agent::start(config.clone());
        server.enrol(host.id).await;
        let mut peer = server.accept().await.unwrap();
        assert!(peer.is_authenticated());
        let greeting = hello(&mut peer).await;
        assert_eq!((greeting.host, greeting.name.as_str(), greeting.vtep), (host.id, "host-a", host.vtep));
        assert_eq!((greeting.underlay_mtu, greeting.resume), (1500, None));
        welcome(&mut peer, "first", false).await;
        snapshot(&mut peer, 5, &[&one]).await;
        assert_eq!(applied(&mut peer, 5).await.0, Applied { revision: 5, failures: Vec::new(), pending: Vec::new() });
        let put = two.entries();
        peer.send(ServerMessage::Delta { revision: 6, put, removed: Vec::new() }).await;
        assert_eq!(applied(&mut peer, 6).await.0.failures, []);
        assert!(one.reaches(&two) && two.ping(GATEWAY));
        drop(peer);
        let mut peer = server.accept().await.unwrap();
        let resume = hello(&mut peer).await.resume.expect("it goes on where it was");
        assert_eq!((resume.epoch.as_str(), resume.revision), ("first", 6));
        assert!(one.reaches(&two), "without a session the data plane goes on");
        welcome(&mut peer, "first", true).await;
        assert_eq!(applied(&mut peer, 6).await.0.revision, 6, "what was applied is said again");
        let removed = two.entries().into_iter().map(|(key, _)| key).collect();
        peer.send(ServerMessage::Delta { revision: 7, put: Vec::new(), removed }).await;
        assert_eq!(applied(&mut peer, 7).await.0.failures, []);
        assert_eq!(host.devices().iter().filter(|name| name.starts_with("pt")).count(), 1);
        agent.stop().await;
        assert_eq!(Identity::load(&config.data_dir).unwrap().unwrap().host, host.id);
    });
}

#[test]
fn r02_drift_is_repaired_and_reported_in_time() {
    let host = Host::new(1);
    let guest = Guest::new(82);
    inside(&host, async |mut config: Config| {
        let server = Server::start().await;
        (config.server, config.join, config.sweep) = (server.address(), Some(server.token()), Duration::from_secs(2));
        let agent = Agent::start(config);
        server.enrol(host.id).await;
        let mut peer = server.accept().await.unwrap();
        hello(&mut peer).await;
        welcome(&mut peer, "first", false).await;
        snapshot(&mut peer, 5, &[&guest]).await;
        applied(&mut peer, 5).await;
        guest.ip_command("route del default");
        let message = timeout(Duration::from_secs(5), peer.receive()).await.expect("within 5 s");
        let AgentMessage::Drift(reports) = message else { panic!("{message:?}") };
        assert!(
            reports[0].repaired && reports[0].message.contains("route default via 10.7.0.1 missing"),
            "{reports:?}"
        );
        assert_eq!(reports[0].key, Some(guest.port_key()));
        agent_support::ip(&host.scratch.name, "link set under0 mtu 1400");
        let message = timeout(Duration::from_secs(5), peer.receive()).await.expect("within 5 s");
        let underlay = AgentMessage::Underlay { vtep: host.vtep, underlay_mtu: 1400 };
        let drift_first = matches!(message, AgentMessage::Drift(_));
        let message = if drift_first { peer.receive().await } else { message };
        assert_eq!(message, underlay);
        agent.stop().await;
    });
}

#[test]
fn p10_a_server_of_another_authority_never_hears_the_secret() {
    let host = Host::new(1);
    inside(&host, async |mut config: Config| {
        let (server, other) = (Server::start().await, Server::start().await);
        (config.server, config.join) = (server.address(), Some(other.token()));
        let agent = Agent::start(config.clone());
        assert!(server.accept().await.is_err(), "the agent ends the handshake");
        agent.stop().await;
        assert!(Identity::load(&config.data_dir).unwrap().is_none());
    });
}

#[test]
fn p10_a_refusal_ends_the_agent_with_its_reason() {
    let host = Host::new(1);
    inside(&host, async |mut config: Config| {
        let server = Server::start().await;
        config.server = server.address();
        let error = run(config.clone(), CancellationToken::new()).await.unwrap_err();
        assert!(error.to_string().contains("--join"), "{error}");
        config.join = Some(server.token());
        let agent = Agent::start(config);
        server.enrol(host.id).await;
        let mut peer = server.accept().await.unwrap();
        hello(&mut peer).await;
        peer.send(ServerMessage::Bye { reason: "the name is taken".into(), fatal: true }).await;
        let error = agent.task.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the server refuses this host: the name is taken");
    });
}

#[test]
fn i13_repairs_go_on_without_a_server_even_after_a_restart() {
    let host = Host::new(1);
    let guest = Guest::new(83);
    inside(&host, async |mut config: Config| {
        let server = Server::start().await;
        (config.server, config.join) = (server.address(), Some(server.token()));
        let agent = Agent::start(config.clone());
        server.enrol(host.id).await;
        let mut peer = server.accept().await.unwrap();
        hello(&mut peer).await;
        welcome(&mut peer, "first", false).await;
        snapshot(&mut peer, 5, &[]).await;
        peer.send(ServerMessage::Delta { revision: 6, put: guest.entries(), removed: Vec::new() }).await;
        applied(&mut peer, 6).await;
        agent.stop().await;
        drop((server, peer));
        guest.ip_command("route del default");
        let agent = Agent::start(config);
        sleep(Duration::from_millis(1500)).await;
        assert!(!guest.ip_command("route").contains("default"), "the server's word is waited for first");
        for _ in 0..80 {
            sleep(Duration::from_millis(100)).await;
            if guest.ip_command("route").contains("default via 10.7.0.1") {
                break;
            }
        }
        assert!(guest.ip_command("route").contains("default via 10.7.0.1") && guest.ping(GATEWAY));
        agent.stop().await;
    });
}

#[test]
fn a22_uninstalling_leaves_nothing() {
    let host = Host::new(1);
    let guest = Guest::new(84);
    inside(&host, async |mut config: Config| {
        let server = Server::start().await;
        (config.server, config.join) = (server.address(), Some(server.token()));
        let agent = Agent::start(config.clone());
        server.enrol(host.id).await;
        let mut peer = server.accept().await.unwrap();
        hello(&mut peer).await;
        welcome(&mut peer, "first", false).await;
        snapshot(&mut peer, 5, &[&guest]).await;
        applied(&mut peer, 5).await;
        agent.stop().await;
        assert!(host.pins().exists() && host.devices().len() == 2);
        tokio::task::spawn_blocking(move || pintle_agent::uninstall(&config)).await.unwrap().unwrap();
        assert!(!host.pins().exists());
        assert_eq!(host.devices(), Vec::<String>::new());
        assert!(!Path::new("/run/netns").join(guest.instance.to_string()).exists());
    });
}

#[test]
fn one_data_directory_is_one_agents_at_a_time() {
    let host = Host::new(1);
    inside(&host, async |mut config: Config| {
        let server = Server::start().await;
        (config.server, config.join) = (server.address(), Some(server.token()));
        let agent = Agent::start(config.clone());
        server.enrol(host.id).await;
        let mut peer = server.accept().await.unwrap();
        hello(&mut peer).await;
        let second = timeout(Duration::from_secs(5), run(config.clone(), CancellationToken::new())).await;
        let error = second.expect("it ends at once").unwrap_err().to_string();
        assert!(error.contains(&*config.data_dir.to_string_lossy()) && error.contains("another agent"), "{error}");
        let purged = config.clone();
        let purged = tokio::task::spawn_blocking(move || pintle_agent::uninstall(&purged)).await.unwrap();
        assert!(purged.unwrap_err().to_string().contains("another agent"), "what a running agent needs stays");
        agent.stop().await;
        let third = Agent::start(config);
        hello(&mut server.accept().await.unwrap()).await;
        third.stop().await;
    });
}
