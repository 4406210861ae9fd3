//! Connections of the API end when their other side does nothing for long: one that sends half a request, takes no answer
//! or is kept open for nothing would hold a file and memory for as long as it likes, without showing a token. And there are
//! only so many.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How long the API waits for the next byte in either direction: longer than any request may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(75);

/// How often it is said that connections are refused.
const SAY: Duration = Duration::from_secs(1);

/// A listener whose connections wait only so long, and are only so many.
pub(crate) struct Patient {
    listener: TcpListener,
    patience: Duration,
    most: usize,
    places: Arc<Semaphore>,
    refused: Refused,
}

/// Connections that were refused since that was said last.
#[derive(Debug, Default)]
struct Refused {
    count: u64,
    said: Option<Instant>,
}

impl Patient {
    /// Connections that this listener accepts wait for `patience`, and are at most `most` at once: others are closed.
    pub(crate) fn new(listener: TcpListener, patience: Duration, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Patient { listener, patience, most, places, refused: Refused::default() }
    }

    fn refuse(&mut self, peer: SocketAddr) {
        let Refused { count, said } = &mut self.refused;
        *count += 1;
        if said.is_none_or(|said| said.elapsed() >= SAY) {
            let (most, refused) = (self.most, *count);
            tracing::warn!(most, refused, last = %peer, "the API has as many connections as it takes; others are closed");
            (*count, *said) = (0, Some(Instant::now()));
        }
    }
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                let (read, write) = (Wait::new(self.patience), Wait::new(self.patience));
                return (Connection { stream, read, write, _place: place }, peer);
            }
            self.refuse(peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The other side of a connection, for handlers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, Patient>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Patient>) -> Self {
        Peer(*stream.remote_addr())
    }
}

/// A connection that ends with an error when it has waited for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Wait,
    write: Wait,
    _place: OwnedSemaphorePermit,
}

/// The waiting in one direction.
struct Wait {
    patience: Duration,
    waiting: bool,
    until: Pin<Box<Sleep>>,
}

impl Wait {
    fn new(patience: Duration) -> Self {
        Wait { patience, waiting: false, until: Box::pin(sleep(patience)) }
    }

    /// What has been done is done; what has not may be waited for a while longer, or no more.
    fn bound<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.waiting = false;
            return done;
        }
        if !self.waiting {
            self.waiting = true;
            self.until.as_mut().reset(Instant::now() + self.patience);
        }
        ready!(self.until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read.bound(cx, done)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.write.bound(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.write.bound(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    #[tokio::test]
    async fn half_a_request_is_not_waited_for_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving =
            tokio::spawn(
                async move { axum::serve(Patient::new(listener, Duration::from_millis(300), 10), router).await },
            );
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        timeout(Duration::from_secs(5), client.read_to_end(&mut answer)).await.expect("answered").unwrap();
        assert!(answer.ends_with(b"here"));

        for begun in [&b""[..], b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "] {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(begun).await.unwrap();
            let ended = timeout(Duration::from_secs(5), client.read_to_end(&mut Vec::new())).await;
            assert!(ended.is_ok(), "the connection is still open after {begun:?}");
        }
        serving.abort();
    }

    #[tokio::test]
    async fn connections_beyond_the_most_are_closed_and_places_come_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let patient = Patient::new(listener, Duration::from_secs(60), 2);
        let serving = tokio::spawn(async move { axum::serve(patient, router).await });
        let ask = async |client: &mut TcpStream| -> io::Result<bool> {
            client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await?;
            let mut answer = [0; 8];
            let read = timeout(Duration::from_secs(5), client.read(&mut answer)).await.expect("an answer or an end")?;
            Ok(answer[..read].starts_with(b"HTTP/1.1"))
        };
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = TcpStream::connect(address).await.unwrap();
            assert!(ask(&mut client).await.unwrap());
            clients.push(client);
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        assert!(!ask(&mut third).await.unwrap_or(false), "no place");
        clients.pop();
        let back = async {
            loop {
                let mut client = TcpStream::connect(address).await.unwrap();
                if ask(&mut client).await.unwrap_or(false) {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), back).await.expect("a place comes back");
        serving.abort();
    }
}
