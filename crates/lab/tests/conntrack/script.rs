//! The segments: a recording of two real stacks, changes of it, and forgeries.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use pintle_lab::{ip, remove_namespace};
use pintle_probe::inject::build;
use pintle_probe::{Namespace, offload};

use super::Explanation;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
/// Farther than any window: 50 MB.
const FAR: u32 = 50_000_000;
const PORT: u16 = 9000;

/// A segment of a script.
pub(super) struct Segment {
    /// What it is; differences are explained by this name.
    pub(super) name: &'static str,
    /// Which end sends it: 0 is the client.
    pub(super) end: usize,
    /// The IPv4 packet.
    pub(super) packet: Vec<u8>,
}

/// Segments in the order in which they are sent.
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) segments: Vec<Segment>,
}

/// Why the two differ where they do.
pub(super) const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        segment: "SYN far away",
        pintle_drops: true,
        because: "a SYN in a connection may be real (a peer that has lost its state): conntrack lets the receiver answer it, we answer it ourselves by a challenge ACK (RFC 5961, 4)",
    },
    Explanation {
        segment: "SYN inside the window",
        pintle_drops: true,
        because: "as for any SYN in a connection; older stacks reset the connection for one inside the window",
    },
    Explanation {
        segment: "SYN-ACK far away",
        pintle_drops: true,
        because: "conntrack ignores a SYN-ACK in an established connection; it acknowledges what was never sent, so we drop it",
    },
    Explanation {
        segment: "data long gone",
        pintle_drops: true,
        because: "conntrack passes what lies below the window as a retransmission that is too late; no stack retransmits from so far behind",
    },
    Explanation {
        segment: "data with a very old ACK",
        pintle_drops: true,
        because: "conntrack passes it as an ACK that is too late; an ACK older than the largest window is a guess (RFC 5961, 5.2)",
    },
    Explanation {
        segment: "reset inside the window",
        pintle_drops: true,
        because: "conntrack leaves it to the receiver to check the number; a stack resets from what it has sent, so we pass that only (RFC 5961, 3)",
    },
    Explanation {
        segment: "reset just beyond the next byte",
        pintle_drops: true,
        because: "as any reset inside the window that is not where the sender is",
    },
    Explanation {
        segment: "stray ACK",
        pintle_drops: true,
        because: "conntrack takes up connections in their middle (nf_conntrack_tcp_loose); we do so only for ten seconds after a move",
    },
    Explanation {
        segment: "stray data",
        pintle_drops: true,
        because: "as any segment in the middle of a connection that nobody has opened",
    },
];

/// A conversation by hand: the numbers of both ends as they go on.
struct Talk {
    ends: [Ipv4Addr; 2],
    ports: [u16; 2],
    next: [u32; 2],
    segments: Vec<Segment>,
}

impl Talk {
    fn new(ends: [Ipv4Addr; 2], port: u16) -> Talk {
        Talk { ends, ports: [port, PORT], next: [1_000_000, 9_000_000], segments: Vec::new() }
    }

    /// A segment with numbers relative to the next right ones; nothing goes on by it.
    fn forge(&mut self, name: &'static str, end: usize, flags: u8, (seq, ack): (u32, u32), payload: &[u8]) {
        let (from, to) = ((self.ends[end], self.ports[end]), (self.ends[1 - end], self.ports[1 - end]));
        let seq = self.next[end].wrapping_add(seq);
        let ack = if flags & ACK == 0 { 0 } else { self.next[1 - end].wrapping_add(ack) };
        self.segments.push(Segment { name, end, packet: build::tcp(from, to, seq, ack, flags, payload) });
    }

    fn say(&mut self, name: &'static str, end: usize, flags: u8, payload: &[u8]) {
        self.forge(name, end, flags, (0, 0), payload);
        let control = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        self.next[end] = self.next[end].wrapping_add(payload.len() as u32 + control);
    }

    fn shake_hands(&mut self) {
        self.say("SYN", 0, SYN, b"");
        self.say("SYN-ACK", 1, SYN | ACK, b"");
        self.say("ACK of the SYN-ACK", 0, ACK, b"");
    }

