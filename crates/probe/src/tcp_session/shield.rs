//! Keeping the kernel from answering for an address and port where the session is not.

use std::io;
use std::net::SocketAddrV4;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::repair;
use crate::sys;

/// `BPF_RET | BPF_K`: return the constant of the instruction, the number of bytes to keep.
const RETURN_CONSTANT: u16 = 0x06;

/// Has the socket drop every packet before TCP sees it, and keeps anyone from taking that away.
pub(super) fn drop_everything(socket: &Socket) -> io::Result<()> {
    socket.attach_filter(&[SockFilter::new(RETURN_CONSTANT, 0, 0, 0)])?;
    sys::set_option(socket, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, 1)
}

/// A listener that drops everything. Segments to its address find it where there is no connection of their own, and as a socket
/// was found, no reset is sent.
#[derive(Debug)]
pub(super) struct Shield {
    _listener: Socket,
}

impl Shield {
    /// Raises one in the calling thread's namespace. The address need not be there.
    pub(super) fn raise(address: SocketAddrV4) -> io::Result<Shield> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        drop_everything(&listener)?;
        listener.set_freebind_v4(true)?;
        // A socket under repair may share its port with the connection that is, or will be, at the same address.
        repair::enter(&listener)?;
        listener.bind(&address.into())?;
        listener.listen(1)?;
        Ok(Shield { _listener: listener })
    }
}
