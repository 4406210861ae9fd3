//! `/instances/{id}/network_attachments`.

use pintle_core::command::{Command, NewAttachment};
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::model::Attachment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Site;
use super::choice::VniFields;
use super::reference::Reference;
use crate::problem::Problem;
use crate::view::AttachmentView;
use crate::wire::{given, timestamp};

/// What references call it.
pub const RESOURCE_TYPE: &str = "instance_network_attachment";

/// Speed of a guest's device that is not held to another, in Mbit/s: what a veth device says of itself (SPEED_10000 in Linux's `drivers/net/veth.c`).
pub(super) const PORT_SPEED: u32 = 10_000;

/// The URL of an attachment.
pub fn href(site: &Site, attachment: &Attachment) -> String {
    site.href(format_args!("instances/{}/network_attachments/{}", attachment.instance, attachment.id))
}

/// How fast it is, in Mbit/s.
pub fn port_speed(attachment: &Attachment) -> u32 {
    attachment.port_speed.unwrap_or(PORT_SPEED)
}

/// Whether it came with its instance.
pub fn r#type(attachment: &Attachment) -> &'static str {
    if attachment.primary { "primary" } else { "secondary" }
}

/// Body of `POST /instances/{id}/network_attachments`, and what an instance's prototype has for each attachment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstanceNetworkAttachmentPrototype")]
pub struct Create {
    name: Option<String>,
    virtual_network_interface: VniFields,
}

impl Create {
    /// The attachment to be made; `at` is what field paths in errors begin with.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured or that contradicts another.
    pub fn new_attachment(self, at: &str) -> Result<NewAttachment, Problem> {
        let vni = self.virtual_network_interface.choice(&format!("{at}virtual_network_interface"))?;
        Ok(NewAttachment { name: self.name, ..NewAttachment::of(vni) })
    }

    /// What it asks for.
    ///
    /// # Errors
    /// As [`Create::new_attachment`].
    pub fn command(self, instance: InstanceId) -> Result<Command, Problem> {
        Ok(Command::Attach(instance, self.new_attachment("")?))
    }
}

/// Body of `PATCH /instances/{id}/network_attachments/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstanceNetworkAttachmentPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: AttachmentId) -> Option<Command> {
        self.name.map(|name| Command::RenameAttachment(id, name))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstanceNetworkAttachment")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    lifecycle_state: &'static str,
    port_speed: u32,
    primary_ip: Reference,
    subnet: Reference,
    r#type: &'static str,
    virtual_network_interface: Reference,
}

/// The attachment as replies show it.
pub fn encode(site: &Site, view: &AttachmentView) -> Value {
    json!(shape(site, view, href(site, &view.attachment), RESOURCE_TYPE))
}

/// What replies show of an attachment, whatever it is on.
pub(in crate::ibm) fn shape(site: &Site, view: &AttachmentView, href: String, resource_type: &'static str) -> Shape {
    let attachment = &view.attachment;
    Shape {
        id: attachment.id.to_string(),
        href,
        name: attachment.name.clone(),
        resource_type,
        created_at: timestamp(attachment.created_at),
        lifecycle_state: attachment.lifecycle.label(),
        port_speed: port_speed(attachment),
        primary_ip: Reference::reserved_ip(site, &view.primary_ip),
        subnet: Reference::subnet(site, &view.subnet),
        r#type: r#type(attachment),
        virtual_network_interface: Reference::vni(site, &view.vni),
    }
}

/// All attachments of an instance: this collection has no pages.
pub fn encode_all(site: &Site, views: &[AttachmentView]) -> Value {
    json!({ "network_attachments": views.iter().map(|view| encode(site, view)).collect::<Vec<_>>() })
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InstanceNetworkAttachmentReference")]
pub(in crate::ibm) struct ReferenceShape {
    id: String,
    href: String,
    name: String,
    resource_type: &'static str,
    primary_ip: Reference,
    subnet: Reference,
    virtual_network_interface: Reference,
}

/// The attachment as its instance shows it.
pub fn encode_reference(site: &Site, view: &AttachmentView) -> Value {
    json!(reference_shape(site, view, href(site, &view.attachment), RESOURCE_TYPE))
}

/// What a server shows of an attachment, whatever it is.
pub(in crate::ibm) fn reference_shape(
    site: &Site,
    view: &AttachmentView,
    href: String,
    resource_type: &'static str,
) -> ReferenceShape {
    ReferenceShape {
        id: view.attachment.id.to_string(),
        href,
        name: view.attachment.name.clone(),
        resource_type,
        primary_ip: Reference::reserved_ip(site, &view.primary_ip),
        subnet: Reference::subnet(site, &view.subnet),
        virtual_network_interface: Reference::vni(site, &view.vni),
    }
}
