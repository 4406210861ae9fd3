//! docs/aws.md does what it says: its commands are read from the document itself and run as they stand there.

use pintle_lab::cloud::document::{Document, packet_loss, with_pintle};
use pintle_lab::cloud::{Cloud, repository};

#[test]
fn a13_ten_commands_lead_from_nothing_to_an_interface_that_moves_under_traffic() {
    let blocks = Document::read("docs/aws.md").unwrap().blocks("sh");
    let [commands, look] = &blocks[..] else { panic!("two blocks are expected: {blocks:?}") };
    assert_eq!(commands.lines().count(), 10, "{commands:?}");

    let cloud = Cloud::start().unwrap();
    let bin = cloud.lab.folder().join("bin");
    with_pintle(&bin).unwrap();
    // What is asked for in the end is the last thing that the shell prints.
    let script = format!("set -euo pipefail\n{commands}\n{look}\necho \"${{servers[1]}}\"\n");
    let mut shell = cloud.bare_client("/bin/bash");
    let path =
        format!("{}:{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display(), repository().join("target/aws/bin").display());
    shell.args(["-c", &script]).env("PATH", path).env("PINTLE_TOKEN_FILE", cloud.lab.folder().join("server/token"));
    let said = shell.run().unwrap();
    println!("{said}");
    // A request more or less while the machine is busy is no gap.
    assert!(packet_loss(&said).unwrap() < 2.0, "{said}");
    let last: Vec<&str> = said.trim().lines().rev().take(4).collect();
    let [target, _, shown, _] = last[..] else { panic!("{said}") };
    assert!(shown.contains(target), "the interface is not the other server's:\n{said}");
}
