//! Pins and links over the life of the data plane: first start, restart, upgrade, drift, removal.

mod common;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use common::netns::{Netns, add_veth, on_own_thread};
use common::{PinRoot, SMALL, endpoint_key, sh};
use pintle_datapath::{
    BUILD_ID, Changed, Datapath, DatapathError, Endpoint, EndpointKey, HostSettings, LinkState, Location, LocationKey,
    Opened, ProgramName, Settings, layout, remove_all,
};

fn open(root: &PinRoot) -> Datapath {
    Datapath::open(&root.0, &SMALL).expect("the data plane opens")
}

/// Runs the test in a namespace of its own with a device `port`, whose index it gets.
fn with_device(test: impl FnOnce(&PinRoot, u32) + Send + 'static) {
    on_own_thread(move || {
        let _netns = Netns::enter_new();
        let root = PinRoot::new();
        let ifindex = add_veth("port");
        test(&root, ifindex);
    });
}

/// Makes the pinned programs look like those of an older build.
fn age(root: &PinRoot) {
    let programs = root.0.join("programs");
    fs::rename(programs.join(BUILD_ID), programs.join("0123456789abcdef")).expect("bpffs can rename");
}

#[test]
fn r10_second_open_finds_everything_and_writes_nothing() {
    with_device(|root, ifindex| {
        let first = open(root);
        assert_eq!(first.opened(), Opened::Fresh);
        assert_eq!(first.attach_port(ifindex).expect("attach"), Changed::Attached);
        first.set_host_settings(&HostSettings { vxlan_ifindex: Some(7), ..HostSettings::default() }).expect("set");
        assert!(first.writes() > 0);
        drop(first);

        let second = open(root);
        assert_eq!(second.opened(), Opened::Reused);
        assert_eq!(second.attach_port(ifindex).expect("attach"), Changed::Nothing);
        assert_eq!(second.verify_port(ifindex).expect("verify"), LinkState::Ok);
        assert_eq!(second.host_settings().expect("get").vxlan_ifindex, Some(7), "entries are kept");
        assert_eq!(second.retire_old().expect("retire"), 0);
        assert_eq!(second.writes(), 0);
    });
}

#[test]
fn r02_link_detached_by_hand_is_noticed_and_repaired() {
    with_device(|root, ifindex| {
        let datapath = open(root);
        assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Missing, "not attached yet");
        datapath.attach_port(ifindex).expect("attach");
        for program in ["from_port", "to_port"] {
            sh(&format!("bpftool link detach pinned {}/links/{ifindex}_{program}", root.0.display()));
            assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Missing, "the pin is still there");
            assert_eq!(datapath.attach_port(ifindex).expect("attach"), Changed::Attached);
            assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Ok);
        }
        fs::remove_file(root.0.join(format!("links/{ifindex}_from_port"))).expect("remove");
        assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Missing, "nothing holds it any more");
        assert_eq!(datapath.attach_port(ifindex).expect("attach"), Changed::Attached);
    });
}

#[test]
fn r02_device_that_is_gone_or_made_anew_is_noticed() {
    with_device(|root, ifindex| {
        let datapath = open(root);
        datapath.attach_port(ifindex).expect("attach");
        sh("ip link del port");
        assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::NoDevice);
        assert_eq!(datapath.pinned_links().expect("list").len(), 2, "the pins stay until somebody detaches");
        let error = datapath.attach_port(ifindex).expect_err("no device");
        assert!(matches!(error, DatapathError::NoDevice { .. }), "{error}");
        sh(&format!("ip link add port index {ifindex} type veth peer name portg"));
        assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Missing, "another device, same index");
        assert_eq!(datapath.attach_port(ifindex).expect("attach"), Changed::Attached);
        assert!(datapath.detach(ifindex).expect("detach"));
        assert!(!datapath.detach(ifindex).expect("detach"), "nothing left");
        assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Missing);
    });
}

