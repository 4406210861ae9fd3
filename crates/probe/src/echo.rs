//! A UDP responder which says who it is and remembers what it got.
//!
//! Two responders at the two ends of a move, together with one [`Stream`](crate::stream::Stream), show who answered when,
//! and whether the old end got packets after the new one had begun to.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use socket2::Socket;

use crate::clock::Moment;
use crate::datagram::{self, Arrival};
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;
use crate::sys;
use crate::worker::{Stop, Worker};

/// How many packets a responder remembers; the oldest are forgotten beyond that. A quarter of an hour at one a millisecond.
pub const MAX_REMEMBERED: usize = 1 << 20;

/// The longest name of a responder, in bytes: it travels in every answer.
pub const MAX_NAME: usize = 64;

const PROBE_MAGIC: u32 = 0x504c_5450; // "PLTP"
const ANSWER_MAGIC: u32 = 0x504c_5441; // "PLTA"
const HEADER: usize = 28;

/// In an answer, after the probe: how long the responder held it.
const HELD: usize = 8;

/// The largest datagram of the protocol.
pub(crate) const MAX_DATAGRAM: usize = HEADER + HELD + 1 + MAX_NAME;

/// What a stream sends, and what comes back at the head of the answer. Big-endian on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) stream: u64,
    pub(crate) seq: u64,
    pub(crate) sent: Moment,
}

impl Probe {
    /// The datagram of this probe.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&PROBE_MAGIC.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.stream.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.seq.to_be_bytes());
        bytes[20..].copy_from_slice(&self.sent.as_nanos().to_be_bytes());
        bytes
    }

    /// The probe in a datagram; `None` for anything else that reached the port.
    fn decode(bytes: &[u8]) -> Option<Probe> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        rest.is_empty().then(|| Probe::parse(header, PROBE_MAGIC)).flatten()
    }

    /// The probe in an answer, how long the responder held it, and the responder's name; `None` for anything else.
    pub(crate) fn decode_answer(bytes: &[u8]) -> Option<(Probe, Duration, &str)> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let (held, rest) = rest.split_first_chunk::<HELD>()?;
        let (&len, name) = rest.split_first()?;
        let name = (name.len() == usize::from(len)).then_some(name)?;
        let held = Duration::from_nanos(u64::from_be_bytes(*held));
        Some((Probe::parse(header, ANSWER_MAGIC)?, held, str::from_utf8(name).ok()?))
    }

    fn parse(header: &[u8; HEADER], magic: u32) -> Option<Probe> {
        let number = |at: usize| u64::from_be_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let probe = Probe { stream: number(4), seq: number(12), sent: Moment::from_nanos(number(20)) };
        (header[..4] == magic.to_be_bytes()).then_some(probe)
    }

    /// The answer to this probe from the responder of this name, which held it for so long.
    fn encode_answer(&self, held: Duration, name: &str) -> Vec<u8> {
        let mut bytes = self.encode().to_vec();
        bytes[..4].copy_from_slice(&ANSWER_MAGIC.to_be_bytes());
        bytes.extend_from_slice(&(held.as_nanos() as u64).to_be_bytes());
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name.as_bytes());
        bytes
    }
}

/// A packet that a responder got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The stream's number of the packet, from 0.
    pub seq: u64,
    /// When the kernel took it from the device.
    pub at: Moment,
}

#[derive(Debug, Default)]
struct Log {
    packets: VecDeque<(u64, Received)>,
    total: u64,
    unanswered: u64,
}

/// A running responder; dropping it ends it.
#[derive(Debug)]
pub struct Echo {
    name: String,
    port: u16,
    log: Arc<Mutex<Log>>,
    _worker: Worker<()>,
}

impl Echo {
    /// Starts a responder called `name` (1 to [`MAX_NAME`] bytes) at UDP `port` of all addresses the namespace has now or
    /// later; port 0 takes a free one, see [`Echo::port`]. It answers from the address it was asked at.
    ///
    /// # Errors
    /// [`ProbeError::Invalid`] for the name; [`ProbeError::Namespace`]; [`ProbeError::System`], for example for a port in use.
    pub fn start(ns: &Namespace, name: &str, port: u16) -> Result<Echo> {
        if name.is_empty() || name.len() > MAX_NAME {
            let rule = "a responder's name has 1 to 64 bytes";
            return Err(ProbeError::Invalid { field: "name", value: format!("'{name}'"), rule });
        }
        let opened = ns.run(|| datagram::udp(port))?;
        let socket = opened.map_err(ProbeError::system(format!("open UDP port {port}")))?;
        let local = socket.local_addr().map_err(ProbeError::system("read a socket's own address"))?;
        let port = local.as_socket().map_or(port, |address| address.port());
        let log = Arc::new(Mutex::new(Log::default()));
        let (theirs, its_name) = (log.clone(), name.to_owned());
        let worker = Worker::start("probe-echo", move |stop| answer_all(&socket, &its_name, &theirs, stop))?;
        Ok(Echo { name: name.into(), port, log, _worker: worker })
    }

