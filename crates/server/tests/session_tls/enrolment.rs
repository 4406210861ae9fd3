//! Who is let in, and as whom.

use std::time::Duration;

use pintle_core::host_protocol::{AgentMessage, PROTOCOL_VERSION, ServerMessage};
use pintle_server::pki::Authority;
use pintle_server::sessions::{AgentListener, AgentSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::agent::{ca, connect, enrol, enrol_with, hello, request, secret};
use crate::server;

#[tokio::test]
async fn p10_a_host_joins_with_the_token_and_speaks_for_itself_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let (one, two) = (enrol(&running, dir.path()).await, enrol(&running, dir.path()).await);
    assert_ne!(one.host, two.host);
    let ca = ca(dir.path());

    let mut connection = connect(running.agent_addr, &ca, Some(&one)).await.expect("connected");
    let (_, resumed) = connection.begin(hello(&one, 1, None)).await;
    assert!(!resumed);
    assert!(matches!(connection.next().await, Some(ServerMessage::Snapshot { last: true, .. })));
    assert!(running.sessions.status(one.host).expect("known").connected_since.is_some());

    let mut connection = connect(running.agent_addr, &ca, Some(&two)).await.expect("connected");
    connection.send(&AgentMessage::Hello(hello(&one, 1, None))).await;
    let (reason, fatal) = connection.bye().await;
    assert!(fatal && reason.contains(&two.host.to_string()), "{reason}");
    running.shutdown().await;
}

#[tokio::test]
async fn p10_a_wrong_secret_gets_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let good = secret(&running);
    for bad in [String::new(), good.to_uppercase() + "0", good[1..].to_owned(), "0".repeat(64)] {
        let mut connection = connect(running.agent_addr, &ca(dir.path()), None).await.expect("connected");
        connection.send(&enrol_with(bad, request().1)).await;
        let (reason, fatal) = connection.bye().await;
        assert!(fatal && reason.contains("join token") && !reason.contains(&good), "{reason}");
        assert!(connection.next().await.is_none());
    }
    let mut connection = connect(running.agent_addr, &ca(dir.path()), None).await.expect("connected");
    connection.send(&enrol_with(good, "not a request".into())).await;
    let (reason, _) = connection.bye().await;
    assert!(reason.contains("'csr_pem'"), "{reason}");
    running.shutdown().await;
}

#[tokio::test]
async fn p10_without_a_certificate_of_this_authority_there_is_no_session() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let identity = enrol(&running, dir.path()).await;
    let mut connection = connect(running.agent_addr, &ca(dir.path()), None).await.expect("connected");
    connection.send(&AgentMessage::Hello(hello(&identity, 1, None))).await;
    let (reason, fatal) = connection.bye().await;
    assert!(fatal && reason.contains("certificate"), "{reason}");

    let other_dir = tempfile::tempdir().expect("a directory");
    let other = server(other_dir.path()).await;
    let stranger = enrol(&other, other_dir.path()).await;
    // With TLS 1.3 the client learns of the refusal when it reads.
    if let Ok(mut connection) = connect(running.agent_addr, &ca(dir.path()), Some(&stranger)).await {
        assert!(connection.next().await.is_none());
    }
    assert!(connect(other.agent_addr, &ca(dir.path()), None).await.is_err(), "nor does an agent trust another server");
    running.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn another_version_is_told_whom_to_upgrade() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let identity = enrol(&running, dir.path()).await;
    for (version, whom) in [(PROTOCOL_VERSION + 1, "upgrade the server"), (0, "upgrade the agent")] {
        let mut connection = connect(running.agent_addr, &ca(dir.path()), Some(&identity)).await.expect("connected");
        let mut hello = hello(&identity, 1, None);
        hello.version = version;
        connection.send(&AgentMessage::Hello(hello)).await;
        let (reason, fatal) = connection.bye().await;
        assert!(fatal && reason.contains(whom), "{reason}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn what_is_not_a_message_ends_the_connection_with_the_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    for bad in [&b"{}"[..], b"", b"{\"Hello\":{}}", b"\xff\xff", b"{\"Unheard\":1}"] {
        let mut connection = connect(running.agent_addr, &ca(dir.path()), None).await.expect("connected");
        connection.send_raw(bad.to_vec()).await;
        let (reason, fatal) = connection.bye().await;
        assert!(!fatal && reason.contains("not a message"), "{reason}");
    }
    // A stranger's first frame is small or refused.
    let mut connection = connect(running.agent_addr, &ca(dir.path()), None).await.expect("connected");
    connection.send_raw(vec![b' '; 1 << 20]).await;
    if let Some(ServerMessage::Bye { reason, .. }) = connection.next().await {
        assert!(reason.contains("frame"), "{reason}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn strangers_who_say_nothing_are_shown_out_and_keep_nobody_out_for_long() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let other_dir = tempfile::tempdir().expect("a directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let authority = Authority::open(other_dir.path()).expect("an authority");
    let settings = AgentSettings { handshake: Duration::from_millis(200), pending: 2, ..AgentSettings::default() };
    let (engine, sessions) = (running.engine.clone(), running.sessions.clone());
    let door = AgentListener::start(listener, engine, sessions, authority, settings).expect("started");
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(door.address()).await.expect("connected"));
    }
    // One of them says half of something.
    silent[0].write_all(&[0x16, 0x03]).await.expect("sent");
    let connection = connect(door.address(), &ca(other_dir.path()), None).await;
    assert!(connection.is_ok(), "the fifth gets its turn");
    for stream in &mut silent {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "shown out");
    }
    door.stop().await;
    running.shutdown().await;
}
