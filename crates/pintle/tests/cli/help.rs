//! Help and completion.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::machine::{BINARY, Said};

const SUBCOMMANDS: &[&str] = &[
    "",
    "up",
    "server",
    "agent",
    "vpc",
    "vpc create",
    "vpc list",
    "vpc get",
    "vpc delete",
    "subnet",
    "subnet create",
    "subnet list",
    "subnet get",
    "subnet delete",
    "subnet set",
    "vni",
    "vni create",
    "vni list",
    "vni get",
    "vni delete",
    "vni attach",
    "vni detach",
    "vni move",
    "vni set",
    "vni groups",
    "vni groups set",
    "vni ip",
    "vni ip add",
    "vni ip remove",
    "vni limit",
    "vni quarantine",
    "vni release",
    "vni flush",
    "vni shadow",
    "group",
    "group create",
    "group list",
    "group get",
    "group delete",
    "group add-rule",
    "group remove-rule",
    "api-key",
    "api-key create",
    "api-key list",
    "api-key delete",
    "policy",
    "policy create",
    "policy list",
    "policy delete",
    "audit",
    "audit timeline",
    "audit verify",
    "acl",
    "acl create",
    "acl list",
    "acl get",
    "acl delete",
    "acl add-rule",
    "acl remove-rule",
    "prefix-list",
    "prefix-list create",
    "prefix-list list",
    "prefix-list get",
    "prefix-list modify",
    "prefix-list delete",
    "floating-ip",
    "floating-ip create",
    "floating-ip list",
    "floating-ip get",
    "floating-ip associate",
    "floating-ip disassociate",
    "floating-ip delete",
    "public-gateway",
    "public-gateway create",
    "public-gateway list",
    "public-gateway delete",
    "public-pool",
    "public-pool create",
    "public-pool list",
    "public-pool delete",
    "instance",
    "instance create",
    "instance list",
    "instance get",
    "instance delete",
    "instance start",
    "instance stop",
    "instance exec",
    "account",
    "account create",
    "account list",
    "host",
    "host create",
    "host list",
    "host get",
    "host delete",
    "explain",
    "flows",
    "drops",
    "status",
    "lint",
    "doctor",
    "completion",
];

fn help(subcommand: &str, flag: &str) -> String {
    let mut command = Command::new(BINARY);
    command.args(subcommand.split_whitespace()).arg(flag).env("COLUMNS", "110");
    Said::of(command.output().unwrap()).well()
}

#[test]
fn the_help_of_every_subcommand_is_as_reviewed() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/help.txt");
    let mut text = String::new();
    for subcommand in SUBCOMMANDS {
        let long = help(subcommand, "--help");
        assert_eq!(long, help(subcommand, "-h"), "-h and --help of '{subcommand}' differ");
        text.push_str(&format!("$ pintle {subcommand} --help\n{long}\n").replace("  --help", " --help"));
    }
    if std::env::var_os("PINTLE_BLESS").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    let reviewed = fs::read_to_string(&golden).unwrap_or_default();
    for (line, (found, reviewed)) in text.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(found, reviewed, "line {}; run with PINTLE_BLESS=1 and review the difference", line + 1);
    }
    assert_eq!(text.lines().count(), reviewed.lines().count(), "run with PINTLE_BLESS=1 and review the difference");
}

#[test]
fn help_never_shows_what_the_environment_holds() {
    for subcommand in ["", "agent", "up", "host create"] {
        let mut command = Command::new(BINARY);
        command.args(subcommand.split_whitespace()).arg("--help");
        for variable in ["PINTLE_JOIN", "PINTLE_TOKEN_FILE", "PINTLE_URL", "PINTLE_DATA_DIR", "PINTLE_LOG"] {
            command.env(variable, "debug");
        }
        let text = Said::of(command.env("PINTLE_JOIN", "pintle-join:unseen").output().unwrap()).well();
        assert!(!text.contains("unseen") && !text.contains("=debug]"), "{text}");
    }
}

#[test]
fn completion_is_a_script_that_bash_takes_and_that_knows_the_subcommands() {
    let script = Said::of(Command::new(BINARY).args(["completion", "bash"]).output().unwrap()).well();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pintle.bash");
    fs::write(&file, script).unwrap();
    let complete = |words: &str| {
        let count = words.split(' ').count() - 1;
        let script = format!(
            "source {}; COMP_WORDS=({words} ''); COMP_CWORD={}; _pintle pintle '' '' ; echo \"${{COMPREPLY[*]}}\"",
            file.display(),
            count + 1
        );
        Said::of(Command::new("bash").args(["-c", &script]).output().unwrap()).well()
    };
    assert!(complete("pintle").contains("instance"));
    let vni = complete("pintle vni");
    assert!(vni.contains("attach") && vni.contains("move"), "{vni}");
    let create = complete("pintle vni create");
    assert!(create.contains("--secondary"), "{create}");
}
