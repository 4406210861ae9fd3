//! `/security_groups/{id}/rules`.
//!
//! IBM's rules speak of IPv4. A rule of IPv6 has `ip_version` `ipv6` here, and a prefix list is a remote like a group; both are
//! ours. A rule that was made elsewhere for "any" remote is shown as `0.0.0.0/0`, which is what it is for IPv4.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::command::{Command, NewRule, RulesChange};
use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{ProtocolMatch, Remote, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ibm::Site;
use crate::ibm::identity;
use crate::ibm::protocol::{self, Fields, IpVersion, Ports};
use crate::ibm::reference::Reference;
use crate::ibm::version::Version;
use crate::problem::Problem;
use crate::view::SecurityGroupView;
use crate::wire::{Text, given, removable};

/// What rules say they are.
const RESOURCE_TYPE: &str = "security_group_rule";
/// What the two fields of ports are called here.
const PORT_FIELDS: (&str, &str) = ("port_min", "port_max");

/// The URL of a rule.
pub fn rule_href(site: &Site, group: SecurityGroupId, rule: RuleId) -> String {
    site.href(format_args!("security_groups/{group}/rules/{rule}"))
}

/// A rule to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityGroupRulePrototype")]
pub struct RuleFields {
    direction: String,
    protocol: String,
    ip_version: Option<String>,
    local: Option<LocalFields>,
    remote: Option<RemoteFields>,
    port_min: Option<u16>,
    port_max: Option<u16>,
    r#type: Option<u8>,
    code: Option<u8>,
}

/// The other end of a rule: an address, a range, or something that exists.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityGroupRuleRemotePrototype")]
pub(in crate::ibm) struct RemoteFields {
    address: Option<Text<IpAddr>>,
    cidr_block: Option<Text<IpNet>>,
    id: Option<String>,
    crn: Option<String>,
    href: Option<String>,
}

/// The interface's own addresses that a rule is for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityGroupRuleLocalPrototype")]
pub(in crate::ibm) struct LocalFields {
    address: Option<Text<IpAddr>>,
    cidr_block: Option<Text<IpNet>>,
}

impl RuleFields {
    /// The rule; `at` is what field paths in errors begin with.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured or that contradicts another.
    pub fn rule(self, version: &Version, at: &str) -> Result<NewRule, Problem> {
        let ip = IpVersion::decode(self.ip_version.as_deref(), at)?;
        let fields = Fields {
            protocol: &self.protocol,
            ports: Ports { min: self.port_min, max: self.port_max },
            port_fields: PORT_FIELDS,
            kind: self.r#type,
            code: self.code,
        };
        Ok(NewRule {
            direction: protocol::direction(&self.direction, at)?,
            protocol: fields.decode(version, ip, at)?,
            remote: self.remote.map_or(Ok(Remote::Net(any(ip))), |remote| remote.remote(ip, at))?,
            local: self.local.map_or(Ok(None), |local| local.local(ip, at))?,
            description: None,
        })
    }

    /// What `POST …/rules` asks for.
    ///
    /// # Errors
    /// As [`RuleFields::rule`].
    pub fn command(self, group: SecurityGroupId, version: &Version) -> Result<Command, Problem> {
        Ok(Command::ChangeRules(group, RulesChange::add(vec![self.rule(version, "")?])))
    }
}

impl RemoteFields {
    fn remote(self, ip: IpVersion, at: &str) -> Result<Remote, Problem> {
        let field = format!("{at}remote");
        // A prefix list is only known by its id.
        if let (None, None, Some(Ok(list)), None, None) =
            (&self.address, &self.cidr_block, self.id.as_deref().map(str::parse::<PrefixListId>), &self.crn, &self.href)
        {
            return Ok(Remote::PrefixList(list));
        }
        let group = identity::unify::<SecurityGroupId>(self.id.as_deref(), self.crn.as_deref(), self.href.as_deref())
            .map_err(|detail| Problem::field(&field, detail))?;
        match (group, network(self.address, self.cidr_block, &field)?) {
            (Some(group), None) => Ok(Remote::Group(group)),
            (None, Some(net)) => same_version(net, ip, &field).map(Remote::Net),
            (None, None) => Err(Problem::field(field, "it needs 'address', 'cidr_block', or a security group")),
            (Some(_), Some(_)) => Err(Problem::field(field, "it can't be a security group and an address at once")),
        }
    }
}

impl LocalFields {
    fn local(self, ip: IpVersion, at: &str) -> Result<Option<IpNet>, Problem> {
        let field = format!("{at}local");
        let net = network(self.address, self.cidr_block, &field)?
            .ok_or_else(|| Problem::field(&field, "it needs 'address' or 'cidr_block'"))?;
        let net = same_version(net, ip, &field)?;
        Ok((net.prefix_len() > 0).then_some(net))
    }
}

fn network(address: Option<Text<IpAddr>>, cidr: Option<Text<IpNet>>, at: &str) -> Result<Option<IpNet>, Problem> {
    match (address, cidr) {
        (Some(_), Some(_)) => Err(Problem::field(at, "it can't have both 'address' and 'cidr_block'")),
        (Some(Text(address)), None) => Ok(Some(address.into())),
        (None, cidr) => Ok(cidr.map(|Text(cidr)| cidr)),
    }
}

fn same_version(net: IpNet, ip: IpVersion, field: &str) -> Result<IpNet, Problem> {
    match (net, ip) {
        (IpNet::V4(_), IpVersion::V4) | (IpNet::V6(_), IpVersion::V6) => Ok(net),
        _ => Err(Problem::field(field, format!("{net} is not of the rule's 'ip_version', which is {}", ip.label()))),
    }
}

fn any(ip: IpVersion) -> IpNet {
    match ip {
        IpVersion::V4 => IpNet::V4(Ipv4Net::default()),
        IpVersion::V6 => IpNet::V6(Ipv6Net::default()),
    }
}

/// Body of `PATCH /security_groups/{id}/rules/{id}`: what it leaves out stays as it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityGroupRulePatch")]
pub struct RulePatch {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    direction: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    protocol: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    ip_version: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "LocalFields")]
    local: Option<LocalFields>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "RemoteFields")]
    remote: Option<RemoteFields>,
    #[serde(default, deserialize_with = "removable")]
    port_min: Option<Option<u16>>,
    #[serde(default, deserialize_with = "removable")]
    port_max: Option<Option<u16>>,
    #[serde(default, deserialize_with = "removable")]
    r#type: Option<Option<u8>>,
    #[serde(default, deserialize_with = "removable")]
    code: Option<Option<u8>>,
}

