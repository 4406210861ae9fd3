//! docs/ibm.md does what it says: its commands and its program are read from the document itself and run as they stand there.

use pintle_lab::cloud::document::{Document, packet_loss, with_pintle};
use pintle_lab::cloud::{Cloud, repository};

#[test]
fn p10_a_few_commands_lead_from_nothing_to_an_interface_that_moves_under_traffic() {
    let document = Document::read("docs/ibm.md").unwrap();
    let ([install, talk], [web, look]) = (&document.blocks("sh")[..], &document.blocks("python")[..]) else {
        panic!("two blocks of commands and two programs are expected: {document:?}")
    };
    let cloud = Cloud::start().unwrap();
    let folder = cloud.lab.folder();
    let bin = folder.join("bin");
    with_pintle(&bin).unwrap();
    std::fs::write(folder.join("web.py"), web).unwrap();
    std::fs::write(folder.join("look.py"), look).unwrap();
    let script = format!("set -euo pipefail\n{install}\n{talk}\npython3 look.py $web\necho $second\n");
    let mut shell = cloud.bare_client("/bin/bash");
    let clients = repository().join("target/ibm/bin");
    let path = format!("{}:{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display(), clients.display());
    shell.args(["-c", &script]).env("PATH", path).env("PINTLE_TOKEN_FILE", folder.join("server/token"));
    let said = shell.run().unwrap();
    println!("{said}");
    // A request more or less while the machine is busy is no gap.
    assert!(packet_loss(&said).unwrap() < 2.0, "{said}");
    let last: Vec<&str> = said.trim().lines().rev().take(2).collect();
    let [second, shown] = last[..] else { panic!("{said}") };
    assert!(
        shown.starts_with("10.0.1.50 ") && shown.contains(second),
        "the interface is not the other server's:\n{said}"
    );
}
