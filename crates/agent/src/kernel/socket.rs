//! A NETLINK_ROUTE socket inside one network namespace (RFC 3549): requests, pipelines of requests, dumps.
//!
//! A socket belongs for ever to the namespace it was opened in, whichever thread uses it afterwards. So the only thread
//! that must enter a namespace is the one that opens the socket, and the socket is then kept and used again.

use std::io;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::request::emit;
use super::wire::{Frame, frames};
use super::{KernelError, NetNs, Request, Result};

/// Room for answers: an acknowledgement and an echoed device take less than 8 KiB of it together, so that those of a
/// full [`CHUNK`] never overflow it.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Requests in one `send`. Their answers must fit [`RECEIVE_BUFFER`], and more gains nothing.
const CHUNK: usize = 64;

/// The bytes of one `send` stay below the kernel's default send buffer (208 KiB) with room to spare.
const CHUNK_BYTES: usize = 64 << 10;

/// The kernel never makes a dump's datagram longer than this.
const DATAGRAM: usize = 32 << 10;

/// Answers are produced inside `send`, so a wait this long means that one was lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often a dump is read again when changes cut through it.
const DUMP_TRIES: u32 = 20;

/// A NETLINK_ROUTE socket of one network namespace.
///
/// Not shared: a request and its answer are one exchange, so callers on several threads each own one or take turns.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    writes: u64,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

/// What one `recv` brought.
enum Received {
    /// Messages of this many bytes.
    Datagram(usize),
    /// Something was lost; everything that waited has been thrown away, the end of a dump included.
    Overflow,
}

impl Netlink {
    /// Opens a socket inside `namespace`. Costs the start of a thread; keep the socket.
    pub fn open(namespace: &NetNs) -> Result<Self> {
        namespace.run(Self::open_here)?
    }

    /// Opens a socket inside the calling thread's namespace.
    pub fn open_here() -> Result<Self> {
        Self::with_buffer(RECEIVE_BUFFER)
    }

    fn with_buffer(bytes: usize) -> Result<Self> {
        let socket = open_socket(bytes)?;
        let timeout = TimeVal::new(ANSWER_WITHIN.as_secs() as libc::time_t, 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &timeout)
            .map_err(|e| KernelError::system("set a netlink socket's time limit", e))?;
        Ok(Netlink { socket, sequence: 0, writes: 0, outgoing: Vec::new(), incoming: vec![0; DATAGRAM] })
    }

    /// How many requests that change state this socket has sent, whether or not the kernel granted them.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Carries out one request. `false` means that the kernel was in that state already.
    pub fn change(&mut self, request: &Request) -> Result<bool> {
        self.exchange(std::slice::from_ref(request), |_, _| {}).pop().expect("one outcome per request")
    }

    /// Carries out requests in order, many per system call, and gives one outcome for each.
    ///
    /// The kernel goes on after a refusal, so later requests must not depend on earlier ones in a way that could do
    /// harm: name devices by an index that was read back, never by a name that an earlier request should have created.
    pub fn pipeline(&mut self, requests: &[Request]) -> Vec<Result<bool>> {
        self.exchange(requests, |_, _| {})
    }

    /// As [`pipeline`](Self::pipeline), for when every one must succeed: gives the number that changed something, or
    /// the first error.
    pub fn change_all(&mut self, requests: &[Request]) -> Result<usize> {
        self.pipeline(requests).into_iter().try_fold(0, |changed, outcome| Ok(changed + usize::from(outcome?)))
    }

