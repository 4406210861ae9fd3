//! Traffic at full speed, and how much of it arrives.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use pintle_agent::kernel::NetNs;

/// Bytes of a datagram's payload, and of the frame that it is in.
pub(crate) const PAYLOAD: usize = 1400;
const UDP_FRAME: f64 = PAYLOAD as f64 + 42.0;
/// Bytes of a full segment's payload with MTU 1450 and time stamps, and of its frame.
const SEGMENT: f64 = 1450.0 - 52.0;
const TCP_FRAME: f64 = 1464.0;

/// How long limits are measured: 10 s with `PINTLE_LONG=1`.
pub(crate) fn period() -> Duration {
    Duration::from_secs(if std::env::var_os("PINTLE_LONG").is_some() { 10 } else { 2 })
}

/// What arrives somewhere; ends with the value.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    bytes: Arc<AtomicU64>,
    frames_per_byte: f64,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Takes datagrams at this address.
    pub(crate) fn udp(namespace: &NetNs, ip: IpAddr) -> Sink {
        let socket = namespace.run(|| UdpSocket::bind((ip, 0)).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        Sink::start(address, UDP_FRAME / PAYLOAD as f64, move |bytes, stop| {
            let mut buffer = [0; 2048];
            while !stop.load(Ordering::Relaxed) {
                if let Ok(length) = socket.recv(&mut buffer) {
                    bytes.fetch_add(length as u64, Ordering::Relaxed);
                }
            }
        })
    }

    /// Takes one connection at this address.
    pub(crate) fn tcp(namespace: &NetNs, ip: IpAddr) -> Sink {
        let listener = namespace.run(|| TcpListener::bind((ip, 0)).unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        Sink::start(address, TCP_FRAME / SEGMENT, move |bytes, stop| {
            let mut buffer = vec![0; 1 << 16];
            let mut connection: Option<TcpStream> = None;
            while !stop.load(Ordering::Relaxed) {
                match &mut connection {
                    Some(stream) => match stream.read(&mut buffer) {
                        Ok(0) => return,
                        Ok(length) => drop(bytes.fetch_add(length as u64, Ordering::Relaxed)),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(_) => return,
                    },
                    None => match listener.accept() {
                        Ok((stream, _)) => {
                            stream.set_nonblocking(false).unwrap();
                            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                            connection = Some(stream);
                        }
                        Err(_) => thread::sleep(Duration::from_millis(1)),
                    },
                }
            }
        })
    }

    fn start(
        address: SocketAddr,
        frames_per_byte: f64,
        work: impl FnOnce(&AtomicU64, &AtomicBool) + Send + 'static,
    ) -> Sink {
        let (bytes, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (bytes.clone(), stop.clone());
        let thread = Some(thread::spawn(move || work(&count, &end)));
        Sink { address, bytes, frames_per_byte, stop, thread }
    }

    /// What arrived until now, in bits of Ethernet frames.
    pub(crate) fn bits(&self) -> f64 {
        self.bytes.load(Ordering::Relaxed) as f64 * self.frames_per_byte * 8.0
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// How fast each of these got frames within a time from now, in Mbit/s.
pub(crate) fn rates(sinks: &[&Sink], time: Duration) -> Vec<f64> {
    let (start, before) = (Instant::now(), sinks.iter().map(|sink| sink.bits()).collect::<Vec<_>>());
    thread::sleep(time);
    let after: Vec<f64> = sinks.iter().map(|sink| sink.bits()).collect();
    let seconds = start.elapsed().as_secs_f64();
    before.iter().zip(after).map(|(before, after)| (after - before) / seconds / 1e6).collect()
}

/// Somebody who sends as fast as the socket takes it; ends with the value.
pub(crate) struct Source {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Source {
    /// Sends datagrams from an address.
    pub(crate) fn udp(namespace: &NetNs, from: IpAddr, to: SocketAddr) -> Source {
        let socket = namespace.run(|| UdpSocket::bind((from, 0)).unwrap()).unwrap();
        Source::of(socket, to)
    }

    /// Sends datagrams through a socket.
    pub(crate) fn of(socket: UdpSocket, to: SocketAddr) -> Source {
        // Enough waits in the queue for the time in which a busy machine does not let this thread run.
        setsockopt(&socket, sockopt::SndBufForce, &(4 << 20)).unwrap();
        socket.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        Source::start(move |stop| {
            while !stop.load(Ordering::Relaxed) {
                let _ = socket.send_to(&[0x5a; PAYLOAD], to);
            }
        })
    }

    /// Sends through a connection.
    pub(crate) fn tcp(namespace: &NetNs, to: SocketAddr) -> Source {
        let connect = || TcpStream::connect_timeout(&to, Duration::from_secs(2)).unwrap();
        let mut stream = namespace.run(connect).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        Source::start(move |stop| {
            while !stop.load(Ordering::Relaxed) {
                let _ = stream.write(&[0x5a; 1 << 16]);
            }
        })
    }

    fn start(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Source {
        let stop = Arc::new(AtomicBool::new(false));
        let end = stop.clone();
        Source { stop, thread: Some(thread::spawn(move || work(&end))) }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Whether a rate is within 5 % of what it should be, by one measurement, or by the median of three: a busy machine may spoil one.
#[track_caller]
pub(crate) fn assert_rate(mut measure: impl FnMut() -> f64, wanted: f64, what: &str) {
    let mut measured = measure();
    if (measured / wanted - 1.0).abs() > 0.05 {
        let mut three = [measured, measure(), measure()];
        three.sort_unstable_by(f64::total_cmp);
        measured = three[1];
    }
    let off = (measured / wanted - 1.0) * 100.0;
    println!("{what}: {measured:.1} Mbit/s, limit {wanted:.0} ({off:+.1} %)");
    assert!(off.abs() <= 5.0, "{what}: {measured:.1} Mbit/s instead of {wanted:.0} ({off:+.1} %)");
}
