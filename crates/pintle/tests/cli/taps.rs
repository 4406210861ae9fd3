//! Virtual machines by way of the command line: what a person needs to start an emulator is shown, and is there.

use serde_json::json;

use crate::machine::{Machine, Said};

#[test]
fn i16_a_virtual_machine_is_made_with_a_tap_that_its_user_may_open() {
    let machine = Machine::new();
    let _up = machine.up();
    machine.pintle("vpc create --name prod").well();
    machine.pintle("subnet create --vpc prod --cidr 10.0.1.0/24 --name apps").well();
    machine.pintle("vni create --subnet apps --name web --address 10.0.1.10").well();
    machine.pintle("instance create --vpc prod --tap --netns /run/netns/x").refused(2, &["--tap", "--netns"]);
    machine.pintle("instance create --vpc prod --tap-owner 4242").refused(2, &["--tap"]);
    machine.pintle("instance create --vpc prod --tap --tap-owner 4294967295").refused(1, &["namespace.tap.owner"]);
    machine.pintle("instance create --vpc prod --host here --name vm --tap --tap-owner 4242").well();
    machine.pintle("vni attach web --instance vm").well();
    let shown = machine.pintle("instance get vm -o json").json();
    assert_eq!(shown["namespace"], json!({ "kind": "tap", "path": null, "owner": 4242 }));
    let tap = shown["interfaces"][0]["attachment"]["host_device"].as_str().unwrap().to_owned();
    assert!(machine.pintle("instance get vm").well().contains(&format!("{tap}=web")), "{shown}");
    let link = || Said::of(machine.command("ip").args(["-d", "link", "show", &tap]).output().unwrap());
    assert!(link().well().contains("user 4242"));
    machine.pintle("instance exec vm -- true").refused(1, &["'vm' is a virtual machine"]);
    machine.pintle("instance delete vm").well();
    assert_ne!(link().code, 0, "the tap has gone");
}
