//! What an interface is, wherever it is, and the port that realises it on one host.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::interface::Side;
use crate::host_spec::{GuestConfig, OWN_TABLE, PortLimits, PortMode, PortNic, PortPolicy, PortSpec};
use crate::id::{FloatingIpId, SecurityGroupId};
use crate::model::{FloatingIp, FloatingIpTarget, ReservedIp, RouteTable, Subnet, Vni, Vpc};
use crate::query;
use crate::record;
use crate::refusal::DecideError;
use crate::routing;
use crate::txn::Snapshot;

/// What an interface is, wherever it is.
pub(super) struct Shape {
    pub(super) vni: Vni,
    pub(super) segment: u32,
    vpc: Vpc,
    subnet: Subnet,
    pub(super) addresses: Vec<IpAddr>,
    /// The number of its subnet's route table.
    pub(super) route_table: u8,
    /// Public addresses, and the private one that each leads to.
    pub(super) floating_ips: Vec<(Ipv4Addr, IpAddr)>,
}

impl Shape {
    pub(super) fn find(snapshot: &dyn Snapshot, vni: Vni) -> Result<Shape, DecideError> {
        let (vpc, _) = query::get::<Vpc>(snapshot, vni.vpc)?;
        let (subnet, _) = query::get::<Subnet>(snapshot, vni.subnet)?;
        let mut addresses = Vec::with_capacity(vni.ips.len());
        for ip in &vni.ips {
            addresses.push(query::get::<ReservedIp>(snapshot, *ip)?.0.address);
        }
        let mut floating_ips = Vec::new();
        for id in query::index::<FloatingIpId>(snapshot, &record::floating_ips_of_vni(vni.id))? {
            let (floating, _) = query::get::<FloatingIp>(snapshot, id)?;
            let target = floating.target.and_then(|target| match target {
                FloatingIpTarget::Vni { ip, .. } => vni.ips.iter().position(|own| *own == ip),
                FloatingIpTarget::PublicGateway(_) => None,
            });
            floating_ips.extend(target.map(|at| (floating.address, addresses[at])));
        }
        let (table, _) = query::get::<RouteTable>(snapshot, routing::table_id_of(&vpc, &subnet))?;
        let route_table = routing::number_in(&vpc, &table, &subnet.zone).unwrap_or(OWN_TABLE);
        Ok(Shape { segment: vpc.segment, vni, vpc, subnet, addresses, route_table, floating_ips })
    }

    /// The interface's main address of a network's IP version; its IPv4 one if it has no other.
    pub(super) fn primary(&self, net: IpNet) -> IpAddr {
        let mut all = self.addresses.iter().copied();
        all.find(|address| address.is_ipv4() == net.addr().is_ipv4()).unwrap_or(self.addresses[0])
    }

    /// The groups that it is a member of now.
    pub(super) fn groups(&self) -> Vec<SecurityGroupId> {
        sorted(self.vni.effective_groups())
    }

    pub(super) fn port(&self, side: &Side, nic: PortNic) -> PortSpec {
        PortSpec {
            vni: self.vni.id,
            instance: side.attachment.instance,
            segment: self.segment,
            mac: self.vni.mac,
            addresses: self.addresses.clone(),
            prefixes: self.vni.prefixes.clone(),
            subnet: self.subnet.cidr,
            subnet6: self.subnet.ipv6_cidr,
            gateway: self.subnet.gateway(),
            mtu: side.host.guest_mtu(),
            device: side.attachment.device(),
            default_route: side.attachment.default_route,
            mode: side.mode,
            generation: side.attachment.generation,
            policy: self.policy(side),
            limits: self.limits(side),
            guest_config: self.guest_config(side),
            route_table: self.route_table,
            nic,
        }
    }

    fn policy(&self, side: &Side) -> PortPolicy {
        let vni = &self.vni;
        PortPolicy {
            groups: sorted(&vni.security_groups),
            acl: Some(self.subnet.acl),
            allow_ip_spoofing: vni.allow_ip_spoofing,
            source_dest_check: vni.source_dest_check,
            state_filtering: vni.protocol_state_filtering.filters_on(side.instance.role.target_kind()),
            untracked_open: vni.untracked_open,
            timeouts: vni.timeouts,
            quarantine: vni.quarantine.as_deref().map(sorted),
            shadow: vni.shadow.as_deref().map(sorted),
            judged: vni.judged,
            version: vni.policy_version,
            adopting: side.attachment.adopting && side.mode != PortMode::Fenced,
            public_gateway: self.subnet.public_gateway.is_some(),
        }
    }

    fn limits(&self, side: &Side) -> PortLimits {
        let speed = side.attachment.port_speed.map(|mbps| mbps.saturating_mul(1000));
        let slower = |own: Option<u32>| own.into_iter().chain(speed).min();
        PortLimits {
            egress_kbps: slower(self.vni.limits.egress_kbps),
            ingress_kbps: slower(self.vni.limits.ingress_kbps),
            instance_kbps: side.instance.bandwidth_kbps,
            priority: self.vni.limits.priority,
        }
    }

    fn guest_config(&self, side: &Side) -> GuestConfig {
        GuestConfig {
            dns: self.vpc.dhcp.dns.clone(),
            domain: self.vpc.dhcp.domain.clone(),
            hostname: Some(side.instance.name.clone()),
            ntp: self.vpc.dhcp.ntp.clone(),
            netbios: self.vpc.dhcp.netbios.clone(),
            netbios_node: self.vpc.dhcp.netbios_node,
            ipv6: self.subnet.ipv6_assignment,
        }
    }
}

fn sorted(groups: &[SecurityGroupId]) -> Vec<SecurityGroupId> {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups
}
