//! ICMP echo (RFC 792): is it there, since when, and how large a packet gets through.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use socket2::{SockAddr, Socket};

use crate::clock::Moment;
use crate::datagram;
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;
use crate::random::Random;

mod local;
mod packet;

use packet::{Icmp, Request};

/// The largest payload of an echo request: an IPv4 packet has 65535 bytes, 28 of them headers.
pub const MAX_PAYLOAD: usize = 65507;

/// The payload of requests whose size does not matter, in bytes; what `ping` sends.
const PAYLOAD: usize = 56;

/// An answer to an echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// From giving the request to the kernel until the kernel took the answer from the device.
    pub rtt: Duration,
    /// The TTL that the answer arrived with.
    pub ttl: u8,
}

/// The first answer of [`Pinger::until`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstAnswer {
    /// From the call until the answer arrived.
    pub after: Duration,
    /// From the call until the request that was answered was sent: the path worked from then on at the latest.
    pub request_after: Duration,
    /// How many requests had been tried by then, that one included.
    pub tried: u32,
    /// The answer itself.
    pub answer: Answer,
}

/// What became of one request that must not be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer came, with the whole payload.
    Answered(Answer),
    /// Too large: a router's ICMP error (type 3, code 4), or this host's own refusal for the device's MTU.
    FragNeeded {
        /// The largest IPv4 packet that fits, in bytes, as told by `from`.
        mtu: u32,
        /// Who told.
        from: Ipv4Addr,
    },
    /// The TTL ran out (type 11): a loop, or a longer path than the TTL allows.
    TtlExceeded {
        /// The router where it did.
        from: Ipv4Addr,
    },
    /// Unreachable (type 3, any other code).
    Unreachable {
        /// Who told. This host itself, where nobody answers ARP for the next hop.
        from: Ipv4Addr,
        /// The code of RFC 792 and RFC 1122: 0 net, 1 host, 3 port, 13 administratively prohibited, ...
        code: u8,
    },
    /// Nothing came in time.
    Timeout,
}

/// Sends one echo request and waits for its answer.
///
/// # Errors
/// As [`Pinger::open`] and [`Pinger::once`].
pub fn ping(ns: &Namespace, dst: Ipv4Addr, timeout: Duration) -> Result<Answer> {
    Pinger::open(ns, dst)?.once(timeout)
}

/// Sends an echo request every `interval` until one is answered; `None` if none was within `timeout`.
///
/// # Errors
/// As [`Pinger::open`] and [`Pinger::until`].
pub fn ping_until(ns: &Namespace, dst: Ipv4Addr, timeout: Duration, interval: Duration) -> Result<Option<FirstAnswer>> {
    Pinger::open(ns, dst)?.until(timeout, interval)
}

/// Sends one echo request with `payload` bytes that must not be fragmented, and waits one second for what becomes of it.
///
/// # Errors
/// As [`Pinger::open`] and [`Pinger::sized_df`].
pub fn ping_sized_df(ns: &Namespace, dst: Ipv4Addr, payload: usize) -> Result<Outcome> {
    Pinger::open(ns, dst)?.sized_df(payload, Duration::from_secs(1))
}

/// A raw ICMP socket in a namespace, for several pings, or for one whose start must not cost time.
#[derive(Debug)]
pub struct Pinger {
    ns: Namespace,
    socket: Socket,
    dst: Ipv4Addr,
    id: u16,
    next_seq: u16,
    salt: u64,
    /// Room for the largest IPv4 packet.
    buffer: Vec<u8>,
}

impl Pinger {
    /// Opens the socket. The destination need not exist yet.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`]; [`ProbeError::System`] without `CAP_NET_RAW`.
    pub fn open(ns: &Namespace, dst: Ipv4Addr) -> Result<Pinger> {
        let socket = ns.run(local::open_raw)?.map_err(ProbeError::system("open a raw ICMP socket"))?;
        // Several pingers may be at work in one namespace, each seeing all the others' answers. The salt makes the payload
        // this one's own even where two processes choose the same id.
        static NEXT_ID: AtomicU16 = AtomicU16::new(0);
        let count = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let salt = Random::new(Moment::now().as_nanos() ^ (u64::from(std::process::id()) << 32)).next();
        Ok(Pinger {
            ns: ns.clone(),
            socket,
            dst,
            id: (salt as u16).wrapping_add(count),
            next_seq: 0,
            salt,
            buffer: vec![0; 65535],
        })
    }

