//! A client of the EC2 API that sends what it is told, signed, one request after the other: for tests that want many at once,
//! and no client's own opinion.

use std::fs::File;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use nix::sched::{CloneFlags, setns};
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::bench::signed::Key;

/// A connection of its own to the lab's server.
pub struct Ec2 {
    stream: TcpStream,
    host: String,
    key: Key,
}

impl Ec2 {
    /// Connects from a named namespace.
    pub(super) fn connect(namespace: &str, server: SocketAddr, key: Key) -> anyhow::Result<Ec2> {
        let file = File::open(format!("/run/netns/{namespace}"))?;
        let connect = move || -> anyhow::Result<TcpStream> {
            setns(&file, CloneFlags::CLONE_NEWNET)?;
            Ok(TcpStream::connect(server)?)
        };
        let stream = std::thread::spawn(connect).join().map_err(|_| anyhow::anyhow!("connecting panicked"))??;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Ec2 { stream, host: server.to_string(), key })
    }

    /// Sends `Action=…&…`; status and document, whatever the status.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn send(&mut self, form: &str) -> anyhow::Result<(u16, String)> {
        self.stream.write_all(&self.key.request(&self.host, form))?;
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            let count = self.stream.read(&mut buffer)?;
            anyhow::ensure!(count > 0, "the server closed the connection");
            answer.extend_from_slice(&buffer[..count]);
            let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.context("an answer without content-length")?.trim().parse()?;
            if answer.len() >= head + 4 + length {
                let status = text.split(' ').nth(1).context("no status")?.parse()?;
                return Ok((status, String::from_utf8_lossy(&answer[head + 4..]).into_owned()));
            }
        }
    }
}
