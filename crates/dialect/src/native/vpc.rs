//! VPCs with their IPv6 ranges and what their guests are told.

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};
use pintle_core::command::{Command, CreateVpc, NewDhcp, UpdateVpc};
use pintle_core::id::VpcId;
use pintle_core::model::DhcpOptions;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Named;
use crate::view::VpcView;
use crate::wire::{Text, given, timestamp};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DhcpFields {
    #[serde(default)]
    dns: Vec<Text<IpAddr>>,
    domain: Option<String>,
    #[serde(default)]
    ntp: Vec<Text<IpAddr>>,
}

impl From<DhcpFields> for DhcpOptions {
    fn from(fields: DhcpFields) -> Self {
        let plain = |addresses: Vec<Text<IpAddr>>| addresses.into_iter().map(|Text(address)| address).collect();
        let (dns, ntp) = (plain(fields.dns), plain(fields.ntp));
        DhcpOptions { dns, domain: fields.domain, ntp, ..DhcpOptions::default() }
    }
}

/// Body of `POST /native/v1/vpcs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: Option<String>,
    #[serde(default)]
    cidrs: Vec<Text<Ipv4Net>>,
    #[serde(default)]
    ipv6_cidrs: Vec<Text<Ipv6Net>>,
    #[serde(default)]
    dhcp: DhcpFields,
    /// Whether route tables decide what leaves it.
    #[serde(default)]
    route_tables: bool,
}

impl Create {
    /// What it asks for.
    pub fn command(self) -> Command {
        Command::CreateVpc(CreateVpc {
            name: self.name,
            cidrs: self.cidrs.into_iter().map(|Text(net)| net).collect(),
            ipv6_cidrs: self.ipv6_cidrs.into_iter().map(|Text(net)| net).collect(),
            route_tables: self.route_tables,
            provided_ipv6: false,
            dhcp: NewDhcp::These(self.dhcp.into()),
            zone_prefixes: false,
        })
    }
}

/// Body of `PATCH /native/v1/vpcs/{vpc}`: `ipv6_cidrs` and `dhcp` are all there is to be from then on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    ipv6_cidrs: Option<Vec<Text<Ipv6Net>>>,
    #[serde(default, deserialize_with = "given")]
    dhcp: Option<DhcpFields>,
}

impl Update {
    /// What it asks for; `None` when nothing is to change.
    pub fn command(self, id: VpcId) -> Option<Command> {
        let update = UpdateVpc {
            name: self.name,
            ipv6_cidrs: self.ipv6_cidrs.map(|nets| nets.into_iter().map(|Text(net)| net).collect()),
            dhcp: self.dhcp.map(Into::into),
            ..UpdateVpc::default()
        };
        (update != UpdateVpc::default()).then_some(Command::UpdateVpc(id, update))
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    segment: u32,
    cidrs: Vec<String>,
    ipv6_cidrs: Vec<String>,
    dhcp: DhcpShape,
    default_security_group: Named,
    default_network_acl: Named,
    created_at: String,
}

#[derive(Serialize)]
struct DhcpShape {
    dns: Vec<String>,
    domain: Option<String>,
    ntp: Vec<String>,
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// The VPC as replies show it.
pub fn encode(view: &VpcView) -> Value {
    let vpc = &view.vpc;
    json!(Shape {
        id: vpc.id.to_string(),
        name: vpc.name.clone(),
        segment: vpc.segment,
        cidrs: texts(vpc.nets()),
        ipv6_cidrs: texts(vpc.ipv6_nets()),
        dhcp: DhcpShape { dns: texts(&vpc.dhcp.dns), domain: vpc.dhcp.domain.clone(), ntp: texts(&vpc.dhcp.ntp) },
        default_security_group: Named::new(&view.default_group, &view.default_group.name),
        default_network_acl: Named::new(&view.default_acl, &view.default_acl.name),
        created_at: timestamp(vpc.created_at),
    })
}
