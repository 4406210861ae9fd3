//! `/bare_metal_servers/{id}/network_attachments`: network cards (`pci`), and VLANs of them.

use std::collections::BTreeSet;
use std::str::FromStr;

use pintle_core::command::{Command, NewAttachment, UpdateAttachment};
use pintle_core::id::{AttachmentId, InstanceId};
use pintle_core::model::{Attachment, Nic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ibm::choice::VniFields;
use crate::ibm::network_attachment;
use crate::ibm::{Site, collection};
use crate::problem::Problem;
use crate::view::{AttachmentView, Page};
use crate::wire::{Text, TextForm, given};

/// What references call it.
pub const RESOURCE_TYPE: &str = "bare_metal_server_network_attachment";

/// The URL of an attachment.
pub fn href(site: &Site, attachment: &Attachment) -> String {
    site.href(format_args!("{}/{}", path(attachment.instance), attachment.id))
}

fn path(server: InstanceId) -> String {
    format!("{}/{server}/network_attachments", super::COLLECTION)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InterfaceType {
    Pci,
    Vlan,
}

impl FromStr for InterfaceType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "pci" => Ok(InterfaceType::Pci),
            "vlan" => Ok(InterfaceType::Vlan),
            _ => Err(()),
        }
    }
}
impl TextForm for InterfaceType {
    const WORDS: &'static str = "one of 'pci' and 'vlan'";
}

/// Body of `POST /bare_metal_servers/{id}/network_attachments`, and what a server's prototype has for each attachment: the
/// fields of both kinds, so that an error names the one that does not belong.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerNetworkAttachmentPrototype")]
pub struct Create {
    name: Option<String>,
    virtual_network_interface: VniFields,
    interface_type: Option<Text<InterfaceType>>,
    allowed_vlans: Option<Vec<u16>>,
    vlan: Option<u16>,
    allow_to_float: Option<bool>,
}

impl Create {
    /// The primary attachment of a new server, which is a card unless it says otherwise; `at` is what field paths in errors
    /// begin with.
    ///
    /// # Errors
    /// As [`Create::new_attachment`].
    pub fn primary(mut self, at: &str) -> Result<NewAttachment, Problem> {
        self.interface_type.get_or_insert(Text(InterfaceType::Pci));
        self.new_attachment(at)
    }

    /// The attachment to be made; `at` is what field paths in errors begin with.
    ///
    /// # Errors
    /// [`Problem`] naming the field that is missing, can't be honoured or contradicts another.
    pub fn new_attachment(self, at: &str) -> Result<NewAttachment, Problem> {
        let nic = match (self.interface_type, self.vlan) {
            (None, _) => return Err(Problem::field(format!("{at}interface_type"), "it is needed: 'pci' or 'vlan'")),
            (Some(Text(InterfaceType::Pci)), None) => {
                if self.allow_to_float == Some(true) {
                    let detail = "it can be true where 'interface_type' is 'vlan' only";
                    return Err(Problem::field(format!("{at}allow_to_float"), detail));
                }
                Nic::Pci { allowed_vlans: self.allowed_vlans.unwrap_or_default().into_iter().collect() }
            }
            (Some(Text(InterfaceType::Pci)), Some(_)) => {
                let detail = "an attachment whose 'interface_type' is 'pci' uses no VLAN; it has 'allowed_vlans'";
                return Err(Problem::field(format!("{at}vlan"), detail));
            }
            (Some(Text(InterfaceType::Vlan)), _) if self.allowed_vlans.is_some() => {
                let detail = "an attachment whose 'interface_type' is 'vlan' has one VLAN: 'vlan'";
                return Err(Problem::field(format!("{at}allowed_vlans"), detail));
            }
            (Some(Text(InterfaceType::Vlan)), None) => {
                let detail = "it is needed where 'interface_type' is 'vlan'";
                return Err(Problem::field(format!("{at}vlan"), detail));
            }
            (Some(Text(InterfaceType::Vlan)), Some(id)) => {
                Nic::Vlan { id, float: self.allow_to_float.unwrap_or(false) }
            }
        };
        let vni = self.virtual_network_interface.choice(&format!("{at}virtual_network_interface"))?;
        Ok(NewAttachment { name: self.name, nic, ..NewAttachment::of(vni) })
    }

    /// What it asks for.
    ///
    /// # Errors
    /// As [`Create::new_attachment`].
    pub fn command(self, server: InstanceId) -> Result<Command, Problem> {
        Ok(Command::Attach(server, self.new_attachment("")?))
    }
}

/// Body of `PATCH /bare_metal_servers/{id}/network_attachments/{id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BareMetalServerNetworkAttachmentPatch")]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<u16>")]
    allowed_vlans: Option<BTreeSet<u16>>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: AttachmentId) -> Option<Command> {
        let Update { name, allowed_vlans } = self;
        let change = name.is_some() || allowed_vlans.is_some();
        let update = UpdateAttachment { name, allowed_vlans, ..UpdateAttachment::default() };
        change.then_some(Command::UpdateAttachment(id, update))
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServerNetworkAttachment")]
pub(in crate::ibm) struct Shape {
    #[serde(flatten)]
    shown: network_attachment::Shape,
    #[serde(flatten)]
    nic: NicShape,
}

#[derive(Serialize, JsonSchema)]
#[serde(tag = "interface_type", rename_all = "lowercase")]
enum NicShape {
    Pci { allowed_vlans: Vec<u16> },
    Vlan { vlan: u16, allow_to_float: bool },
}

/// The attachment as replies show it.
pub fn encode(site: &Site, view: &AttachmentView) -> Value {
    let attachment = &view.attachment;
    json!(Shape {
        shown: network_attachment::shape(site, view, href(site, attachment), RESOURCE_TYPE),
        nic: match &attachment.nic {
            Nic::Pci { allowed_vlans } => NicShape::Pci { allowed_vlans: allowed_vlans.iter().copied().collect() },
            Nic::Vlan { id, float } => NicShape::Vlan { vlan: *id, allow_to_float: *float },
        },
    })
}

/// A page of a server's attachments.
pub fn encode_page(site: &Site, server: InstanceId, paging: &collection::Paging, page: &Page<AttachmentView>) -> Value {
    collection::encode(site, &path(server), "network_attachments", paging, page, |view| encode(site, view))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServerNetworkAttachmentReference")]
pub(in crate::ibm) struct ReferenceShape {
    #[serde(flatten)]
    shown: network_attachment::ReferenceShape,
}

/// The attachment as its server shows it.
pub fn encode_reference(site: &Site, view: &AttachmentView) -> Value {
    let shown = network_attachment::reference_shape(site, view, href(site, &view.attachment), RESOURCE_TYPE);
    json!(ReferenceShape { shown })
}
