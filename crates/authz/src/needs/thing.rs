//! A thing that policies may name, by its id.

use std::fmt;

use pintle_core::id::{
    FloatingIpId, FlowLogId, InstanceId, NetworkAclId, PrefixListId, PublicGatewayId, SecurityGroupId, ShareId,
    SubnetId, VniId, VpcId,
};
use pintle_core::model::{
    FloatingIp, FlowLog, Instance, NetworkAcl, PrefixList, PublicGateway, ResourceType, SecurityGroup, Share, Subnet,
    Vni, Vpc,
};
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, query};

macro_rules! things {
    ($($record:ident, $id:ident, $kind:ident;)*) => {
        /// A thing that policies may name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is what it is called")]
        pub enum Thing { $($record($id),)* }

        impl Thing {
            /// The thing with this id; `None`: no id of anything that policies name.
            pub fn named(id: &str) -> Option<Thing> {
                $(if let Ok(id) = id.parse::<$id>() { return Some(Thing::$record(id)); })*
                None
            }

            /// Of what type it is.
            pub fn resource_type(self) -> ResourceType {
                match self { $(Thing::$record(_) => ResourceType::$kind,)* }
            }

            /// Whether it exists for who looks.
            ///
            /// # Errors
            /// When the store can't be read.
            pub fn is_visible(self, sight: &dyn Snapshot) -> Result<bool, DecideError> {
                Ok(match self { $(Thing::$record(id) => query::find::<$record>(sight, id)?.is_some(),)* })
            }
        }
        impl fmt::Display for Thing {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Thing::$record(id) => id.fmt(f),)* }
            }
        }
        $(impl From<$id> for Thing {
            fn from(id: $id) -> Thing { Thing::$record(id) }
        })*
    };
}
things! {
    Vpc, VpcId, Vpc;
    Subnet, SubnetId, Subnet;
    Vni, VniId, Vni;
    Instance, InstanceId, Instance;
    SecurityGroup, SecurityGroupId, SecurityGroup;
    PrefixList, PrefixListId, SecurityGroup;
    NetworkAcl, NetworkAclId, NetworkAcl;
    FloatingIp, FloatingIpId, FloatingIp;
    PublicGateway, PublicGatewayId, PublicGateway;
    FlowLog, FlowLogId, FlowLogCollector;
    Share, ShareId, Share;
}
