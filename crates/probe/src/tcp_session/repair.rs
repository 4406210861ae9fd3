//! `TCP_REPAIR` (tcp(7), `linux/tcp.h`): a connection out of one socket and into another, without a packet on the wire.
//!
//! The steps and their order are those of CRIU's libsoccr. Only established connections are handled.

use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd};

use libc::{IPPROTO_TCP, SIOCOUTQNSD, TCP_QUEUE_SEQ, TCP_REPAIR, TCP_REPAIR_OPTIONS, TCP_REPAIR_QUEUE};
use libc::{TCP_MAXSEG, TCP_REPAIR_WINDOW, TCP_TIMESTAMP};
use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::{self, Plain};

const REPAIR_ON: i32 = 1;
/// Leaves repair without the window probe that would announce the socket: the new end must not speak before it is spoken to.
const REPAIR_OFF_SILENTLY: i32 = -1;

const NO_QUEUE: i32 = 0;
const RECEIVE_QUEUE: i32 = 1;
const SEND_QUEUE: i32 = 2;

/// TCP option kinds (RFC 9293, RFC 7323, RFC 2018), as [`RepairOption`] names them.
const OPTION_MSS: u32 = 2;
const OPTION_WINDOW_SCALE: u32 = 3;
const OPTION_SACK_PERMITTED: u32 = 4;
const OPTION_TIMESTAMPS: u32 = 8;

/// Bits of `tcp_info.tcpi_options`.
const INFO_TIMESTAMPS: u8 = 1;
const INFO_SACK: u8 = 2;
const INFO_WINDOW_SCALE: u8 = 4;

const STATE_ESTABLISHED: u8 = 1;

/// Bytes which the buffers of a new socket take in any case: half of what Linux begins with for sending (tcp_wmem).
const ALWAYS_ROOM: usize = 8192;

/// `struct tcp_repair_opt`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct RepairOption {
    code: u32,
    value: u32,
}

/// `struct tcp_repair_window`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct RepairWindow {
    snd_wl1: u32,
    snd_wnd: u32,
    max_window: u32,
    rcv_wnd: u32,
    rcv_wup: u32,
}

// SAFETY: a C struct of integers.
unsafe impl Plain for RepairWindow {}

/// One direction's bytes that the kernel holds.
#[derive(Debug)]
struct Queue {
    /// The sequence number of its first byte.
    begins: u32,
    bytes: Vec<u8>,
}

/// A connection outside any socket.
#[derive(Debug)]
pub(super) struct Connection {
    local: SocketAddrV4,
    peer: SocketAddrV4,
    options: Vec<RepairOption>,
    /// The timestamp clock's value, if the connection uses timestamps. Opaque: to be given back as it was.
    timestamp: Option<u32>,
    window: RepairWindow,
    /// Arrived and acknowledged, not read by the server.
    received: Queue,
    /// Written by the server, not acknowledged.
    written: Queue,
    /// How many bytes at the end of `written` were never sent.
    unsent: usize,
}

