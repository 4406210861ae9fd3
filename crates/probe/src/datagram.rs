//! Receiving a datagram with what the kernel knows about it: when it arrived, from whom, and at which of our addresses.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
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
    /// The sender.
    pub(crate) from: SocketAddrV4,
    /// When the kernel took the packet from the device, however late this thread was.
    pub(crate) at: Moment,
    /// The local address it was sent to, where the socket was opened by [`udp`].
    pub(crate) to: Option<Ipv4Addr>,
}

/// A UDP socket of the calling thread's namespace, at every address that it has or will have.
pub(crate) fn udp(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    stamp(&socket)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
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
    let mut control = nix::cmsg_space!(TimeSpec, libc::in_pktinfo);
    loop {
        let mut parts = [IoSliceMut::new(buffer)];
        let fd = socket.as_fd().as_raw_fd();
        let message = match recvmsg::<SockaddrIn>(fd, &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
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
                    to = Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)));
                }
                _ => {}
            }
        }
        let from = SocketAddrV4::new(from.ip(), from.port());
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
