//! How a request names something that exists: by id, by CRN or by href.
//!
//! All three end in the same id, so none needs a look-up. Where a request gives more than one they must agree.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::str::FromStr;

use pintle_core::id::{
    AclRuleId, AttachmentId, FloatingIpId, InstanceId, InvalidId, NetworkAclId, PublicGatewayId, ReservedIpId,
    RouteTableId, SecurityGroupId, SshKeyId, SubnetId, VniId, VpcId,
};
use pintle_core::model::Vni;
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, query};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, json};

use crate::problem::Problem;
use crate::view::{child_vni, own_vni};
use crate::wire;

/// A kind of resource that requests name.
pub trait Kind: FromStr<Err = InvalidId> + PartialEq + Copy {
    /// Its collection's name in hrefs.
    const COLLECTION: &'static str;
    /// Its name in CRNs; `None` when it has none.
    const CRN: Option<&'static str>;
}
impl Kind for VpcId {
    const COLLECTION: &'static str = "vpcs";
    const CRN: Option<&'static str> = Some("vpc");
}
impl Kind for SubnetId {
    const COLLECTION: &'static str = "subnets";
    const CRN: Option<&'static str> = Some("subnet");
}
impl Kind for VniId {
    const COLLECTION: &'static str = "virtual_network_interfaces";
    const CRN: Option<&'static str> = Some("virtual-network-interface");
}
impl Kind for InstanceId {
    const COLLECTION: &'static str = "instances";
    const CRN: Option<&'static str> = Some("instance");
}
impl Kind for ReservedIpId {
    const COLLECTION: &'static str = "reserved_ips";
    const CRN: Option<&'static str> = None;
}
impl Kind for SecurityGroupId {
    const COLLECTION: &'static str = "security_groups";
    const CRN: Option<&'static str> = Some("security-group");
}
impl Kind for NetworkAclId {
    const COLLECTION: &'static str = "network_acls";
    const CRN: Option<&'static str> = Some("network-acl");
}
impl Kind for AclRuleId {
    const COLLECTION: &'static str = "rules";
    const CRN: Option<&'static str> = None;
}
impl Kind for FloatingIpId {
    const COLLECTION: &'static str = "floating_ips";
    const CRN: Option<&'static str> = Some("floating-ip");
}
impl Kind for PublicGatewayId {
    const COLLECTION: &'static str = "public_gateways";
    const CRN: Option<&'static str> = Some("public-gateway");
}

impl Kind for AttachmentId {
    const COLLECTION: &'static str = "network_attachments";
    const CRN: Option<&'static str> = None;
}
impl Kind for SshKeyId {
    const COLLECTION: &'static str = "keys";
    const CRN: Option<&'static str> = Some("key");
}
impl Kind for RouteTableId {
    const COLLECTION: &'static str = "routing_tables";
    const CRN: Option<&'static str> = Some("routing-table");
}

/// Something that exists, named in a request as `{"id": …}`, `{"crn": …}` or `{"href": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<I>(pub I);

impl<I: Kind> Identity<I> {
    /// What a query parameter names by its CRN.
    ///
    /// # Errors
    /// [`Problem::Parameter`] when it is not the CRN of such a thing.
    pub fn from_crn(parameter: &str, crn: &str) -> Result<Self, Problem> {
        from_crn(crn).map(Identity).map_err(|detail| wire::parameter(parameter, Some(crn), detail))
    }
}

/// The id that these texts name; `None` when there is none of them.
///
/// # Errors
/// What is wrong with one of them, or that they do not agree.
pub fn unify<I: Kind>(id: Option<&str>, crn: Option<&str>, href: Option<&str>) -> Result<Option<I>, String> {
    let id = id.map(parse::<I>).transpose()?;
    let crn = crn.map(from_crn::<I>).transpose()?;
    let href = href.map(from_href::<I>).transpose()?;
    let mut all = [id, crn, href].into_iter().flatten();
    let first = all.next();
    if all.any(|other| Some(other) != first) {
        return Err("'id', 'crn' and 'href' name different resources; one of them is enough".to_owned());
    }
    Ok(first)
}

fn parse<I: Kind>(text: &str) -> Result<I, String> {
    text.parse().map_err(|error: InvalidId| error.to_string())
}

fn from_crn<I: Kind>(crn: &str) -> Result<I, String> {
    let kind = I::CRN.ok_or_else(|| "this kind of resource has no CRN; name it by 'id' or 'href'".to_owned())?;
    let short: String = crn.chars().take(160).collect();
    let parts: Vec<&str> = crn.split(':').collect();
    match parts[..] {
        ["crn", "v1", _, _, "is", _, _, "", found, id] if found == kind => parse(id),
        _ => Err(format!("'{short}' is not the CRN of a {kind}: expected 'crn:v1:…:is:…::{kind}:<id>'")),
    }
}

