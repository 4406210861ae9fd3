//! What it costs to attach an interface with the kernel drivers: `cargo run -p pintle-agent --example attach_cost`.
//!
//! Needs root. Everything happens in namespaces made for it, which are deleted at the end.

use std::error::Error;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;
use pintle_agent::kernel::link::{VethEnd, VethPair, VethSpec, create_veth, create_veths};
use pintle_agent::kernel::{NetNs, Netlink, addr, link, route};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Interfaces attached one after the other, each timed.
const SINGLE: usize = 200;

/// Interfaces attached in bulk, timed together.
const BULK: usize = 1000;

/// Namespaces that are deleted at the end, also after an error.
struct Namespaces(Vec<(String, NetNs)>);

impl Namespaces {
    fn add(&mut self) -> Outcome<Duration> {
        let name = format!("plt-cost-{}-{}", std::process::id(), self.0.len());
        let start = Instant::now();
        let namespace = NetNs::create(&name)?;
        let took = start.elapsed();
        self.0.push((name, namespace));
        Ok(took)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for (name, _) in &self.0 {
            if let Err(error) = NetNs::delete(name) {
                eprintln!("{error}");
            }
        }
    }
}

fn main() -> Outcome<()> {
    let mut all = Namespaces(Vec::with_capacity(BULK + SINGLE + 1));
    let mut creation = Vec::with_capacity(BULK + SINGLE + 1);
    for _ in 0..=BULK + SINGLE {
        creation.push(all.add()?);
    }
    let (host, guests) = all.0.split_first().ok_or("no namespace")?;
    let mut netlink = Netlink::open(&host.1)?;
    let (one_by_one, together) = guests.split_at(SINGLE);

    let mut attach = Vec::with_capacity(SINGLE);
    for (number, (_, guest)) in one_by_one.iter().enumerate() {
        let name = format!("s{number}");
        let start = Instant::now();
        let pair = create_veth(&mut netlink, &spec(&name, guest))?;
        set_up(&mut netlink, guest, pair)?;
        attach.push(start.elapsed());
    }
    let bulk = attach_in_bulk(&mut netlink, together)?;

    println!("create a namespace:                             p50 {:?}", median(&mut creation));
    println!("veth + address + up + route, guest's socket too: p50 {:?}", median(&mut attach));
    println!("{BULK} of them in bulk:                          {bulk:?} ({:?} each)", bulk / BULK as u32);
    Ok(())
}

fn attach_in_bulk(netlink: &mut Netlink, guests: &[(String, NetNs)]) -> Outcome<Duration> {
    let names: Vec<String> = (0..guests.len()).map(|number| format!("b{number}")).collect();
    let start = Instant::now();
    let specs: Vec<VethSpec<'_>> = names.iter().zip(guests).map(|(name, (_, guest))| spec(name, guest)).collect();
    for (outcome, (_, guest)) in create_veths(netlink, &specs).into_iter().zip(guests) {
        set_up(netlink, guest, outcome?)?;
    }
    Ok(start.elapsed())
}

fn spec<'a>(host: &'a str, namespace: &'a NetNs) -> VethSpec<'a> {
    let host = VethEnd { name: host, mac: None, index: None };
    let guest = VethEnd { name: "eth1", mac: Some([2, 0, 0, 0, 0, 1]), index: None };
    VethSpec { host, host_alias: "eni-0123456789abcdef0", guest, namespace, mtu: 1450, group: 0 }
}

/// Address, route and alias inside the guest, both ends up.
fn set_up(netlink: &mut Netlink, guest: &NetNs, pair: VethPair) -> Outcome<()> {
    let net = Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 5), 24)?.into();
    let gateway = Ipv4Addr::new(10, 0, 0, 1).into();
    let default = route::Route::new(Ipv4Net::default().into(), Some(gateway), pair.guest);
    netlink.change(&link::up(pair.host))?;
    Netlink::open(guest)?.change_all(&[
        link::set_alias(pair.guest, "eni-0123456789abcdef0")?,
        link::up(pair.guest),
        addr::add(&addr::Address { device: pair.guest, net, prefix_route: true }),
        route::add(&default),
    ])?;
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
