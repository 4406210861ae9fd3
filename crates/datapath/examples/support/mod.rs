//! What the measurements of the packet path share: two guests, their entries, and frames between them.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each measurement uses its own part of this module")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use etherparse::PacketBuilder;
use pintle_datapath::{
    Datapath, Endpoint, EndpointKey, HostSettings, Iface, IfaceFlags, PacketRunner, Port, PortFlags, RunInput, Verdict,
    cell_of_endpoint, ticks,
};

pub type Failure = Box<dyn std::error::Error>;

pub const SEGMENT: u32 = 100;
pub const GATEWAY_MAC: [u8; 6] = [2, 0, 0x5e, 0, 0, 1];
/// The port that the policy permits.
pub const OPEN: u16 = 4001;

/// A guest of the bench: slot 1 sends, slot 2 gets.
#[derive(Clone, Copy)]
pub struct Guest {
    pub slot: u8,
    pub ifindex: u32,
}

impl Guest {
    pub fn mac(self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.slot]
    }
    pub fn v4(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 1, self.slot)
    }
    pub fn v6(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.slot.into())
    }
    pub fn run(self, ours: PacketRunner<'_>, frame: &[u8], repeat: u32) -> Result<(Verdict, u32), Failure> {
        let output = ours.run(frame, RunInput { ifindex: self.ifindex, repeat, ..RunInput::default() })?;
        Ok((output.verdict, output.ns_per_run))
    }
}

pub fn print_figure(name: &str, samples: &mut [u32]) {
    samples.sort_unstable();
    let (least, most) = (samples[0], samples[samples.len() - 1]);
    println!("{name:<34} {:>9} {least:>6} {most:>6}", samples[samples.len() / 2]);
}

/// The verdict is that of the last packet: had the path changed on the way, the figure would be of another.
pub fn expect(verdict: Verdict, expected: Verdict, path: &str) -> Result<(), Failure> {
    if verdict == expected { Ok(()) } else { Err(format!("{path}: {verdict:?}").into()) }
}

pub fn iface(guest: Guest, policy: u32) -> Iface {
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

pub fn fill(datapath: &Datapath, guests: [Guest; 2]) -> Result<(), Failure> {
    datapath.set_host_settings(&HostSettings::default())?;
    // As many endpoints as a big VPC has, so that the lookups are not of an empty table.
    let filler = Endpoint { vtep: Some([192, 0, 2, 9].into()), mtu: 1450, ..Endpoint::default() };
    let key = |addr: IpAddr| EndpointKey { segment: SEGMENT, addr };
    let rows: Vec<_> = (0..50_000).map(|n| (key(Ipv4Addr::from(0x0a80_0000 + n).into()), filler)).collect();
    datapath.endpoints().put_many(&rows)?;
    guests.into_iter().try_for_each(|guest| place(datapath, guest, PortFlags::NONE))
}

/// A guest's port and endpoints.
pub fn place(datapath: &Datapath, guest: Guest, flags: PortFlags) -> Result<(), Failure> {
    let key = |addr: IpAddr| EndpointKey { segment: SEGMENT, addr };
    let port = Port {
        segment: SEGMENT,
        slot: guest.slot.into(),
        primary_ip: guest.v4().into(),
        gateway_ip: Ipv4Addr::new(10, 0, 1, 254),
        prefix_len: 24,
        subnet6: Some("2001:db8::/64".parse()?),
        table: 0,
        mac: guest.mac(),
        gateway_mac: GATEWAY_MAC,
        mtu: 1450,
        card: None,
        flags: PortFlags::ACTIVE.with(flags),
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
    Ok(())
}

pub fn udp(src: IpAddr, dst: IpAddr, from: Guest, to: Guest, sport: u16, dport: u16) -> Result<Vec<u8>, Failure> {
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
pub fn tcp(from: Guest, to: Guest, seq: u32, ack: Option<u32>) -> Result<Vec<u8>, Failure> {
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

pub fn add_veth(name: &str) -> Result<u32, Failure> {
    let status =
        Command::new("ip").args(["link", "add", name, "type", "veth", "peer", "name", &format!("{name}p")]).status()?;
    if !status.success() {
        return Err(format!("ip link add {name} failed: {status}").into());
    }
    Ok(nix::net::if_::if_nametoindex(name)?)
}
