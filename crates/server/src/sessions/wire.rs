//! Frames on the wire: a 4-byte big-endian length and that many bytes of JSON.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use pintle_core::host_protocol::{AgentMessage, MAX_FRAME, ServerMessage};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::Bye;

/// The largest first message, from a peer that nobody has judged yet.
const MAX_FIRST_FRAME: usize = 64 << 10;

/// What comes from an agent.
pub(super) struct Incoming(FramedRead<ReadHalf<TlsStream<TcpStream>>, LengthDelimitedCodec>);
/// What goes to an agent.
pub(super) struct Outgoing(FramedWrite<WriteHalf<TlsStream<TcpStream>>, LengthDelimitedCodec>);

/// Both directions of a connection; only small frames are read until [`Incoming::trust`].
pub(super) fn split(stream: TlsStream<TcpStream>) -> (Incoming, Outgoing) {
    let codec = |max| LengthDelimitedCodec::builder().length_field_length(4).max_frame_length(max).new_codec();
    let (read, write) = tokio::io::split(stream);
    (Incoming(FramedRead::new(read, codec(MAX_FIRST_FRAME))), Outgoing(FramedWrite::new(write, codec(MAX_FRAME))))
}

impl Incoming {
    /// Reads frames of full size from now on.
    pub(super) fn trust(&mut self) {
        self.0.decoder_mut().set_max_frame_length(MAX_FRAME);
    }

    /// The next message; `None` when the agent has closed the connection.
    ///
    /// # Errors
    /// What to end the session with: the connection broke, or the frame is not a message.
    pub(super) async fn next(&mut self) -> Result<Option<AgentMessage>, Bye> {
        match self.0.next().await {
            None => Ok(None),
            // An agent that is killed, or whose machine is, has no time for TLS's farewell.
            Some(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Bye::retry("the agent went away")),
            Some(Err(error)) => Err(Bye::retry(format!("the connection failed: {error}"))),
            Some(Ok(frame)) => decode(&frame).map(Some),
        }
    }
}

fn decode(frame: &BytesMut) -> Result<AgentMessage, Bye> {
    serde_json::from_slice(frame).map_err(|error| {
        Bye::retry(format!("a frame of {} bytes is not a message of this protocol: {error}", frame.len()))
    })
}

impl Outgoing {
    /// Sends a message. After a cancelled call the next one sends the rest of it first.
    ///
    /// # Errors
    /// When the connection broke.
    pub(super) async fn send(&mut self, message: &ServerMessage) -> io::Result<()> {
        let frame = serde_json::to_vec(message).map_err(io::Error::other)?;
        self.0.send(Bytes::from(frame)).await
    }

    /// Says that nothing more will come.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        SinkExt::<Bytes>::close(&mut self.0).await
    }
}
