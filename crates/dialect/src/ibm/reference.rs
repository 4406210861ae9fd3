//! References: how a resource shows another one that it has to do with.

use pintle_core::model::{Attachment, ReservedIp, Subnet, Vni, Vpc};
use serde::Serialize;

use super::Site;

/// The id of the one resource group.
pub const RESOURCE_GROUP: &str = "default";

/// A reference to a resource: only the fields that its kind has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crn: Option<String>,
    href: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<&'static str>,
}

impl Reference {
    fn new(href: String, name: &str) -> Self {
        Reference { address: None, crn: None, href, id: None, name: name.to_owned(), resource_type: None }
    }

    /// To a VPC.
    pub fn vpc(site: &Site, vpc: &Vpc) -> Self {
        Reference {
            crn: Some(super::vpc::crn(site, vpc)),
            id: Some(vpc.id.to_string()),
            resource_type: Some(super::vpc::RESOURCE_TYPE),
            ..Self::new(super::vpc::href(site, vpc.id), &vpc.name)
        }
    }

    /// To a subnet.
    pub fn subnet(site: &Site, subnet: &Subnet) -> Self {
        Reference {
            crn: Some(super::subnet::crn(site, subnet)),
            id: Some(subnet.id.to_string()),
            resource_type: Some(super::subnet::RESOURCE_TYPE),
            ..Self::new(super::subnet::href(site, subnet.id), &subnet.name)
        }
    }

    /// To a reserved IP.
    pub fn reserved_ip(site: &Site, ip: &ReservedIp) -> Self {
        Reference {
            address: Some(ip.address.to_string()),
            id: Some(ip.id.to_string()),
            resource_type: Some(super::reserved_ip::RESOURCE_TYPE),
            ..Self::new(super::reserved_ip::href(site, ip), &ip.name)
        }
    }

    /// To an interface.
    pub fn vni(site: &Site, vni: &Vni) -> Self {
        Reference {
            crn: Some(super::vni::crn(site, vni)),
            id: Some(vni.id.to_string()),
            resource_type: Some(super::vni::RESOURCE_TYPE),
            ..Self::new(super::vni::href(site, vni.id), &vni.name)
        }
    }

    /// To an attachment, as an interface shows its target.
    pub fn attachment(site: &Site, attachment: &Attachment) -> Self {
        Reference {
            id: Some(attachment.id.to_string()),
            resource_type: Some(super::network_attachment::RESOURCE_TYPE),
            ..Self::new(super::network_attachment::href(site, attachment), &attachment.name)
        }
    }

    /// To a zone.
    pub fn zone(site: &Site, zone: &str) -> Self {
        Self::new(site.href(format_args!("regions/{}/zones/{zone}", site.region)), zone)
    }

    /// To the one resource group.
    pub fn resource_group(site: &Site) -> Self {
        let href = format!("{}/v2/resource_groups/{RESOURCE_GROUP}", site.base_url);
        Reference { id: Some(RESOURCE_GROUP.to_owned()), ..Self::new(href, "Default") }
    }

    /// To the instance profile of this name.
    pub fn profile(site: &Site, name: &str) -> Self {
        Reference {
            resource_type: Some("instance_profile"),
            ..Self::new(site.href(format_args!("instance/profiles/{name}")), name)
        }
    }
}
