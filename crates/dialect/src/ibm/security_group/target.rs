//! `/security_groups/{id}/targets`: the interfaces that a group applies to.

use pintle_core::id::SecurityGroupId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::view::{MemberView, Page};

/// An interface as its groups and floating IPs show it: a reference with its subnet and primary address. A child interface
/// is shown without its subnet, and by groups without its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SecurityGroupTarget")]
pub struct Target {
    #[serde(flatten)]
    interface: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_ip: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet: Option<Reference>,
}

/// The interface as the target of a floating IP.
pub fn floating_ip_target(site: &Site, member: &MemberView) -> Target {
    Target {
        interface: Reference::interface(site, &member.vni, member.child.as_ref()),
        primary_ip: Some(Reference::reserved_ip(site, &member.primary_ip)),
        subnet: member.child.is_none().then(|| Reference::subnet(site, &member.subnet)),
    }
}

/// The interface as the target of a group.
pub fn target(site: &Site, member: &MemberView) -> Target {
    let shown = floating_ip_target(site, member);
    if member.child.is_some() { Target { primary_ip: None, ..shown } } else { shown }
}

/// The target as replies show it.
pub fn encode_target(site: &Site, member: &MemberView) -> Value {
    json!(target(site, member))
}

/// A page of a group's targets.
pub fn encode_target_page(
    site: &Site,
    group: SecurityGroupId,
    paging: &collection::Paging,
    page: &Page<MemberView>,
) -> Value {
    let path = format!("security_groups/{group}/targets");
    collection::encode(site, &path, "targets", paging, page, |member| target(site, member))
}
