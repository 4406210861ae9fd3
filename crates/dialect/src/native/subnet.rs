//! Subnets with their IPv6 range, network ACL and way out.

use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};
use pintle_core::command::{Command, CreateSubnet, Ipv6Range, UpdateSubnet};
use pintle_core::host_spec::Ipv6Assignment;
use pintle_core::id::SubnetId;
use pintle_core::model::{NetworkAcl, PublicGateway, Subnet, Vpc};
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Named;
use crate::problem::Problem;
use crate::view::{SubnetView, resolve, resolve_within};
use crate::wire::{Text, TextForm, Written, given, removable, timestamp};

/// An IPv6 range: `auto`, or the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range(Ipv6Range);

impl FromStr for Range {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Range(Ipv6Range::Auto));
        }
        let net = text.parse::<Ipv6Net>();
        net.map(|net| Range(Ipv6Range::Net(net)))
            .map_err(|_| format!("it must be 'auto' or {}", <Ipv6Net as TextForm>::WORDS))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Assignment(Ipv6Assignment);

impl FromStr for Assignment {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "dhcpv6" => Ok(Assignment(Ipv6Assignment::Dhcpv6)),
            "slaac" => Ok(Assignment(Ipv6Assignment::Slaac)),
            _ => Err("it must be 'dhcpv6' or 'slaac'"),
        }
    }
}

/// Body of `POST /native/v1/subnets`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    vpc: String,
    name: Option<String>,
    zone: String,
    cidr: Text<Ipv4Net>,
    ipv6_cidr: Option<Written<Range>>,
    network_acl: Option<String>,
    public_gateway: Option<String>,
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let vpc = resolve::<Vpc>(snapshot, &self.vpc)?;
        let acl = self.network_acl.map(|acl| resolve_within::<NetworkAcl>(snapshot, &acl, Some(vpc)));
        let gateway = self.public_gateway.map(|text| resolve_within::<PublicGateway>(snapshot, &text, Some(vpc)));
        Ok(Command::CreateSubnet(CreateSubnet {
            vpc,
            name: self.name,
            zone: self.zone,
            cidr: self.cidr.0,
            ipv6: self.ipv6_cidr.map(|Written(Range(range))| range),
            acl: acl.transpose()?,
            public_gateway: gateway.transpose()?,
        }))
    }
}

/// Body of `PATCH /native/v1/subnets/{subnet}`; `null` takes IPv6 or the public gateway away.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "removable")]
    ipv6_cidr: Option<Option<Written<Range>>>,
    #[serde(default, deserialize_with = "given")]
    ipv6_assignment: Option<Written<Assignment>>,
    #[serde(default, deserialize_with = "given")]
    auto_assign_ipv6: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    network_acl: Option<String>,
    #[serde(default, deserialize_with = "removable")]
    public_gateway: Option<Option<String>>,
}

impl Update {
    /// What it asks for, with names looked up; `None` when nothing is to change.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn command(self, snapshot: &dyn Snapshot, id: SubnetId) -> Result<Option<Command>, Problem> {
        let vpc = query::get::<Subnet>(snapshot, id)?.0.vpc;
        let acl = self.network_acl.map(|acl| resolve_within::<NetworkAcl>(snapshot, &acl, Some(vpc)));
        let gateway = |text: String| resolve_within::<PublicGateway>(snapshot, &text, Some(vpc));
        let update = UpdateSubnet {
            name: self.name,
            ipv6: self.ipv6_cidr.map(|range| range.map(|Written(Range(range))| range)),
            ipv6_assignment: self.ipv6_assignment.map(|Written(Assignment(assignment))| assignment),
            auto_assign_ipv6: self.auto_assign_ipv6,
            acl: acl.transpose()?,
            public_gateway: self.public_gateway.map(|text| text.map(gateway).transpose()).transpose()?,
            ..UpdateSubnet::default()
        };
        Ok((update != UpdateSubnet::default()).then_some(Command::UpdateSubnet(id, update)))
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    vpc: Named,
    zone: String,
    cidr: String,
    gateway: String,
    free_addresses: u64,
    ipv6_cidr: Option<String>,
    ipv6_assignment: &'static str,
    auto_assign_ipv6: bool,
    network_acl: Named,
    public_gateway: Option<Named>,
    created_at: String,
}

/// The subnet as replies show it.
pub fn encode(view: &SubnetView) -> Value {
    let subnet = &view.subnet;
    json!(Shape {
        id: subnet.id.to_string(),
        name: subnet.name.clone(),
        vpc: Named::new(&view.vpc, &view.vpc.name),
        zone: subnet.zone.clone(),
        cidr: subnet.cidr.to_string(),
        gateway: subnet.gateway().to_string(),
        free_addresses: view.free,
        ipv6_cidr: subnet.ipv6_cidr.map(|cidr| cidr.to_string()),
        ipv6_assignment: match subnet.ipv6_assignment {
            Ipv6Assignment::Dhcpv6 => "dhcpv6",
            Ipv6Assignment::Slaac => "slaac",
        },
        auto_assign_ipv6: subnet.auto_assign_ipv6,
        network_acl: Named::new(&view.acl, &view.acl.name),
        public_gateway: view.public_gateway.as_ref().map(|gateway| Named::new(gateway, &gateway.name)),
        created_at: timestamp(subnet.created_at),
    })
}