#[test]
fn a_program_before_ours_is_reported() {
    with_device(|root, ifindex| {
        let datapath = open(root);
        datapath.attach_port(ifindex).expect("attach");
        let stranger = PinRoot::new();
        let other = open(&stranger);
        // Attached later and also to the front.
        other.attach_port(ifindex).expect("attach");
        assert!(matches!(datapath.verify_port(ifindex).expect("verify"), LinkState::Preceded(ids) if ids.len() == 1));
        assert_eq!(other.verify_port(ifindex).expect("verify"), LinkState::Ok);
    });
}

#[test]
fn upgrade_keeps_entries_and_exchanges_programs_in_place() {
    with_device(|root, ifindex| {
        let old = open(root);
        old.attach_port(ifindex).expect("attach");
        let key = endpoint_key(5, [10, 0, 0, 1]);
        let endpoint = Endpoint { mtu: 1450, ..Endpoint::default() };
        old.endpoints().put(&key, &endpoint).expect("put");
        drop(old);
        age(root);

        let new = open(root);
        assert_eq!(new.opened(), Opened::Upgraded);
        assert_eq!(new.endpoints().get(&key).expect("get"), Some(endpoint));
        assert_eq!(new.verify_port(ifindex).expect("verify"), LinkState::Outdated);
        assert!(matches!(new.retire_old(), Err(DatapathError::StillInUse { count: 2 })));
        assert_eq!(new.attach_port(ifindex).expect("attach"), Changed::Updated);
        assert_eq!(new.verify_port(ifindex).expect("verify"), LinkState::Ok);
        assert_eq!(new.retire_old().expect("retire"), 1);
        assert_eq!(open(root).opened(), Opened::Reused);
    });
}

#[test]
fn half_pinned_programs_are_loaded_anew() {
    with_device(|root, ifindex| {
        open(root).attach_port(ifindex).expect("attach");
        fs::remove_file(root.0.join("programs").join(BUILD_ID).join("to_port")).expect("remove");
        let again = open(root);
        assert_eq!(again.opened(), Opened::Upgraded);
        assert_eq!(again.attach_port(ifindex).expect("attach"), Changed::Updated);
        assert_eq!(again.verify_port(ifindex).expect("verify"), LinkState::Ok);
    });
}

#[test]
fn other_sizes_are_refused_in_use_and_taken_when_unused() {
    with_device(|root, ifindex| {
        let datapath = open(root);
        datapath.attach_port(ifindex).expect("attach");
        let bigger = Settings { max_ports: 32, ..SMALL };
        let error = Datapath::open(&root.0, &bigger).expect_err("in use");
        assert!(matches!(error, DatapathError::SizeInUse { map: "ports", pinned: 16, wanted: 32 }), "{error}");
        datapath.detach(ifindex).expect("detach");
        // A host's way to the others is always attached: it must not keep the sizes as they are for ever.
        datapath.attach_overlay(ifindex).expect("attach");
        drop(datapath);
        let again = Datapath::open(&root.0, &bigger).expect("unused maps are made anew");
        assert_eq!(again.verify_overlay(ifindex).expect("verify"), LinkState::Outdated);
        assert_eq!(again.attach_overlay(ifindex).expect("attach"), Changed::Updated);
        drop(again);
        Datapath::open(&root.0, &bigger).expect("unused maps are made anew");
        let zero = Datapath::open(&root.0, &Settings { max_ports: 0, ..SMALL });
        assert!(matches!(zero, Err(DatapathError::BadSetting { setting: "max_ports", .. })));
    });
}

#[test]
fn a_pin_root_outside_bpffs_is_refused_with_the_cure() {
    let error = Datapath::open(Path::new("/tmp/plt-not-bpffs"), &SMALL).expect_err("not bpffs");
    assert!(matches!(error, DatapathError::NotBpffs { .. }));
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
    assert!(!Path::new("/tmp/plt-not-bpffs").exists(), "nothing was created");
}

#[test]
fn remove_all_leaves_nothing_and_may_be_repeated() {
    with_device(|root, ifindex| {
        let datapath = open(root);
        datapath.attach_port(ifindex).expect("attach");
        remove_all(&root.0).expect("remove");
        assert!(!root.0.exists());
        assert_eq!(datapath.verify_port(ifindex).expect("verify"), LinkState::Missing);
        remove_all(&root.0).expect("again");
    });
}

