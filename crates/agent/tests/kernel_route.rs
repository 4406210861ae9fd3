//! Addresses, routes and neighbours: written once, read back the same, and never the user's own.

mod kernel_support;

use kernel_support::{Scratch, pair};
use nix::errno::Errno;
use pintle_agent::kernel::addr::{self, Address};
use pintle_agent::kernel::link::{self, create_veth};
use pintle_agent::kernel::neigh;
use pintle_agent::kernel::route::{self, PROTOCOL, Route, RouteFilter, TABLE_MAIN};

/// A namespace with one device, up, that has 10.0.0.2/24; its other end is up too.
fn guest() -> (Scratch, u32) {
    let guest = Scratch::new("rt");
    let mut netlink = guest.netlink();
    let made = create_veth(&mut netlink, &pair("eth1", "other", &guest.namespace)).unwrap();
    let address = Address { device: made.host, net: "10.0.0.2/24".parse().unwrap(), prefix_route: true };
    netlink.change_all(&[link::up(made.host), link::up(made.guest), addr::add(&address)]).unwrap();
    (guest, made.host)
}

#[test]
fn addresses_read_back_and_twice_is_no_error() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    let quiet = Address { device, net: "10.1.0.2/16".parse().unwrap(), prefix_route: false };
    let first = addr::list(&mut netlink, Some(device)).unwrap();
    assert_eq!(first, [Address { device, net: "10.0.0.2/24".parse().unwrap(), prefix_route: true }]);

    assert!(netlink.change(&addr::add(&quiet)).unwrap());
    assert!(!netlink.change(&addr::add(&quiet)).unwrap());
    assert_eq!(addr::list(&mut netlink, Some(device)).unwrap(), [first[0], quiet]);
    assert!(guest.ip("addr show eth1").contains("10.1.0.2/16 scope global noprefixroute"));
    assert!(!guest.ip("route").contains("10.1.0.0/16"));
    let all = addr::list(&mut netlink, None).unwrap();
    assert_eq!(all.iter().filter(|address| address.ip().is_ipv4()).count(), 3, "with loopback's own");

    assert!(netlink.change(&addr::delete(&quiet)).unwrap());
    assert!(!netlink.change(&addr::delete(&quiet)).unwrap());
    assert_eq!(addr::list(&mut netlink, Some(device)).unwrap(), first);
    netlink.change(&link::delete(device).unwrap()).unwrap();
    assert!(!netlink.change(&addr::delete(&quiet)).unwrap(), "gone with its device");
    assert!(addr::list(&mut netlink, Some(device)).unwrap().is_empty());
}

#[test]
fn routes_read_back_in_every_field() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    let gateway = "10.0.0.1".parse().unwrap();
    let routes = [
        Route::new("0.0.0.0/0".parse().unwrap(), Some(gateway), device),
        Route {
            metric: 50,
            source: Some("10.0.0.2".parse().unwrap()),
            ..Route::new("10.9.0.0/16".parse().unwrap(), None, device)
        },
        Route { table: 1000, ..Route::new("10.9.0.0/16".parse().unwrap(), Some(gateway), device) },
        Route { onlink: true, ..Route::new("10.8.0.0/16".parse().unwrap(), "172.16.0.1".parse().ok(), device) },
    ];
    let requests: Vec<_> = routes.iter().map(route::add).collect();
    assert_eq!(netlink.change_all(&requests).unwrap(), 4);
    let mut seen = route::list(&mut netlink, &RouteFilter::ours()).unwrap();
    assert_eq!(seen.len(), 4);
    seen.retain(|route| !routes.contains(route));
    assert_eq!(seen, []);
    let in_table = RouteFilter { table: Some(1000), ..RouteFilter::default() };
    assert_eq!(route::list(&mut netlink, &in_table).unwrap(), [routes[2]]);
    assert!(guest.ip("route").contains("default via 10.0.0.1 dev eth1 proto 98"));
    assert!(route::list(&mut netlink, &RouteFilter { table: Some(77), ..in_table }).unwrap().is_empty());
    let elsewhere = RouteFilter { device: Some(1), ..RouteFilter::ours() };
    assert!(route::list(&mut netlink, &elsewhere).unwrap().is_empty());

    for request in routes.iter().map(route::delete) {
        assert!(netlink.change(&request).unwrap());
        assert!(!netlink.change(&request).unwrap(), "twice is no error");
    }
    assert!(route::list(&mut netlink, &RouteFilter::ours()).unwrap().is_empty());
}

