//! `/virtual_network_interfaces/{id}/ips`: the addresses of an interface, as references to reserved IPs.

use pintle_core::command::{Command, IpChoice};
use pintle_core::id::{ReservedIpId, VniId};
use pintle_core::model::ReservedIp;
use serde_json::{Value, json};

use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection};
use crate::view::Page;

/// What `PUT …/ips/{id}` asks for; it has no body.
pub fn add_ip(vni: VniId, ip: ReservedIpId) -> Command {
    Command::AddVniIp(vni, IpChoice::Reserved(ip))
}

/// The address as replies show it.
pub fn encode_ip(site: &Site, ip: &ReservedIp) -> Value {
    json!(Reference::reserved_ip(site, ip))
}

/// A page of an interface's addresses.
pub fn encode_ip_page(site: &Site, vni: VniId, paging: &collection::Paging, page: &Page<ReservedIp>) -> Value {
    let path = format!("virtual_network_interfaces/{vni}/ips");
    collection::encode(site, &path, "ips", paging, page, |ip| encode_ip(site, ip))
}
