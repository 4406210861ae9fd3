//! Drivers for the kernel's network objects: namespaces, devices, addresses, routes, neighbours.
//!
//! A driver converts between our words and the kernel's and reads back what is there. It decides nothing: which device
//! should exist, and whether to touch it at all, is the planner's business. Everything here is synchronous, because a
//! netlink request is answered inside the `send` that carries it: there is nothing to wait for, and a detour through an
//! async runtime would cost more than the work.
//!
//! Reading this directory: [`Netlink`] is a socket in one namespace; the functions of [`link`], [`addr`], [`route`] and
//! [`neigh`] either read through it or build a [`Request`], and one or many requests are carried out by
//! [`Netlink::change`] and [`Netlink::pipeline`]. [`Netlink::writes`] counts them, which is how a test proves that a
//! second apply of the same state wrote nothing.

pub mod addr;
pub mod announce;
mod error;
pub mod link;
pub mod monitor;
pub mod mtu;
pub mod neigh;
pub mod netns;
pub mod process;
mod request;
pub mod route;
mod socket;
pub mod sysctl;
pub mod tap;
pub mod tc;
mod wire;

pub use error::{KernelError, Result};
pub use netns::{NetNs, NetNsId};
pub use request::Request;
pub use socket::Netlink;
