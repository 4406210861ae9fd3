//! What the demo says.

use std::net::SocketAddr;
use std::time::Duration;

use pintle_probe::stats::{Summary, format_duration};
use pintle_server::config::DEFAULT_API;

use super::measure::{Measured, Moved};
use super::scene::{CLIENT, Scene, WEB};

/// Prints a line. A reader that has gone is no reason to leave namespaces behind, so that is no error.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
pub(super) use say;

/// What has been made.
pub(super) fn scene(scene: &Scene) {
    say!("VPC 'demo' with subnets 10.20.1.0/24 and 10.20.2.0/24; interface 'web' is {WEB}");
    for guest in &scene.servers {
        say!("  {:<8} on {}  can hold 'web'", guest.name, guest.host);
    }
    say!("  {:<8} on {}  {CLIENT}, asks 'web'", scene.client.name, scene.client.host);
}

/// What was measured; whether all that must hold held.
pub(super) fn measured(measured: &Measured) -> bool {
    say!("");
    for reach in &measured.reach {
        let place = if reach.same_host { "same host" } else { "other host" };
        say!(
            "{place:<11} 'web' at {}: ping {}, HTTP {} (\"{}\")",
            reach.server,
            format_duration(reach.ping),
            format_duration(reach.http),
            reach.answer
        );
    }
    say!("");
    say!(
        "{:<22} {:>5} {:>9} {:>9} {:>9} {:>6} {:>7} {:>9}",
        "moves",
        "n",
        "gap p50",
        "p99",
        "max",
        "lost",
        "to old",
        "API p50"
    );
    let within: Vec<&Moved> = measured.moves.iter().filter(|moved| moved.within_host).collect();
    let across: Vec<&Moved> = measured.moves.iter().filter(|moved| !moved.within_host).collect();
    let all: Vec<&Moved> = measured.moves.iter().collect();
    row("within a host", &within);
    row("across hosts", &across);
    row("all", &all);
    let gaps = |gap: fn(&Moved) -> Duration| all.iter().map(|moved| gap(moved)).collect::<Vec<_>>();
    figures("no move, in between", &gaps(|moved| moved.idle_gap));
    figures("all, lateness too", &gaps(|moved| moved.late_gap));
    figures("no move, the same", &gaps(|moved| moved.late_idle_gap));
    say!("(gap: the longest time between two answers to a packet sent every 1 ms, so 1 ms is no gap at all, less");
    say!(" the time by which this machine's processes sent packets or answers late)");
    let session = &measured.session;
    match &session.broken {
        None => say!(
            "TCP session: open through {} moves, {} exchanges, {} bytes compared",
            session.migrations,
            session.exchanges,
            session.bytes
        ),
        Some(reason) => say!("TCP session: BROKEN after {} moves: {reason}", session.migrations),
    }
    let (answered, broken) = measured.http;
    say!("HTTP requests, a new connection each: {answered} answered, {broken} cut by a move in their middle");
    let lost: u64 = measured.moves.iter().map(|moved| moved.lost).sum();
    let to_old: usize = measured.moves.iter().map(|moved| moved.to_old).sum();
    let held = lost == 0 && to_old == 0 && session.broken.is_none() && answered > 0;
    say!(
        "{}",
        if held { "all held" } else { "NOT ALL HELD: packets were lost, went to the old side, or the session broke" }
    );
    held
}

fn row(name: &str, moves: &[&Moved]) {
    let gaps: Vec<Duration> = moves.iter().map(|moved| moved.gap).collect();
    let took: Vec<Duration> = moves.iter().map(|moved| moved.took).collect();
    let (Some(gap), Some(took)) = (Summary::of(&gaps), Summary::of(&took)) else { return };
    let lost: u64 = moves.iter().map(|moved| moved.lost).sum();
    let to_old: usize = moves.iter().map(|moved| moved.to_old).sum();
    say!(
        "{name:<22} {:>5} {:>9} {:>9} {:>9} {lost:>6} {to_old:>7} {:>9}",
        gap.count,
        format_duration(gap.median),
        format_duration(gap.p99),
        format_duration(gap.max),
        format_duration(took.median)
    );
}

fn figures(name: &str, gaps: &[Duration]) {
    let Some(gap) = Summary::of(gaps) else { return };
    say!(
        "{name:<22} {:>5} {:>9} {:>9} {:>9}",
        gap.count,
        format_duration(gap.median),
        format_duration(gap.p99),
        format_duration(gap.max)
    );
}

/// What a reader may type now.
pub(super) fn what_to_try(api: SocketAddr) {
    let own = std::env::current_exe().map_or_else(|_| "pintle".to_owned(), |path| path.display().to_string());
    say!("\nPintle stays up at http://{api} until Ctrl-C. In another terminal, as root:\n");
    let url = if api == DEFAULT_API { String::new() } else { format!(" --url http://{api}") };
    say!("  alias pintle='{own}{url}'");
    say!("  pintle status");
    say!("  pintle vni list");
    say!("  pintle vni move web --to web-2");
    say!("  pintle instance exec client -- ping -c 3 {WEB}");
}
