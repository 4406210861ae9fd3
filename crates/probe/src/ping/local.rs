//! This host's own part in a ping: the socket, and what the kernel says when it refuses to send.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{datagram, sys};

/// A raw socket which receives all ICMP of the calling thread's namespace, and whose packets have DF set whatever the path is
/// known to take.
pub(super) fn open_raw() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW.nonblocking(), Some(Protocol::ICMPV4))?;
    sys::set_option(&socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?;
    datagram::stamp(&socket)?;
    Ok(socket)
}

/// The MTU for which the kernel refuses to send this message, and the address it would have been sent from.
///
/// Tries again on a socket of its own, because the option that has the kernel tell the MTU also has it report other errors
/// in ways that the receiving socket should be spared. `IP_MTU` would not do: it tells what was learnt of the path.
pub(super) fn refusal(to: SocketAddrV4, message: &[u8]) -> io::Result<(u32, Ipv4Addr)> {
    let socket = open_raw()?;
    sys::set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    match socket.send_to(message, &to.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(io::Error::other("the device's MTU was raised in between; ask again")),
    }
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in, libc::timespec);
    let mut parts = [IoSliceMut::new(&mut [])];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let told = recvmsg::<SockaddrIn>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let mtu = told.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) if error.ee_errno == libc::EMSGSIZE as u32 => Some(error.ee_info),
        _ => None,
    });
    let mtu = mtu.ok_or_else(|| io::Error::other("the kernel refused for size and did not tell the MTU"))?;
    Ok((mtu, source(to)?))
}

/// Connecting a UDP socket sends nothing; it makes the kernel choose the source address.
fn source(to: SocketAddrV4) -> io::Result<Ipv4Addr> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // The port does not matter, but may not be 0; 9 is "discard".
    socket.connect(&SocketAddrV4::new(*to.ip(), 9).into())?;
    Ok(socket.local_addr()?.as_socket_ipv4().map_or(Ipv4Addr::UNSPECIFIED, |address| *address.ip()))
}
