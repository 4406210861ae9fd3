//! The attachment: binds an interface to an instance, at an index.

use serde::{Deserialize, Serialize};

use super::{Nic, Owner, Timestamp};
use crate::host_spec::port_device;
use crate::id::{AttachmentId, HostId, InstanceId, VniId, VpcId};
use crate::lifecycle::Lifecycle;

/// The most interfaces that an instance without a type may have (the largest of IBM VPC's limits); those of an instance with
/// one are in [`crate::instance_type`].
pub const MAX_PER_INSTANCE: usize = 15;
/// The highest index on a network card. Guest devices of the first card have the card's indexes as their numbers, those of
/// other cards have higher numbers.
pub const MAX_INDEX: u8 = 127;

/// A network attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Whose it is.
    pub owner: Owner,
    /// Its name, unique within the instance.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The interface.
    pub vni: VniId,
    /// The interface's VPC.
    pub vpc: VpcId,
    /// The instance.
    pub instance: InstanceId,
    /// The instance's host.
    pub host: HostId,
    /// Its place among the instance's interfaces, 0 first; the guest's device is `eth<index>`.
    pub index: u8,
    /// The network card that it is on, 0 first; instances without a type have one.
    pub card: u8,
    /// Its place on its network card, 0 to [`MAX_INDEX`]; on the first card the same as `index`.
    pub card_index: u8,
    /// How its frames are told from those of others on its card.
    #[serde(default)]
    pub nic: Nic,
    /// Whether it came with the instance: then it can't be detached or moved while the instance exists.
    pub primary: bool,
    /// Whether the instance's default route goes through it; of an instance's attachments that are not on their way out,
    /// exactly one has it.
    pub default_route: bool,
    /// Whether it has a public address of the instance's own whenever the instance runs, unless a floating IP leads to it.
    pub own_public_address: bool,
    /// The interface's generation that this attachment realises.
    pub generation: u32,
    /// How fast it may be each way, in megabits (1,000,000 bits) per second, beside what its interface says; `None`: no limit
    /// of its own.
    pub port_speed: Option<u32>,
    /// The interface has come here from elsewhere a moment ago, by a move or detached and attached: connections that began
    /// there may go on.
    pub adopting: bool,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why its host could not realise it.
    pub failure: Option<String>,
}

impl Attachment {
    /// The name of the guest's device.
    pub fn device(&self) -> String {
        format!("eth{}", self.index)
    }

    /// The name of the device in the host's own namespace: the host's end of the guest's cable or, where the instance is a
    /// virtual machine, the tap that its emulator opens.
    pub fn host_device(&self) -> String {
        port_device(self.id)
    }
}
