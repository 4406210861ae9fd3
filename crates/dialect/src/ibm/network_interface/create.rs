//! `POST /instances/{id}/network_interfaces`, and what an old-style prototype of an instance has for each interface.

use pintle_core::command::{Command, NewAttachment, VniChoice};
use pintle_core::id::{InstanceId, SecurityGroupId, SubnetId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ibm::choice::{IpFields, VniFields};
use crate::ibm::identity::Identity;
use crate::problem::Problem;

/// The body. Its last fields are those of virtual network interfaces, which are refused with the reason.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkInterfacePrototype")]
pub struct Create {
    name: Option<String>,
    subnet: Identity<SubnetId>,
    primary_ip: Option<IpFields>,
    allow_ip_spoofing: Option<bool>,
    security_groups: Option<Vec<Identity<SecurityGroupId>>>,
    #[schemars(skip)]
    ips: Option<IgnoredAny>,
    #[schemars(skip)]
    auto_delete: Option<IgnoredAny>,
    #[schemars(skip)]
    enable_infrastructure_nat: Option<IgnoredAny>,
    #[schemars(skip)]
    protocol_state_filtering_mode: Option<IgnoredAny>,
}

impl Create {
    /// The child interface to be made; `at` is what field paths in errors begin with.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured.
    pub fn new_attachment(self, at: &str) -> Result<NewAttachment, Problem> {
        let others = [
            ("ips", self.ips.is_some()),
            ("auto_delete", self.auto_delete.is_some()),
            ("enable_infrastructure_nat", self.enable_infrastructure_nat.is_some()),
            ("protocol_state_filtering_mode", self.protocol_state_filtering_mode.is_some()),
        ];
        if let Some((field, _)) = others.iter().find(|(_, given)| *given) {
            let detail = "only virtual network interfaces have it; create the instance with network attachments for it";
            return Err(Problem::field(format!("{at}{field}"), detail));
        }
        let interface = VniFields::plain(self.subnet, self.primary_ip, self.security_groups, self.allow_ip_spoofing);
        let child = VniChoice::Child(Box::new(interface.create(at)?));
        Ok(NewAttachment { name: self.name, ..NewAttachment::of(child) })
    }

    /// What it asks for.
    ///
    /// # Errors
    /// As [`Create::new_attachment`].
    pub fn command(self, instance: InstanceId) -> Result<Command, Problem> {
        Ok(Command::Attach(instance, self.new_attachment("")?))
    }
}
