//! `pintle up` and everything that is asked of it.

use serde_json::Value;

use crate::machine::{BINARY, Machine, Said};

/// A machine with `pintle up` and the README's first objects.
fn with_objects(machine: &Machine) -> crate::machine::Running {
    let up = machine.up();
    machine.pintle("vpc create --name prod").well();
    machine.pintle("subnet create --vpc prod --cidr 10.0.1.0/24 --name apps").well();
    machine.pintle("vni create --subnet apps --name web --address 10.0.1.10").well();
    machine.pintle("instance create --vpc prod --name web-1").well();
    machine.pintle("instance create --vpc prod --name web-2 --host here").well();
    up
}

#[test]
fn the_readmes_way_works_and_every_list_is_a_table_and_json() {
    let machine = Machine::new();
    let up = with_objects(&machine);
    let shown = machine.pintle("vni attach web --instance web-1").well();
    assert!(shown.contains("INSTANCE    web-1") && shown.contains("HOST        here"), "{shown}");
    assert!(machine.pintle("instance exec web-1 -- ip address").well().contains("10.0.1.10/24"));
    let moved = machine.pintle("vni move web --to web-2").well();
    assert!(moved.starts_with("moved in ") && moved.contains("INSTANCE    web-2"), "{moved}");
    assert_eq!(machine.pintle("vni move web --to web-1 -o json").json()["instance"]["name"], "web-1");
    for (kind, name) in [("vpc", "prod"), ("subnet", "apps"), ("vni", "web"), ("instance", "web-1"), ("host", "here")] {
        let table = machine.pintle(&format!("{kind} list")).well();
        assert!(table.starts_with("NAME ") && table.lines().any(|line| line.starts_with(name)), "{table}");
        assert!(!table.lines().any(|line| line.ends_with(' ')), "{table:?}");
        let list = machine.pintle(&format!("{kind} list -o json")).json();
        let listed = list.as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
        let id = listed["id"].as_str().unwrap();
        for named in [name, id] {
            assert_eq!(machine.pintle(&format!("{kind} get {named} -o json")).json()["id"], id);
        }
    }
    let table = machine.pintle("instance list").well();
    assert!(table.find("web-1").unwrap() < table.find("web-2").unwrap(), "sorted by name: {table}");
    assert!(machine.pintle("vni detach web").well().contains("INSTANCE    -"));
    assert!(machine.pintle("vni delete web -o json").json()["deleted"].as_str().unwrap().starts_with("eni-"));
    for line in ["instance delete web-1", "instance delete web-2", "subnet delete apps", "vpc delete prod"] {
        assert!(machine.pintle(line).well().starts_with("deleted "));
    }
    assert!(!up.log().contains("request_id"), "no line for each request unless asked: {}", up.log());
}

#[test]
fn an_instance_is_ready_when_create_returns_unless_told_not_to_wait() {
    let machine = Machine::new();
    let _up = with_objects(&machine);
    let ready = machine.pintle("instance create --vpc prod --name ready -o json").json();
    assert_eq!(ready["lifecycle"], "stable");
    machine.pintle("instance exec ready -- true").well();
    machine.pintle("instance create --vpc prod --name later --no-wait").well();
    let said = machine.pintle("instance create --vpc prod --name bad --netns /nonexistent");
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("host 'here' could not realise 'bad'") && said.err.contains("/nonexistent"),
        "{}",
        said.err
    );
    let status = machine.pintle("status");
    assert_eq!(status.code, 1);
    assert!(status.out.contains("failed on here") && status.out.contains("not all is well"), "{}", status.out);
    machine.pintle("instance delete bad").well();
    assert_eq!(machine.pintle("instance stop ready -o json").json()["state"], "stopped");
    assert_eq!(machine.pintle("instance start ready -o json").json()["lifecycle"], "stable");
}

#[test]
fn the_servers_refusals_are_shown_in_its_words() {
    let machine = Machine::new();
    let _up = with_objects(&machine);
    machine.pintle("vni attach web --instance web-1").well();
    for (line, words) in [
        ("vpc create --name prod", &["'prod' is taken"][..]),
        ("vpc create --name Bad_Name", &["name", "lower-case letters"]),
        ("vpc delete prod", &["in use", "delete its subnets first"]),
        ("vpc get nope", &["'nope' was not found"]),
        ("vpc get vpc-00000000000000000", &["vpc-00000000000000000", "was not found"]),
        ("subnet create --vpc nope --cidr 10.0.2.0/24", &["'nope' was not found"]),
        ("subnet create --vpc prod --cidr 10.0.1.128/25", &["overlaps 10.0.1.0/24"]),
        ("vni create --subnet apps --address 10.0.1.10", &["10.0.1.10 is not free"]),
        ("vni create --subnet apps --address 10.9.1.10", &["10.0.1.0/24"]),
        ("vni attach web --instance web-2", &["already attached", "move or detach it"]),
        ("vni attach nope --instance web-2", &["'nope' was not found"]),
        ("vni move web --to nope", &["'nope' was not found"]),
        ("vni delete web", &["detach it first"]),
        ("instance create --vpc prod --host nope", &["'nope' was not found"]),
        ("instance create --vpc prod --zone nope", &["no host in zone 'nope'"]),
        ("instance exec nope -- true", &["'nope' was not found"]),
        ("host delete here", &["delete its instances first"]),
    ] {
        machine.pintle(line).refused(1, words);
    }
}

