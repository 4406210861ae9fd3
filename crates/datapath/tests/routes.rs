//! Route tables: what goes by the gateway goes by the sender's subnet's table, and flows follow a table that changes.

mod common;

use std::net::{IpAddr, Ipv4Addr};

use common::frames::Route;
use common::public::{FIP_A, GATEWAY_IP, INTERNET, UPLINK, outward, see, with_uplink};
use common::{Bench, REMOTE, SEGMENT};
use pintle_core::DropReason;
use pintle_datapath::{
    IfaceFlags, PublicAddress, Route as Entry, RouteKey, RouteTo, Verdict, cell_of_endpoint, cell_of_slot,
};

const TABLE: u8 = 7;
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(172, 20, 0, 7);

/// Writes a route of the table, or takes it away, and says so to the flows of the guests that use it.
fn route(bench: &Bench, net: &str, to: Option<RouteTo>) {
    let key = RouteKey { segment: SEGMENT, table: TABLE, net: net.parse().expect("a network") };
    let before = bench.datapath.routes().get(&key).expect("get");
    match to {
        Some(to) => bench.datapath.routes().put(&key, &Entry::new(&key, to)).expect("put"),
        None => assert!(bench.datapath.routes().delete(&key).expect("delete")),
    }
    if let Some(Entry { to: RouteTo::Via(hop), .. }) = before {
        bench.datapath.epochs().raise(cell_of_endpoint(SEGMENT, hop));
    }
    bench.datapath.epochs().raise(cell_of_slot(bench.a.slot));
}

fn via(addr: Ipv4Addr) -> Option<RouteTo> {
    Some(RouteTo::Via(IpAddr::V4(addr)))
}

/// A bench whose first guest has a route table.
fn with_table(test: impl FnOnce(&Bench) + Send + 'static) {
    Bench::run(|bench| {
        bench.edit_port(&bench.a, |port| port.table = TABLE);
        test(bench);
    });
}

#[test]
fn c15_without_a_route_nothing_goes_by_the_gateway_and_the_local_one_leads_to_everybody() {
    with_table(|bench| {
        let to_c = Route::routed(&bench.a, bench.c.ip).udp((1, 2), b"x");
        assert_eq!(bench.refused(&bench.a, &Route::switched(&bench.a, &bench.b).udp((1, 2), b"x")), None);
        assert_eq!(bench.fate(&bench.a, &to_c).1, Some(DropReason::NoRoute));
        route(bench, "10.0.0.0/16", Some(RouteTo::Local));
        assert_eq!(bench.refused(&bench.a, &to_c), None);
        assert_eq!(bench.delivered(&bench.c), 1);
        // Others have no table, and go on as ever.
        assert_eq!(bench.refused(&bench.b, &Route::routed(&bench.b, bench.c.ip).udp((1, 2), b"x")), None);
    });
}

#[test]
fn c15_a_route_of_ipv6_is_none_of_ipv4() {
    with_table(|bench| {
        route(bench, "::/0", Some(RouteTo::Local));
        let to_c = Route::routed(&bench.a, bench.c.ip).udp((1, 2), b"x");
        assert_eq!(bench.fate(&bench.a, &to_c).1, Some(DropReason::NoRoute));
    });
}

#[test]
fn c15_d11_a_route_leads_to_a_router_here_or_on_another_host_and_flows_follow_it() {
    with_table(|bench| {
        let out = Route::routed(&bench.a, OUTSIDE).udp((1, 2), b"x");
        route(bench, "172.16.0.0/12", via(bench.b.ip));
        assert_eq!(bench.refused(&bench.a, &out), Some(DropReason::NotDestination), "it takes only what is its own");
        bench.edit_iface(&bench.b, |iface| iface.flags = iface.flags.without(IfaceFlags::SOURCE_DEST_CHECK));
        for round in 1..=3 {
            let sent = bench.send(&bench.a, &out);
            assert_eq!((sent.verdict, bench.delivered(&bench.b)), (Verdict::Redirect, round));
            assert_eq!(sent.frame[..6], bench.b.mac);
        }
        // A longer one wins, as soon as it is there, and while it is.
        route(bench, "172.20.0.0/16", via(REMOTE));
        assert_eq!(bench.send(&bench.a, &out).verdict, Verdict::Redirect);
        assert_eq!(bench.delivered(&bench.b), 3, "it left for the other host");
        route(bench, "172.20.0.0/16", Some(RouteTo::Blackhole));
        assert_eq!(bench.fate(&bench.a, &out).1, Some(DropReason::NoRoute));
        route(bench, "172.20.0.0/16", None);
        assert_eq!(bench.send(&bench.a, &out).verdict, Verdict::Redirect);
        assert_eq!(bench.delivered(&bench.b), 4);
        // A subnet's range within the VPC.
        route(bench, "10.0.0.0/16", Some(RouteTo::Local));
        let to_c = Route::routed(&bench.a, bench.c.ip).udp((1, 2), b"x");
        assert_eq!(bench.refused(&bench.a, &to_c), None);
        route(bench, "10.0.2.0/24", via(bench.b.ip));
        assert_eq!(bench.refused(&bench.a, &to_c), None);
        assert_eq!((bench.delivered(&bench.c), bench.delivered(&bench.b)), (1, 5), "the flow that was there too");
        // A route does not make its network the router's own.
        let check = |flags: IfaceFlags| flags.with(IfaceFlags::SOURCE_DEST_CHECK);
        bench.edit_iface(&bench.b, |iface| iface.flags = check(iface.flags));
        let from = Route { src: OUTSIDE.into(), ..Route::switched(&bench.b, &bench.a) }.udp((1, 2), b"x");
        assert_eq!(bench.refused(&bench.b, &from), Some(DropReason::SpoofedSrcIp));
    });
}

#[test]
fn c02_c15_a_floating_ip_leads_out_by_a_route_to_the_internet_only_and_nat_goes_before_it() {
    with_uplink(|public| {
        let bench = public.bench;
        let entry = PublicAddress::Gateway { uplink: UPLINK };
        bench.datapath.public_addresses().put(&GATEWAY_IP.into(), &entry).expect("put");
        public.float(bench.a.ip, FIP_A, true);
        let out = outward(&bench.a).udp((5000, 53), b"question");
        assert_eq!(see(&bench.send(&bench.a, &out).frame).src, FIP_A, "an implied way out");
        bench.edit_port(&bench.a, |port| port.table = TABLE);
        assert_eq!(bench.fate(&bench.a, &out).1, Some(DropReason::NoRoute), "its flow does not lead out any more");
        route(bench, "0.0.0.0/0", Some(RouteTo::Public { gateway_vtep: None, gateway: None }));
        let seen = see(&bench.send(&bench.a, &out).frame);
        assert_eq!((seen.src, seen.dst), (FIP_A, INTERNET));
        route(bench, "0.0.0.0/0", Some(RouteTo::Nat { vtep: None, address: GATEWAY_IP }));
        assert_eq!(see(&bench.send(&bench.a, &out).frame).src, GATEWAY_IP);
        route(bench, "0.0.0.0/0", Some(RouteTo::Blackhole));
        assert_eq!(bench.fate(&bench.a, &out).1, Some(DropReason::NoRoute));
    });
}
