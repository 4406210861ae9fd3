//! Sessions over the wire: their begin, how they go on, and their ends.

use pintle_core::host_protocol::{AgentMessage, Applied, Resume, ServerMessage};
use pintle_core::model::Host;
use pintle_core::query;

use crate::agent::{ca, connect, enrol, hello};
use crate::server;

#[tokio::test]
async fn a_session_goes_on_where_the_last_one_ended() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let (identity, ca) = (enrol(&running, dir.path()).await, ca(dir.path()));
    let mut connection = connect(running.agent_addr, &ca, Some(&identity)).await.expect("connected");
    let (epoch, _) = connection.begin(hello(&identity, 1, None)).await;
    let Some(ServerMessage::Snapshot { revision, .. }) = connection.next().await else {
        panic!("a snapshot comes first")
    };
    connection.applied(revision).await;
    drop(connection);

    let mut connection = connect(running.agent_addr, &ca, Some(&identity)).await.expect("connected");
    let resume = Resume { epoch: epoch.clone(), revision };
    assert_eq!(connection.begin(hello(&identity, 1, Some(resume))).await, (epoch.clone(), true));
    drop(connection);

    for (epoch, revision) in [("of another life".to_owned(), revision), (epoch, revision + 1000)] {
        let mut connection = connect(running.agent_addr, &ca, Some(&identity)).await.expect("connected");
        let (_, resumed) = connection.begin(hello(&identity, 1, Some(Resume { epoch, revision }))).await;
        assert!(!resumed);
        assert!(matches!(connection.next().await, Some(ServerMessage::Snapshot { last: true, .. })));
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_newer_connection_of_a_host_ends_the_older_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let (identity, ca) = (enrol(&running, dir.path()).await, ca(dir.path()));
    let mut older = connect(running.agent_addr, &ca, Some(&identity)).await.expect("connected");
    older.begin(hello(&identity, 1, None)).await;
    assert!(matches!(older.next().await, Some(ServerMessage::Snapshot { .. })));
    let mut newer = connect(running.agent_addr, &ca, Some(&identity)).await.expect("connected");
    newer.begin(hello(&identity, 1, None)).await;
    let (reason, fatal) = older.bye().await;
    assert!(!fatal && reason.contains("newer session"), "{reason}");
    assert!(older.next().await.is_none());
    assert!(matches!(newer.next().await, Some(ServerMessage::Snapshot { .. })), "the newer one goes on");
    running.shutdown().await;
}

#[tokio::test]
async fn what_the_rules_refuse_is_said_and_final_unless_it_passes_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let ca = ca(dir.path());
    let (one, two) = (enrol(&running, dir.path()).await, enrol(&running, dir.path()).await);
    let mut first = connect(running.agent_addr, &ca, Some(&one)).await.expect("connected");
    first.begin(hello(&one, 1, None)).await;
    let mut same_name = hello(&two, 2, None);
    same_name.name = "h1".into();
    let same_vtep = hello(&two, 1, None);
    // Addresses of the underlay change hands, and hosts tell of it one after the other.
    for (hello, what, is_final) in [(same_name, "h1", true), (same_vtep, "192.0.2.1", false)] {
        let mut hello = hello;
        if what != "h1" {
            hello.name = "h2".into();
        }
        let mut connection = connect(running.agent_addr, &ca, Some(&two)).await.expect("connected");
        connection.send(&AgentMessage::Hello(hello)).await;
        let (reason, fatal) = connection.bye().await;
        assert!(fatal == is_final && reason.contains(what), "{reason}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn a_report_ahead_of_what_was_sent_ends_the_session() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let identity = enrol(&running, dir.path()).await;
    let mut connection = connect(running.agent_addr, &ca(dir.path()), Some(&identity)).await.expect("connected");
    connection.begin(hello(&identity, 1, None)).await;
    let Some(ServerMessage::Snapshot { revision, .. }) = connection.next().await else {
        panic!("a snapshot comes first")
    };
    let ahead = Applied { revision: revision + 1, failures: Vec::new(), pending: Vec::new() };
    connection.send(&AgentMessage::Applied(ahead)).await;
    let (reason, fatal) = connection.bye().await;
    assert!(!fatal && reason.contains("'revision'"), "{reason}");
    assert_eq!(running.sessions.status(identity.host).expect("known").applied, None);
    running.shutdown().await;
}

#[tokio::test]
async fn a_changed_underlay_is_noted() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let identity = enrol(&running, dir.path()).await;
    let mut connection = connect(running.agent_addr, &ca(dir.path()), Some(&identity)).await.expect("connected");
    connection.begin(hello(&identity, 1, None)).await;
    let vtep = "198.51.100.7".parse().expect("an address");
    connection.send(&AgentMessage::Underlay { vtep, underlay_mtu: 9000 }).await;
    let look = |snapshot: &dyn pintle_core::txn::Snapshot| {
        let host = query::find::<Host>(snapshot, identity.host)?.map(|(host, _)| host);
        Ok(host.filter(|host| (host.vtep, host.underlay_mtu) == (vtep, 9000)))
    };
    let noted = running.engine.wait(std::time::Duration::from_secs(10), look).await.expect("readable");
    assert!(noted.is_some());
    running.shutdown().await;
}

#[tokio::test]
async fn a_server_that_stops_asks_agents_to_come_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let identity = enrol(&running, dir.path()).await;
    let mut connection = connect(running.agent_addr, &ca(dir.path()), Some(&identity)).await.expect("connected");
    connection.begin(hello(&identity, 1, None)).await;
    assert!(matches!(connection.next().await, Some(ServerMessage::Snapshot { .. })));
    running.shutdown().await;
    let (reason, fatal) = connection.bye().await;
    assert!(!fatal && reason.contains("stopping"), "{reason}");

    let again = server(dir.path()).await;
    let mut connection = connect(again.agent_addr, &ca(dir.path()), Some(&identity)).await.expect("the identity holds");
    let (_, resumed) = connection.begin(hello(&identity, 1, None)).await;
    assert!(!resumed);
    again.shutdown().await;
}
