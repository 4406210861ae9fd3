//! AssignPrivateIpAddresses and AssignIpv6Addresses: secondary addresses and delegated networks, all of a request or none.

use std::net::IpAddr;

use ipnet::IpNet;
use pintle_core::command::{IpChoice, PrefixChoice};
use pintle_core::id::VniId;
use pintle_core::{Command, Reply};

use super::given::{self, MOST, Names};
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const IPV4: Operation = Operation::change(
    "AssignPrivateIpAddresses",
    "whole: given addresses, also those of other interfaces; by count; prefixes",
    ipv4,
);

pub(in crate::ec2) const IPV6: Operation =
    Operation::change("AssignIpv6Addresses", "whole: given addresses, by count; prefixes", ipv6);

fn ipv4(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let reassign = params.flag("AllowReassignment")?.unwrap_or(false);
    let asked = Asked::read(params, &given::IPV4, reassign)?;
    Ok(asked.work(|xml, vni, addresses, prefixes| {
        xml.text("networkInterfaceId", vni);
        xml.set("assignedPrivateIpAddressesSet", addresses, |xml, address| xml.text("privateIpAddress", address));
        xml.set("assignedIpv4PrefixSet", prefixes, |xml, net| xml.text("ipv4Prefix", net));
    }))
}

fn ipv6(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let asked = Asked::read(params, &given::IPV6, false)?;
    Ok(asked.work(|xml, vni, addresses, prefixes| {
        xml.values("assignedIpv6Addresses", addresses);
        xml.values("assignedIpv6PrefixSet", prefixes);
        xml.text("networkInterfaceId", vni);
    }))
}

struct Asked {
    vni: VniId,
    commands: Vec<Command>,
}

impl Asked {
    fn read(params: &mut Params, names: &Names, reassign: bool) -> Result<Asked, Ec2Error> {
        let vni: VniId = params.required_id("NetworkInterfaceId")?;
        let addresses = given::addresses(params, names)?;
        let count = params.number(names.count, 0..=MOST)?;
        let prefixes = given::prefixes(params, names)?;
        let prefix_count = params.number(names.prefix_count, 0..=MOST)?;
        for (one, given, other, counted) in [
            (names.addresses, !addresses.is_empty(), names.count, count.is_some()),
            (names.prefixes, !prefixes.is_empty(), names.prefix_count, prefix_count.is_some()),
        ] {
            if given && counted {
                return Err(Ec2Error::combination(format!("The parameter {other} cannot be used with {one}")));
            }
        }
        let add = |address: IpAddr| match reassign {
            true => Command::TakeVniIp(vni, address),
            false => Command::AddVniIp(vni, IpChoice::Address { address, name: None, auto_delete: true }),
        };
        let mut commands: Vec<Command> = addresses.into_iter().map(add).collect();
        let any = || Command::AddVniIp(vni, IpChoice::auto(names.family));
        commands.extend((0..count.unwrap_or(0)).map(|_| any()));
        commands.extend(prefixes.into_iter().map(|net| Command::AddVniPrefix(vni, PrefixChoice::Net(net))));
        let any = || Command::AddVniPrefix(vni, PrefixChoice::Auto(names.family));
        commands.extend((0..prefix_count.unwrap_or(0)).map(|_| any()));
        if commands.is_empty() {
            return Err(given::nothing(names));
        }
        Ok(Asked { vni, commands })
    }

    /// Carries it out; `write` gets what is new.
    fn work(self, write: impl FnOnce(&mut Xml, VniId, Vec<IpAddr>, Vec<IpNet>) + Send + 'static) -> Work {
        let Asked { vni, commands } = self;
        Work::change(Command::Batch(commands), move |_, reply, xml| {
            let Reply::Batch(replies) = reply else { return Err(other_reply(&reply)) };
            let (mut addresses, mut prefixes) = (Vec::new(), Vec::new());
            for reply in replies {
                match reply {
                    Reply::ReservedIp(ip) => addresses.push(ip.address),
                    Reply::Prefix(net) => prefixes.push(net),
                    other => return Err(other_reply(&other)),
                }
            }
            write(xml, vni, addresses, prefixes);
            Ok(())
        })
    }
}
