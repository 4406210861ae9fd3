//! A private address goes to another interface: its neighbours reach the new one at once, whatever they have in their caches.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pintle_lab::{Lab, Network, ip};
use pintle_probe::Namespace;
use serde_json::json;

const PORT: u16 = 9000;
const ADDRESS: &str = "10.1.0.99";

/// Answers every datagram to the address with a name, once the guest has the address; ends when dropped.
struct Named {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Named {
    fn start(guest: &str, name: u8) -> Named {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let thread = Namespace::named(guest).spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                let Ok(socket) = UdpSocket::bind((ADDRESS, PORT)) else {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                while !asked.load(Ordering::Relaxed) {
                    if let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
                        // The client may be gone.
                        let _ = socket.send_to(&[name], from);
                    }
                }
            }
        });
        Named { stop, thread: Some(thread.unwrap()) }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Who answers at the address now.
fn who(client: &UdpSocket) -> Option<u8> {
    let mut name = [0];
    client.send(b"?").ok()?;
    client.recv(&mut name).ok().map(|_| name[0])
}

#[test]
fn b07_pain_17_a_client_with_the_old_mac_in_its_cache_reaches_the_new_owner_of_an_address() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let guest = |host, address: &str| {
        network.guest_as(host, json!({ "subnet": subnet, "address": address, "security_groups": [open] })).unwrap()
    };
    let (client, _) = guest("h1", "10.1.0.10");
    // The address goes from host to host, and within one.
    let owners: Vec<(String, String)> =
        [("h1", "10.1.0.20"), ("h2", "10.1.0.21"), ("h1", "10.1.0.22")].map(|(host, ip)| guest(host, ip)).into();
    let _servers: Vec<Named> =
        (b'0'..).zip(&owners).map(|(name, (instance, _))| Named::start(instance, name)).collect();
    let socket = Namespace::named(&client).run(|| UdpSocket::bind(("0.0.0.0", 0))).unwrap().unwrap();
    socket.connect((ADDRESS, PORT)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    network.act(&owners[0].1, "add_address", json!({ "address": ADDRESS })).unwrap();
    let mut cached = String::new();
    for (name, (_, vni)) in (b'0'..).zip(&owners) {
        if name > b'0' {
            network.act(vni, "add_address", json!({ "address": ADDRESS, "reassign": true })).unwrap();
        }
        let asked = Instant::now();
        while who(&socket) != Some(name) {
            assert!(asked.elapsed() < Duration::from_secs(5), "{} does not answer\n{}", name as char, lab.logs());
        }
        let neighbours = ip(&format!("-n {client} neigh show {ADDRESS}")).unwrap();
        let mac =
            neighbours.split_whitespace().skip_while(|word| *word != "lladdr").nth(1).unwrap_or_default().to_owned();
        if name > b'0' && asked.elapsed() < Duration::from_millis(500) {
            assert_eq!(mac, cached, "what is shown is that the cache does not matter: {neighbours}");
        }
        println!("answered by {} after {:?}", name as char, asked.elapsed());
        cached = mac;
    }
}

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
