//! The server: a thread per connection, so that a slow client delays nobody.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::{MAX_PART, field, head_len};
use crate::clock::Moment;
use crate::error::{ProbeError, Result};
use crate::namespace::Namespace;
use crate::sys;
use crate::worker::{Stop, Worker};

/// How many connections are served at a time; the next wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// For how long a connection may be silent.
const IDLE: Duration = Duration::from_secs(15);

/// How often a silent connection's thread looks whether the server ends.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running server; dropping it ends it and closes its connections.
#[derive(Debug)]
pub struct Server {
    port: u16,
    requests: Arc<AtomicU64>,
    _worker: Worker<()>,
}

impl Server {
    /// Starts a server at TCP `port` of all addresses the namespace has now or later; port 0 takes a free one, see
    /// [`Server::port`]. Every GET is answered with "hello from `name`" and a line feed.
    ///
    /// # Errors
    /// [`ProbeError::Namespace`]; [`ProbeError::System`], for example for a port in use.
    pub fn start(ns: &Namespace, name: &str, port: u16) -> Result<Server> {
        let listener = ns.run(|| listen(port))?.map_err(ProbeError::system(format!("listen at TCP port {port}")))?;
        let local = listener.local_addr().map_err(ProbeError::system("read a socket's own address"))?;
        let requests = Arc::new(AtomicU64::new(0));
        let (counter, body) = (requests.clone(), format!("hello from {name}\n"));
        let worker = Worker::start("probe-http", move |stop| accept_all(&listener, &body, &counter, stop))?;
        Ok(Server { port: local.port(), requests, _worker: worker })
    }

    /// The TCP port it listens at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many GETs were answered since the start.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
    socket.listen(256)?;
    Ok(socket.into())
}

fn accept_all(listener: &TcpListener, body: &str, requests: &AtomicU64, stop: &Stop) {
    let open = AtomicUsize::new(0);
    let open = &open;
    thread::scope(|scope| {
        while !stop.requested() {
            if open.load(Ordering::Relaxed) >= MAX_CONNECTIONS {
                stop.sleep_until(stop.next_look());
                continue;
            }
            match sys::wait_readable(listener, stop.next_look()).and_then(|_| listener.accept()) {
                Ok((stream, _)) => {
                    open.fetch_add(1, Ordering::Relaxed);
                    let connection = move || {
                        // A connection that breaks is the client's to notice.
                        let _ = serve(stream, body, requests, stop);
                        open.fetch_sub(1, Ordering::Relaxed);
                    };
                    if thread::Builder::new().spawn_scoped(scope, connection).is_err() {
                        // No thread to be had: the connection is closed, and the server goes on.
                        open.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Out of descriptors, for example: it may pass, and must not become a busy loop.
                Err(_) => stop.sleep_until(stop.next_look()),
            }
        }
    });
}

/// Answers the requests of one connection until it is closed, silent for too long, or the server ends.
fn serve(mut stream: TcpStream, body: &str, requests: &AtomicU64, stop: &Stop) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK_EVERY))?;
    stream.set_write_timeout(Some(IDLE.min(Duration::from_secs(1))))?;
    let mut unread = Vec::new();
    let mut heard = Moment::now();
    while !stop.requested() && Moment::now().since(heard) < IDLE {
        while let Some(len) = head_len(&unread) {
            let head: Vec<u8> = unread.drain(..len).collect();
            let (answer, close) = respond(&head, body, requests);
            stream.write_all(answer.as_bytes())?;
            if close {
                return Ok(());
            }
        }
        if unread.len() > MAX_PART {
            return Ok(());
        }
        let mut buffer = [0; 2048];
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => {
                unread.extend_from_slice(&buffer[..len]);
                heard = Moment::now();
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The answer to a request, and whether the connection ends with it.
fn respond(head: &[u8], body: &str, requests: &AtomicU64) -> (String, bool) {
    let head = str::from_utf8(head).unwrap_or_default();
    let words: Vec<_> = head.lines().next().unwrap_or_default().split(' ').collect();
    let (status, body, close) = match words[..] {
        ["GET", _, version @ ("HTTP/1.1" | "HTTP/1.0")] => {
            requests.fetch_add(1, Ordering::Relaxed);
            let asked = field(head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            ("200 OK", body, asked || version == "HTTP/1.0")
        }
        // A body of theirs may follow, which is not read: the connection cannot be used again.
        [_, _, "HTTP/1.1" | "HTTP/1.0"] => ("405 Method Not Allowed\r\nAllow: GET", "only GET is served here\n", true),
        _ => ("400 Bad Request", "not an HTTP/1.1 request\n", true),
    };
    let connection = if close { "close" } else { "keep-alive" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: {connection}\r\n");
    (format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()), close)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str) -> (String, bool) {
        let (answer, close) = respond(head.as_bytes(), "hello from blue\n", &AtomicU64::new(0));
        (answer.lines().next().unwrap().into(), close)
    }

    #[test]
    fn only_a_get_is_answered_with_the_name() {
        let (answer, close) = respond(b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", "hello from blue\n", &AtomicU64::new(0));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello from blue\n"), "{answer}");
        assert!(answer.contains("Content-Length: 16\r\n") && !close);
        assert_eq!(status("POST / HTTP/1.1\r\n\r\n"), ("HTTP/1.1 405 Method Not Allowed".into(), true));
        assert_eq!(status("rubbish\r\n\r\n"), ("HTTP/1.1 400 Bad Request".into(), true));
        assert_eq!(status("\r\n\r\n"), ("HTTP/1.1 400 Bad Request".into(), true));
    }

    #[test]
    fn a_connection_ends_when_the_client_wants_it() {
        assert!(status("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").1);
        assert!(status("GET / HTTP/1.0\r\n\r\n").1);
    }
}
