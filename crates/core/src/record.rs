//! How records lie in the store: one key per record, plus index keys whose presence is the rule.
//!
//! Uniqueness is a key that must be absent: a name in its scope, an address in its VPC, a MAC, a segment. Lists that a
//! client pages through have a key that sorts newest first. This file is the only place that knows the layout.

use std::net::Ipv4Addr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::{AttachmentId, HostId, InstanceId, ReservedIpId, SubnetId, VniId, VpcId};
use crate::model::{Attachment, Host, Instance, Move, ReservedIp, Subnet, Timestamp, Vni, Vpc};
use crate::net::Mac;
use crate::refusal::Noun;

/// A noun with a record of its own.
pub trait Record: Serialize + DeserializeOwned + Clone {
    /// Its id's type.
    type Id: std::fmt::Display + Copy;
    /// First part of its key.
    const KIND: &'static str;
    /// What to call it in a refusal.
    const NOUN: Noun;
    /// Its id.
    fn id(&self) -> Self::Id;
    /// The key of the record with this id.
    fn key_of(id: Self::Id) -> String {
        format!("{}/{id}", Self::KIND)
    }
}

/// A record that clients list, newest first.
pub trait Listed: Record {
    /// When it was created.
    fn created_at(&self) -> Timestamp;
    /// Within what it is listed: empty for top-level collections, the parent's id for child collections.
    fn list_scope(&self) -> String {
        String::new()
    }
    /// The key under which it is listed.
    fn list_key(&self) -> String {
        format!(
            "{}{:012x}/{}",
            list_prefix::<Self>(&self.list_scope()),
            u64::MAX >> 16 & !self.created_at().0,
            self.id()
        )
    }
}

/// What the list keys of one collection begin with.
pub fn list_prefix<R: Record>(scope: &str) -> String {
    format!("list/{}/{scope}/", R::KIND)
}

macro_rules! record {
    ($type:ty, $id:ty, $kind:literal, $noun:ident) => {
        impl Record for $type {
            type Id = $id;
            const KIND: &'static str = $kind;
            const NOUN: Noun = Noun::$noun;
            fn id(&self) -> $id {
                self.id
            }
        }
    };
}
macro_rules! listed {
    ($type:ty $(, $scope:ident)?) => {
        impl Listed for $type {
            fn created_at(&self) -> Timestamp { self.created_at }
            $(fn list_scope(&self) -> String { self.$scope.to_string() })?
        }
    };
}

record!(Vpc, VpcId, "vpc", Vpc);
record!(Subnet, SubnetId, "subnet", Subnet);
record!(ReservedIp, ReservedIpId, "reserved_ip", ReservedIp);
record!(Vni, VniId, "vni", Vni);
record!(Instance, InstanceId, "instance", Instance);
record!(Attachment, AttachmentId, "attachment", Attachment);
record!(Host, HostId, "host", Host);
listed!(Vpc);
listed!(Subnet);
listed!(ReservedIp, subnet);
listed!(Vni);
listed!(Instance);
listed!(Attachment, instance);
listed!(Host);

impl Record for Move {
    type Id = VniId;
    const KIND: &'static str = "move";
    const NOUN: Noun = Noun::Vni;
    fn id(&self) -> VniId {
        self.vni
    }
}

/// The key that a name occupies within its scope.
pub fn name_key<R: Record>(scope: &str, name: &str) -> String {
    format!("name/{}/{scope}/{name}", R::KIND)
}

/// The key that an address occupies within its VPC; sorts by address. Its value is the reserved IP's id.
pub fn address_key(vpc: VpcId, address: Ipv4Addr) -> String {
    format!("{}{:08x}", address_prefix(vpc), u32::from(address))
}
/// What the address keys of a VPC begin with.
pub fn address_prefix(vpc: VpcId) -> String {
    format!("address/{vpc}/")
}
/// Where the search for a subnet's next free address starts: a hint, never compared. Its value is an address.
pub fn address_hint_key(subnet: SubnetId) -> String {
    format!("address_hint/{subnet}")
}
/// The key that a MAC occupies. Its value is the interface's id.
pub fn mac_key(mac: Mac) -> String {
    format!("mac/{mac}")
}
/// The key that a segment occupies. Its value is the VPC's id.
pub fn segment_key(segment: u32) -> String {
    format!("segment/{segment:06x}")
}
/// The key that a VTEP address occupies. Its value is the host's id.
pub fn vtep_key(vtep: Ipv4Addr) -> String {
    format!("vtep/{vtep}")
}

/// Index: subnets of a VPC.
pub fn subnets_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_subnet/{vpc}/")
}
/// Index: interfaces of a subnet.
pub fn vnis_of_subnet(subnet: SubnetId) -> String {
    format!("index/subnet_vni/{subnet}/")
}
/// Index: instances of a VPC.
pub fn instances_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_instance/{vpc}/")
}
/// Index: instances on a host.
pub fn instances_of_host(host: HostId) -> String {
    format!("index/host_instance/{host}/")
}
/// Index: attachments of interfaces in a VPC.
pub fn attachments_of_vpc(vpc: VpcId) -> String {
    format!("index/vpc_attachment/{vpc}/")
}
/// Index: attachments on a host.
pub fn attachments_of_host(host: HostId) -> String {
    format!("index/host_attachment/{host}/")
}
/// Index: an instance's attachments by their index, so that an index is held once.
pub fn attachments_of_instance(instance: InstanceId) -> String {
    format!("index/instance_attachment/{instance}/")
}
/// The key that an index occupies within its instance. Its value is the attachment's id.
pub fn attachment_index_key(instance: InstanceId, index: u8) -> String {
    format!("{}{index:03}", attachments_of_instance(instance))
}
