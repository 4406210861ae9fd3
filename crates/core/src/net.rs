//! Small network values that have rules of their own: MAC addresses, names of zones and resources, subnet ranges.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that VXLAN over IPv4 adds to a guest's IP packet: outer IPv4 20, UDP 8, VXLAN 8, inner Ethernet 14 (RFC 7348).
pub const VXLAN_OVERHEAD: u16 = 50;

/// The smallest guest MTU: what every IPv4 host must be able to receive (RFC 791).
pub const MIN_GUEST_MTU: u16 = 576;

/// The MAC of every subnet's virtual gateway, on every host: a guest that moves finds the gateway where it was.
///
/// Locally administered, unicast; never given to an interface (those begin with `02`).
pub const GATEWAY_MAC: Mac = Mac([0x0a, 0x50, 0x4c, 0x00, 0x00, 0x01]);

/// The IPv6 address of every subnet's virtual gateway, on every host (RFC 4291, 2.5.6).
pub const GATEWAY_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// Every IPv4 address.
pub const EVERYWHERE: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));

/// An Ethernet hardware address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// A locally administered unicast address (IEEE 802, U/L bit set) from the low 40 bits given.
    pub fn local(bits: u64) -> Self {
        let b = bits.to_be_bytes();
        Mac([0x02, b[3], b[4], b[5], b[6], b[7]])
    }
}
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Mac {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = [0u8; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            *byte = parts
                .next()
                .filter(|part| part.len() == 2)
                .and_then(|part| u8::from_str_radix(part, 16).ok())
                .ok_or_else(|| format!("'{text}' is not a MAC address of six hexadecimal pairs"))?;
        }
        if parts.next().is_some() {
            return Err(format!("'{text}' is not a MAC address of six hexadecimal pairs"));
        }
        Ok(Mac(bytes))
    }
}
impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The address that a guest makes of an advertised /64 and its MAC (RFC 4291, appendix A; RFC 4862, 5.5.3).
pub fn eui64(range: Ipv6Net, mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let id = u64::from_be_bytes([a ^ 0x02, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from(u128::from(range.network()) | u128::from(id))
}

/// The fixed roles of a subnet's first four and last addresses, as both clouds have them: a /24 leaves 251.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubnetRole {
    /// The network's own address.
    Network,
    /// The virtual gateway.
    Gateway,
    /// Kept for name service.
    Dns,
    /// Kept for later use.
    Reserved,
    /// The last address.
    Broadcast,
}

/// The addresses of a subnet that nobody can have, with their role.
pub fn subnet_roles(cidr: Ipv4Net) -> [(Ipv4Addr, SubnetRole); 5] {
    let base = u32::from(cidr.network());
    [
        (cidr.network(), SubnetRole::Network),
        (Ipv4Addr::from(base + 1), SubnetRole::Gateway),
        (Ipv4Addr::from(base + 2), SubnetRole::Dns),
        (Ipv4Addr::from(base + 3), SubnetRole::Reserved),
        (cidr.broadcast(), SubnetRole::Broadcast),
    ]
}

/// The virtual gateway's address: the first after the network's.
pub fn gateway(cidr: Ipv4Net) -> Ipv4Addr {
    subnet_roles(cidr)[1].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_mac_can_never_be_an_interface() {
        assert_ne!(GATEWAY_MAC.0[0], Mac::local(u64::MAX).0[0]);
        assert_eq!(GATEWAY_MAC.0[0] & 0b11, 0b10, "locally administered, unicast");
        assert_eq!(Mac::local(0x01_02_03_04_05).to_string(), "02:01:02:03:04:05");
        assert_eq!("02:01:02:03:04:05".parse(), Ok(Mac([2, 1, 2, 3, 4, 5])));
        assert!("02:01:02:03:04".parse::<Mac>().is_err() && "02:01:02:03:04:05:06".parse::<Mac>().is_err());
    }

    #[test]
    fn a_guests_own_address_is_made_of_its_mac() {
        let own = eui64("2001:db8::/64".parse().unwrap(), Mac([0x02, 0, 0x5e, 0x10, 0, 0x01]));
        assert_eq!(own.to_string(), "2001:db8::5eff:fe10:1");
    }

    #[test]
    fn five_addresses_of_a_subnet_have_roles() {
        let roles = subnet_roles("10.1.2.0/29".parse().unwrap());
        let text: Vec<String> = roles.iter().map(|(a, _)| a.to_string()).collect();
        assert_eq!(text, ["10.1.2.0", "10.1.2.1", "10.1.2.2", "10.1.2.3", "10.1.2.7"]);
    }
}
