//! Interfaces made and changed, with all that IBM's dialect has no field for.

use std::net::IpAddr;

use pintle_core::command::{Command, CreateVni, IpChoice, PrefixChoice, UpdateVni};
use pintle_core::id::VniId;
use pintle_core::legality::Manner;
use pintle_core::model::{IpFamily, Subnet};
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::Deserialize;

use super::policy::{Filtering, Limits, Timeouts, groups};
use crate::native::prefix_list::{Family, Network};
use crate::problem::Problem;
use crate::view::resolve;
use crate::wire::{Text, Written, given};

/// Body of `POST /native/v1/virtual_network_interfaces`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    subnet: String,
    name: Option<String>,
    #[serde(default)]
    description: String,
    /// The primary IPv4 address; any free one when absent.
    address: Option<Text<std::net::Ipv4Addr>>,
    /// Further addresses of either version.
    #[serde(default)]
    addresses: Vec<Text<IpAddr>>,
    /// How many further IPv6 addresses to choose.
    #[serde(default)]
    ipv6_address_count: u8,
    /// Whether the primary IPv6 address stays for as long as the interface.
    keep_primary_ipv6: Option<bool>,
    #[serde(default)]
    prefixes: Vec<Written<Network>>,
    /// Group ids or names; the VPC's default group when absent.
    security_groups: Option<Vec<String>>,
    allow_ip_spoofing: Option<bool>,
    source_dest_check: Option<bool>,
    auto_delete: Option<bool>,
    enable_infrastructure_nat: Option<bool>,
    protocol_state_filtering: Option<Written<Filtering>>,
    timeouts: Option<Timeouts>,
    untracked_open: Option<bool>,
    limits: Option<Limits>,
    /// Whether it is to be an EFA interface.
    #[serde(default)]
    efa: bool,
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or an empty list of groups.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let (subnet, _) = query::get::<Subnet>(snapshot, resolve::<Subnet>(snapshot, &self.subnet)?)?;
        if self.security_groups.as_ref().is_some_and(Vec::is_empty) {
            let detail = "an interface has at least one security group: leave the field out for the VPC's default one";
            return Err(Problem::field("security_groups", detail));
        }
        let exactly = |address: IpAddr| IpChoice::Address { address, name: None, auto_delete: true };
        let chosen = (0..self.ipv6_address_count).map(|_| IpChoice::auto(IpFamily::V6));
        Ok(Command::CreateVni(CreateVni {
            subnet: Some(subnet.id),
            name: self.name,
            description: self.description,
            primary_ip: self.address.map_or_else(IpChoice::default, |Text(address)| exactly(address.into())),
            ips: self.addresses.into_iter().map(|Text(address)| exactly(address)).chain(chosen).collect(),
            keep_primary_ipv6: self.keep_primary_ipv6,
            prefixes: self.prefixes.into_iter().map(|Written(Network(net))| PrefixChoice::Net(net)).collect(),
            security_groups: groups(snapshot, subnet.vpc, &self.security_groups.unwrap_or_default())?,
            allow_ip_spoofing: self.allow_ip_spoofing,
            source_dest_check: self.source_dest_check,
            auto_delete: self.auto_delete,
            enable_infrastructure_nat: self.enable_infrastructure_nat,
            protocol_state_filtering: self.protocol_state_filtering.map(|Written(Filtering(mode))| mode),
            timeouts: self.timeouts.map(Into::into),
            untracked_open: self.untracked_open,
            limits: self.limits.map(Into::into),
            efa: self.efa,
        }))
    }
}

/// Body of `PATCH /native/v1/virtual_network_interfaces/{vni}`; `timeouts` and `limits` are replaced whole.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    keep_primary_ipv6: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    public_address: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    allow_ip_spoofing: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    source_dest_check: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    auto_delete: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    enable_infrastructure_nat: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    protocol_state_filtering: Option<Written<Filtering>>,
    #[serde(default, deserialize_with = "given")]
    timeouts: Option<Timeouts>,
    #[serde(default, deserialize_with = "given")]
    untracked_open: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    limits: Option<Limits>,
}

impl Update {
    /// What it asks for.
    pub fn command(self, id: VniId) -> Command {
        Command::UpdateVni(
            id,
            UpdateVni {
                name: self.name,
                description: self.description,
                keep_primary_ipv6: self.keep_primary_ipv6,
                public_address: self.public_address,
                allow_ip_spoofing: self.allow_ip_spoofing,
                source_dest_check: self.source_dest_check,
                auto_delete: self.auto_delete,
                enable_infrastructure_nat: self.enable_infrastructure_nat,
                manner: Manner::PerAddress,
                protocol_state_filtering: self.protocol_state_filtering.map(|Written(Filtering(mode))| mode),
                timeouts: self.timeouts.map(Into::into),
                untracked_open: self.untracked_open,
                limits: self.limits.map(Into::into),
            },
        )
    }
}

/// Body of `…/actions/add_address`: an address, or the version of one to be chosen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddAddress {
    address: Option<Text<IpAddr>>,
    family: Option<Written<Family>>,
    /// Whether it may be taken from another interface of the subnet (EC2's `AllowReassignment`).
    #[serde(default)]
    reassign: bool,
}

impl AddAddress {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] when neither or both of `address` and `family` are there.
    pub fn command(self, vni: VniId) -> Result<Command, Problem> {
        let choice = match (self.address, self.family) {
            (Some(Text(address)), None) if self.reassign => return Ok(Command::TakeVniIp(vni, address)),
            (Some(Text(address)), None) => exactly(address),
            (None, Some(_)) if self.reassign => {
                return Err(Problem::field("reassign", "it needs 'address': which one is to be taken over"));
            }
            (None, Some(Written(Family(family)))) => IpChoice::auto(family),
            _ => return Err(Problem::field("address", "it needs either 'address' or 'family'")),
        };
        Ok(Command::AddVniIp(vni, choice))
    }
}

fn exactly(address: IpAddr) -> IpChoice {
    IpChoice::Address { address, name: None, auto_delete: true }
}

/// Body of `…/actions/add_prefix`: a network, or the version of one to be chosen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPrefix {
    prefix: Option<Written<Network>>,
    family: Option<Written<Family>>,
}

impl AddPrefix {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] when neither or both of `prefix` and `family` are there.
    pub fn command(self, vni: VniId) -> Result<Command, Problem> {
        let choice = match (self.prefix, self.family) {
            (Some(Written(Network(net))), None) => PrefixChoice::Net(net),
            (None, Some(Written(Family(family)))) => PrefixChoice::Auto(family),
            _ => return Err(Problem::field("prefix", "it needs either 'prefix' or 'family'")),
        };
        Ok(Command::AddVniPrefix(vni, choice))
    }
}

/// Body of `…/actions/remove_address`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveAddress {
    address: Text<IpAddr>,
}

impl RemoveAddress {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Problem`] when the interface does not have the address.
    pub fn command(self, snapshot: &dyn Snapshot, vni: VniId) -> Result<Command, Problem> {
        let ip = crate::native::public::address_of(snapshot, vni, self.address.0, "address")?;
        Ok(Command::RemoveVniIp(vni, ip))
    }
}

/// Body of `…/actions/remove_prefix`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovePrefix {
    prefix: Written<Network>,
}

impl RemovePrefix {
    /// What it asks for.
    pub fn command(self, vni: VniId) -> Command {
        let Written(Network(net)) = self.prefix;
        Command::RemoveVniPrefix(vni, net)
    }
}
