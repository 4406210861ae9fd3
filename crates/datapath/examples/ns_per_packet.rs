//! Prints what the packet path costs, beside an empty program: `cargo run --release --example ns_per_packet`.
//!
//! Three policies, small to huge, and for each: packets of an established connection (UDP, TCP with state filtering, UDP
//! over IPv6), packets that are refused, and the first packet of a flow. Each figure is the median over rounds that take
//! the paths in turn, so that a slow moment of the machine falls on all of them. A round is a million packets by
//! BPF_PROG_TEST_RUN; the kernel gives the program the same packet again each time. First packets are one run each, so
//! their figure has the timer's own cost in it: the empty program's, run the same way, is beside it. Needs root; uses a
//! namespace and a pin root of its own.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use nix::sched::{CloneFlags, unshare};
use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote, Rule};
use pintle_datapath::{
    Datapath, EmptyProgram, PolicyTables, ProgramName, Settings, Verdict, Wanted, cell_of_slot, remove_all, ticks,
};
use support::{Failure, Guest, OPEN, add_veth, expect, fill, iface, print_figure, tcp, udp};

const ROUNDS: usize = 5;
const PACKETS: u32 = 1_000_000;
/// Flows whose first packet is measured.
const FIRST: u16 = 5_000;
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
    let [from, to] = [1, 2].map(|slot| Ok::<_, Failure>(Guest { slot, ifindex: add_veth(&format!("port{slot}"))? }));
    let (from, to) = (from?, to?);
    fill(&datapath, [from, to])?;
    let empty = EmptyProgram::load()?;
    let mut tables = PolicyTables::open(&datapath)?;
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
        first_packets(&datapath, &empty, from, to)?;
    }
    Ok(())
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
    // All flows expire, so that the next policy is asked again.
    datapath.advance_clock(ticks(700_000))?;
    datapath.sweep()?;
    Ok(())
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