#[test]
fn exec_gives_the_commands_exit_code_and_the_shells_for_what_can_not_run() {
    let machine = Machine::new();
    let _up = with_objects(&machine);
    let code = |arguments: &[&str]| {
        Said::of(machine.command(BINARY).args(["instance", "exec", "web-1", "--"]).args(arguments).output().unwrap())
            .code
    };
    assert_eq!(code(&["sh", "-c", "exit 7"]), 7);
    assert_eq!(code(&["no-such-command"]), 127);
    assert_eq!(code(&["/etc/passwd"]), 126);
    assert!(machine.pintle("instance exec web-1 ip -br link").well().contains("lo"), "'--' may be left out");
}

#[test]
fn a_token_that_is_wrong_or_missing_is_told_with_the_option() {
    let machine = Machine::new();
    let _up = machine.up();
    let wrong = machine.folder().join("wrong");
    std::fs::write(&wrong, "wrong\n").unwrap();
    machine.pintle(&format!("vpc list --token-file {}", wrong.display())).refused(1, &["token", "--token-file"]);
    machine.pintle("vpc list --token-file /nowhere").refused(1, &["/nowhere", "--token-file"]);
}

#[test]
fn k16_the_token_below_a_named_data_directory_is_for_this_machines_server_only() {
    let machine = Machine::new();
    std::fs::write(machine.folder().join("token"), "secret\n").unwrap();
    for url in ["http://192.0.2.9:7480", "http://127.0.0.1.evil.example:7480"] {
        let mut command = machine.command(BINARY);
        command.args(["vpc", "list", "--url", url]).env("PINTLE_DATA_DIR", machine.folder());
        Said::of(command.output().unwrap()).refused(1, &["another machine", "--token-file"]);
    }
}

#[test]
fn a_second_server_is_refused_with_what_is_in_the_way() {
    let machine = Machine::new();
    let up = machine.up();
    let (data, other) = (machine.folder().join("data"), machine.folder().join("other"));
    let (data, other) = (data.display(), other.display());
    machine.pintle(&format!("up --data-dir {data}")).refused(1, &["in use by process"]);
    machine.pintle(&format!("server --data-dir {other}")).refused(1, &["127.0.0.1:7480", "--listen"]);
    let moved = format!("server --data-dir {other} --listen 127.0.0.1:0");
    machine.pintle(&moved).refused(1, &["127.0.0.1:7481", "--agent-listen"]);
    assert!(machine.pintle("status").well().contains("all is well"), "{}", up.log());
}

#[test]
fn a_host_that_is_away_is_told_in_words_json_and_exit_code() {
    let machine = Machine::new();
    let data = machine.folder().join("data").display().to_string();
    let server = machine.start(&format!("server --data-dir {data}"));
    server.wait_for("pintle server is up");
    assert!(machine.pintle("status").well().contains("no host has joined: 'pintle host create'"));
    let help = machine.pintle("host create").well();
    assert!(help.contains("pintle agent --server SERVER:7481") && help.contains("pintle-join:"), "{help}");
    let agent_dir = machine.folder().join("agent").display().to_string();
    let line = format!("agent --join {data}/join-token --agent-dir {agent_dir} --name away --vtep 192.0.2.1");
    let agent = machine.start(&line);
    agent.wait_for("session begun");
    assert!(machine.pintle("status").well().contains("all is well"));
    agent.signal(libc::SIGTERM);
    assert_eq!(agent.end().0, Some(0));
    let said = machine.pintle("status");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("away: away is not connected") && said.out.contains("not all is well"), "{}", said.out);
    let said = machine.pintle("status -o json");
    let status: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &status["well"], &status["hosts"][0]["connected"]), (1, &false.into(), &false.into()));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let machine = Machine::new();
    let _up = machine.up();
    let script = format!("{BINARY} host list -o json | true; {BINARY} completion zsh | head -1");
    let said = Said::of(machine.command("sh").args(["-c", &script]).output().unwrap());
    assert_eq!(said.err, "");
}

#[test]
fn up_ends_in_order_keeps_what_is_attached_and_purge_removes_it() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let machine = Machine::new();
        let up = with_objects(&machine);
        machine.pintle("vni attach web --instance web-1").well();
        up.signal(signal);
        let (code, log) = up.end();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("pintle agent --purge --agent-dir"), "{log}");
        let left = machine.leftovers();
        assert!(left.contains("i-") && !left.contains("api-"), "instances stay, the server's note does not: {left}");
        let agent = machine.folder().join("data/agent");
        let said = machine.pintle(&format!("agent --purge --agent-dir {}", agent.display()));
        assert!(said.code == 0 && said.err.contains("removed what host"), "{said:?}");
        assert_eq!(machine.leftovers(), "data");
        let said = machine.pintle("agent --purge --agent-dir /nowhere");
        assert!(said.code == 1 && said.err.contains("nothing was removed"), "{said:?}");
    }
}

#[test]
fn the_note_of_a_server_that_was_killed_does_not_stay_for_ever() {
    let machine = Machine::new();
    let script = "mkdir /run/pintle && echo -n /nowhere/token > /run/pintle/api-1-7480";
    Said::of(machine.command("sh").args(["-c", script]).output().unwrap()).well();
    let up = machine.up();
    assert!(!machine.leftovers().contains("api-1-7480"));
    machine.pintle("status").well();
    drop(up);
    machine.pintle("status").refused(1, &["no server answers"]);
}

#[test]
fn a_line_for_every_request_is_there_for_the_asking() {
    let machine = Machine::new();
    let data = machine.folder().join("data");
    let server = machine.start(&format!("--log info server --data-dir {}", data.display()));
    server.wait_for("pintle server is up");
    machine.pintle("vpc list").well();
    server.wait_for("request_id");
    assert!(!server.log().contains('\u{1b}'), "no colours in a file: {}", server.log());
}