    /// Sets the TTL of the requests sent from now on, 1 to 255.
    ///
    /// # Errors
    /// [`ProbeError::System`] for 0.
    pub fn set_ttl(&mut self, ttl: u8) -> Result<()> {
        self.socket.set_ttl_v4(ttl.into()).map_err(ProbeError::system(format!("set the TTL of pings to {ttl}")))
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// [`ProbeError::NoAnswer`] after `timeout`; [`ProbeError::System`] if the kernel refuses to send, for example because
    /// there is no route.
    pub fn once(&mut self, timeout: Duration) -> Result<Answer> {
        let request = self.request(PAYLOAD);
        let sent = Moment::now();
        self.send(&request).map_err(ProbeError::system(format!("send a ping to {}", self.dst)))?;
        let until = sent + timeout;
        while let Some((message, at)) = self.receive(until)? {
            if let Icmp::Answer { ttl, request: answered } = message
                && answered == request
            {
                return Ok(Answer { rtt: at.since(sent), ttl });
            }
        }
        Err(ProbeError::NoAnswer { what: format!("ping {}", self.dst), waited: timeout })
    }

    /// Sends a request every `interval` (50 µs or more) until one is answered; `None` if none was within `timeout`.
    ///
    /// Whatever the kernel says against sending is taken as "not yet". Where the destination is on-link and was not there at
    /// first, this host's own ARP repeats its question only once a second, and the time contains that; a guest's would too.
    ///
    /// # Errors
    /// [`ProbeError::Invalid`] for the interval; [`ProbeError::System`] if the socket cannot be read.
    pub fn until(&mut self, timeout: Duration, interval: Duration) -> Result<Option<FirstAnswer>> {
        if interval < Duration::from_micros(50) {
            let rule = "pings are at least 50 µs apart";
            return Err(ProbeError::Invalid { field: "interval", value: format!("{interval:?}"), rule });
        }
        let began = Moment::now();
        let deadline = began + timeout;
        let mut open: VecDeque<(Request, Moment)> = VecDeque::new();
        let mut tried = 0;
        loop {
            let now = Moment::now();
            if now >= deadline {
                return Ok(None);
            }
            // Sequence numbers come round again after 65536 requests; none may mean two of those still open.
            if open.len() == 60_000 {
                open.pop_front();
            }
            let request = self.request(PAYLOAD);
            tried += 1;
            if self.send(&request).is_ok() {
                open.push_back((request, now));
            }
            let until = deadline.min(now + interval);
            while let Some((message, at)) = self.receive(until)? {
                let Icmp::Answer { ttl, request } = message else { continue };
                if let Some((_, sent)) = open.iter().rev().find(|(sent, _)| *sent == request) {
                    let answer = Answer { rtt: at.since(*sent), ttl };
                    let (after, request_after) = (at.since(began), sent.since(began));
                    return Ok(Some(FirstAnswer { after, request_after, tried, answer }));
                }
            }
        }
    }

    /// Sends one request with `payload` bytes that must not be fragmented, and tells what became of it.
    ///
    /// What this host learnt of the path's MTU earlier is passed over: each call asks the network anew.
    ///
    /// # Errors
    /// [`ProbeError::Invalid`] above [`MAX_PAYLOAD`]; [`ProbeError::System`] if the kernel refuses to send for another reason
    /// than size, for example because there is no route.
    pub fn sized_df(&mut self, payload: usize, timeout: Duration) -> Result<Outcome> {
        if payload > MAX_PAYLOAD {
            let rule = "an echo request has at most 65507 bytes of payload";
            return Err(ProbeError::Invalid { field: "payload", value: payload.to_string(), rule });
        }
        let request = self.request(payload);
        let sent = Moment::now();
        match self.send(&request) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => return self.refused_for_size(&request),
            Err(error) => return Err(ProbeError::system(format!("send a ping to {}", self.dst))(error)),
        }
        let until = sent + timeout;
        while let Some((message, at)) = self.receive(until)? {
            let (about, outcome) = match message {
                Icmp::Answer { request, ttl } => (request, Outcome::Answered(Answer { rtt: at.since(sent), ttl })),
                Icmp::FragNeeded { mtu, from, about } => (about, Outcome::FragNeeded { mtu: mtu.into(), from }),
                Icmp::Unreachable { code, from, about } => (about, Outcome::Unreachable { code, from }),
                Icmp::TtlExceeded { from, about } => (about, Outcome::TtlExceeded { from }),
            };
            if about == request {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Timeout)
    }

    /// The outcome where this host itself refuses: the MTU of the device that leads to the destination, and our address.
    fn refused_for_size(&self, request: &Request) -> Result<Outcome> {
        let look = || local::refusal(SocketAddrV4::new(self.dst, 0), &request.encode(self.salt));
        let (mtu, from) =
            self.ns.run(look)?.map_err(ProbeError::system(format!("read the MTU towards {}", self.dst)))?;
        Ok(Outcome::FragNeeded { mtu, from })
    }

    fn request(&mut self, payload: usize) -> Request {
        self.next_seq = self.next_seq.wrapping_add(1);
        Request { id: self.id, seq: self.next_seq, payload }
    }

    fn send(&self, request: &Request) -> std::io::Result<()> {
        let to = SockAddr::from(SocketAddrV4::new(self.dst, 0));
        self.socket.send_to(&request.encode(self.salt), &to).map(drop)
    }

    /// The next message about any request of this pinger, with its arrival; `None` at `until`.
    fn receive(&mut self, until: Moment) -> Result<Option<(Icmp, Moment)>> {
        loop {
            let arrival = datagram::receive_until(&self.socket, &mut self.buffer, until);
            let Some(arrival) = arrival.map_err(ProbeError::system("receive ICMP"))? else { return Ok(None) };
            let message = packet::decode(&self.buffer[..arrival.len], self.dst, self.salt);
            if let Some(message) = message.filter(|message| message.request().id == self.id) {
                return Ok(Some((message, arrival.at)));
            }
        }
    }
}
