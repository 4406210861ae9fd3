//! Raw Ethernet frames into and out of a device: what a hostile guest can send, and what really arrives.

mod frame;
mod fuzz;
mod mutate;
mod socket;

pub use frame::{BROADCAST, Endpoint, Mac};
pub use fuzz::{FuzzFrames, MAX_FRAME, MIN_FRAME, fuzz_frames};
pub use socket::{Counters, Injector};

/// Builders of valid frames, checksums included: what a test injects when it does not want a fuzzed one.
pub mod build {
    pub use super::frame::{arp, ethernet, icmp, icmpv6, ipv4, ipv6, tcp, tcp6, udp, vlan, vxlan};
}
