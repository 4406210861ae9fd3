//! Starting and stopping the server, and what it says when it can't.

use std::os::unix::fs::PermissionsExt;

use pintle_server::{Config, Server};

use crate::{config, server};

async fn refused(config: Config) -> String {
    match Server::start(config).await {
        Ok(_) => panic!("it must not start"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn secrets_are_made_once_and_are_private() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("deep/data");
    let running = server(&data).await;
    let (token, join) = (running.token.clone(), running.join_token.to_string());
    assert_eq!(token.len(), 64);
    let mode = |path: &str| std::fs::metadata(data.join(path)).expect(path).permissions().mode() & 0o777;
    assert_eq!([mode("."), mode("pki")], [0o700, 0o700]);
    for file in ["token", "join-token", "pki/ca.key.pem", "pintle.db"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    running.shutdown().await;
    let again = server(&data).await;
    assert_eq!((again.token.clone(), again.join_token.to_string()), (token, join));
    again.shutdown().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let second = refused(config(dir.path())).await;
    assert!(second.contains("in use by process"), "{second}");

    let other = tempfile::tempdir().expect("a directory");
    let mut taken = config(other.path());
    taken.api = running.api_addr;
    let taken = refused(taken).await;
    assert!(taken.contains("the API") && taken.contains(&running.api_addr.to_string()), "{taken}");
    let mut taken = config(other.path());
    taken.agents = running.agent_addr;
    let taken = refused(taken).await;
    assert!(taken.contains("agents") && taken.contains(&running.agent_addr.to_string()), "{taken}");

    std::fs::write(other.path().join("token"), "short\n").expect("written");
    let short = refused(config(other.path())).await;
    assert!(short.contains("token") && short.contains("32 characters"), "{short}");
    let file = other.path().join("token/data");
    let nowhere = refused(config(&file)).await;
    assert!(nowhere.contains("token/data"), "{nowhere}");
    running.shutdown().await;
}

#[tokio::test]
async fn the_api_answers_until_the_server_stops() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = server(dir.path()).await;
    let url = format!("http://{}/healthz", running.api_addr);
    let client = reqwest::Client::new();
    assert!(client.get(&url).send().await.expect("an answer").status().is_success());
    running.shutdown().await;
    assert!(client.get(&url).send().await.is_err());
}
