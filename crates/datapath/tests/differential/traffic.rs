//! Random frames: talks that make sense, talks that nearly do, and noise.

use std::net::{IpAddr, Ipv4Addr};

use pintle_core::id::AttachmentId;
use pintle_core::net::{GATEWAY_MAC, Mac};
use pintle_core::pipeline::Hop;
use pintle_core::pipeline::craft::{Craft, icmp, udp};
use pintle_core::pipeline::packet::{Fragment, ICMP, ICMPV6, TCP, UDP};

use super::random::Random;
use super::scene::{Guest, PORTS, Scene, VTEPS, tagged};
use super::tcp_talk::TcpTalk;

/// Less than a page and what the kernel keeps beside a frame in it; extension headers can make one larger.
const LARGEST_FRAME: usize = 3_600;

/// Something that happens to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A guest sends.
    Sent { port: AttachmentId, frame: Vec<u8> },
    /// Another host sends.
    Arrived { segment: u32, vtep: Ipv4Addr, frame: Vec<u8> },
    /// Time goes by, in ticks.
    Wait(u64),
    /// The host is told of the change with this seed.
    Change(u64),
}

/// Two ends that talk.
#[derive(Debug, Clone)]
struct Talk {
    ends: [usize; 2],
    addresses: [IpAddr; 2],
    ports: [u16; 2],
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Tcp(TcpTalk),
    Udp,
    Echo,
    Other(u8),
}

/// Makes events for a scene.
pub struct Traffic {
    talks: Vec<Talk>,
    /// What was sent lately, for ICMP errors to quote: who, and the frame.
    recent: Vec<(usize, Vec<u8>)>,
    /// Fragments that are still to be sent.
    pending: Vec<(usize, Craft)>,
}

impl Traffic {
    pub fn new() -> Traffic {
        Traffic { talks: Vec::new(), recent: Vec::new(), pending: Vec::new() }
    }

    /// The next event.
    pub fn next(&mut self, random: &mut Random, scene: &Scene) -> Event {
        match random.below(1000) {
            0..=19 => return Event::Wait(random.pick(&[500, 5_000, 12_000, 33_000, 50_000, 90_000, 150_000, 700_000])),
            20..=39 => return Event::Change(random.bits()),
            40..=79 => return self.noise(random, scene),
            _ => {}
        }
        if !self.pending.is_empty() && random.chance(50) {
            let (from, craft) = self.pending.remove(0);
            return self.send(random, scene, from, craft);
        }
        if random.chance(5)
            && let Some((from, craft)) = self.error(random, scene)
        {
            return self.send(random, scene, from, craft);
        }
        if self.talks.is_empty() || random.chance(6) {
            self.start(random, scene);
        }
        let Some(number) = (!self.talks.is_empty()).then(|| random.below(self.talks.len())) else {
            return self.noise(random, scene);
        };
        let (from, craft) = self.speak(random, scene, number);
        self.send(random, scene, from, craft)
    }

    fn start(&mut self, random: &mut Random, scene: &Scene) {
        let from = random.below(scene.guests.len());
        let segment = scene.guests[from].segment;
        let others: Vec<usize> = (0..scene.guests.len()).filter(|n| scene.guests[*n].segment == segment).collect();
        let to = random.pick(&others);
        if !scene.guests[from].here && !scene.guests[to].here || from == to && !random.chance(10) {
            return;
        }
        let ipv6 = random.chance(35);
        let source = some_address(random, &scene.guests[from], ipv6);
        let destination = some_address(random, &scene.guests[to], ipv6);
        let (Some(source), Some(destination)) = (source, destination) else { return };
        // Route tables lead such packets to a router.
        let destination = if random.chance(6) { random.pick(&foreign_addresses(ipv6)) } else { destination };
        let kind = match random.below(10) {
            0..=4 => Kind::Tcp(TcpTalk::new(random)),
            5..=7 => Kind::Udp,
            8 => Kind::Echo,
            _ => Kind::Other(random.pick(&[47, 50, 59, 132, 1, 58, 255])),
        };
        let ports = [random.pick(&PORTS), random.pick(&PORTS)];
        if self.talks.len() > 12 {
            self.talks.remove(0);
        }
        self.talks.push(Talk { ends: [from, to], addresses: [source, destination], ports, kind });
    }

