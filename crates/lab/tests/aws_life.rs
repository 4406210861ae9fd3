//! The whole life of an interface by AWS's own clients and Libcloud, unmodified, with nothing but an endpoint and keys; each
//! step is checked by packets, between two hosts and from outside.

#[path = "aws/cli.rs"]
mod cli;

use pintle_lab::cloud::{Client, Cloud, converse, repository};

/// What every client's life of an interface goes through, in this order.
pub(crate) const LIFE: &[&str] = &[
    "apart",
    // Created and attached; a second address; a public one.
    "answers 10.0.1.50",
    "answers 10.0.1.51",
    "answers public address",
    // A rule added and removed.
    "blocked 10.0.1.50",
    "passes 10.0.1.50",
    "blocked 10.0.1.50",
    // Detached, and attached to an instance on another host.
    "silent 10.0.1.50",
    "silent public address",
    "answers 10.0.1.50",
    "answers 10.0.1.51",
    "answers public address",
    // That one terminated, without DeleteOnTermination.
    "silent 10.0.1.50",
    "answers 10.0.1.50",
    "answers public address",
    // And once more, with it.
    "silent 10.0.1.50",
    "silent public address",
];

fn script(cloud: &Cloud, program: &str, name: &str) -> Client {
    let mut client = cloud.client(program);
    client.args([repository().join("crates/lab/tests/aws").join(name)]);
    let modules = ["scripts/aws", "crates/lab/tests/clients"].map(|folder| repository().join(folder));
    client.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", std::env::join_paths(modules).unwrap());
    client.env("NODE_PATH", repository().join("target/js/node_modules"));
    client
}

/// Lets a script live an interface's life; what it told.
fn live(program: &str, name: &str) -> Vec<String> {
    let cloud = Cloud::start().unwrap();
    let dialogue = converse(&mut script(&cloud, program, name), |check| cloud.packets().judge(check)).unwrap();
    assert_eq!(dialogue.checks, LIFE);
    assert_eq!(cloud.leftovers().unwrap(), Vec::<String>::new());
    dialogue.told
}

#[test]
fn a13_boto3_lives_an_interfaces_life_and_every_answer_fits_the_service_model() {
    println!("{}", live("python", "life.py").join("\n"));
}

#[test]
fn a13_the_sdk_for_javascript_lives_an_interfaces_life() {
    live("node", "life.cjs");
}

#[test]
fn a13_libcloud_lives_an_interfaces_life() {
    live("python", "life_libcloud.py");
}

#[test]
fn a13_the_aws_cli_lives_an_interfaces_life() {
    let cloud = Cloud::start().unwrap();
    assert_eq!(cli::live(&cloud), LIFE);
    assert_eq!(cloud.leftovers().unwrap(), Vec::<String>::new());
}