#[test]
fn addresses_and_routes_of_ipv6_read_back() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    let first = Address { device, net: "2001:db8::2/64".parse().unwrap(), prefix_route: true };
    let quiet = Address { device, net: "2001:db8:1::2/128".parse().unwrap(), prefix_route: false };
    netlink.change_all(&[addr::add(&first), addr::add(&quiet)]).unwrap();
    assert!(!netlink.change(&addr::add(&first)).unwrap(), "twice is no error");
    let there = addr::list(&mut netlink, Some(device)).unwrap();
    assert!(there.contains(&first) && there.contains(&quiet), "{there:?}");
    let shown = guest.ip("-6 addr show eth1");
    assert!(shown.contains("2001:db8::2/64") && !shown.contains("tentative"), "{shown}");
    assert!(shown.contains("2001:db8:1::2/128 scope global nodad noprefixroute"), "{shown}");

    let gateway = "fe80::1".parse().ok();
    let routes = [
        Route::new("::/0".parse().unwrap(), gateway, device),
        Route { metric: 50, ..Route::new("2001:db8:9::/48".parse().unwrap(), None, device) },
        Route { table: 1000, ..Route::new("2001:db8:9::/48".parse().unwrap(), gateway, device) },
    ];
    netlink.change_all(&routes.iter().map(route::add).collect::<Vec<_>>()).unwrap();
    let mut seen = route::list(&mut netlink, &RouteFilter::ours()).unwrap();
    assert_eq!(seen.len(), 3);
    seen.retain(|route| !routes.contains(route));
    assert_eq!(seen, []);
    let moved = Route { gateway: "fe80::2".parse().ok(), ..routes[0] };
    netlink.change(&route::replace(&moved)).unwrap();
    let in_main = RouteFilter { table: Some(TABLE_MAIN), ..RouteFilter::ours() };
    assert_eq!(route::list(&mut netlink, &in_main).unwrap().iter().filter(|route| route.metric == 1024).count(), 1);
    for request in [moved, routes[1], routes[2]].iter().map(route::delete) {
        assert!(netlink.change(&request).unwrap());
        assert!(!netlink.change(&request).unwrap(), "twice is no error");
    }
    assert!(netlink.change(&addr::delete(&quiet)).unwrap());
    assert!(!netlink.change(&addr::delete(&quiet)).unwrap());
}

#[test]
fn a_route_is_replaced_and_adding_it_twice_is_refused() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    let old = Route::new("10.9.0.0/16".parse().unwrap(), "10.0.0.1".parse().ok(), device);
    let new = Route { gateway: "10.0.0.3".parse().ok(), ..old };
    netlink.change(&route::add(&old)).unwrap();
    let error = netlink.change(&route::add(&new)).unwrap_err();
    assert!(error.is_taken() && error.to_string().contains("10.9.0.0/16 via 10.0.0.3"), "{error}");
    netlink.change(&route::replace(&new)).unwrap();
    assert_eq!(route::list(&mut netlink, &RouteFilter::ours()).unwrap(), [new]);
    let unreachable = Route { gateway: "172.16.0.1".parse().ok(), ..old };
    let error = netlink.change(&route::replace(&unreachable)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENETUNREACH));
    assert!(error.to_string().contains("Nexthop has invalid gateway"), "{error}");
}

#[test]
fn the_users_routes_are_told_from_ours_and_never_hit() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    guest.ip("route add 10.9.0.0/16 via 10.0.0.1");
    guest.ip("route add 10.7.0.0/16 nexthop via 10.0.0.1 dev eth1 nexthop via 10.0.0.3 dev eth1");
    assert!(route::list(&mut netlink, &RouteFilter::ours()).unwrap().is_empty());
    let same = Route::new("10.9.0.0/16".parse().unwrap(), "10.0.0.1".parse().ok(), device);
    assert!(!netlink.change(&route::delete(&same)).unwrap());
    assert!(guest.ip("route").contains("10.9.0.0/16 via 10.0.0.1"));
    let all = route::list(&mut netlink, &RouteFilter { table: Some(TABLE_MAIN), ..RouteFilter::default() }).unwrap();
    assert!(all.iter().any(|route| route.destination == same.destination && route.protocol != PROTOCOL), "{all:?}");
}

#[test]
fn learned_neighbours_are_flushed_and_fixed_ones_stay() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    guest.ip("neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev eth1 nud permanent");
    guest.ip("neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth1 nud stale");
    guest.ip("neigh add fe80::9 lladdr 02:00:00:00:00:09 dev eth1 nud stale");
    guest.ip("neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev other nud stale");
    let is_v4 = |n: &neigh::Neighbour| n.ip.is_ipv4();
    let before: Vec<_> = neigh::list(&mut netlink, device).unwrap().into_iter().filter(is_v4).collect();
    assert_eq!(before.len(), 2, "{before:?}");
    let learned = before.iter().find(|n| n.is_learned()).unwrap();
    assert_eq!((learned.ip.to_string().as_str(), learned.mac), ("10.0.0.9", Some([2, 0, 0, 0, 0, 9])));
    assert!(neigh::flush(&mut netlink, device).unwrap() >= 2, "10.0.0.9 and fe80::9");
    assert!(!netlink.change(&neigh::delete(learned)).unwrap(), "twice is no error");
    assert_eq!(guest.ip("neigh show dev eth1").trim(), "10.0.0.8 lladdr 02:00:00:00:00:08 PERMANENT");
    assert!(guest.ip("neigh show dev other").contains("10.0.0.9"), "another device's entry was touched");
}

#[test]
fn a_second_apply_of_what_was_read_back_writes_nothing() {
    let (guest, device) = guest();
    let mut netlink = guest.netlink();
    let wanted = [Route::new("0.0.0.0/0".parse().unwrap(), "10.0.0.1".parse().ok(), device)];
    let mut apply = || {
        let there = route::list(&mut netlink, &RouteFilter::ours()).unwrap();
        let missing: Vec<_> = wanted.iter().filter(|route| !there.contains(route)).map(route::add).collect();
        let before = netlink.writes();
        netlink.change_all(&missing).unwrap();
        netlink.writes() - before
    };
    assert_eq!((apply(), apply()), (1, 0));
}
