//! What an image for EC2 does in its guest: an interface beside the first one answers by itself.
//!
//! Linux sends by destination. Without a rule, what came in by `eth1` is answered by `eth0`, whose interface may not speak
//! for that address, and the answer is dropped. EC2's own images therefore have a route table for each further interface,
//! and a rule from each of its addresses to it; so do the lab's.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::shell::ip;

/// Tables of further interfaces begin after this number.
const TABLES: u32 = 10_000;

/// Gives each further interface of a guest its rules; those that are there stay.
///
/// # Errors
/// When the namespace is not there, or goes meanwhile.
pub(crate) fn settle(guest: &str) -> anyhow::Result<()> {
    let links: Value = serde_json::from_str(&ip(&format!("-n {guest} -j -4 addr show"))?)?;
    let rules = ip(&format!("-n {guest} -4 rule show"))?;
    for link in links.as_array().into_iter().flatten() {
        let device = link["ifname"].as_str().unwrap_or_default();
        let Some(number) = device.strip_prefix("eth").and_then(|number| number.parse::<u32>().ok()) else { continue };
        if number == 0 {
            continue;
        }
        let table = TABLES + number;
        for entry in link["addr_info"].as_array().into_iter().flatten() {
            let (Some(address), Some(length)) = (entry["local"].as_str(), entry["prefixlen"].as_u64()) else {
                continue;
            };
            if length < 32 {
                let mask = u32::MAX.checked_shl(32 - length as u32).unwrap_or(0);
                let network = address.parse::<Ipv4Addr>()?.to_bits() & mask;
                let (network, gateway) = (Ipv4Addr::from_bits(network), Ipv4Addr::from_bits(network + 1));
                ip(&format!("-n {guest} route replace {network}/{length} dev {device} table {table}"))?;
                ip(&format!("-n {guest} route replace default via {gateway} dev {device} table {table}"))?;
            }
            if !rules.contains(&format!("from {address} lookup {table}")) {
                ip(&format!("-n {guest} rule add from {address} lookup {table}"))?;
            }
        }
    }
    Ok(())
}
