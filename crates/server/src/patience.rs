//! Connections of the API end when their other side does nothing for long: one that sends half a request, takes no answer
//! or is kept open for nothing would hold a file and memory for as long as it likes, without showing a token.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};

/// How long the API waits for the next byte in either direction: longer than any request may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(75);

/// A listener whose connections wait only so long.
pub(crate) struct Patient {
    listener: TcpListener,
    patience: Duration,
}

impl Patient {
    /// Connections that this listener accepts wait for `patience`.
    pub(crate) fn new(listener: TcpListener, patience: Duration) -> Self {
        Patient { listener, patience }
    }
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        (Connection { stream, read: Wait::new(self.patience), write: Wait::new(self.patience) }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends with an error when it has waited for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Wait,
    write: Wait,
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
            tokio::spawn(async move { axum::serve(Patient::new(listener, Duration::from_millis(300)), router).await });
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
}
