//! `/instance/profiles`: the sizes that an instance can have.
//!
//! Beside those of [`pintle_core::instance_profile`] there is one without a size: a namespace that takes what its host has.
//! A type that EC2's API has given an instance is found by its name, and not listed.

use std::borrow::Cow;

use pintle_core::instance_profile::{self, InstanceProfile};
use pintle_core::instance_type::{self, InstanceType};
use pintle_core::model::MAX_PER_INSTANCE;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::Site;
use super::collection::{self, Paging};
use super::network_attachment::PORT_SPEED;
use super::reference::Reference;
use super::version::Version;
use crate::problem::Problem;
use crate::view::{self, Page};

/// What references call it.
pub const RESOURCE_TYPE: &str = "instance_profile";
/// The profile without a size, which instances have that name no other.
pub const NAMESPACE: &str = "namespace";

/// The sizes of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// None: what its host has.
    Namespace,
    /// One that IBM publishes.
    Sized(&'static InstanceProfile),
    /// One of EC2's instance types.
    Type(&'static InstanceType),
}

impl Profile {
    /// The profile of this name.
    pub fn find(name: &str) -> Option<Profile> {
        if name == NAMESPACE {
            return Some(Profile::Namespace);
        }
        let sized = instance_profile::find(name).map(Profile::Sized);
        sized.or_else(|| instance_type::find(name).map(Profile::Type))
    }

    /// All that are listed, by name.
    pub fn all() -> Vec<Profile> {
        let mut all: Vec<Profile> = instance_profile::all().map(Profile::Sized).collect();
        all.push(Profile::Namespace);
        all.sort_by_key(|profile| profile.name());
        all
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.kind().map_or(NAMESPACE, |kind| kind.name)
    }

    fn kind(self) -> Option<&'static InstanceType> {
        match self {
            Profile::Namespace => None,
            Profile::Sized(profile) => Some(&profile.kind),
            Profile::Type(kind) => Some(kind),
        }
    }

    /// Its processors; 0: as many as its host has.
    pub fn vcpus(self) -> u32 {
        self.kind().and_then(|kind| kind.vcpus).unwrap_or(0)
    }

    /// Its memory in GiB; 0: as much as its host has, or less than one.
    pub fn memory_gib(self) -> u64 {
        self.kind().and_then(|kind| kind.memory_mib).unwrap_or(0) >> 10
    }

    /// How fast all its interfaces together may be, in Mbit/s.
    pub fn network_mbps(self) -> u32 {
        match self {
            Profile::Sized(profile) => profile.network_mbps,
            Profile::Namespace | Profile::Type(_) => PORT_SPEED,
        }
    }

    fn family(self) -> &'static str {
        match self {
            Profile::Sized(profile) => profile.family,
            Profile::Namespace | Profile::Type(_) => "balanced",
        }
    }

    fn interfaces(self) -> usize {
        self.kind().map_or(MAX_PER_INSTANCE, InstanceType::interfaces)
    }
}

fn fixed(value: impl Into<Value>) -> Value {
    json!({ "type": "fixed", "value": value.into() })
}

fn only(value: impl Into<Value>) -> Value {
    let value = value.into();
    json!({ "type": "enum", "default": value, "values": [value] })
}

/// A number that is fixed, or that depends on the host.
fn size(value: impl Into<u64>) -> Value {
    match value.into() {
        0 => json!({ "type": "dependent" }),
        value => fixed(value),
    }
}

/// The URL of a profile.
pub fn href(site: &Site, name: &str) -> String {
    site.href(format_args!("instance/profiles/{name}"))
}

/// What tools are told of a profile.
pub(in crate::ibm) struct Shape;

impl JsonSchema for Shape {
    fn schema_name() -> Cow<'static, str> {
        "InstanceProfile".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let field = json!({ "type": "object", "required": ["type"] });
        json_schema!({
            "type": "object",
            "required": [
                "name", "href", "resource_type", "family", "vcpu_count", "memory", "bandwidth", "port_speed",
                "network_attachment_count", "network_interface_count", "zones",
            ],
            "properties": {
                "name": { "type": "string" },
                "resource_type": { "const": RESOURCE_TYPE },
                "vcpu_count": field,
                "memory": field,
                "bandwidth": field,
                "network_attachment_count": field,
                "network_interface_count": field,
                "zones": { "type": "array" },
            },
        })
    }
}

/// The profile as replies show it; `zones`: where it can be had.
pub fn encode(site: &Site, profile: Profile, zones: &[String]) -> Value {
    let name = profile.name();
    let count = json!({ "type": "range", "min": 1, "max": profile.interfaces() });
    json!({
        "name": name,
        "href": href(site, name),
        "resource_type": RESOURCE_TYPE,
        "family": profile.family(),
        "status": "current",
        "availability_class": fixed("standard"),
        "vcpu_architecture": fixed("amd64"),
        "vcpu_count": size(profile.vcpus()),
        "vcpu_manufacturer": { "type": "dependent" },
        "vcpu_percentage": only(100),
        "vcpu_burst_limit": fixed(100),
        "memory": size(profile.memory_gib()),
        "bandwidth": fixed(profile.network_mbps()),
        "port_speed": fixed(PORT_SPEED),
        "network_attachment_count": count,
        "network_interface_count": count,
        "network_bandwidth_mode": fixed("pooled"),
        "cluster_network_attachment_count": { "type": "dependent" },
        "supported_cluster_network_profiles": [],
        "confidential_compute_modes": only("disabled"),
        "secure_boot_modes": only(false),
        "threads_per_core": only(1),
        "os_architecture": only("amd64"),
        "disks": [],
        "reservation_terms": { "type": "enum", "values": [] },
        "total_volume_bandwidth": { "type": "dependent" },
        "volume_bandwidth_qos_modes": { "type": "dependent" },
        "zones": zones.iter().map(|zone| Reference::zone(site, zone)).collect::<Vec<_>>(),
    })
}

/// All profiles: in pages from version 2026-04-07 on, before that at once.
///
/// # Errors
/// [`Problem`] for a `start` that is not from here.
pub fn encode_some(site: &Site, paging: &Paging, version: &Version, zones: &[String]) -> Result<Value, Problem> {
    let all = Profile::all();
    if !version.pages_profiles() {
        let profiles: Vec<Value> = all.into_iter().map(|profile| encode(site, profile, zones)).collect();
        return Ok(json!({ "profiles": profiles }));
    }
    let names: Vec<String> = all.iter().map(|profile| profile.name().to_owned()).collect();
    let Page { items, next, total } = view::of_texts(&names, paging.start.as_deref(), paging.limit)?;
    let page = Page { items: items.iter().filter_map(|name| Profile::find(name)).collect(), next, total };
    Ok(collection::encode(site, "instance/profiles", "profiles", paging, &page, |profile| {
        encode(site, *profile, zones)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f13_profiles_say_how_many_interfaces_they_have() {
        let site = Site::new("http://h:1", "local");
        for (name, count) in [("bx2-2x8", 5), ("bx2-48x192", 10), ("cx2-64x128", 15), (NAMESPACE, MAX_PER_INSTANCE)] {
            let shown = encode(&site, Profile::find(name).unwrap(), &["zone-1".to_owned()]);
            assert_eq!(shown["network_attachment_count"], json!({ "type": "range", "min": 1, "max": count }));
            assert_eq!(shown["name"], name);
        }
        assert_eq!(Profile::find("bx2-3x8"), None);
        assert_eq!(Profile::find("m5.large").map(Profile::name), Some("m5.large"));
        assert!(Profile::all().iter().all(|profile| !matches!(profile, Profile::Type(_))));
    }
}
