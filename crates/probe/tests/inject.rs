//! Frames go in at one end of a link and come out at the other as they were.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use pintle_probe::inject::{BROADCAST, Counters, Injector, build, fuzz_frames};
use pintle_probe::stats::format_duration;
use pintle_probe::{Moment, ProbeError};

use support::pair;

const SECOND: Duration = Duration::from_secs(1);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

#[test]
fn frames_arrive_as_they_were_sent_tags_included() {
    let (a, b) = pair();
    let mut sender = Injector::open(&a.namespace(), "eth0").unwrap();
    let mut receiver = Injector::open(&b.namespace(), "eth0").unwrap();
    let (src, dst) = (Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(10, 9, 0, 2));
    let plain = build::ethernet(MAC, BROADCAST, 0x0800, &build::udp((src, 1), (dst, 2), b"payload"));
    let tagged = build::vlan(&plain, 0x8100, 77);
    let twice = build::vlan(&tagged, 0x88a8, 78);
    for frame in [plain, tagged, twice] {
        sender.send(&frame).unwrap();
        let got = receiver.recv(SECOND, |got| got[6..12] == MAC).unwrap();
        assert_eq!(got.as_deref(), Some(&frame[..]));
    }
    assert_eq!(sender.counters().unwrap().sent, 3);
    // What goes out is not captured.
    assert_eq!(sender.recv(Duration::from_millis(20), |got| got[6..12] == MAC).unwrap(), None);
    assert!(receiver.counters().unwrap().captured >= 3);
}

#[test]
fn frames_that_no_device_takes_are_counted() {
    let (a, _b) = pair();
    let mut sender = Injector::open(&a.namespace(), "eth0").unwrap();
    let long = build::ethernet(MAC, BROADCAST, 0x88b5, &[0; 3000]);
    let good = build::ethernet(MAC, BROADCAST, 0x88b5, &[0; 100]);
    let error = sender.send(&long).unwrap_err();
    assert!(error.to_string().contains("3014 bytes on device 'eth0'"), "{error}");
    assert_eq!(sender.send_many([good.clone(), long, good, vec![1; 5]]).unwrap(), 2);
    let counters = sender.counters().unwrap();
    assert_eq!((counters.sent, counters.refused), (2, 3));
    a.ip("link set eth0 down");
    assert!(matches!(sender.send_many(fuzz_frames(1).take(3)), Err(ProbeError::System { .. })));
    assert!(Injector::open(&a.namespace(), "eth9").is_err());
}

#[test]
fn a_hundred_thousand_fuzzed_frames_are_sent_and_none_is_lost_unseen() {
    let (a, b) = pair();
    let mut sender = Injector::open(&a.namespace(), "eth0").unwrap();
    let mut receiver = Injector::open(&b.namespace(), "eth0").unwrap();
    let (began, overrun) = (Moment::now(), backlog_drops());
    let (mut arrived, mut unreadable) = (0, 0);
    // Fewer at a time than the kernel's queue between the two ends takes.
    for seed in 0..1000 {
        let frames: Vec<_> = fuzz_frames(seed).take(100).collect();
        unreadable += frames.iter().filter(|frame| is_cut_in_its_tag(frame)).count() as u64;
        assert_eq!(sender.send_many(frames).unwrap(), 100);
        while receiver.recv(Duration::ZERO, |_| true).unwrap().is_some() {
            arrived += 1;
        }
    }
    let took = Moment::now().since(began);
    eprintln!("100000 frames in {}, {unreadable} of them unreadable to the kernel", format_duration(took));
    // What is still between the two ends.
    while receiver.recv(Duration::from_millis(20), |_| true).unwrap().is_some() {
        arrived += 1;
    }
    let Counters { captured, missed, .. } = receiver.counters().unwrap();
    assert_eq!(captured, arrived);
    let overrun = backlog_drops() - overrun;
    // Also what the two kernels say to each other of their own accord.
    assert!(captured + missed + unreadable + overrun >= 100_000, "{captured} + {missed} + {unreadable} + {overrun}");
}

/// Frames that the machine's processors had no room for between two devices, of whichever namespace: the second column of
/// softnet_stat. Others who send meanwhile share that room.
fn backlog_drops() -> u64 {
    let text = std::fs::read_to_string("/proc/net/softnet_stat").unwrap();
    let dropped = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
    text.lines().map(dropped).sum()
}

/// The kernel takes a VLAN tag out before anyone sees the frame, and drops the frame if it ends before the EtherType that follows.
fn is_cut_in_its_tag(frame: &[u8]) -> bool {
    matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]) && frame.len() < 20
}
