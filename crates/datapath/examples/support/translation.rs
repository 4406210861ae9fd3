//! What translation to public addresses adds: each way through the uplink, untranslated, by a floating IP, and by a port of
//! the public gateway. The programs change these packets, so a repeater writes each anew, and its cost is taken off.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use pintle_datapath::{
    Datapath, EmptyProgram, EndpointKey, HostSettings, IfaceFlags, PacketRunner, PortFlags, PrivateAddress,
    ProgramName, PublicAddress, Repeater, Route, RouteKey, RouteTo, RunInput, Uplink, Verdict,
};

use crate::support::{Failure, GATEWAY_MAC, Guest, OPEN, SEGMENT, add_veth, expect, iface, place, print_figure};

const UPLINK: Uplink = Uplink { mac: [2, 0, 0, 0xff, 0, 1], mtu: 1500 };
const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0xff, 0, 2];
const INTERNET: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const SPORT: u16 = 4000;

/// One guest for each way to be known outside.
pub(crate) struct Outside {
    uplink: u32,
    guests: [(&'static str, Guest, Ipv4Addr); 3],
}

pub(crate) fn prepare(datapath: &Datapath, policy: u32) -> Result<Outside, Failure> {
    let uplink = add_veth("uplink")?;
    datapath.set_host_settings(&HostSettings { uplink_ifindex: Some(uplink), ..HostSettings::default() })?;
    let net = "0.0.0.0/0".parse()?;
    let to = RouteTo::Public { gateway_vtep: None, gateway: Some(GATEWAY.into()) };
    let key = RouteKey::own(SEGMENT, net);
    let route = Route::new(&key, to);
    datapath.routes().put(&key, &route)?;
    datapath.public_addresses().put(&GATEWAY.into(), &PublicAddress::Gateway { uplink: UPLINK })?;

    let guest = |slot: u8| Ok::<_, Failure>(Guest { slot, ifindex: add_veth(&format!("port{slot}"))? });
    let guests = [
        ("untranslated", guest(11)?, Ipv4Addr::new(203, 0, 113, 11)),
        ("floating IP", guest(12)?, Ipv4Addr::new(203, 0, 113, 12)),
        ("public gateway", guest(13)?, GATEWAY),
    ];
    for (_, guest, public) in guests {
        let translate = guest.slot == 12;
        // Who sends from a public address must be allowed to.
        let flags = if translate || public == GATEWAY { PortFlags::NONE } else { PortFlags::ALLOW_IP_SPOOFING };
        place(datapath, guest, flags)?;
        let entry = iface(guest, policy);
        let flags = if public == GATEWAY { entry.flags.with(IfaceFlags::PUBLIC_GATEWAY) } else { entry.flags };
        datapath.ifaces().put(&guest.slot.into(), &pintle_datapath::Iface { flags, ..entry })?;
        if public == GATEWAY {
            continue;
        }
        let private = guest.v4().into();
        let entry = PublicAddress::Interface { segment: SEGMENT, private, translate, uplink: UPLINK };
        datapath.public_addresses().put(&public.into(), &entry)?;
        let own = PrivateAddress { public: public.into(), translate, mtu: UPLINK.mtu };
        datapath.private_addresses().put(&EndpointKey { segment: SEGMENT, addr: private }, &own)?;
    }
    datapath.epochs().raise(route.cell);
    Ok(Outside { uplink, guests })
}

pub(crate) fn measure(
    outside: &Outside,
    datapath: &Datapath,
    empty: &EmptyProgram,
    rounds: usize,
    packets: u32,
) -> Result<(), Failure> {
    let (out, back) = (datapath.runner(ProgramName::FromPort), datapath.runner(ProgramName::FromUplink));
    let mut paths = Vec::new();
    for (name, guest, public) in outside.guests {
        let source = if name == "untranslated" { public } else { guest.v4() };
        let frame = udp(guest.mac(), GATEWAY_MAC, (source, SPORT), (INTERNET, OPEN))?;
        let sent = out.run(&frame, RunInput { ifindex: guest.ifindex, ..RunInput::default() })?;
        expect(sent.verdict, Verdict::Redirect, name)?;
        let port = u16::from_be_bytes([sent.frame[34], sent.frame[35]]);
        let answer = udp(ROUTER_MAC, UPLINK.mac, (INTERNET, OPEN), (public, port))?;
        paths.push((format!("to the public network, {name}"), Repeater::before(out, None)?, frame, guest.ifindex));
        paths.push((format!("from there, {name}"), Repeater::before(back, None)?, answer, outside.uplink));
    }
    let floor = Repeater::before(empty.runner(), None)?;
    let mut samples = vec![Vec::new(); paths.len()];
    for _ in 0..rounds {
        for (samples, (name, repeater, frame, ifindex)) in samples.iter_mut().zip(&paths) {
            let of_repeater = run(&floor, floor.runner(), frame, *ifindex, packets, (name, Verdict::Other(0)))?;
            let of_both = run(repeater, repeater.runner(), frame, *ifindex, packets, (name, Verdict::Redirect))?;
            samples.push(of_both.saturating_sub(of_repeater));
        }
    }
    for (samples, (name, ..)) in samples.iter_mut().zip(&paths) {
        print_figure(name, samples);
    }
    Ok(())
}

fn run(
    repeater: &Repeater,
    runner: PacketRunner<'_>,
    frame: &[u8],
    ifindex: u32,
    repeat: u32,
    (name, expected): (&str, Verdict),
) -> Result<u32, Failure> {
    repeater.set(frame, 0)?;
    let output = runner.run(frame, RunInput { ifindex, repeat, ..RunInput::default() })?;
    expect(output.verdict, expected, name)?;
    Ok(output.ns_per_run)
}

fn udp(
    src_mac: [u8; 6],
    dst_mac: [u8; 6],
    (src, sport): (Ipv4Addr, u16),
    (dst, dport): (Ipv4Addr, u16),
) -> Result<Vec<u8>, Failure> {
    let frame = PacketBuilder::ethernet2(src_mac, dst_mac).ipv4(src.octets(), dst.octets(), 64).udp(sport, dport);
    let mut bytes = Vec::new();
    frame.write(&mut bytes, &[0; 22])?;
    Ok(bytes)
}
