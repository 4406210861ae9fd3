//! The instance: a server on a host that interfaces are attached to.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::id::{HostId, InstanceId, VpcId};
use crate::lifecycle::Lifecycle;

/// Which network namespace an instance is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Namespace {
    /// Pintle makes one, named by the instance's id, and removes it with the instance.
    Made,
    /// One that exists, by the path of its file. Pintle never removes it.
    Path(String),
    /// One that exists, by a process that is in it. Pintle never removes it.
    Pid(u32),
}

/// Whether the instance should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceState {
    /// Its interfaces are realised.
    Running,
    /// Its attachments wait.
    Stopped,
}

/// A server on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its name, unique within the VPC.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The VPC that its interfaces are in.
    pub vpc: VpcId,
    /// The host it runs on.
    pub host: HostId,
    /// The host's zone.
    pub zone: String,
    /// Its network namespace.
    pub namespace: Namespace,
    /// Whether it should run.
    pub state: InstanceState,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why its host could not realise it.
    pub failure: Option<String>,
}
