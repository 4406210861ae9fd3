//! The gateway at its link-local address, as a guest's own stack asks for it.

use pintle_lab::{Lab, Network};
use serde_json::json;

#[test]
fn a_guest_pings_its_gateway_at_its_link_local_address() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.dual_subnet("10.1.0.0/24", "2001:db8:7::/56", "2001:db8:7:1::/64").unwrap();
    let (guest, _) = network
        .guest_as("h1", json!({ "subnet": subnet, "address": "10.1.0.10", "addresses": ["2001:db8:7:1::10"] }))
        .unwrap();
    let said =
        pintle_lab::sh("ip", &["netns", "exec", &guest, "ping", "-6", "-n", "-c", "1", "-W", "2", "fe80::1%eth0"]);
    assert!(said.is_ok(), "{said:?}");
}