    /// The next packet of a talk, and who sends it.
    fn speak(&mut self, random: &mut Random, scene: &Scene, number: usize) -> (usize, Craft) {
        let talk = &mut self.talks[number];
        let mut end = usize::from(random.chance(45));
        let ipv6 = talk.addresses[0].is_ipv6();
        let size = random.pick(&[0, 0, 1, 1, 10, 10, 100, 100, 600, 600, 1372, 1400, 2000]);
        let (protocol, payload) = match &mut talk.kind {
            Kind::Tcp(tcp) => {
                let (sender, bytes) = tcp.next(random, talk.ports);
                end = sender;
                (TCP, bytes)
            }
            Kind::Udp => (UDP, udp(talk.ports[end], talk.ports[1 - end], size)),
            Kind::Echo => {
                let (protocol, query, answer) = if ipv6 { (ICMPV6, 128, 129) } else { (ICMP, 8, 0) };
                let kind = if end == 0 { query } else { answer };
                let kind = if random.chance(8) { random.pick(&[0, 8, 9, 13, 14, 42, 128, 129, 130]) } else { kind };
                let code = if random.chance(5) { 1 } else { 0 };
                (protocol, icmp(kind, code, u32::from(talk.ports[0]) << 16, &vec![7; size.min(100)]))
            }
            Kind::Other(protocol) => (*protocol, vec![random.bits() as u8; size]),
        };
        let (from, to) = (talk.ends[end], talk.ends[1 - end]);
        let addresses = (talk.addresses[end], talk.addresses[1 - end]);
        let mut craft = frame_between(random, &scene.guests[from], &scene.guests[to], addresses, protocol, payload);
        craft.dont_fragment = random.chance(40);
        if random.chance(3) {
            craft.ttl = random.pick(&[0, 1, 2, 255]);
        }
        if ipv6 && random.chance(10) {
            craft.extensions = random_extensions(random);
        }
        if random.chance(6) {
            return (from, self.split(random, from, craft));
        }
        (from, craft)
    }

    /// The first fragment of a packet; others follow. All have their own ideas of ids and offsets now and then.
    fn split(&mut self, random: &mut Random, from: usize, craft: Craft) -> Craft {
        let id = random.pick(&[1, 2, 3]);
        let cut = random.pick(&[8, 24, 24, 32, 64, 64, 512, 512]).min(craft.payload.len() / 8 * 8);
        let part = |offset: usize, more, payload: &[u8]| Craft {
            fragment: Some(Fragment { id, offset, more }),
            payload: payload.to_vec(),
            ..craft.clone()
        };
        for _ in 0..random.between(1, 2) {
            let offset = if random.chance(70) { cut } else { random.pick(&[8, 16, 24, 1400]) };
            let rest = &craft.payload[offset.min(craft.payload.len())..];
            self.pending.push((from, part(offset, random.chance(30), rest)));
        }
        let first = part(0, !random.chance(10), &craft.payload[..cut]);
        if random.chance(10) { self.pending.remove(0).1 } else { first }
    }