    /// The name it answers with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The UDP port it answers at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many probes of all streams arrived since the start.
    pub fn total(&self) -> u64 {
        self.log().total
    }

    /// How many of those could not be answered: the kernel refused, for example because the address had gone meanwhile.
    pub fn unanswered(&self) -> u64 {
        self.log().unanswered
    }

    /// What arrived of this stream, in order of arrival, duplicates included; the newest [`MAX_REMEMBERED`] of all streams.
    pub fn received(&self, stream: u64) -> Vec<Received> {
        self.log().packets.iter().filter(|(of, _)| *of == stream).map(|(_, packet)| *packet).collect()
    }

    /// The lowest sequence number from `since` on that arrived of this stream, with its arrival.
    pub fn first_received(&self, stream: u64, since: u64) -> Option<Received> {
        self.received(stream).into_iter().filter(|packet| packet.seq >= since).min_by_key(|packet| packet.seq)
    }

    /// How many packets of this stream with a sequence number above `seq` arrived here.
    ///
    /// With `seq` the first that the new end of a move got, this is the old end's: how many packets were delivered to it
    /// after later-sent ones should have gone to the new one. Zero is a clean cut.
    pub fn received_after(&self, stream: u64, seq: u64) -> usize {
        self.received(stream).iter().filter(|packet| packet.seq > seq).count()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

/// How many packets of `stream`, sent from number `since` on, the old end of a move got although they were sent after the
/// first that the new end got; `None` while the new end has got none.
pub fn delivered_to_old(old: &Echo, new: &Echo, stream: u64, since: u64) -> Option<usize> {
    let first = new.first_received(stream, since)?;
    Some(old.received_after(stream, first.seq))
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    // Each change of a log is complete in itself, so one left by a panicking thread is sound.
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer_all(socket: &Socket, name: &str, log: &Mutex<Log>, stop: &Stop) {
    sys::be_prompt();
    // One byte more than a probe has, so that a longer datagram is not taken for one.
    let mut buffer = [0; HEADER + 1];
    while !stop.requested() {
        let Ok(Some(arrival)) = datagram::receive_until(socket, &mut buffer, stop.next_look()) else { continue };
        let Some(probe) = Probe::decode(&buffer[..arrival.len]) else { continue };
        let answered = answer(socket, &probe, name, &arrival);
        let mut log = lock(log);
        if log.packets.len() == MAX_REMEMBERED {
            log.packets.pop_front();
        }
        log.packets.push_back((probe.stream, Received { seq: probe.seq, at: arrival.at }));
        log.total += 1;
        log.unanswered += u64::from(!answered);
    }
}

/// Answers from the address that was asked; `false` if the kernel refused.
fn answer(socket: &Socket, probe: &Probe, name: &str, arrival: &Arrival) -> bool {
    let datagram = probe.encode_answer(Moment::now().since(arrival.at), name);
    let send = |control: &[ControlMessage<'_>]| {
        let fd = socket.as_fd().as_raw_fd();
        sendmsg(fd, &[IoSlice::new(&datagram)], control, MsgFlags::MSG_DONTWAIT, Some(&arrival.from)).is_ok()
    };
    match arrival.to {
        Some(IpAddr::V4(asked)) => {
            let s_addr = u32::from(asked).to_be();
            let (ipi_spec_dst, ipi_addr) = (libc::in_addr { s_addr }, libc::in_addr { s_addr: 0 });
            send(&[ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst, ipi_addr })])
        }
        Some(IpAddr::V6(asked)) => {
            let ipi6_addr = libc::in6_addr { s6_addr: asked.octets() };
            send(&[ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 })])
        }
        None => send(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: Probe = Probe { stream: 7, seq: 1 << 40, sent: Moment::from_nanos(123_456_789_012) };

    #[test]
    fn probes_and_answers_survive_the_wire() {
        assert_eq!(Probe::decode(&PROBE.encode()), Some(PROBE));
        let held = Duration::from_micros(1234);
        assert_eq!(Probe::decode_answer(&PROBE.encode_answer(held, "blue")), Some((PROBE, held, "blue")));
    }

    #[test]
    fn other_datagrams_are_neither() {
        let (probe, answer) = (PROBE.encode(), PROBE.encode_answer(Duration::ZERO, "blue"));
        assert_eq!(Probe::decode(&answer), None, "an answer must not be answered: two responders would never stop");
        assert_eq!(Probe::decode_answer(&probe), None);
        for len in 0..HEADER {
            assert_eq!(Probe::decode(&probe[..len]), None);
        }
        for len in 0..answer.len() {
            assert_eq!(Probe::decode_answer(&answer[..len]), None);
        }
        assert_eq!(Probe::decode_answer(&[&answer[..], b"x"].concat()), None, "trailing bytes");
    }
}
