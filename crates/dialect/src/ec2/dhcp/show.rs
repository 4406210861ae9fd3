//! A set of DHCP options as EC2 shows it: keys with lists of values.

use pintle_core::model::{DhcpOptionSet, Tags};

use crate::ec2::xml::Xml;

/// The name that stands for the provider's name server.
pub(super) const PROVIDED_DNS: &str = "AmazonProvidedDNS";

/// Its options, by key.
pub(super) fn options(set: &DhcpOptionSet) -> Vec<(&'static str, Vec<String>)> {
    fn texts<T: ToString>(values: &[T]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }
    let told = &set.options;
    let mut dns: Vec<String> = set.provided_dns.then(|| PROVIDED_DNS.to_owned()).into_iter().collect();
    dns.extend(texts(&told.dns));
    let all = [
        ("domain-name", texts(told.domain.as_slice())),
        ("domain-name-servers", dns),
        ("ntp-servers", texts(&told.ntp)),
        ("netbios-name-servers", texts(&told.netbios)),
        ("netbios-node-type", texts(told.netbios_node.as_slice())),
    ];
    all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

pub(super) fn write_item(xml: &mut Xml, set: &DhcpOptionSet, tags: &Tags) {
    xml.text("dhcpOptionsId", set.id);
    xml.text("ownerId", set.owner.account);
    xml.set("dhcpConfigurationSet", options(set), |xml, (key, values)| {
        xml.text("key", key);
        xml.set("valueSet", values, |xml, value| xml.text("value", value));
    });
    xml.tags(tags);
}
