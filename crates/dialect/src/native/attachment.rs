//! Attachments as the native API shows them and takes them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pintle_core::command::{CreateVni, IpChoice, NewAttachment, VniChoice};
use pintle_core::id::VpcId;
use pintle_core::model::{Attachment, Nic, Subnet, Vni};
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::view::resolve_within;
use crate::wire::{Text, timestamp};

/// An attachment to be made: `vni` names an interface, or `new` describes one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    name: Option<String>,
    vni: Option<String>,
    new: Option<NewVni>,
    port_speed: Option<u32>,
    allowed_vlans: Option<BTreeSet<u16>>,
    vlan: Option<u16>,
    allow_to_float: Option<bool>,
}

/// How an attachment's frames are told from those of others on its card, as bodies say it; `None`: they say nothing.
///
/// # Errors
/// [`Problem`] for fields that don't go together; `field` is the path for errors.
pub(super) fn nic(
    allowed_vlans: Option<BTreeSet<u16>>,
    vlan: Option<u16>,
    allow_to_float: Option<bool>,
    field: &str,
) -> Result<Option<Nic>, Problem> {
    match (allowed_vlans, vlan) {
        (Some(_), Some(_)) => Err(Problem::field(field, "'vlan' is one of a card, 'allowed_vlans' are a card's own")),
        (None, Some(id)) => Ok(Some(Nic::Vlan { id, float: allow_to_float.unwrap_or(false) })),
        (_, None) if allow_to_float == Some(true) => {
            Err(Problem::field(field, "'allow_to_float' goes with 'vlan' only"))
        }
        (allowed, None) => Ok(allowed.map(|allowed_vlans| Nic::Pci { allowed_vlans })),
    }
}

/// An interface to be made on the spot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewVni {
    name: Option<String>,
    subnet: String,
    address: Option<Text<IpAddr>>,
    allow_ip_spoofing: Option<bool>,
    auto_delete: Option<bool>,
}

impl Spec {
    /// What it asks for; `field` is the path for errors, `vpc` where names are looked for if it is known.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or when neither or both of `vni` and `new` are there.
    pub fn resolve(self, snapshot: &dyn Snapshot, vpc: Option<VpcId>, field: &str) -> Result<NewAttachment, Problem> {
        let vni = match (self.vni, self.new) {
            (Some(vni), None) => VniChoice::Existing(resolve_within::<Vni>(snapshot, &vni, vpc)?),
            (None, Some(new)) => VniChoice::New(Box::new(new.resolve(snapshot, vpc)?)),
            _ => return Err(Problem::field(field, "it needs either 'vni' (an id or a name) or 'new'")),
        };
        let nic = nic(self.allowed_vlans, self.vlan, self.allow_to_float, field)?.unwrap_or_default();
        Ok(NewAttachment { name: self.name, port_speed: self.port_speed, nic, ..NewAttachment::of(vni) })
    }
}

impl NewVni {
    fn resolve(self, snapshot: &dyn Snapshot, vpc: Option<VpcId>) -> Result<CreateVni, Problem> {
        Ok(CreateVni {
            subnet: Some(resolve_within::<Subnet>(snapshot, &self.subnet, vpc)?),
            name: self.name,
            primary_ip: match self.address {
                Some(Text(address)) => IpChoice::Address { address, name: None, auto_delete: true },
                None => IpChoice::default(),
            },
            allow_ip_spoofing: self.allow_ip_spoofing,
            auto_delete: self.auto_delete,
            ..CreateVni::default()
        })
    }
}

/// How replies show an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shape {
    id: String,
    name: String,
    virtual_network_interface: String,
    instance: String,
    host: String,
    device: String,
    host_device: String,
    index: u8,
    primary: bool,
    port_speed: Option<u32>,
    /// The VLANs that others may use on its card, where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_vlans: Vec<u16>,
    /// The VLAN of another's card that it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_to_float: Option<bool>,
    lifecycle: &'static str,
    failure: Option<String>,
    created_at: String,
}

impl From<&Attachment> for Shape {
    fn from(attachment: &Attachment) -> Self {
        let (allowed_vlans, vlan, allow_to_float) = match &attachment.nic {
            Nic::Pci { allowed_vlans } => (allowed_vlans.iter().copied().collect(), None, None),
            Nic::Vlan { id, float } => (Vec::new(), Some(*id), Some(*float)),
        };
        Shape {
            id: attachment.id.to_string(),
            name: attachment.name.clone(),
            virtual_network_interface: attachment.vni.to_string(),
            instance: attachment.instance.to_string(),
            host: attachment.host.to_string(),
            device: attachment.device(),
            host_device: attachment.host_device(),
            index: attachment.index,
            primary: attachment.primary,
            port_speed: attachment.port_speed,
            allowed_vlans,
            vlan,
            allow_to_float,
            lifecycle: attachment.lifecycle.label(),
            failure: attachment.failure.clone(),
            created_at: timestamp(attachment.created_at),
        }
    }
}
