//! Taps against the real kernel: frames go in and come out, and the device stays when the emulator ends.

mod kernel_support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use kernel_support::Scratch;
use pintle_agent::kernel::{link, tap};

/// `struct virtio_net_hdr` of a frame that needs nothing.
const HEADER: [u8; 10] = [0; 10];

/// An ARP question of the machine behind the tap.
fn question() -> Vec<u8> {
    let mac = [2, 0, 0, 0, 0, 9];
    let mut frame = [[0xff; 6], mac].concat();
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend([&mac[..], &[10, 9, 0, 2], &[0; 6], &[10, 9, 0, 1]].concat());
    frame
}

fn receive(file: &mut std::fs::File, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut buffer = [0; 2048];
    loop {
        let length = file.read(&mut buffer).unwrap();
        if wanted(&buffer[HEADER.len()..length]) {
            return buffer[HEADER.len()..length].to_vec();
        }
    }
}

#[test]
fn i16_a_machine_behind_a_tap_is_answered_and_its_device_outlives_it() {
    let host = Scratch::new("tap");
    tap::create(&host.namespace, "tap0", None).unwrap().keep().unwrap();
    let mut netlink = host.netlink();
    let device = link::get_named(&mut netlink, "tap0").unwrap().unwrap();
    assert_eq!((device.kind.as_deref(), device.up, device.peer), (Some("tun"), false, None));
    netlink.change(&link::up(device.index)).unwrap();
    host.ip("addr add 10.9.0.1/24 dev tap0");

    let mut machine = tap::open_guest(&host.namespace, "tap0").unwrap();
    let busy = tap::open_guest(&host.namespace, "tap0").unwrap_err();
    assert!(busy.to_string().contains("tap0"), "{busy}");
    machine.write_all(&[&HEADER[..], &question()].concat()).unwrap();
    let answer = receive(&mut machine, |frame| frame[12..14] == [0x08, 0x06] && frame[20..22] == [0, 2]);
    assert_eq!(answer[28..32], [10, 9, 0, 1]);
    drop(machine);
    assert!(link::get_named(&mut netlink, "tap0").unwrap().is_some(), "it is there for the next emulator");
    // A child that another test is just starting has the file, too, until it is another program.
    let deadline = Instant::now() + Duration::from_secs(2);
    while let Err(error) = tap::open_guest(&host.namespace, "tap0").map(drop) {
        assert!(Instant::now() < deadline, "{error}");
    }
    netlink.change(&link::delete(device.index).unwrap()).unwrap();
    assert_eq!(host.devices(), [] as [&str; 0]);
}

#[test]
fn a_taken_name_is_refused_and_left_alone() {
    let host = Scratch::new("tap");
    host.ip("link add tap0 type veth peer name other");
    let error = tap::create(&host.namespace, "tap0", Some(1000)).unwrap_err();
    assert!(error.to_string().contains("create tap 'tap0'"), "{error}");
    assert!(tap::create(&host.namespace, "no good", None).is_err());
    tap::create(&host.namespace, "tap1", Some(4242)).unwrap().keep().unwrap();
    assert!(tap::create(&host.namespace, "tap1", Some(4242)).is_err(), "one maker, one device");
    assert!(host.ip("-d link show tap1").contains("user 4242"));
    assert_eq!(host.devices().len(), 3);
}

#[test]
fn a_tap_belongs_to_the_namespace_it_was_made_in() {
    let (host, other) = (Scratch::new("tap"), Scratch::new("tap"));
    for place in [&host, &other] {
        drop(tap::create(&place.namespace, "tap0", None).unwrap());
        assert_eq!(place.devices(), [] as [&str; 0], "one that was not kept goes with its maker");
        tap::create(&place.namespace, "tap0", None).unwrap().keep().unwrap();
        assert_eq!(place.devices(), ["tap0"]);
    }
}
