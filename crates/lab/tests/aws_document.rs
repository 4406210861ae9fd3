//! docs/aws.md does what it says: its commands are read from the document itself and run as they stand there.

use std::path::Path;

use pintle_lab::cloud::{Cloud, repository};
use pintle_lab::pintle_binary;

/// The blocks of commands of a document, in order.
fn shell_blocks(document: &str) -> Vec<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while lines.by_ref().any(|line| line == "```sh") {
        blocks.push(lines.by_ref().take_while(|line| *line != "```").collect());
    }
    blocks
}

/// A folder of programs, for a shell's path.
fn with_pintle(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::os::unix::fs::symlink(pintle_binary().unwrap(), folder.join("pintle")).unwrap();
}

#[test]
fn a13_ten_commands_lead_from_nothing_to_an_interface_that_moves_under_traffic() {
    let document = std::fs::read_to_string(repository().join("docs/aws.md")).unwrap();
    let blocks = shell_blocks(&document);
    let [commands, look] = &blocks[..] else { panic!("two blocks are expected: {blocks:?}") };
    assert_eq!(commands.len(), 10, "{commands:?}");

    let cloud = Cloud::start().unwrap();
    let bin = cloud.lab.folder().join("bin");
    with_pintle(&bin);
    // What is asked for in the end is the last thing that the shell prints.
    let script = format!("set -euo pipefail\n{}\n{}\necho \"${{servers[1]}}\"\n", commands.join("\n"), look.join("\n"));
    let mut shell = cloud.bare_client("/bin/bash");
    let path =
        format!("{}:{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display(), repository().join("target/aws/bin").display());
    shell.args(["-c", &script]).env("PATH", path).env("PINTLE_TOKEN_FILE", cloud.lab.folder().join("server/token"));
    let said = shell.run().unwrap();
    println!("{said}");
    let lost = said.lines().find_map(|line| line.split(", ").find_map(|part| part.strip_suffix("% packet loss")));
    let lost: f64 = lost.unwrap_or_else(|| panic!("ping has said nothing:\n{said}")).parse().unwrap();
    // A request more or less while the machine is busy is no gap.
    assert!(lost < 2.0, "{said}");
    let last: Vec<&str> = said.trim().lines().rev().take(4).collect();
    let [target, _, shown, _] = last[..] else { panic!("{said}") };
    assert!(shown.contains(target), "the interface is not the other server's:\n{said}");
}
