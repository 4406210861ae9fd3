//! Veth pairs: a guest's cable, one end on the host and the other made directly inside the guest's namespace.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage};

use super::{Link, MacBytes, change, decode, message, name};
use crate::kernel::{KernelError, NetNs, Netlink, Request, Result};

/// One end of a pair to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VethEnd<'a> {
    /// Name, 1 to 15 bytes.
    pub name: &'a str,
    /// Ethernet address; `None` lets the kernel draw one.
    pub mac: Option<MacBytes>,
    /// Index to have; `None` lets the kernel choose. A taken one refuses the pair.
    pub index: Option<u32>,
}

/// A pair to be made.
#[derive(Debug, Clone, Copy)]
pub struct VethSpec<'a> {
    /// The end in the socket's namespace.
    pub host: VethEnd<'a>,
    /// Alias of the host end. The kernel takes no alias in the message that makes a device, so the guest end's, where
    /// one is wanted, is set through the guest's socket with [`set_alias`](change::set_alias).
    pub host_alias: &'a str,
    /// The end in the guest's namespace.
    pub guest: VethEnd<'a>,
    /// The guest's namespace; may be the socket's own.
    pub namespace: &'a NetNs,
    /// MTU of the guest's end in bytes, 68 to 65535; the host's has [`HOST_MTU`].
    pub mtu: u32,
    /// Group of the host end: unlike the alias it is there from birth, so that even a pair whose maker died at once can
    /// be told from the user's.
    pub group: u32,
}

/// The indexes of a pair that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VethPair {
    /// Index in the socket's namespace.
    pub host: u32,
    /// Index in the guest's namespace.
    pub guest: u32,
}

/// Makes a pair, both ends down, the host end with its alias and without IPv6 addresses. On an error nothing is left,
/// except that after [`KernelError::AnswerLost`] the pair may be there and is found by its group.
///
/// # Errors
/// [`KernelError::Invalid`] for a name or alias; [`KernelError::Refused`] with `EEXIST` if a name is taken on its side.
pub fn create_veth(netlink: &mut Netlink, spec: &VethSpec<'_>) -> Result<VethPair> {
    create_veths(netlink, std::slice::from_ref(spec)).pop().expect("one outcome per pair")
}

/// Makes many pairs, as [`create_veth`] each, in few system calls. One pair's failure leaves the others alone.
pub fn create_veths(netlink: &mut Netlink, specs: &[VethSpec<'_>]) -> Vec<Result<VethPair>> {
    let prepared: Vec<Result<Request>> = specs.iter().map(request).collect();
    let requests: Vec<Request> = prepared.iter().flatten().cloned().collect();
    // The kernel echoes the host end's description, which names both indexes: no second question, no race.
    let mut echoed = vec![None; requests.len()];
    let granted = netlink.exchange(&requests, |position, frame| {
        echoed[position] = echoed[position].or(decode(frame.kind, frame.payload).and_then(|link| pair_of(&link)));
    });
    let mut answers = granted.into_iter().zip(echoed);
    let mut outcomes: Vec<Result<VethPair>> = Vec::with_capacity(specs.len());
    for (request, spec) in prepared.into_iter().zip(specs) {
        outcomes.push(request.and_then(|_| {
            let (granted, echoed) = answers.next().expect("one answer per request");
            granted?;
            echoed.map_or_else(|| look_up(netlink, spec), Ok)
        }));
    }
    finish(netlink, specs, &mut outcomes);
    outcomes
}

/// For kernels before 6.2, which do not echo.
fn look_up(netlink: &mut Netlink, spec: &VethSpec<'_>) -> Result<VethPair> {
    let made = super::get_named(netlink, spec.host.name)?.filter(|link| link.kind.as_deref() == Some("veth"));
    made.as_ref().and_then(pair_of).ok_or_else(|| KernelError::Vanished { what: describe(spec) })
}

fn pair_of(host: &Link) -> Option<VethPair> {
    host.peer.map(|guest| VethPair { host: host.index, guest })
}

fn describe(spec: &VethSpec<'_>) -> String {
    format!("create veth pair '{}' and '{}'", spec.host.name, spec.guest.name)
}

/// Writes what the kernel does not take at birth, and takes pairs away again that it refuses this for.
fn finish(netlink: &mut Netlink, specs: &[VethSpec<'_>], outcomes: &mut [Result<VethPair>]) {
    let (mut requests, mut positions) = (Vec::new(), Vec::new());
    for (position, (spec, outcome)) in specs.iter().zip(&*outcomes).enumerate() {
        let Ok(pair) = outcome else { continue };
        requests.push(change::without_ipv6_addresses(pair.host));
        positions.push(position);
        if !spec.host_alias.is_empty() {
            requests.push(change::set_alias(pair.host, spec.host_alias).expect("the alias was checked before"));
            positions.push(position);
        }
    }
    for (position, outcome) in positions.into_iter().zip(netlink.pipeline(&requests)) {
        let Err(error) = outcome else { continue };
        if let Ok(pair) = outcomes[position] {
            // The first error is the one to report; a pair that cannot be deleted is found by its group.
            let _ = change::delete(pair.host).and_then(|request| netlink.change(&request));
            outcomes[position] = Err(error);
        }
    }
}

/// The MTU of a pair's host side: the largest there is. What is too big for its way must reach the programs there, which
/// say so; the kernel drops without a word what a device sends that is larger than its peer's MTU.
pub const HOST_MTU: u32 = 65_535;

fn request(spec: &VethSpec<'_>) -> Result<Request> {
    name::check(spec.host.name)?;
    name::check(spec.guest.name)?;
    name::check_alias(spec.host_alias)?;
    let mut guest = end(&spec.guest, spec.mtu);
    guest.attributes.push(LinkAttribute::NetNsFd(spec.namespace.as_fd().as_raw_fd()));
    let mut host = end(&spec.host, HOST_MTU);
    host.attributes.push(LinkAttribute::Group(spec.group));
    host.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(guest))),
    ]));
    Ok(Request::new(RouteNetlinkMessage::NewLink(host), NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, describe(spec)))
}

fn end(end: &VethEnd<'_>, mtu: u32) -> LinkMessage {
    let mut message = message(end.index.unwrap_or(0));
    message.attributes.push(LinkAttribute::IfName(end.name.to_owned()));
    message.attributes.push(LinkAttribute::Mtu(mtu));
    message.attributes.extend(end.mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
    message
}
