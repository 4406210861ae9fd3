//! The server's end: it answers, and can be stopped between any two bytes and continued on another socket.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Mutex;

use socket2::{Domain, Protocol, Socket, Type};

use super::client::{self, Progress};
use super::script::{Listener, Side, message};
use super::wire::{read_now, write_now};
use crate::clock::Moment;
use crate::sys;
use crate::worker::Stop;

/// What the server's program remembers of the conversation, as opposed to what its kernel does.
#[derive(Debug)]
pub(super) struct Conversation {
    requests: Listener,
    /// Answers that the kernel has not taken yet.
    pending: Vec<u8>,
}

impl Default for Conversation {
    fn default() -> Self {
        Conversation { requests: Listener::new(Side::Request), pending: Vec::new() }
    }
}

/// What is left when the server's thread has ended.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) socket: Socket,
    pub(super) conversation: Conversation,
    /// Why it ended, if it was not asked to.
    pub(super) failure: Option<String>,
}

/// Listens in the calling thread's namespace.
pub(super) fn listen(address: SocketAddrV4) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_freebind_v4(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)?;
    Ok(socket)
}

/// The first connection; `None` if there is none until then.
pub(super) fn accept(listener: &Socket, until: Moment) -> io::Result<Option<Socket>> {
    if !sys::wait_readable(listener, until)? {
        return Ok(None);
    }
    let (socket, _) = listener.accept()?;
    socket.set_tcp_nodelay(true)?;
    Ok(Some(socket))
}

/// Answers until asked to stop, or until the connection ends.
pub(super) fn serve(
    socket: Socket,
    mut conversation: Conversation,
    progress: &Mutex<Progress>,
    stop: &Stop,
) -> Serving {
    let mut failure = None;
    let result = socket.set_nonblocking(true);
    if let Err(error) = result.and_then(|()| answer_all(&socket, &mut conversation, stop)) {
        let reason = format!("the server's end of the connection ended: {error}");
        client::lock(progress).fail(reason.clone());
        failure = Some(reason);
    }
    Serving { socket, conversation, failure }
}

fn answer_all(socket: &Socket, conversation: &mut Conversation, stop: &Stop) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while !stop.requested() {
        if conversation.pending.is_empty() {
            sys::wait_readable(socket, stop.next_look())?;
        } else {
            sys::wait_writable(socket, stop.next_look())?;
            write_now(socket, &mut conversation.pending)?;
            continue;
        }
        let Some(len) = read_now(socket, &mut buffer)? else { continue };
        if len == 0 {
            return Err(io::Error::other("the client closed it"));
        }
        let first = conversation.requests.heard();
        let completed = conversation.requests.hear(&buffer[..len]).map_err(io::Error::other)?;
        for seq in first..first + completed {
            conversation.pending.extend(message(Side::Answer, seq));
        }
        write_now(socket, &mut conversation.pending)?;
    }
    Ok(())
}
