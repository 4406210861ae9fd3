//! The entries of the maps as Rust values. Each is converted to and from the kernel's layout in one place: its own file.

mod endpoint;
mod location;
mod port;
mod settings;

pub use endpoint::{Endpoint, EndpointKey};
pub use location::{Location, LocationKey};
pub use port::Port;
pub use settings::HostSettings;

use std::fmt::Debug;
use std::net::Ipv4Addr;

use crate::error::Result;
use crate::maps::MapName;
use crate::skel::Plain;

/// The smallest MTU of an IPv4 link (RFC 791).
pub const MIN_MTU: u16 = 68;
/// The largest segment number of VXLAN (RFC 7348): 24 bits.
pub const MAX_SEGMENT: u32 = 0x00ff_ffff;

/// A value that lives in one of the maps, with its key: what a [`Table`](crate::Table) reads and writes.
pub trait Entry: Sized + Clone + Debug + PartialEq {
    /// What the entry is found by.
    type Key: Copy + Debug + Ord;
    /// The key in the kernel's layout.
    #[doc(hidden)]
    #[allow(private_bounds, reason = "the trait is sealed by it: only entries of this crate exist")]
    type RawKey: Plain;
    /// The value in the kernel's layout.
    #[doc(hidden)]
    #[allow(private_bounds, reason = "the trait is sealed by it: only entries of this crate exist")]
    type RawValue: Plain;
    /// The map.
    #[doc(hidden)]
    const MAP: MapName;

    /// To the kernel's layout.
    #[doc(hidden)]
    fn raw_key(key: &Self::Key) -> Self::RawKey;
    /// From the kernel's layout.
    #[doc(hidden)]
    fn key_from_raw(raw: &Self::RawKey) -> Self::Key;
    /// To the kernel's layout.
    #[doc(hidden)]
    fn raw_value(&self) -> Self::RawValue;
    /// From the kernel's layout.
    #[doc(hidden)]
    fn from_raw(raw: &Self::RawValue) -> Self;
    /// Refuses what can never be right, before it is written.
    #[doc(hidden)]
    fn check(&self, key: &Self::Key) -> Result<()>;
}

/// An address as it stands in a map: the bytes in network order.
pub(crate) fn be32(addr: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(addr.octets())
}

/// The reverse of [`be32`].
pub(crate) fn addr(raw: u32) -> Ipv4Addr {
    Ipv4Addr::from(raw.to_ne_bytes())
}

/// An optional address; the maps write "none" as 0.0.0.0, which is no host's address.
pub(crate) fn be32_or_zero(addr: Option<Ipv4Addr>) -> u32 {
    addr.map_or(0, be32)
}

/// The reverse of [`be32_or_zero`].
pub(crate) fn addr_or_none(raw: u32) -> Option<Ipv4Addr> {
    (raw != 0).then(|| addr(raw))
}

/// An optional number of which 0 is never valid (a device index or a slot).
pub(crate) fn nonzero(raw: u32) -> Option<u32> {
    (raw != 0).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_network_order_in_memory() {
        let gateway = Ipv4Addr::new(10, 1, 2, 3);
        assert_eq!(be32(gateway).to_ne_bytes(), [10, 1, 2, 3]);
        assert_eq!(addr(be32(gateway)), gateway);
        assert_eq!(addr_or_none(be32_or_zero(None)), None);
        assert_eq!(addr_or_none(be32_or_zero(Some(gateway))), Some(gateway));
    }
}
