//! Prints what the verifier walks of each program, and what the packet path costs, beside an empty program: `cargo run --release --example ns_per_packet`.
//!
//! Three policies, small to huge, and for each: packets of an established connection (UDP, TCP with state filtering, UDP
//! over IPv6), packets that are refused, and the first packet of a flow; then what translation to public addresses adds.
//! Each figure is the median over rounds that take the paths in turn, so that a slow moment of the machine falls on all of
//! them. A round is some 100,000 packets by BPF_PROG_TEST_RUN; the kernel gives the program the same packet again each
//! time.
//!
//! First packets: a repeater (see `repeater.rs`) gives each of some thousand packets a source port of its own, and its
//! cost, measured in front of an empty program, is taken off. So caches and branch predictors are as among traffic. The
//! figure of single runs, with everything cold and the timer's own cost in it, is beside it. Needs root; uses a namespace
//! and a pin root of its own.

mod support;
#[path = "support/translation.rs"]
mod translation;

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use nix::sched::{CloneFlags, unshare};
use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote, Rule};
use pintle_datapath::{
    Datapath, EmptyProgram, PolicyTables, ProgramName, Repeater, Settings, Verdict, Wanted, cell_of_slot, remove_all,
    ticks,
};
use support::{Failure, Guest, OPEN, add_veth, expect, fill, iface, print_figure, tcp, udp};

const ROUNDS: usize = 31;
const PACKETS: u32 = 100_000;
/// New flows in a round, which all end before the next.
const FIRST: u16 = 4_000;
/// Where the source port of UDP and TCP is in a frame of IPv4.
const SOURCE_PORT: u16 = 34;
const GROUP: SecurityGroupId = SecurityGroupId::from_bits(1);
const LIST: PrefixListId = PrefixListId::from_bits(1);
/// A port that the policy does not permit.
const SHUT: u16 = 4003;

fn main() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let root = PathBuf::from(format!("/sys/fs/bpf/plt-{}-bench", std::process::id()));
    let result = measure(&root);
    remove_all(&root)?;
    result
}

fn measure(root: &std::path::Path) -> Result<(), Failure> {
    let settings = Settings { max_prefixes: 1 << 19, max_spans: 1 << 17, ..Settings::default() };
    let datapath = Datapath::open(root, &settings)?;
    for program in datapath.program_stats()? {
        println!("{:?}: {} instructions walked by the verifier", program.name, program.verified_instructions);
    }
    let [from, to] = [1, 2].map(|slot| Ok::<_, Failure>(Guest { slot, ifindex: add_veth(&format!("port{slot}"))? }));
    let (from, to) = (from?, to?);
    fill(&datapath, [from, to])?;
    let empty = EmptyProgram::load()?;
    let mut tables = PolicyTables::open(&datapath)?;
    let mut last = 0;
    for (rules, networks) in [(10, 10), (100, 1_000), (10_000, 100_000)] {
        let begin = std::time::Instant::now();
        let wanted = wanted(rules, networks)?;
        let applied = tables.apply(&datapath, &wanted)?;
        let policy = tables.policy(&[GROUP]).ok_or("the policy was applied")?;
        for guest in [from, to] {
            datapath.ifaces().put(&guest.slot.into(), &iface(guest, policy))?;
            datapath.epochs().raise(cell_of_slot(guest.slot.into()));
        }
        let took = begin.elapsed().as_millis();
        println!("\n{rules} rules, {networks} networks: {} entries written in {took} ms", applied.writes);
        println!("{:<34} {:>9} {:>6} {:>6}", "64-byte frame", "median ns", "least", "most");
        established(&datapath, &empty, from, to)?;
        new_flows(&datapath, &empty, from, to)?;
        first_packets(&datapath, &empty, from, to)?;
        last = policy;
    }
    let outside = translation::prepare(&datapath, last)?;
    println!("\n{:<34} {:>9} {:>6} {:>6}", "translation, 64-byte frame", "median ns", "least", "most");
    translation::measure(&outside, &datapath, &empty, ROUNDS, PACKETS)
}

