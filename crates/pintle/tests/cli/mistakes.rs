//! What a newcomer gets wrong before anything runs: each answered in words that say what to do.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::machine::{BINARY, Machine, Said};

fn pintle(arguments: &[&str]) -> Said {
    let machine = Machine::new();
    Said::of(machine.command(BINARY).args(arguments).output().unwrap())
}

#[test]
fn without_a_server_every_client_says_how_to_start_one() {
    let machine = Machine::new();
    for line in ["status", "vpc list", "vni move web --to web-2", "instance exec web-1 -- true", "host list"] {
        machine.pintle(line).refused(1, &["no server answers at http://127.0.0.1:7480", "pintle up", "--url"]);
    }
}

#[test]
fn status_as_json_is_json_whatever_happens() {
    let said = pintle(&["status", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &status["well"]), (1, &serde_json::json!(false)));
    assert!(status["error"].as_str().unwrap().contains("no server answers"));
}

#[test]
fn values_that_can_not_be_are_usage_errors_with_the_rule() {
    for (arguments, word) in [
        (&["vni", "get", "a/b"][..], "letters, digits and hyphens"),
        (&["vni", "delete", "../vpcs/x"], "letters, digits and hyphens"),
        (&["subnet", "create", "--vpc", "p", "--cidr", "10.0.1.5/24"], "10.0.1.0/24"),
        (&["subnet", "create", "--vpc", "p", "--cidr", "10.0.1.0/33"], "such as"),
        (&["vni", "create", "--subnet", "s", "--address", "10.0.1"], "--address"),
        (&["instance", "create", "--vpc", "p", "--pid", "0"], "--pid"),
        (&["instance", "create", "--vpc", "p", "--pid", "1", "--netns", "/x"], "--netns"),
        (&["vni", "limit", "web", "--egress", "100"], "such as 500k"),
        (&["vni", "ip", "add", "web", "10.0.1.5/28"], "10.0.1.0/28"),
        (&["vni", "ip", "add", "web", "10.0.1.5", "--ipv6"], "--ipv6"),
        (&["vni", "shadow", "web"], "--off"),
        (&["vni", "set", "web", "--state-filtering", "on"], "auto, enabled, disabled"),
        (&["acl", "add-rule", "edge", "x", "--number", "0"], "--number"),
        (&["explain", "web", "10.0.1.0/24"], "neither an id, a name nor an address"),
        (&["flows", "web", "--host", "here"], "--host"),
        (&["floating-ip", "create", "--private-address", "10.0.1.5"], "--vni"),
        (&["up", "--demo", "--moves", "0"], "--moves"),
        (&["up", "--exit"], "--demo"),
        (&["up", "--vxlan-port", "0"], "--vxlan-port"),
        (&["--log", "a=b=c", "vpc", "list"], "--log"),
        (&["frobnicate"], "frobnicate"),
    ] {
        pintle(arguments).refused(2, &[word]);
    }
}

#[test]
fn a_url_that_is_not_the_apis_is_told_from_a_missing_server() {
    pintle(&["--url", "https://127.0.0.1", "vpc", "list"]).refused(1, &["http://ADDRESS:PORT"]);
    pintle(&["--url", "127.0.0.1:7480", "vpc", "list"]).refused(1, &["--url"]);
}

#[test]
fn a_data_directory_that_can_not_be_used_is_named() {
    for command in ["server", "up"] {
        pintle(&[command, "--data-dir", "/proc/nowhere"]).refused(1, &["/proc/nowhere"]);
        pintle(&[command, "--data-dir", "/etc/passwd"]).refused(1, &["/etc/passwd"]);
    }
    pintle(&["agent", "--join", "/nowhere"]).refused(1, &["--join", "pintle host create"]);
}

/// A copy that an unprivileged user can run, wherever the build is.
fn as_nobody(arguments: &[&str]) -> Said {
    let folder = tempfile::Builder::new().prefix("plt-cli-").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("pintle");
    std::fs::copy(BINARY, &copy).unwrap();
    let mut command = Command::new(copy);
    command.args(arguments).uid(65534).gid(65534).env_clear().env("PINTLE_URL", "http://127.0.0.1:1");
    // Another test's fork may hold the copy open for writing for a moment.
    for _ in 0..100 {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            output => return Said::of(output.unwrap()),
        }
    }
    panic!("the copy stayed busy for 2 s");
}

#[test]
fn without_privileges_it_is_said_at_once_that_root_is_needed() {
    as_nobody(&["up"]).refused(1, &["run it as root", "CAP_NET_ADMIN"]);
    as_nobody(&["up", "--demo"]).refused(1, &["run it as root"]);
    as_nobody(&["agent"]).refused(1, &["run it as root"]);
    let said = as_nobody(&["doctor"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("MISSING  privileges") && said.out.contains("unknown  programs"), "{}", said.out);
    assert!(!said.out.contains("report this"), "no advice that a look as root could make needless: {}", said.out);
}

#[test]
fn the_doctor_says_of_this_machine_that_it_is_well() {
    let machine = Machine::new();
    assert!(machine.pintle("doctor").well().contains("this machine can run Pintle"));
    let checks = machine.pintle("doctor -o json").json();
    assert!(checks.as_array().unwrap().iter().all(|check| check["ok"] == true && check["fix"].is_null()), "{checks}");
}
