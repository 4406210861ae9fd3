//! One TLS connection to the server, cut into frames: a 4-byte big-endian length and that many bytes of JSON.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use nix::sys::socket::{setsockopt, sockopt};
use pintle_core::host_protocol::MAX_FRAME;
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::bytes::Bytes;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::error::AgentError;
use crate::identity::server_name;

/// How long connecting, and then the handshake, may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

type Wire = Framed<TlsStream<TcpStream>, LengthDelimitedCodec>;

/// A connection that sends and receives whole messages.
pub(crate) struct Connection {
    sink: Sender,
    stream: Receiver,
}

/// The sending half.
pub(crate) struct Sender(SplitSink<Wire, Bytes>);
/// The receiving half.
pub(crate) struct Receiver(SplitStream<Wire>);

/// Connects to `server` (`host:port`) and checks who it is as `tls` says.
pub(crate) async fn open(server: &str, tls: ClientConfig) -> Result<Connection, AgentError> {
    let failed =
        |what: &str, reason: String| AgentError::Connection(format!("cannot {what} server '{server}': {reason}"));
    let late = || "no answer in 10 s".to_owned();
    let tcp = timeout(CONNECT_WITHIN, TcpStream::connect(server)).await.map_err(|_| failed("reach", late()))?;
    let tcp = tcp.map_err(|error| failed("reach", error.to_string()))?;
    watch_over(&tcp).map_err(|error| failed("set up the connection to", error.to_string()))?;
    let handshake = TlsConnector::from(Arc::new(tls)).connect(server_name(), tcp);
    let tls = timeout(CONNECT_WITHIN, handshake).await.map_err(|_| failed("authenticate", late()))?;
    let tls = tls.map_err(|error| failed("authenticate", error.to_string()))?;
    let (sink, stream) = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_framed(tls).split();
    Ok(Connection { sink: Sender(sink), stream: Receiver(stream) })
}

/// Makes the kernel notice within about 25 s that the other side has gone without a word.
fn watch_over(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    setsockopt(tcp, sockopt::KeepAlive, &true)?;
    setsockopt(tcp, sockopt::TcpKeepIdle, &10)?;
    setsockopt(tcp, sockopt::TcpKeepInterval, &5)?;
    setsockopt(tcp, sockopt::TcpKeepCount, &3)?;
    setsockopt(tcp, sockopt::TcpUserTimeout, &25_000)?;
    Ok(())
}

impl Connection {
    /// Sends one message.
    pub(crate) async fn send(&mut self, message: &impl Serialize) -> Result<(), AgentError> {
        self.sink.send(message).await
    }

    /// The next message; `None` when the server has closed the connection.
    pub(crate) async fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, AgentError> {
        self.stream.receive().await
    }

    /// Both halves, to be used at the same time.
    pub(crate) fn split(self) -> (Sender, Receiver) {
        (self.sink, self.stream)
    }
}

impl Sender {
    /// Sends one message.
    pub(crate) async fn send(&mut self, message: &impl Serialize) -> Result<(), AgentError> {
        let bytes = serde_json::to_vec(message)
            .map_err(|error| AgentError::Connection(format!("a message could not be written: {error}")))?;
        self.0.send(bytes.into()).await.map_err(lost)
    }
}

impl Receiver {
    /// The next message; `None` when the server has closed the connection. May be dropped and called again.
    pub(crate) async fn receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, AgentError> {
        let Some(frame) = self.0.next().await else { return Ok(None) };
        let frame = frame.map_err(lost)?;
        serde_json::from_slice(&frame).map(Some).map_err(|error| {
            AgentError::Connection(format!("the server sent what this version does not know: {error}"))
        })
    }
}

fn lost(error: io::Error) -> AgentError {
    AgentError::Connection(format!("the connection to the server is lost: {error}"))
}
