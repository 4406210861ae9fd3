//! Prints what the established path costs per packet, beside an empty program: `cargo run --release --example ns_per_packet`.
//!
//! Each figure is the median over rounds that take the paths in turn, so that a slow moment of the machine falls on all
//! of them. A round is a million packets by BPF_PROG_TEST_RUN. The kernel gives the program the same packet again each
//! time; a routed one loses a hop each time, so its rounds are many short runs and its addresses are chosen to stay the
//! same. Needs root; uses a namespace and a pin root of its own.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use etherparse::PacketBuilder;
use nix::sched::{CloneFlags, unshare};
use pintle_datapath::{
    Datapath, EmptyProgram, Endpoint, EndpointKey, HostSettings, PacketRunner, Port, PortFlags, ProgramName, RunInput,
    Settings, Verdict, remove_all,
};

const ROUNDS: usize = 9;
const PACKETS: u32 = 1_000_000;
/// Packets per run of a routed path: fewer than the hops that a TTL of 255 has.
const HOPS: u32 = 250;
const SEGMENT: u32 = 100;
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const NEIGHBOUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const GATEWAY_MAC: [u8; 6] = [2, 0, 0x5e, 0, 0, 1];
const SENDER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let root = PathBuf::from(format!("/sys/fs/bpf/plt-{}-bench", std::process::id()));
    let result = measure(&root);
    remove_all(&root)?;
    result
}

fn measure(root: &std::path::Path) -> Result<(), Failure> {
    let datapath = Datapath::open(root, &Settings::default())?;
    let (port, overlay) = (add_veth("port")?, add_veth("overlay")?);
    fill(&datapath, port, overlay)?;

    let empty = EmptyProgram::load()?;
    let ours = datapath.runner(ProgramName::FromPort);
    let path = |name, runner, dst_mac, dst: [u8; 4], per_run| {
        Ok::<_, Failure>(Path { name, runner, frame: frame(dst_mac, dst.into())?, per_run })
    };
    let mut spoofed = path("dropped (spoofed source MAC)", ours, NEIGHBOUR_MAC, [10, 0, 1, 11], PACKETS)?;
    spoofed.frame[11] ^= 0xff;
    let paths = [
        path("empty program", empty.runner(), NEIGHBOUR_MAC, [10, 0, 1, 11], PACKETS)?,
        path("same host, switched", ours, NEIGHBOUR_MAC, [10, 0, 1, 11], PACKETS)?,
        path("same host, routed", ours, GATEWAY_MAC, [10, 0, 2, 10], HOPS)?,
        path("other host, switched", ours, NEIGHBOUR_MAC, [10, 0, 1, 20], PACKETS)?,
        spoofed,
    ];
    let mut samples = vec![Vec::new(); paths.len()];
    for _ in 0..ROUNDS {
        for (samples, path) in samples.iter_mut().zip(&paths) {
            samples.push(path.round(port)?);
        }
    }
    println!("{:<30} {:>9} {:>6} {:>6}", "64-byte frame", "median ns", "least", "most");
    for (samples, path) in samples.iter_mut().zip(&paths) {
        samples.sort_unstable();
        println!("{:<30} {:>9} {:>6} {:>6}", path.name, samples[ROUNDS / 2], samples[0], samples[ROUNDS - 1]);
    }
    Ok(())
}

/// One way of a packet through the program.
struct Path<'a> {
    name: &'static str,
    runner: PacketRunner<'a>,
    frame: Vec<u8>,
    per_run: u32,
}

impl Path<'_> {
    /// Nanoseconds per packet over one round; the median of its runs.
    fn round(&self, port: u32) -> Result<u32, Failure> {
        let input = RunInput { ifindex: port, repeat: self.per_run, ..RunInput::default() };
        let mut runs = Vec::new();
        for _ in 0..PACKETS / self.per_run {
            let output = self.runner.run(&self.frame, input)?;
            let expected = match self.name {
                "empty program" => Verdict::Other(0),
                name if name.starts_with("dropped") => Verdict::Drop,
                _ => Verdict::Redirect,
            };
            // The verdict is that of the last packet: had the path changed on the way, the figure would be of another.
            if output.verdict != expected {
                return Err(format!("{}: {:?}", self.name, output.verdict).into());
            }
            runs.push(output.ns_per_run);
        }
        runs.sort_unstable();
        Ok(runs[runs.len() / 2])
    }
}

fn fill(datapath: &Datapath, port: u32, overlay: u32) -> Result<(), Failure> {
    let sender = Port {
        segment: SEGMENT,
        slot: 1,
        primary_ip: SENDER,
        gateway_ip: Ipv4Addr::new(10, 0, 1, 1),
        prefix_len: 24,
        mac: MAC,
        gateway_mac: GATEWAY_MAC,
        mtu: 1450,
        flags: PortFlags::ACTIVE,
        generation: 1,
        vni: String::from("eni-bench"),
    };
    datapath.ports().put(&port, &sender)?;
    datapath.set_host_settings(&HostSettings { vxlan_ifindex: Some(overlay), local_vtep: None })?;
    // As many endpoints as a big VPC has, so that the lookups are not of an empty table.
    let filler = Endpoint { vtep: Some([192, 0, 2, 9].into()), mtu: 1450, ..Endpoint::default() };
    let key = |addr: u32| EndpointKey { segment: SEGMENT, addr: addr.into() };
    let rows: Vec<_> = (0..50_000).map(|n| (key(0x0a80_0000 + n), filler)).collect();
    datapath.endpoints().put_many(&rows)?;
    let here = Endpoint {
        ifindex: Some(port),
        slot: 2,
        mac: NEIGHBOUR_MAC,
        gateway_mac: GATEWAY_MAC,
        mtu: 1450,
        ..Endpoint::default()
    };
    let there = Endpoint { ifindex: None, slot: 0, vtep: Some([192, 0, 2, 2].into()), ..here };
    // Routing writes these addresses over equal ones, so that the next packet is a guest's frame again.
    let across = Endpoint { mac: GATEWAY_MAC, gateway_mac: MAC, ..here };
    for (addr, endpoint) in [([10, 0, 1, 11], here), ([10, 0, 2, 10], across), ([10, 0, 1, 20], there)] {
        datapath.endpoints().put(&EndpointKey { segment: SEGMENT, addr: addr.into() }, &endpoint)?;
    }
    Ok(())
}

fn frame(dst_mac: [u8; 6], dst: Ipv4Addr) -> Result<Vec<u8>, Failure> {
    let builder = PacketBuilder::ethernet2(MAC, dst_mac).ipv4(SENDER.octets(), dst.octets(), 255).udp(4000, 4001);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &[0; 22])?;
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
