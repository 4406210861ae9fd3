//! Attachments as the native API shows them and takes them.

use std::net::IpAddr;

use pintle_core::command::{CreateVni, IpChoice, NewAttachment, VniChoice};
use pintle_core::id::VpcId;
use pintle_core::model::{Attachment, Subnet, Vni};
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
        Ok(NewAttachment { name: self.name, port_speed: self.port_speed, ..NewAttachment::of(vni) })
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
    lifecycle: &'static str,
    failure: Option<String>,
    created_at: String,
}

impl From<&Attachment> for Shape {
    fn from(attachment: &Attachment) -> Self {
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
            lifecycle: attachment.lifecycle.label(),
            failure: attachment.failure.clone(),
            created_at: timestamp(attachment.created_at),
        }
    }
}
