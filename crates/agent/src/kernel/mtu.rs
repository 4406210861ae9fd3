//! The guest's MTU, derived from the underlay's: what VXLAN wraps around a guest's packet must still fit the underlay.

use std::net::Ipv4Addr;

use pintle_core::net::{MIN_GUEST_MTU, VXLAN_OVERHEAD};

use super::{Netlink, addr, link};

/// Bytes that VXLAN over IPv4 adds.
pub const OVERHEAD: u32 = VXLAN_OVERHEAD as u32;

/// The smallest guest MTU.
pub const GUEST_MIN: u32 = MIN_GUEST_MTU as u32;

/// The largest guest MTU: what a veth and an IPv4 header can express.
pub const GUEST_MAX: u32 = 65535;

/// The device that carries the overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Underlay {
    /// Index of the device.
    pub index: u32,
    /// Name of the device.
    pub name: String,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// It is a loopback device: its MTU says nothing about the links that packets will leave by.
    pub loopback: bool,
}

/// Why no guest MTU can be derived.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MtuError {
    /// No device has the VTEP's address.
    #[error("no device has the VTEP address {vtep}; give an IPv4 address of this host's underlay")]
    NoDevice {
        /// The address as given.
        vtep: Ipv4Addr,
    },
    /// Several devices have it.
    #[error("the VTEP address {vtep} is on several devices ({devices}), so its MTU is ambiguous; keep it on one")]
    Ambiguous {
        /// The address as given.
        vtep: Ipv4Addr,
        /// The devices' names.
        devices: String,
    },
    /// The underlay is too small.
    #[error(
        "underlay MTU {underlay} is too small: VXLAN over IPv4 takes {OVERHEAD} bytes and a guest needs at least \
         {GUEST_MIN} (RFC 791), so the underlay needs at least {}", OVERHEAD + GUEST_MIN
    )]
    TooSmall {
        /// The underlay's MTU in bytes.
        underlay: u32,
    },
    /// The devices could not be read.
    #[error(transparent)]
    Kernel(#[from] super::KernelError),
}

/// The guest MTU for an underlay MTU, both in bytes: 1500 gives 1450, 9000 gives 8950.
///
/// # Errors
/// [`MtuError::TooSmall`] below 626.
pub fn guest_mtu(underlay: u32) -> std::result::Result<u32, MtuError> {
    match underlay.checked_sub(OVERHEAD) {
        Some(guest) if guest >= GUEST_MIN => Ok(guest.min(GUEST_MAX)),
        _ => Err(MtuError::TooSmall { underlay }),
    }
}

/// The device of the socket's namespace that has the VTEP's address.
///
/// # Errors
/// [`MtuError::NoDevice`], [`MtuError::Ambiguous`], [`MtuError::Kernel`].
pub fn underlay_of(netlink: &mut Netlink, vtep: Ipv4Addr) -> std::result::Result<Underlay, MtuError> {
    let mut indexes: Vec<u32> =
        addr::list(netlink, None)?.iter().filter(|a| a.ip() == vtep).map(|a| a.device).collect();
    indexes.sort_unstable();
    indexes.dedup();
    let mut found = Vec::with_capacity(indexes.len());
    for index in indexes {
        found.extend(link::get(netlink, index)?);
    }
    match found.len() {
        0 => Err(MtuError::NoDevice { vtep }),
        1 => {
            let device = found.remove(0);
            Ok(Underlay { index: device.index, name: device.name, mtu: device.mtu, loopback: device.loopback })
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|device| device.name.as_str()).collect();
            Err(MtuError::Ambiguous { vtep, devices: names.join(", ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i09_guest_mtu_is_the_underlays_less_the_vxlan_headers() {
        assert_eq!(guest_mtu(1500).unwrap(), 1450);
        assert_eq!(guest_mtu(9000).unwrap(), 8950);
        assert_eq!(guest_mtu(626).unwrap(), 576);
        assert_eq!(guest_mtu(u32::MAX).unwrap(), 65535);
    }

    #[test]
    fn i09_an_underlay_too_small_for_a_guest_is_refused_with_the_reason() {
        for mtu in [0, 49, 50, 625] {
            let text = guest_mtu(mtu).unwrap_err().to_string();
            assert!(text.contains(&format!("MTU {mtu} ")) && text.contains("626"), "{text}");
        }
    }
}
