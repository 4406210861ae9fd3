//! Policy, addresses and the public network by way of the command line, and what the data plane tells of them.

use crate::machine::{BINARY, Machine, Running, Said};

/// A machine with `pintle up`, a VPC `prod` with IPv6, a subnet `apps` and an interface `web` in it.
fn with_interface(machine: &Machine) -> Running {
    let up = machine.up();
    machine.pintle("vpc create --name prod --ipv6 2001:db8:1::/48").well();
    machine.pintle("subnet create --vpc prod --cidr 10.0.1.0/24 --name apps --ipv6 auto").well();
    machine.pintle("vni create --subnet apps --name web --address 10.0.1.10 --secondary 10.0.1.11").well();
    up
}

/// Runs `pintle` with arguments that have blanks.
fn pintle(machine: &Machine, arguments: &[&str]) -> Said {
    Said::of(machine.command(BINARY).args(arguments).output().unwrap())
}

#[test]
fn d05_rules_are_shown_as_they_are_written_and_removed_by_what_they_say() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    machine.pintle("group create --vpc prod --name clients").well();
    machine.pintle("prefix-list create --name offices --max-entries 5 --network 198.51.100.0/24").well();
    let rules =
        ["tcp/443 from any", "tcp/8000-8100 from clients", "tcp/22 from list:offices", "icmp/8/0 from 10.0.0.0/8"];
    let mut create = vec!["group", "create", "--vpc", "prod", "--name", "web"];
    rules.iter().for_each(|rule| create.extend(["--rule", rule]));
    let shown = pintle(&machine, &create).well();
    for rule in rules {
        assert!(shown.lines().any(|line| line.starts_with(rule)), "'{rule}' is not in:\n{shown}");
    }
    pintle(&machine, &["group", "add-rule", "web", "udp/53 to 2001:db8::53", "any to any"]).well();
    let shown = pintle(&machine, &["group", "remove-rule", "web", "tcp/443 from any", "any to any"]).well();
    assert!(!shown.contains("tcp/443") && shown.contains("udp/53 to 2001:db8::53"), "{shown}");
    let shown = machine.pintle("vni groups set web web clients").well();
    assert!(shown.contains("GROUPS      web,clients"), "{shown}");
    assert_eq!(machine.pintle("group get web -o json").json()["members"][0]["name"], "web");
    for (arguments, words) in [
        (&["group", "add-rule", "web", "tcp/70000 from any"][..], "'70000' is not a port"),
        (&["group", "add-rule", "web", "tcp/22 from nobody"], "security group 'nobody' was not found"),
        (&["group", "add-rule", "web", "tcp/22 from 10.0.0.7/8"], "10.0.0.0/8"),
        (&["group", "add-rule", "web", "tcp/22 from list:offices"], "has this rule already"),
        (&["group", "remove-rule", "web", "tcp/443 from any"], "has no rule 'tcp/443 from any'"),
        (&["group", "delete", "web"], "in use"),
        (&["group", "delete", "default"], "default"),
        (&["prefix-list", "delete", "offices"], "in use"),
    ] {
        pintle(&machine, arguments).refused(1, &[words]);
    }
    let modified = machine.pintle("prefix-list modify offices --add 192.0.2.7 --remove 198.51.100.0/24").well();
    assert!(modified.contains("192.0.2.7/32") && modified.contains("VERSION      2"), "{modified}");
}

#[test]
fn d15_acls_are_ordered_lists_that_subnets_are_given() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    let (deny, allow) = ("deny ingress tcp/23 from any to any", "allow ingress any from any to any");
    pintle(&machine, &["acl", "create", "--vpc", "prod", "--name", "edge", "--rule", allow]).well();
    let acl = machine.pintle("acl get edge -o json").json();
    let id = acl["rules"][0]["id"].as_str().unwrap();
    let shown = pintle(&machine, &["acl", "add-rule", "edge", deny, "--before", id]).well();
    assert!(shown.find(deny).unwrap() < shown.find(allow).unwrap(), "{shown}");
    let subnet = machine.pintle("subnet set apps --acl edge").well();
    assert!(subnet.contains("ACL             edge"), "{subnet}");
    machine.pintle("acl delete edge").refused(1, &["in use"]);
    pintle(&machine, &["acl", "remove-rule", "edge", deny]).well();
    pintle(&machine, &["acl", "add-rule", "edge", "allow everything"]).refused(1, &["write it as"]);
}

