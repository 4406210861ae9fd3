//! Typed ids with one text form: the kind's prefix, a dash and 17 hexadecimal digits (`eni-0f3a5c…`).
//!
//! The same text stands in both APIs, the CLI, logs, metrics and map dumps, so nobody ever needs a mapping table. The
//! first digit is always 0 and the other 16 carry 64 bits, as in EC2's long ids. An id is a name, not a secret: who may
//! see a thing is decided by whose it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::Timestamp;

/// Where new ids get their bits from: the system's randomness in production, a seed in simulation.
pub trait IdSource {
    /// 64 bits, uniformly distributed.
    fn bits(&mut self) -> u64;

    /// 64 bits that grow. A source for a store that lasts draws them [in order of time](InOrder).
    fn next(&mut self) -> u64 {
        self.bits()
    }
}

/// Bits in the order of time, as of a UUID of version 7 (RFC 9562, 5.7 and 6.2): 42 of the milliseconds since 1970, which
/// last to 2109, then 22 that are drawn anew each millisecond and grow within it.
///
/// What is made together has keys that lie together. A store then changes a few pages where random ids change as many as
/// there are keys, and a listing reads whole pages; neither grows with what else is stored. They are not as unlikely to come
/// again as random ones: a clock can be set back.
#[derive(Debug, Clone, Copy, Default)]
pub struct InOrder {
    last: u64,
}

impl InOrder {
    const RANDOM_BITS: u32 = 22;
    /// So that some 500 ids fit into a millisecond; more take from the next ones.
    const STEP_BITS: u32 = 13;