    /// An ICMP error about something that was sent lately.
    fn error(&mut self, random: &mut Random, scene: &Scene) -> Option<(usize, Craft)> {
        if self.recent.is_empty() {
            return None;
        }
        let (about, frame) = random.pick(&self.recent);
        let ipv6 = frame[12] == 0x86;
        let segment = scene.guests[about].segment;
        let others: Vec<usize> = (0..scene.guests.len()).filter(|n| scene.guests[*n].segment == segment).collect();
        let from = random.pick(&others);
        let to = if random.chance(90) { about } else { random.pick(&others) };
        let source = some_address(random, &scene.guests[from], ipv6)?;
        let destination =
            quoted_source(&frame).filter(|_| to == about).or(some_address(random, &scene.guests[to], ipv6))?;
        let room = random.pick(&[20, 28, 28, 28, 48, 48, 68, 128]);
        let mut quote = frame[14..frame.len().min(14 + room)].to_vec();
        if random.chance(10) && !quote.is_empty() {
            let place = random.below(quote.len());
            quote[place] ^= 1 << random.below(8);
        }
        let kind = if ipv6 { random.pick(&[1, 2, 3, 4]) } else { random.pick(&[3, 3, 4, 5, 11, 12]) };
        let message = icmp(kind, random.pick(&[0, 1, 3, 4]), 0, &quote);
        let protocol = if ipv6 { ICMPV6 } else { ICMP };
        let guests = (&scene.guests[from], &scene.guests[to]);
        Some((from, frame_between(random, guests.0, guests.1, (source, destination), protocol, message)))
    }

    /// Turns a frame into an event, bent now and then.
    fn send(&mut self, random: &mut Random, scene: &Scene, from: usize, mut craft: Craft) -> Event {
        let guest = &scene.guests[from];
        if random.chance(2) {
            craft.source = random.pick(&odd_addresses(craft.source.is_ipv6()));
        }
        if random.chance(2) {
            craft.destination = random.pick(&odd_addresses(craft.source.is_ipv6()));
        }
        if random.chance(3) {
            craft.destination_mac = random.pick(&scene.guests).mac;
        }
        if random.chance(1) {
            craft.source_mac = random.pick(&scene.guests).mac;
        }
        let mut frame = craft.bytes();
        vary_checksum(random, &mut frame);
        if self.recent.len() > 8 {
            self.recent.remove(0);
        }
        self.recent.push((from, frame.clone()));
        match random.below(100) {
            6 | 7 => {
                let number = random.pick(&[0, 100, 101, 102, 103, 104, 105, 4095]);
                let tag = if random.chance(20) { number | 0xb000 } else { number };
                frame = tagged(&frame, random.pick(&[0x8100, 0x8100, 0x8100, 0x88a8]), tag);
            }
            0..=3 => {
                let place = random.below(frame.len().min(90));
                frame[place] ^= 1 << random.below(8);
            }
            4 => frame.truncate(random.between(15, frame.len())),
            5 => frame.extend([0; 7]),
            _ => {}
        }
        deliver(random, scene, guest, frame)
    }

    /// ARP, neighbour discovery, and bytes that mean nothing.
    fn noise(&mut self, random: &mut Random, scene: &Scene) -> Event {
        let guest = random.pick(&scene.guests);
        let other = random.pick(&scene.guests);
        let frame = match random.below(8) {
            0..=2 => random_arp(random, &guest, &other),
            3..=5 => random_discovery(random, &guest, &other),
            6 => {
                let (source, destination) = ([10, 0, guest.subnet, 1].into(), [255; 4].into());
                let ports = random.pick(&[(68, 67), (67, 68)]);
                let macs = (guest.mac, Mac([0xff; 6]));
                Craft::new((macs.0, source), (macs.1, destination), UDP, udp(ports.0, ports.1, 10)).bytes()
            }
            _ => {
                let mut frame: Vec<u8> = (0..random.between(15, 100)).map(|_| random.bits() as u8).collect();
                frame[6..12].copy_from_slice(&guest.mac.0);
                let kind: u16 = random.pick(&[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x88cc]);
                frame[12..14].copy_from_slice(&kind.to_be_bytes());
                frame
            }
        };
        deliver(random, scene, &guest, frame)
    }
}