/// The last part of a URL: the name of what it leads to.
pub(super) fn last_segment(href: &str) -> &str {
    href.rsplit('/').next().unwrap_or_default()
}

fn from_href<I: Kind>(href: &str) -> Result<I, String> {
    let short: String = href.chars().take(160).collect();
    let wrong = || format!("'{short}' is not the href of a resource: expected 'http…/v1/…/{}/<id>'", I::COLLECTION);
    let (scheme, rest) = href.split_once("://").ok_or_else(wrong)?;
    let (_, path) = rest.split_once('/').filter(|_| matches!(scheme, "http" | "https")).ok_or_else(wrong)?;
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["v1", .., collection, id] | ["regions", _, "v1", .., collection, id] if collection == I::COLLECTION => {
            parse(id)
        }
        _ => Err(wrong()),
    }
}

impl<'de, I: Kind> Deserialize<'de> for Identity<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IdentityVisitor(PhantomData))
    }
}

/// Whichever of the three names it; what each must look like is told by the error.
impl<I: Kind> JsonSchema for Identity<I> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Identity", I::COLLECTION).into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for name in ["id", "href"].into_iter().chain(I::CRN.map(|_| "crn")) {
            properties.insert(name.to_owned(), json!({ "type": "string" }));
        }
        json_schema!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
        })
    }
}

struct IdentityVisitor<I>(PhantomData<I>);

impl<'de, I: Kind> Visitor<'de> for IdentityVisitor<I> {
    type Value = Identity<I>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with 'id', 'crn' or 'href'")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut id, mut crn, mut href) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let slot = match key.as_str() {
                "id" => &mut id,
                "crn" => &mut crn,
                "href" => &mut href,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    return Err(A::Error::unknown_field(&key, &["id", "crn", "href"]));
                }
            };
            if slot.replace(map.next_value::<String>()?).is_some() {
                return Err(A::Error::custom(format!("'{key}' is given more than once")));
            }
        }
        let found = unify(id.as_deref(), crn.as_deref(), href.as_deref()).map_err(A::Error::custom)?;
        found.map(Identity).ok_or_else(|| A::Error::custom("it needs one of 'id', 'crn' and 'href'"))
    }
}

/// A child interface of a server: it is known by its attachment's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NetworkInterfaceId(AttachmentId);

impl FromStr for NetworkInterfaceId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(NetworkInterfaceId)
    }
}
impl Kind for NetworkInterfaceId {
    const COLLECTION: &'static str = "network_interfaces";
    const CRN: Option<&'static str> = None;
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InterfaceIdentity")]
pub(in crate::ibm) struct InterfaceFields {
    id: Option<String>,
    crn: Option<String>,
    href: Option<String>,
}

/// An interface, named in a request as a virtual network interface or as a child network interface of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "InterfaceFields")]
pub enum InterfaceIdentity {
    /// An interface of its own.
    Vni(VniId),
    /// A child interface, by its attachment.
    Child(AttachmentId),
}

impl JsonSchema for InterfaceIdentity {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        InterfaceFields::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        InterfaceFields::json_schema(generator)
    }
}

impl TryFrom<InterfaceFields> for InterfaceIdentity {
    type Error = String;
    fn try_from(fields: InterfaceFields) -> Result<Self, String> {
        let (id, crn, href) = (fields.id.as_deref(), fields.crn.as_deref(), fields.href.as_deref());
        let child = id.is_some_and(|id| id.parse::<NetworkInterfaceId>().is_ok())
            || href.is_some_and(|href| href.contains("/network_interfaces/"));
        let found = match child {
            true => unify::<NetworkInterfaceId>(id, crn, href)?.map(|NetworkInterfaceId(id)| Self::Child(id)),
            false => unify(id, crn, href)?.map(Self::Vni),
        };
        found.ok_or_else(|| "it needs one of 'id', 'crn' and 'href'".to_owned())
    }
}

impl InterfaceIdentity {
    /// The interface that is meant. Whether an interface of its own exists is the command's to say.
    ///
    /// # Errors
    /// [`pintle_core::Refusal::NotFound`] for a child that is named as one of its own, as [`child_vni`] for a child, or when
    /// the store can't be read.
    pub fn resolve(self, snapshot: &dyn Snapshot) -> Result<VniId, DecideError> {
        match self {
            InterfaceIdentity::Vni(id) if query::find::<Vni>(snapshot, id)?.is_some() => Ok(own_vni(snapshot, id)?.id),
            InterfaceIdentity::Vni(id) => Ok(id),
            InterfaceIdentity::Child(id) => child_vni(snapshot, id),
        }
    }
}

