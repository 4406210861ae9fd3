//! UnassignPrivateIpAddresses and UnassignIpv6Addresses: secondary addresses and delegated networks, all of a request or
//! none.

use std::net::IpAddr;

use ipnet::IpNet;
use pintle_core::id::VniId;
use pintle_core::model::{ResourceType, Vni};
use pintle_core::txn::Snapshot;
use pintle_core::{Command, query};

use super::given::{self, Names};
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;
use crate::view::ip_at;

pub(in crate::ec2) const IPV4: Operation =
    Operation::change("UnassignPrivateIpAddresses", "whole; public addresses that lead to them are freed", ipv4);

pub(in crate::ec2) const IPV6: Operation = Operation::change("UnassignIpv6Addresses", "whole", ipv6);

fn ipv4(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    Ok(Asked::read(params, &given::IPV4)?.work(caller, |_, xml| xml.done()))
}

fn ipv6(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    Ok(Asked::read(params, &given::IPV6)?.work(caller, |asked, xml| {
        xml.text("networkInterfaceId", asked.vni);
        xml.values("unassignedIpv6Addresses", asked.addresses);
        xml.values("unassignedIpv6PrefixSet", asked.prefixes);
    }))
}

#[derive(Clone)]
struct Asked {
    vni: VniId,
    addresses: Vec<IpAddr>,
    prefixes: Vec<IpNet>,
}

impl Asked {
    fn read(params: &mut Params, names: &Names) -> Result<Asked, Ec2Error> {
        let vni = params.required_id("NetworkInterfaceId")?;
        let addresses = given::addresses(params, names)?;
        let prefixes = given::prefixes(params, names)?;
        if addresses.is_empty() && prefixes.is_empty() {
            return Err(given::nothing(names));
        }
        Ok(Asked { vni, addresses, prefixes })
    }

    fn work(self, caller: &Caller, write: impl FnOnce(Asked, &mut Xml) + Send + 'static) -> Work {
        let (asked, actor) = (self.clone(), caller.actor());
        let plan = move |snapshot: &dyn Snapshot| {
            let (vni, _) = query::get_for::<Vni>(snapshot, &actor, asked.vni)?;
            asked.commands(snapshot, &vni).map(Command::Batch)
        };
        Work::planned(&[ResourceType::Vni], plan, move |_, _, xml| {
            write(self, xml);
            Ok(())
        })
    }

    fn commands(&self, snapshot: &dyn Snapshot, vni: &Vni) -> Result<Vec<Command>, Ec2Error> {
        let mut commands = Vec::new();
        for address in &self.addresses {
            let own = ip_at(snapshot, vni.vpc, *address)?.filter(|ip| vni.ips.contains(ip));
            commands.push(Command::RemoveVniIp(vni.id, own.ok_or_else(|| not_assigned(vni.id, address))?));
        }
        for net in &self.prefixes {
            if !vni.prefixes.contains(net) {
                return Err(not_assigned(vni.id, net));
            }
            commands.push(Command::RemoveVniPrefix(vni.id, *net));
        }
        Ok(commands)
    }
}

fn not_assigned(vni: VniId, what: impl std::fmt::Display) -> Ec2Error {
    Ec2Error::new("InvalidParameterValue", format!("Some of [{what}] are not assigned to interface {vni}"))
}
