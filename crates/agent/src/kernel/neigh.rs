//! A device's neighbour entries: which MAC address the kernel believes an IP address to have (ARP and ND caches).

use std::net::IpAddr;

use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::link::MacBytes;
use super::wire::{attributes, ip_of, u16_of, u32_of};
use super::{Netlink, Request, Result};

/// Length of `struct ndmsg`.
const HEADER: usize = 12;

const RTM_NEWNEIGH: u16 = 28;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NUD_NOARP: u16 = 0x40;
const NUD_PERMANENT: u16 = 0x80;

/// One neighbour entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of the device.
    pub device: u32,
    /// The neighbour's IP address.
    pub ip: IpAddr,
    /// Its MAC address; `None` while it is being asked for, or did not answer.
    pub mac: Option<MacBytes>,
    /// `NUD_…` bits of `linux/neighbour.h`.
    pub state: u16,
}

impl Neighbour {
    /// Learned from the link, as opposed to set by hand or needing no resolution.
    pub fn is_learned(&self) -> bool {
        self.state & (NUD_NOARP | NUD_PERMANENT) == 0
    }
}

/// The entries of a device, IPv4 and IPv6. Empty if the device has gone.
pub fn list(netlink: &mut Netlink, device: u32) -> Result<Vec<Neighbour>> {
    let mut query = NeighbourMessage::default();
    query.attributes.push(NeighbourAttribute::IfIndex(device));
    let message = RouteNetlinkMessage::GetNeighbour(query);
    match netlink.dump("list neighbours", &message, |kind, payload| {
        decode(kind, payload).filter(|neighbour| neighbour.device == device)
    }) {
        Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(Vec::new()),
        other => other,
    }
}

/// Forgets an entry. "Already so" if there is none, or the device has gone.
pub fn delete(neighbour: &Neighbour) -> Request {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = neighbour.device;
    let (family, destination) = match neighbour.ip {
        IpAddr::V4(ip) => (AddressFamily::Inet, NeighbourAddress::Inet(ip)),
        IpAddr::V6(ip) => (AddressFamily::Inet6, NeighbourAddress::Inet6(ip)),
    };
    message.header.family = family;
    message.attributes.push(NeighbourAttribute::Destination(destination));
    let what = format!("delete neighbour {} of device {}", neighbour.ip, neighbour.device);
    Request::new(RouteNetlinkMessage::DelNeighbour(message), 0, what).settled_by(&[
        Errno::ENOENT,
        Errno::ENODEV,
        Errno::ENXIO,
    ])
}

/// Forgets every learned entry of a device and gives their number. Entries that were set by hand stay.
pub fn flush(netlink: &mut Netlink, device: u32) -> Result<usize> {
    let learned = list(netlink, device)?;
    let requests: Vec<Request> = learned.iter().filter(|neighbour| neighbour.is_learned()).map(delete).collect();
    netlink.change_all(&requests)
}

fn decode(kind: u16, payload: &[u8]) -> Option<Neighbour> {
    let header = payload.get(..HEADER).filter(|_| kind == RTM_NEWNEIGH)?;
    let (mut ip, mut mac) = (None, None);
    for (attribute, value) in attributes(&payload[HEADER..]) {
        match attribute {
            NDA_DST => ip = ip_of(header[0].into(), value),
            NDA_LLADDR => mac = value.try_into().ok(),
            _ => {}
        }
    }
    Some(Neighbour { device: u32_of(&header[4..8])?, ip: ip?, mac, state: u16_of(&header[8..10])? })
}
