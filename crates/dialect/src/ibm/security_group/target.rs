//! `/security_groups/{id}/targets`: the interfaces that a group applies to.

use pintle_core::id::SecurityGroupId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::view::{MemberView, Page};

/// An interface as its groups and floating IPs show it: a reference with its subnet and primary address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SecurityGroupTarget")]
pub struct Target {
    #[serde(flatten)]
    vni: Reference,
    primary_ip: Reference,
    subnet: Reference,
}

/// The interface as a target.
pub fn target(site: &Site, member: &MemberView) -> Target {
    Target {
        vni: Reference::vni(site, &member.vni),
        primary_ip: Reference::reserved_ip(site, &member.primary_ip),
        subnet: Reference::subnet(site, &member.subnet),
    }
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
