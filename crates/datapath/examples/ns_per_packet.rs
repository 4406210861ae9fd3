//! Prints what the packet path costs, beside an empty program: `cargo run --release --example ns_per_packet`.
//!
//! Three policies, small to huge, and for each: packets of an established connection (UDP, TCP with state filtering, UDP
//! over IPv6), packets that are refused, and the first packet of a flow. Each figure is the median over rounds that take
//! the paths in turn, so that a slow moment of the machine falls on all of them. A round is a million packets by
//! BPF_PROG_TEST_RUN; the kernel gives the program the same packet again each time. First packets are one run each, so
//! their figure has the timer's own cost in it: the empty program's, run the same way, is beside it. Needs root; uses a
//! namespace and a pin root of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use etherparse::PacketBuilder;
use ipnet::{IpNet, Ipv4Net};
use nix::sched::{CloneFlags, unshare};
use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote, Rule};
use pintle_datapath::{
    Datapath, EmptyProgram, Endpoint, EndpointKey, HostSettings, Iface, IfaceFlags, PacketRunner, PolicyTables, Port,
    PortFlags, ProgramName, RunInput, Settings, Verdict, Wanted, cell_of_endpoint, cell_of_slot, remove_all, ticks,
};

const ROUNDS: usize = 5;
const PACKETS: u32 = 1_000_000;
/// Flows whose first packet is measured.
const FIRST: u16 = 5_000;
const SEGMENT: u32 = 100;
const GATEWAY_MAC: [u8; 6] = [2, 0, 0x5e, 0, 0, 1];
const GROUP: SecurityGroupId = SecurityGroupId::from_bits(1);
const LIST: PrefixListId = PrefixListId::from_bits(1);
/// The ports that the policy permits, and one that it does not.
const OPEN: u16 = 4001;
const SHUT: u16 = 4003;

type Failure = Box<dyn std::error::Error>;

/// A guest of the bench: slot 1 sends, slot 2 gets.
#[derive(Clone, Copy)]
struct Guest {
    slot: u8,
    ifindex: u32,
}

impl Guest {
    fn mac(self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.slot]
    }
    fn v4(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 1, self.slot)
    }
    fn v6(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.slot.into())
    }
    fn run(self, ours: PacketRunner<'_>, frame: &[u8], repeat: u32) -> Result<(Verdict, u32), Failure> {
        let output = ours.run(frame, RunInput { ifindex: self.ifindex, repeat, ..RunInput::default() })?;
        Ok((output.verdict, output.ns_per_run))
    }
}

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

fn print_figure(name: &str, samples: &mut [u32]) {
    samples.sort_unstable();
    let (least, most) = (samples[0], samples[samples.len() - 1]);
    println!("{name:<34} {:>9} {least:>6} {most:>6}", samples[samples.len() / 2]);
}

/// The verdict is that of the last packet: had the path changed on the way, the figure would be of another.
fn expect(verdict: Verdict, expected: Verdict, path: &str) -> Result<(), Failure> {
    if verdict == expected { Ok(()) } else { Err(format!("{path}: {verdict:?}").into()) }
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

fn iface(guest: Guest, policy: u32) -> Iface {
    Iface {
        policy,
        flags: IfaceFlags::STATE_FILTERING.with(IfaceFlags::SOURCE_DEST_CHECK),
        quota: 100_000,
        tcp_established: ticks(432_000),
        udp_stream: ticks(180),
        udp: ticks(60),
        mac: guest.mac(),
        gateway_mac: GATEWAY_MAC,
        ..Iface::default()
    }
}

fn fill(datapath: &Datapath, guests: [Guest; 2]) -> Result<(), Failure> {
    datapath.set_host_settings(&HostSettings::default())?;
    // As many endpoints as a big VPC has, so that the lookups are not of an empty table.
    let filler = Endpoint { vtep: Some([192, 0, 2, 9].into()), mtu: 1450, ..Endpoint::default() };
    let key = |addr: IpAddr| EndpointKey { segment: SEGMENT, addr };
    let rows: Vec<_> = (0..50_000).map(|n| (key(Ipv4Addr::from(0x0a80_0000 + n).into()), filler)).collect();
    datapath.endpoints().put_many(&rows)?;
    for guest in guests {
        let port = Port {
            segment: SEGMENT,
            slot: guest.slot.into(),
            primary_ip: guest.v4().into(),
            gateway_ip: Ipv4Addr::new(10, 0, 1, 254),
            prefix_len: 24,
            subnet6: Some("2001:db8::/64".parse()?),
            mac: guest.mac(),
            gateway_mac: GATEWAY_MAC,
            mtu: 1450,
            flags: PortFlags::ACTIVE,
            generation: 1,
            vni: String::from("eni-bench"),
        };
        datapath.ports().put(&guest.ifindex, &port)?;
        for addr in [IpAddr::V4(guest.v4()), IpAddr::V6(guest.v6())] {
            let endpoint = Endpoint {
                ifindex: Some(guest.ifindex),
                slot: guest.slot.into(),
                mac: guest.mac(),
                gateway_mac: GATEWAY_MAC,
                mtu: 1450,
                cell: cell_of_endpoint(SEGMENT, addr),
                ..Endpoint::default()
            };
            datapath.endpoints().put(&key(addr), &endpoint)?;
        }
    }
    Ok(())
}

fn udp(src: IpAddr, dst: IpAddr, from: Guest, to: Guest, sport: u16, dport: u16) -> Result<Vec<u8>, Failure> {
    let frame = PacketBuilder::ethernet2(from.mac(), to.mac());
    let mut bytes = Vec::new();
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            frame.ipv4(src.octets(), dst.octets(), 64).udp(sport, dport).write(&mut bytes, &[0; 22])?;
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            frame.ipv6(src.octets(), dst.octets(), 64).udp(sport, dport).write(&mut bytes, &[0; 2])?;
        }
        _ => return Err("two IP versions".into()),
    }
    Ok(bytes)
}

/// A segment of the handshake: a SYN at sequence number 1, an ACK behind it.
fn tcp(from: Guest, to: Guest, seq: u32, ack: Option<u32>) -> Result<Vec<u8>, Failure> {
    let (sport, dport) = if from.slot == 1 { (4000, OPEN) } else { (OPEN, 4000) };
    let frame = PacketBuilder::ethernet2(from.mac(), to.mac()).ipv4(from.v4().octets(), to.v4().octets(), 64);
    let mut segment = frame.tcp(sport, dport, seq, 65_000);
    if seq == 1 {
        segment = segment.syn();
    }
    if let Some(ack) = ack {
        segment = segment.ack(ack);
    }
    let mut bytes = Vec::new();
    segment.write(&mut bytes, &[])?;
    Ok(bytes)
}

fn add_veth(name: &str) -> Result<u32, Failure> {
    let status =
        Command::new("ip").args(["link", "add", name, "type", "veth", "peer", "name", &format!("{name}p")]).status()?;
    if !status.success() {
        return Err(format!("ip link add {name} failed: {status}").into());
    }
    Ok(nix::net::if_::if_nametoindex(name)?)
}
