//! The VXLAN device (RFC 7348): one per host, whose segment and remote host are said packet by packet.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkInfo, VxlanDf};

use super::{change, message, name};
use crate::kernel::wire::attributes;
use crate::kernel::{KernelError, Netlink, Request, Result};

// Attribute numbers of linux/if_link.h.
const IFLA_VXLAN_LEARNING: u16 = 7;
const IFLA_VXLAN_PORT: u16 = 15;
const IFLA_VXLAN_UDP_CSUM: u16 = 18;
const IFLA_VXLAN_COLLECT_METADATA: u16 = 25;
const IFLA_VXLAN_DF: u16 = 29;

/// What the outer header's don't-fragment bit is to be. In metadata mode the program that sends a packet may set it
/// too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DontFragment {
    /// Clear: routers of the underlay may fragment.
    #[default]
    Unset,
    /// Set: too large a packet is dropped where it does not fit.
    Set,
    /// As in the guest's packet.
    Inherit,
}

/// A VXLAN device to be made, in collect-metadata ("external") mode and without learning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VxlanSpec<'a> {
    /// Name, 1 to 15 bytes.
    pub name: &'a str,
    /// Alias; empty for none.
    pub alias: &'a str,
    /// UDP port to listen on and send to; 4789 is the registered one. One device per port and namespace.
    pub port: u16,
    /// MTU in bytes: at least the largest guest MTU.
    pub mtu: u32,
    /// The outer header's don't-fragment bit.
    pub dont_fragment: DontFragment,
    /// Whether outer UDP checksums are sent. RFC 7348 says they should be zero; then zero is also taken and sent over
    /// IPv6, where it is otherwise refused (RFC 6935).
    pub udp_checksum: bool,
    /// Group; 0 is the default group.
    pub group: u32,
}

/// The settings of a VXLAN device that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VxlanSettings {
    /// UDP port.
    pub port: u16,
    /// Collect-metadata mode.
    pub external: bool,
    /// Whether it learns remote addresses from what it receives.
    pub learning: bool,
    /// The outer header's don't-fragment bit.
    pub dont_fragment: DontFragment,
    /// Whether outer UDP checksums are sent over IPv4.
    pub udp_checksum: bool,
}

/// Makes the device, down and without IPv6 addresses, and gives its index. On an error nothing is left.
///
/// # Errors
/// [`KernelError::Invalid`] for name or alias; [`KernelError::Refused`] with `EEXIST` if the name or the port is taken.
pub fn create_vxlan(netlink: &mut Netlink, spec: &VxlanSpec<'_>) -> Result<u32> {
    name::check(spec.name)?;
    name::check_alias(spec.alias)?;
    netlink.change(&request(spec))?;
    // This kind of device is not echoed to its maker, so it is looked up; the kind and port say that it is still ours.
    let made = super::get_named(netlink, spec.name)?.filter(|link| link.vxlan.is_some_and(|v| v.port == spec.port));
    let index = made
        .map(|link| link.index)
        .ok_or_else(|| KernelError::Vanished { what: format!("create VXLAN device '{}'", spec.name) })?;
    let rest = [change::without_ipv6_addresses(index), change::set_alias(index, spec.alias)?];
    netlink.change_all(&rest).map(|_| index).inspect_err(|_| {
        // The error to report is the one that came first.
        let _ = change::delete(index).and_then(|request| netlink.change(&request));
    })
}

fn request(spec: &VxlanSpec<'_>) -> Request {
    let mut link = message(0);
    link.attributes.push(LinkAttribute::IfName(spec.name.to_owned()));
    link.attributes.push(LinkAttribute::Mtu(spec.mtu));
    link.attributes.push(LinkAttribute::Group(spec.group));
    link.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Vxlan),
        LinkInfo::Data(InfoData::Vxlan(vec![
            InfoVxlan::CollectMetadata(true),
            InfoVxlan::Learning(false),
            InfoVxlan::Port(spec.port),
            InfoVxlan::Df(match spec.dont_fragment {
                DontFragment::Unset => VxlanDf::Unset,
                DontFragment::Set => VxlanDf::Set,
                DontFragment::Inherit => VxlanDf::Inherit,
            }),
            InfoVxlan::UDPCsum(spec.udp_checksum),
            InfoVxlan::UDPZeroCsumTX(!spec.udp_checksum),
            InfoVxlan::UDPZeroCsumRX(!spec.udp_checksum),
        ])),
    ]));
    let what = format!("create VXLAN device '{}' on UDP port {}", spec.name, spec.port);
    Request::new(RouteNetlinkMessage::NewLink(link), NLM_F_CREATE | NLM_F_EXCL, what)
}

/// Reads the settings from a device's `IFLA_INFO_DATA`.
pub(super) fn decode_settings(data: &[u8]) -> VxlanSettings {
    let mut settings = VxlanSettings::default();
    for (kind, value) in attributes(data) {
        let set = value.first().is_some_and(|byte| *byte != 0);
        match kind {
            IFLA_VXLAN_PORT => settings.port = value.try_into().map(u16::from_be_bytes).unwrap_or_default(),
            IFLA_VXLAN_COLLECT_METADATA => settings.external = set,
            IFLA_VXLAN_LEARNING => settings.learning = set,
            IFLA_VXLAN_UDP_CSUM => settings.udp_checksum = set,
            IFLA_VXLAN_DF => {
                settings.dont_fragment = match value {
                    [1] => DontFragment::Set,
                    [2] => DontFragment::Inherit,
                    _ => DontFragment::Unset,
                }
            }
            _ => {}
        }
    }
    settings
}