    /// The next bits: larger than the ones before, also when the clock goes back.
    pub fn next(&mut self, now: Timestamp, random: u64) -> u64 {
        let begin = (now.0 << Self::RANDOM_BITS) | (random & ((1 << Self::RANDOM_BITS) - 1));
        let step = 1 + (random >> (64 - Self::STEP_BITS));
        self.last = if self.last >> Self::RANDOM_BITS < now.0 { begin } else { self.last.wrapping_add(step) };
        self.last
    }
}

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a {kind} id: expected '{prefix}-' and 17 lower-case hexadecimal digits")]
pub struct InvalidId {
    /// What was given.
    pub text: String,
    /// The kind that was wanted, in words.
    pub kind: &'static str,
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

fn parse(text: &str, prefix: &'static str, kind: &'static str) -> Result<u64, InvalidId> {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).filter(|digits| {
        digits.len() == 17
            && digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    });
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| InvalidId {
        text: text.chars().take(80).collect(),
        kind,
        prefix,
    })
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident, $prefix:literal, $kind:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// What the text of every id of this kind begins with, before the dash.
            pub const PREFIX: &'static str = $prefix;
            /// The kind in words, for messages.
            pub const KIND: &'static str = $kind;

            /// A new id from the given source, at random.
            pub fn new(source: &mut (impl IdSource + ?Sized)) -> Self { Self(source.bits()) }
            /// A new id of what is made in great numbers: see [`InOrder`]. Its key must be absent when it is stored.
            pub fn in_order(source: &mut (impl IdSource + ?Sized)) -> Self { Self(source.next()) }
            /// The id with these bits: for maps that hold ids as numbers.
            pub const fn from_bits(bits: u64) -> Self { Self(bits) }
            /// Its bits, as [`from_bits`](Self::from_bits) takes them.
            pub const fn bits(self) -> u64 { self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!($prefix, "-{:017x}"), self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> { parse(text, $prefix, $kind).map(Self) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// Id of a [`crate::model::Vpc`].
    VpcId, "vpc", "VPC";
    /// Id of a [`crate::model::Subnet`].
    SubnetId, "subnet", "subnet";
    /// Id of a [`crate::model::ReservedIp`].
    ReservedIpId, "rip", "reserved IP";
    /// Id of a [`crate::model::Vni`].
    VniId, "eni", "virtual network interface";
    /// Id of a [`crate::model::VniPermission`].
    VniPermissionId, "eni-perm", "permission to use a virtual network interface";
    /// Id of a [`crate::model::Instance`].
    InstanceId, "i", "instance";
    /// What the instances of one launch have in common: see [`crate::model::Launch`].
    ReservationId, "r", "reservation";
    /// Id of a [`crate::model::Attachment`].
    AttachmentId, "eni-attach", "network attachment";
    /// Id of a [`crate::model::Host`].
    HostId, "host", "host";
    /// Id of a [`crate::model::ApiKey`].
    ApiKeyId, "apikey", "API key";
    /// Id of a [`crate::model::Policy`].
    PolicyId, "policy", "access policy";
    /// Id of a [`crate::model::SecurityGroup`].
    SecurityGroupId, "sg", "security group";
    /// Id of a rule of a [`crate::model::SecurityGroup`].
    RuleId, "sgr", "security group rule";
    /// Id of a [`crate::model::NetworkAcl`].
    NetworkAclId, "acl", "network ACL";
    /// Id of a rule of a [`crate::model::NetworkAcl`].
    AclRuleId, "acl-rule", "network ACL rule";
    /// Id of a subnet's bond to its network ACL; see [`AclAssociationId::of`].
    AclAssociationId, "aclassoc", "network ACL association";
    /// Id of a [`crate::model::FlowLog`].
    FlowLogId, "fl", "flow log";
    /// Id of a [`crate::model::Share`].
    ShareId, "fs", "share";
    /// Id of a [`crate::model::PrefixList`].
    PrefixListId, "pl", "prefix list";
    /// Id of a [`crate::model::FloatingIp`].
    FloatingIpId, "eipalloc", "floating IP";
    /// Id of what joins a [`crate::model::FloatingIp`] to what it leads to, for as long as it does.
    AssociationId, "eipassoc", "association of a floating IP";
    /// Id of a [`crate::model::PublicPool`].
    PublicPoolId, "pool", "public pool";
    /// Id of a [`crate::model::PublicGateway`].
    PublicGatewayId, "nat", "public gateway";
    /// Id of a [`crate::model::InternetGateway`].
    InternetGatewayId, "igw", "internet gateway";
    /// Id of a [`crate::model::RouteTable`].
    RouteTableId, "rtb", "route table";
    /// Id of a [`crate::model::ZoneRoute`].
    ZoneRouteId, "rtb-route", "route";
    /// Id of a [`crate::model::RouteAssociation`].
    RouteAssociationId, "rtbassoc", "route table association";
    /// Id of a [`crate::model::VpcRange`].
    VpcRangeId, "vpc-cidr-assoc", "VPC range";
    /// Id of a subnet's IPv6 range. A subnet has one at most, so it has the digits of its subnet's id.
    SubnetRangeId, "subnet-cidr-assoc", "subnet range";
    /// Id of a [`crate::model::SubnetReservation`].
    SubnetReservationId, "scr", "subnet reservation";
    /// Id of a [`crate::model::DhcpOptionSet`].
    DhcpOptionSetId, "dopt", "DHCP option set";
    /// Id of a [`crate::model::SshKey`].
    SshKeyId, "key", "SSH key";
}

impl AclAssociationId {
    /// The bond of this subnet to this ACL. A subnet has one ACL at a time, and each of them makes another bond, so that an
    /// id from before a change is nobody's after it.
    pub fn of(subnet: SubnetId, acl: NetworkAclId) -> Self {
        // A bijection, so two ACLs never make the same bond with one subnet.
        Self(mixed(subnet.bits() ^ acl.bits().rotate_left(32)))
    }
}

impl RouteTableId {
    /// The first route table of a VPC, which goes with it.
    pub fn first_of(vpc: VpcId) -> Self {
        Self(mixed(vpc.bits()))
    }
}

impl ZoneRouteId {
    /// The id of a route that holds in every zone, as it is shown for one of them.
    pub fn shown(table: RouteTableId, zone: &str, net: ipnet::Ipv4Net) -> Self {
        let net = u64::from(u32::from(net.network())) << 8 | u64::from(net.prefix_len());
        Self(zone.bytes().fold(mixed(mixed(table.bits()) ^ net), |id, byte| mixed(id ^ u64::from(byte))))
    }
}

impl RouteAssociationId {
    /// That a VPC has its first route table as its main one.
    pub fn first_of(vpc: VpcId) -> Self {
        Self(mixed(vpc.bits().rotate_left(32)))
    }
}

/// The finaliser of SplitMix64: a bijection.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u64);
    impl IdSource for Fixed {
        fn bits(&mut self) -> u64 {
            self.0
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(bits: u64) {
            let id = VniId::new(&mut Fixed(bits));
            prop_assert_eq!(id.to_string().len(), "eni-".len() + 17);
            prop_assert_eq!(id.to_string().parse::<VniId>(), Ok(id));
        }
    }

    proptest! {
        #[test]
        fn ids_are_in_the_order_of_their_making(steps in prop::collection::vec((0u64..3, any::<u64>()), 1..2000)) {
            let (mut ids, mut now, mut last) = (InOrder::default(), 1_790_000_000_000, 0);
            for (later, random) in steps {
                now += later;
                let bits = ids.next(Timestamp(now), random);
                prop_assert!(bits > last, "{bits} after {last}");
                prop_assert!(bits >> 22 >= now);
                last = bits;
            }
            // Also when the clock was wrong.
            prop_assert!(ids.next(Timestamp(now - 1000), 0) > last);
            prop_assert!(ids.next(Timestamp(now - 1000), u64::MAX) > last + 1);
        }
    }

    #[test]
    fn other_kinds_and_shapes_are_refused_with_the_reason() {
        for bad in [
            "",
            "eni",
            "eni-",
            "eni-0",
            "vpc-00000000000000001",
            "eni-0000000000000000G",
            "eni-10000000000000000",
            "eni-000000000000000001",
            "ENI-00000000000000001",
            "eni-0000000000000000A",
            " eni-00000000000000001",
        ] {
            let error = bad.parse::<VniId>().unwrap_err();
            assert!(error.to_string().contains("17 lower-case hexadecimal digits"), "{error}");
        }
        // An attachment's prefix begins with the interface's: neither may pass for the other.
        let attachment = AttachmentId::new(&mut Fixed(7)).to_string();
        assert!(attachment.parse::<VniId>().is_err());
    }
}
