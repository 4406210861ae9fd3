//! Loads on a path: request/response, connections, a flood of small packets, bulk.
//!
//! Client and server share one processor in the latency figures, so that no wake-up of another processor is in them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::pinned::{run_in, start_in};

const RR_PORT: u16 = 7001;
const CRR_PORT: u16 = 7002;
const QUIET_PORT: u16 = 7006;
const BULK_PORT: u16 = 7007;
/// Datagrams per system call of the flood.
const BATCH: usize = 64;
/// Bytes of UDP payload that make a 60-byte frame, 64 with its checksum.
const PAYLOAD: usize = 18;

/// The path that is loaded: from a client's namespace to an address in a server's.
#[derive(Debug, Clone)]
pub struct Path {
    /// What the figures are called by.
    pub name: String,
    /// The client's namespace.
    pub client: String,
    /// The server's namespace.
    pub server: String,
    /// The server's address.
    pub address: Ipv4Addr,
}

/// Which load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// One byte there and back over one TCP connection; µs, median.
    TcpRr,
    /// Connect, one byte there and back, close; µs, median.
    TcpCrr,
    /// Cost of sending a 64-byte packet of an established flow to a socket that nobody reads: the kernel's path; ns, median.
    Packet,
    /// Bulk over one TCP connection, client and server on two processors; Gbit/s.
    Bulk,
}

impl Load {
    /// All loads.
    pub const ALL: [Load; 4] = [Load::Packet, Load::TcpRr, Load::TcpCrr, Load::Bulk];

    /// Name and unit.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Load::TcpRr => ("tcp_rr", "us"),
            Load::TcpCrr => ("tcp_connect_rr_close", "us"),
            Load::Packet => ("established_packet_64B", "ns"),
            Load::Bulk => ("tcp_throughput", "Gbit/s"),
        }
    }

    /// Runs the load for a while; its figure.
    ///
    /// # Errors
    /// When the path does not carry it.
    pub fn run(self, path: &Path, time: Duration) -> anyhow::Result<f64> {
        crate::interrupt::check()?;
        let result = match self {
            Load::TcpRr => tcp_rr(path, time),
            Load::TcpCrr => tcp_crr(path, time),
            Load::Packet => packet(path, time),
            Load::Bulk => bulk(path, time),
        };
        result.with_context(|| format!("{} over '{}'", self.label().0, path.name))
    }
}

/// A server's thread that ends when told.
struct Server {
    stop: Arc<AtomicBool>,
    wake: SocketAddrV4,
    namespace: String,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Server {
    fn start(path: &Path, port: u16, cpu: usize, serve: impl Fn(TcpStream) + Send + 'static) -> anyhow::Result<Server> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, listener) =
            (stop.clone(), run_in(&path.server, cpu, move || Ok(TcpListener::bind(("0.0.0.0", port))?))?);
        let thread = start_in(&path.server, cpu, move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                serve(connection?);
            }
            Ok(())
        })?;
        let wake = SocketAddrV4::new(path.address, port);
        Ok(Server { stop, wake, namespace: path.server.clone(), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let wake = self.wake;
        let _ =
            run_in(&self.namespace, 0, move || Ok(TcpStream::connect_timeout(&wake.into(), Duration::from_secs(1))?));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tcp_rr(path: &Path, time: Duration) -> anyhow::Result<f64> {
    let echo = |mut connection: TcpStream| {
        let _ = connection.set_nodelay(true);
        let mut byte = [0u8; 1];
        while connection.read_exact(&mut byte).is_ok() && connection.write_all(&byte).is_ok() {}
    };
    let _server = Server::start(path, RR_PORT, 0, echo)?;
    let address = SocketAddrV4::new(path.address, RR_PORT);
    run_in(&path.client, 0, move || {
        let mut connection = connect(address)?;
        let mut byte = [7u8; 1];
        let mut exchange = || -> anyhow::Result<()> {
            connection.write_all(&byte)?;
            Ok(connection.read_exact(&mut byte)?)
        };
        for _ in 0..200 {
            exchange()?;
        }
        median_time(time, exchange).map(|ns| ns / 1e3)
    })
}

fn tcp_crr(path: &Path, time: Duration) -> anyhow::Result<f64> {
    let answer = |mut connection: TcpStream| {
        let mut byte = [0u8; 1];
        if connection.read_exact(&mut byte).is_ok() {
            let _ = connection.write_all(&byte);
        }
    };
    let _server = Server::start(path, CRR_PORT, 0, answer)?;
    let address = SocketAddrV4::new(path.address, CRR_PORT);
    run_in(&path.client, 0, move || {
        let exchange = || -> anyhow::Result<()> {
            let mut connection = connect(address)?;
            let mut byte = [7u8; 1];
            connection.write_all(&byte)?;
            connection.read_exact(&mut byte)?;
            let _ = connection.read(&mut byte)?;
            Ok(())
        };
        median_time(time, exchange).map(|ns| ns / 1e3)
    })
}

fn packet(path: &Path, time: Duration) -> anyhow::Result<f64> {
    let socket = run_in(&path.server, 1, || Ok(UdpSocket::bind(("0.0.0.0", QUIET_PORT))?))?;
    let answering = socket.try_clone()?;
    // One answer establishes the flow for whatever tracks connections; after it nobody reads.
    let hello = start_in(&path.server, 1, move || {
        answering.set_read_timeout(Some(Duration::from_secs(3)))?;
        let mut bytes = [0u8; 64];
        let (_, from) = answering.recv_from(&mut bytes)?;
        answering.send_to(b"hello", from)?;
        Ok(())
    })?;
    let address = SocketAddrV4::new(path.address, QUIET_PORT);
    let figure = run_in(&path.client, 0, move || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(3)))?;
        socket.send(b"hello")?;
        let mut bytes = [0u8; 64];
        socket.recv(&mut bytes).context("the flow's first datagram was not answered")?;
        let mut batch = Batch::new();
        median_time(time, || batch.send(&socket)).map(|ns| ns / BATCH as f64)
    });
    let _ = hello.join();
    drop(socket);
    figure
}

