//! One request over one fresh connection, with one time limit for all of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use super::{MAX_PART, field, head_len};
use crate::clock::Moment;
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;

/// Asks the server at `addr`, from inside the namespace, and gives the body of its answer.
///
/// # Errors
/// [`ProbeError::NoAnswer`] if connecting, asking and reading took longer than `timeout` together; [`ProbeError::System`] if the
/// connection was refused or broke; [`ProbeError::Http`] for an answer other than 200, or one over 16 KiB.
pub fn get(ns: &Namespace, addr: SocketAddrV4, timeout: Duration) -> Result<String> {
    ns.run(|| get_here(addr, timeout))?
}

/// As [`get`], from the calling thread's namespace.
pub(super) fn get_here(addr: SocketAddrV4, timeout: Duration) -> Result<String> {
    let deadline = Moment::now() + timeout;
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            ProbeError::NoAnswer { what: format!("GET http://{addr}/"), waited: timeout }
        }
        _ => ProbeError::system(format!("ask http://{addr}/"))(error),
    };
    let left = || match deadline.remaining() {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    };
    let mut stream = left().and_then(|left| TcpStream::connect_timeout(&addr.into(), left)).map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    // The server closes first, so that the state which TCP keeps afterwards is at its end, and a loop that asks for hours
    // does not run out of ports.
    let request = format!("GET / HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.set_write_timeout(Some(left().map_err(failed)?)).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        stream.set_read_timeout(Some(left().map_err(failed)?)).map_err(failed)?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => answer.extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
        if answer.len() > 2 * MAX_PART {
            return Err(ProbeError::Http { from: addr, reason: "the answer is over 32 KiB long".into() });
        }
    }
    body(&answer).map_err(|reason| ProbeError::Http { from: addr, reason })
}

/// The body of a complete answer, or what is wrong with the answer.
fn body(answer: &[u8]) -> std::result::Result<String, String> {
    let len = head_len(answer).ok_or_else(|| format!("{} bytes came, without the end of a head", answer.len()))?;
    let head = str::from_utf8(&answer[..len]).map_err(|_| "the head is not text")?;
    let status = head.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the status is '{status}', not 200"));
    }
    let body = &answer[len..];
    let promised = field(head, "content-length").and_then(|value| value.parse::<usize>().ok());
    if promised != Some(body.len()) {
        let promised = promised.map_or("no length".into(), |len| format!("{len} bytes"));
        return Err(format!("the body has {} bytes, and {promised} were promised", body.len()));
    }
    String::from_utf8(body.to_vec()).map_err(|_| "the body is not UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_cut_short_is_not_an_answer() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(body(answer), Ok("hello".into()));
        for len in 0..answer.len() {
            assert!(body(&answer[..len]).is_err(), "{len} bytes were enough");
        }
    }

    #[test]
    fn another_status_is_told() {
        let reason = body(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").unwrap_err();
        assert_eq!(reason, "the status is 'HTTP/1.1 503 Busy', not 200");
    }
}
