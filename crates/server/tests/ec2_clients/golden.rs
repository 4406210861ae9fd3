//! Every operation's answer against AWS's own service model: what the dialect's golden files say an operation answers is
//! read and judged by botocore, which is what most clients are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use pintle_dialect::ec2::{OPERATIONS, Service};
use serde_json::json;

use crate::{program, root};

/// Operations that refuse all that they are asked, because what they are about can't be had here.
const REFUSED: &[&str] = &["AssociateSecurityGroupVpc", "DisassociateSecurityGroupVpc"];

/// The name of the document's first element.
fn first_element(document: &str) -> Option<&str> {
    let after_heading = document.split_once("?>").map_or(document, |(_, rest)| rest);
    let start = after_heading.trim_start().strip_prefix('<')?;
    start.split([' ', '>', '/', '\n']).next()
}

/// The golden answers of the dialect, by file name.
fn golden_answers() -> BTreeMap<String, String> {
    let folder = root().join("crates/dialect/tests/golden/ec2");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let answers = files.filter(|path| path.to_string_lossy().ends_with(".reply.xml"));
    answers
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

#[test]
fn a13_every_operation_has_an_answer_that_botocore_finds_valid() {
    let mut lines = String::new();
    let mut answered = BTreeSet::new();
    for (name, body) in golden_answers() {
        let element = first_element(&body).unwrap_or_else(|| panic!("{name} has no element"));
        let service = if body.contains("=\"https://sts.amazonaws.com/") { "sts" } else { "ec2" };
        let action = element.strip_suffix("Response");
        let refused = matches!(action, None | Some("" | "Error"));
        let (action, status) = if refused { ("error", 400) } else { (action.unwrap_or_default(), 200) };
        answered.insert(action.to_owned());
        lines.push_str(&json!({ "service": service, "action": action, "status": status, "body": body }).to_string());
        lines.push('\n');
    }
    let script = root().join("scripts/aws/validate.py");
    let mut judge = Command::new(program("python"));
    judge.arg(script).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut judge = judge.spawn().unwrap();
    let mut to_judge = judge.stdin.take().unwrap();
    let writer = std::thread::spawn(move || to_judge.write_all(lines.as_bytes()));
    let verdict = judge.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = String::from_utf8_lossy(&verdict.stdout);
    println!("{text}");
    assert!(verdict.status.success(), "golden answers that the service model does not have:\n{text}");

    let named = |service| OPERATIONS.iter().filter(move |op| op.service == service).map(|op| op.name);
    let supported = named(Service::Ec2).chain(named(Service::Sts));
    let answering = supported.filter(|name| !REFUSED.contains(name));
    let without: Vec<&str> = answering.filter(|name| !answered.contains(*name)).collect();
    assert!(without.is_empty(), "operations without a golden answer: {}", without.join(", "));
}
