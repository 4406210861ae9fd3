//! CreateDhcpOptions.

use std::collections::BTreeMap;
use std::str::FromStr;

use pintle_core::command::CreateDhcpOptionSet;
use pintle_core::model::DhcpOptions;
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::show::{PROVIDED_DNS, write_item};
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "CreateDhcpOptions",
    "one domain name, servers, NetBIOS; not ipv6-address-preferred-lease-time",
    decode,
);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let listed = params.list("DhcpConfiguration", |item| Ok((item.required_text("Key")?, item.texts("Value")?)))?;
    for (key, values) in listed {
        // Several values may come in one, with commas between.
        let values = values.iter().flat_map(|value| value.split(',')).map(|value| value.trim().to_owned()).collect();
        if given.insert(key.clone(), values).is_some() {
            return Err(Ec2Error::value("DhcpConfiguration.N.Key", &key, "It is given more than once."));
        }
    }
    if given.is_empty() {
        return Err(Ec2Error::missing("DhcpConfiguration"));
    }
    let mut create = CreateDhcpOptionSet::default();
    for (key, values) in given {
        read(&mut create, &key, values)?;
    }
    params.tagged("dhcp-options", Noun::DhcpOptionSet)?;
    Ok(Work::change(Command::CreateDhcpOptionSet(create), |snapshot, reply, xml| {
        let Reply::DhcpOptionSet(set) = reply else { return Err(other_reply(&reply)) };
        let tags = query::tags(snapshot, &set)?;
        xml.nest("dhcpOptions", |xml| write_item(xml, &set, &tags));
        Ok(())
    }))
}

fn read(create: &mut CreateDhcpOptionSet, key: &str, mut values: Vec<String>) -> Result<(), Ec2Error> {
    if values.is_empty() {
        return Err(Ec2Error::value("DhcpConfiguration.N.Key", key, "It has no value."));
    }
    let DhcpOptions { dns, domain, ntp, netbios, netbios_node } = &mut create.options;
    match key {
        "domain-name" => *domain = Some(single(key, values)?),
        "domain-name-servers" => {
            create.provided_dns = values.iter().any(|value| value == PROVIDED_DNS);
            values.retain(|value| value != PROVIDED_DNS);
            *dns = parsed(key, &values, "the address of a name server, or AmazonProvidedDNS")?;
        }
        "ntp-servers" => *ntp = parsed(key, &values, "the address of a time server")?,
        "netbios-name-servers" => *netbios = parsed(key, &values, "the IPv4 address of a NetBIOS name server")?,
        "netbios-node-type" => {
            let values = [single(key, values)?];
            *netbios_node = parsed(key, &values, "1, 2, 4 or 8")?.first().copied();
        }
        other => {
            let rule = "The options are domain-name, domain-name-servers, ntp-servers, netbios-name-servers and \
                        netbios-node-type.";
            return Err(Ec2Error::value("DhcpConfiguration.N.Key", other, rule));
        }
    }
    Ok(())
}

fn single(key: &str, mut values: Vec<String>) -> Result<String, Ec2Error> {
    match (values.pop(), values.is_empty()) {
        (Some(value), true) => Ok(value),
        _ => Err(Ec2Error::value("DhcpConfiguration.N.Key", key, "It has one value.")),
    }
}

fn parsed<T: FromStr>(key: &str, values: &[String], what: &str) -> Result<Vec<T>, Ec2Error> {
    let read = |value: &String| value.parse().map_err(|_| Ec2Error::value(key, value, format!("It must be {what}.")));
    values.iter().map(read).collect()
}
