//! The instance: a server on a host that interfaces are attached to.

use serde::{Deserialize, Serialize};

use super::{InterfaceStyle, IpFamily, MAX_INDEX, MAX_PER_INSTANCE, Owner, Role, Timestamp};
use crate::id::{HostId, InstanceId, ReservationId, VpcId};
use crate::instance_profile;
use crate::instance_type::{self, Card, InstanceType};
use crate::lifecycle::Lifecycle;

/// What an instance is on its host: which network namespace, or a virtual machine behind taps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Namespace {
    /// Pintle makes one, named by the instance's id, and removes it with the instance.
    Made,
    /// One that exists, by the path of its file. Pintle never removes it.
    Path(String),
    /// One that exists, by a process that is in it. Pintle never removes it.
    Pid(u32),
    /// None: a virtual machine. Each of its interfaces is a tap in the host's own namespace, named
    /// [`Attachment::host_device`](super::Attachment::host_device), that its emulator opens.
    Tap {
        /// The user who may open the taps beside the privileged; `None`: root.
        owner: Option<u32>,
    },
}

impl Namespace {
    /// Whether the instance is a virtual machine, whose interfaces are taps.
    pub fn is_tap(&self) -> bool {
        matches!(self, Namespace::Tap { .. })
    }
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
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the VPC.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// What it is to its users.
    #[serde(default)]
    pub role: Role,
    /// How its interfaces are shown and made.
    #[serde(default)]
    pub style: InterfaceStyle,
    /// The VPC that its interfaces are in.
    pub vpc: VpcId,
    /// The host it runs on.
    pub host: HostId,
    /// The host's zone.
    pub zone: String,
    /// Its network namespace, if it has one.
    pub namespace: Namespace,
    /// How fast all its interfaces together may be each way, in kilobits (1,000 bits) per second; `None`: no limit.
    pub bandwidth_kbps: Option<u32>,
    /// How many addresses of one IP version each of its interfaces may have, 1 to [`crate::limits::MAX_IPS_PER_INTERFACE`];
    /// a delegated prefix counts as one. If it has a type, the type says so.
    pub ips_per_interface: u16,
    /// The name of its type, one of [`crate::instance_type`] or [`crate::instance_profile`]; `None`: IBM VPC's limits.
    pub kind: Option<String>,
    /// With which others it was launched, from what; `None`: it was made on its own.
    pub launch: Option<Launch>,
    /// Refuses to be deleted.
    pub delete_protected: bool,
    /// Refuses to be stopped.
    pub stop_protected: bool,
    /// Whether it should run.
    pub state: InstanceState,
    /// When it was last told to run, to stop or to go.
    pub told_at: Timestamp,
    /// When it was last told to run.
    pub started_at: Timestamp,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why its host could not realise it.
    pub failure: Option<String>,
}

/// How an instance came to be that was launched with others (EC2's reservation).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The same for all that one request launched.
    pub reservation: ReservationId,
    /// Its place among them, from 0.
    pub index: u32,
    /// What its disk was to be made from, in its user's words (`ami-…`).
    pub image: String,
}

impl Instance {
    /// Its type, if it has one.
    pub fn instance_type(&self) -> Option<&'static InstanceType> {
        let name = self.kind.as_deref()?;
        instance_type::find(name).or_else(|| instance_profile::find(name).map(|profile| &profile.kind))
    }

    /// Its network cards, 0 first.
    pub fn cards(&self) -> &'static [Card] {
        const fn one(interfaces: u8) -> [Card; 1] {
            [Card { interfaces, efa: false }]
        }
        const SERVER: &[Card] = &one(MAX_PER_INSTANCE as u8);
        // All that there are indexes for: network cards first, VLANs of them behind.
        const BARE_METAL: &[Card] = &one(MAX_INDEX + 1);
        const SHARE_MOUNT: &[Card] = &one(1);
        match self.role {
            Role::Server => self.instance_type().map_or(SERVER, |kind| &kind.cards),
            Role::BareMetal => BARE_METAL,
            Role::ShareMount(_) => SHARE_MOUNT,
        }
    }

    /// How many addresses of an IP version each of its interfaces may have; a delegated prefix counts as one.
    pub fn room(&self, family: IpFamily) -> u16 {
        match (self.instance_type(), family) {
            (Some(kind), IpFamily::V4) => kind.ipv4_per_interface,
            (Some(kind), IpFamily::V6) => kind.ipv6_per_interface,
            (None, _) => self.ips_per_interface,
        }
    }
}
