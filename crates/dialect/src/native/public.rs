//! Public pools, floating IPs and public gateways.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use pintle_core::command::{Command, CreateFloatingIp, CreatePublicGateway, CreatePublicPool, FloatingIpChoice};
use pintle_core::id::{FloatingIpId, ReservedIpId, VniId};
use pintle_core::legality::Manner;
use pintle_core::model::{FloatingIp, Host, PublicPool, ReservedIp, Vni, Vpc};
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Named;
use crate::problem::Problem;
use crate::view::{FloatingIpView, PublicGatewayView, TargetView, resolve};
use crate::wire::{Text, timestamp};

/// Body of `POST /native/v1/public_pools`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePool {
    name: Option<String>,
    zone: String,
    cidrs: Vec<Text<Ipv4Net>>,
}

impl CreatePool {
    /// What it asks for.
    pub fn command(self) -> Command {
        let cidrs = self.cidrs.into_iter().map(|Text(cidr)| cidr).collect();
        Command::CreatePublicPool(CreatePublicPool { name: self.name, zone: self.zone, cidrs })
    }
}

/// The pool as replies show it.
pub fn encode_pool(pool: &PublicPool) -> Value {
    json!({
        "id": pool.id.to_string(),
        "name": pool.name,
        "zone": pool.zone,
        "cidrs": pool.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_at": timestamp(pool.created_at),
    })
}

/// An interface and, if it is not the primary one, its address that a floating IP leads to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    vni: String,
    private_address: Option<Text<Ipv4Addr>>,
}

impl Target {
    fn choice(&self, snapshot: &dyn Snapshot) -> Result<FloatingIpChoice, Problem> {
        let vni = resolve::<Vni>(snapshot, &self.vni)?;
        let ip = match self.private_address {
            None => None,
            Some(Text(address)) => Some(address_of(snapshot, vni, address.into(), "private_address")?),
        };
        Ok(FloatingIpChoice { vni, ip, manner: Manner::PerAddress })
    }
}

/// The reservation behind an address of an interface.
///
/// # Errors
/// [`Problem::Field`] when the interface does not have it.
pub(super) fn address_of(
    snapshot: &dyn Snapshot,
    vni: VniId,
    address: std::net::IpAddr,
    field: &str,
) -> Result<ReservedIpId, Problem> {
    let (vni, _) = query::get::<Vni>(snapshot, vni)?;
    for id in &vni.ips {
        if query::get::<ReservedIp>(snapshot, *id)?.0.address == address {
            return Ok(*id);
        }
    }
    Err(Problem::field(field, format!("{address} is no address of interface {} ({})", vni.name, vni.id)))
}

/// Body of `POST /native/v1/floating_ips`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: Option<String>,
    zone: Option<String>,
    address: Option<Text<Ipv4Addr>>,
    target: Option<Target>,
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or when nothing tells the zone.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        if self.zone.is_none() && self.target.is_none() && self.address.is_none() {
            return Err(Problem::field("zone", "it is needed unless 'target' or 'address' tells it"));
        }
        Ok(Command::CreateFloatingIp(CreateFloatingIp {
            name: self.name,
            zone: self.zone,
            address: self.address.map(|Text(address)| address),
            target: self.target.map(|target| target.choice(snapshot)).transpose()?,
        }))
    }
}

/// Body of `…/actions/associate`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Associate {
    vni: String,
    private_address: Option<Text<Ipv4Addr>>,
    #[serde(default)]
    reassociate: bool,
}

impl Associate {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or an address that the interface does not have.
    pub fn command(self, snapshot: &dyn Snapshot, ip: &str) -> Result<Command, Problem> {
        let id = resolve::<FloatingIp>(snapshot, ip)?;
        let target = Target { vni: self.vni, private_address: self.private_address }.choice(snapshot)?;
        Ok(Command::AssociateFloatingIp { id, target, reassociate: self.reassociate, displace: false })
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    address: String,
    zone: String,
    created_at: String,
    virtual_network_interface: Option<Named>,
    private_address: Option<String>,
    public_gateway: Option<Named>,
}

/// The floating IP as replies show it.
pub fn encode(view: &FloatingIpView) -> Value {
    let ip = &view.ip;
    let (mut vni, mut private, mut gateway) = (None, None, None);
    match &view.target {
        None => {}
        Some(TargetView::Vni { member, ip }) => {
            vni = Some(Named::new(&member.vni, &member.vni.name));
            private = Some(ip.address.to_string());
        }
        Some(TargetView::PublicGateway(found)) => gateway = Some(Named::new(found, &found.name)),
    }
    json!(Shape {
        id: ip.id.to_string(),
        name: ip.name.clone(),
        address: ip.address.to_string(),
        zone: ip.zone.clone(),
        created_at: timestamp(ip.created_at),
        virtual_network_interface: vni,
        private_address: private,
        public_gateway: gateway,
    })
}

/// Body of `POST /native/v1/public_gateways`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateGateway {
    name: Option<String>,
    vpc: String,
    zone: String,
    floating_ip: Option<String>,
    host: Option<String>,
}

impl CreateGateway {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let floating_ip = |text: String| -> Result<FloatingIpId, Problem> { resolve::<FloatingIp>(snapshot, &text) };
        Ok(Command::CreatePublicGateway(CreatePublicGateway {
            name: self.name,
            vpc: resolve::<Vpc>(snapshot, &self.vpc)?,
            zone: self.zone,
            floating_ip: self.floating_ip.map(floating_ip).transpose()?,
            host: self.host.map(|host| resolve::<Host>(snapshot, &host)).transpose()?,
        }))
    }
}

/// The public gateway as replies show it.
pub fn encode_gateway(view: &PublicGatewayView) -> Value {
    let gateway = &view.gateway;
    json!({
        "id": gateway.id.to_string(),
        "name": gateway.name,
        "vpc": Named::new(&view.vpc, &view.vpc.name),
        "zone": gateway.zone,
        "floating_ip": Named::new(&view.floating_ip, &view.floating_ip.name),
        "address": view.floating_ip.address.to_string(),
        "host": Named::new(&view.host, &view.host.name),
        "created_at": timestamp(gateway.created_at),
    })
}
