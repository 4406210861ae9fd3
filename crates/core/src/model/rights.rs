//! What a key may do: policies, which give it a role on all things of its account, those of a type, or a single one.
//!
//! Which role may do what to which type is a table of its own, in the crate that evaluates it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AccessKeyId, Timestamp};
use crate::id::{ApiKeyId, PolicyId};

/// A text that names no role, no type of resource or no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {what}: expected {}", .choices.join(", "))]
pub struct UnknownRight {
    /// What was given.
    pub text: String,
    /// What was wanted, in words.
    pub what: &'static str,
    /// What there is.
    pub choices: Vec<&'static str>,
}

macro_rules! labels {
    ($(#[doc = $doc:literal])* $name:ident, $what:literal: $($(#[doc = $one:literal])* $variant:ident = $label:literal,)*) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $one])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// As it is written everywhere.
            pub const fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.label()) }
        }
        impl FromStr for $name {
            type Err = UnknownRight;
            fn from_str(text: &str) -> Result<Self, UnknownRight> {
                Self::ALL.iter().copied().find(|one| one.label() == text).ok_or_else(|| UnknownRight {
                    text: text.chars().take(80).collect(),
                    what: $what,
                    choices: Self::ALL.iter().map(|one| one.label()).collect(),
                })
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.label()) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

labels! {
    /// A set of permissions that goes by one name.
    AccessRole, "a role":
    /// Sees things.
    Viewer = "viewer",
    /// Also uses things that are there: attaches, starts, stops.
    Operator = "operator",
    /// Also makes, changes and deletes things.
    Editor = "editor",
    /// Also lends things to other accounts.
    Administrator = "administrator",
    /// Lets interfaces send from addresses that are not theirs; nothing else, and no other role includes it.
    IpSpoofingOperator = "ip-spoofing-operator",
    /// Turns an interface's infrastructure NAT off; nothing else, and no other role includes it.
    InfrastructureNatOperator = "infrastructure-nat-operator",
}

labels! {
    /// What policies tell apart. Parts (a subnet's reserved addresses, a VPC's route tables) go with the whole.
    ResourceType, "a type of resource":
    /// VPCs with their address prefixes, route tables, internet gateways and DHCP options.
    Vpc = "vpc",
    /// Subnets with their reserved addresses.
    Subnet = "subnet",
    /// Virtual network interfaces.
    Vni = "virtual-network-interface",
    /// Instances with their attachments.
    Instance = "instance",
    /// Bare metal servers with their attachments.
    BareMetalServer = "bare-metal-server",
    /// File shares with their mount targets.
    Share = "share",
    /// Security groups with their rules, and the prefix lists that rules name.
    SecurityGroup = "security-group",
    /// Network ACLs with their rules.
    NetworkAcl = "network-acl",
    /// Floating IPs.
    FloatingIp = "floating-ip",
    /// Public gateways.
    PublicGateway = "public-gateway",
    /// Flow logs.
    FlowLogCollector = "flow-log-collector",
    /// SSH keys for instances.
    Key = "key",
    /// Images for instances.
    Image = "image",
}

labels! {
    /// What is done to a thing.
    Verb, "a verb":
    /// Listing all of a type.
    List = "list",
    /// Looking at one.
    Read = "read",
    /// Making one.
    Create = "create",
    /// Changing one.
    Update = "update",
    /// Deleting one.
    Delete = "delete",
    /// Using one for something else, starting and stopping it.
    Operate = "operate",
    /// Attaching one.
    Attach = "attach",
    /// Detaching one.
    Detach = "detach",
    /// Letting it send from addresses that are not its own.
    ManageIpSpoofing = "manage-ip-spoofing",
    /// Turning its infrastructure NAT off.
    ManageInfrastructureNat = "manage-infrastructure-nat",
    /// Lending it to other accounts.
    ManageAccess = "manage-access",
}

/// A role that a key has on something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// The role.
    pub role: AccessRole,
    /// On things of this type; `None`: of all types.
    pub resource_type: Option<ResourceType>,
    /// On the one with this id only.
    pub resource: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A key, of either API: who policies are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// A key of the EC2 API.
    AccessKey(AccessKeyId),
    /// A key of IBM's API.
    ApiKey(ApiKeyId),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::AccessKey(id) => id.fmt(f),
            Principal::ApiKey(id) => id.fmt(f),
        }
    }
}
impl FromStr for Principal {
    type Err = UnknownRight;
    fn from_str(text: &str) -> Result<Self, UnknownRight> {
        let key = text.parse().map(Principal::ApiKey).ok().or_else(|| text.parse().map(Principal::AccessKey).ok());
        key.ok_or_else(|| UnknownRight {
            text: text.chars().take(80).collect(),
            what: "the id of a key",
            choices: vec!["'apikey-' and 17 digits", "20 characters of A-Z and 0-9"],
        })
    }
}
impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_keys_are_read_as_they_are_written() {
        for role in AccessRole::ALL {
            assert_eq!(role.label().parse(), Ok(*role));
        }
        let error = "boss".parse::<AccessRole>().unwrap_err().to_string();
        assert!(error.contains("'boss' is not a role") && error.contains("viewer, operator"), "{error}");
        let keys = [Principal::ApiKey(ApiKeyId::from_bits(7)), Principal::AccessKey(AccessKeyId::from_random([7; 10]))];
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert!("vpc-00000000000000001".parse::<Principal>().is_err());
    }
}