/// A batch of equal datagrams for one `sendmmsg`.
struct Batch {
    headers: Vec<libc::mmsghdr>,
    _vectors: Vec<libc::iovec>,
    _payload: Vec<u8>,
}

impl Batch {
    fn new() -> Self {
        let mut payload = vec![0u8; PAYLOAD];
        let mut vectors: Vec<libc::iovec> =
            (0..BATCH).map(|_| libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: PAYLOAD }).collect();
        let headers = vectors
            .iter_mut()
            .map(|vector| {
                // SAFETY: mmsghdr is plain data for which all zeroes is valid.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Batch { headers, _vectors: vectors, _payload: payload }
    }

    fn send(&mut self, socket: &UdpSocket) -> anyhow::Result<()> {
        // SAFETY: the headers point to vectors and payload that live as long as the batch and are not moved out of it.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), BATCH as u32, 0) };
        if sent != BATCH as i32 {
            bail!("the flood stopped: {}", std::io::Error::last_os_error());
        }
        Ok(())
    }
}

fn bulk(path: &Path, time: Duration) -> anyhow::Result<f64> {
    let sink = |mut connection: TcpStream| {
        let mut buffer = vec![0u8; 1 << 20];
        while matches!(connection.read(&mut buffer), Ok(read) if read > 0) {}
        let _ = connection.write_all(b"!");
    };
    let _server = Server::start(path, BULK_PORT, 1, sink)?;
    let address = SocketAddrV4::new(path.address, BULK_PORT);
    run_in(&path.client, 0, move || {
        let mut connection = connect(address)?;
        let buffer = vec![0u8; 1 << 17];
        let (started, mut bytes) = (Instant::now(), 0u64);
        while started.elapsed() < time {
            connection.write_all(&buffer)?;
            bytes += buffer.len() as u64;
        }
        connection.shutdown(std::net::Shutdown::Write)?;
        connection.read_exact(&mut [0u8; 1]).context("the receiver did not take everything")?;
        Ok(bytes as f64 * 8.0 / started.elapsed().as_secs_f64() / 1e9)
    })
}

fn connect(address: SocketAddrV4) -> anyhow::Result<TcpStream> {
    let connection = TcpStream::connect_timeout(&address.into(), Duration::from_secs(3))?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(Duration::from_secs(3)))?;
    Ok(connection)
}

/// Median time of an operation that is repeated for a while, in ns.
fn median_time(time: Duration, mut operation: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(1 << 18);
    let started = Instant::now();
    let mut before = started;
    while before.duration_since(started) < time {
        operation()?;
        let now = Instant::now();
        times.push(now.duration_since(before).as_nanos() as u64);
        before = now;
    }
    times.sort_unstable();
    Ok(times[times.len() / 2] as f64)
}
