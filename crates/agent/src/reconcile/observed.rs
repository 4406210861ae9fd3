//! What is really there, as far as it is ours: the other half of what a plan is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use pintle_core::id::{AttachmentId, InstanceId};
use pintle_datapath::{
    Endpoint, EndpointKey, GuestConfig, HostSettings, Iface, Location, LocationKey, Port, PrivateAddress,
    PublicAddress, Route as Row, RouteKey, VlanKey,
};

use crate::kernel::addr::Address;
use crate::kernel::link::Ipv6Settings;
use crate::kernel::route::Route;

/// Everything of ours that was found. Of a part of the host, if only a part was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The way to other hosts.
    pub overlay: OverlayState,
    /// The way to the public network.
    pub uplink: UplinkState,
    /// The namespaces of instances that are wanted, and those that were made for instances that no longer are.
    pub namespaces: BTreeMap<InstanceId, NamespaceState>,
    /// The ports that have a device.
    pub ports: BTreeMap<AttachmentId, PortState>,
    /// Devices that carry our mark and belong to no port: index and name.
    pub strays: BTreeMap<u32, String>,
    /// Device indexes that have a port entry or pinned programs, and no device of ours; with the entry's slot.
    pub remnants: BTreeMap<u32, Option<u32>>,
    /// VLANs in the data plane that belong to no port.
    pub stray_vlans: BTreeSet<VlanKey>,
    /// The endpoints' entries.
    pub endpoints: BTreeMap<EndpointKey, Endpoint>,
    /// The locations' entries.
    pub locations: BTreeMap<LocationKey, Location>,
    /// The routes' entries.
    pub routes: BTreeMap<RouteKey, Row>,
    /// The public addresses' entries.
    pub public: BTreeMap<IpAddr, PublicAddress>,
    /// The entries of addresses that go out by a public one.
    pub private: BTreeMap<EndpointKey, PrivateAddress>,
}

/// The way to the public network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UplinkState {
    /// The device, if one is configured and there.
    pub device: Option<UplinkDevice>,
    /// Whether the program is attached to it.
    pub programs: Programs,
}

/// The device to the public network. It is the host's own: it is read, and nothing of it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UplinkDevice {
    /// Index.
    pub index: u32,
    /// Ethernet address, with which ARP for public addresses is answered.
    pub mac: [u8; 6],
    /// MTU in bytes.
    pub mtu: u32,
}

/// The way to other hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverlayState {
    /// The VXLAN device, if there is one with our mark.
    pub device: Option<OverlayDevice>,
    /// Whether the program is attached to it.
    pub programs: Programs,
    /// What the data plane has been told of it.
    pub settings: HostSettings,
}

/// A VXLAN device with our mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayDevice {
    /// Index.
    pub index: u32,
    /// Why it can't be used as it is, if it can't: these properties are fixed at a device's birth.
    pub wrong: Option<String>,
    /// MTU in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
}

/// The namespace of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceState {
    /// It is there.
    There,
    /// It is there, was made for the instance, and has not been marked as ours yet.
    Unmarked,
    /// It is to be made and is not there.
    Absent,
    /// It is not ours to make, and can't be used; why.
    Unusable(String),
}

/// Whether a device has the programs that it should have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Programs {
    /// They are attached and run first.
    Attached,
    /// They are attached, from another build.
    Outdated,
    /// They are attached and somebody else's run before them; the ids of those.
    Preceded(Vec<u32>),
    /// They are not attached.
    #[default]
    Missing,
}

/// A port that has a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortState {
    /// The host side.
    pub device: HostDevice,
    /// Its entry in the data plane.
    pub row: Option<Port>,
    /// What may pass it, if it has a slot.
    pub iface: Iface,
    /// What its guest is told that asks, if it has a slot.
    pub guest_config: GuestConfig,
    /// Its programs.
    pub programs: Programs,
    /// The guest side, if it is in the namespace where it should be. None for a tap, which has a machine behind it, and for a VLAN,
    /// whose device is the guest's own affair.
    pub guest: Option<GuestDevice>,
}

/// The host side of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDevice {
    /// Index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// The interface's generation that its alias says.
    pub generation: u32,
    /// MTU in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// It is a tap, not an end of a veth pair.
    pub tap: bool,
    /// It is no device, but a VLAN of a card, and `index` is the port's number in the data plane.
    pub vlan: Option<VlanKey>,
}

/// The guest side of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestDevice {
    /// Index in the guest's namespace.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Ethernet address.
    pub mac: [u8; 6],
    /// MTU in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// Alias.
    pub alias: String,
    /// Settings of IPv6, if it is on the device at all.
    pub ipv6: Option<Ipv6Settings>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Default routes through it.
    pub routes: Vec<Route>,
}

/// Where a port is, in the data plane's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the host-side device, or the number of a VLAN's port.
    pub index: u32,
    /// Slot of its counters.
    pub slot: u32,
    /// The device is a tap.
    pub tap: bool,
}

/// The ports that packets can be sent to.
pub type Realised = BTreeMap<AttachmentId, Place>;

impl Observed {
    /// The ports that packets can be sent to.
    pub fn realised(&self) -> Realised {
        self.ports.iter().filter_map(|(id, port)| Some((*id, port.place()?))).collect()
    }
}

impl HostDevice {
    /// What leads to the guest, as the port's entry says it.
    pub fn lead(&self) -> Lead {
        Lead { tap: self.tap, card: self.vlan.map(|vlan| vlan.ifindex) }
    }
}

/// What leads to a port's guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lead {
    /// The device is a tap.
    pub tap: bool,
    /// The card's device, if the port uses a VLAN of it.
    pub card: Option<u32>,
}

impl PortState {
    /// Where the port is, if it is complete enough for packets to be sent to it.
    pub fn place(&self) -> Option<Place> {
        self.row.as_ref().map(|row| Place { index: self.device.index, slot: row.slot, tap: self.device.tap })
    }
}
