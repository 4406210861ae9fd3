//! What a plan consists of: one difference and the step that removes it.

use std::fmt;
use std::net::IpAddr;

use pintle_core::host_spec::EntryKey;
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_datapath::{EndpointKey, LocationKey, RouteKey, VlanKey};

use crate::kernel::addr::Address;
use crate::kernel::route::Route;

/// A difference between what is and what should be, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What to do.
    pub step: Step,
    /// The entry that it is for, if it is for one.
    pub key: Option<EntryKey>,
    /// What is different, for a person.
    pub difference: String,
}

/// What to do. The order of the variants is the order of the work: see [`Stage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the VXLAN device, in place of the one with this index if there is one.
    MakeOverlay(Option<u32>),
    /// Bring the VXLAN device's MTU and state in order, and attach its program.
    MendOverlay,
    /// Tell the data plane of the VXLAN device.
    TellOverlay,
    /// Remove what is left in the data plane of a device that has gone.
    RemoveRemnant(u32),
    /// Remove a device that carries our mark and belongs to nothing.
    RemoveStray(u32),
    /// Forget a VLAN that belongs to no port.
    RemoveStrayVlan(VlanKey),
    /// Remove a port that can't be mended, to be made anew.
    ClearPort(AttachmentId),
    /// Make the namespace of an instance.
    MakeNamespace(InstanceId),
    /// Mark the namespace of an instance as ours.
    MarkNamespace(InstanceId),
    /// Make a port.
    MakePort(AttachmentId),
    /// Correct a port.
    MendPort(AttachmentId, Vec<Mend>),
    /// Make a port of a VLAN.
    MakeVlan(AttachmentId),
    /// Correct a port of a VLAN.
    MendVlan(AttachmentId, Vec<Mend>),
    /// Write an endpoint's entry.
    PutEndpoint(EndpointKey),
    /// Write a location's entry.
    PutLocation(LocationKey),
    /// Write a route's entry.
    PutRoute(RouteKey),
    /// Attach the uplink's program, and tell the data plane of the device.
    MendUplink,
    /// Tell the data plane of the uplink, or that there is none.
    TellUplink,
    /// Write what a public address leads to, and announce it.
    PutPublic(IpAddr),
    /// Forget a public address.
    DeletePublic(IpAddr),
    /// Forget an interface's way out that belongs to no public address.
    DeletePrivate(EndpointKey),
    /// Take a port's right to speak away, or another that it should no longer have.
    Mute(AttachmentId),
    /// Replace a port's programs of another build by this one's.
    UpdatePrograms(AttachmentId),
    /// Remove an endpoint's entry.
    DeleteEndpoint(EndpointKey),
    /// Remove a location's entry.
    DeleteLocation(LocationKey),
    /// Remove a route's entry.
    DeleteRoute(RouteKey),
    /// Remove a port.
    RemovePort(AttachmentId),
    /// Remove the namespace that was made for an instance.
    RemoveNamespace(InstanceId),
}

/// The order of the work.
///
/// A port is complete before anything is sent to it, packets turn to a new port before the old one falls silent, and a
/// device goes when nothing is sent to it any more. New programs come last among the changes, because with a new layout
/// they read entries that were written just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The ways to other hosts and to the public network.
    Overlay,
    /// What stands in the way.
    Clear,
    /// Namespaces to be made.
    Namespaces,
    /// Ports to be made and mended.
    Ports,
    /// The same, for ports that use VLANs of others' cards.
    Vlans,
    /// Where packets go.
    Endpoints,
    /// Who may speak.
    Locations,
    /// Where packets go that are for no endpoint.
    Routes,
    /// Public addresses: what they lead to is there by then.
    Public,
    /// Ports that fall silent.
    Mute,
    /// Programs of another build.
    Programs,
    /// Where packets no longer go.
    Forget,
    /// Ports that go.
    RemovePorts,
    /// Namespaces that go.
    RemoveNamespaces,
}

