//! The same TCP segments through Pintle's state filtering and through the kernel's connection tracking: where the two judge
//! differently, and why. `PINTLE_WRITE_DOCS=1` writes what is found to docs/tcp-versus-conntrack.md.

#[path = "conntrack/script.rs"]
mod script;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use pintle_lab::conntrack::ConntrackRouter;
use pintle_lab::policy::mac;
use pintle_lab::{Lab, LabOptions, Network, ip};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, Mac, build};
use script::{Script, Segment};

const ENDS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 1, 0, 10), Ipv4Addr::new(10, 1, 0, 20)];
/// UDP port of the packets that say "what was sent before me has arrived, or never will".
const MARK: u16 = 7;

/// One of the two ways from one end to the other.
struct Way {
    injectors: [Injector; 2],
    captures: [Injector; 2],
    /// For each end: its own MAC address, and the one it sends to.
    macs: [(Mac, Mac); 2],
    marks: u32,
}

impl Way {
    fn new(namespaces: [&str; 2], macs: [(Mac, Mac); 2]) -> Way {
        let open = |name| Injector::open(&Namespace::named(name), "eth0").unwrap();
        Way { injectors: namespaces.map(open), captures: namespaces.map(open), macs, marks: 0 }
    }

    fn send(&mut self, end: usize, packet: &[u8]) {
        let (own, other) = self.macs[end];
        self.injectors[end].send(&build::ethernet(own, other, 0x0800, packet)).unwrap();
    }

    /// Whether a packet that this end sends gets to the other. A TCP segment is known by its bytes, whatever a router does
    /// to the TTL.
    fn passes(&mut self, end: usize, packet: &[u8]) -> bool {
        self.send(end, packet);
        self.marks += 1;
        let number = self.marks.to_be_bytes();
        self.send(end, &build::udp((ENDS[end], MARK), (ENDS[1 - end], MARK), &number));
        let same = |frame: &[u8]| frame.get(34..14 + packet.len()) == Some(&packet[20..]);
        let mark = |frame: &[u8]| frame.get(23) == Some(&17) && frame.get(42..46) == Some(&number[..]);
        let capture = &mut self.captures[1 - end];
        let first = capture.recv(Duration::from_secs(5), |frame| same(frame) || mark(frame)).unwrap();
        let first = first.expect("the mark arrives, or the way is broken");
        if same(&first) {
            capture.recv(Duration::from_secs(5), mark).unwrap().expect("the mark arrives");
            return true;
        }
        // One that another processor was busy with may come behind its mark.
        capture.recv(Duration::from_millis(3), same).unwrap().is_some()
    }
}

/// A difference of opinion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    script: &'static str,
    segment: &'static str,
    /// Pintle's reason; `None`: it passed there, and conntrack calls it invalid.
    dropped_by_pintle: Option<String>,
}

/// What explains a difference: the segment, who drops it, and why that is so.
struct Explanation {
    segment: &'static str,
    pintle_drops: bool,
    because: &'static str,
}

fn explanation(difference: &Difference) -> Option<&'static Explanation> {
    script::EXPLANATIONS.iter().find(|known| {
        known.segment == difference.segment && known.pintle_drops == difference.dropped_by_pintle.is_some()
    })
}

/// What both ends have dropped for reasons of state filtering, read after each drop.
struct Drops<'a> {
    network: &'a Network<'a>,
    vnis: [String; 2],
    seen: BTreeMap<String, u64>,
}

impl Drops<'_> {
    /// The reason of the one drop since the last time.
    fn next(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            // On a busy machine a host's answer may come too late for the server.
            let now = self.read().unwrap_or_else(|_| self.seen.clone());
            let new = now.iter().find(|(reason, count)| self.seen.get(*reason).is_none_or(|seen| seen < *count));
            if let Some((reason, _)) = new {
                let reason = reason.clone();
                self.seen = now;
                return reason;
            }
            assert!(Instant::now() < deadline, "a segment was dropped, and no reason was counted: {now:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn read(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut totals = BTreeMap::new();
        for vni in &self.vnis {
            for (reason, count) in self.network.dropped(vni)? {
                if reason.starts_with("tcp_") {
                    *totals.entry(reason).or_default() += count;
                }
            }
        }
        Ok(totals)
    }
}

/// Keeps the stacks of the guests out of it: what they would answer goes nowhere.
fn mute(guest: &str) {
    ip(&format!("-n {guest} rule add pref 1 iif lo blackhole")).unwrap();
}

fn compare(script: &Script, ways: &mut [Way; 2], drops: &mut Drops<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for Segment { name, end, packet } in &script.segments {
        let [pintle, conntrack] = ways.each_mut().map(|way| way.passes(*end, packet));
        let dropped_by_pintle = (!pintle).then(|| drops.next());
        if pintle != conntrack {
            found.push(Difference { script: script.name, segment: name, dropped_by_pintle });
        }
    }
    found
}

fn document(segments: usize, found: &[Difference]) -> String {
    let mut text = format!(
        "# TCP state filtering beside the kernel's connection tracking\n\n\
         Written by `crates/lab/tests/conntrack.rs` (`PINTLE_WRITE_DOCS=1`): {segments} TCP segments, recorded from two Linux\n\
         stacks, reordered and repeated, and forged, went one by one through Pintle with state filtering and through a router\n\
         with nftables' `ct state invalid drop` at the kernel's defaults. On all but those listed here they agree.\n\n\
         | in | segment | Pintle | conntrack | because |\n|---|---|---|---|---|\n"
    );
    for difference in found {
        let (pintle, conntrack) = match &difference.dropped_by_pintle {
            Some(reason) => (format!("drops: `{reason}`"), "passes"),
            None => ("passes".to_owned(), "invalid"),
        };
        let because = explanation(difference).map_or("**not explained**", |known| known.because);
        let _ =
            writeln!(text, "| {} | {} | {pintle} | {conntrack} | {because} |", difference.script, difference.segment);
    }
    text
}

#[test]
fn e13_e14_every_difference_to_the_kernels_connection_tracking_is_one_that_we_want() {
    let lab = Lab::with(&LabOptions { hosts: 1, ..LabOptions::default() }).unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let guests = ENDS.map(|address| network.guest_in("h1", &subnet, &address.to_string(), &[&open]).unwrap());
    let macs = [0, 1].map(|at| mac(&guests[at].0).unwrap());
    guests.iter().for_each(|(guest, _)| mute(guest));
    let router = ConntrackRouter::between(ENDS).unwrap();
    let routed = [([2, 0, 0, 0, 0, 0x0a], router.macs[0]), ([2, 0, 0, 0, 0, 0x0b], router.macs[1])];
    let mut ways = [
        Way::new([&guests[0].0, &guests[1].0], [(macs[0], macs[1]), (macs[1], macs[0])]),
        Way::new([&router.sides[0], &router.sides[1]], routed),
    ];
    let vnis = guests.map(|(_, vni)| vni);
    let mut drops = Drops { network: &network, vnis, seen: BTreeMap::new() };
    let (mut segments, mut found) = (0, Vec::new());
    for script in script::all(ENDS) {
        segments += script.segments.len();
        found.extend(compare(&script, &mut ways, &mut drops));
    }
    found.sort();
    found.dedup();
    let text = document(segments, &found);
    println!("{text}");
    assert!(segments > 300, "{segments} segments say little");
    if std::env::var_os("PINTLE_WRITE_DOCS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tcp-versus-conntrack.md");
        std::fs::write(path, &text).unwrap();
    }
    let unexplained: Vec<&Difference> = found.iter().filter(|difference| explanation(difference).is_none()).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}
