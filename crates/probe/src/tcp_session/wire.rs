//! Reading and writing what can be now, on sockets that do not block.

use std::io::{self, Read, Write};

use socket2::Socket;

/// Reads what is there now; `None` if there is nothing, `Some(0)` at the end of the stream.
pub(super) fn read_now(mut socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    unless_later(socket.read(buffer))
}

/// Writes as much from the front of a buffer as the kernel takes now, and removes that.
pub(super) fn write_now(mut socket: &Socket, pending: &mut Vec<u8>) -> io::Result<()> {
    if let Some(written) = unless_later(socket.write(pending))? {
        pending.drain(..written);
    }
    Ok(())
}

fn unless_later(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(len) => Ok(Some(len)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