/// A zone, named in a request by name or href.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ZoneIdentityFields")]
pub(in crate::ibm) struct ZoneFields {
    name: Option<String>,
    href: Option<String>,
}

/// A zone, named in a request as `{"name": …}` or `{"href": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "ZoneFields")]
pub struct ZoneIdentity(pub String);

impl TryFrom<ZoneFields> for ZoneIdentity {
    type Error = String;
    fn try_from(fields: ZoneFields) -> Result<Self, String> {
        match (fields.name, fields.href) {
            (Some(name), None) => Ok(ZoneIdentity(name)),
            (None, Some(href)) => match href.rsplit_once("/zones/") {
                Some((_, name)) => Ok(ZoneIdentity(name.to_owned())),
                None => Err(format!("'{href}' is not a zone's href: expected '…/v1/regions/<region>/zones/<name>'")),
            },
            _ => Err("it needs either 'name' or 'href'".to_owned()),
        }
    }
}

/// A resource group, named in a request by id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceGroupIdentity {
    id: String,
}

/// Holds a request to the one resource group that there is.
///
/// # Errors
/// [`pintle_core::Refusal::NotFound`] for any other.
pub fn check_resource_group(group: Option<&ResourceGroupIdentity>) -> Result<(), crate::Problem> {
    match group {
        Some(group) if group.id != super::reference::RESOURCE_GROUP => {
            let id: String = group.id.chars().take(80).collect();
            Err(crate::Problem::not_found(pintle_core::refusal::Noun::ResourceGroup, id))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode;

    const ID: &str = "subnet-00000000000000007";

    #[test]
    fn id_crn_and_href_name_the_same_thing() {
        let crn = format!("crn:v1:pintle:public:is:zone-1:a/default::subnet:{ID}");
        let href = format!("https://example.net:7480/v1/subnets/{ID}");
        for body in [
            format!(r#"{{"id": "{ID}"}}"#),
            format!(r#"{{"crn": "{crn}"}}"#),
            format!(r#"{{"href": "{href}"}}"#),
            format!(r#"{{"id": "{ID}", "crn": "{crn}", "href": "{href}"}}"#),
        ] {
            let Identity(id) = decode::<Identity<SubnetId>>(body.as_bytes()).unwrap();
            assert_eq!(id.to_string(), ID);
        }
    }

    #[test]
    fn what_names_nothing_or_something_else_is_refused_with_the_reason() {
        let other = "subnet-00000000000000008";
        for (body, text) in [
            ("{}".to_owned(), "one of 'id', 'crn' and 'href'"),
            (r#"{"id": "subnet-7"}"#.to_owned(), "17 lower-case hexadecimal digits"),
            (r#"{"id": 7}"#.to_owned(), "invalid type"),
            (r#""subnet-00000000000000007""#.to_owned(), "an object with 'id'"),
            (format!(r#"{{"id": "{ID}", "name": "x"}}"#), "unknown field `name`"),
            (format!(r#"{{"id": "{ID}", "id": "{ID}"}}"#), "more than once"),
            (format!(r#"{{"id": "{ID}", "href": "http://h/v1/subnets/{other}"}}"#), "different resources"),
            (format!(r#"{{"href": "http://h/v1/vpcs/{ID}"}}"#), "…/subnets/<id>"),
            (format!(r#"{{"href": "/v1/subnets/{ID}"}}"#), "not the href"),
            (format!(r#"{{"crn": "crn:v1:pintle:public:is:z:a/default::vpc:{ID}"}}"#), "CRN of a subnet"),
        ] {
            let error = decode::<Identity<SubnetId>>(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(text), "{body}: {error}");
        }
    }

    #[test]
    fn a_reserved_ip_has_no_crn_and_a_nested_href() {
        let id = "rip-00000000000000001";
        let nested = format!(r#"{{"href": "http://h/v1/subnets/{ID}/reserved_ips/{id}"}}"#);
        assert_eq!(decode::<Identity<ReservedIpId>>(nested.as_bytes()).unwrap().0.to_string(), id);
        let crn = r#"{"crn": "crn:v1:x"}"#;
        assert!(decode::<Identity<ReservedIpId>>(crn.as_bytes()).unwrap_err().to_string().contains("has no CRN"));
    }
}
