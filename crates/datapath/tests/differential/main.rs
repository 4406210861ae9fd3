//! The differential test: random hosts and random frames, through the reference model and through the kernel's programs.
//! Verdict, reason, the frame's bytes and what is remembered of the flows must be equal.
//!
//! The usual run plays the same packets each time. `PINTLE_SEED` plays another seed, or one of them for longer;
//! `PINTLE_LONG=1` a seed of its own each time, and a hundred times as long. A disagreement is printed with as little of
//! the host and of what happened as it still shows with.

#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod case;
mod kernel;
#[path = "../common/netns.rs"]
#[allow(dead_code, reason = "shared with other tests, which use more of it")]
mod netns;
mod overlay;
mod random;
mod scene;
mod shrink;
mod tcp_talk;
mod traffic;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use pintle_datapath::{Datapath, Settings, remove_all};

use case::Case;
use kernel::Kernel;
use netns::Netns;
use overlay::OverlayRunner;
use random::Random;
use scene::{MAX_HERE, Scene};
use traffic::{Event, Traffic};

/// The seeds of a usual run.
const SEEDS: [u64; 3] = [1, 2, 3];
/// Packets of a usual run, all seeds together, and of a long one.
const PACKETS: usize = 100_000;
const PACKETS_LONG: usize = 10_000_000;
/// Events of one host.
const EVENTS: usize = 250;

/// A number that no other test of this run or of another process uses.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("pld-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs a command and panics with its output when it fails.
fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "`{line}` failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// A pin root of its own, removed with everything in it when the test ends.
struct PinRoot(PathBuf);

impl PinRoot {
    fn new() -> PinRoot {
        sh("grep -q ' /sys/fs/bpf bpf ' /proc/mounts || mount -t bpf bpf /sys/fs/bpf");
        PinRoot(Path::new("/sys/fs/bpf").join(unique()))
    }
}

impl Drop for PinRoot {
    fn drop(&mut self) {
        if let Err(error) = remove_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

/// Runs `body` with a data plane in a namespace of its own.
fn with_kernel(body: impl FnOnce(Kernel) + Send + 'static) {
    netns::on_own_thread(move || {
        let _netns = Netns::enter_new();
        let root = PinRoot::new();
        let settings = Settings { max_ports: 16, max_endpoints: 2048, ..Settings::default() };
        let datapath = Datapath::open(&root.0, &settings).expect("the data plane opens");
        let devices = (1..=MAX_HERE).map(|slot| netns::add_veth(&format!("port{slot}"))).collect();
        let vxlan = netns::add_veth("overlay");
        let overlay = OverlayRunner::new(&root.0);
        body(Kernel::new(datapath, devices, vxlan, overlay));
    });
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seeds to play, and how many packets of each.
fn runs() -> Vec<(u64, usize)> {
    let long = from_environment("PINTLE_LONG").is_some_and(|long| long > 0);
    let packets = if long { PACKETS_LONG } else { PACKETS };
    match from_environment("PINTLE_SEED") {
        Some(seed) => vec![(seed, packets)],
        None if long => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            vec![(now.expect("the clock shows a year after 1970").as_nanos() as u64, packets)]
        }
        None => SEEDS.map(|seed| (seed, packets.div_ceil(SEEDS.len()))).into(),
    }
}

#[test]
fn d03_d05_d15_d16_d18_d25_e04_e16_model_and_kernel_agree() {
    for (seed, packets) in runs() {
        println!("PINTLE_SEED={seed}");
        with_kernel(move |kernel| agree(kernel, seed, packets));
    }
}

/// Plays one seed until so many packets have been through both.
fn agree(mut kernel: Kernel, seed: u64, wanted: usize) {
    let mut random = Random::new(seed);
    let mut packets = 0;
    let mut tally = case::Tally::default();
    while packets < wanted {
        let scene = Scene::new(&mut random);
        kernel.quota = if random.chance(25) { 3 } else { 1_000_000 };
        let mut events = Vec::new();
        if let Err(text) = play(&mut kernel, &scene, &mut random, &mut events, &mut tally) {
            let (scene, events, text) = shrink::shrink(&mut kernel, scene, events, text);
            shrink::report(&scene, &events);
            panic!("PINTLE_SEED={seed}, after {packets} packets: {text}");
        }
        packets += events.iter().filter(|event| !matches!(event, Event::Wait(_) | Event::Change(_))).count();
    }
    println!("{packets} packets, {tally}");
    assert!(tally.passed * 5 > packets, "too few packets pass for a test of what happens then: {tally}");
}

/// Makes events for a scene until there are enough, or the model and the kernel differ.
fn play(
    kernel: &mut Kernel,
    scene: &Scene,
    random: &mut Random,
    events: &mut Vec<Event>,
    tally: &mut case::Tally,
) -> Result<(), String> {
    let mut case = Case::new(kernel, scene.clone())?;
    let mut traffic = Traffic::new();
    for _ in 0..EVENTS {
        let event = traffic.next(random, &case.scene);
        events.push(event.clone());
        case.happen(&event, tally)?;
    }
    case.compare_flows()
}
