//! What the data plane should know of public addresses.

use std::net::IpAddr;

use pintle_core::host_spec::FloatingIpSpec;
use pintle_datapath::{EndpointKey, PrivateAddress, PublicAddress, Uplink};

use crate::reconcile::observed::UplinkDevice;

/// A public address's entries: the way in and, if it is an interface's and translated, the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Public {
    pub(crate) inward: PublicAddress,
    pub(crate) outward: Option<(EndpointKey, PrivateAddress)>,
}

/// What a public address should be at this uplink.
pub(crate) fn public(address: IpAddr, spec: &FloatingIpSpec, device: &UplinkDevice) -> Public {
    let uplink = Uplink { mac: device.mac, mtu: u16::try_from(device.mtu).unwrap_or(u16::MAX) };
    match *spec {
        FloatingIpSpec::Gateway { .. } => Public { inward: PublicAddress::Gateway { uplink }, outward: None },
        FloatingIpSpec::Vni { segment, address: private, translate, .. } => {
            let own = PrivateAddress { public: address, translate, mtu: uplink.mtu };
            let key = EndpointKey { segment, addr: private };
            Public {
                inward: PublicAddress::Interface { segment, private, translate, uplink },
                // Who sees the public address itself sends from it: no other leads to it.
                outward: translate.then_some((key, own)),
            }
        }
    }
}

/// The entry for the way out that belongs to an entry for the way in.
pub(crate) fn outward_key(inward: &PublicAddress) -> Option<EndpointKey> {
    match *inward {
        PublicAddress::Interface { segment, private, .. } => Some(EndpointKey { segment, addr: private }),
        PublicAddress::Gateway { .. } => None,
    }
}