#[test]
fn tables_read_back_what_was_written() {
    let root = PinRoot::new();
    let sizes = Settings { max_endpoints: 20_000, ..SMALL };
    let datapath = Datapath::open(&root.0, &sizes).expect("open");
    let entry = |n: u32| {
        let key = endpoint_key(7, Ipv4Addr::from(0x0a00_0000 + n));
        (key, Endpoint { vtep: Some((0xc000_0200 + n).into()), generation: n, mtu: 1450, ..Endpoint::default() })
    };
    let entries: Vec<_> = (0..10_000).map(entry).collect();
    datapath.endpoints().put_many(&entries).expect("put");
    assert_eq!(datapath.endpoints().entries().expect("read"), entries);
    assert_eq!(datapath.writes() - Datapath::open(&root.0, &sizes).expect("open").writes(), datapath.writes());
    let mut keys: Vec<EndpointKey> = entries.iter().take(9_000).map(|(key, _)| *key).collect();
    keys.insert(100, endpoint_key(8, [1, 2, 3, 4]));
    datapath.endpoints().delete_many(&keys).expect("missing keys are passed over");
    assert_eq!(datapath.endpoints().entries().expect("read"), entries[9_000..]);

    let location = (
        LocationKey { segment: 7, mac: [2, 0, 0, 0, 0, 9] },
        Location { vtep: Some([192, 0, 2, 1].into()), cell: 9, ..Location::default() },
    );
    datapath.locations().put(&location.0, &location.1).expect("put");
    assert_eq!(datapath.locations().get(&location.0).expect("get"), Some(location.1));
    assert!(datapath.locations().delete(&location.0).expect("delete"));
    assert!(!datapath.locations().delete(&location.0).expect("delete"));
}

#[test]
fn full_maps_and_impossible_entries_are_named() {
    let root = PinRoot::new();
    let datapath = Datapath::open(&root.0, &Settings { max_endpoints: 3, ..Settings::SMALLEST }).expect("open");
    let key = |n: u8| endpoint_key(7, [10, 0, 0, n]);
    let endpoint = Endpoint { mtu: 1450, ..Endpoint::default() };
    let full =
        (0..9).find_map(|n| datapath.endpoints().put(&key(n), &endpoint).err()).expect("it is full at some point");
    assert!(matches!(full, DatapathError::MapFull { map: "endpoints", max_entries: 3 }), "{full}");
    let bad = datapath.endpoints().put(&key(1), &Endpoint::default()).expect_err("no MTU");
    assert_eq!(
        bad.to_string(),
        "mtu of endpoint 10.0.0.1 in segment 7 is 0: an IPv4 path carries at least 68 bytes (RFC 791)"
    );
    assert!(matches!(datapath.counters().clear(2), Err(DatapathError::BadSlot { slot: 2, last: 1 })));
}

#[test]
fn layout_changes_only_with_its_version() {
    let golden = include_str!("golden/layout.txt");
    let now = layout::describe().expect("the object has BTF");
    if std::env::var_os("PINTLE_NEW_LAYOUT").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/layout.txt"), &now).expect("write");
        return;
    }
    assert_eq!(
        now, golden,
        "a layout changed: raise LAYOUT_VERSION, then run this test with PINTLE_NEW_LAYOUT=1 to write the new text"
    );
}

#[test]
fn programs_stay_small_for_the_verifier() {
    /// Instructions that the verifier may walk per program; the kernel's limit is a million.
    const BUDGET: u32 = 100_000;
    let root = PinRoot::new();
    let stats = open(&root).program_stats().expect("stats");
    assert_eq!(stats.len(), ProgramName::ALL.len());
    for program in stats {
        println!("{program:?}");
        assert!((1..=BUDGET).contains(&program.verified_instructions), "{program:?}");
        assert!(program.compiled_bytes > 0, "the JIT compiler is off: {program:?}");
    }
}

#[test]
fn doctor_finds_this_host_fit() {
    let _root = PinRoot::new();
    for check in pintle_datapath::doctor::probe() {
        assert!(check.ok, "{check:?}");
        assert!(!check.detail.is_empty() && !check.fix.is_empty());
    }
}
