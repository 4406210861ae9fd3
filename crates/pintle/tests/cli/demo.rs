//! The demo: what it says, and that nothing of it remains, whenever and however it is ended.

use std::time::Duration;

use crate::machine::{BINARY, Machine, VTEP};

#[test]
fn the_demo_holds_says_nothing_but_its_report_and_leaves_nothing() {
    let machine = Machine::new();
    let report = machine.pintle("up --demo --exit --moves 3").well();
    for words in ["all held", "can hold 'web'", "moves  ", "TCP session: open through 3 moves", "removing the demo"] {
        assert!(report.contains(words), "'{words}' is not in:\n{report}");
    }
    assert_eq!(machine.leftovers(), "");
}

#[test]
fn a_demo_ended_at_any_moment_leaves_nothing() {
    let machine = Machine::new();
    for (moment, milliseconds) in [20, 60, 120, 200, 350, 600, 1000, 1800].into_iter().enumerate() {
        let signal = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP][moment % 3];
        let demo = machine.start("up --demo --exit --moves 1000");
        std::thread::sleep(Duration::from_millis(milliseconds));
        demo.signal(signal);
        let (code, log) = demo.end();
        // A signal in the first moments, before anything is made, ends it as signals do.
        assert!(matches!(code, Some(130) | None), "after {milliseconds} ms: {code:?}\n{log}");
        assert_eq!(machine.leftovers(), "", "after {milliseconds} ms:\n{log}");
    }
}

#[test]
fn a_second_demo_is_refused_and_the_first_goes_on_and_after_a_kill_the_next_one_clears_up() {
    let machine = Machine::new();
    let first = machine.start("up --demo --moves 4");
    first.wait_for("hosts pintle-demo-a");
    machine.pintle("up --demo").refused(1, &["another demo runs"]);
    first.wait_for("stays up at http://127.0.0.1:7480");
    let status = machine.pintle("status").well();
    assert!(status.contains("all is well"));
    // Both ends of the cable take 1500 bytes, of which the tunnel has 50.
    assert_eq!(
        status.lines().filter(|line| line.contains("pintle-demo-") && line.contains(" 1450 ")).count(),
        2,
        "{status}"
    );
    first.wait_for("instance exec client");
    let log = first.log();
    let to_try: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("  pintle ")).collect();
    assert!(to_try.len() >= 4 && to_try.iter().any(|command| command.starts_with("vni move")), "{log}");
    for command in to_try {
        machine.pintle(command).well();
    }
    first.signal(libc::SIGKILL);
    assert_eq!(first.end().0, None);
    assert!(machine.leftovers().contains("pintle-demo-a"));
    let next = machine.pintle("up --demo --exit --moves 3").well();
    assert!(next.starts_with("removing what a demo that was killed has left"), "{next}");
    assert_eq!(machine.leftovers(), "");
}

#[test]
fn a_demo_beside_a_pintle_in_use_takes_another_port_and_says_how_to_reach_it() {
    let machine = Machine::new();
    let up = machine.up();
    let demo = machine.start("up --demo --moves 3");
    demo.wait_for("instance exec client");
    let log = demo.log();
    let alias = log.lines().find_map(|line| line.trim().strip_prefix("alias pintle='")).unwrap();
    let url = alias.trim_end_matches('\'').strip_prefix(BINARY).unwrap().trim();
    assert!(machine.pintle(&format!("{url} host list")).well().contains("pintle-demo-a"));
    let own = machine.pintle("host list").well();
    assert!(own.contains(VTEP) && !own.contains("pintle-demo"), "{own}");
    machine.pintle("up --demo --listen 127.0.0.1:7480").refused(1, &["another demo runs"]);
    demo.signal(libc::SIGINT);
    assert_eq!(demo.end().0, Some(0));
    machine.pintle("up --demo --listen 127.0.0.1:7480").refused(1, &["127.0.0.1:7480", "--listen"]);
    assert!(machine.pintle("status").well().contains("all is well"), "{}", up.log());
}
