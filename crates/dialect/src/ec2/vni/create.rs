//! CreateNetworkInterface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::command::{CreateVni, IpChoice, PrefixChoice};
use pintle_core::model::IpFamily;
use pintle_core::policy::FlowTimeouts;
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::given::MOST;
use super::show::InterfaceView;
use super::tracking;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "CreateNetworkInterface",
    "whole but for Operator; InterfaceType is `interface` or `efa`",
    decode,
);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let subnet = params.required_id("SubnetId")?;
    let command = Command::CreateVni(CreateVni {
        subnet: Some(subnet),
        description: params.text("Description").unwrap_or_default(),
        security_groups: params.ids("SecurityGroupId")?,
        ..described(params)?
    });
    check_operator(params)?;
    params.tagged("network-interface", Noun::Vni)?;
    let token = params.client_token()?;
    Ok(Work::change(command, move |snapshot, reply, xml| {
        let Reply::Vni(vni) = reply else { return Err(other_reply(&reply)) };
        let view = InterfaceView::read(snapshot, vni.id)?;
        let tags = query::tags(snapshot, view.vni())?;
        xml.nest("networkInterface", |xml| view.write_item(xml, &tags));
        xml.option("clientToken", token);
        Ok(())
    }))
}

/// What a request says of an interface that is to be made, wherever it says so: addresses, prefixes, timeouts, type.
pub(in crate::ec2) fn described(params: &mut Params) -> Result<CreateVni, Ec2Error> {
    let (primary_ip, mut ips) = addresses(params)?;
    let ipv6 = ipv6_addresses(params)?;
    ips.extend(ipv6.addresses);
    let efa = is_efa(params)?;
    Ok(CreateVni {
        primary_ip,
        ips,
        keep_primary_ipv6: Some(ipv6.keep_primary),
        prefixes: prefixes(params)?,
        efa,
        timeouts: tracking::read(params)?.map(|tracking| tracking.onto(FlowTimeouts::default())),
        ..CreateVni::default()
    })
}

/// This address and no other.
pub(in crate::ec2) fn exactly(address: impl Into<IpAddr>) -> IpChoice {
    IpChoice::Address { address: address.into(), name: None, auto_delete: true }
}

/// The primary address and the other IPv4 ones.
fn addresses(params: &mut Params) -> Result<(IpChoice, Vec<IpChoice>), Ec2Error> {
    let single: Option<Ipv4Addr> = params.parsed("PrivateIpAddress", "an IPv4 address")?;
    let listed = params.list("PrivateIpAddresses", |item| {
        let address: Option<Ipv4Addr> = item.parsed("PrivateIpAddress", "an IPv4 address")?;
        let primary = item.flag("Primary")?.unwrap_or(false);
        Ok((address.ok_or_else(|| Ec2Error::missing("PrivateIpAddresses.N.PrivateIpAddress"))?, primary))
    })?;
    let count = params.number("SecondaryPrivateIpAddressCount", 1..=MOST)?;
    if count.is_some() && listed.iter().any(|(_, primary)| !primary) {
        return Err(Ec2Error::combination(
            "The parameter SecondaryPrivateIpAddressCount cannot be used with secondary addresses in PrivateIpAddresses",
        ));
    }
    let mut primaries = single.into_iter().chain(listed.iter().filter(|(_, primary)| *primary).map(|(ip, _)| *ip));
    let primary = primaries.next();
    if primaries.any(|other| Some(other) != primary) || listed.iter().filter(|(_, primary)| *primary).count() > 1 {
        return Err(Ec2Error::combination("Only one primary private IP address can be specified"));
    }
    let mut others: Vec<IpChoice> =
        listed.iter().filter(|(_, primary)| !primary).map(|(address, _)| exactly(*address)).collect();
    others.extend((0..count.unwrap_or(0)).map(|_| IpChoice::auto(IpFamily::V4)));
    Ok((primary.map_or_else(IpChoice::default, exactly), others))
}