    fn exchange(&mut self) {
        self.say("data", 0, ACK, b"question");
        self.say("data", 1, ACK, b"answer");
        self.say("ACK", 0, ACK, b"");
    }

    fn done(self, name: &'static str) -> Script {
        Script { name, segments: self.segments }
    }
}

/// What is sent blindly into a live connection: its name, flags, numbers and payload.
type Attack = (&'static str, u8, (u32, u32), &'static [u8]);

const ATTACKS: &[Attack] = &[
    ("reset just beyond the next byte", RST, (1, 0), b""),
    ("reset inside the window", RST, (1000, 0), b""),
    ("reset far away, with an ACK", RST | ACK, (FAR, 0), b""),
    ("reset far away", RST, (FAR, 0), b""),
    ("SYN inside the window", SYN, (10, 0), b""),
    ("SYN far away", SYN, (FAR, 0), b""),
    ("SYN-ACK far away", SYN | ACK, (FAR, FAR), b""),
    ("data beyond the window", ACK, (FAR, 0), b"evil"),
    ("data long gone", ACK, (FAR.wrapping_neg(), 0), b"evil"),
    ("data with an ACK of what was never sent", ACK, (0, FAR), b"evil"),
    ("ACK of the next unsent byte", ACK, (0, 1), b""),
    ("data with a very old ACK", ACK, (0, FAR.wrapping_neg()), b"evil"),
    ("FIN far away", FIN | ACK, (FAR, 0), b""),
    ("SYN and FIN", SYN | FIN, (0, 0), b""),
    ("no flags", 0, (0, 0), b"evil"),
    ("FIN without ACK", FIN, (0, 0), b""),
    ("SYN and RST", SYN | RST, (0, 0), b""),
    ("all flags", 0x3f, (0, 0), b""),
    ("an ACK again", ACK, (0, 0), b""),
    ("a window probe", ACK, (u32::MAX, 0), b""),
];

/// Each attack on a connection of its own, in the name of each end; then the connection goes on.
fn attacks(ends: [Ipv4Addr; 2], port: &mut u16) -> Vec<Script> {
    let mut scripts = Vec::new();
    for (name, flags, numbers, payload) in ATTACKS {
        for end in [0, 1] {
            *port += 1;
            let mut talk = Talk::new(ends, *port);
            talk.shake_hands();
            talk.exchange();
            talk.forge(name, end, *flags, *numbers, payload);
            talk.exchange();
            scripts.push(talk.done("an attack on a live connection"));
        }
    }
    scripts
}

/// Segments of connections that nobody has opened.
fn strays(ends: [Ipv4Addr; 2], port: &mut u16) -> Vec<Script> {
    let kinds: [(&str, u8, &[u8]); 6] = [
        ("stray data", ACK, b"evil"),
        ("stray ACK", ACK, b""),
        ("stray SYN-ACK", SYN | ACK, b""),
        ("stray reset", RST, b""),
        ("stray reset with an ACK", RST | ACK, b""),
        ("stray FIN", FIN | ACK, b""),
    ];
    kinds
        .into_iter()
        .map(|(name, flags, payload)| {
            *port += 1;
            let mut talk = Talk::new(ends, *port);
            talk.forge(name, 0, flags, (0, 0), payload);
            talk.done("no connection")
        })
        .collect()
}

/// Ends of connections, and what comes after.
fn endings(ends: [Ipv4Addr; 2], port: &mut u16) -> Vec<Script> {
    let mut next = || {
        *port += 1;
        let mut talk = Talk::new(ends, *port);
        talk.shake_hands();
        talk.exchange();
        talk
    };
    let mut closed = next();
    closed.say("FIN", 0, FIN | ACK, b"");
    closed.say("ACK of a FIN", 1, ACK, b"");
    closed.say("data after the other's FIN", 1, ACK, b"more");
    closed.say("ACK of a FIN", 0, ACK, b"");
    closed.say("FIN", 1, FIN | ACK, b"");
    closed.say("ACK of a FIN", 0, ACK, b"");
    closed.forge("FIN again, in TIME-WAIT", 1, FIN | ACK, (u32::MAX, 0), b"");
    closed.forge("data after both FINs", 0, ACK, (0, 0), b"late");
    closed.next[0] = closed.next[0].wrapping_add(1_000_000);
    closed.say("SYN for the same ports, in TIME-WAIT", 0, SYN, b"");
    let mut reset = next();
    reset.say("reset at the next byte", 0, RST | ACK, b"");
    reset.forge("data after a reset", 1, ACK, (0, 0), b"late");
    reset.forge("reset after a reset", 1, RST, (0, 0), b"");
    let mut both = next();
    both.forge("FIN of both at once", 0, FIN | ACK, (0, 0), b"");
    both.forge("FIN of both at once", 1, FIN | ACK, (0, 0), b"");
    both.next = both.next.map(|next| next.wrapping_add(1));
    both.say("ACK of a FIN", 0, ACK, b"");
    both.say("ACK of a FIN", 1, ACK, b"");
    vec![closed.done("closed by both"), reset.done("reset"), both.done("closed by both at once")]
}