impl Step {
    /// When it is to be done.
    pub fn stage(&self) -> Stage {
        match self {
            Step::MakeOverlay(_) | Step::MendOverlay | Step::TellOverlay => Stage::Overlay,
            Step::MendUplink | Step::TellUplink => Stage::Overlay,
            Step::RemoveRemnant(_) | Step::RemoveStray(_) | Step::RemoveStrayVlan(_) => Stage::Clear,
            Step::ClearPort(_) => Stage::Clear,
            Step::MakeNamespace(_) | Step::MarkNamespace(_) => Stage::Namespaces,
            Step::MakePort(_) | Step::MendPort(..) => Stage::Ports,
            Step::MakeVlan(_) | Step::MendVlan(..) => Stage::Vlans,
            Step::PutEndpoint(_) => Stage::Endpoints,
            Step::PutLocation(_) => Stage::Locations,
            Step::PutRoute(_) => Stage::Routes,
            Step::PutPublic(_) | Step::DeletePublic(_) | Step::DeletePrivate(_) => Stage::Public,
            Step::Mute(_) => Stage::Mute,
            Step::UpdatePrograms(_) => Stage::Programs,
            Step::DeleteEndpoint(_) | Step::DeleteLocation(_) | Step::DeleteRoute(_) => Stage::Forget,
            Step::RemovePort(_) => Stage::RemovePorts,
            Step::RemoveNamespace(_) => Stage::RemoveNamespaces,
        }
    }
}

/// One correction of a port. The order of the variants is the order of the work: policy before the link is up, the link
/// up before routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Write what may pass it.
    Iface,
    /// Write what its guest is told that asks.
    GuestConfig,
    /// Write its entry in the data plane.
    Row,
    /// Attach its programs.
    Programs,
    /// Set the host side's MTU.
    HostMtu {
        /// MTU now.
        is: u32,
    },
    /// Bring the host side's alias in order.
    HostAlias,
    /// Bring the host side up.
    HostUp,
    /// Set the guest's alias.
    GuestAlias,
    /// Set the guest's device name.
    GuestName {
        /// Name now.
        is: String,
    },
    /// Set the guest's Ethernet address.
    GuestMac,
    /// Set the guest's MTU.
    GuestMtu {
        /// MTU now.
        is: u32,
    },
    /// Bring the guest's settings of IPv6 in order.
    GuestIpv6,
    /// Bring the guest side up.
    GuestUp,
    /// Take an address away from the guest.
    RemoveAddress(Address),
    /// Give the guest an address.
    AddAddress(Address),
    /// Take a default route of ours away from the guest.
    RemoveRoute(Route),
    /// Give the guest one of its default routes.
    AddRoute(Route),
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let via = |route: &Route| route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
        match self {
            Mend::Iface => f.write_str("what may pass it is different in the data plane"),
            Mend::GuestConfig => f.write_str("what its guest is told is different in the data plane"),
            Mend::Row => f.write_str("its entry in the data plane is missing or different"),
            Mend::Programs => f.write_str("its programs are not attached to the host's device"),
            Mend::HostMtu { is } => write!(f, "the host's device has MTU {is}"),
            Mend::HostAlias => f.write_str("the host's device has another alias"),
            Mend::HostUp => f.write_str("the host's device is down"),
            Mend::GuestAlias => f.write_str("the guest's device has another alias"),
            Mend::GuestName { is } => write!(f, "the guest's device is named '{is}'"),
            Mend::GuestMac => f.write_str("the guest's device has another MAC address"),
            Mend::GuestMtu { is } => write!(f, "the guest's device has MTU {is}"),
            Mend::GuestIpv6 => {
                f.write_str("the guest's device has IPv6 off, or takes routes from router advertisements")
            }
            Mend::GuestUp => f.write_str("the guest's device is down"),
            Mend::RemoveAddress(address) => write!(f, "the guest's device has address {}", address.net),
            Mend::AddAddress(address) => write!(f, "address {} missing on the guest's device", address.net),
            Mend::RemoveRoute(route) => write!(f, "the guest has route default{}", via(route)),
            Mend::AddRoute(route) => write!(f, "route default{} missing in the guest", via(route)),
        }
    }
}
