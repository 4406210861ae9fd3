//! What the README tells to type, typed: on a machine with nothing but Pintle's binary.

use crate::machine::{BINARY, Machine, Said};

const README: &str = include_str!("../../../../README.md");

/// The shell blocks of a section.
fn blocks(section: &str) -> Vec<&'static str> {
    let (_, rest) = README.split_once(&format!("\n## {section}\n")).unwrap();
    let text = rest.split_once("\n## ").map_or(rest, |(text, _)| text);
    let opened = text.split("```sh\n").skip(1);
    opened.map(|block| block.split_once("```").unwrap().0).collect()
}

/// Runs a block in bash, with `pintle` as the README has it.
fn run(machine: &Machine, block: &str) -> String {
    let script = format!("set -eu\npintle() {{ {BINARY} \"$@\"; }}\n{}", block.replace("alias pintle=", ": "));
    Said::of(machine.command("bash").args(["-c", &script]).output().unwrap()).well()
}

#[test]
fn the_way_to_use_one_machine_works_as_written() {
    let machine = Machine::new();
    let [start, objects, policy, curl] = blocks("Use it")[..] else { panic!("the README's section has other blocks") };
    let lines: Vec<&str> = start.lines().map(|line| line.split('#').next().unwrap().trim()).collect();
    assert_eq!(lines, ["pintle doctor", "pintle up"]);
    machine.pintle("doctor").well();
    let up = machine.start("up");
    up.wait_for("pintle is up");
    assert!(run(&machine, objects).contains("10.0.1.10/24"));
    let told = run(&machine, policy);
    assert!(told.contains("web (10.0.1.10) to 10.0.1.1") && told.contains("of 262144 that fit"), "{told}");
    assert!(run(&machine, curl).contains("\"web\""));
    up.signal(libc::SIGINT);
    assert_eq!(up.end().0, Some(0));
    let purge = "agent --purge --agent-dir /var/lib/pintle/agent";
    assert!(README.contains(&format!("`pintle {purge}`")));
    assert_eq!(machine.pintle(purge).code, 0);
    assert_eq!(machine.leftovers(), "");
}

#[test]
fn what_the_readme_says_to_try_with_the_demo_works() {
    let machine = Machine::new();
    let demo = machine.start("up --demo --moves 3");
    demo.wait_for("stays up at");
    let shown = run(&machine, blocks("Try it")[1]);
    assert!(
        shown.contains("all is well") && shown.contains("moved in ") && shown.contains("0% packet loss"),
        "{shown}"
    );
    demo.signal(libc::SIGINT);
    assert_eq!(demo.end().0, Some(0));
}