/// Handshakes that are not the usual one.
fn openings(ends: [Ipv4Addr; 2], port: &mut u16) -> Vec<Script> {
    let mut next = || {
        *port += 1;
        Talk::new(ends, *port)
    };
    let mut together = next();
    together.forge("SYN", 0, SYN, (0, 0), b"");
    together.forge("SYN of the other, at once", 1, SYN, (0, 0), b"");
    together.next = together.next.map(|next| next.wrapping_add(1));
    together.forge("SYN-ACK of both at once", 0, SYN | ACK, (u32::MAX, 0), b"");
    together.forge("SYN-ACK of both at once", 1, SYN | ACK, (u32::MAX, 0), b"");
    together.exchange();
    let mut repeated = next();
    repeated.forge("SYN", 0, SYN, (0, 0), b"");
    repeated.say("SYN again", 0, SYN, b"");
    repeated.forge("SYN-ACK", 1, SYN | ACK, (0, 0), b"");
    repeated.say("SYN-ACK again", 1, SYN | ACK, b"");
    repeated.say("ACK of the SYN-ACK", 0, ACK, b"");
    repeated.exchange();
    let mut guessed = next();
    guessed.say("SYN", 0, SYN, b"");
    guessed.forge("SYN-ACK with a guessed ACK", 1, SYN | ACK, (0, FAR), b"");
    guessed.forge("reset of a handshake with a guessed ACK", 1, RST | ACK, (0, FAR), b"");
    guessed.say("SYN-ACK", 1, SYN | ACK, b"");
    guessed.say("ACK of the SYN-ACK", 0, ACK, b"");
    guessed.exchange();
    let mut early = next();
    early.say("SYN with data", 0, SYN, b"early");
    early.say("SYN-ACK", 1, SYN | ACK, b"");
    early.say("ACK of the SYN-ACK", 0, ACK, b"");
    early.exchange();
    let mut refused = next();
    refused.say("SYN", 0, SYN, b"");
    refused.say("refusal", 1, RST | ACK, b"");
    refused.say("SYN again after a refusal", 0, SYN, b"");
    vec![
        together.done("opened by both at once"),
        repeated.done("a handshake that repeats itself"),
        guessed.done("forgeries in a handshake"),
        early.done("data in a SYN"),
        refused.done("refused"),
    ]
}

/// Every script, each with ports of its own.
pub(super) fn all(ends: [Ipv4Addr; 2]) -> Vec<Script> {
    let mut port = 20_000;
    let mut scripts = attacks(ends, &mut port);
    scripts.extend(strays(ends, &mut port));
    scripts.extend(endings(ends, &mut port));
    scripts.extend(openings(ends, &mut port));
    scripts.push(as_recorded("recorded", ends, 41_000, |segments| segments));
    scripts.push(as_recorded("recorded, neighbours exchanged", ends, 41_001, |mut segments| {
        // Of one end only: that an ACK overtakes what it is about can't happen on any way.
        for at in (4..segments.len().saturating_sub(4)).step_by(2) {
            if segments[at].end == segments[at + 1].end {
                segments.swap(at, at + 1);
            }
        }
        segments
    }));
    scripts.push(as_recorded("recorded, each sent twice", ends, 41_002, |segments| {
        let twice = |segment: Segment| {
            let again = Segment { name: "recorded segment, again", packet: segment.packet.clone(), ..segment };
            [segment, again]
        };
        segments.into_iter().flat_map(twice).collect()
    }));
    scripts.push(as_recorded("recorded, the first of each burst comes last", ends, 41_003, |mut segments| {
        let mut at = 4;
        while at + 4 < segments.len() {
            let end = segments[at].end;
            let burst = segments[at..].iter().take_while(|segment| segment.end == end).count();
            segments[at..at + burst].rotate_left(1);
            at += burst;
        }
        segments
    }));
    scripts
}