    /// Sends requests and hands every message that answers one, other than its acknowledgement, to `answer` together
    /// with the request's position.
    pub(crate) fn exchange(
        &mut self,
        requests: &[Request],
        mut answer: impl FnMut(usize, Frame<'_>),
    ) -> Vec<Result<bool>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        while outcomes.len() < requests.len() {
            let start = outcomes.len();
            let first = self.sequence.wrapping_add(1);
            let count = self.fill(&requests[start..]);
            let chunk = &requests[start..start + count];
            if let Err(source) = self.send() {
                let raw = source.raw_os_error().unwrap_or(libc::EIO);
                outcomes.extend(
                    chunk.iter().map(|r| Err(KernelError::system(r.what(), io::Error::from_raw_os_error(raw)))),
                );
                continue;
            }
            self.writes += chunk.iter().filter(|r| r.writes()).count() as u64;
            outcomes.extend(self.collect(chunk, first, |position, frame| answer(start + position, frame)));
        }
        outcomes
    }

    /// Puts as many requests into the outgoing buffer as one `send` should carry, at least one.
    fn fill(&mut self, requests: &[Request]) -> usize {
        self.outgoing.clear();
        let mut count = 0;
        for request in requests.iter().take(CHUNK) {
            if self.outgoing.len() > CHUNK_BYTES {
                break;
            }
            self.sequence = self.sequence.wrapping_add(1);
            request.emit(self.sequence, &mut self.outgoing);
            count += 1;
        }
        count
    }

