//! References: how a resource shows another one that it has to do with.

use pintle_core::id::ShareId;
use pintle_core::model::{
    Attachment, FloatingIp, Instance, NetworkAcl, NetworkAclRule, PublicGateway, ReservedIp, Role, RouteTable,
    SecurityGroup, SshKey, Subnet, Vni, Vpc,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Site, bare_metal};
use crate::view::ChildView;

/// The id of the one resource group.
pub const RESOURCE_GROUP: &str = "default";

/// A reference to a resource: only the fields that its kind has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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

    /// To a child interface of a server.
    pub fn network_interface(site: &Site, child: &ChildView) -> Self {
        let ChildView { attachment, role } = child;
        Reference {
            id: Some(attachment.id.to_string()),
            resource_type: Some(super::network_interface::RESOURCE_TYPE),
            ..Self::new(super::network_interface::href(site, *role, attachment), &attachment.name)
        }
    }

    /// To an interface, whichever of the two it is.
    pub fn interface(site: &Site, vni: &Vni, child: Option<&ChildView>) -> Self {
        child.map_or_else(|| Self::vni(site, vni), |child| Self::network_interface(site, child))
    }

    /// To a security group.
    pub fn security_group(site: &Site, group: &SecurityGroup) -> Self {
        Reference {
            crn: Some(super::security_group::crn(site, group)),
            id: Some(group.id.to_string()),
            ..Self::new(super::security_group::href(site, group.id), &group.name)
        }
    }

    /// To a network ACL.
    pub fn network_acl(site: &Site, acl: &NetworkAcl) -> Self {
        Reference {
            crn: Some(super::network_acl::crn(site, acl)),
            id: Some(acl.id.to_string()),
            ..Self::new(super::network_acl::href(site, acl.id), &acl.name)
        }
    }

    /// To a rule of a network ACL.
    pub fn network_acl_rule(site: &Site, acl: &NetworkAcl, rule: &NetworkAclRule) -> Self {
        Reference {
            id: Some(rule.rule.id.to_string()),
            ..Self::new(super::network_acl::rule_href(site, acl.id, rule.rule.id), &rule.name)
        }
    }

    /// To a floating IP.
    pub fn floating_ip(site: &Site, ip: &FloatingIp) -> Self {
        Reference {
            address: Some(ip.address.to_string()),
            crn: Some(super::floating_ip::crn(site, ip)),
            id: Some(ip.id.to_string()),
            ..Self::new(super::floating_ip::href(site, ip.id), &ip.name)
        }
    }

    /// To a public gateway.
    pub fn public_gateway(site: &Site, gateway: &PublicGateway) -> Self {
        Reference {
            crn: Some(super::public_gateway::crn(site, gateway)),
            id: Some(gateway.id.to_string()),
            resource_type: Some(super::public_gateway::RESOURCE_TYPE),
            ..Self::new(super::public_gateway::href(site, gateway.id), &gateway.name)
        }
    }

    /// To an instance.
    pub fn instance(site: &Site, instance: &Instance) -> Self {
        Reference {
            crn: Some(site.crn(&instance.owner, &instance.zone, super::instance::RESOURCE_TYPE, instance.id)),
            id: Some(instance.id.to_string()),
            resource_type: Some(super::instance::RESOURCE_TYPE),
            ..Self::new(super::instance::href(site, instance.id), &instance.name)
        }
    }

    /// To an attachment of a server of this role, as an interface shows its target.
    pub fn attachment(site: &Site, role: Option<Role>, attachment: &Attachment) -> Self {
        let (href, resource_type) = match role {
            Some(Role::BareMetal) => {
                (bare_metal::attachment::href(site, attachment), bare_metal::attachment::RESOURCE_TYPE)
            }
            Some(Role::Server | Role::ShareMount(_)) | None => {
                (super::network_attachment::href(site, attachment), super::network_attachment::RESOURCE_TYPE)
            }
        };
        Reference {
            id: Some(attachment.id.to_string()),
            resource_type: Some(resource_type),
            ..Self::new(href, &attachment.name)
        }
    }

    /// To a routing table.
    pub fn routing_table(site: &Site, table: &RouteTable) -> Self {
        Reference {
            crn: Some(super::routing_table::crn(site, table)),
            id: Some(table.id.to_string()),
            resource_type: Some(super::routing_table::RESOURCE_TYPE),
            ..Self::new(super::routing_table::href(site, table), &super::routing_table::name(table))
        }
    }

    /// To an SSH key.
    pub fn key(site: &Site, key: &SshKey) -> Self {
        Reference {
            crn: Some(super::key::crn(site, key)),
            id: Some(key.id.to_string()),
            ..Self::new(super::key::href(site, key.id), &key.name)
        }
    }

    /// To the one image.
    pub fn image(site: &Site) -> Self {
        Reference {
            crn: Some(super::image::crn(site)),
            id: Some(super::image::ID.to_owned()),
            resource_type: Some(super::image::RESOURCE_TYPE),
            ..Self::new(super::image::href(site), super::image::NAME)
        }
    }

    /// To a region.
    pub fn region(site: &Site, region: &str) -> Self {
        Self::new(super::region::href(site, region), region)
    }

    /// To a mount target of a share.
    pub fn mount_target(site: &Site, share: ShareId, attachment: &Attachment) -> Self {
        Reference {
            id: Some(attachment.id.to_string()),
            resource_type: Some(super::share::mount_target::RESOURCE_TYPE),
            ..Self::new(super::share::mount_target::href(site, share, attachment.id), &attachment.name)
        }
    }

    /// To something that has a name for its id.
    pub(super) fn named(href: String, name: &str, resource_type: &'static str) -> Self {
        Reference { resource_type: Some(resource_type), ..Self::new(href, name) }
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
            resource_type: Some(super::instance_profile::RESOURCE_TYPE),
            ..Self::new(super::instance_profile::href(site, name), name)
        }
    }
}
