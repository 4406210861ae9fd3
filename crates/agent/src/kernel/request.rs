//! One change of kernel state as a value, so that many can be sent at once and each can say what it was in an error.

use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader};
use netlink_packet_route::RouteNetlinkMessage;
use nix::errno::Errno;

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// A request that is ready to be sent through any [`Netlink`](super::Netlink) socket.
///
/// It is built by the functions of [`link`](super::link), [`addr`](super::addr), [`route`](super::route) and
/// [`neigh`](super::neigh), and refers to devices by index, which means something only in the namespace it was read
/// from.
#[derive(Debug, Clone)]
pub struct Request {
    message: RouteNetlinkMessage,
    flags: u16,
    what: String,
    settled: &'static [Errno],
}

impl Request {
    /// `what` completes "cannot …" in errors.
    pub(crate) fn new(message: RouteNetlinkMessage, flags: u16, what: String) -> Self {
        Request { message, flags: flags | NLM_F_REQUEST | NLM_F_ACK, what, settled: &[] }
    }

    /// Refusals which mean that the kernel is already in the state the request asks for.
    pub(crate) fn settled_by(mut self, errnos: &'static [Errno]) -> Self {
        self.settled = errnos;
        self
    }

    /// What the request does, as a verb phrase.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Whether a refusal with this number means "already so".
    pub(crate) fn is_settled_by(&self, errno: Errno) -> bool {
        self.settled.contains(&errno)
    }

    /// Whether the request changes the kernel's state, rather than asking for it.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.message, RouteNetlinkMessage::GetLink(_))
    }

    /// Appends the request's bytes to `buffer`.
    pub(crate) fn emit(&self, sequence: u32, buffer: &mut Vec<u8>) {
        emit(&self.message, self.flags, sequence, buffer);
    }
}

/// Appends one netlink message to `buffer`, padded to the four-byte step at which the next one begins.
pub(crate) fn emit(message: &RouteNetlinkMessage, flags: u16, sequence: u32, buffer: &mut Vec<u8>) {
    let length = HEADER + message.buffer_len();
    let mut header = NetlinkHeader::default();
    header.length = u32::try_from(length).expect("a request is far shorter than 4 GiB");
    header.message_type = message.message_type();
    header.flags = flags;
    header.sequence_number = sequence;
    let start = buffer.len();
    buffer.resize(start + length.next_multiple_of(4), 0);
    header.emit(&mut buffer[start..start + HEADER]);
    message.emit(&mut buffer[start + HEADER..start + length]);
}
