//! The flow log: which traffic of what is recorded, in what form, and where the records go.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Owner, Timestamp};
use crate::id::{AttachmentId, FlowLogId, InstanceId, SubnetId, VniId, VpcId};

/// A flow log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLog {
    /// Its id.
    pub id: FlowLogId,
    /// Whose it is: that of what it watches.
    pub owner: Owner,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its name, unique within the VPC of what it watches, if it was given one.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it records at present.
    #[serde(default = "yes")]
    pub active: bool,
    /// What it watches; it goes with that.
    pub target: FlowLogTarget,
    /// Which traffic.
    pub traffic: TrafficType,
    /// Where its records go.
    pub destination: FlowDestination,
    /// What is in a record, in this order; never empty.
    pub fields: Vec<FlowField>,
    /// The longest time that one record covers, in seconds: 60 or 600.
    pub interval: u16,
    /// How its files are made, where its destination takes files.
    pub files: FileFormat,
}

fn yes() -> bool {
    true
}

/// What a flow log watches: the interface, or all interfaces of the instance, the subnet or the VPC, those that come later too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FlowLogTarget {
    /// A VPC.
    Vpc(VpcId),
    /// A subnet.
    Subnet(SubnetId),
    /// An interface.
    Vni(VniId),
    /// An instance.
    Instance(InstanceId),
    /// Whatever interface is behind an attachment of an instance.
    Attachment(AttachmentId),
}

impl fmt::Display for FlowLogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowLogTarget::Vpc(id) => id.fmt(f),
            FlowLogTarget::Subnet(id) => id.fmt(f),
            FlowLogTarget::Vni(id) => id.fmt(f),
            FlowLogTarget::Instance(id) => id.fmt(f),
            FlowLogTarget::Attachment(id) => id.fmt(f),
        }
    }
}

/// Which traffic a flow log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficType {
    /// What is permitted.
    Accept,
    /// What is refused.
    Reject,
    /// Both.
    All,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowDestination {
    /// What it is.
    pub kind: DestinationKind,
    /// Which one, in the words of whoever made the flow log.
    pub name: String,
    /// As whom to write there, likewise.
    pub role: Option<String>,
    /// As whom to write there for another account, likewise.
    pub cross_account_role: Option<String>,
}

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DestinationKind {
    /// A group of logs, one stream of lines an interface (EC2's `cloud-watch-logs`).
    LogGroup,
    /// A place for files (EC2's `s3`).
    Bucket,
    /// A stream that passes records on (EC2's `kinesis-data-firehose`).
    Stream,
}

/// How files of records are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileFormat {
    /// Apache Parquet instead of lines of text.
    pub parquet: bool,
    /// Folders are named as Hive wants partitions named.
    pub hive_partitions: bool,
    /// A folder an hour instead of one a day.
    pub hourly: bool,
}

macro_rules! fields {
    ($($variant:ident $name:literal $since:literal,)*) => {
        /// A field of a flow log's records. The names, and the versions of the format that brought them, are EC2's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FlowField {
            $(#[doc = concat!("`", $name, "`, since version ", $since, ".")] $variant,)*
        }

        impl FlowField {
            /// All of them.
            pub const ALL: &[FlowField] = &[$(FlowField::$variant,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(FlowField::$variant => $name,)* }
            }

            /// The version of the format that brought it.
            pub fn since(self) -> u8 {
                match self { $(FlowField::$variant => $since,)* }
            }
        }
    };
}

fields! {
    Version "version" 2,
    AccountId "account-id" 2,
    InterfaceId "interface-id" 2,
    SrcAddr "srcaddr" 2,
    DstAddr "dstaddr" 2,
    SrcPort "srcport" 2,
    DstPort "dstport" 2,
    Protocol "protocol" 2,
    Packets "packets" 2,
    Bytes "bytes" 2,
    Start "start" 2,
    End "end" 2,
    Action "action" 2,
    LogStatus "log-status" 2,
    VpcId "vpc-id" 3,
    SubnetId "subnet-id" 3,
    InstanceId "instance-id" 3,
    TcpFlags "tcp-flags" 3,
    Type "type" 3,
    PktSrcAddr "pkt-srcaddr" 3,
    PktDstAddr "pkt-dstaddr" 3,
    Region "region" 4,
    AzId "az-id" 4,
    SublocationType "sublocation-type" 4,
    SublocationId "sublocation-id" 4,
    PktSrcAwsService "pkt-src-aws-service" 5,
    PktDstAwsService "pkt-dst-aws-service" 5,
    FlowDirection "flow-direction" 5,
    TrafficPath "traffic-path" 5,
    EcsClusterArn "ecs-cluster-arn" 7,
    EcsClusterName "ecs-cluster-name" 7,
    EcsContainerInstanceArn "ecs-container-instance-arn" 7,
    EcsContainerInstanceId "ecs-container-instance-id" 7,
    EcsContainerId "ecs-container-id" 7,
    EcsSecondContainerId "ecs-second-container-id" 7,
    EcsServiceName "ecs-service-name" 7,
    EcsTaskDefinitionArn "ecs-task-definition-arn" 7,
    EcsTaskArn "ecs-task-arn" 7,
    EcsTaskId "ecs-task-id" 7,
    RejectReason "reject-reason" 8,
    ResourceId "resource-id" 9,
    EncryptionStatus "encryption-status" 10,
}

impl FlowField {
    /// What is in a record unless something else is asked for: all of version 2.
    pub fn default_format() -> Vec<FlowField> {
        FlowField::ALL.iter().copied().filter(|field| field.since() == 2).collect()
    }
}

/// A text that is the name of no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a field of flow log records")]
pub struct UnknownField(pub String);

impl FromStr for FlowField {
    type Err = UnknownField;
    fn from_str(text: &str) -> Result<Self, UnknownField> {
        let found = FlowField::ALL.iter().copied().find(|field| field.name() == text);
        found.ok_or_else(|| UnknownField(text.chars().take(80).collect()))
    }
}

impl Serialize for FlowField {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FlowField {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
