//! What a prototype says of the interfaces of an instance: network attachments, or child interfaces of the old style. Which of
//! the two an instance has is decided with it, and it never has both.

use pintle_core::command::NewAttachment;
use pintle_core::model::InterfaceStyle;

use crate::ibm::{network_attachment, network_interface};
use crate::problem::Problem;

/// The four fields of a prototype.
pub(super) struct Interfaces {
    pub(super) primary_network_attachment: Option<network_attachment::Create>,
    pub(super) network_attachments: Vec<network_attachment::Create>,
    pub(super) primary_network_interface: Option<network_interface::Create>,
    pub(super) network_interfaces: Vec<network_interface::Create>,
}

/// The interfaces to be made.
pub(super) struct Chosen {
    pub(super) style: InterfaceStyle,
    pub(super) primary: NewAttachment,
    pub(super) others: Vec<NewAttachment>,
}

impl Interfaces {
    /// The interfaces to be made.
    ///
    /// # Errors
    /// [`Problem`] when there are both kinds or no primary one, or naming the field of one that can't be honoured.
    pub(super) fn choose(self) -> Result<Chosen, Problem> {
        let attachments = self.primary_network_attachment.is_some() || !self.network_attachments.is_empty();
        let children = self.primary_network_interface.is_some() || !self.network_interfaces.is_empty();
        if attachments && children {
            let detail = "an instance has either network attachments or child network interfaces, never both";
            return Err(Problem::field(given(self.primary_network_interface.is_some()), detail));
        }
        match (self.primary_network_attachment, self.primary_network_interface) {
            (Some(primary), _) => Ok(Chosen {
                style: InterfaceStyle::Attachments,
                primary: primary.new_attachment("primary_network_attachment.")?,
                others: each(
                    self.network_attachments,
                    "network_attachments",
                    network_attachment::Create::new_attachment,
                )?,
            }),
            (None, Some(primary)) => Ok(Chosen {
                style: InterfaceStyle::Children,
                primary: primary.new_attachment("primary_network_interface.")?,
                others: each(self.network_interfaces, "network_interfaces", network_interface::Create::new_attachment)?,
            }),
            (None, None) => {
                let detail = "it is needed: an instance has a primary network attachment, or a primary network interface \
                              in 'primary_network_interface'";
                Err(Problem::field("primary_network_attachment", detail))
            }
        }
    }
}

/// The field that a mix is blamed on.
fn given(primary: bool) -> &'static str {
    if primary { "primary_network_interface" } else { "network_interfaces" }
}

fn each<C>(
    all: Vec<C>,
    field: &str,
    new: impl Fn(C, &str) -> Result<NewAttachment, Problem>,
) -> Result<Vec<NewAttachment>, Problem> {
    let each = |(position, one)| new(one, &format!("{field}[{position}]."));
    all.into_iter().enumerate().map(each).collect()
}
