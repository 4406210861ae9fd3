//! `/network_acls/{id}/rules`: ordered by what each stands before.
//!
//! A rule of IPv6 has `ip_version` `ipv6` here, which is ours. `before` names the next rule of all, as IBM has it; only rules of
//! the same direction matter for the order.

use ipnet::IpNet;
use pintle_core::command::{AclPlace, AclRulePut, AclRulesChange, Command, NewAclRule};
use pintle_core::id::{AclRuleId, NetworkAclId};
use pintle_core::model::{NetworkAcl, NetworkAclRule};
use pintle_core::policy::{AclAction, Direction, PortRange, ProtocolMatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ibm::identity::Identity;
use crate::ibm::protocol::{self, Fields, IpVersion, Ports};
use crate::ibm::reference::Reference;
use crate::ibm::version::Version;
use crate::ibm::{Site, collection};
use crate::problem::Problem;
use crate::rule_text::{NetText, network};
use crate::view::Page;
use crate::wire::{given, removable, timestamp};

/// What the two fields of destination ports are called here.
const PORT_FIELDS: (&str, &str) = ("destination_port_min", "destination_port_max");

/// The URL of a rule.
pub fn rule_href(site: &Site, acl: NetworkAclId, rule: AclRuleId) -> String {
    site.href(format_args!("network_acls/{acl}/rules/{rule}"))
}

/// A rule to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkACLRulePrototype")]
pub struct RulePut {
    name: Option<String>,
    action: String,
    direction: String,
    protocol: String,
    ip_version: Option<String>,
    source: String,
    destination: String,
    destination_port_min: Option<u16>,
    destination_port_max: Option<u16>,
    source_port_min: Option<u16>,
    source_port_max: Option<u16>,
    r#type: Option<u8>,
    code: Option<u8>,
    before: Option<Identity<AclRuleId>>,
}

impl RulePut {
    /// What `POST …/rules` asks for.
    ///
    /// # Errors
    /// [`Problem`] naming the field that can't be honoured or that contradicts another.
    pub fn command(self, acl: NetworkAclId, version: &Version) -> Result<Command, Problem> {
        let place = self.before.map_or(AclPlace::Natural, |Identity(before)| AclPlace::Before(before));
        let rule = self.rule(version, "")?;
        let add = vec![AclRulePut { rule, place }];
        Ok(Command::ChangeAclRules(acl, AclRulesChange::Edit { remove: Vec::new(), replace: Vec::new(), add }))
    }

    /// The rule of an ACL that is being made, where the order is that of the list.
    pub(super) fn new_rule(self, version: &Version, at: &str) -> Result<NewAclRule, Problem> {
        if self.before.is_some() {
            let detail = "the rules of a new network ACL are in the order given";
            return Err(Problem::field(format!("{at}before"), detail));
        }
        self.rule(version, at)
    }

    fn rule(self, version: &Version, at: &str) -> Result<NewAclRule, Problem> {
        let ip = IpVersion::decode(self.ip_version.as_deref(), at)?;
        let fields = Fields {
            protocol: &self.protocol,
            ports: Ports { min: self.destination_port_min, max: self.destination_port_max },
            port_fields: PORT_FIELDS,
            kind: self.r#type,
            code: self.code,
        };
        let protocol = fields.decode(version, ip, at)?;
        let source = Ports { min: self.source_port_min, max: self.source_port_max };
        Ok(NewAclRule {
            name: self.name,
            number: None,
            action: action(&self.action, at)?,
            direction: protocol::direction(&self.direction, at)?,
            protocol,
            source_ports: source_ports(source, protocol, at)?,
            source: end(&self.source, ip, &format!("{at}source"))?,
            destination: end(&self.destination, ip, &format!("{at}destination"))?,
        })
    }
}

/// A rule of another ACL as one to be made.
pub(super) fn copy(rule: &NetworkAclRule) -> NewAclRule {
    NewAclRule {
        name: Some(rule.name.clone()),
        number: rule.number,
        action: rule.rule.action,
        direction: rule.rule.direction,
        protocol: rule.rule.protocol,
        source_ports: rule.rule.source_ports,
        source: rule.rule.source,
        destination: rule.rule.destination,
    }
}

fn action(text: &str, at: &str) -> Result<AclAction, Problem> {
    match text {
        "allow" => Ok(AclAction::Allow),
        "deny" => Ok(AclAction::Deny),
        _ => Err(Problem::field(format!("{at}action"), "it must be 'allow' or 'deny'")),
    }
}

fn has_ports(protocol: ProtocolMatch) -> bool {
    matches!(protocol, ProtocolMatch::Tcp(_) | ProtocolMatch::Udp(_))
}

fn source_ports(ports: Ports, protocol: ProtocolMatch, at: &str) -> Result<PortRange, Problem> {
    let (min, max) = (format!("{at}source_port_min"), format!("{at}source_port_max"));
    if has_ports(protocol) {
        return ports.range((&min, &max));
    }
    match ports {
        Ports { min: None, max: None } => Ok(PortRange::ALL),
        Ports { min: Some(_), .. } => Err(Problem::field(min, "its protocol has no ports")),
        Ports { .. } => Err(Problem::field(max, "its protocol has no ports")),
    }
}

fn end(text: &str, ip: IpVersion, field: &str) -> Result<IpNet, Problem> {
    let net = network(text).map_err(|detail| Problem::field(field, detail))?;
    match (net, ip) {
        (IpNet::V4(_), IpVersion::V4) | (IpNet::V6(_), IpVersion::V6) => Ok(net),
        _ => Err(Problem::field(field, format!("{net} is not of the rule's 'ip_version', which is {}", ip.label()))),
    }
}

/// Body of `PATCH /network_acls/{id}/rules/{id}`: what it leaves out stays as it is; `before` `null` makes it the last.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NetworkACLRulePatch")]
pub struct RulePatch {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    action: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    direction: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    protocol: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    source: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    destination: Option<String>,
    #[serde(default, deserialize_with = "removable")]
    destination_port_min: Option<Option<u16>>,
    #[serde(default, deserialize_with = "removable")]
    destination_port_max: Option<Option<u16>>,
    #[serde(default, deserialize_with = "removable")]
    source_port_min: Option<Option<u16>>,
    #[serde(default, deserialize_with = "removable")]
    source_port_max: Option<Option<u16>>,
    #[serde(default, deserialize_with = "removable")]
    r#type: Option<Option<u8>>,
    #[serde(default, deserialize_with = "removable")]
    code: Option<Option<u8>>,
    #[serde(default, deserialize_with = "removable")]
    before: Option<Option<Identity<AclRuleId>>>,
}

impl RulePatch {
    /// What it asks for, of a rule as it is.
    ///
    /// # Errors
    /// As [`RulePut::command`].
    pub fn command(self, acl: NetworkAclId, old: &NetworkAclRule, version: &Version) -> Result<Command, Problem> {
        let ip = ip_version(old);
        let place = match self.before {
            None => AclPlace::Natural,
            Some(None) => AclPlace::Last,
            Some(Some(Identity(before))) => AclPlace::Before(before),
        };
        let patch = protocol::Patch {
            protocol: self.protocol,
            min: self.destination_port_min,
            max: self.destination_port_max,
            port_fields: PORT_FIELDS,
            kind: self.r#type,
            code: self.code,
        };
        let protocol = patch.apply(old.rule.protocol, version, ip)?;
        let kept = old.rule.source_ports;
        let source = match (self.source_port_min, self.source_port_max) {
            (None, None) if has_ports(protocol) == has_ports(old.rule.protocol) => kept,
            (min, max) => {
                let kept = has_ports(old.rule.protocol).then_some(kept);
                let min = min.unwrap_or(kept.map(|kept| kept.first));
                let max = max.unwrap_or(kept.map(|kept| kept.last));
                source_ports(Ports { min, max }, protocol, "")?
            }
        };
        let rule = NewAclRule {
            name: Some(self.name.unwrap_or_else(|| old.name.clone())),
            // A rule that is put before another, or last, takes its place by that and no longer by a number.
            number: old.number.filter(|_| place == AclPlace::Natural),
            action: self.action.map_or(Ok(old.rule.action), |text| action(&text, ""))?,
            direction: self.direction.map_or(Ok(old.rule.direction), |text| protocol::direction(&text, ""))?,
            protocol,
            source_ports: source,
            source: self.source.map_or(Ok(old.rule.source), |text| end(&text, ip, "source"))?,
            destination: self.destination.map_or(Ok(old.rule.destination), |text| end(&text, ip, "destination"))?,
        };
        let replace = vec![(old.rule.id, AclRulePut { rule, place })];
        Ok(Command::ChangeAclRules(acl, AclRulesChange::Edit { remove: Vec::new(), replace, add: Vec::new() }))
    }
}

fn ip_version(rule: &NetworkAclRule) -> IpVersion {
    match rule.rule.source {
        IpNet::V4(_) => IpVersion::V4,
        IpNet::V6(_) => IpVersion::V6,
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NetworkACLRule")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    created_at: String,
    action: &'static str,
    direction: &'static str,
    ip_version: &'static str,
    protocol: String,
    source: String,
    destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port_max: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_port_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_port_max: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Reference>,
}

/// The rule as replies show it.
pub fn encode_rule(site: &Site, acl: &NetworkAcl, rule: &NetworkAclRule, version: &Version) -> Value {
    let said = &rule.rule;
    let (kind, code) = protocol::icmp(said.protocol);
    let ports = protocol::ports(said.protocol);
    let source = ports.map(|_| said.source_ports);
    let next = acl.rules.iter().skip_while(|other| other.rule.id != said.id).nth(1);
    json!(Shape {
        id: said.id.to_string(),
        href: rule_href(site, acl.id, said.id),
        name: rule.name.clone(),
        created_at: timestamp(rule.created_at),
        action: match said.action {
            AclAction::Allow => "allow",
            AclAction::Deny => "deny",
        },
        direction: protocol::direction_name(said.direction),
        ip_version: ip_version(rule).label(),
        protocol: protocol::name(said.protocol, version),
        source: NetText(said.source).to_string(),
        destination: NetText(said.destination).to_string(),
        source_port_min: source.map(|ports| ports.first),
        source_port_max: source.map(|ports| ports.last),
        destination_port_min: ports.map(|ports| ports.first),
        destination_port_max: ports.map(|ports| ports.last),
        r#type: kind,
        code,
        before: next.map(|next| Reference::network_acl_rule(site, acl, next)),
    })
}

/// The rules of a direction, or all, as pages take them.
pub fn of_direction(acl: &NetworkAcl, direction: Option<Direction>) -> Vec<AclRuleId> {
    let wanted = |rule: &&NetworkAclRule| direction.is_none_or(|direction| rule.rule.direction == direction);
    acl.rules.iter().filter(wanted).map(|rule| rule.rule.id).collect()
}

/// A page of an ACL's rules, in their order.
pub fn encode_rule_page(
    site: &Site,
    acl: &NetworkAcl,
    paging: &collection::Paging,
    page: &Page<NetworkAclRule>,
    version: &Version,
) -> Value {
    let path = format!("network_acls/{}/rules", acl.id);
    collection::encode(site, &path, "rules", paging, page, |rule| encode_rule(site, acl, rule, version))
}
