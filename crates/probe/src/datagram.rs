//! Receiving a datagram with what the kernel knows about it: when it arrived, from whom, and at which of our addresses.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};

use crate::clock::Moment;
use crate::sys;

/// Room for the packets that arrive while the reading thread is not running: 4 MiB is seconds of what probes send.
const RECEIVE_BUFFER: i32 = 4 << 20;

/// What came with a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// How many bytes of the buffer are filled.
    pub(crate) len: usize,
    /// The sender, as an address of the socket's own kind.
    pub(crate) from: SockaddrStorage,
    /// When the kernel took the packet from the device, however late this thread was.
    pub(crate) at: Moment,
    /// The local address it was sent to, where the socket was opened by [`udp`] or [`udp_of`].
    pub(crate) to: Option<IpAddr>,
}

/// A UDP socket of the calling thread's namespace, at every address that it has or will have, of both IP versions where
/// the kernel has them.
pub(crate) fn udp(port: u16) -> io::Result<Socket> {
    match udp_of(Domain::IPV6, port) {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => udp_of(Domain::IPV4, port),
        opened => opened,
    }
}

/// The same for one kind of addresses; IPv6 sockets take IPv4 too.
pub(crate) fn udp_of(domain: Domain, port: u16) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    let any: IpAddr = if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        Ipv4Addr::UNSPECIFIED.into()
    };
    stamp(&socket)?;
    socket.bind(&SocketAddr::new(any, port).into())?;
    Ok(socket)
}

/// Has the kernel stamp what arrives, and keep it for a reader that is late.
pub(crate) fn stamp(socket: &Socket) -> io::Result<()> {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    if sys::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER).is_err() {
        // Without the privilege: as much as the system's limit allows.
        socket.set_recv_buffer_size(RECEIVE_BUFFER as usize)?;
    }
    Ok(())
}

/// Receives one datagram; `None` if there is none now.
///
/// An error that the network reported for something sent earlier (ICMP) is not a datagram, and not an error of this call.
pub(crate) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<Arrival>> {
    let mut control = nix::cmsg_space!(TimeSpec, libc::in6_pktinfo);
    loop {
        let mut parts = [IoSliceMut::new(buffer)];
        let fd = socket.as_fd().as_raw_fd();
        let message = match recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR | Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let Some(from) = message.address else { continue };
        let (mut at, mut to) = (None, None);
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::ScmTimestampns(stamp) => at = Some(Moment::from_receive_stamp(stamp)),
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    to = Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into());
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => to = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()),
                _ => {}
            }
        }
        return Ok(Some(Arrival { len: message.bytes, from, at: at.unwrap_or_else(Moment::now), to }));
    }
}

/// Waits for one datagram, at most until `until`.
pub(crate) fn receive_until(socket: &Socket, buffer: &mut [u8], until: Moment) -> io::Result<Option<Arrival>> {
    loop {
        if let Some(arrival) = receive(socket, buffer)? {
            return Ok(Some(arrival));
        }
        if until.remaining() == Duration::ZERO || !sys::wait_readable(socket, until)? {
            return Ok(None);
        }
    }
}