/// Gives a whole IPv4 packet some id, and so its header any checksum there can be (RFC 1624): TTLs are counted down in it.
fn vary_checksum(random: &mut Random, frame: &mut [u8]) {
    if frame[12..14] != [0x08, 0x00] || frame[18..20] != [0, 0] || frame[20] & 0x3f != 0 || frame[21] != 0 {
        return;
    }
    let id = random.bits() as u16;
    let sum = u32::from(!u16::from_be_bytes([frame[24], frame[25]])) + u32::from(id);
    let sum = ((sum & 0xffff) + (sum >> 16)) as u16;
    frame[18..20].copy_from_slice(&id.to_be_bytes());
    frame[24..26].copy_from_slice(&(!sum).to_be_bytes());
}

/// The event of a guest's frame: from its port, or from its host.
fn deliver(random: &mut Random, scene: &Scene, guest: &Guest, mut frame: Vec<u8>) -> Event {
    // The kernel runs programs neither on frames that have no room in a page, nor on those without a whole IP header.
    frame.truncate(LARGEST_FRAME);
    let least = match frame[12..14] {
        [0x08, 0x00] => 34,
        [0x86, 0xdd] => 54,
        _ => 15,
    };
    frame.resize(frame.len().max(least), 0);
    if guest.here {
        return Event::Sent { port: guest.port(), frame };
    }
    let known = scene.vtep_of(guest);
    let vtep = if random.chance(3) { random.pick(&VTEPS) } else { known };
    let segment = if random.chance(1) { 300 } else { guest.segment };
    Event::Arrived { segment, vtep, frame }
}

/// An address of a guest, one of a prefix of its now and then.
fn some_address(random: &mut Random, guest: &Guest, ipv6: bool) -> Option<IpAddr> {
    let prefix = guest.prefixes.iter().find(|net| net.addr().is_ipv6() == ipv6).filter(|_| random.chance(40));
    match prefix.map(ipnet::IpNet::network) {
        Some(IpAddr::V4(first)) => Some(Ipv4Addr::from(u32::from(first) + random.below(17) as u32).into()),
        Some(IpAddr::V6(first)) => Some(std::net::Ipv6Addr::from(u128::from(first) + random.below(9) as u128).into()),
        None => guest.address(random, ipv6),
    }
}

/// A frame as the sender's stack, or its host, would make it.
fn frame_between(
    random: &mut Random,
    from: &Guest,
    to: &Guest,
    (source, destination): (IpAddr, IpAddr),
    protocol: u8,
    payload: Vec<u8>,
) -> Craft {
    // Also what is for nobody in the VPC, but rarely by a guest's mistake to somebody's MAC.
    let routed = from.subnet != to.subnet || random.chance(if is_foreign(destination) { 90 } else { 15 });
    let mac = match (routed, from.here) {
        (false, _) => to.mac,
        (true, true) => GATEWAY_MAC,
        (true, false) => Hop::Routed.mac(),
    };
    let mac =
        if random.chance(2) { random.pick(&[Hop::ForwardedRouted.mac(), GATEWAY_MAC, Hop::Routed.mac()]) } else { mac };
    Craft::new((from.mac, source), (mac, destination), protocol, payload)
}

