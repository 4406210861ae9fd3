//! What the demo measures: reachability, and what the clients notice of each move.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use anyhow::Context;
use pintle_probe::echo::{Echo, delivered_to_old};
use pintle_probe::stream::Stream;
use pintle_probe::tcp_session::{Session, SessionReport};
use pintle_probe::{Namespace, http, ping};

use super::report::say;
use super::scene::{Guest, Scene, WEB};
use crate::client::Client;

const ECHO_PORT: u16 = 9000;
const HTTP_PORT: u16 = 80;
const SESSION_PORT: u16 = 9001;
const INTERVAL: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(2);
/// After a move, long enough that all its packets are accounted for.
const AFTERMATH: Duration = Duration::from_millis(30);

/// How long the time without a move is that each move is compared with: about what a move and its aftermath take.
const IDLE: Duration = Duration::from_millis(40);

/// How the interface is reached while one server holds it.
pub(super) struct Reach {
    /// Who holds it.
    pub(super) server: &'static str,
    /// Whether client and server are on one host.
    pub(super) same_host: bool,
    /// Round trip of a ping, the median of some.
    pub(super) ping: Duration,
    /// A whole HTTP request, connection included, the median of some.
    pub(super) http: Duration,
    /// What it answered.
    pub(super) answer: String,
}

/// What was noticed of one move.
pub(super) struct Moved {
    /// Whether it was within one host.
    pub(super) within_host: bool,
    /// From the request until the API said that it has ended.
    pub(super) took: Duration,
    /// The longest time between two answers to a packet each millisecond, without the time by which packets and answers were
    /// sent late.
    pub(super) gap: Duration,
    /// The same just before, in as long a time without a move: what this machine does to the figure.
    pub(super) idle_gap: Duration,
    /// As `gap`, with the time by which they were.
    pub(super) late_gap: Duration,
    /// The same of `idle_gap`.
    pub(super) late_idle_gap: Duration,
    /// Packets that were never answered.
    pub(super) lost: u64,
    /// Packets that the old side got after the new one had got its first.
    pub(super) to_old: usize,
}

/// Everything that was measured.
pub(super) struct Measured {
    /// Reachability from each place.
    pub(super) reach: Vec<Reach>,
    /// Each move.
    pub(super) moves: Vec<Moved>,
    /// The TCP session that was open all the time.
    pub(super) session: SessionReport,
    /// HTTP requests during the moves: answered, and broken by a move in their middle.
    pub(super) http: (usize, usize),
}

/// The traffic that runs all the time.
struct Traffic {
    client: Namespace,
    echoes: Vec<Echo>,
    _http: Vec<http::Server>,
    stream: Stream,
}

/// Measures everything. The interface is at the first server before and after.
pub(super) async fn all(api: &Client, scene: &Scene, moves: u32) -> anyhow::Result<Measured> {
    let traffic = Traffic::start(scene)?;
    let mut reach = Vec::new();
    for server in [0, 2] {
        if server != 0 {
            scene.move_to(api, &scene.servers[server]).await?;
        }
        reach.push(tokio::task::block_in_place(|| reached(&traffic.client, scene, &scene.servers[server]))?);
    }
    scene.move_to(api, &scene.servers[0]).await?;
    say!("moving 'web' {moves} times under a packet every millisecond and an open TCP session");
    let requests = http::Watch::start(&traffic.client, SocketAddrV4::new(WEB, HTTP_PORT), INTERVAL, PATIENCE)?;
    let (moves, session, at) = under_traffic(api, scene, &traffic, moves).await?;
    let attempts = requests.attempts();
    let answered = attempts.iter().filter(|attempt| attempt.result.is_ok()).count();
    // What the reader is told to try moves it from there.
    if at != 0 {
        scene.move_to(api, &scene.servers[0]).await?;
    }
    Ok(Measured { reach, moves, session, http: (answered, attempts.len() - answered) })
}

impl Traffic {
    fn start(scene: &Scene) -> anyhow::Result<Traffic> {
        let client = Namespace::at(scene.client.namespace());
        let mut traffic = Traffic {
            stream: Stream::start(&client, WEB, ECHO_PORT, INTERVAL)?,
            client,
            echoes: Vec::new(),
            _http: Vec::new(),
        };
        for server in &scene.servers {
            let namespace = Namespace::at(server.namespace());
            traffic.echoes.push(Echo::start(&namespace, server.name, ECHO_PORT)?);
            traffic._http.push(http::Server::start(&namespace, server.name, HTTP_PORT)?);
        }
        traffic.stream.wait_answered(PATIENCE).context("no packet of the stream was answered")?;
        Ok(traffic)
    }
}

fn reached(client: &Namespace, scene: &Scene, server: &Guest) -> anyhow::Result<Reach> {
    let mut pings = Vec::new();
    let mut requests = Vec::new();
    let mut answer = String::new();
    for _ in 0..20 {
        pings.push(ping::ping(client, WEB, PATIENCE).with_context(|| format!("ping of 'web' at {}", server.name))?.rtt);
        let before = Instant::now();
        answer = http::get(client, SocketAddrV4::new(WEB, HTTP_PORT), PATIENCE)
            .with_context(|| format!("HTTP request to 'web' at {}", server.name))?;
        requests.push(before.elapsed());
    }
    let same_host = server.host == scene.client.host;
    let answer = answer.trim().to_owned();
    Ok(Reach { server: server.name, same_host, ping: median(pings), http: median(requests), answer })
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

/// Moves the interface from server to server; what was noticed, and at which server it is then.
async fn under_traffic(
    api: &Client,
    scene: &Scene,
    traffic: &Traffic,
    moves: u32,
) -> anyhow::Result<(Vec<Moved>, SessionReport, usize)> {
    let namespace = |at: usize| Namespace::at(scene.servers[at].namespace());
    let address = SocketAddrV4::new(WEB, SESSION_PORT);
    let mut session = tokio::task::block_in_place(|| Session::start(&traffic.client, &namespace(0), address))?;
    let mut at = 0;
    let mut moved = Vec::new();
    for _ in 0..moves {
        let next = (at + 1) % scene.servers.len();
        let server = &scene.servers[next];
        let idle_from = traffic.stream.mark();
        tokio::time::sleep(IDLE).await;
        let from = traffic.stream.mark();
        let began = Instant::now();
        tokio::task::block_in_place(|| session.freeze())?;
        // The socket goes ahead of the address: it waits in the new namespace for the route that the move makes there.
        let (ended, restored) = tokio::join!(async { (scene.move_to(api, server).await, began.elapsed()) }, async {
            tokio::task::block_in_place(|| session.restore_in(&namespace(next)))
        },);
        let (ended, took) = ended;
        ended?;
        restored?;
        tokio::time::sleep(AFTERMATH).await;
        let to = traffic.stream.mark();
        let report = tokio::task::block_in_place(|| traffic.stream.report(from, to));
        let idle = tokio::task::block_in_place(|| traffic.stream.report(idle_from, from));
        let old = delivered_to_old(&traffic.echoes[at], &traffic.echoes[next], traffic.stream.id(), from.seq);
        moved.push(Moved {
            within_host: scene.servers[at].host == server.host,
            took,
            gap: report.max_punctual_gap,
            idle_gap: idle.max_punctual_gap,
            late_gap: report.max_arrival_gap,
            late_idle_gap: idle.max_arrival_gap,
            lost: report.lost,
            to_old: old.context("the new side got no packet after the move")?,
        });
        at = next;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok((moved, session.report(), at))
}
