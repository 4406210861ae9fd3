//! `POST /instances`.

use std::collections::BTreeMap;

use pintle_core::command::{Command, CreateInstance, NewLaunch};
use pintle_core::id::{SshKeyId, VpcId};
use pintle_core::model::{Namespace, SshKey};
use pintle_core::query;
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use schemars::JsonSchema;
use serde::Deserialize;

use super::interfaces::{Chosen, Interfaces};
use super::{IMAGE_NOTE, KEYS_NOTE};
use crate::ibm::identity::{Identity, ResourceGroupIdentity, ZoneIdentity, check_resource_group, unify};
use crate::ibm::instance_profile::Profile;
use crate::ibm::{image, network_attachment, network_interface};
use crate::problem::Problem;
use crate::view::{self, vpc_of_interface};

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstancePrototype")]
pub struct Create {
    name: Option<String>,
    zone: ZoneIdentity,
    vpc: Option<Identity<VpcId>>,
    profile: Option<ProfileIdentity>,
    image: Option<ImageIdentity>,
    #[serde(default)]
    keys: Vec<KeyIdentity>,
    primary_network_attachment: Option<network_attachment::Create>,
    #[serde(default)]
    network_attachments: Vec<network_attachment::Create>,
    primary_network_interface: Option<network_interface::Create>,
    #[serde(default)]
    network_interfaces: Vec<network_interface::Create>,
    resource_group: Option<ResourceGroupIdentity>,
}

/// A profile, by name or href.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstanceProfileIdentity")]
pub(in crate::ibm) struct ProfileIdentity {
    name: Option<String>,
    href: Option<String>,
}

impl ProfileIdentity {
    fn find(&self) -> Result<Profile, Problem> {
        let named = self.href.as_deref().and_then(|href| href.rsplit_once("/instance/profiles/"));
        let name = match (&self.name, named) {
            (Some(name), None) if self.href.is_none() => name,
            (None, Some((_, name))) => name,
            _ => return Err(Problem::field("profile", "it needs either 'name' or 'href'")),
        };
        Profile::find(name).filter(|profile| !matches!(profile, Profile::Type(_))).ok_or_else(|| {
            Problem::field("profile.name", "there is no instance profile of this name; see /instance/profiles")
        })
    }
}

/// The image, by id, CRN or href.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::ibm) struct ImageIdentity {
    id: Option<String>,
    crn: Option<String>,
    href: Option<String>,
}

impl ImageIdentity {
    /// That it is the one that there is.
    fn check(&self) -> Result<(), Problem> {
        let mut ids = Vec::new();
        ids.extend(self.id.as_deref());
        ids.extend(self.crn.as_deref().map(|crn| crn.rsplit_once(":image:").map_or(crn, |(_, id)| id)));
        ids.extend(self.href.as_deref().map(|href| href.rsplit_once("/images/").map_or(href, |(_, id)| id)));
        match ids.iter().find(|id| **id != image::ID) {
            _ if ids.is_empty() => Err(Problem::field("image", "it needs one of 'id', 'crn' and 'href'")),
            Some(other) => Err(Problem::not_found(Noun::Image, other.chars().take(80).collect::<String>())),
            None => Ok(()),
        }
    }
}

/// A key, by id, CRN, href or fingerprint.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::ibm) struct KeyIdentity {
    id: Option<String>,
    crn: Option<String>,
    href: Option<String>,
    fingerprint: Option<String>,
}

impl KeyIdentity {
    fn find(&self, snapshot: &dyn Snapshot, at: &str) -> Result<SshKeyId, Problem> {
        let named = unify::<SshKeyId>(self.id.as_deref(), self.crn.as_deref(), self.href.as_deref())
            .map_err(|detail| Problem::field(at, detail))?;
        if let Some(id) = named {
            return Ok(query::get::<SshKey>(snapshot, id)?.0.id);
        }
        let Some(fingerprint) = &self.fingerprint else {
            return Err(Problem::field(at, "it needs one of 'id', 'crn', 'href' and 'fingerprint'"));
        };
        let owner = query::owner(snapshot)?;
        let found = view::ssh_key_with(snapshot, &owner, fingerprint)?;
        found.ok_or_else(|| Problem::not_found(Noun::SshKey, fingerprint.chars().take(80).collect::<String>()))
    }
}

/// What the profile, the image and the keys make of an instance; `None`: nothing, it is a namespace.
fn launch(
    snapshot: &dyn Snapshot,
    profile: Option<&ProfileIdentity>,
    image: Option<&ImageIdentity>,
    keys: &[KeyIdentity],
) -> Result<Launched, Problem> {
    let profile = profile.map(ProfileIdentity::find).transpose()?.unwrap_or(Profile::Namespace);
    let mut notes = BTreeMap::new();
    if let Some(image) = image {
        image.check()?;
        notes.insert(IMAGE_NOTE.to_owned(), image::ID.to_owned());
    }
    let mut ids = Vec::new();
    for (position, key) in keys.iter().enumerate() {
        ids.push(key.find(snapshot, &format!("keys[{position}]"))?.to_string());
    }
    if !ids.is_empty() {
        notes.insert(KEYS_NOTE.to_owned(), ids.join(" "));
    }
    let (kind, bandwidth_kbps) = match profile {
        Profile::Sized(sized) => (Some(sized.kind.name.to_owned()), Some(sized.network_mbps * 1000)),
        Profile::Namespace | Profile::Type(_) => (None, None),
    };
    let plain = kind.is_none() && notes.is_empty();
    let launch = NewLaunch { kind, notes, alone: true, ..NewLaunch::default() };
    Ok(Launched { launch: (!plain).then(|| Box::new(launch)), bandwidth_kbps })
}

struct Launched {
    launch: Option<Box<NewLaunch>>,
    bandwidth_kbps: Option<u32>,
}

impl Create {
    /// What it asks for. Without `vpc` the primary interface tells the VPC, which takes a look at the store.
    ///
    /// # Errors
    /// [`Problem`] naming the field that this server can't honour, or the resource that doesn't exist.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        check_resource_group(self.resource_group.as_ref())?;
        let launch = launch(snapshot, self.profile.as_ref(), self.image.as_ref(), &self.keys)?;
        let interfaces = Interfaces {
            primary_network_attachment: self.primary_network_attachment,
            network_attachments: self.network_attachments,
            primary_network_interface: self.primary_network_interface,
            network_interfaces: self.network_interfaces,
        };
        let Chosen { style, primary, others } = interfaces.choose()?;
        let vpc = match self.vpc {
            Some(Identity(vpc)) => vpc,
            None => vpc_of_interface(snapshot, &primary.vni)?.ok_or_else(|| {
                Problem::field("vpc", "it is needed: the primary interface names no subnet to take it from")
            })?,
        };
        Ok(Command::CreateInstance(CreateInstance {
            name: self.name,
            style,
            vpc,
            host: None,
            zone: Some(self.zone.0),
            namespace: Namespace::Made,
            bandwidth_kbps: launch.bandwidth_kbps,
            ips_per_interface: None,
            launch: launch.launch,
            primary: Some(primary),
            attachments: others,
            ..CreateInstance::of(vpc)
        }))
    }
}
