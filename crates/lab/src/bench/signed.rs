//! Load on the EC2 API: signed requests over connections that stay open, as cheap for this side as can be.
//!
//! A signature is good for fifteen minutes and any number of times, so each request is signed once and sent over and over:
//! what is measured is the server, on the same processors.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns};
use ring::hmac;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An access key, and where it is good.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The region that requests are for.
    pub region: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

impl Key {
    /// A whole request, signed with Signature Version 4, as bytes.
    pub fn request(&self, host: &str, form: &str) -> Vec<u8> {
        let now = chrono::DateTime::from_timestamp(unix_seconds(), 0).unwrap_or_default();
        let (date, moment) = (now.format("%Y%m%d").to_string(), now.format("%Y%m%dT%H%M%SZ").to_string());
        let kind = "application/x-www-form-urlencoded";
        let headers = format!("content-type:{kind}\nhost:{host}\nx-amz-date:{moment}\n");
        let signed = "content-type;host;x-amz-date";
        let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{}", hex(&Sha256::digest(form)));
        let scope = format!("{date}/{}/ec2/aws4_request", self.region);
        let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let first = mac(format!("AWS4{}", self.secret).as_bytes(), &date);
        let key = [self.region.as_str(), "ec2", "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
        let signature = hex(&mac(&key, &to_sign));
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\nx-amz-date: {moment}\r\nauthorization: \
             AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}\r\n\
             content-length: {}\r\n\r\n{form}",
            self.id,
            form.len()
        )
        .into_bytes()
    }
}

fn unix_seconds() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |past| past.as_secs() as i64)
}

/// What came of many requests.
#[derive(Debug)]
pub struct Sent {
    /// How long all took.
    pub took: Duration,
    /// How long each took, in no order.
    pub each: Vec<Duration>,
    /// The answer to the request that was finished last.
    pub last: String,
}

/// Sends requests from a namespace over `connections` connections until `count` have been answered well; `next` makes each,
/// from its number.
///
/// # Errors
/// When one is refused, or a connection breaks.
pub fn send(
    namespace: &str,
    server: SocketAddr,
    connections: usize,
    count: usize,
    next: impl Fn(usize) -> Arc<[u8]> + Send + Sync + 'static,
) -> anyhow::Result<Sent> {
    let file = File::open(format!("/run/netns/{namespace}"))?;
    let thread = std::thread::spawn(move || {
        setns(&file, CloneFlags::CLONE_NEWNET)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(flood(server, connections, count, Arc::new(next)))
    });
    thread.join().map_err(|_| anyhow::anyhow!("the load panicked"))?
}

async fn flood(
    server: SocketAddr,
    connections: usize,
    count: usize,
    next: Arc<impl Fn(usize) -> Arc<[u8]> + Send + Sync + 'static>,
) -> anyhow::Result<Sent> {
    let taken = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let began = Instant::now();
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let (taken, next) = (taken.clone(), next.clone());
            tokio::spawn(async move {
                let (mut each, mut answer) = (Vec::new(), Vec::new());
                loop {
                    let at = taken.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return anyhow::Ok((each, answer));
                    }
                    let sent = Instant::now();
                    stream.write_all(&next(at)).await?;
                    read_answer(&mut stream, &mut answer).await?;
                    each.push(sent.elapsed());
                }
            })
        })
        .collect();
    let (mut each, mut last) = (Vec::with_capacity(count), Vec::new());
    for task in tasks {
        let (times, answer) = task.await??;
        each.extend(times);
        if !answer.is_empty() {
            last = answer;
        }
    }
    Ok(Sent { took: began.elapsed(), each, last: String::from_utf8_lossy(&last).into_owned() })
}

/// Reads one answer; what is kept is its body.
async fn read_answer(stream: &mut TcpStream, body: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    let head = loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .context("an answer without content-length")?
        .trim()
        .parse()?;
    while buffer.len() < head + length {
        if stream.read_buf(&mut buffer).await? == 0 {
            bail!("the server closed the connection within an answer");
        }
    }
    body.clear();
    body.extend_from_slice(&buffer[head..]);
    if !text.starts_with("http/1.1 200") {
        bail!("{text}{}", String::from_utf8_lossy(body));
    }
    Ok(())
}