#[test]
fn b08_b12_addresses_and_prefixes_of_both_versions_come_and_go() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    let addresses = |machine: &Machine| machine.pintle("vni get web -o json").json()["addresses"].clone();
    machine.pintle("vni ip add web --ipv6").well();
    assert!(addresses(&machine)[2].as_str().unwrap().starts_with("2001:db8:1:"));
    machine.pintle("vni ip add web 10.0.1.12").well();
    machine.pintle("vni ip remove web 10.0.1.11").well();
    assert_eq!(addresses(&machine)[2], "10.0.1.12");
    let prefix = machine.pintle("vni ip add web 10.0.1.32/28").well();
    assert!(prefix.contains("PREFIXES    10.0.1.32/28"), "{prefix}");
    machine.pintle("vni ip add web 10.0.1.32/28").refused(1, &["10.0.1.32/28"]);
    machine.pintle("vni ip remove web 10.0.1.32/28").well();
    machine.pintle("vni ip remove web 10.0.1.99").refused(1, &["10.0.1.99 is no address of interface web"]);
    machine.pintle("vni ip remove web 10.0.1.10").refused(1, &["primary"]);
    machine.pintle("vni create --subnet apps --name other").well();
    machine.pintle("vni ip add other 10.0.1.12").refused(1, &["not free"]);
    machine.pintle("vni ip add other 10.0.1.12 --reassign").well();
    assert_eq!(addresses(&machine).as_array().unwrap().len(), 2, "it is the other interface's now");
}

#[test]
fn d22_an_interface_is_quarantined_limited_and_shadowed_in_one_call_each() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    machine.pintle("group create --vpc prod --name forensics").well();
    assert!(machine.pintle("vni quarantine web").well().contains("QUARANTINE  nothing passes"));
    assert!(machine.pintle("vni quarantine web --group forensics").well().contains("QUARANTINE  forensics"));
    assert!(machine.pintle("vni release web").well().contains("QUARANTINE  -"));
    machine.pintle("vni flush web").well();
    assert!(machine.pintle("vni shadow web --group forensics").well().contains("SHADOW      forensics"));
    assert!(machine.pintle("vni shadow web --off").well().contains("SHADOW      -"));
    let limited = machine.pintle("vni limit web --egress 100M --ingress 1G --priority 2").well();
    assert!(limited.contains("LIMITS      100000 kbit/s out, 1000000 kbit/s in, priority 2"), "{limited}");
    let set = machine.pintle("vni set web --source-dest-check off --state-filtering disabled").well();
    assert!(set.contains("forwards for others, state filtering disabled"), "{set}");
}

#[test]
fn p04_p09_who_did_what_is_listed_and_a_changed_log_is_found() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    machine.pintle("vni flush web").well();
    machine.pintle("vpc delete prod").refused(1, &["in use"]);
    let shown = machine.pintle("audit").well();
    let refused = shown.lines().nth(1).unwrap();
    assert!(refused.contains("vpc.delete") && refused.contains("failure: in_use"), "the newest first: {shown}");
    let flushes = machine.pintle("audit --action vni.flush -o json").json();
    let id = machine.pintle("vni get web -o json").json()["id"].as_str().unwrap().to_owned();
    assert_eq!((flushes.as_array().unwrap().len(), flushes[0]["target"].as_str()), (1, Some(id.as_str())));
    let of_web = pintle(&machine, &["audit", "--target", &id]).well();
    assert!(of_web.contains("vni.create") && !of_web.contains("vpc.create"), "{of_web}");
    let verified = machine.pintle("audit verify").well();
    assert!(verified.contains("all as they were written"), "{verified}");
    let log = machine.folder().join("copy");
    let written = std::fs::read_to_string(machine.folder().join("data/audit.log")).unwrap();
    std::fs::write(&log, written.replacen("\"action\":\"vni.flush\"", "\"action\":\"vni.peace\"", 1)).unwrap();
    let file = log.to_str().unwrap();
    let said = pintle(&machine, &["audit", "verify", "--file", file]);
    assert!(said.code == 1 && said.out.contains("it was changed"), "{said:?}");
}

#[test]
fn floating_ips_come_from_a_pool_and_lead_to_one_address() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    machine.pintle("floating-ip create --vni web").refused(1, &["no free public address"]);
    machine.pintle("public-pool create --cidr 203.0.113.0/29 --name outside").well();
    let made = machine.pintle("floating-ip create --vni web --name front").well();
    assert!(made.contains("INTERFACE        web") && made.contains("PRIVATE ADDRESS  10.0.1.10"), "{made}");
    let moved =
        machine.pintle("floating-ip associate front --vni web --private-address 10.0.1.11 --reassociate").well();
    assert!(moved.contains("PRIVATE ADDRESS  10.0.1.11"), "{moved}");
    machine.pintle("public-pool delete outside").refused(1, &["in use"]);
    assert!(machine.pintle("floating-ip disassociate front").well().contains("INTERFACE        -"));
    machine.pintle("floating-ip delete front").well();
    machine.pintle("public-pool delete outside").well();
}

#[test]
fn d24_lint_is_silent_until_something_is_open_to_the_world() {
    let machine = Machine::new();
    let _up = with_interface(&machine);
    assert_eq!(machine.pintle("lint").well(), "nothing found\n");
    pintle(&machine, &["group", "add-rule", "default", "tcp/20-30 from any"]).well();
    let said = machine.pintle("lint");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("exposed") && said.out.contains("default: tcp/20-30 from any"), "{}", said.out);
    assert!(said.out.contains("SSH, Telnet"), "{}", said.out);
    let found: serde_json::Value = serde_json::from_str(&machine.pintle("lint -o json").out).unwrap();
    assert_eq!(found[0]["interfaces"], 1, "{found}");
}