fn as_recorded(
    name: &'static str,
    ends: [Ipv4Addr; 2],
    port: u16,
    change: impl FnOnce(Vec<Segment>) -> Vec<Segment>,
) -> Script {
    Script { name, segments: change(record(ends, port)) }
}

/// What two Linux stacks say to each other over one connection: data both ways, options and all.
fn record(ends: [Ipv4Addr; 2], port: u16) -> Vec<Segment> {
    let names = ["a", "b"].map(|part| format!("plt{}-rec{port}-{part}", std::process::id()));
    let made = lay(&names, ends);
    let recorded = made.and_then(|()| listen_in(&names, ends, port));
    names.iter().for_each(|name| remove_namespace(name));
    recorded.unwrap()
}

fn lay(names: &[String; 2], ends: [Ipv4Addr; 2]) -> anyhow::Result<()> {
    let [a, b] = names;
    ip(&format!("netns add {a}"))?;
    ip(&format!("netns add {b}"))?;
    ip(&format!("-n {a} link add eth0 mtu 1450 type veth peer name eth0 mtu 1450 netns {b}"))?;
    for (name, address) in names.iter().zip(ends) {
        ip(&format!("-n {name} addr add {address}/24 dev eth0"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        offload::all_off(&Namespace::named(name), "eth0")?;
    }
    Ok(())
}

fn listen_in(names: &[String; 2], ends: [Ipv4Addr; 2], port: u16) -> anyhow::Result<Vec<Segment>> {
    let [client, server] = names.each_ref().map(|name| Namespace::named(name));
    let tap = client.run(|| {
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(300))?;
        setsockopt(&fd, sockopt::RcvBufForce, &(4 << 20))?;
        nix::Result::Ok(fd)
    })??;
    let listener = server.run(|| TcpListener::bind((ends[1], PORT)))??;
    let connect = || -> std::io::Result<TcpStream> {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        let own = nix::sys::socket::SockaddrIn::from(std::net::SocketAddrV4::new(ends[0], port));
        nix::sys::socket::bind(socket.as_raw_fd(), &own)?;
        let SocketAddr::V4(to) = SocketAddr::from((ends[1], PORT)) else { unreachable!("an IPv4 address") };
        nix::sys::socket::connect(socket.as_raw_fd(), &nix::sys::socket::SockaddrIn::from(to))?;
        Ok(TcpStream::from(socket))
    };
    let mut out = client.run(connect)??;
    let mut inward = listener.accept()?.0;
    for stream in [&out, &inward] {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    }
    // Turns, so that neither side's segments are a matter of chance more than they must be.
    for round in 0..4 {
        let data = vec![round; 6000];
        out.write_all(&data)?;
        inward.read_exact(&mut vec![0; 6000])?;
        inward.write_all(&data)?;
        out.read_exact(&mut vec![0; 6000])?;
    }
    out.shutdown(Shutdown::Write)?;
    inward.read_to_end(&mut Vec::new())?;
    inward.write_all(b"the last word")?;
    drop(inward);
    out.read_to_end(&mut Vec::new())?;
    let mut segments = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok(length) = recv(tap.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
        let frame = &buffer[..length];
        let tcp = frame.get(12..14) == Some(&[8, 0]) && frame.get(23) == Some(&6);
        let Some(end) = ends.iter().position(|end| tcp && frame.get(26..30) == Some(&end.octets())) else { continue };
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        segments.push(Segment { name: "recorded segment", end, packet: frame[14..14 + total].to_vec() });
    }
    anyhow::ensure!(segments.len() > 20, "only {} segments were recorded", segments.len());
    Ok(segments)
}