    /// Receives until each request of the chunk has its acknowledgement.
    fn collect(
        &mut self,
        chunk: &[Request],
        first: u32,
        mut answer: impl FnMut(usize, Frame<'_>),
    ) -> Vec<Result<bool>> {
        let mut outcomes: Vec<Option<Result<bool>>> = chunk.iter().map(|_| None).collect();
        let mut missing = chunk.len();
        while missing > 0 {
            let Ok(Received::Datagram(length)) = self.receive() else {
                break;
            };
            for frame in frames(&self.incoming[..length]) {
                // Answers to an exchange that was given up have older numbers.
                let position = frame.sequence.wrapping_sub(first) as usize;
                let Some(request) = chunk.get(position) else {
                    continue;
                };
                match frame.verdict() {
                    None => answer(position, frame),
                    Some(verdict) => {
                        let outcome = match verdict.errno {
                            None => Ok(true),
                            Some(errno) if request.is_settled_by(errno) => Ok(false),
                            Some(errno) => Err(KernelError::refused(request.what(), errno, verdict.detail)),
                        };
                        missing -= usize::from(outcomes[position].replace(outcome).is_none());
                    }
                }
            }
        }
        let lost = |request: &Request| Err(KernelError::AnswerLost { what: request.what().to_owned() });
        outcomes.into_iter().zip(chunk).map(|(outcome, request)| outcome.unwrap_or_else(|| lost(request))).collect()
    }

    /// Reads a whole list, again from the start if it changed meanwhile (`NLM_F_DUMP_INTR`).
    ///
    /// `decode` is given each entry's message type and payload and leaves out what it gives `None` for.
    pub(crate) fn dump<T>(
        &mut self,
        what: &str,
        query: &RouteNetlinkMessage,
        mut decode: impl FnMut(u16, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>> {
        for _ in 0..DUMP_TRIES {
            let mut entries = Vec::new();
            if self.dump_once(what, query, |kind, payload| entries.extend(decode(kind, payload)))? {
                return Ok(entries);
            }
        }
        Err(KernelError::Unsteady { what: what.to_owned(), tries: DUMP_TRIES })
    }

    /// `false` if the list must be read again. Always reads to the end: the kernel refuses a dump while one is running.
    fn dump_once(
        &mut self,
        what: &str,
        query: &RouteNetlinkMessage,
        mut entry: impl FnMut(u16, &[u8]),
    ) -> Result<bool> {
        self.outgoing.clear();
        self.sequence = self.sequence.wrapping_add(1);
        emit(query, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, &mut self.outgoing);
        self.send().map_err(|e| KernelError::system(what, e))?;
        let mut whole = true;
        loop {
            let Received::Datagram(length) = self.receive().map_err(|e| KernelError::system(what, e))? else {
                return Ok(false);
            };
            for frame in frames(&self.incoming[..length]).filter(|f| f.sequence == self.sequence) {
                whole &= !frame.interrupted();
                match (frame.kind, frame.verdict()) {
                    (NLMSG_DONE | NLMSG_ERROR, Some(verdict)) => {
                        return match verdict.errno {
                            None => Ok(whole),
                            Some(errno) => Err(KernelError::refused(what, errno, verdict.detail)),
                        };
                    }
                    (kind, _) => entry(kind, frame.payload),
                }
            }
        }
    }

    fn send(&self) -> io::Result<()> {
        loop {
            match self.socket.send(&self.outgoing, 0) {
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Waits for one datagram from the kernel; anything another process may have sent us is passed over.
    fn receive(&mut self) -> io::Result<Received> {
        loop {
            match self.socket.recv_from(&mut &mut self.incoming[..], libc::MSG_TRUNC) {
                Ok((_, sender)) if sender.port_number() != 0 => {}
                Ok((length, _)) if length > self.incoming.len() => {
                    self.incoming.resize(length.next_multiple_of(DATAGRAM), 0);
                    return drain(&self.socket).map(|()| Received::Overflow);
                }
                Ok((length, _)) => return Ok(Received::Datagram(length)),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    return drain(&self.socket).map(|()| Received::Overflow);
                }
                Err(e) => return Err(e),
            }
        }
    }
}

/// Throws away everything that waits to be received, after some of it was lost.
///
/// From the first loss until the socket has been read empty the kernel drops everything further without a word. So only
/// after this may anybody rely on hearing of what happens next.
pub(crate) fn drain(socket: &Socket) -> io::Result<()> {
    let mut nothing = [0; 1];
    loop {
        match socket.recv(&mut &mut nothing[..], libc::MSG_DONTWAIT | libc::MSG_TRUNC) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted || e.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(e) => return Err(e),
        }
    }
}

/// Opens and binds a NETLINK_ROUTE socket in the calling thread's namespace, with this much room for what is received.
pub(crate) fn open_socket(receive_buffer: usize) -> Result<Socket> {
    let failed = |e: io::Error| KernelError::system("open a netlink socket", e);
    let mut socket = Socket::new(NETLINK_ROUTE).map_err(failed)?;
    // Beyond net.core.rmem_max only with CAP_NET_ADMIN; without it the system's limit has to do.
    if setsockopt(&socket, sockopt::RcvBufForce, &receive_buffer).is_err() {
        socket.set_rx_buf_sz(receive_buffer as libc::c_int).map_err(failed)?;
    }
    socket.set_ext_ack(true).map_err(failed)?;
    socket.set_cap_ack(true).map_err(failed)?;
    // The kernel then filters dumps by device, table and protocol, and refuses filters that it would ignore.
    socket.set_netlink_get_strict_chk(true).map_err(failed)?;
    socket.bind_auto().map_err(failed)?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(failed)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use nix::sched::{CloneFlags, unshare};

    use super::*;
    use crate::kernel::link;

    #[test]
    fn lost_answers_are_owned_up_to_and_the_socket_is_in_step_afterwards() {
        // On a thread that ends here, so that nobody else is left in the new namespace.
        let test = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            let mut netlink = Netlink::with_buffer(2304).unwrap();
            let requests: Vec<Request> = (0..2 * CHUNK).map(|_| link::set_mtu(1, 1400)).collect();
            let outcomes = netlink.pipeline(&requests);
            assert_eq!(outcomes.len(), requests.len());
            let lost = outcomes.iter().filter(|o| matches!(o, Err(KernelError::AnswerLost { .. }))).count();
            assert!(lost > 0 && outcomes.iter().all(|o| o.is_ok() || matches!(o, Err(KernelError::AnswerLost { .. }))));
            assert!(netlink.change(&link::set_mtu(1, 1500)).unwrap());
            assert_eq!(link::list(&mut netlink).unwrap()[0].mtu, 1500);
        });
        test.join().unwrap();
    }
}
