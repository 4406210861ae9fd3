//! The underlay: which address other hosts' tunnels end at, and how large a packet the network below takes.

use std::net::{IpAddr, Ipv4Addr};

use crate::error::AgentError;
use crate::kernel::route::{self, Route, RouteFilter, TABLE_MAIN};
use crate::kernel::{Netlink, addr, link, mtu};

/// What is assumed of the links when the address is on a loopback device and no default route says more (Ethernet).
const USUAL_MTU: u32 = 1500;

/// The underlay as this host has it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Underlay {
    /// The address that other hosts' tunnels end at.
    pub vtep: Ipv4Addr,
    /// MTU of the links that tunnels leave by, in bytes.
    pub mtu: u16,
    /// Index of the device that has the address.
    pub device: u32,
}

impl Underlay {
    /// The largest packet of a guest: the underlay's less the headers of VXLAN.
    pub fn guest_mtu(&self) -> u32 {
        u32::from(self.mtu).saturating_sub(mtu::OVERHEAD)
    }
}

/// Finds the underlay of the socket's namespace. `vtep` is the address configured, if one is.
///
/// # Errors
/// [`AgentError::Config`] when no address stands out, [`AgentError::Underlay`] when no device has the address configured
/// or its MTU is too small.
pub(crate) fn find(netlink: &mut Netlink, vtep: Option<Ipv4Addr>) -> Result<Underlay, AgentError> {
    let vtep = match vtep {
        Some(vtep) => vtep,
        None => choose(netlink)?,
    };
    let device = mtu::underlay_of(netlink, vtep)?;
    let bytes = if device.loopback { default_device(netlink)?.map_or(USUAL_MTU, |(_, mtu)| mtu) } else { device.mtu };
    mtu::guest_mtu(bytes)?;
    Ok(Underlay { vtep, mtu: u16::try_from(bytes).unwrap_or(u16::MAX), device: device.index })
}

/// The address that stands out: the default route's device's, else the only one there is.
fn choose(netlink: &mut Netlink) -> Result<Ipv4Addr, AgentError> {
    let usable = |ip: Ipv4Addr| !ip.is_loopback() && !ip.is_link_local();
    let of_v4 = |address: &addr::Address| match address.ip() {
        IpAddr::V4(ip) => Some((address.device, ip)).filter(|(_, ip)| usable(*ip)),
        IpAddr::V6(_) => None,
    };
    let addresses: Vec<(u32, Ipv4Addr)> = addr::list(netlink, None)?.iter().filter_map(of_v4).collect();
    if let Some((device, _)) = default_device(netlink)?
        && let Some((_, ip)) = addresses.iter().find(|(of, _)| *of == device)
    {
        return Ok(*ip);
    }
    match &addresses[..] {
        [(_, only)] => Ok(*only),
        [] => Err(AgentError::Config(
            "this machine has no IPv4 address that other hosts could send to: configure one and give it with --vtep"
                .into(),
        )),
        several => {
            let list: Vec<String> = several.iter().map(|(_, ip)| ip.to_string()).collect();
            let list = list.join(", ");
            Err(AgentError::Config(format!(
                "several addresses could be the underlay's ({list}): say which with --vtep"
            )))
        }
    }
}

/// Index and MTU of the device of the default route with the smallest metric.
fn default_device(netlink: &mut Netlink) -> Result<Option<(u32, u32)>, AgentError> {
    let filter = RouteFilter { table: Some(TABLE_MAIN), ..RouteFilter::default() };
    let routes = route::list(netlink, &filter)?;
    // The tunnels are of IPv4.
    let default = |route: &&Route| route.destination.prefix_len() == 0 && route.destination.addr().is_ipv4();
    let defaults = routes.iter().filter(default);
    let Some(best) = defaults.min_by_key(|route| route.metric) else { return Ok(None) };
    Ok(link::get(netlink, best.device)?.map(|device| (device.index, device.mtu)))
}