/// What a request says of IPv6 addresses.
struct Ipv6 {
    addresses: Vec<IpChoice>,
    /// Whether the first of them is to stay the primary one.
    keep_primary: bool,
}

fn ipv6_addresses(params: &mut Params) -> Result<Ipv6, Ec2Error> {
    let mut listed = params.list("Ipv6Addresses", |item| {
        let address: Option<Ipv6Addr> = item.parsed("Ipv6Address", "an IPv6 address")?;
        let primary = item.flag("IsPrimaryIpv6")?.unwrap_or(false);
        Ok((address.ok_or_else(|| Ec2Error::missing("Ipv6Addresses.N.Ipv6Address"))?, primary))
    })?;
    let count = params.number("Ipv6AddressCount", 0..=MOST)?.unwrap_or(0);
    if count > 0 && !listed.is_empty() {
        return Err(Ec2Error::combination("The parameter Ipv6AddressCount cannot be used with Ipv6Addresses"));
    }
    let chosen = listed.iter().filter(|(_, primary)| *primary).count();
    if chosen > 1 {
        return Err(Ec2Error::combination("Only one primary IPv6 address can be specified"));
    }
    let keep_primary = params.flag("EnablePrimaryIpv6")?.unwrap_or(false) || chosen == 1;
    listed.sort_by_key(|(_, primary)| !primary);
    let given = listed.into_iter().map(|(address, _)| exactly(address));
    let addresses = given.chain((0..count).map(|_| IpChoice::auto(IpFamily::V6))).collect();
    Ok(Ipv6 { addresses, keep_primary })
}

fn prefixes(params: &mut Params) -> Result<Vec<PrefixChoice>, Ec2Error> {
    let v4 = params.list("Ipv4Prefix", |item| {
        let net: Option<Ipv4Net> = item.parsed("Ipv4Prefix", "an IPv4 network such as 10.0.0.16/28")?;
        Ok(PrefixChoice::Net(IpNet::V4(net.ok_or_else(|| Ec2Error::missing("Ipv4Prefix.N.Ipv4Prefix"))?)))
    })?;
    let v6 = params.list("Ipv6Prefix", |item| {
        let net: Option<Ipv6Net> = item.parsed("Ipv6Prefix", "an IPv6 network such as 2001:db8::/80")?;
        Ok(PrefixChoice::Net(IpNet::V6(net.ok_or_else(|| Ec2Error::missing("Ipv6Prefix.N.Ipv6Prefix"))?)))
    })?;
    let mut all = Vec::new();
    for (name, given, family) in [("Ipv4Prefix", v4, IpFamily::V4), ("Ipv6Prefix", v6, IpFamily::V6)] {
        let count = params.number(&format!("{name}Count"), 0..=MOST)?.unwrap_or(0);
        if count > 0 && !given.is_empty() {
            return Err(Ec2Error::combination(format!("The parameter {name}Count cannot be used with {name}")));
        }
        all.extend(given);
        all.extend((0..count).map(|_| PrefixChoice::Auto(family)));
    }
    Ok(all)
}

fn is_efa(params: &mut Params) -> Result<bool, Ec2Error> {
    const NAME: &str = "InterfaceType";
    match params.text(NAME).as_deref() {
        None | Some("interface") => Ok(false),
        Some("efa") => Ok(true),
        Some(kind @ "efa-only") => Err(Ec2Error::unsupported(
            NAME,
            format!("'{kind}' has no addresses, and needs a device past the guest's kernel"),
        )),
        Some(kind @ ("branch" | "trunk")) => {
            let why = format!("'{kind}' is for interfaces that share another one's device; attach them by themselves");
            Err(Ec2Error::unsupported(NAME, why))
        }
        Some(other) => Err(Ec2Error::value(NAME, other, "It must be interface or efa.")),
    }
}

fn check_operator(params: &mut Params) -> Result<(), Ec2Error> {
    let principal = params.structure("Operator", |inner| Ok(inner.text("Principal")))?.flatten();
    match principal {
        Some(_) => Err(Ec2Error::unsupported("Operator", "interfaces are managed by their account")),
        None => Ok(()),
    }
}