/// Addresses that are none of the VPC's.
fn foreign_addresses(ipv6: bool) -> Vec<IpAddr> {
    let texts: &[&str] = if ipv6 { &["2001:db9::1", "2001:dba::7"] } else { &["172.17.0.9", "172.20.0.7", "8.8.8.8"] };
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

fn is_foreign(address: IpAddr) -> bool {
    foreign_addresses(address.is_ipv6()).contains(&address)
}

fn quoted_source(frame: &[u8]) -> Option<IpAddr> {
    if frame[12] == 0x86 {
        return Some(IpAddr::from(<[u8; 16]>::try_from(frame.get(22..38)?).ok()?));
    }
    Some(IpAddr::from(<[u8; 4]>::try_from(frame.get(26..30)?).ok()?))
}

fn odd_addresses(ipv6: bool) -> Vec<IpAddr> {
    let texts: &[&str] = if ipv6 {
        &[
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
            "fe80::77",
            "2001:db8:1::99",
            "2001:db8:1:0:aaaa::5",
            "::ffff:10.0.1.10",
            "2001:db9::1",
        ]
    } else {
        &[
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.5",
            "255.255.255.255",
            "10.0.1.1",
            "10.0.2.1",
            "10.0.1.99",
            "10.0.1.130",
            "172.16.5.3",
            "172.16.9.9",
            "172.20.0.7",
            "8.8.8.8",
            "10.0.1.0",
        ]
    };
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

fn random_extensions(random: &mut Random) -> Vec<(u8, Vec<u8>)> {
    let count = random.pick(&[1, 1, 1, 2, 2, 3, 6, 7]);
    let header = |random: &mut Random| {
        let length = random.pick(&[0, 0, 0, 0, 0, 1, 4, 40]);
        let claimed = if random.chance(5) { 200 } else { length };
        let mut body = vec![0; 7 + 8 * length];
        (body[0], body[1]) = (claimed as u8, random.pick(&[0, 1, 1, 2, 4]));
        (random.pick(&[0, 60, 60, 43]), body)
    };
    (0..count).map(|_| header(random)).collect()
}

fn random_arp(random: &mut Random, guest: &Guest, other: &Guest) -> Vec<u8> {
    let odd = [10, 0, random.between(0, 2) as u8, random.between(0, 20) as u8];
    let v4 = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    let sender = if random.chance(80) { v4(guest.addresses[0]) } else { random.pick(&[[0; 4], odd]) };
    let target = random.pick(&[v4(other.addresses[0]), [10, 0, guest.subnet, 1], odd, v4(guest.addresses[0])]);
    let mac = if random.chance(90) { guest.mac } else { other.mac };
    let mut frame = [[0xff; 6], guest.mac.0].concat();
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, random.pick(&[1, 1, 1, 2, 3])]);
    frame.extend(mac.0);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target);
    frame.extend(vec![0; random.pick(&[0, 0, 18])]);
    if random.chance(5) {
        let place = random.between(14, 21);
        frame[place] ^= 1;
    }
    frame
}

fn random_discovery(random: &mut Random, guest: &Guest, other: &Guest) -> Vec<u8> {
    let own = guest.addresses.iter().copied().find(IpAddr::is_ipv6);
    let others = other.addresses.iter().copied().find(IpAddr::is_ipv6);
    let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
    let (gateway, probe) = (parse("fe80::1"), parse("::"));
    let source = random.pick(&[
        own.unwrap_or(probe),
        own.unwrap_or(probe),
        probe,
        parse("fe80::77"),
        gateway,
        parse("2001:db8:1::99"),
    ]);
    let target = random.pick(&[
        gateway,
        others.unwrap_or(gateway),
        own.unwrap_or(gateway),
        parse("2001:db8:1::99"),
        parse("2001:db8:1:0:aaaa::5"),
        parse("ff02::1"),
    ]);
    let IpAddr::V6(target) = target else { unreachable!("IPv6 all of them") };
    let kind = random.pick(&[133, 134, 135, 135, 135, 136, 136, 137]);
    let mut rest = if kind == 133 { Vec::new() } else { target.octets().to_vec() };
    for _ in 0..random.pick(&[0, 1, 1, 1, 2]) {
        let mac = if random.chance(85) { guest.mac } else { other.mac };
        rest.extend([random.pick(&[1, 2]), random.pick(&[1, 1, 1, 1, 0, 2])]);
        rest.extend(mac.0);
    }
    let flags = random.pick(&[0, 0x6000_0000]);
    let code = if random.chance(5) { 1 } else { 0 };
    let message = icmp(kind, code, flags, &rest);
    let mut craft =
        Craft::new((guest.mac, source), (Mac([0x33, 0x33, 0xff, 0, 0, 1]), parse("ff02::1:ff00:1")), ICMPV6, message);
    craft.ttl = if random.chance(93) { 255 } else { 64 };
    if random.chance(4) {
        craft.extensions = vec![(60, vec![0, 1, 4, 0, 0, 0, 0])];
    }
    craft.bytes()
}