fn established(datapath: &Datapath, empty: &EmptyProgram, from: Guest, to: Guest) -> Result<(), Failure> {
    let ours = datapath.runner(ProgramName::FromPort);
    let shake = [(from, tcp(from, to, 1, None)?), (to, tcp(to, from, 1, Some(2))?), (from, tcp(from, to, 2, Some(2))?)];
    for (guest, frame) in &shake {
        expect(guest.run(ours, frame, 1)?.0, Verdict::Redirect, "TCP handshake")?;
    }
    let to_port = |port| udp(from.v4().into(), to.v4().into(), from, to, 4000, port);
    let udp6 = udp(from.v6().into(), to.v6().into(), from, to, 4000, OPEN)?;
    let paths = [
        ("empty program", empty.runner(), to_port(OPEN)?, Verdict::Other(0)),
        ("established UDP", ours, to_port(OPEN)?, Verdict::Redirect),
        ("established TCP, state filtering", ours, shake[2].1.clone(), Verdict::Redirect),
        ("established UDP, IPv6", ours, udp6, Verdict::Redirect),
        ("refused by policy", ours, to_port(SHUT)?, Verdict::Drop),
    ];
    let mut samples = vec![Vec::new(); paths.len()];
    for _ in 0..ROUNDS {
        for (samples, (name, runner, frame, expected)) in samples.iter_mut().zip(&paths) {
            let (verdict, ns) = from.run(*runner, frame, PACKETS)?;
            expect(verdict, *expected, name)?;
            samples.push(ns);
        }
    }
    for (samples, (name, ..)) in samples.iter_mut().zip(&paths) {
        print_figure(name, samples);
    }
    Ok(())
}

/// First packets among others.
fn new_flows(datapath: &Datapath, empty: &EmptyProgram, from: Guest, to: Guest) -> Result<(), Failure> {
    let ours = Repeater::before(datapath.runner(ProgramName::FromPort), Some(SOURCE_PORT))?;
    let floor = Repeater::before(empty.runner(), Some(SOURCE_PORT))?;
    let mut syn = tcp(from, to, 1, None)?;
    syn.resize(64, 0);
    for (name, frame) in [
        ("new flow, UDP", udp(from.v4().into(), to.v4().into(), from, to, 0, OPEN)?),
        ("new flow, TCP, state filtering", syn),
    ] {
        let mut samples = Vec::new();
        for _ in 0..ROUNDS {
            floor.set(&frame, 0)?;
            let of_repeater = from.run(floor.runner(), &frame, FIRST.into())?.1;
            ours.set(&frame, 0)?;
            let (verdict, of_both) = from.run(ours.runner(), &frame, FIRST.into())?;
            expect(verdict, Verdict::Redirect, name)?;
            samples.push(of_both.saturating_sub(of_repeater));
            let ended = end_all(datapath)?;
            if ended < FIRST.into() {
                return Err(format!("{name}: {ended} flows of {FIRST}").into());
            }
        }
        print_figure(name, &mut samples);
    }
    Ok(())
}

/// All flows expire. Returns how many there were.
fn end_all(datapath: &Datapath) -> Result<u32, Failure> {
    datapath.advance_clock(ticks(700_000))?;
    Ok(datapath.sweep()?.deleted)
}

fn first_packets(datapath: &Datapath, empty: &EmptyProgram, from: Guest, to: Guest) -> Result<(), Failure> {
    let ours = datapath.runner(ProgramName::FromPort);
    let (mut floor, mut samples) = (Vec::new(), Vec::new());
    for port in 0..FIRST {
        let frame = udp(from.v4().into(), to.v4().into(), from, to, 10_000 + port, OPEN)?;
        floor.push(from.run(empty.runner(), &frame, 1)?.1);
        let (verdict, ns) = from.run(ours, &frame, 1)?;
        expect(verdict, Verdict::Redirect, "new flow")?;
        samples.push(ns);
    }
    print_figure("empty program, one run", &mut floor);
    print_figure("first packet of a flow, one run", &mut samples);
    // The next policy is asked again.
    end_all(datapath).map(drop)
}

/// One group: so many rules for ports and a list of so many networks, both ways, and last one that permits the bench.
fn wanted(rules: u16, networks: u32) -> Result<Wanted, Failure> {
    let rule = |id: u64, direction, protocol, remote| Rule {
        id: RuleId::from_bits(id),
        direction,
        protocol,
        remote,
        local: None,
    };
    let mut all = Vec::new();
    for (n, direction) in [Direction::Ingress, Direction::Egress].into_iter().enumerate() {
        let first = n as u64 * 100_000 + 1;
        for number in 0..rules {
            let port = ProtocolMatch::Udp(PortRange::one(10_000 + number * 2));
            all.push(rule(first + u64::from(number), direction, port, Remote::PrefixList(LIST)));
        }
        let open = PortRange::one(OPEN);
        let own: IpNet = "10.0.1.0/24".parse()?;
        all.push(rule(first + 50_000, direction, ProtocolMatch::Udp(open), Remote::Net(own)));
        all.push(rule(first + 50_001, direction, ProtocolMatch::Udp(open), Remote::Any));
        all.push(rule(first + 50_002, direction, ProtocolMatch::Tcp(open), Remote::Any));
    }
    let nets: Vec<IpNet> =
        (0..networks).map(|n| IpNet::V4(Ipv4Net::new_assert((0x0a00_0000 + n * 256).into(), 24))).collect();
    Ok(Wanted {
        policies: [vec![GROUP]].into(),
        groups: [(GROUP, Arc::from(all))].into(),
        prefix_lists: [(LIST, Arc::from(nets))].into(),
        ..Wanted::default()
    })
}
