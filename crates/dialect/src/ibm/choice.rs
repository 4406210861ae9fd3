//! Fields that name something that exists or describe something to be made on the spot.
//!
//! They are decoded into one shape that has the fields of both, so that an error names the field that is wrong; which of
//! the two is meant is told by whether an identity is there.

use std::net::IpAddr;
use std::str::FromStr;

use pintle_core::command::{CreateVni, IpChoice, VniChoice};
use pintle_core::id::{ReservedIpId, SecurityGroupId, SubnetId, VniId};
use pintle_core::model::{IpFamily, ProtocolStateFiltering};
use schemars::JsonSchema;
use serde::Deserialize;

use super::identity::{self, Identity, ResourceGroupIdentity};
use crate::problem::Problem;
use crate::wire::{Text, TextForm};

/// An address: a reserved IP that exists, or one to be reserved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReservedIPChoice")]
pub(super) struct IpFields {
    id: Option<String>,
    href: Option<String>,
    address: Option<Text<IpAddr>>,
    name: Option<String>,
    auto_delete: Option<bool>,
}

impl IpFields {
    /// `field` is the path for errors.
    pub(super) fn choice(self, field: &str) -> Result<IpChoice, Problem> {
        let existing = identity::unify::<ReservedIpId>(self.id.as_deref(), None, self.href.as_deref())
            .map_err(|detail| Problem::field(field, detail))?;
        if let Some(id) = existing {
            let made = [
                ("address", self.address.is_some()),
                ("name", self.name.is_some()),
                ("auto_delete", self.auto_delete.is_some()),
            ];
            refuse_mix(field, &made)?;
            return Ok(IpChoice::Reserved(id));
        }
        let (name, auto_delete) = (self.name, self.auto_delete.unwrap_or(true));
        Ok(match self.address {
            Some(Text(address)) => IpChoice::Address { address, name, auto_delete },
            None => IpChoice::Auto { family: IpFamily::V4, name, auto_delete },
        })
    }
}

fn refuse_mix(field: &str, made: &[(&str, bool)]) -> Result<(), Problem> {
    match made.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Problem::field(
            format!("{field}.{name}"),
            "it describes a resource to be made, but 'id', 'crn' or 'href' beside it names one that exists",
        )),
    }
}

/// Protocol state filtering as the wire spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FilteringMode(pub(super) ProtocolStateFiltering);

impl FromStr for FilteringMode {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(FilteringMode(ProtocolStateFiltering::Auto)),
            "enabled" => Ok(FilteringMode(ProtocolStateFiltering::Enabled)),
            "disabled" => Ok(FilteringMode(ProtocolStateFiltering::Disabled)),
            _ => Err(()),
        }
    }
}
impl TextForm for FilteringMode {
    const WORDS: &'static str = "one of 'auto', 'enabled' and 'disabled'";
}

/// An interface: one that exists, or one to be made.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VirtualNetworkInterfaceChoice")]
pub(super) struct VniFields {
    id: Option<String>,
    crn: Option<String>,
    href: Option<String>,
    name: Option<String>,
    subnet: Option<Identity<SubnetId>>,
    primary_ip: Option<IpFields>,
    ips: Option<Vec<IpFields>>,
    allow_ip_spoofing: Option<bool>,
    auto_delete: Option<bool>,
    enable_infrastructure_nat: Option<bool>,
    protocol_state_filtering_mode: Option<Text<FilteringMode>>,
    resource_group: Option<ResourceGroupIdentity>,
    security_groups: Option<Vec<Identity<SecurityGroupId>>>,
}

impl VniFields {
    /// Those of an interface to be made that chooses nothing else.
    pub(super) fn plain(
        subnet: Identity<SubnetId>,
        primary_ip: Option<IpFields>,
        security_groups: Option<Vec<Identity<SecurityGroupId>>>,
        allow_ip_spoofing: Option<bool>,
    ) -> Self {
        VniFields { subnet: Some(subnet), primary_ip, security_groups, allow_ip_spoofing, ..VniFields::default() }
    }

    /// The interface to be made; `at` is what field paths in errors begin with.
    pub(super) fn create(self, at: &str) -> Result<CreateVni, Problem> {
        for (name, given) in [("id", &self.id), ("crn", &self.crn), ("href", &self.href)] {
            if given.is_some() {
                return Err(Problem::field(format!("{at}{name}"), "it can't be chosen: the server gives it"));
            }
        }
        identity::check_resource_group(self.resource_group.as_ref())?;
        if self.security_groups.as_ref().is_some_and(Vec::is_empty) {
            let detail = "an interface has at least one security group: leave the field out for the VPC's default one";
            return Err(Problem::field(format!("{at}security_groups"), detail));
        }
        let primary_ip = match self.primary_ip {
            Some(ip) => ip.choice(&format!("{at}primary_ip"))?,
            None => IpChoice::default(),
        };
        let ips = self
            .ips
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(position, ip)| ip.choice(&format!("{at}ips[{position}]")))
            .collect::<Result<_, Problem>>()?;
        Ok(CreateVni {
            subnet: self.subnet.map(|Identity(id)| id),
            name: self.name,
            primary_ip,
            ips,
            security_groups: self.security_groups.unwrap_or_default().into_iter().map(|Identity(id)| id).collect(),
            allow_ip_spoofing: self.allow_ip_spoofing,
            auto_delete: self.auto_delete,
            enable_infrastructure_nat: self.enable_infrastructure_nat,
            protocol_state_filtering: self.protocol_state_filtering_mode.map(|Text(FilteringMode(mode))| mode),
            ..CreateVni::default()
        })
    }

    /// The interface named or described; `field` is the path for errors.
    pub(super) fn choice(self, field: &str) -> Result<VniChoice, Problem> {
        let existing = identity::unify::<VniId>(self.id.as_deref(), self.crn.as_deref(), self.href.as_deref())
            .map_err(|detail| Problem::field(field, detail))?;
        let Some(id) = existing else {
            return Ok(VniChoice::New(Box::new(self.create(&format!("{field}."))?)));
        };
        let made = [
            ("name", self.name.is_some()),
            ("subnet", self.subnet.is_some()),
            ("primary_ip", self.primary_ip.is_some()),
            ("ips", self.ips.is_some()),
            ("allow_ip_spoofing", self.allow_ip_spoofing.is_some()),
            ("auto_delete", self.auto_delete.is_some()),
            ("enable_infrastructure_nat", self.enable_infrastructure_nat.is_some()),
            ("protocol_state_filtering_mode", self.protocol_state_filtering_mode.is_some()),
            ("resource_group", self.resource_group.is_some()),
            ("security_groups", self.security_groups.is_some()),
        ];
        refuse_mix(field, &made)?;
        Ok(VniChoice::Existing(id))
    }
}