impl RulePatch {
    /// What it asks for, of a rule as it is.
    ///
    /// # Errors
    /// As [`RuleFields::rule`].
    pub fn command(self, group: SecurityGroupId, rule: &Rule, version: &Version) -> Result<Command, Problem> {
        let ip = match self.ip_version.as_deref() {
            None => ip_version(rule),
            given => IpVersion::decode(given, "")?,
        };
        let patch = protocol::Patch {
            protocol: self.protocol,
            min: self.port_min,
            max: self.port_max,
            port_fields: PORT_FIELDS,
            kind: self.r#type,
            code: self.code,
        };
        let changed = NewRule {
            direction: self.direction.map_or(Ok(rule.direction), |text| protocol::direction(&text, ""))?,
            protocol: patch.apply(rule.protocol, version, ip)?,
            remote: self.remote.map_or(Ok(rule.remote), |remote| remote.remote(ip, ""))?,
            local: self.local.map_or(Ok(rule.local), |local| local.local(ip, ""))?,
            description: None,
        };
        Ok(Command::ChangeRules(group, RulesChange::replace(rule.id, changed)))
    }
}

/// The IP version that a rule is shown to be for.
fn ip_version(rule: &Rule) -> IpVersion {
    let net = match (rule.remote, rule.local) {
        (Remote::Net(net), _) | (_, Some(net)) => Some(net),
        _ => None,
    };
    match (net, rule.protocol) {
        (Some(IpNet::V6(_)), _) | (None, ProtocolMatch::Icmpv6(_)) => IpVersion::V6,
        _ => IpVersion::V4,
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SecurityGroupRule")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    direction: &'static str,
    ip_version: &'static str,
    protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_max: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    local: Value,
    remote: Value,
    resource_type: &'static str,
}

/// The rule as replies show it. Rules have no names of their own: their id stands in for it.
pub fn encode_rule(site: &Site, view: &SecurityGroupView, rule: &Rule, version: &Version) -> Value {
    let ip = ip_version(rule);
    let ports = protocol::ports(rule.protocol);
    let (kind, code) = protocol::icmp(rule.protocol);
    json!(Shape {
        id: rule.id.to_string(),
        href: rule_href(site, view.group.id, rule.id),
        name: rule.id.to_string(),
        direction: protocol::direction_name(rule.direction),
        ip_version: ip.label(),
        protocol: protocol::name(rule.protocol, version),
        port_min: ports.map(|ports| ports.first),
        port_max: ports.map(|ports| ports.last),
        r#type: kind,
        code,
        local: encode_net(rule.local.unwrap_or_else(|| any(ip))),
        remote: match rule.remote {
            Remote::Any => encode_net(any(ip)),
            Remote::Net(net) => encode_net(net),
            Remote::Group(id) => view.groups.get(&id).map_or_else(
                || json!({ "id": id.to_string(), "href": super::href(site, id) }),
                |group| json!(Reference::security_group(site, group)),
            ),
            Remote::PrefixList(id) => json!({
                "id": id.to_string(),
                "name": view.prefix_lists.get(&id).map(|list| list.name.as_str()),
                "resource_type": "prefix_list",
            }),
        },
        resource_type: RESOURCE_TYPE,
    })
}

fn encode_net(net: IpNet) -> Value {
    if net.prefix_len() == net.max_prefix_len() {
        json!({ "address": net.addr().to_string() })
    } else {
        json!({ "cidr_block": net.to_string() })
    }
}

/// All rules of a group: this collection has no pages.
pub fn encode_rules(site: &Site, view: &SecurityGroupView, version: &Version) -> Value {
    let rules: Vec<Value> = view.group.rules.iter().map(|rule| encode_rule(site, view, rule, version)).collect();
    json!({ "rules": rules })
}