/// Puts a socket under repair.
pub(super) fn enter(socket: &Socket) -> io::Result<()> {
    sys::set_option(socket, IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
}

/// Reads the connection out of a socket which gets nothing any more, and closes that without a packet.
pub(super) fn take(socket: Socket) -> io::Result<Connection> {
    enter(&socket)?;
    let info: libc::tcp_info = sys::get_option(&socket, IPPROTO_TCP, libc::TCP_INFO)?;
    if info.tcpi_state != STATE_ESTABLISHED {
        return Err(io::Error::other(format!(
            "its state is {}, and only established (1) can be moved",
            info.tcpi_state
        )));
    }
    let uses = |bit| info.tcpi_options & bit != 0;
    let mut options = vec![RepairOption { code: OPTION_MSS, value: get(&socket, TCP_MAXSEG)? }];
    if uses(INFO_WINDOW_SCALE) {
        let (theirs, ours) = (info.tcpi_snd_rcv_wscale & 0x0f, info.tcpi_snd_rcv_wscale >> 4);
        let value = u32::from(theirs) | u32::from(ours) << 16;
        options.push(RepairOption { code: OPTION_WINDOW_SCALE, value });
    }
    if uses(INFO_SACK) {
        options.push(RepairOption { code: OPTION_SACK_PERMITTED, value: 0 });
    }
    let mut timestamp = None;
    if uses(INFO_TIMESTAMPS) {
        options.push(RepairOption { code: OPTION_TIMESTAMPS, value: 0 });
        timestamp = Some(get(&socket, TCP_TIMESTAMP)?);
    }
    let unsent = queued(&socket, SIOCOUTQNSD)?;
    let connection = Connection {
        local: address(socket.local_addr()?)?,
        peer: address(socket.peer_addr()?)?,
        options,
        timestamp,
        window: sys::get_option(&socket, IPPROTO_TCP, TCP_REPAIR_WINDOW)?,
        received: read_queue(&socket, RECEIVE_QUEUE, libc::FIONREAD)?,
        written: read_queue(&socket, SEND_QUEUE, libc::TIOCOUTQ)?,
        unsent,
    };
    // Under repair, neither this nor closing sends a FIN or an RST. Closing alone would not do: a child process that another
    // thread is just starting holds the socket until it has its program, and with it the connection's place in the kernel.
    sys::disconnect(&socket)?;
    Ok(connection)
}

/// Makes a socket of the calling thread's namespace the connection's end, one that does not block. It is silent until it has reason to answer.
///
/// The local address need not be there yet, but the peer must be routable: [`no_route_yet`] tells that error from others.
pub(super) fn restore(connection: &Connection) -> io::Result<Socket> {
    // Not blocking: nothing is acknowledged before the address is moved, so a buffer without room must be an error.
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    enter(&socket)?;
    make_room(&socket, libc::SO_RCVBUFFORCE, &connection.received)?;
    make_room(&socket, libc::SO_SNDBUFFORCE, &connection.written)?;
    // Binding and routing from an address that is not here: only for as long as this takes, so that nothing can be sent
    // from it before it is.
    socket.set_ip_transparent_v4(true)?;
    socket.bind(&connection.local.into())?;
    for (queue, content) in [(RECEIVE_QUEUE, &connection.received), (SEND_QUEUE, &connection.written)] {
        set(&socket, TCP_REPAIR_QUEUE, queue)?;
        set(&socket, TCP_QUEUE_SEQ, content.begins)?;
    }
    // Under repair, connecting is only a change of state.
    socket.connect(&connection.peer.into())?;
    sys::set_option_slice(&socket, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &connection.options)?;
    if let Some(timestamp) = connection.timestamp {
        set(&socket, TCP_TIMESTAMP, timestamp)?;
    }
    let (sent, unsent) = connection.written.bytes.split_at(connection.written.bytes.len() - connection.unsent);
    write_queue(&socket, RECEIVE_QUEUE, &connection.received.bytes)?;
    write_queue(&socket, SEND_QUEUE, sent)?;
    sys::set_option(&socket, IPPROTO_TCP, TCP_REPAIR_WINDOW, connection.window)?;
    set(&socket, TCP_REPAIR_QUEUE, NO_QUEUE)?;
    socket.set_ip_transparent_v4(false)?;
    socket.set_tcp_nodelay(true)?;
    sys::set_option(&socket, IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENTLY)?;
    // What was never sent is written as a program would.
    (&socket).write_all(unsent)?;
    Ok(socket)
}

/// Whether [`restore`] failed because the peer cannot be routed to yet.
pub(super) fn no_route_yet(error: &io::Error) -> bool {
    let codes = [libc::ENETUNREACH, libc::EHOSTUNREACH, libc::ENETDOWN, libc::ENODEV];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

fn address(address: socket2::SockAddr) -> io::Result<SocketAddrV4> {
    address.as_socket_ipv4().ok_or_else(|| io::Error::other("its address is not IPv4"))
}

fn get(socket: &Socket, option: i32) -> io::Result<u32> {
    sys::get_option(socket, IPPROTO_TCP, option)
}

fn set<T: Copy>(socket: &Socket, option: i32, value: T) -> io::Result<()> {
    sys::set_option(socket, IPPROTO_TCP, option, value)
}

/// How many bytes an ioctl says there are.
fn queued(socket: &Socket, request: libc::Ioctl) -> io::Result<usize> {
    let mut count: i32 = 0;
    // SAFETY: the three requests used here write one int, to a place that is one.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), request, &mut count) };
    if result == 0 { Ok(count as usize) } else { Err(io::Error::last_os_error()) }
}

/// Reads a queue; `size` is the ioctl that tells how many bytes it has.
fn read_queue(socket: &Socket, queue: i32, size: libc::Ioctl) -> io::Result<Queue> {
    set(socket, TCP_REPAIR_QUEUE, queue)?;
    let end = get(socket, TCP_QUEUE_SEQ)?;
    let mut bytes = vec![0; queued(socket, size)?];
    let mut read = 0;
    if !bytes.is_empty() {
        // SAFETY: the pointer and the length describe `bytes`.
        let result = unsafe {
            let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
            libc::recv(socket.as_fd().as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), flags)
        };
        read = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    }
    if read != bytes.len() {
        return Err(io::Error::other(format!("queue {queue} has {} bytes and gave {read}", bytes.len())));
    }
    Ok(Queue { begins: end.wrapping_sub(bytes.len() as u32), bytes })
}

/// Has a buffer take all of a queue, which may have come from one that the kernel had let grow.
fn make_room(socket: &Socket, option: i32, queue: &Queue) -> io::Result<()> {
    // A guest's buffer is sized by the kernel while it is not set, so it is left alone where the smallest will do.
    if queue.bytes.len() <= ALWAYS_ROOM {
        return Ok(());
    }
    // Twice, and the kernel doubles it again: its own bookkeeping counts as well.
    sys::set_option(socket, libc::SOL_SOCKET, option, queue.bytes.len().saturating_mul(2).min(1 << 30) as i32)
}

fn write_queue(socket: &Socket, queue: i32, bytes: &[u8]) -> io::Result<()> {
    set(socket, TCP_REPAIR_QUEUE, queue)?;
    let mut socket = socket;
    socket.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use socket2::SockFilter;

    use super::*;

    const WAIT: Option<Duration> = Some(Duration::from_secs(20));

    /// The client's and the server's end of a connection over loopback.
    fn connection() -> (TcpStream, Socket) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(WAIT).unwrap();
        (client, listener.accept().unwrap().0.into())
    }

    #[test]
    fn unread_unacknowledged_and_unsent_bytes_all_move() {
        let (mut client, server) = connection();
        client.write_all(b"unread").unwrap();
        sys::wait_readable(&server, crate::Moment::now() + Duration::from_secs(5)).unwrap();
        // The client hears nothing, so what the server writes is sent as far as the window goes, and not acknowledged.
        let deaf = Socket::from(client.try_clone().unwrap());
        deaf.attach_filter(&[SockFilter::new(0x06, 0, 0, 0)]).unwrap();
        let content: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
        server.set_nonblocking(true).unwrap();
        let written = (&server).write(&content).unwrap();

        let taken = take(server).unwrap();
        assert_eq!(taken.received.bytes, b"unread");
        assert_eq!(taken.written.bytes, content[..written]);
        assert!(taken.unsent > 0 && taken.unsent < written, "{} of {written} unsent", taken.unsent);

        deaf.detach_filter().unwrap();
        let mut server = restore(&taken).unwrap();
        let mut unread = [0; 6];
        server.set_nonblocking(false).unwrap();
        server.set_read_timeout(WAIT).unwrap();
        server.read_exact(&mut unread).unwrap();
        assert_eq!(&unread, b"unread");
        let mut arrived = vec![0; written];
        client.read_exact(&mut arrived).unwrap();
        assert!(arrived == content[..written], "the bytes that arrived are not those that were written");
        client.write_all(b"after").unwrap();
        server.read_exact(&mut unread[..5]).unwrap();
        assert_eq!(&unread[..5], b"after");
    }

    #[test]
    fn a_connection_leaves_a_socket_that_another_process_still_holds() {
        let (mut client, server) = connection();
        let held = server.try_clone().unwrap();
        let mut server = restore(&take(server).unwrap()).unwrap();
        client.write_all(b"after").unwrap();
        server.set_nonblocking(false).unwrap();
        server.set_read_timeout(WAIT).unwrap();
        let mut heard = [0; 5];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"after");
        assert!(held.peer_addr().is_err());
        server.write_all(b"answer").unwrap();
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"answe");
    }

    #[test]
    fn a_connection_that_has_ended_is_not_taken() {
        let (client, server) = connection();
        drop(client);
        sys::wait_readable(&server, crate::Moment::now() + Duration::from_secs(5)).unwrap();
        let error = take(server).unwrap_err();
        assert!(error.to_string().contains("only established (1) can be moved"), "{error}");
    }
}
