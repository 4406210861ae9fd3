//! The entries of the maps as Rust values. Each is converted to and from the kernel's layout in one place: its own file.

pub(crate) mod addr;
mod endpoint;
mod guest_config;
mod iface;
mod location;
pub(crate) mod policy;
mod port;
mod public;
pub(crate) mod route;
mod settings;
mod vlan;

pub use endpoint::{Endpoint, EndpointKey};
pub use guest_config::GuestConfig;
pub use iface::{Iface, ticks};
pub use location::{Location, LocationKey};
pub use port::{Port, vlan_port};
pub use public::{PrivateAddress, PublicAddress, Uplink};
pub use route::{Route, RouteKey, RouteTo};
pub use settings::HostSettings;
pub use vlan::{Vlan, VlanKey};

use std::fmt::Debug;

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

/// An optional number of which 0 is never valid (a device index or a slot).
pub(crate) fn nonzero(raw: u32) -> Option<u32> {
    (raw != 0).then_some(raw)
}
